"""`stinercut-detector`: the command of a host with a card reader alone, as one file to carry there.

Owns: its two commands. Not here: what they do (`commands`). This imports nothing that a detector doesn't need,
not even in a function: what PyInstaller finds from here is what the one file holds
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
    """Run the command; always ends with SystemExit, with the exit codes of `ending`."""
    run(cli, arguments)


if __name__ == "__main__":
    main()
