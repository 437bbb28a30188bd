"""Starts the guard of a stack, and tells it that all has ended well.

Owns: both, in the supervisor's process. Not here: the guard itself, a separate process that loads next to nothing
(`guard`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from stinercut.secrets import without_secrets


def start_guard(mark: str) -> subprocess.Popen[bytes]:
    """Start a guard over all processes that carry this mark."""
    return subprocess.Popen(
        [sys.executable, "-m", "app.processes.guard", mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env=without_secrets(os.environ),
        start_new_session=True,
    )


def dismiss(guard: subprocess.Popen[bytes]) -> None:
    """Send the byte that says that all has ended well, and wait for the guard's own end."""
    pipe: IO[bytes] | None = guard.stdin
    with suppress(OSError):
        if pipe:
            pipe.write(b".")
            pipe.close()
    try:
        guard.wait(timeout=2)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()
