"""Checks of a machine and their findings, and the checks that every kind of host shares.

Owns: `Check`, `Finding`, doing checks, raising errors for the problems they find. Not here: the checks of a whole
installation (`app.doctor.machine`) or of a detector's host (`app.doctor.detector`), and how findings are shown
(`command_output`).
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stinercut.errors import HostNotReady, MissingProgram, StinercutError
from stinercut.text import ended

MIN_PYTHON = (3, 11)


class State(StrEnum):
    """The result of a check. `hint`: it works, but a person should know something. `skipped`: not needed here."""

    OK = "ok"
    HINT = "hint"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One check's result. `advice` is set for a problem or a hint."""

    check: str
    state: State
    detail: str
    advice: str = ""
    code: str = ""
    """The code of the error that the problem would raise, such as `MISSING_PROGRAM`."""


@dataclass(frozen=True)
class Check:
    """Something to check. `look` returns what it saw in words, or raises a StinercutError.

    `parts` are the extras of the distribution that need it; empty means all of them.
    """

    name: str
    look: Callable[[], str]
    parts: frozenset[str] = frozenset()


def look_at(checks: Iterable[Check], parts: frozenset[str]) -> list[Finding]:
    """Do those of these checks that the installed `parts` need; the others are skipped."""
    return [_look(check, parts) for check in checks]


def _look(check: Check, parts: frozenset[str]) -> Finding:
    if check.parts and not check.parts & parts:
        return Finding(check.name, State.SKIPPED, f"not needed: only {listed(parts)} installed here")
    try:
        return Finding(check.name, State.OK, check.look())
    except StinercutError as problem:
        detail = f"{problem.file}: {problem.what}" if problem.file else problem.what
        return Finding(check.name, State.PROBLEM, detail, problem.advice, problem.code)


def demand(findings: Iterable[Finding]) -> None:
    """Raise one error for all problems: MissingProgram if one of them is that, else HostNotReady."""
    problems = [finding for finding in findings if finding.state is State.PROBLEM]
    if not problems:
        return
    kind = MissingProgram if any(problem.code == MissingProgram.code for problem in problems) else HostNotReady
    if len(problems) == 1:
        raise kind(f"{problems[0].check}: {problems[0].detail}", advice=problems[0].advice)
    lines = [f"  {problem.check}: {ended(problem.detail)} {problem.advice}".rstrip() for problem in problems]
    raise kind("\n".join(["several things are in the way:", *lines]))


def listed(parts: Iterable[str]) -> str:
    """Names of parts as words for people."""
    return ", ".join(sorted(parts)) or "nothing"


def missing_modules(modules: Iterable[str]) -> list[str]:
    """Those of these modules that can't be imported here."""
    return [module for module in modules if importlib.util.find_spec(module) is None]


def python_version() -> str:
    """The version of Python in use."""
    if sys.version_info < MIN_PYTHON:
        raise MissingProgram(f"Python {platform.python_version()} is too old", advice="Install Python 3.11 or newer.")
    return platform.python_version()


def can_write(folder: Path) -> str:
    """Check that the data folder takes a file, or that it can be made if it isn't there. Leaves nothing behind."""
    try:
        with tempfile.NamedTemporaryFile(dir=nearest(folder), prefix=".stinercut-trial-") as trial:
            trial.write(b"x")
            trial.flush()
    except OSError as refused:
        raise HostNotReady(
            f"can't be written: {refused.strerror or refused}",
            file=folder,
            advice="Choose another folder with --data or STINERCUT_DATA, or change its owner.",
        ) from None
    return str(folder)


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest folder above it that exists."""
    return next(path for path in (folder, *folder.parents) if os.path.lexists(path))
