"""The one place that starts ffmpeg and ffprobe.

Owns: starting, watching, stopping; their messages in plain words; which build this is. Not here: what is asked of them:
callers build an argv with the ffmpeg-python package (`import ffmpeg`, `.compile()`), with the inputs that
`ffmpeg_inputs` makes.

No process outlives its caller: each has its own process group, which is killed on a timeout and on any exception in the
caller; on Linux the kernel kills it as well when the thread that started it dies. That is asked for by a tiny start-up
program (12 ms) instead of `preexec_fn`, which may deadlock in a process with threads, and Dagster's have many.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from stinercut import input_limits
from stinercut.errors import FfmpegFailed, MissingProgram, UnreadableVideo
from stinercut.input_limits import MOST_ALLOCATED, memory_of_ffmpeg
from stinercut.secrets import for_strangers
from stinercut.video.containers import MP4, container_of

_log = logging.getLogger(__name__)

_BOUND = ("-max_alloc", str(MOST_ALLOCATED))
_QUIET = (*_BOUND, "-hide_banner", "-nostdin", "-y", "-loglevel")
_FLAGS = (*_QUIET, "error")
_TOLD_FLAGS = (*_QUIET, "level+warning")
"""Each line says how bad it is, which is how warnings are told from what an error says."""

_MOST_KEPT = 20_000
"""Characters of ffmpeg's messages that are kept with an error."""

_MOST_TOLD = 3_000
"""Characters of a command, and of what ffmpeg said to it, that a run that ended well leaves in the log."""

_PROBE_SECONDS = 60.0
_ASKED_TO_END = 255
"""ffmpeg's exit status after a signal that asks it to end; it has nothing to say then."""

_TAIL_BYTES = 16_000
_TOLD_EVERY = 64
"""Packets from one time that it is said how many there were to the next."""

_GUARD = (
    "import ctypes,os,resource as r,sys;ctypes.CDLL(None).prctl(1,9);"
    "os.getppid()==int(sys.argv[1]) or os._exit(1);"
    "m=[n for n in (int(sys.argv[2]),*r.getrlimit(r.RLIMIT_DATA)) if n>=0];r.setrlimit(r.RLIMIT_DATA,(min(m),)*2);"
    "os.execvp(sys.argv[3],sys.argv[3:])"
)
"""PR_SET_PDEATHSIG (1) = SIGKILL (9), then a look whether the parent died before that, then the most memory that it may
take, then the program itself.

RLIMIT_DATA and not RLIMIT_AS: threads and drivers of graphics cards reserve many times what they use.
"""

_PLAIN_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        r"moov atom not found",
        "the video is cut short: its index, which a camera writes last, is missing",
        "Copy it from the card again; if it is short there too, the camera lost power while filming.",
    ),
    (r"No space left on device|Disk quota exceeded", "the disk is full", "Free some space and try again."),
    (
        r"File too large",
        "the disk takes no file of this size",
        "Choose a folder on another disk: FAT32 ends at 4 GB; or look at this user's limits (ulimit -f).",
    ),
    (
        r"Permission denied",
        "the file may not be read or written",
        "Look at the owner and the rights of file and folder.",
    ),
    (r"No such file or directory", "the file is not there", "Check the path, or put the card in again."),
    (
        r"Cannot allocate memory|Out of memory",
        "there is not enough memory",
        "Run fewer steps at once (STINERCUT_WORKERS).",
    ),
    (
        r"Unknown encoder|Encoder not found",
        "this ffmpeg lacks an encoder that films need",
        "Install the distribution's whole ffmpeg: sudo apt install ffmpeg.",
    ),
    (
        r"Invalid data found when processing input|could not find codec parameters|does not contain any stream"
        r"|Failed to read frame size|Cannot determine format of input stream|Error marking filters as finished",
        "the file is no video, or it is damaged",
        "Copy it from the card again, or leave it out.",
    ),
)
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_NO_INPUT = re.compile(r"moov atom not found|Invalid data found when processing input|does not contain any stream")
"""What ffmpeg says where the disk or its input is to blame, whatever it was asked."""

_LEVEL = re.compile(r"\[(error|fatal|panic)\] ")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_NOISE = re.compile(
    r"Last message repeated|^\s*$|Conversion failed!|^\[.*\] Could not find codec parameters.*unspecified"
)


class Hindered(FfmpegFailed):
    """ffmpeg was stopped, or there was nothing to read: what it was asked may well be right."""


class Stopped(Hindered):
    """ffmpeg was killed, took too long, or had no room: what it was to read may be right as well."""


def run(  # noqa: PLR0913 - what a run of ffmpeg needs
    argv: Sequence[str],
    *,
    timeout: float,
    on_frame: Callable[[int], None] | None = None,
    on_second: Callable[[float], None] | None = None,
    log: Path | None = None,
    file: Path | None = None,
    told: bool = False,
) -> None:
    """Run ffmpeg to its end.

    `argv` as ffmpeg-python compiles it (a leading `ffmpeg` is fine). `timeout` in seconds of wall time. `on_frame`
    gets the number of video frames written so far, about twice a second and once at the end; `on_second` the seconds
    written, where there is only sound. An exception in either ends ffmpeg. `log` collects what ffmpeg says (appended).
    `file` is what the error should name. Raises FfmpegFailed and MissingProgram.

    `told`: the command and what ffmpeg said, warnings too, go to the log of this module, which Dagster keeps with the
    step; where it fails, to the error as a note.
    """
    command = [_program("ffmpeg"), *(_TOLD_FLAGS if told else _FLAGS), "-progress", "pipe:1", *_arguments(argv)]
    with _started(command, timeout=timeout, file=file, log=log) as job:
        for line in job.output:
            name, _, value = line.strip().partition(b"=")
            if on_frame and name == b"frame":
                on_frame(int(value or 0))
            elif on_second and name == b"out_time_us" and value.isdigit():
                on_second(int(value) / 1e6)
        try:
            job.finish()
        except FfmpegFailed as failed:
            if told:
                failed.add_note(f"{_spoken(argv)}\n{job.last_words(_MOST_KEPT)}")
            raise
        if told:
            _log.info("%s\n%s", _shortened(_spoken(argv)), _shortened(_once(job.last_words(_MOST_KEPT))))


def _spoken(argv: Sequence[str]) -> str:
    return shlex.join(["ffmpeg", *_arguments(argv)])


def _once(said: str) -> str:
    """Each line once: a damaged file is complained about at every frame."""
    lines = (_ADDRESS.sub("", line) for line in said.splitlines() if not _NOISE.search(line))
    return "\n".join(dict.fromkeys(lines)) or "(ffmpeg had nothing to say)"


def _shortened(said: str) -> str:
    half = _MOST_TOLD // 2
    return said if len(said) <= _MOST_TOLD else f"{said[:half]} [...] {said[-half:]}"


def read_pipe(argv: Sequence[str], *, timeout: float, chunk_bytes: int, file: Path | None = None) -> Generator[bytes]:
    """What ffmpeg writes to `pipe:1`, in chunks of exactly `chunk_bytes` (the last may be shorter).

    Closing the iterator early kills ffmpeg. `timeout` is wall time for everything, the consumer's own time included.
    Raises FfmpegFailed after the last chunk if ffmpeg ended with an error.
    """
    command = [_program("ffmpeg"), *_FLAGS, *_arguments(argv)]
    with _started(command, timeout=timeout, file=file, log=None) as job:
        while chunk := job.output.read(chunk_bytes):
            yield chunk
        job.finish()


def write_pipe(argv: Sequence[str], frames: Iterable[bytes], *, timeout: float, file: Path | None = None) -> None:
    """Run ffmpeg with `frames` as its `pipe:0`, one after the other, to its end.

    `timeout` is wall time for everything, making the frames included. `file` is what an error should name. An exception
    while a frame is made kills ffmpeg. Raises FfmpegFailed and MissingProgram.
    """
    command = [_program("ffmpeg"), *_FLAGS, *_arguments(argv)]
    with _started(command, timeout=timeout, file=file, log=None, stdin=subprocess.PIPE) as job:
        pipe = job.process.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # ffmpeg ended early; `finish` says why
            for frame in frames:
                pipe.write(frame)
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
        job.finish()


def ffprobe_json(path: Path, *, count_packets: bool = False) -> dict[str, Any]:
    """ffprobe's `format` and `streams` of a file, with a hash of each stream's extradata.

    `count_packets` reads the whole file and adds `nb_read_packets` per stream. Raises UnreadableVideo, also for what is
    no footage or music by its first bytes: ffprobe is then not asked.
    """
    command = [_program("ffprobe"), *_BOUND, "-hide_banner", "-loglevel", "error", "-of", "json"]
    command += ["-show_format", "-show_streams", "-show_data_hash", "sha256"]
    command += ["-count_packets"] if count_packets else []
    command += [*container_of(path).words, str(path.absolute())]
    try:
        with _started(command, timeout=_PROBE_SECONDS, file=path, log=None) as job:
            text = job.output.read()
            job.finish()
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what, file=path, advice=failed.advice) from None
    with contextlib.suppress(ValueError):
        found: dict[str, Any] = json.loads(text or b"{}")
        return found
    raise _unreadable_answer(path)


def packet_times(
    path: Path, stream: str = "v:0", *, on_packet: Callable[[int], None] | None = None
) -> list[tuple[int, int]]:
    """When each packet of a stream is shown and decoded, in ticks of its timebase, in the order of the file.

    Reads the whole file, decodes nothing. Without a time of its decoding a packet has that of its showing; without
    either it is left out. `on_packet` gets now and then how many there were so far. Raises UnreadableVideo.
    """
    command = [_program("ffprobe"), *_BOUND, "-hide_banner", "-loglevel", "error", "-of", "csv=p=0"]
    command += ["-select_streams", stream, "-show_entries", "packet=pts,dts"]
    command += [*container_of(path).words, str(path.absolute())]
    try:
        with _started(command, timeout=_PROBE_SECONDS + path.stat().st_size / 1e7, file=path, log=None) as job:
            times: list[tuple[int, int]] = []
            for number, line in enumerate(job.output, 1):
                shown, decoded = (*line.split(b","), b"")[:2]
                if line.strip() and shown.strip() != b"N/A":
                    # Matroska doesn't say when its first packets are decoded where later ones are shown before them.
                    times.append((int(shown), int(shown if decoded.strip() == b"N/A" else decoded)))
                if len(times) > input_limits.MOST_FRAMES:
                    raise UnreadableVideo(input_limits.broken_by_frames(len(times)), file=path, advice="Leave it out.")
                if on_packet and number % _TOLD_EVERY == 0:
                    on_packet(number)
            job.finish()
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what, file=path, advice=failed.advice) from None
    except ValueError:
        raise _unreadable_answer(path) from None
    return times


def _unreadable_answer(path: Path) -> UnreadableVideo:
    return UnreadableVideo(
        "ffprobe says something about this file that can't be read",
        file=path,
        advice="Copy it from the card again; if that changes nothing, install ffmpeg anew.",
    )


def require_ffmpeg() -> str:
    """The version of ffmpeg in use, such as `5.1.9-0+deb12u1`. Raises MissingProgram when it or ffprobe isn't there."""
    _program("ffprobe")
    return build().split()[2]


def build() -> str:
    """One line that names this build of ffmpeg and its libraries: part of every cache key.

    Raises MissingProgram, also where it is there and doesn't run.
    """
    program = Path(_program("ffmpeg"))
    try:
        return _build_of(str(program), program.stat().st_mtime_ns)
    except (OSError, FfmpegFailed) as failed:
        why = failed.what if isinstance(failed, FfmpegFailed) else failed.strerror or str(failed)
        raise _not_running(program, why) from None


@functools.lru_cache(maxsize=4)
def _build_of(program: str, _changed: int) -> str:
    with _started([program, "-hide_banner", "-version"], timeout=_PROBE_SECONDS, file=None, log=None) as job:
        said = job.output.read().decode(errors="replace")
        job.finish()
    lines = [re.sub(r"\s+", " ", line) for line in said.splitlines()]
    named = [line for line in lines if line.startswith(("ffmpeg version", "lib"))]
    if not named or len(named[0].split()) < 3:
        raise FfmpegFailed("it doesn't say its version")
    return " | ".join(named)


def _not_running(program: Path, why: str) -> MissingProgram:
    return MissingProgram(
        f"ffmpeg is installed and doesn't run: {why}",
        file=program,
        advice="Look at what `ffmpeg -version` says; install it anew: sudo apt install --reinstall ffmpeg.",
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingProgram(
            f"the program {name} is not installed",
            advice="Debian, Ubuntu: sudo apt install ffmpeg. Windows: winget install Gyan.FFmpeg.",
        )
    return found


def _arguments(argv: Sequence[str]) -> list[str]:
    words = [str(word) for word in argv]
    return words[1:] if words and words[0] == "ffmpeg" else words


@dataclass
class _Job:
    """A started program: its output, and how to end it well (`finish`) or at once (`kill`)."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    said: IO[bytes]
    said_before: int
    timeout: float
    file: Path | None
    timed_out: threading.Event = field(default_factory=threading.Event)

    def expire(self) -> None:
        self.timed_out.set()
        self.kill()

    def kill(self) -> None:
        """End the whole process group now. Harmless when it has ended."""
        if self.process.poll() is not None:
            return
        if os.name == "nt":
            self.process.kill()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def finish(self) -> None:
        """Wait for the end; raise FfmpegFailed if it was not a good one."""
        code = self.process.wait()
        if self.timed_out.is_set():
            raise Stopped(
                f"ffmpeg took longer than {self.timeout:.0f} s and was stopped",
                file=self.file,
                advice="Try again when the machine has less to do; if it happens again, look at this file.",
            )
        if code != 0:
            said = _errors_of(self.last_words(_TAIL_BYTES))
            if self.file and "moov atom not found" in said and not _begins_as_mp4(self.file):
                said = "Invalid data found when processing input"
            what, advice = in_plain_words(said, code)
            raise _kind_of(said, code)(what, file=self.file, advice=advice)

    def last_words(self, most: int) -> str:
        """The end of what the program said, `most` bytes of it."""
        end = self.said.seek(0, os.SEEK_END)
        self.said.seek(max(self.said_before, end - most))
        return self.said.read().decode(errors="replace")


def _begins_as_mp4(file: Path) -> bool:
    """Whether it is an MP4 or MOV by its first bytes. ffmpeg believes the name of a file instead."""
    with contextlib.suppress(UnreadableVideo):
        return container_of(file) is MP4
    return False


def _errors_of(said: str) -> str:
    """What was said without the warnings, and without how bad each line is."""
    lines = (line for line in said.splitlines() if "[warning] " not in line)
    return "\n".join(_LEVEL.sub("", line, count=1) for line in lines)


def _kind_of(said: str, code: int) -> type[FfmpegFailed]:
    """What made ffmpeg fail, as far as it can be told: a signal or the disk, its input, or anything else."""
    if code < 0 or (code == _ASKED_TO_END and not said.strip()) or _NO_ROOM.search(said):
        return Stopped
    return Hindered if _NO_INPUT.search(said) else FfmpegFailed


def in_plain_words(said: str, code: int) -> tuple[str, str]:
    """What ffmpeg's messages mean: what happened, and what to do about it."""
    lines = list(dict.fromkeys(_ADDRESS.sub("", line).strip() for line in said.splitlines() if not _NOISE.search(line)))
    for pattern, what, advice in _PLAIN_WORDS:
        if re.search(pattern, said, re.IGNORECASE):
            return what, advice
    if not lines:
        ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        return f"ffmpeg ended {ended} without saying why", "Try again; is there memory and disk space left?"
    return f"ffmpeg failed: {' / '.join(lines[-3:])}", "Copy the file from the card again, or leave it out."


@contextlib.contextmanager
def _started(
    command: list[str], *, timeout: float, file: Path | None, log: Path | None, stdin: int = subprocess.DEVNULL
) -> Generator[_Job]:
    with log.open("a+b") if log else tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                _guarded(command),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=said,  # a file never fills up and blocks, as a pipe that nobody reads would
                start_new_session=os.name != "nt",
                env=for_strangers(os.environ),
            )
        except OSError as refused:
            raise Stopped(
                f"{Path(command[0]).name} can't be started: {refused.strerror or refused}",
                file=file,
                advice="Run fewer steps at once (STINERCUT_WORKERS), and try again.",
            ) from None
        assert process.stdout is not None
        job = _Job(process, process.stdout, said, said.seek(0, os.SEEK_END), timeout, file)
        alarm = threading.Timer(timeout, job.expire)
        alarm.daemon = True
        alarm.start()
        try:
            yield job
        finally:
            alarm.cancel()
            job.kill()
            process.stdout.close()
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            process.wait()


def _guarded(command: list[str]) -> list[str]:
    if not sys.platform.startswith("linux"):
        return command
    return [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), str(memory_of_ffmpeg()), *command]
