"""What a detector takes of its host: memory with a card of 2,000 files in, processor time at rest.

    python bench/detector.py [--quick] [--files N] [--seconds N]

A real hub process and a real detector process. One file in twenty is small, so that it is asked for and copied; the
others are large (sparse) and wait. Memory is what the process has resident: the most it ever had, copying included
(Linux counts shared libraries in), and what it has at rest. Processor time is that of the process, user and system.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.hubs import RunningHub, running_hub  # noqa: E402

from detector.sources.folders import eject_folder, insert_folder  # noqa: E402

WANTED_MB = 100
WANTED_PERCENT = 1.0
"""Of one core: "without measurable load" in a number."""
SMALL = 1_000_000
LARGE = 500_000_000
PATIENCE_S = 300


def make_card(folder: Path, files: int) -> int:
    """A camera's folders with so many files; returns how many of them are small."""
    small = 0
    for number in range(files):
        place = folder / "DCIM" / f"{100 + number // 999}GOPRO"
        place.mkdir(parents=True, exist_ok=True)
        with (place / f"GX01{number:04d}.MP4").open("wb") as file:
            if number % 20 == 0:
                file.write(os.urandom(SMALL))
                small += 1
            else:
                file.truncate(LARGE + number)
    return small


@contextmanager
def running_detector(hub: RunningHub, log: Path) -> Generator[psutil.Process]:
    """The detector as `stinercut detector` starts it."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "detector"],
            env=os.environ | hub.settings.environment() | {"STINERCUT_WATCH_MOUNTS": "true"},
            stderr=out,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def card_states(hub: RunningHub) -> list[tuple[int, int]]:
    """Of each card: files found, and files copied."""
    cards = httpx.get(f"{hub.url}/api/cards").json()["cards"]
    return [(card["files"]["found"], card["files"]["copied"]) for card in cards if card["removed_at"] is None]


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something; ends the bench when it doesn't come."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"it never came: {what}")
        time.sleep(0.2)


def at_rest(process: psutil.Process, seconds: float) -> float:
    """Percent of one core over so many seconds."""
    time.sleep(3)  # What was under way ends.
    before, begun = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return 100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun)


def most_mb(process: psutil.Process) -> float:
    """The most that the process ever had resident, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM:"))


def main() -> int:
    """Measure and print; 1 when a wish did not hold."""
    options = argparse.ArgumentParser(description="Memory and load of a detector.")
    options.add_argument("--quick", action="store_true", help="400 files, 5 s of rest")
    options.add_argument("--files", type=int)
    options.add_argument("--seconds", type=float)
    given = options.parse_args()
    files = given.files or (400 if given.quick else 2000)
    seconds = given.seconds or (5 if given.quick else 30)
    with tempfile.TemporaryDirectory(prefix="bench-detector-") as place:
        card, data = Path(place) / "GOPRO", Path(place) / "data"
        small = make_card(card, files)
        with running_hub(data, fresh=True) as hub, running_detector(hub, Path(place) / "log") as process:
            wait_until("the detector", lambda: "Connected" in (Path(place) / "log").read_text())
            empty, before = at_rest(process, seconds), process.memory_info().rss / 1e6
            insert_folder(hub.settings, card)
            wait_until("all small files copied", lambda: card_states(hub) == [(files, small)])
            full, after = at_rest(process, seconds), process.memory_info().rss / 1e6
            eject_folder(hub.settings, card)
            wait_until("the card out", lambda: card_states(hub) == [])
            most = most_mb(process)
    load = max(empty, full)
    print(f"a card of {files} files, {small} of them copied; rest measured over {seconds:.0f} s")
    print(f"{'':28}{'MB resident':>12}{'% of a core':>13}")
    print(f"{'no card in, at rest':28}{before:12.1f}{empty:13.2f}")
    print(f"{'the card stays in, at rest':28}{after:12.1f}{full:13.2f}")
    print(f"{'the most it ever had':28}{most:12.1f}")
    print(f"wanted: under {WANTED_MB} MB; measured {most:.1f}: {'held' if most < WANTED_MB else 'did NOT hold'}")
    print(f"wanted: at rest under {WANTED_PERCENT} % of a core; measured {load:.2f}: "
          f"{'held' if load < WANTED_PERCENT else 'did NOT hold'}")  # fmt: skip
    return 0 if most < WANTED_MB and load < WANTED_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
