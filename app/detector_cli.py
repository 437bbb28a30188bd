"""`stinercut-detector`: the command for a host with only a card reader, as a single file to carry there.

Owns: its two commands. Not here: what they do (`commands`). This module imports nothing that a detector doesn't need,
not even in a function, because PyInstaller packs everything that it finds from here into the single file
(tests/process/app/common/test_detector_host.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import typer

from app.commands import detector, detector_doctor
from app.common.exit_codes import run

cli = typer.Typer(
    name="stinercut-detector",
    help="Copies footage off cards for a Stinercut hub on another computer.",
    epilog="First `run --set-up --hub ws://HOST:8800 --token -`, then `doctor`, then `run`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.command("run")(detector.detector)
cli.command("doctor")(detector_doctor.detector_doctor)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command. Always ends with SystemExit, with the exit codes of `common.exit_codes`."""
    run(cli, arguments)


if __name__ == "__main__":
    main()
