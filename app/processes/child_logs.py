"""The logs of child processes: opening them, keeping them small, reading their last lines.

Owns: these three. Not here: where the logs lie (`app.stack.stack`), when they are read or rotated (`supervisor`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOG_LIMIT = 20_000_000
"""Bytes: a larger log is moved to `<name>.log.1`, replacing the previous one."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""The colour codes for terminals in Dagster's logs."""


@contextmanager
def opened(log: Path | None) -> Generator[IO[bytes] | None]:
    """Open a log for appending. Without a log, None, which stands for this process's own output."""
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as handle:
        yield handle


def last_words(log: Path | None, lines: int = 3) -> str:
    """The last non-empty lines of a log, joined into one line; may be empty."""
    if log is None:
        return ""
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - 4096))
            text = _COLOUR.sub("", source.read().decode(errors="replace"))
    except OSError:
        return ""
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def rotate(log: Path | None, limit: int = LOG_LIMIT) -> None:
    """Move a log's content away if it is over the limit. Its writer keeps appending to the same file, now empty."""
    if log is None:
        return
    with suppress(OSError):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
