"""Names on disks: whether files can have the wanted names, and temporary names for files on their way.

Owns: how long a name may be, refusing impossible names before any work is done, short hidden names next to a target.
Not here: whose an existing file is (`stinercut.films.publishing.placing`), the store's own names (`store`).
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode

LONGEST: Final = 255
"""Bytes of a name if the system gives no limit: the limit of ext4, XFS, APFS and NTFS, the last two in other units."""


def partial_beside(target: Path, ending: str = "") -> Path:
    """A hidden name next to `target` for a file on its way there. It is never much longer than 40 bytes, whatever the
    target's name is; `store.sweep_partials` recognises it.
    """
    return target.with_name(f".{secrets.token_hex(8)}.partial{ending}")


def fitted(stem: str, rest: str, folder: Path) -> str:
    """The name `stem` + `rest`, with the stem shortened to the longest name in that folder."""
    room = longest_name(folder) - len(rest.encode())
    return stem.encode()[:room].decode(errors="ignore") + rest


def longest_name(folder: Path) -> int:
    """How many bytes the name of a file in a folder may have."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):
        return LONGEST


def require_places(places: Iterable[Path]) -> None:
    """Raise BadInput for a path at which no file can exist, whether or not one exists."""
    for place in places:
        require_text(place)
        try:
            place.lstat()
        except OSError as refused:
            if refused.errno == errno.ENAMETOOLONG:
                raise _too_long(place) from None


def _too_long(place: Path) -> BadInput:
    advice = Message.of(SetupCode.SHORTER_NAME)
    size, most = len(os.fsencode(place.name)), longest_name(place.parent)
    if size <= most:
        return BadInput(Message.of(SetupCode.PATH_TOO_LONG), file=place, advice=advice)
    return BadInput(Message.of(SetupCode.NAME_TOO_LONG, size=size, most=most), file=place, advice=advice)


def require_text(path: Path) -> None:
    """Raise BadInput for a path whose names are not text: no page, list or database could hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise BadInput(
            Message.of(SetupCode.NAME_NOT_UTF8), file=shown, advice=Message.of(SetupCode.GIVE_ANOTHER_NAME)
        ) from None
