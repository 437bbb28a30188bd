"""The `stinercut` command with all its subcommands.

Owns: the tree of commands. Not here: how a command ends (`common.exit_codes`), what the commands do (`commands`). The
modules of the commands import what they need only when they run, so that `--help` stays quick and the command works on
a machine with only the detector installed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from app.commands import (
    backfill,
    bookings,
    card,
    catalog,
    cut,
    demo,
    detector,
    doctor,
    qr,
    render,
    retry,
    template,
    up,
    worker,
)
from app.commands.people import account, keys
from app.common.exit_codes import run

cli = typer.Typer(
    name="stinercut",
    help="From SD card to film: a card with footage of tandem jumps goes in, every passenger's film comes out.",
    epilog="First time here? `stinercut doctor` looks at this machine, `stinercut demo` shows the whole way.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.command("up")(up.up)
cli.command("worker")(worker.worker)
cli.command("demo")(demo.demo)
cli.add_typer(account.group, name="account")
cli.add_typer(keys.programs, name="key")
cli.add_typer(keys.detectors, name="detector-key")
cli.add_typer(card.group, name="card")
cli.add_typer(qr.group, name="qr")
cli.add_typer(bookings.group, name="bookings")
cli.add_typer(catalog.group, name="catalog")
cli.add_typer(cut.group, name="cut")
cli.add_typer(template.group, name="template")
cli.command("render")(render.render)
cli.command("retry")(retry.retry)
cli.command("backfill")(backfill.backfill)
cli.command("doctor")(doctor.doctor)
cli.command("detector")(detector.detector)


@cli.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", help="Show where in the program an error comes from.")] = False,
) -> None:
    """Apply the options that every command has."""
    if verbose:
        os.environ["STINERCUT_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command. Always ends with SystemExit, with the exit codes of `common.exit_codes`."""
    run(cli, arguments)


if __name__ == "__main__":
    main()
