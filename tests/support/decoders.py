"""Child processes of decoders that crash or hang over real pictures."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stinercut.codes import decoder_worker
from stinercut.codes.decoders import Decoder, command_of

SEGFAULT = "import ctypes; ctypes.string_at(0)"
ABORT = "os.abort()"
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
STOPPED = "os.kill(os.getpid(), signal.SIGSTOP)"
EXIT = "os._exit(3)"
ENDLESS = "exec('while True: pass')"

_PROGRAM = """
import os, runpy, signal, sys
worker = runpy.run_path(sys.argv[1])
sys.path[:0] = sys.argv[3:]
decode, number = worker["LIBRARIES"][sys.argv[2]](), 0

def decode_or_end(pixels, width, height, flat):
    global number
    number += 1
    answer = decode(pixels, width, height, flat)
    if {when}: {end}
    return answer

worker["serve"].__globals__["ORPHAN_SECONDS"] = {orphan_seconds}
worker["serve"](sys.stdin.buffer, sys.stdout.buffer, decode_or_end)
"""


PATIENCE_S = 120.0
"""Seconds for a picture that gets an answer, however busy the machine is."""


def failing(name: str, end: str, when: str = "True", timeout: float = PATIENCE_S) -> Decoder:
    """The real decoder in its real process, which ends in this way over a picture: after decoding it, before answering.

    `when` is an expression over `number` (of the picture, counted from 1 in each process), `width`, `height`, `answer`.
    """
    return Decoder(name, failing_command(name, end, when), timeout)


@contextmanager
def impatient(decoder: Decoder, seconds: float = 0.8) -> Generator[None]:
    """Give the decoder less time while the block runs, for a picture over which it hangs."""
    before, decoder._timeout = decoder._timeout, seconds  # type: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        decoder._timeout = before  # type: ignore[reportPrivateUsage]


def failing_command(name: str, end: str, when: str = "True", orphan_seconds: int = 60) -> tuple[str, ...]:
    """The command line of such a process."""
    program = _PROGRAM.format(when=when, end=end, orphan_seconds=orphan_seconds)
    worker = str(Path(decoder_worker.__file__))
    return (sys.executable, "-I", "-S", "-c", program, worker, name, command_of(name)[-1])


def failing_once(name: str, end: str, flag: Path) -> Decoder:
    """The same, but only once, over the second picture."""
    remember = f"number == 2 and not os.path.exists({str(flag)!r}) and not open({str(flag)!r}, 'w').close()"
    return failing(name, end, remember)
