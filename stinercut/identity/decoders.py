"""The two decoders: pixels in, texts of QR codes out.

Lives here: zxing-cpp (in this process) and zbar (in a child process of its own). Doesn't: which pixels are tried
(`reader`), what a text means (`payload`).

Why two: zxing-cpp reads more and is far faster, yet each reads codes that the other can't. Why zbar is kept apart: it
can abort() the process on an assertion. Why it runs in binary mode only: left to itself it guesses at Shift-JIS and
Big5 before UTF-8 and returned 9 of 20 names with diacritics changed, inside still-valid JSON.
"""

from __future__ import annotations

import contextlib
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt
import zxingcpp

Gray = npt.NDArray[np.uint8]
"""A picture: height x width, one byte a pixel, 0 black."""

ZXING: Final = "zxing-cpp"
ZBAR: Final = "zbar"

ZBAR_TIMEOUT: Final = 10.0
"""Seconds for one picture. A 4K frame takes well under one; a zbar that takes longer hangs."""


@dataclass(frozen=True)
class Code:
    """One QR code in a picture. `text` is for people when `exact` is False: its bytes were no UTF-8."""

    text: str
    exact: bool
    decoder: str


@dataclass(frozen=True)
class Look:
    """What one decoder saw in one picture: codes, and whether there was another that could not be decoded."""

    codes: tuple[Code, ...] = ()
    damaged: bool = False


def to_code(data: bytes, decoder: str) -> Code:
    """The code whose bytes these are; only strict UTF-8 counts as exact, nothing is guessed."""
    try:
        return Code(data.decode("utf-8"), True, decoder)
    except UnicodeDecodeError:
        return Code(data.decode("utf-8", "backslashreplace"), False, decoder)


def zxing(picture: Gray) -> Look:
    """All QR codes that zxing-cpp finds, at any angle, light on dark too."""
    read = cast("Callable[..., list[Any]]", zxingcpp.read_barcodes)
    found = read(np.ascontiguousarray(picture), formats=zxingcpp.BarcodeFormat.QRCode, return_errors=True)
    whole = [code for code in found if code.valid]
    return Look(tuple(to_code(code.bytes, ZXING) for code in whole), damaged=len(whole) < len(found))


class ZbarLost(Exception):
    """The child process died or hung; it isn't started again."""


class Zbar:
    """zbar in a child process, started at the first picture and kept until the block ends.

    After an abort or a hang every further call raises ZbarLost at once: whoever reads goes on with the other decoder.
    """

    def __init__(self, command: tuple[str, ...] | None = None, timeout: float = ZBAR_TIMEOUT) -> None:
        self._command = command or (sys.executable, "-m", "stinercut.identity.zbar_worker")
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self.lost = ""

    def __enter__(self) -> Zbar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            _end(self._process)
            self._process = None

    @property
    def process_id(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    def look(self, picture: Gray) -> Look:
        """All QR codes that zbar finds. Raises ZbarLost."""
        if self.lost:
            raise ZbarLost(self.lost)
        try:
            return Look(tuple(to_code(data, ZBAR) for data in self._ask(picture)))
        except (OSError, EOFError) as gone:
            self.lost = self._epitaph()
            raise ZbarLost(self.lost) from gone

    def _ask(self, picture: Gray) -> list[bytes]:
        process = self._started()
        # Killing on time makes the blocked read or write end, on every system, without threads that wait.
        guard = threading.Timer(self._timeout, process.kill)
        guard.start()
        try:
            pipe = cast("BinaryIO", process.stdin)
            height, width = picture.shape
            pipe.write(struct.pack("<II", width, height))
            pipe.write(np.ascontiguousarray(picture).tobytes())
            pipe.flush()
            answer = cast("BinaryIO", process.stdout)
            (count,) = struct.unpack("<I", read_exactly(answer, 4))
            return [read_exactly(answer, struct.unpack("<I", read_exactly(answer, 4))[0]) for _ in range(count)]
        finally:
            guard.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._process

    def _epitaph(self) -> str:
        if self._process is None:
            return "zbar could not be started"
        code = _end(self._process)
        self._process = None
        return f"zbar ended with {code} and was left out"


def read_exactly(pipe: BinaryIO, count: int) -> bytes:
    """So many bytes from a pipe. Raises EOFError when it ends before."""
    data = pipe.read(count)
    if len(data) != count:
        raise EOFError
    return data


def _end(process: subprocess.Popen[bytes]) -> int:
    with contextlib.suppress(OSError):  # It may be gone already, with bytes of ours still in the pipe.
        cast("BinaryIO", process.stdin).close()
    try:
        code = process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    cast("BinaryIO", process.stdout).close()
    return code
