"""What Dagster and the catalog cost around the work itself: latency, overhead of steps, 50,000 jumps, many cards.

    python bench/orchestration.py [--quick] [--only PART]...

Parts: catalog (50,000 jumps), steps (an empty step by executor), latency (from a file's arrival to the run's first
step), share (of orchestration in a jump of 4 clips of 15 s in 1080p), cards (ten at once), workers (from 1 to 4).
The last four drive a whole `stinercut up` each. Times are wall times: read them where nothing else runs; `--quick` is
for trying the bench itself.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import dagster as dg  # noqa: E402
import httpx  # noqa: E402
import psutil  # noqa: E402
from sqlalchemy import insert, select  # noqa: E402
from support.hubs import running_hub  # noqa: E402
from support.scenarios import insert as put_in  # noqa: E402
from support.stacks import SetUp, embedded  # noqa: E402

from sensors.arriving_clips import arriving_clips  # noqa: E402
from sensors.ended_runs import ended_runs  # noqa: E402
from sensors.new_manifests import new_manifests  # noqa: E402
from sensors.ready_jumps import ready_jumps  # noqa: E402
from stinercut.catalog import Catalog, migrate  # noqa: E402
from stinercut.catalog.models import (  # noqa: E402
    Card,
    CardFile,
    Event,
    Film,
    ImportedFile,
    Insertion,
    Jump,
    JumpFile,
    ManifestEntry,
)
from stinercut.settings import Settings  # noqa: E402
from stinercut.synthetic.card import CardMade, make_card  # noqa: E402

FOUND: list[tuple[str, str, str, bool]] = []
"""What was wanted, what it was to be, what it is, whether it held."""


def judge(what: str, wanted: str, found: str, held: bool) -> None:
    """Note one figure for the end."""
    FOUND.append((what, wanted, found, held))
    print(f"    {what}: {found} (wanted: {wanted})", flush=True)


# ---- the catalog ----------------------------------------------------------------------------------------------------


def fill(catalog: Catalog, jumps: int) -> None:
    """So many finished jumps with two clips each, on cards of twenty jumps, over the last years."""
    per_card, today, now = 20, date.today(), datetime.now(UTC)
    files_of = 3
    with catalog.write() as session:
        for first in range(0, jumps, 5000):
            numbers = range(first, min(first + 5000, jumps))
            cards = sorted({n // per_card for n in numbers})
            days = {n: today - timedelta(days=(jumps - n) // 100) for n in numbers}
            session.execute(insert(Card), [{"card_id": f"c{c}", "label": "GOPRO", "kind": "volume"} for c in cards])
            session.execute(
                insert(Insertion),
                [
                    {"insertion_id": f"i{c}", "card_id": f"c{c}", "detector_id": "local", "chunks_seen": [0],
                     "chunks_total": 1, "inserted_at": now - timedelta(days=(jumps // per_card - c) // 5),
                     "listed_at": now, "removed_at": now}
                    for c in cards
                ],
            )  # fmt: skip
            rows = [(n, part, files_of * n + part + 1) for n in numbers for part in range(files_of)]
            session.execute(
                insert(CardFile),
                [
                    {"card_file_id": row, "card_id": f"c{n // per_card}", "folder": "DCIM", "name": f"GX{row:08}.MP4",
                     "size": 60_000_000 + row, "modified": datetime.combine(days[n], datetime.min.time()),
                     "kind": "video", "recording": str(row), "chapter": 0}
                    for n, _, row in rows
                ],
            )  # fmt: skip
            session.execute(
                insert(ImportedFile),
                [{"card_file_id": row, "content_hash": f"{row:032x}", "size": 60_000_000 + row} for _, _, row in rows],
            )
            session.execute(
                insert(ManifestEntry),
                [
                    {"insertion_id": f"i{n // per_card}", "file_id": str(row), "card_file_id": row, "early": part == 0,
                     "state": "copied"}
                    for n, part, row in rows
                ],
            )  # fmt: skip
            keys = {n: f"{days[n]}_B-{n}" for n in numbers}
            session.execute(
                insert(Jump),
                [
                    {"jump_key": keys[n], "jump_date": days[n], "booking_id": f"B-{n}", "passenger_name": f"Anna {n}",
                     "card_id": f"c{n // per_card}", "state": "done", "wanted_version": f"{n:032x}",
                     "produced_version": f"{n:032x}", "run_id": f"run-{n}",
                     "changed_at": now - timedelta(minutes=10 + jumps - n),
                     "created_at": now - timedelta(minutes=jumps - n)}
                    for n in numbers
                ],
            )  # fmt: skip
            session.execute(
                insert(JumpFile),
                [
                    {"card_file_id": row, "jump_key": keys[n], "role": "clip" if part else "qr", "position": part}
                    for n, part, row in rows
                ],
            )
            session.execute(
                insert(Film),
                [
                    {"jump_key": keys[n], "version": f"{n:032x}", "file_name": f"{keys[n]}/{keys[n]}.mp4",
                     "passenger_name": f"Anna {n}", "template": "classic", "template_fingerprint": "f" * 32,
                     "seconds": 60.0, "frames": 1800, "size": 60_000_000, "checks": [], "run_id": f"run-{n}",
                     "made_in": 60.0}
                    for n in numbers
                ],
            )  # fmt: skip


def in_the_catalog(folder: Path, quick: bool) -> None:
    """Ticks of all sensors, the board, and the hub's memory with 50,000 jumps."""
    jumps = 5000 if quick else 50_000
    os.environ["STINERCUT_DATA"] = str(folder / "catalog")
    settings = Settings()
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    began = time.monotonic()
    fill(catalog, jumps)
    print(f"    {jumps} jumps written in {time.monotonic() - began:.0f} s", flush=True)
    import sensors.news

    sensors.news.LOOK_FOR_S = 0.0
    with dg.DagsterInstance.ephemeral() as instance:
        slowest = 0.0
        for sensor in (new_manifests, ready_jumps, arriving_clips, ended_runs):

            def tick(sensor: dg.SensorDefinition = sensor) -> None:
                with dg.build_sensor_context(instance=instance) as context:
                    sensor(context)

            taken = median_of(tick, 7)
            slowest = max(slowest, taken)
            print(f"    tick of {sensor.name}: {taken:.4f} s")
    judge(f"slowest sensor tick with {jumps} jumps", "under 0.1 s", f"{slowest:.3f} s", slowest < 0.1)
    with running_hub(folder / "catalog") as hub, httpx.Client(base_url=hub.url, timeout=60) as http:
        slowest = 0.0
        for path in ("/", "/api/jumps", "/api/cards"):

            def ask(path: str = path) -> None:
                http.get(path).raise_for_status()

            taken = median_of(ask, 9)
            slowest = max(slowest, taken)
            print(f"    {path}: {taken:.3f} s")
        taken = median_of(lambda: snapshot(hub.settings.hub_port), 5)
        print(f"    the board's first picture: {taken:.3f} s")
        slowest = max(slowest, taken)
        judge(f"board page with {jumps} jumps", "under 0.2 s", f"{slowest:.3f} s", slowest < 0.2)
        memory = psutil.Process(hub.process.pid).memory_info().rss / 1e6
        judge("the hub's memory", "under 250 MB", f"{memory:.0f} MB", memory < 250)
    catalog.close()


def snapshot(port: int) -> None:
    """Open the board and take its first frame."""
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}/ws/board", max_size=None, proxy=None) as socket:
        assert json.loads(socket.recv(timeout=60))["type"] == "snapshot"


def median_of(work: Callable[[], object], times: int) -> float:
    """Median of the wall times, in seconds; the first time does not count."""
    work()
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


# ---- empty steps ----------------------------------------------------------------------------------------------------

STEPS = """
import dagster as dg

@dg.op(out=dg.DynamicOut(int))
def fan(context):
    for n in range(int(context.run.tags["steps"])):
        yield dg.DynamicOutput(n, mapping_key=str(n))

@dg.op
def nothing(n: int) -> int:
    return n

@dg.graph
def steps():
    fan().map(nothing)

one = {"max_concurrent": 1}
ways = {
    "in_process": dg.in_process_executor,
    "forkserver": dg.multiprocess_executor.configured(
        {**one, "start_method": {"forkserver": {"preload_modules": ["dagster"]}}}
    ),
    "spawn": dg.multiprocess_executor.configured({**one, "start_method": {"spawn": {}}}),
}
in_process, forkserver, spawn = (
    steps.to_job(name=name, executor_def=executor) for name, executor in ways.items()
)
"""


def empty_steps(folder: Path, quick: bool) -> None:
    """Seconds for a step that does nothing, one after the other, by executor; from a run with few and one with more."""
    from dagster._core.definitions.reconstruct import ReconstructableJob

    file = folder / "empty_steps.py"
    file.write_text(STEPS)
    (folder / "steps").mkdir()
    few, more = (2, 6) if quick else (5, 25)
    taken: dict[str, float] = {}
    with dg.DagsterInstance.local_temp(str(folder / "steps")) as instance:
        for way in ("in_process", "forkserver", "spawn"):
            walls: list[float] = []
            for count in (few, more):
                began = time.perf_counter()
                job = ReconstructableJob.for_file(str(file), way)
                quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
                with dg.execute_job(job, instance, run_config=quiet, tags={"steps": str(count)}) as result:
                    assert result.success
                walls.append(time.perf_counter() - began)
            taken[way] = (walls[1] - walls[0]) / (more - few)
            print(f"    {way}: {taken[way]:.3f} s a step", flush=True)
    held = taken["in_process"] < taken["forkserver"] < taken["spawn"]
    words = " < ".join(f"{way} {seconds:.2f} s" for way, seconds in taken.items())
    judge("an empty step", "in-process < forkserver < spawn", words, held)


# ---- a whole stack --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timed:
    """What happened in a stack, with the times that the catalog wrote down (seconds since 1970)."""

    setup: SetUp
    catalog: Catalog

    def events(self, *kinds: str) -> list[tuple[float, Event]]:
        """Events of these types in their order."""
        with self.catalog.read() as session:
            found = session.execute(select(Event).where(Event.type.in_(kinds)).order_by(Event.event_id)).scalars()
            return [(event.at.timestamp(), event) for event in found]

    def until_done(self, keys: Iterable[str], seconds: float = 1800) -> None:
        """Wait until these jumps have their films."""
        wanted, deadline = set(keys), time.monotonic() + seconds
        while wanted - {str(event.jump_key) for _, event in self.events("pipeline:completed")}:
            failed = self.events("pipeline:failed")
            assert not failed, failed[0][1].data
            assert time.monotonic() < deadline, "not done"
            time.sleep(0.3)

    def put_in(self, card: Path) -> None:
        """Put a card in."""
        put_in(self.setup.stack, card)


@contextmanager
def stack(folder: Path, **environment: str) -> Generator[Timed]:
    """A whole `stinercut up` with these settings."""
    with embedded(folder, {f"STINERCUT_{name.upper()}": value for name, value in environment.items()}) as setup:
        catalog = Catalog.open(Settings(data=folder).catalog_url)
        try:
            yield Timed(setup, catalog)
        finally:
            catalog.close()


def keys_of(cards: Sequence[CardMade]) -> list[str]:
    """The jumps of these cards."""
    return [jump.payload.jump_key for card in cards for jump in card.jumps]


def latency(folder: Path, quick: bool) -> None:
    """Cards one after the other: all files are small, or codes come from proxies and clips after."""
    for limit, kind in ((50_000_000, "small files"), (1, "large files")):
        with stack(folder / f"latency-{limit}", small_file_limit=str(limit)) as timed:
            for number in range(2 if quick else 9):
                card = folder / f"CARD-{limit}-{number}"
                made = make_card(card, 1, 2, 1.0, (320, 180), seed=number + limit, first_jump=1 + number)
                timed.put_in(card)
                timed.until_done(keys_of([made]))
            identities, runs = delays(timed)
        words = f"{statistics.median(identities):.1f} s (of {len(identities)}, at most {max(identities):.1f})"
        judge(f"identity after the early files, {kind}", "median under 6 s", words, statistics.median(identities) < 6)
        words = f"{statistics.median(runs):.1f} s (of {len(runs)}, at most {max(runs):.1f})"
        judge(
            f"a film's first step after the last file, {kind}", "median under 6 s", words, statistics.median(runs) < 6
        )


def delays(timed: Timed) -> tuple[list[float], list[float]]:
    """Seconds from a card's last early file to its first code, and from a jump's last file to its run's first step."""
    copied = timed.events("card:file_copied", "card:identified")
    identities = [
        at - max(when for when, event in copied if event.card_id == code.card_id and when < at)
        for at, code in firsts(timed.events("pipeline:qr_decoded"), lambda event: str(event.card_id))
    ]
    card_of = {key: event.card_id for _, event in copied for key in event.data.get("jumps", ())}
    runs = [
        at - max(when for when, event in copied if event.card_id == card_of[str(begun.jump_key)] and when < at)
        for at, begun in firsts(timed.events("pipeline:started"), lambda event: str(event.jump_key))
    ]
    return identities, runs


def firsts(found: list[tuple[float, Event]], key: Callable[[Event], str]) -> list[tuple[float, Event]]:
    """The first event for each key."""
    seen: dict[str, tuple[float, Event]] = {}
    for at, event in found:
        seen.setdefault(key(event), (at, event))
    return list(seen.values())


def share(folder: Path, quick: bool) -> None:
    """How much of a film's run is not spent in steps that render."""
    clips, seconds, size = (2, 3.0, (640, 360)) if quick else (4, 15.0, (1920, 1080))
    with stack(folder / "share") as timed:
        card = folder / "SHARE"
        made = make_card(card, 1, clips, seconds, size, seed=5)
        timed.put_in(card)
        timed.until_done(keys_of([made]))
        wall, rendering = run_times(timed.setup.stack.data / "dagster")
    part = 1 - rendering / wall
    judge(
        f"share of orchestration, {clips} clips of {seconds:.0f} s",
        "under 10 %",
        f"{part:.1%} of {wall:.0f} s",
        part < 0.1,
    )


def run_times(home: Path) -> tuple[float, float]:
    """Wall time of the film's run, and for how long of it at least one rendering step was going on."""
    code = (
        "import dagster as dg, json, time\n"
        "with dg.DagsterInstance.get() as instance:\n"
        "    wanted = dg.RunsFilter(job_name='produce_jump')\n"
        "    while not (record := instance.get_run_records(wanted)[0]).end_time:\n"
        "        time.sleep(0.2)\n"
        "    steps = instance.get_run_step_stats(record.dagster_run.run_id)\n"
        "    times = [[step.step_key, step.start_time, step.end_time] for step in steps]\n"
        "    print(json.dumps([record.start_time, record.end_time, times]))"
    )
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env={**os.environ, "DAGSTER_HOME": str(home)}, cwd=ROOT,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    start, end, steps = json.loads(said.strip().splitlines()[-1])
    busy, until = 0.0, start
    words = ("render_clip", "title_and_outro", "rendered_video")
    for _, began, ended in sorted(
        (one for one in steps if any(word in one[0] for word in words)), key=lambda one: one[1]
    ):
        busy += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return end - start, busy


def many_cards(folder: Path, quick: bool) -> None:
    """Ten cards at once, and whether identities come before films."""
    count = 3 if quick else 10
    with stack(folder / "cards") as timed:
        cards = [folder / f"TEN-{n}" for n in range(count)]
        made = [make_card(card, 1, 1, 1.0, (320, 180), seed=300 + n, first_jump=1 + n) for n, card in enumerate(cards)]
        began = time.time()
        for card in cards:
            timed.put_in(card)
        timed.until_done(keys_of(made))
        known = [at - began for at, _ in timed.events("card:identified")]
        done = [at - began for at, _ in timed.events("pipeline:completed")]
        queued = min(done[-1], 1e9)
    words = f"all identified after {max(known):.0f} s, first film after {min(done):.0f} s, last after {queued:.0f} s"
    judge(f"{count} cards at once", "identities long before the last film", words, max(known) < max(done) / 2)


def workers(folder: Path, quick: bool) -> None:
    """One jump of many clips with one rendering at a time, and with four."""
    clips = 2 if quick else 8
    walls: dict[int, float] = {}
    for number in (1, 4):
        with stack(folder / f"workers-{number}", workers=str(number)) as timed:
            card = folder / f"WORKERS-{number}"
            made = make_card(card, 1, clips, 3.0, (1280, 720), seed=9)
            timed.put_in(card)
            timed.until_done(keys_of([made]))
            walls[number] = run_times(timed.setup.stack.data / "dagster")[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gain = walls[1] / walls[4]
    wanted = 0.5 * min(4, cores)
    judge(
        f"from 1 to 4 workers on {cores} cores",
        f"at least {wanted:.1f} times as quick",
        f"{gain:.2f} times",
        gain >= wanted,
    )


PARTS: dict[str, Callable[[Path, bool], None]] = {
    "catalog": in_the_catalog,
    "steps": empty_steps,
    "latency": latency,
    "share": share,
    "cards": many_cards,
    "workers": workers,
}


def main() -> None:
    """Run the parts; ends with what was wanted and whether it held."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--quick", action="store_true", help="small numbers, to try the bench itself")
    options.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    given: Any = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="orchestration-") as folder:
        for name in given.only or PARTS:
            print(f"{name}: {(PARTS[name].__doc__ or '').splitlines()[0]}", flush=True)
            PARTS[name](Path(folder), given.quick)
    print()
    for what, wanted, found, held in FOUND:
        print(f"{'held    ' if held else 'NOT held'}  {what}: {found}; wanted {wanted}")
    sys.exit(not all(held for *_, held in FOUND))


if __name__ == "__main__":
    main()
