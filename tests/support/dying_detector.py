"""The real detector, killed just after one step of a copy: `python dying_detector.py STEP`.

Owns: which effect each step is, and the kill right after it. Not here: the detector, which knows nothing of it. The
kill is SIGKILL of the whole process by itself, so that nothing is tidied up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

import stinercut.storage.store
from detector.__main__ import main
from detector.copy import copying, verify
from detector.copy.journal import Journal
from support.seams import Instead


def die() -> None:
    """Die now, without another instruction."""
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(effect: Callable[..., Any], where: Callable[..., bool] = lambda *_given: True) -> Callable[..., Any]:
    """The effect, followed by death if its arguments are the ones that count."""

    def both(*given: Any, **named: Any) -> Any:
        out = effect(*given, **named)
        if where(*given):
            die()
        return out

    return both


def _part_created() -> None:
    creates = then_die(os.open, lambda _path, flags, *_mode: bool(flags & os.O_CREAT))
    copying.os = Instead(os, open=creates)  # type: ignore[assignment]


def _bytes_written() -> None:
    copying.write_all = then_die(copying.write_all)


def _read_whole() -> None:
    copying._require_unchanged = then_die(copying._require_unchanged, _second_time())  # type: ignore[reportPrivateUsage]


def _second_time() -> Callable[..., bool]:
    times: list[int] = []
    return lambda *_given: bool(times) or bool(times.append(1))


def _fsynced() -> None:
    verify.os = Instead(os, fsync=then_die(os.fsync))  # type: ignore[assignment]


def _verified() -> None:
    verify._read_back = then_die(verify._read_back)  # type: ignore[reportPrivateUsage]


def _linked() -> None:
    stinercut.storage.store.os = Instead(os, link=then_die(os.link))  # type: ignore[assignment]


def _directory_synced() -> None:
    stinercut.storage.store.fsync_dir = then_die(stinercut.storage.store.fsync_dir)


def _published() -> None:
    verify.settle = then_die(verify.settle)


def _journalled() -> None:
    Journal.copied = then_die(Journal.copied)  # type: ignore[method-assign]


def _sent() -> None:
    send = ClientConnection.send

    async def sends(self: ClientConnection, message: Any, *more: Any, **named: Any) -> None:
        await send(self, message, *more, **named)
        if '"sd:file_copied"' in str(message):
            die()

    ClientConnection.send = sends  # type: ignore[method-assign]


def _acknowledged() -> None:
    before = Journal.acknowledged

    def acknowledged(self: Journal, message_id: str) -> None:
        of = [one.frame for one in self.unacknowledged() if one.message_id == message_id]
        before(self, message_id)
        if any('"sd:file_copied"' in frame for frame in of):
            die()

    Journal.acknowledged = acknowledged  # type: ignore[method-assign]


STEPS: dict[str, Callable[[], None]] = {
    "part created": _part_created,
    "bytes written": _bytes_written,
    "read whole": _read_whole,
    "fsynced": _fsynced,
    "verified": _verified,
    "linked": _linked,
    "directory synced": _directory_synced,
    "published but not recorded": _published,
    "journalled": _journalled,
    "sent": _sent,
    "acknowledged": _acknowledged,
}
"""The steps, in the order in which a copy takes them."""

if __name__ == "__main__":
    STEPS[sys.argv[1]]()
    sys.exit(main())
