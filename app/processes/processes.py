"""Finds and ends the processes of a stack, also those that no parent waits for any more.

Owns: the mark that every process of one stack carries in its environment, the search for all that carry it, and
ending them. Not here: which processes are wanted and when they are restarted (`supervisor`).

The mark makes "nothing is left running" possible: a run worker of Dagster or an ffmpeg in its own session is no child
of ours once its parent is gone, but it still carries the mark with which it was started.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Iterable

import psutil

MARK = "STINERCUT_STACK"
"""Environment variable whose value names one running stack."""

RUN_NAME = "stinercut-run"
"""The name that a run's process gives itself on Linux; see `app.engine.forking`."""

_PR_SET_CHILD_SUBREAPER = 36
"""An option of prctl(2) on Linux: orphans below this process become its children, not those of process 1."""


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process, so that we can reap it. Does nothing except on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(known: Iterable[int]) -> None:
    """Reap ended children that nobody waits for.

    `known` must be all children that somebody does wait for; otherwise their waiters would never see their ends.
    """
    if sys.platform == "win32":
        return
    waited_for = set(known)
    for child in psutil.Process().children():
        if child.pid in waited_for or not _is_ended(child) or not _is_adopted(child):
            continue
        try:
            os.waitpid(child.pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _is_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_adopted(process: psutil.Process) -> bool:
    """Whether this child is in another session than this process, as all of the stack's processes are."""
    try:
        return os.getsid(process.pid) != os.getsid(0)
    except OSError:
        return False


def marked(mark: str) -> list[psutil.Process]:
    """All living processes that carry this mark, and their descendants. Never this process itself."""
    living: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid == os.getpid() or not _carries(process, mark):
            continue
        for member in (process, *_descendants(process)):
            if member.pid != os.getpid() and not _is_ended(member):
                living[member.pid] = member
    return list(living.values())


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def ask_to_end(processes: Iterable[psutil.Process]) -> None:
    """Send SIGTERM. On Windows this kills at once, there is no softer way."""
    for process in processes:
        try:
            process.terminate()
        except psutil.Error:
            continue


def kill_marked(mark: str, seconds: float = 3.0) -> list[psutil.Process]:
    """SIGKILL all processes that carry the mark, repeatedly, until none is left or the time is up. Returns those left.

    Repeatedly, because a process may start another one between the search and its own end. Reaps no process: asyncio
    waits for our own children, in a thread for each, and would otherwise not learn how they ended.
    """
    deadline = time.monotonic() + seconds
    while left := marked(mark):
        for process in left:
            try:
                process.kill()
            except psutil.Error:
                continue
        if time.monotonic() > deadline:
            return left
        time.sleep(0.02)
    return []


def how_it_ended(code: int) -> str:
    """An exit code in words: `exit code 1`, or on POSIX `signal 9`."""
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
