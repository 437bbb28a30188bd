"""What a whole `stinercut up` takes at rest, by process, and how long its start takes.

    python bench/at_rest.py [--seconds N]

A real `stinercut up` of its own: SQLite, a new data folder, no card, no page open. Processor time is user and system.
Memory is PSS, which counts a page that several processes share once in all. Start: from the command to a board that
answers, and to a Dagster that takes a run, with the processor time of all processes beside it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.process_facts import argv_of, children_of  # noqa: E402
from support.stacks import Stack  # noqa: E402

WANTED_PERCENT, WANTED_MB = 3.0, 500.0
"""Of one core, and of memory, for everything."""
WANTED_BOARD_S, WANTED_RUN_S = 4.0, 8.0
SETTLING_S = 40.0
"""After the start, until first ticks and the deletion of old ones are over."""


@dataclass(frozen=True)
class Taken:
    """One process. `cpu_s`: user and system since it began; memory in bytes."""

    name: str
    cpu_s: float
    pss: int
    uss: int


def name_of(process: psutil.Process) -> str:
    """What `python -m` started, or a forked process's own name."""
    words = argv_of(process)
    if "-m" in words:
        after = words[words.index("-m") + 1 :]
        return " ".join(after[:2]) if after[0] == "app.engine.dagster_child" else after[0]
    return " ".join(words)[:60]


def taken_by(top: psutil.Process) -> dict[int, Taken]:
    """All processes of the stack by their number; one that ends meanwhile is left out."""
    found: dict[int, Taken] = {}
    for one in (top, *children_of(top, recursive=True)):
        try:
            times, memory = one.cpu_times(), one.memory_full_info()
            found[one.pid] = Taken(name_of(one), times.user + times.system, memory.pss, memory.uss)
        except psutil.Error:
            continue
    return found


def answers(port: int) -> bool:
    """Whether the board is there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def start(stack: Stack) -> tuple[float, float, float]:
    """Seconds to the board and to a Dagster that takes a run, and the processor seconds of all until then."""
    began = time.monotonic()
    stack.start()
    while not answers(stack.ports[0]):
        time.sleep(0.02)
    board_s = time.monotonic() - began
    stack.wait_for("Dagster:")
    ready_s = time.monotonic() - began
    return board_s, ready_s, sum(one.cpu_s for one in taken_by(psutil.Process(stack.process.pid)).values())


def rest(stack: Stack, seconds: float) -> None:
    """Print what each process takes over so many seconds."""
    top = psutil.Process(stack.process.pid)
    time.sleep(SETTLING_S)
    before, began = taken_by(top), time.monotonic()
    time.sleep(seconds)
    after, took = taken_by(top), time.monotonic() - began
    print("\n| process | % of a core | PSS MB | USS MB |\n|---|---|---|---|")
    percent = pss = 0.0
    for pid, one in after.items():
        used = 100 * (one.cpu_s - before[pid].cpu_s) / took if pid in before else 0.0
        percent, pss = percent + used, pss + one.pss / 1e6
        print(f"| {one.name} | {used:.2f} | {one.pss / 1e6:.0f} | {one.uss / 1e6:.0f} |")
    print(f"| all (wanted: {WANTED_PERCENT}, {WANTED_MB:.0f}) | {percent:.2f} | {pss:.0f} | |")


def main() -> None:
    """Measure the start, then the rest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "data")
        try:
            board_s, ready_s, cpu_s = start(stack)
            print(f"Board after {board_s:.1f} s (wanted {WANTED_BOARD_S}), Dagster after {ready_s:.1f} s", end=" ")
            print(f"(wanted {WANTED_RUN_S}), with {cpu_s:.1f} s of a core.", flush=True)
            rest(stack, asked.seconds)
        finally:
            stack.clean()


if __name__ == "__main__":
    main()
