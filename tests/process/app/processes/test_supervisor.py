"""The supervisor over real processes: start order, readiness, restarts, and above all that nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.ports import own_port
from support.process_facts import argv_of
from support.repository import REPOSITORY

from app.processes.child_logs import last_words, rotate
from app.processes.children import Child, Policy, ReadyAddress, answers, pause_before_restart
from app.processes.processes import MARK, how_it_ended, marked
from app.processes.supervisor import ChildGaveUp, Supervisor

ROOT = REPOSITORY
QUICK = Policy(grace=3, first_pause=0.02, longest_pause=0.1, answer_within=120)

SERVER = """
import http.server, sys
class Fine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Fine).serve_forever()
"""
SLEEPER = "import time; time.sleep(600)"
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(600)
"""
# A child whose own child is in another session and ignores SIGTERM, as an ffmpeg of a killed run worker might.
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {STUBBORN!r}, sys.argv[1]], start_new_session=True)
time.sleep(600)
"""


def child(tmp_path: Path, name: str, code: str, *argv: object, **more: object) -> Child:
    command = (sys.executable, "-c", code, *map(str, argv))
    return Child(name, command, dict(os.environ), tmp_path / "logs" / f"{name}.log", **more)  # type: ignore[arg-type]


def until(truth: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


async def soon(truth: Callable[[], object], seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while not truth():
            await asyncio.sleep(0.02)


def is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_work_sees_children_that_answer_and_leaves_none(tmp_path: Path) -> None:
    port = own_port()
    address = ReadyAddress("127.0.0.1", port, "/healthz")
    pids: list[int] = []

    async def work(running: Supervisor) -> str:
        await running.ready()
        assert await answers(address)
        assert not await answers(ReadyAddress("127.0.0.1", port, "/elsewhere"))
        pids.extend(pid for name in ("the hub", "other") if (pid := running.pid(name)))
        return "done"

    children = [child(tmp_path, "the hub", SERVER, port, answers_at=address), child(tmp_path, "other", SLEEPER)]
    said: list[str] = []
    assert asyncio.run(Supervisor(children, said.append, QUICK).run(work)) == "done"
    assert len(pids) == 2
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert is_free(port)
    assert said == []


def test_a_child_waits_for_what_it_depends_on(tmp_path: Path) -> None:
    made = tmp_path / "made"
    first = child(tmp_path, "set-up", f"import time; time.sleep(.3); open({str(made)!r}, 'w').close()", once=True)
    second = child(
        tmp_path,
        "hub",
        f"import os, time; print(os.path.exists({str(made)!r}), flush=True); time.sleep(600)",
        after=("set-up",),
    )

    async def work(running: Supervisor) -> None:
        await running.ready()
        await soon(lambda: last_words(second.log))

    asyncio.run(Supervisor([second, first], print, QUICK).run(work))
    assert last_words(second.log) == "True"


def test_a_set_up_that_fails_is_said_with_its_last_words(tmp_path: Path) -> None:
    bad = child(tmp_path, "the catalog's set-up", "import sys; sys.exit('the disk is full')", once=True)
    with pytest.raises(ChildGaveUp, match=r"catalog's set-up failed \(exit code 1\): the disk is full") as caught:
        asyncio.run(Supervisor([bad], print, QUICK).run(lambda running: running.ready()))
    assert str(bad.log) in caught.value.advice


def test_a_child_that_is_killed_is_started_again_and_said_so(tmp_path: Path) -> None:
    port = own_port()
    address = ReadyAddress("127.0.0.1", port, "/healthz")
    said: list[str] = []

    async def work(running: Supervisor) -> tuple[int | None, int | None]:
        await running.ready()
        first = running.pid("the hub")
        assert first
        os.kill(first, signal.SIGKILL)
        await soon(lambda: running.pid("the hub") not in (None, first))
        async with asyncio.timeout(120):
            while not await answers(address):
                await asyncio.sleep(0.02)
        return first, running.pid("the hub")

    hub = child(tmp_path, "the hub", SERVER, port, answers_at=address)
    first, second = asyncio.run(Supervisor([hub], said.append, QUICK).run(work)) or (None, None)
    assert first != second
    assert said == ["The hub stopped (signal 9). Started again."]


def test_a_child_that_keeps_stopping_is_given_up_and_takes_the_others_along(tmp_path: Path) -> None:
    other = child(tmp_path, "other", SLEEPER)
    bad = child(tmp_path, "the code server", "import sys; sys.exit('No module named moonshine')")
    supervisor = Supervisor([other, bad], lambda _: None, QUICK)
    pids: list[int | None] = []

    async def work(running: Supervisor) -> None:
        await running.ready("other")
        pids.append(running.pid("other"))
        await asyncio.Event().wait()

    with pytest.raises(ChildGaveUp, match=r"the code server keeps stopping .*5 times.*No module named moonshine"):
        asyncio.run(supervisor.run(work))
    assert pids[0]
    assert not psutil.pid_exists(pids[0])


def test_a_child_that_never_answers_is_given_up(tmp_path: Path) -> None:
    port = own_port()
    mute = child(tmp_path, "the hub", SLEEPER, answers_at=ReadyAddress("127.0.0.1", port))
    policy = Policy(grace=3, answer_within=0.3)
    with pytest.raises(ChildGaveUp, match=f"the hub did not answer on port {port}"):
        asyncio.run(Supervisor([mute], print, policy).run(lambda running: running.ready()))


def test_what_ignores_the_asking_is_killed_after_the_grace(tmp_path: Path) -> None:
    there = tmp_path / "there"

    async def work(running: Supervisor) -> int | None:
        await soon(there.exists)
        return running.pid("stubborn")

    pid = asyncio.run(Supervisor([child(tmp_path, "stubborn", STUBBORN, there)], print, Policy(grace=0.5)).run(work))
    assert pid
    assert not psutil.pid_exists(pid)


def test_whoever_waits_for_a_child_hears_how_it_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Ends are taken by asyncio, which waits for its children; reaping them elsewhere costs it their exit codes."""
    # With some memory to give back, an end takes a moment, in which several may wait for it.
    stubborn = "held = b'x' * 50_000_000" + STUBBORN
    several = [child(tmp_path, f"stubborn-{number}", stubborn, tmp_path / f"stubborn-{number}") for number in range(8)]

    async def work(running: Supervisor) -> list[asyncio.subprocess.Process | None]:
        await soon(lambda: all((tmp_path / one.name).exists() for one in several))
        return [running.process(one.name) for one in several]

    ended = asyncio.run(Supervisor(several, print, Policy(grace=0.1)).run(work))
    assert [process and process.returncode for process in ended] == [-signal.SIGKILL] * 8
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_ending_in_the_middle_of_a_start_reaps_nobody_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    several = [child(tmp_path, f"other {number}", SLEEPER) for number in range(8)]

    async def work(_running: Supervisor) -> None:
        for _ in range(3):  # Turns of the loop: some children are forked then, and not all of them known.
            await asyncio.sleep(0)

    supervisor = Supervisor(several, print, QUICK)
    asyncio.run(supervisor.run(work))
    assert marked(supervisor.mark) == []
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_orphans_in_their_own_session_are_ended_too(tmp_path: Path) -> None:
    there = tmp_path / "there"
    left: list[int] = []

    async def work(running: Supervisor) -> None:
        await soon(there.exists)
        first = running.pid("parent")
        assert first
        left.extend(process.pid for process in psutil.Process(first).children())
        os.kill(first, signal.SIGKILL)  # Now the stubborn grandchild has lost its parent.
        await soon(lambda: running.pid("parent") not in (None, first))

    asyncio.run(Supervisor([child(tmp_path, "parent", PARENT, there)], lambda _: None, Policy(grace=0.3)).run(work))
    assert len(left) == 1
    assert not psutil.pid_exists(left[0])


def run_apart(tmp_path: Path, grace: float) -> tuple[subprocess.Popen[str], Path]:
    """A process with a supervisor over a stubborn family; returns it once all are there."""
    there = tmp_path / "there"
    script = tmp_path / "apart.py"
    script.write_text(
        textwrap.dedent(f"""
        import asyncio, os, sys
        from pathlib import Path
        from app.processes.signals import run_until_asked
        from app.processes.children import Child, Policy
        from app.processes.supervisor import Supervisor
        async def work(running):
            await running.ready()
            await asyncio.Event().wait()
        family = Child("family", (sys.executable, "-c", {PARENT!r}, {str(there)!r}), dict(os.environ),
                       Path({str(tmp_path)!r}) / "family.log")
        supervisor = Supervisor([family], print, Policy(grace={grace}))
        print(supervisor.mark, flush=True)
        print("ended:", run_until_asked(supervisor.run(work)), flush=True)
        """)
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(there.exists)
    return process, there


def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    process, _ = run_apart(tmp_path, grace=5)
    assert process.stdout
    mark = process.stdout.readline().strip()
    assert len(marked(mark)) == 2
    process.kill()
    process.wait()
    until(lambda: not marked(mark))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_with_exit_code_zero(tmp_path: Path, number: signal.Signals) -> None:
    process, _ = run_apart(tmp_path, grace=0.3)
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    mark, last = said.splitlines()
    assert (process.returncode, last) == (0, "ended: None")
    assert not marked(mark)


def test_a_second_signal_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    process, _ = run_apart(tmp_path, grace=3600)
    assert process.stdout
    mark = process.stdout.readline().strip()
    parent = next(one for one in marked(mark) if PARENT in argv_of(one))
    process.send_signal(signal.SIGINT)
    until(lambda: not psutil.pid_exists(parent.pid))  # The first signal has arrived: whoever listens has gone.
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert not marked(mark)


def test_the_mark_finds_only_its_own(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], env={**os.environ, MARK: "one"}) as process:
        try:
            until(lambda: [one.pid for one in marked("one")] == [process.pid])
            assert marked("two") == []
        finally:
            process.kill()


def test_pauses_double_up_to_an_end() -> None:
    policy = Policy(first_pause=0.5, longest_pause=3)
    assert [pause_before_restart(deaths, policy) for deaths in (1, 2, 3, 4, 5)] == [0.5, 1, 2, 3, 3]


def test_how_it_ended() -> None:
    assert how_it_ended(3) == "exit code 3"
    assert how_it_ended(-9) == "signal 9"


def test_a_large_log_is_moved_away_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        rotate(log, limit=1000)
        assert log.stat().st_size == 100
        rotate(log, limit=50)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "hub.log.1").stat().st_size == 100


def test_last_words_of_no_log(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log") == ""
