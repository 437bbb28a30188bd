"""Commands that people are told to type: they differ between a checkout and the detector's single file.

Owns: those words. Not here: these commands (`app.cli`, `app.detector_cli`). Stinercut is on no package index.
"""

from __future__ import annotations

import sys


def is_one_file() -> bool:
    """Whether this is the single file (deploy/host/stinercut-detector.spec); PyInstaller, which makes it, sets this."""
    return bool(getattr(sys, "frozen", False))


def install(extra: str = "all") -> str:
    """How to install the missing packages of an extra of the distribution."""
    if is_one_file():
        return "It should be in this file: build or fetch the file again (docs/detector.md)."
    # `make setup` installs everything, with programs and fonts that a detector's host doesn't need.
    setup = "" if extra == "detector" else "`make setup`, or "
    return f"In the checkout: {setup}`pip install -e '.[{extra}]'`."


def detector(options: str = "") -> str:
    """The detector's command, with these options."""
    name = "stinercut-detector run" if is_one_file() else "stinercut detector"
    return f"`{name} {options}`" if options else f"`{name}`"


def detector_doctor() -> str:
    """The command that checks a detector's host."""
    return "`stinercut-detector doctor`" if is_one_file() else "`stinercut doctor --detector`"


def see_where() -> str:
    """How to find out where an error came from."""
    how = "STINERCUT_DEBUG=1 in the environment" if is_one_file() else "`stinercut --verbose ...`"
    return f"Run it again with {how} to see where."
