"""Draws SVGs in a separate process, which is killed when a drawing takes too much time or memory.

Owns: starting, asking and guarding that process, and its limits. Not here: its program (`svg_worker`), which pixels are
wanted (`raster`), which SVGs a template may hold (`stinercut.templates.svg`).

A drawing of 65 kB can have filters that take hours, patterns within patterns, pictures of gigabytes. Its text doesn't
show that. So drawings are drawn within limits, in a process where nothing else is lost with them.
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
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, cast

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.secrets import for_strangers

CPU_SECONDS: Final = 20
"""For all pictures of one card or overlay. The slowest bundled title takes 0.4 s at 1080p and 2 s at 4K."""

WALL_SECONDS: Final = 300.0
"""For one picture, on a machine that is also busy with other work."""

MEMORY_BYTES: Final = 4 << 30
"""A background for a 4K film, drawn twice as large for a slow zoom, has 130 MB; each filter and each group that is
not opaque takes as much again."""

_LIBRARY: Final = "resvg_py"


class DrawingTooCostly(BadInput):
    """A drawing that takes more time or memory than any drawing that a person made."""


class SvgRenderer:
    """The process that draws. It is started for the first picture and kept until the block ends."""

    def __init__(self, cpu_seconds: int = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> SvgRenderer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def png(self, text: str, file: Path) -> bytes:
        """An SVG of a known size as PNG. Raises BadInput and DrawingTooCostly, which name `file`."""
        hung = threading.Event()
        process = self._started()

        def stop() -> None:
            hung.set()
            process.kill()

        # Killing the process ends the blocked read or write.
        guard = threading.Timer(WALL_SECONDS, stop)
        guard.start()
        try:
            is_drawn, answer = _asked(process, text.encode())
        except (OSError, EOFError):
            code = self._end(patience=5.0)
            raise DrawingTooCostly(
                self._why(code, hung=hung.is_set()),
                file=file,
                advice=Message.of(TemplateCode.SIMPLIFY_EFFECTS),
            ) from None
        finally:
            guard.cancel()
        if not is_drawn:
            raise BadInput(
                Message.of(TemplateCode.DRAWING_NOT_DRAWN, why=answer.decode(errors="replace")),
                file=file,
                advice=Message.of(TemplateCode.SVG_AGAIN),
            )
        return answer

    def _why(self, code: int, *, hung: bool) -> Message:
        if hung:
            return Message.of(TemplateCode.DRAWING_HUNG, seconds=round(WALL_SECONDS))
        if sys.platform != "win32" and code == -signal.SIGXCPU:
            return Message.of(TemplateCode.DRAWING_SLOW, seconds=self._cpu_seconds)
        return Message.of(TemplateCode.DRAWING_HUGE, memory=MEMORY_BYTES >> 30)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                _command(self._cpu_seconds),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=for_strangers(os.environ),
            )
        return self._process

    def _end(self, patience: float = 0.0) -> int:
        """End the process, after `patience` seconds in which it may end itself. Returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # Bytes that we wrote may still be in it.
                cast("BinaryIO", pipe).close()
        return code


def _asked(process: subprocess.Popen[bytes], data: bytes) -> tuple[bool, bytes]:
    to, back = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
    to.write(struct.pack("<I", len(data)) + data)
    to.flush()
    is_drawn, length = struct.unpack("<?I", _exactly(back, 5))
    return is_drawn, _exactly(back, length)


def _exactly(pipe: BinaryIO, count: int) -> bytes:
    data = pipe.read(count)
    if len(data) != count:
        raise EOFError
    return data


def _command(cpu_seconds: int) -> list[str]:
    package = importlib.util.find_spec(_LIBRARY)
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f"No module named {_LIBRARY!r}", name=_LIBRARY)
    worker, folder = Path(__file__).with_name("svg_worker.py"), Path(package.origin).parent.parent
    return [sys.executable, "-I", "-S", str(worker), str(folder), str(cpu_seconds), str(MEMORY_BYTES)]
