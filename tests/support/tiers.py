"""Tiers of tests: which processes a test may start, by the folder that it lies in.

Owns: the four tiers, the tier of a test file, and the audit hook that refuses a process which the running test's tier
does not allow. Not here: the marks and the hook's switch (`tests/conftest.py`), fixtures and modules that a tier may
use (`tests/pure/house/test_tiers.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
TIERS: Final = ("pure", "db", "media", "process")
"""From the cheapest to the dearest: functions; a catalog; ffmpeg and pictures; processes of ours and servers. Only the
first two are held to what they may start."""

DATABASE_PROGRAMS: Final = frozenset({"initdb", "postgres", "ascmhl", "ascmhl-debug"})
"""A server of the tests' own; the reference tool that verifies what we list."""
STARTS: Final = frozenset({"subprocess.Popen", "os.posix_spawn", "os.system", "os.fork", "os.exec", "os.startfile"})
"""Python's audit events of a process that begins."""


def tier_of(path: Path) -> str | None:
    """The tier of a file of tests, by its folder; None outside of the four."""
    parts = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return parts[0] if parts and parts[0] in TIERS else None


def may_start(tier: str | None, command: Sequence[str]) -> bool:
    """Whether a test of this tier may start this command."""
    match tier:
        case "pure":
            return False
        case "db":
            return Path(command[0]).name in DATABASE_PROGRAMS
        case _:
            return True


class TierGuard:
    """Refuses what the running test may not start. An audit hook lasts as long as its process, so there is one."""

    def __init__(self) -> None:
        self._tier: str | None = None
        self._refused: list[str] = []

    def install(self) -> None:
        """Start listening."""
        sys.addaudithook(self.heard)

    def begin(self, tier: str | None) -> None:
        """A test of this tier begins."""
        self._tier, self._refused = tier, []

    def end(self) -> list[str]:
        """Note that the test has ended. Returns the commands that it was refused."""
        refused, self._tier = self._refused, None
        return refused

    def heard(self, event: str, details: tuple[object, ...]) -> None:
        """Take an audit event; raises where a process begins that may not."""
        if event not in STARTS or self._tier is None:
            return
        command = _command_of(event, details)
        if not may_start(self._tier, command):
            message = f"a test in tests/{self._tier} may not start {' '.join(command)[:200]} (tests/support/tiers.py)"
            self._refused.append(message)
            raise AssertionError(message)


def _command_of(event: str, details: tuple[object, ...]) -> list[str]:
    """The words of the command that an audit event tells of; the event's name where it tells of none."""
    match event, details:
        case "subprocess.Popen", (executable, arguments, *_):
            words = [arguments] if isinstance(arguments, str | bytes | os.PathLike) else list(arguments or ())  # type: ignore[call-overload]
            words = words or [executable]
            return [os.fsdecode(word) for word in words]
        case "os.posix_spawn", (_path, arguments, *_):
            return [os.fsdecode(word) for word in arguments]  # type: ignore[attr-defined]
        case _:
            return [event]
