"""The `stinercut` command: what can be typed, and how it ends.

Lives here: the tree of commands and the one place where errors become sentences and exit codes. Doesn't: what the
commands do (`commands`); those modules import what they need only when they run, so that `--help` stays quick and a
machine with only the detector installed has a working command.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from app.commands import card, demo, detector, doctor, qr, up
from stinercut.errors import MissingProgram, StinercutError

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
cli.command("demo")(demo.demo)
cli.add_typer(card.group, name="card")
cli.add_typer(qr.group, name="qr")
cli.command("doctor")(doctor.doctor)
cli.command("detector")(detector.detector)


@cli.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", help="Show where in the program an error came from.")] = False,
) -> None:
    """What holds for every command."""
    if verbose:
        os.environ["STINERCUT_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; always ends with SystemExit.

    Exit codes: 0 well, 1 unexpected, 2 wrong usage, 3 and up as `stinercut.errors` says, 130 interrupted.
    """
    try:
        try:
            cli(args=list(arguments) if arguments is not None else None)
        finally:
            # Now, not by the interpreter at its end, where nobody could catch that the reader has gone.
            sys.stdout.flush()
    except StinercutError as refused:
        _stop(refused, refused.sentence(), refused.exit_code)
    except ModuleNotFoundError as missing:
        known = _as_missing_part(missing)
        _stop(missing, known.sentence(), known.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); nothing more can be said, not even by the interpreter's flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as surprise:
        what = f"something unexpected went wrong: {type(surprise).__name__}: {surprise}"
        _stop(surprise, f"{what}. Run it again with `stinercut --verbose ...` to see where.", 1)
    sys.exit(0)


def _stop(error: Exception, sentence: str, exit_code: int) -> NoReturn:
    if os.environ.get("STINERCUT_DEBUG"):
        traceback.print_exception(error)
    typer.echo(f"stinercut: {sentence}", err=True)
    sys.exit(exit_code)


def _as_missing_part(missing: ModuleNotFoundError) -> MissingProgram:
    return MissingProgram(
        f"this needs the Python package {missing.name}, which is not installed here",
        advice="Install all parts with `pip install 'stinercut[all]'`.",
    )


if __name__ == "__main__":
    main()
