"""The one place that starts ffmpeg and ffprobe.

Owns: starting, watching, stopping; their messages in plain words; the build of ffmpeg. Not here: the commands: callers
build an argv with `ffmpeg_graph` (`.compile()`) and the inputs of `ffmpeg_inputs`.

No process outlives its caller: each has its own process group, which is killed on a timeout and on any exception in the
caller. On Linux the kernel also kills it when the thread that started it dies. Two tiny programs ask for that before
ffmpeg takes their place, and not `preexec_fn`, which may deadlock in a process with threads; Dagster's processes have
many. `setpriv` and a shell take 2 ms of CPU; where there is no such `setpriv` (util-linux), Python takes 15.
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

if sys.platform == "linux":
    import resource

from stinercut import input_limits
from stinercut.errors import FfmpegFailed, MissingProgram, UnreadableVideo
from stinercut.input_limits import MOST_ALLOCATED, memory_of_ffmpeg
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.secrets import for_strangers
from stinercut.video.containers import MP4, container_of

_log = logging.getLogger(__name__)

_BOUND = ("-max_alloc", str(MOST_ALLOCATED))
_QUIET = (*_BOUND, "-hide_banner", "-nostdin", "-y", "-loglevel")
_FLAGS = (*_QUIET, "error")
_TOLD_FLAGS = (*_QUIET, "level+warning")
"""Each line begins with its level, which tells warnings from the lines of an error."""

_MOST_KEPT = 20_000
"""Characters of ffmpeg's messages that are kept with an error."""

_MOST_TOLD = 3_000
"""Characters of a command, and of ffmpeg's messages, that are logged after a successful run."""

_PROBE_SECONDS = 60.0
_ASKED_TO_END = 255
"""ffmpeg's exit status after a signal that asks it to end; then it prints no message."""

_TAIL_BYTES = 16_000
_TOLD_EVERY = 64
"""Packets between two calls of `on_packet`."""

_GUARD = (
    "import ctypes,os,resource as r,sys;ctypes.CDLL(None).prctl(1,9);"
    "os.getppid()==int(sys.argv[1]) or os._exit(1);"
    "m=[n for n in (int(sys.argv[2]),*r.getrlimit(r.RLIMIT_DATA)) if n>=0];r.setrlimit(r.RLIMIT_DATA,(min(m),)*2);"
    "os.execvp(sys.argv[3],sys.argv[3:])"
)
"""PR_SET_PDEATHSIG (1) = SIGKILL (9), then a check whether the parent died before that, then the memory limit, then the
program itself.

RLIMIT_DATA and not RLIMIT_AS: threads and graphics drivers reserve many times the memory that they use.
"""

_SHELL = "/bin/sh"
_SHELL_GUARD = '[ "$PPID" = "$0" ] || exit 1; ulimit -d "$1" || exit 1; shift; exec "$@"'
"""The same from the check on, in a shell that `setpriv --pdeathsig KILL` starts; the limit is in KiB."""

_PLAIN_WORDS: tuple[tuple[str, Message, Message], ...] = (
    (r"moov atom not found", Message.of(MessageCode.VIDEO_CUT_SHORT), Message.of(MessageCode.CAMERA_LOST_POWER)),
    (
        r"No space left on device|Disk quota exceeded",
        Message.of(MessageCode.DISK_FULL),
        Message.of(MessageCode.FREE_SPACE_AND_AGAIN),
    ),
    (r"File too large", Message.of(MessageCode.DISK_TAKES_NO_SUCH_SIZE), Message.of(MessageCode.OTHER_DISK)),
    (r"Permission denied", Message.of(MessageCode.FILE_NOT_ALLOWED), Message.of(MessageCode.LOOK_AT_RIGHTS)),
    (r"No such file or directory", Message.of(MessageCode.FILE_NOT_THERE), Message.of(MessageCode.CHECK_PATH_OR_CARD)),
    (
        r"Cannot allocate memory|Out of memory",
        Message.of(MessageCode.NOT_ENOUGH_MEMORY),
        Message.of(MessageCode.FEWER_STEPS),
    ),
    (
        r"Unknown encoder|Encoder not found",
        Message.of(MessageCode.ENCODER_MISSING),
        Message.of(MessageCode.INSTALL_WHOLE_FFMPEG),
    ),
    (
        r"Invalid data found when processing input|could not find codec parameters|does not contain any stream"
        r"|Failed to read frame size|Cannot determine format of input stream|Error marking filters as finished",
        Message.of(MessageCode.NO_VIDEO_OR_DAMAGED),
        Message.of(MessageCode.COPY_AGAIN_OR_LEAVE_OUT),
    ),
)
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_NO_INPUT = re.compile(r"moov atom not found|Invalid data found when processing input|does not contain any stream")
"""ffmpeg's messages where the disk or its input is to blame, whatever the command was."""

_LEVEL = re.compile(r"\[(error|fatal|panic)\] ")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_NOISE = re.compile(
    r"Last message repeated|^\s*$|Conversion failed!|^\[.*\] Could not find codec parameters.*unspecified"
)


class Hindered(FfmpegFailed):
    """ffmpeg was stopped, or there was nothing to read: the command itself may be right."""


class Stopped(Hindered):
    """ffmpeg was killed, took too long, or had no disk space: its input may be right as well."""


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

    `argv` as ffmpeg-python compiles it (a leading `ffmpeg` is fine). `timeout` in seconds of wall time. `on_frame` gets
    the number of video frames written so far, about twice a second and once at the end; `on_second` the seconds
    written, for sound alone. An exception in either ends ffmpeg. ffmpeg's messages are appended to `log`. An error
    names `file`. Raises FfmpegFailed and MissingProgram.

    `told`: the command and ffmpeg's messages, including warnings, go to this module's log, which Dagster keeps with the
    step; after a failure, they become a note of the error.
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
                failed.add_note(f"{_command_line(argv)}\n{job.last_words(_MOST_KEPT)}")
            raise
        if told:
            _log.info("%s\n%s", _shortened(_command_line(argv)), _shortened(_once(job.last_words(_MOST_KEPT))))


def _command_line(argv: Sequence[str]) -> str:
    return shlex.join(["ffmpeg", *_arguments(argv)])


def _once(messages: str) -> str:
    """Each line once: a damaged file is complained about at every frame."""
    lines = (_ADDRESS.sub("", line) for line in messages.splitlines() if not _NOISE.search(line))
    return "\n".join(dict.fromkeys(lines)) or "(ffmpeg had nothing to say)"


def _shortened(text: str) -> str:
    half = _MOST_TOLD // 2
    return text if len(text) <= _MOST_TOLD else f"{text[:half]} [...] {text[-half:]}"


def read_pipe(argv: Sequence[str], *, timeout: float, chunk_bytes: int, file: Path | None = None) -> Generator[bytes]:
    """ffmpeg's output to `pipe:1`, in chunks of exactly `chunk_bytes` (the last may be shorter).

    Closing the iterator early kills ffmpeg. `timeout` is wall time for everything, including the consumer's own time.
    Raises FfmpegFailed after the last chunk if ffmpeg ended with an error.
    """
    command = [_program("ffmpeg"), *_FLAGS, *_arguments(argv)]
    with _started(command, timeout=timeout, file=file, log=None) as job:
        while chunk := job.output.read(chunk_bytes):
            yield chunk
        job.finish()


def write_pipe(argv: Sequence[str], frames: Iterable[bytes], *, timeout: float, file: Path | None = None) -> None:
    """Run ffmpeg to its end, with `frames`, one after the other, as its `pipe:0`.

    `timeout` is wall time for everything, including making the frames. An error names `file`. An exception while a
    frame is made kills ffmpeg. Raises FfmpegFailed and MissingProgram.
    """
    command = [_program("ffmpeg"), *_FLAGS, *_arguments(argv)]
    with _started(command, timeout=timeout, file=file, log=None, stdin=subprocess.PIPE) as job:
        pipe = job.process.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # ffmpeg ended early; `finish` raises the reason
            for frame in frames:
                pipe.write(frame)
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
        job.finish()


def ffprobe_json(path: Path, *, count_packets: bool = False) -> dict[str, Any]:
    """ffprobe's `format` and `streams` of a file, with a hash of each stream's extradata.

    `count_packets` reads the whole file and adds `nb_read_packets` per stream. Raises UnreadableVideo; for a file that
    is no footage or music by its first bytes, ffprobe is not even started.
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
        raise UnreadableVideo(failed.what_parts, file=path, advice=failed.advice_parts) from None
    with contextlib.suppress(ValueError):
        found: dict[str, Any] = json.loads(text or b"{}")
        return found
    raise _unreadable_answer(path)


def packet_times(
    path: Path, stream: str = "v:0", *, on_packet: Callable[[int], None] | None = None
) -> list[tuple[int, int]]:
    """The times at which each packet of a stream is shown and decoded, in ticks of its timebase, in the file's order.

    Reads the whole file, decodes nothing. A packet without a decoding time gets its time of showing; a packet without a
    time of showing is left out. `on_packet` gets the number of packets so far, now and then. Raises UnreadableVideo.
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
                    # Matroska has no decoding time for its first packets if later ones are shown before them.
                    times.append((int(shown), int(shown if decoded.strip() == b"N/A" else decoded)))
                if len(times) > input_limits.MOST_FRAMES:
                    raise UnreadableVideo(
                        input_limits.broken_by_frames(len(times)),
                        file=path,
                        advice=Message.of(MessageCode.LEAVE_IT_OUT),
                    )
                if on_packet and number % _TOLD_EVERY == 0:
                    on_packet(number)
            job.finish()
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what_parts, file=path, advice=failed.advice_parts) from None
    except ValueError:
        raise _unreadable_answer(path) from None
    return times


def _unreadable_answer(path: Path) -> UnreadableVideo:
    return UnreadableVideo(
        Message.of(MessageCode.FFPROBE_NOT_UNDERSTOOD),
        file=path,
        advice=Message.of(MessageCode.COPY_AGAIN_OR_NEW_FFMPEG),
    )


def require_ffmpeg() -> str:
    """The version of ffmpeg in use, such as `5.1.9-0+deb12u1`. Raises MissingProgram without ffmpeg or ffprobe."""
    _program("ffprobe")
    return build().split()[2]


def build() -> str:
    """One line that names this build of ffmpeg and its libraries: part of every cache key.

    Raises MissingProgram if ffmpeg is not installed or doesn't run.
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
        printed = job.output.read().decode(errors="replace")
        job.finish()
    lines = [re.sub(r"\s+", " ", line) for line in printed.splitlines()]
    named = [line for line in lines if line.startswith(("ffmpeg version", "lib"))]
    if not named or len(named[0].split()) < 3:
        raise FfmpegFailed(Message.of(MessageCode.FFMPEG_WITHOUT_VERSION))
    return " | ".join(named)


def _not_running(program: Path, why: str) -> MissingProgram:
    return MissingProgram(
        Message.of(MessageCode.FFMPEG_NOT_RUNNING, why=why),
        file=program,
        advice=Message.of(MessageCode.LOOK_AT_FFMPEG_VERSION),
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingProgram(
            Message.of(MessageCode.PROGRAM_NOT_INSTALLED, program=name),
            advice=Message.of(MessageCode.INSTALL_FFMPEG),
        )
    return found


def _arguments(argv: Sequence[str]) -> list[str]:
    words = [str(word) for word in argv]
    return words[1:] if words and words[0] == "ffmpeg" else words


@dataclass
class _Job:
    """A started program and its output. `finish` waits for its end, `kill` ends it at once."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    messages: IO[bytes]
    messages_before: int
    timeout: float
    file: Path | None
    timed_out: threading.Event = field(default_factory=threading.Event)

    def expire(self) -> None:
        self.timed_out.set()
        self.kill()

    def kill(self) -> None:
        """End the whole process group now. Harmless if it has ended already."""
        if self.process.poll() is not None:
            return
        if os.name == "nt":
            self.process.kill()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def finish(self) -> None:
        """Wait for the end. Raises FfmpegFailed if the program failed."""
        code = self.process.wait()
        if self.timed_out.is_set():
            raise Stopped(
                Message.of(MessageCode.FFMPEG_TOO_SLOW, seconds=round(self.timeout)),
                file=self.file,
                advice=Message.of(MessageCode.AGAIN_WHEN_LESS_TO_DO),
            )
        if code != 0:
            errors = _errors_of(self.last_words(_TAIL_BYTES))
            if self.file and "moov atom not found" in errors and not _begins_as_mp4(self.file):
                errors = "Invalid data found when processing input"
            what, advice = in_plain_words(errors, code)
            raise _kind_of(errors, code)(what, file=self.file, advice=advice)

    def last_words(self, most: int) -> str:
        """The last `most` bytes of the program's messages."""
        end = self.messages.seek(0, os.SEEK_END)
        self.messages.seek(max(self.messages_before, end - most))
        return self.messages.read().decode(errors="replace")


def _begins_as_mp4(file: Path) -> bool:
    """Whether it is an MP4 or MOV by its first bytes. ffmpeg goes by the file's name instead."""
    with contextlib.suppress(UnreadableVideo):
        return container_of(file) is MP4
    return False


def _errors_of(messages: str) -> str:
    """The messages without warnings, and without the level of each line."""
    lines = (line for line in messages.splitlines() if "[warning] " not in line)
    return "\n".join(_LEVEL.sub("", line, count=1) for line in lines)


def _kind_of(errors: str, code: int) -> type[FfmpegFailed]:
    """The kind of failure, as far as ffmpeg's messages show it: a signal or the disk, its input, or anything else."""
    if code < 0 or (code == _ASKED_TO_END and not errors.strip()) or _NO_ROOM.search(errors):
        return Stopped
    return Hindered if _NO_INPUT.search(errors) else FfmpegFailed


def in_plain_words(messages: str, code: int) -> tuple[Message, Message]:
    """The meaning of ffmpeg's messages: what happened, and what to do about it."""
    lines = list(
        dict.fromkeys(_ADDRESS.sub("", line).strip() for line in messages.splitlines() if not _NOISE.search(line))
    )
    for pattern, what, advice in _PLAIN_WORDS:
        if re.search(pattern, messages, re.IGNORECASE):
            return what, advice
    if not lines:
        return _silent(code), Message.of(MessageCode.AGAIN_IF_ROOM_IS_LEFT)
    failed = Message.of(MessageCode.FFMPEG_FAILED, why=" / ".join(lines[-3:]))
    return failed, Message.of(MessageCode.COPY_FILE_AGAIN_OR_LEAVE_OUT)


def _silent(code: int) -> Message:
    if code < 0:
        return Message.of(MessageCode.FFMPEG_ENDED_BY, signal=-code)
    return Message.of(MessageCode.FFMPEG_ENDED_WITH, status=code)


@contextlib.contextmanager
def _started(
    command: list[str], *, timeout: float, file: Path | None, log: Path | None, stdin: int = subprocess.DEVNULL
) -> Generator[_Job]:
    with log.open("a+b") if log else tempfile.TemporaryFile() as messages:
        before = messages.seek(0, os.SEEK_END)
        try:
            process = subprocess.Popen(
                _guarded(command),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=messages,  # a file never fills up and blocks, as a pipe that nobody reads would
                start_new_session=os.name != "nt",
                env=for_strangers(os.environ),
            )
        except OSError as refused:
            raise Stopped(
                Message.of(
                    MessageCode.PROGRAM_NOT_STARTED, program=Path(command[0]).name, why=refused.strerror or str(refused)
                ),
                file=file,
                advice=Message.of(MessageCode.FEWER_STEPS_THEN_AGAIN),
            ) from None
        assert process.stdout is not None
        job = _Job(process, process.stdout, messages, before, timeout, file)
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
    if sys.platform != "linux":
        return command
    parent, setpriv = str(os.getpid()), _setpriv(os.environ.get("PATH", os.defpath))
    if setpriv is None:
        return [sys.executable, "-I", "-S", "-c", _GUARD, parent, str(memory_of_ffmpeg()), *command]
    here = resource.getrlimit(resource.RLIMIT_DATA)
    most = min(limit for limit in (memory_of_ffmpeg(), *here) if limit >= 0) // 1024
    return [setpriv, "--pdeathsig", "KILL", _SHELL, "-c", _SHELL_GUARD, parent, str(most), *command]


@functools.lru_cache(maxsize=4)
def _setpriv(path: str) -> str | None:
    """The `setpriv` in these folders, if it takes the signal of a parent's death: BusyBox has one that doesn't."""
    found = shutil.which("setpriv", path=path)
    if found is None:
        return None
    nothing = subprocess.DEVNULL
    words = [found, "--pdeathsig", "KILL", _SHELL, "-c", "ulimit -d"]
    asked = subprocess.run(
        words, stdin=nothing, stdout=nothing, stderr=nothing, check=False, env=for_strangers(os.environ)
    )
    return found if asked.returncode == 0 else None
