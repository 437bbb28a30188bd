"""The two decoders: pixels in, texts of QR codes out; each in its own child process.

Owns: starting, asking and guarding these processes, and how one replaces the other. Not here: the program that runs in
them (`decoder_worker`), which pixels are tried (`film_reader`, `still_reader`), the meaning of a text (`payload`).

Why two: zxing-cpp reads more codes and is far faster, yet each reads codes that the other can't. Why in child
processes: both are C++ and get whatever a camera filmed; zbar is known to abort() on assertions, and a decoder that
crashes or hangs must cost one picture, not the step. Why zbar runs only in binary mode: by default it guesses Shift-JIS
and Big5 before UTF-8, and it returned 9 of 20 names with changed diacritics, inside still-valid JSON.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, cast

import numpy as np

from stinercut.codes.decoder_worker import FLAT
from stinercut.codes.rescue.finder_patterns import Gray
from stinercut.codes.rescue.look_again import FlatReaders
from stinercut.codes.rescue.places import Corners
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded
from stinercut.secrets import for_strangers

ZXING: Final = "zxing-cpp"
ZBAR: Final = "zbar"

PACKAGES: Final = {ZXING: "zxingcpp", ZBAR: "pyzbar"}

PICTURE_SECONDS: Final = 10.0
"""For one picture. A 4K frame takes 0.02 s in zxing-cpp and well under 1 s in zbar; one that takes longer hangs."""

MOST_LOSSES: Final = 3
"""Pictures of one file at which a decoder may be lost; then it is left out for the rest of the file."""

MOST_UNDECODED: Final = 10_000
"""Places in one picture; a child that announces more is broken."""

LONGEST_CODE: Final = 8000
"""Bytes. A QR code holds at most 2953, or 7089 digits; a child that announces more is broken."""


@dataclass(frozen=True)
class Code:
    """One QR code in a picture. If `exact` is False, its bytes were no UTF-8, and `text` is only for people."""

    text: str
    exact: bool
    decoder: str
    corners: Corners = field(default=(), compare=False)
    """Empty if the decoder doesn't say."""


@dataclass(frozen=True)
class DecodedPicture:
    """The codes in one picture, and whether there was another code that could not be decoded.

    `missed`: the better decoder was lost at this picture, so there may be more codes in it. `undecoded`: where the
    codes lie that could not be decoded.
    """

    codes: tuple[Code, ...] = ()
    damaged: bool = False
    missed: bool = False
    undecoded: tuple[Corners, ...] = ()


def to_code(data: bytes, decoder: str, corners: Corners = ()) -> Code:
    """The code with these bytes. Only strict UTF-8 counts as exact; nothing is guessed."""
    try:
        return Code(data.decode("utf-8"), True, decoder, corners)
    except UnicodeDecodeError:
        return Code(data.decode("utf-8", "backslashreplace"), False, decoder, corners)


class DecoderLost(Exception):
    """A child process died or hung over a picture."""


class Decoder:
    """One decoder in a child process, which is started for the first picture and kept until the block ends.

    A child that dies is started again and gets the same picture again: it may have been killed for another reason. A
    second death, or a hang, counts as this picture's fault and raises DecoderLost. The next picture gets a new child.
    After MOST_LOSSES, DecoderLost is raised at once.
    """

    def __init__(self, name: str, command: Sequence[str] = (), timeout: float = PICTURE_SECONDS) -> None:
        self.name = name
        self.losses = 0
        self._command = tuple(command) or command_of(name)
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._ends: list[Message] = []

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    @property
    def process_id(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def is_left_out(self) -> bool:
        """Whether it was lost so often that it gets no more pictures."""
        return self.losses >= MOST_LOSSES

    @property
    def obituary(self) -> Message | None:
        """How its children ended early; None if none did."""
        if not self._ends:
            return None
        ends = _one_after_another([end for at, end in enumerate(self._ends) if end not in self._ends[:at]])
        if self.is_left_out:
            return Message.of(MessageCode.DECODER_LEFT_OUT, decoder=self.name, ends=ends)
        return Message.of(MessageCode.DECODER_STARTED_AGAIN, decoder=self.name, ends=ends)

    def look(self, picture: Gray, *, flat: bool = False) -> DecodedPicture:
        """All QR codes that it finds in a picture; `flat`: it holds one code, upright and in black and white. Raises
        DecoderLost.
        """
        for attempt in (1, 2):
            if self.is_left_out:
                break
            try:
                return self._ask(picture, flat)
            except (OSError, EOFError) as gone:
                hung = isinstance(gone, TimeoutError)
                self._ends.append(self._how_it_ended(gone))
                if hung or attempt == 2:
                    self.losses += 1
                    break
        raise DecoderLost(all_worded([self.obituary] if self.obituary else []))

    def _ask(self, picture: Gray, flat: bool) -> DecodedPicture:
        process, hung = self._started(), threading.Event()

        def stop() -> None:
            hung.set()
            process.kill()

        # Killing the process ends the blocked read or write, on every system.
        guard = threading.Timer(self._timeout, stop)
        guard.start()
        try:
            pipe = cast("BinaryIO", process.stdin)
            height, width = picture.shape
            pipe.write(struct.pack("<II", width | (FLAT if flat else 0), height))
            pipe.write(np.ascontiguousarray(picture).data)
            pipe.flush()
            return self._answer(cast("BinaryIO", process.stdout))
        except (OSError, EOFError):
            if hung.is_set():
                raise TimeoutError from None
            raise
        finally:
            guard.cancel()

    def _answer(self, pipe: BinaryIO) -> DecodedPicture:
        count, lost = struct.unpack("<II", read_exactly(pipe, 8))
        codes: list[Code] = []
        for _ in range(count):
            *corners, length = struct.unpack("<8iI", read_exactly(pipe, 36))
            if length > LONGEST_CODE:
                raise EOFError
            codes.append(to_code(read_exactly(pipe, length), self.name, tuple(corners) if any(corners) else ()))
        if lost > MOST_UNDECODED:
            raise EOFError
        undecoded = tuple(struct.unpack("<8i", read_exactly(pipe, 32)) for _ in range(lost))
        return DecodedPicture(tuple(codes), bool(undecoded), undecoded=undecoded)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=for_strangers(os.environ),
            )
        return self._process

    def _how_it_ended(self, gone: Exception) -> Message:
        if self._process is None:
            return Message.of(MessageCode.DECODER_NOT_STARTED, why=str(gone))
        code = self._end(patience=1.0)
        if isinstance(gone, TimeoutError):
            return Message.of(MessageCode.DECODER_TOOK_LONG, seconds=self._timeout)
        if code < 0:
            return Message.of(MessageCode.DECODER_ENDED_BY, signal=_signal_name(-code))
        return Message.of(MessageCode.DECODER_ENDED_WITH, status=code)

    def _end(self, patience: float = 0.0) -> int:
        """End the child, after `patience` seconds in which it may end itself. Returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
        process.kill()  # Harmless if it has ended. It isn't asked to end: it has nothing to clean up.
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # Bytes that we wrote may still be in it.
                cast("BinaryIO", pipe).close()
        return code


class Decoders:
    """Both decoders for one file. If one is lost, the other continues, and the loss is reported."""

    def __init__(self, first: Decoder | None = None, second: Decoder | None = None) -> None:
        self._zxing = first or Decoder(ZXING)
        self._zbar = second or Decoder(ZBAR)

    def __enter__(self) -> Decoders:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each in (self._zxing, self._zbar):
            each.__exit__(kind, error, at)

    def look(self, picture: Gray, *, flat: bool = False) -> DecodedPicture:
        """The codes that zxing-cpp sees, or those that zbar sees if zxing-cpp is lost. Never raises."""
        try:
            return self._zxing.look(picture, flat=flat)
        except DecoderLost:
            return replace(self.second_look(picture), missed=True)

    def second_look(self, picture: Gray) -> DecodedPicture:
        """The codes that zbar sees; nothing if it is lost. Never raises."""
        try:
            return self._zbar.look(picture)
        except DecoderLost:
            return DecodedPicture()

    def flat_readers(self) -> FlatReaders[Code]:
        """Both decoders, for pictures that hold one code, upright and in black and white."""

        def first(flat: Gray) -> Code | None:
            return next(iter(self.look(flat, flat=True).codes), None)

        def second(flat: Gray) -> Code | None:
            return next(iter(self.second_look(flat).codes), None)

        return FlatReaders(first, second)

    @property
    def has_second(self) -> bool:
        """Whether zbar still gets pictures."""
        return not self._zbar.is_left_out

    @property
    def lost(self) -> tuple[str, ...]:
        """Names of the decoders that were lost at one or more pictures."""
        return tuple(each.name for each in (self._zxing, self._zbar) if each.losses)

    @property
    def obituaries(self) -> tuple[Message, ...]:
        """The messages about the ends of the decoders' processes."""
        return tuple(each.obituary for each in (self._zxing, self._zbar) if each.obituary)


def _one_after_another(ends: Sequence[Message]) -> Message:
    if len(ends) == 1:
        return ends[0]
    return Message.of(MessageCode.DECODER_ENDS, end=ends[0], ends=_one_after_another(ends[1:]))


def command_of(name: str) -> tuple[str, ...]:
    """The command line of a decoder's child process. Raises ModuleNotFoundError when its package isn't installed."""
    package = PACKAGES[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    module = Path(spec.origin)
    folder = module.parent.parent if spec.submodule_search_locations else module.parent
    worker = Path(__file__).with_name("decoder_worker.py")
    return (sys.executable, "-I", "-S", str(worker), name, str(folder))


def read_exactly(pipe: BinaryIO, count: int) -> bytes:
    """Exactly `count` bytes from a pipe. Raises EOFError if it ends before."""
    data = pipe.read(count)
    if len(data) != count:
        raise EOFError
    return data


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
