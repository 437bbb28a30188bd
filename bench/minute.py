"""The minute after a card goes in: when names are on the board and films are done, as people see it.

    python bench/minute.py [--quick] [--only SCENARIO]... [--fleet] [--browser] [--jumps-before N] [--pictures FOLDER]

Scenarios: one-small, one-large (one jump, four clips of 15 s in 1080p), ten-small, ten-large (ten jumps, three clips of
5 s each). `large`: the files count as large, so that codes come from proxies and clips after them.

A real `stinercut up`, a folder as a card, the board's own socket as a browser has it; moments are those of the
catalog's events and of the board's frames. Next to it, in the same run: `stinercut render` of the same clips with as
many workers (the floor), and one ffmpeg filter graph. Times are wall times: run it where nothing else runs.
Ends with 1 when something wanted doesn't hold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]

import minute_spans as spans  # noqa: E402
import render as render_bench  # noqa: E402
import render_ours as ours  # noqa: E402
from minute_spans import Span  # noqa: E402
from orchestration import fingerprints, keys_of  # noqa: E402
from sqlalchemy import select  # noqa: E402
from support.browsers import chromium  # noqa: E402
from support.many_jumps import fill  # noqa: E402
from support.scenarios import insert  # noqa: E402
from support.stacks import SetUp, embedded, fleet  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from stinercut.catalog import Catalog, migrate  # noqa: E402
from stinercut.catalog.models import Event  # noqa: E402
from stinercut.settings import Settings  # noqa: E402
from stinercut.synthetic.card import CardMade, JumpMade, make_card  # noqa: E402

WORKERS = 2
NAME_WITHIN = 3.0
"""Seconds from a code's file being durable to the name on the board."""
FIRST_STEP_WITHIN = 2.0
"""Seconds from a jump's last file to its film's first step."""
OF_THE_FLOOR, AND_SECONDS = 1.05, 5.0
"""From a jump's last file to its film: so many times what `stinercut render` takes, and so many seconds."""
ALL_SMALL, ALL_LARGE = 100_000_000_000, 1
"""Bytes up to which a file counts as small."""


@dataclass(frozen=True)
class Scenario:
    """A card and how its files count."""

    jumps: int
    clips: int
    seconds: float
    size: tuple[int, int]
    small_file_limit: int


def scenarios(quick: bool) -> dict[str, Scenario]:
    """All of them by name."""
    size = (640, 360) if quick else (1920, 1080)
    one, ten = ((1, 2, 2.0), (2, 2, 1.0)) if quick else ((1, 4, 15.0), (10, 3, 5.0))
    return {
        f"{name}-{kind}": Scenario(*numbers, size, limit)
        for name, numbers in (("one", one), ("ten", ten))
        for kind, limit in (("small", ALL_SMALL), ("large", ALL_LARGE))
    }


# What people see -----------------------------------------------------------------------------------------------------


@dataclass
class BoardClock:
    """When the board showed what, as a browser gets it: seconds since 1970 by jump."""

    names: dict[str, float] = field(default_factory=dict[str, float])

    def take(self, frame: Mapping[str, Any], now: float) -> None:
        """Note what a frame shows for the first time."""
        if frame["type"] == "jump" and frame["jump"]["passenger"]:
            self.names.setdefault(frame["jump"]["jump"], now)


@contextmanager
def watched(port: int) -> Generator[BoardClock]:
    """The board of that hub, followed until the block ends."""
    clock = BoardClock()
    with connect(f"ws://127.0.0.1:{port}/ws/board", max_size=None, proxy=None) as socket:
        socket.recv(timeout=60)

        def follow() -> None:
            for frame in socket:
                clock.take(json.loads(frame), time.time())

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        yield clock
    thread.join(10)


@dataclass(frozen=True)
class CardEvents:
    """The catalog's events of a card and its jumps, with their times."""

    events: Sequence[tuple[float, Event]]

    def first(self, kind: str, **of: str) -> float:
        """When something was first written. Raises LookupError where it never was."""
        for at, event in self.events:
            if event.type == kind and all(getattr(event, name) == value for name, value in of.items()):
                return at
        raise LookupError(f"no {kind} of {of}")

    def copied(self, names: Sequence[str]) -> list[float]:
        """When these files of the camera, or proxies of them, became durable; by recording, earliest first."""
        wanted = {_recording(name) for name in names}
        return [
            at for at, event in self.events
            if event.type == "card:file_copied" and _recording(str(event.data["file"])) in wanted
        ]  # fmt: skip


def _recording(name: str) -> str:
    """What a GoPro's file and its proxy have in common: GX010001.MP4, GL010001.LRV."""
    return Path(name).stem[2:]


def events_of(catalog: Catalog) -> CardEvents:
    """All that is written by now."""
    with catalog.read() as session:
        found = session.execute(select(Event).order_by(Event.event_id)).scalars()
        return CardEvents([(event.at.timestamp(), event) for event in found])


# Driving it ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of a card: seconds of each jump, and where the time went."""

    names: Sequence[float]
    identified: float
    first_steps: Sequence[float]
    films: Sequence[float]
    """From each jump's last file."""
    all_films: float
    """From the card's last file to the last film."""
    shares: Mapping[str, float]
    picture: str


def tried(scenario: Scenario, folder: Path, options: argparse.Namespace) -> tuple[CardMade, Outcome]:
    """Put the scenario's card into an installation of its own, and wait for its films."""
    card = folder / "CARD"
    made = make_card(card, scenario.jumps, scenario.clips, scenario.seconds, scenario.size, seed=5)
    data = folder / "data"
    if options.jumps_before:
        fill_before(data, options.jumps_before)
    given = {"STINERCUT_SMALL_FILE_LIMIT": str(scenario.small_file_limit), "STINERCUT_WORKERS": str(WORKERS)}
    starting = fleet(data, workers=WORKERS, environment=given) if options.fleet else embedded(data, given)
    with ExitStack() as opened:
        setup = opened.enter_context(starting)
        leads = setup.environment.get("STINERCUT_DATABASE_URL")
        catalog = Catalog.open(leads or Settings(data=data).catalog_url)
        opened.callback(catalog.close)
        if options.browser:
            opened.enter_context(chromium()).new_page().goto(f"http://127.0.0.1:{setup.stack.ports[0]}/")
        board = opened.enter_context(watched(setup.stack.ports[0]))
        at_rest(setup)
        insert(setup.stack, card)
        until_done(catalog, keys_of([made]))
        return made, outcome_of(made, events_of(catalog), board, dagster_of(setup))


def fill_before(data: Path, jumps: int) -> None:
    """A catalog with that many jumps of before, as a season leaves it."""
    settings = Settings(data=data)
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    fill(catalog, jumps, fingerprints()[""])
    catalog.close()


def at_rest(setup: SetUp, seconds: float = 120) -> None:
    """Wait until starting is over: what has been started uses less than a tenth of a core for three seconds."""
    deadline = time.monotonic() + seconds
    while True:
        before = cpu_of(setup)
        time.sleep(3)
        if cpu_of(setup) - before < 0.3:
            return
        assert time.monotonic() < deadline, "the installation did not come to rest"


def cpu_of(setup: SetUp) -> float:
    """CPU seconds of all processes of an installation that live."""
    used = 0.0
    for process in setup.stack.processes():
        try:
            times = process.cpu_times()
        except Exception:
            continue
        used += times.user + times.system
    return used


def until_done(catalog: Catalog, keys: Sequence[str], seconds: float = 1800) -> None:
    """Wait until these jumps have their films. Raises AssertionError where one fails."""
    deadline = time.monotonic() + seconds
    while True:
        events = events_of(catalog).events
        failed = [event.data for _, event in events if event.type == "pipeline:failed"]
        assert not failed, failed[0]
        if set(keys) <= {event.jump_key for _, event in events if event.type == "pipeline:completed"}:
            return
        assert time.monotonic() < deadline, "not done"
        time.sleep(0.5)


def dagster_of(setup: SetUp) -> Mapping[str, Any]:
    """What Dagster wrote down, once its runs have ended."""
    surroundings = {**os.environ, **setup.environment, "DAGSTER_HOME": str(setup.stack.data / "dagster")}
    words = [sys.executable, "-W", "ignore", str(ROOT / "bench" / "minute_runs.py")]
    deadline = time.monotonic() + 60
    while True:
        said = subprocess.run(words, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True).stdout
        found: Mapping[str, Any] = json.loads(said.strip().splitlines()[-1])
        if all("ended" in run["moments"] for run in found["runs"]) or time.monotonic() > deadline:
            return found


def outcome_of(made: CardMade, events: CardEvents, board: BoardClock, dagster: Mapping[str, Any]) -> Outcome:
    """Count what happened."""
    keys = keys_of([made])
    inserted, identified = events.first("card:inserted"), events.first("card:identified")
    last = {jump.payload.jump_key: max(events.copied(jump.clips)) for jump in made.jumps}
    names = [board.names[jump.payload.jump_key] - min(events.copied([jump.qr_file])) for jump in made.jumps]
    done = {key: events.first("pipeline:completed", jump_key=key) for key in keys}
    steps = {key: first_step(dagster, key) - last[key] for key in keys}
    found = [*spans.spans_of_runs(dagster["runs"]), *copying(made, events, inserted)]
    found = [span for span in found if span.start >= inserted - 1 and span.start < max(done.values())]
    marks = {
        "card seen": inserted,
        "all files durable": max(last.values()),
        "first name on the board": min(board.names.values()),
        "last name on the board": max(board.names.values()),
        "card identified": identified,
        "first film": min(done.values()),
        "last film": max(done.values()),
    }
    return Outcome(
        names=names,
        identified=identified - inserted,
        first_steps=list(steps.values()),
        films=[done[key] - last[key] for key in keys],
        all_films=max(done.values()) - max(last.values()),
        shares=spans.shares(found, inserted, max(done.values())),
        picture=spans.waterfall(f"{len(keys)} jump(s)", found, marks, inserted),
    )


def copying(made: CardMade, events: CardEvents, inserted: float) -> list[Span]:
    """The copying of the card as one span."""
    files = [name for jump in made.jumps for name in jump.files]
    return [Span("card", "copy", "copying", inserted, max(events.copied(files)))]


def first_step(dagster: Mapping[str, Any], key: str) -> float:
    """When the first step of this jump's film began, in whichever run."""
    return min(
        step["started"]
        for run in dagster["runs"] if run["partition"] == key
        for step in run["steps"].values() if "started" in step
    )  # fmt: skip


# The floor -----------------------------------------------------------------------------------------------------------


def floor(made: CardMade, folder: Path) -> float:
    """Wall seconds of `stinercut render` for all films of a card, one after the other."""
    began = time.monotonic()
    for jump in made.jumps:
        words = [sys.executable, "-m", "app.cli", "render", *map(str, clips_of(made, jump))]
        words += ["-o", str(folder / f"floor-{jump.number}.mp4"), "--name", jump.payload.passenger_name]
        words += ["--workers", str(WORKERS), "--data", str(folder / "floor")]
        subprocess.run(words, check=True, capture_output=True, cwd=ROOT)
    return time.monotonic() - began


def one_pass(made: CardMade, folder: Path, size: tuple[int, int]) -> float:
    """Wall seconds of one ffmpeg filter graph for each film of the card."""
    total = 0.0
    for jump in made.jumps:
        edit = ours.Edit(tuple(clips_of(made, jump)), *size, 30, name=jump.payload.passenger_name)
        work = render_bench.single_pass(edit, ours.cards(edit, folder), folder)
        total += render_bench.measured(work).wall
    return total


def clips_of(made: CardMade, jump: JumpMade) -> list[Path]:
    """The files of a jump's clips."""
    return [made.folder / "DCIM" / "100GOPRO" / name for name in jump.clips]


# The bench -----------------------------------------------------------------------------------------------------------


def judged(name: str, scenario: Scenario, folder: Path, options: argparse.Namespace) -> list[tuple[str, str, bool]]:
    """Measure a scenario; what was wanted, what it is, whether it held."""
    made, outcome = tried(scenario, folder, options)
    floor_seconds = floor(made, folder)
    single = one_pass(made, folder, scenario.size)
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
        (options.pictures / f"minute-{name}.svg").write_text(outcome.picture, encoding="utf-8")
    total = sum(outcome.shares.values())
    print(f"{name}: card to last film {total:.1f} s; `stinercut render` {floor_seconds:.1f} s, one pass {single:.1f} s")
    for kind, seconds in outcome.shares.items():
        if seconds:
            print(f"    {spans.KINDS[kind][0]:32}{seconds:7.1f} s {seconds / total:6.1%}")
    most = OF_THE_FLOOR * floor_seconds + AND_SECONDS
    return [
        (f"names, at most {NAME_WITHIN:g} s after their code's file", words_of(outcome.names),
         max(outcome.names) <= NAME_WITHIN),
        (f"a film's first step, at most {FIRST_STEP_WITHIN:g} s after its last file", words_of(outcome.first_steps),
         max(outcome.first_steps) <= FIRST_STEP_WITHIN),
        (f"the last film, at most {most:.1f} s after the card's last file", f"{outcome.all_films:.1f} s",
         outcome.all_films <= most),
    ]  # fmt: skip


def words_of(seconds: Sequence[float]) -> str:
    """Median and largest."""
    return f"{statistics.median(seconds):.1f} s (of {len(seconds)}, at most {max(seconds):.1f})"


def main() -> int:
    """Run the scenarios; ends with what was wanted and whether it held."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--quick", action="store_true", help="small and short, to try the bench itself")
    asked.add_argument("--only", action="append", choices=scenarios(True), help="only this one; may be repeated")
    asked.add_argument("--fleet", action="store_true", help="PostgreSQL, Redis and two Celery workers")
    asked.add_argument("--browser", action="store_true", help="the board is open in Chromium meanwhile")
    asked.add_argument("--jumps-before", type=int, default=0, metavar="N", help="jumps that the catalog has already")
    asked.add_argument("--pictures", type=Path, metavar="FOLDER", help="where to write the waterfalls (SVG)")
    options = asked.parse_args()
    found: list[tuple[str, str, bool]] = []
    for name, scenario in scenarios(options.quick).items():
        if name in (options.only or scenarios(True)):
            with tempfile.TemporaryDirectory(prefix=f"minute-{name}-") as folder:
                lines = judged(name, scenario, Path(folder), options)
                found += [(f"{name}: {what}", got, held) for what, got, held in lines]
    print()
    for what, got, held in found:
        print(f"{'held    ' if held else 'NOT held'}  {what}: {got}")
    return 0 if all(held for *_, held in found) else 1


if __name__ == "__main__":
    sys.exit(main())
