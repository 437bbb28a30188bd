"""How a command ends: the one place where errors become sentences and exit codes.

Owns: `run`. Not here: which commands there are (`app.cli`, `app.detector_cli`).
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from app.common.install_hints import install, see_where
from stinercut.errors import HostNotReady, MissingProgram, StinercutError
from stinercut.text import ended


def run(cli: typer.Typer, arguments: Sequence[str] | None) -> NoReturn:
    """Run the command that was typed. Always ends with SystemExit.

    Exit codes: 0 success, 1 unexpected error, 2 wrong usage, 3 and up as in `stinercut.errors`, 130 interrupted.
    """
    try:
        try:
            cli(args=list(arguments) if arguments is not None else None)
        finally:
            # Flush here, because in the interpreter's own flush at exit nobody could catch a broken pipe.
            sys.stdout.flush()
    except StinercutError as refused:
        _stop(refused, refused.sentence(), refused.exit_code)
    except ModuleNotFoundError as missing:
        known = _as_missing_part(missing)
        _stop(missing, known.sentence(), known.exit_code)
    except BrokenPipeError:
        # The reader of our output is gone (`| head`). Nothing more can be written, not even by the interpreter's flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as refused:
        known = _as_host_trouble(refused)
        _stop(refused, known.sentence(), known.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as surprise:
        what = f"something unexpected went wrong: {type(surprise).__name__}: {surprise}"
        _stop(surprise, f"{ended(what)} {see_where()}", 1)
    sys.exit(0)


def _stop(error: Exception, sentence: str, exit_code: int) -> NoReturn:
    if os.environ.get("STINERCUT_DEBUG"):
        traceback.print_exception(error)
    typer.echo(f"stinercut: {sentence}", err=True)
    sys.exit(exit_code)


def _as_missing_part(missing: ModuleNotFoundError) -> MissingProgram:
    return MissingProgram(
        f"this needs the Python package {missing.name}, which is not installed here",
        advice=install(),
    )


_SPACE = (errno.ENOSPC, errno.EDQUOT)
_RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS)


def _as_host_trouble(refused: OSError) -> HostNotReady:
    """An OSError about a file, as one of our errors."""
    first = refused
    if isinstance(refused, shutil.Error) and refused.args and isinstance(refused.args[0], list):
        # Many files were copied at once: each entry is (source, target, why), and usually all have the same reason.
        source, target, why = refused.args[0][0]
        full = next((os.strerror(number) for number in _SPACE if os.strerror(number) in str(why)), None)
        first = OSError(errno.ENOSPC if full else None, full or str(why), str(target or source))
    what = first.strerror or str(first) or type(first).__name__
    advice = see_where()
    if first.errno in _SPACE:
        advice = "Free some space, or choose another place."
    elif first.errno in _RIGHTS:
        advice = "Choose another place, or change its owner."
    return HostNotReady(f"the system refused: {what}", file=first.filename, advice=advice)
