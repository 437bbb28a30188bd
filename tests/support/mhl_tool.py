"""The reference tool of ASC-MHL, which reads what Stinercut writes.

Owns: where it is and how it is called. Not here: what is expected of it. `scripts/setup --dev` puts it into a venv
of its own (`tests/ascmhl.txt`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLACES = os.pathsep.join([str(Path(sys.prefix) / "ascmhl" / "bin"), os.environ.get("PATH", "")])
CHECKS = (("ascmhl", "diff"), ("ascmhl-debug", "verify"), ("ascmhl-debug", "verify", "-dh"))
"""Checks that exactly the listed files are there, each with its content, and each folder with its hashes."""

needs_mhl_tool = pytest.mark.skipif(
    shutil.which("ascmhl-debug", path=PLACES) is None, reason="the reference tool isn't installed: scripts/setup --dev"
)


def mhl_tool(program: str, *arguments: str) -> int:
    """Run `ascmhl` or `ascmhl-debug`; returns its exit code."""
    found = shutil.which(program, path=PLACES)
    assert found is not None
    return subprocess.run([found, *arguments], capture_output=True, check=False).returncode
