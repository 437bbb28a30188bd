"""The logs that child processes write: opening them, keeping them small, what they say last.

Owns: that. Not here: where they lie (`app.stack.stack`), when they are looked at (`supervisor`).
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
"""Bytes: a log that has grown larger is moved to `<name>.log.1`, replacing the one before."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What Dagster's logs put around words for terminals."""


@contextmanager
def opened(log: Path | None) -> Generator[IO[bytes] | None]:
    """The log to append to; None for this process's own output."""
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as handle:
        yield handle


def last_words(log: Path | None, lines: int = 3) -> str:
    """The last lines of a log that hold anything, in one line; empty without any."""
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
    """Move a log's content away once it is over the limit. Its writer keeps appending to the same, emptied file."""
    if log is None:
        return
    with suppress(OSError):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
