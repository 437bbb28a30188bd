"""Commands that people are told to type: they differ between a checkout and the detector's single file.

Owns: those words. Not here: these commands (`app.cli`, `app.detector_cli`). Stinercut is on no package index.
"""

from __future__ import annotations

import sys


def is_one_file() -> bool:
    """Whether this is the one file (deploy/host/stinercut-detector.spec); what made it sets this mark."""
    return bool(getattr(sys, "frozen", False))


def install(extra: str = "all") -> str:
    """How to install what is missing of an extra of the distribution."""
    if is_one_file():
        return "It should be in this file: make or fetch the file anew (docs/detector.md)."
    # `make setup` installs all of it, with programs and fonts that a detector's host has no use for.
    setup = "" if extra == "detector" else "`make setup`, or "
    return f"In the checkout: {setup}`pip install -e '.[{extra}]'`."


def detector(options: str = "") -> str:
    """The detector's command, with these options."""
    name = "stinercut-detector run" if is_one_file() else "stinercut detector"
    return f"`{name} {options}`" if options else f"`{name}`"


def detector_doctor() -> str:
    """The command that looks at a detector's host."""
    return "`stinercut-detector doctor`" if is_one_file() else "`stinercut doctor --detector`"


def see_where() -> str:
    """How to find out where an error came from."""
    how = "STINERCUT_DEBUG=1 in the environment" if is_one_file() else "`stinercut --verbose ...`"
    return f"Run it again with {how} to see where."
