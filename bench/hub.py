"""What a hub takes at rest: processor time with nobody there, with a detector, with a page open.

    python bench/hub.py [--quick] [--seconds N] [--database URL]

A real hub process on SQLite, or on this empty PostgreSQL database; detector and page are sockets of this bench, which
say nothing after their hello. Processor time is that of the hub, user and system. Dagster isn't there: asking it costs
a request every 20 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.hubs import Board, RunningHub, board, detector, running_hub  # noqa: E402

from stinercut.protocol import Ack, CardLabel, FileEntry, FileKind, FileList, Inserted  # noqa: E402

WANTED_PERCENT = 3.0
"""Of one core, with no page open and no card in."""


@contextmanager
def page_open(hub: RunningHub) -> Generator[Board]:
    """A page that has its snapshot."""
    with board(hub) as page:
        page.until(lambda frame: frame["type"] == "snapshot")
        yield page


@contextmanager
def card_in(hub: RunningHub) -> Generator[None]:
    """A detector with a card in whose one file it has been asked for."""
    label, now = CardLabel(card_id="card", label="GOPRO", kind="volume"), datetime.now(UTC)
    file = FileEntry(
        file_id="f", folder="DCIM", name="GX010001.MP4", size=10**6, modified=now.replace(tzinfo=None),
        kind=FileKind.VIDEO, recording="GX010001.MP4",
    )  # fmt: skip
    with detector(hub, "with-a-card") as one:
        one.send(Inserted(insertion_id="in-1", card=label, inserted_at=now))
        one.next(Ack)
        one.send(FileList(insertion_id="in-1", index=0, total=1, files=[file]))
        one.next(Ack)
        yield


def at_rest(hub: RunningHub, seconds: float) -> float:
    """Percent of one core over so many seconds."""
    process = psutil.Process(hub.process.pid)
    time.sleep(3)  # What was under way ends.
    before, begun = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return 100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun)


def main() -> int:
    """Measure and print; 1 when a wish did not hold."""
    options = argparse.ArgumentParser(description="Load of a hub at rest.")
    options.add_argument("--quick", action="store_true", help="10 s each")
    options.add_argument("--seconds", type=float)
    options.add_argument("--database", help="of a PostgreSQL server, e.g. postgresql://me:secret@127.0.0.1/bench")
    given = options.parse_args()
    seconds = given.seconds or (10 if given.quick else 30)
    chosen = {"database_url": given.database} if given.database else {}
    scenes = {
        "nobody there": (),
        "a detector, no card in": (detector,),
        "a detector, its card in": (card_in,),
        "a page open, no card in": (detector, page_open),
        "a page open, a card in": (card_in, page_open),
    }
    measured: dict[str, float] = {}
    for name, guests in scenes.items():
        with ExitStack() as there:
            place = there.enter_context(tempfile.TemporaryDirectory(prefix="bench-hub-"))
            hub = there.enter_context(running_hub(Path(place), **chosen))
            for guest in guests:
                there.enter_context(guest(hub))
            measured[name] = at_rest(hub, seconds)
    print(f"a hub at rest, each over {seconds:.0f} s")
    print(f"{'':28}{'% of a core':>13}")
    for name, load in measured.items():
        print(f"{name:28}{load:13.2f}")
    idle = max(measured["nobody there"], measured["a detector, no card in"])
    holds = idle < WANTED_PERCENT
    print(f"wanted: with no page open and no card in under {WANTED_PERCENT} % of a core; measured {idle:.2f}: "
          f"{'held' if holds else 'did NOT hold'}")  # fmt: skip
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
