"""Processes of our programs, forked from a Python that has their modules loaded already.

Owns: `fork` and `run`, which stand for `subprocess.Popen` and `subprocess.run` of `python -m MODULE` or `python FILE`,
and the process that forks. Not here: what is started; programs that must begin with a new interpreter
(`subprocess`, `stacks`).

What is forked is a process of its own in every respect: its number, environment, folder, streams, signals, its end.
It only doesn't spend a second or two on the imports of every other one. Needs Linux.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOADED = (
    "hub.app",
    "hub.kit.connections",
    "alembic.command",
    "detector.service",
    "app.cli",
    "app.common.hub_client",
    "stinercut.films.film",
)
"""What every process begins with. Nothing that reads settings or connects to anything as it is imported."""
_MOST_BYTES = 1 << 18


# ---- the tests' side -------------------------------------------------------------------------------------------------


@dataclass
class Forked:
    """A process that was forked, with what tests use of `subprocess.Popen`."""

    args: tuple[str, ...]
    pid: int
    returncode: int | None = None
    _word: int = field(default=-1, repr=False)

    def poll(self) -> int | None:
        """Its exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._heard(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same at its end. Raises TimeoutExpired when that takes longer."""
        if (code := self._heard(timeout)) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _heard(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._word], [], [], timeout)[0]:
            self.returncode = int(_line(self._word))
            os.close(self._word)
        return self.returncode


def fork(
    *words: str, env: Mapping[str, str], stdout: int, stderr: int | None = None, cwd: str | os.PathLike[str] = ROOT
) -> Forked:
    """Start `python WORDS`: `-m`, a module and its arguments, or a file and its arguments.

    `stdout` and `stderr` are open files by their numbers; without the second both are the first. Nothing is typed in.
    """
    word, tell = os.pipe()
    asked = {"words": words, "env": dict(env), "cwd": os.fspath(cwd), "umask": _umask()}
    fds = [stdout, stdout if stderr is None else stderr, tell]
    try:
        socket.send_fds(_forker().door, [json.dumps(asked).encode()], fds)
    finally:
        os.close(tell)
    return Forked(words, int(_line(word)), _word=word)


def run(*words: str, env: Mapping[str, str] | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` to its end; gives its exit code and what it wrote."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = fork(*words, env=os.environ if env is None else env, stdout=out.fileno(), stderr=err.fileno())
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        written: list[str] = []
        for stream in (out, err):
            stream.seek(0)
            written.append(stream.read().decode(errors="surrogateescape"))
    return subprocess.CompletedProcess(words, code, *written)


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def _line(fd: int) -> bytes:
    """The next line, read byte by byte so that what follows stays; fails where there will be none."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        assert byte, "the process that forks the others is gone"
        line += byte
    return line


@dataclass(frozen=True)
class Forker:
    """The process that forks, and the way to it."""

    door: socket.socket
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """End it. What it forked goes on."""
        self.door.close()
        self.process.wait()


@cache
def _forker() -> Forker:
    """One for all tests of this process: loading is what it saves."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, __file__, str(its.fileno())]
    process = subprocess.Popen(
        command, cwd=ROOT, pass_fds=[its.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    its.close()
    forker = Forker(ours, process)
    atexit.register(forker.end)
    return forker


def end() -> None:
    """End the process that forks, if there is one; the next `fork` starts another."""
    if _forker.cache_info().currsize:
        _forker().end()
        _forker.cache_clear()


# ---- the side that forks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What a process is to be."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    umask: int
    fds: tuple[int, int]


def main(door: socket.socket) -> None:
    """Load, fork whenever asked to, end when nobody can ask any more; and be each process that was forked."""
    # Ctrl-C is for whoever runs the tests, who ends what they started.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    before = list(sys.path)
    sys.path[0] = str(ROOT)
    gc.disable()
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    asked = _serve(door)
    if asked is not None:
        sys.path[:] = before
        _become(asked)


def _serve(door: socket.socket) -> Asked | None:
    """Fork for each request. Comes back in every child, with what that is to be, and at the end."""
    running: dict[int, tuple[int, int]] = {}
    with door, selectors.DefaultSelector() as waiting:
        waiting.register(door, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fd in running:
                    waiting.unregister(key.fd)
                    pid, tell = running.pop(key.fd)
                    _, status = os.waitpid(pid, 0)
                    _say(tell, os.waitstatus_to_exitcode(status))
                    _close(key.fd, tell)
                    continue
                words, fds, _, _ = socket.recv_fds(door, _MOST_BYTES, 3)
                if not words:
                    return None
                out, err, tell = fds
                pid = os.fork()
                if not pid:
                    _close(tell, *(fd for one, (_, told) in running.items() for fd in (one, told)))
                    asked = json.loads(words)
                    return Asked(tuple(asked["words"]), asked["env"], asked["cwd"], asked["umask"], (out, err))
                _say(tell, pid)
                _close(out, err)
                watched = os.pidfd_open(pid)
                running[watched] = (pid, tell)
                waiting.register(watched, selectors.EVENT_READ)


def _say(fd: int, number: int) -> None:
    try:
        os.write(fd, b"%d\n" % number)
    except BrokenPipeError:
        return  # Nobody waits for it any more.


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _become(asked: Asked) -> None:
    """Be that process, to its end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked.cwd)
    os.umask(asked.umask)
    os.environ.clear()
    os.environ.update(asked.env)
    time.tzset()
    for fd, number in zip(asked.fds, (1, 2), strict=True):
        os.dup2(fd, number)
        os.close(fd)
    first, *rest = asked.words
    given = [path for path in asked.env.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [asked.cwd if first == "-m" else str(Path(first).parent), *given]
    if first != "-m":
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
        return
    name, *arguments = rest
    sys.argv = [name, *arguments]
    for loaded in (name, f"{name}.__main__"):
        if not hasattr(sys.modules.get(loaded), "__path__"):
            sys.modules.pop(loaded, None)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
