"""Keeps child processes running, and ends every one of them.

Lives here: starting in the order of what depends on what, waiting until a child answers, restarting what died, ending
everything including grandchildren and orphans. Doesn't: which children there are (`stack`), the search for processes
(`processes`), what happens when this process itself is killed (`guard`).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import psutil

from app.processes import MARK, RUN_NAME, adopt_orphans, ask_to_end, how_it_ended, kill_marked, marked, reap_orphans
from stinercut.errors import HostNotReady

T = TypeVar("T")
Say = Callable[[str], None]
"""Where sentences for a person go."""

LOG_LIMIT = 20_000_000
"""Bytes: a log that has grown larger is moved to `<name>.log.1`, replacing the one before."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What Dagster's logs put around words for terminals."""


class ChildGaveUp(HostNotReady):
    """A child can't be kept running."""

    code = "CHILD_GAVE_UP"


@dataclass(frozen=True)
class Address:
    """Where a child answers once it is ready: with 200 on `path`, or, without a path, by taking a connection."""

    host: str
    port: int
    path: str | None = None


@dataclass(frozen=True)
class Child:
    """One process to run. `name` stands in sentences ("The hub stopped") and in `after` of others."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path | None
    """Where what it says goes; None: where what this process says goes."""
    cwd: Path | None = None
    answers_at: Address | None = None
    after: tuple[str, ...] = ()
    once: bool = False
    """Runs to its end, which must be exit code 0, and is then ready; never restarted."""


@dataclass(frozen=True)
class Policy:
    """How patient a supervisor is; all in seconds except `deaths`."""

    grace: float = 5.0
    """Between asking to end and killing. Dagster's code server may take all of 5 s."""
    deaths: int = 5
    """So many deaths within `death_window` and the whole stack is given up."""
    death_window: float = 90.0
    first_pause: float = 0.2
    """Before the first restart; doubles with every further death in the window."""
    longest_pause: float = 8.0
    answer_within: float = 120.0
    ask_deeper: bool = True
    """Whether what the children started is asked to end with them. Without it they end it themselves, in the grace."""


async def answers(address: Address, patience: float = 5.0) -> bool:
    """Whether a child answers at this address now."""
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                if address.path is None:
                    return True
                request = f"GET {address.path} HTTP/1.1\r\nHost: {address.host}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status = await reader.readline()
                return status.split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()
    except OSError:
        return False


def pause_before_restart(deaths: int, policy: Policy) -> float:
    """Seconds to wait after that many deaths in the window: doubling, with an upper end."""
    return min(policy.first_pause * 2 ** (deaths - 1), policy.longest_pause)


def last_words(log: Path | None, lines: int = 3) -> str:
    """The last lines of a log that hold anything, in one line; empty without any."""
    if log is None:
        return ""
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - 4096))
            text = _COLOUR.sub("", source.read().decode(errors="replace"))
    except OSError:
        return ""
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def rotate(log: Path | None, limit: int = LOG_LIMIT) -> None:
    """Move a log's content away once it is over the limit. Its writer keeps appending to the same, emptied file."""
    if log is None:
        return
    with suppress(OSError):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)


@dataclass
class _State:
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    deaths: deque[float] = field(default_factory=deque[float])
    last_code: int | None = None


class Supervisor:
    """Runs children for as long as some work takes. One use each."""

    def __init__(self, children: Sequence[Child], say: Say, policy: Policy | None = None) -> None:
        self._children = tuple(children)
        self._say = say
        self._policy = policy or Policy()
        self.mark = uuid.uuid4().hex
        """What all processes of this stack carry in their environment."""
        self._states = {child.name: _State() for child in children}
        self._being_born = 0
        """Children whose process may be there already, but isn't known yet."""

    async def ready(self, *names: str) -> None:
        """Wait until these children answer; all of them without a name."""
        for name in names or tuple(self._states):
            await self._states[name].ready.wait()

    def pid(self, name: str) -> int | None:
        """The process id a child has now."""
        process = self._states[name].process
        return process.pid if process and process.returncode is None else None

    def process(self, name: str) -> asyncio.subprocess.Process | None:
        """The process a child had last, living or ended."""
        return self._states[name].process

    async def run(self, work: Callable[[Supervisor], Awaitable[T]]) -> T:
        """Start all children, do the work, end all children; gives back what the work gave.

        Raises ChildGaveUp when a child can't be kept running. Cancelling asks all children to end and waits for them;
        cancelling again kills them at once.
        """
        adopt_orphans()
        guard = _start_guard(self.mark)
        job = asyncio.ensure_future(work(self))
        tasks = [job, asyncio.create_task(self._tidy())]
        tasks += [asyncio.create_task(self._keep(child)) for child in self._children]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {job}:
                task.result()
            return await job
        finally:
            for task in tasks:
                task.cancel()
            await self._end_all()
            _dismiss(guard)
            await asyncio.wait(tasks, timeout=1)

    # ---- keeping -------------------------------------------------------------------------------------------------

    async def _keep(self, child: Child) -> None:
        await self.ready(*child.after) if child.after else None
        state = self._states[child.name]
        while True:
            process = await self._start(child)
            if state.last_code is not None:
                self._say(f"{_capital(child.name)} stopped ({how_it_ended(state.last_code)}). Started again.")
            code = await self._attend(child, process)
            if child.once:
                self._finish_once(child, code)
                await asyncio.Event().wait()
            state.last_code = code
            await self._mourn(child, code)

    async def _attend(self, child: Child, process: asyncio.subprocess.Process) -> int:
        """Wait for the end of a child, and meanwhile until it answers. Returns its exit code."""
        ending = asyncio.create_task(process.wait())
        if child.once:
            return await ending
        answering = asyncio.create_task(self._until_it_answers(child))
        try:
            await asyncio.wait([ending, answering], return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
                self._states[child.name].ready.set()
            return await ending
        finally:
            answering.cancel()

    async def _until_it_answers(self, child: Child) -> None:
        if child.answers_at is None:
            return
        deadline = time.monotonic() + self._policy.answer_within
        while not await answers(child.answers_at):
            if time.monotonic() > deadline:
                where = f"port {child.answers_at.port}"
                raise ChildGaveUp(
                    f"{child.name} did not answer on {where} within {self._policy.answer_within:.0f} s",
                    advice=f"Its log may say why: {child.log}",
                )
            await asyncio.sleep(0.1)

    def _finish_once(self, child: Child, code: int) -> None:
        if code != 0:
            raise ChildGaveUp(
                f"{child.name} failed ({how_it_ended(code)}): {last_words(child.log)}",
                advice=f"The whole log: {child.log}",
            )
        self._states[child.name].ready.set()

    async def _mourn(self, child: Child, code: int) -> None:
        """Wait before a restart, or raise ChildGaveUp when there were too many."""
        policy = self._policy
        deaths = self._states[child.name].deaths
        now = time.monotonic()
        deaths.append(now)
        while deaths[0] < now - policy.death_window:
            deaths.popleft()
        if len(deaths) >= policy.deaths:
            raise ChildGaveUp(
                f"{child.name} keeps stopping ({how_it_ended(code)}, {len(deaths)} times in "
                f"{now - deaths[0]:.0f} s): {last_words(child.log)}",
                advice=f"The whole log: {child.log}",
            )
        await asyncio.sleep(pause_before_restart(len(deaths), policy))

    async def _start(self, child: Child) -> asyncio.subprocess.Process:
        self._being_born += 1
        try:
            with _opened(child.log) as log:
                self._states[child.name].process = process = await asyncio.create_subprocess_exec(
                    *child.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**child.env, MARK: self.mark},
                    cwd=child.cwd,
                    start_new_session=True,
                )
                return process
        finally:
            self._being_born -= 1

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(10)
            self._reap()
            for child in self._children:
                rotate(child.log)

    def _reap(self) -> None:
        """Reap orphans; not while a child is being started, which would be taken for one if it ended at once."""
        if not self._being_born:
            reap_orphans({state.process.pid for state in self._states.values() if state.process})

    # ---- ending --------------------------------------------------------------------------------------------------

    async def _end_all(self) -> None:
        """Ask, wait for the grace, kill. A cancellation while waiting means: kill now."""
        with suppress(asyncio.CancelledError):
            self._ask()
            await self._until_ended()
        left = kill_marked(self.mark)
        self._reap()
        for process in left:
            self._say(f"Process {process.pid} could not be ended.")
        # Lets the event loop see the ends, so that no transport is left open.
        waits = [state.process.wait() for state in self._states.values() if state.process]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*waits), timeout=1)

    def _ask(self) -> None:
        """Ask the children, last started first, then what they started (Dagster's run workers) and orphans.

        No deeper: a run worker ends its own steps and its ffmpeg, and reports them as interrupted rather than broken.
        """
        children = [self.pid(child.name) for child in reversed(self._children)]
        first = [pid for pid in children if pid is not None]
        parents = {*first, os.getpid()}
        if not self._policy.ask_deeper:
            ask_to_end(_existing(first))
            return
        second = [process for process in marked(self.mark) if process.pid not in first and _is_second(process, parents)]
        ask_to_end([*_existing(first), *second])

    async def _until_ended(self) -> None:
        deadline = time.monotonic() + self._policy.grace
        while time.monotonic() < deadline and marked(self.mark):
            await asyncio.sleep(0.05)


@contextmanager
def _opened(log: Path | None) -> Generator[IO[bytes] | None]:
    """The log to append to; None for this process's own output."""
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as handle:
        yield handle


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _is_second(process: psutil.Process, parents: set[int]) -> bool:
    """Whether a child started this process, directly or (a run) through its fork server, which ends by itself."""
    try:
        if process.name() == RUN_NAME:
            return True
        return process.ppid() in parents and "multiprocessing.forkserver" not in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _existing(pids: Sequence[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


def _start_guard(mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.guard", mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
    )


def _dismiss(guard: subprocess.Popen[bytes]) -> None:
    pipe: IO[bytes] | None = guard.stdin
    with suppress(OSError):
        if pipe:
            pipe.write(b".")
            pipe.close()
    try:
        guard.wait(timeout=2)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()


def run_until_asked(main: Awaitable[T]) -> T | None:
    """Run an awaitable; SIGINT, SIGTERM and SIGHUP cancel it, the next one cancels its ending too.

    Returns None when it was asked to end.
    """

    async def outer() -> T | None:
        task = asyncio.ensure_future(main)
        asked = _cancel_on_signals(task)
        try:
            return await task
        except asyncio.CancelledError:
            if not asked:
                raise
            return None

    return asyncio.run(outer())


def _cancel_on_signals(task: asyncio.Future[T]) -> list[int]:
    asked: list[int] = []
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        asked.append(number)
        task.cancel()

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, ask, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda received, _frame: loop.call_soon_threadsafe(ask, received))
    return asked
