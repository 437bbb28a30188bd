"""Keeps child processes running, and ends every one of them.

Owns: starting children in the order of their dependencies, waiting until a child answers, restarting dead children,
ending everything including grandchildren and orphans. Not here: what a child is (`children`), which children there are
(`app.stack.stack`), their logs (`child_logs`), the search for processes (`processes`), what happens when this process
is asked to end (`signals`) or is killed (`guard`).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from app.processes.child_logs import last_words, opened, rotate
from app.processes.children import Child, Policy, answers, pause_before_restart
from app.processes.guard_start import dismiss, start_guard
from app.processes.processes import (
    MARK,
    RUN_NAME,
    adopt_orphans,
    ask_to_end,
    how_it_ended,
    kill_marked,
    marked,
    reap_orphans,
)
from stinercut.errors import HostNotReady

T = TypeVar("T")
Say = Callable[[str], None]
"""Takes sentences for a person."""


class ChildGaveUp(HostNotReady):
    """A child can't be kept running."""

    code = "CHILD_GAVE_UP"


@dataclass
class _State:
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    deaths: deque[float] = field(default_factory=deque[float])
    last_code: int | None = None


class Supervisor:
    """Runs children while some work lasts. Use each supervisor once."""

    def __init__(self, children: Sequence[Child], say: Say, policy: Policy | None = None) -> None:
        self._children = tuple(children)
        self._say = say
        self._policy = policy or Policy()
        self.mark = uuid.uuid4().hex
        """The mark that all processes of this stack carry in their environment."""
        self._states = {child.name: _State() for child in children}
        self._being_born = 0
        """How many children are being started: their process may exist, but isn't known yet."""

    async def ready(self, *names: str) -> None:
        """Wait until these children are ready; without names, until all are."""
        for name in names or tuple(self._states):
            await self._states[name].ready.wait()

    def pid(self, name: str) -> int | None:
        """A child's process id now; None while it doesn't run."""
        process = self._states[name].process
        return process.pid if process and process.returncode is None else None

    def process(self, name: str) -> asyncio.subprocess.Process | None:
        """A child's latest process, living or ended."""
        return self._states[name].process

    async def run(self, work: Callable[[Supervisor], Awaitable[T]]) -> T:
        """Start all children, do the work, end all children. Returns the work's result.

        Raises ChildGaveUp when a child can't be kept running. Cancelling asks all children to end and waits for them;
        cancelling again kills them at once.
        """
        adopt_orphans()
        guard = start_guard(self.mark)
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
            dismiss(guard)
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
        """Wait for a child's end, and mark it as ready once it answers. Returns its exit code."""
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
        """Wait before a restart, or raise ChildGaveUp after too many deaths."""
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
            with opened(child.log) as log:
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
        """Reap orphans. Not while a child is being started: if it ended at once, it would be taken for an orphan."""
        if not self._being_born:
            reap_orphans({state.process.pid for state in self._states.values() if state.process})

    # ---- ending --------------------------------------------------------------------------------------------------

    async def _end_all(self) -> None:
        """Ask all to end, wait for the grace, kill the rest. A cancellation while waiting means: kill now."""
        with suppress(asyncio.CancelledError):
            self._ask()
            await self._until_ended()
        left = kill_marked(self.mark)
        self._reap()
        for process in left:
            self._say(f"Process {process.pid} could not be ended.")
        # Let the event loop see the ends, so that no transport is left open.
        waits = [state.process.wait() for state in self._states.values() if state.process]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*waits), timeout=1)

    def _ask(self) -> None:
        """Ask the children to end, last started first, then what they started (Dagster's run workers) and orphans.

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


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _is_second(process: psutil.Process, parents: set[int]) -> bool:
    """Whether a child started this process: directly or, for a run, by its fork server (which ends by itself)."""
    try:
        if process.name() == RUN_NAME:
            return True
        return process.ppid() in parents and "multiprocessing.forkserver" not in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _existing(pids: Sequence[int]) -> list[psutil.Process]:
    existing: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.Error):
            existing.append(psutil.Process(pid))
    return existing
