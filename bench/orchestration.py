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
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import dagster as dg  # noqa: E402
import httpx  # noqa: E402
import psutil  # noqa: E402
from sqlalchemy import func, select, update  # noqa: E402
from support.hubs import running_hub  # noqa: E402
from support.many_jumps import fill  # noqa: E402
from support.scenarios import insert as put_in  # noqa: E402
from support.stacks import SetUp, embedded, fleet  # noqa: E402

from sensors.cards.new_manifests import new_manifests  # noqa: E402
from sensors.films.arriving_clips import arriving_clips  # noqa: E402
from sensors.films.changed_templates import changed_templates  # noqa: E402
from sensors.films.overdue_films import overdue_films  # noqa: E402
from sensors.films.ready_jumps import ready_jumps  # noqa: E402
from sensors.films.template_news import Told  # noqa: E402
from sensors.runs.ended_runs import ended_runs  # noqa: E402
from stinercut.catalog import Catalog, migrate  # noqa: E402
from stinercut.catalog.models import Event, Film  # noqa: E402
from stinercut.settings import Settings  # noqa: E402
from stinercut.synthetic.card import CardMade, make_card  # noqa: E402
from stinercut_assets.common.resources import Installation  # noqa: E402

FOUND: list[tuple[str, str, str, bool]] = []
"""What was wanted, what it was to be, what it is, whether it held."""


def judge(what: str, wanted: str, found: str, held: bool) -> None:
    """Note one figure for the end."""
    FOUND.append((what, wanted, found, held))
    print(f"    {what}: {found} (wanted: {wanted})", flush=True)


# ---- the catalog ----------------------------------------------------------------------------------------------------


def in_the_catalog(folder: Path, quick: bool) -> None:
    """Ticks of all sensors, the board, and the hub's memory with 50,000 jumps."""
    jumps = 5000 if quick else 50_000
    os.environ["STINERCUT_DATA"] = str(folder / "catalog")
    settings = Settings()
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    began = time.monotonic()
    fill(catalog, jumps, fingerprints()[""])
    print(f"    {jumps} jumps written in {time.monotonic() - began:.0f} s", flush=True)
    import sensors.common.polling

    sensors.common.polling.LOOK_FOR_S = 0.0
    slowest = max(tick_times(catalog).values())
    judge(f"slowest sensor tick with {jumps} jumps", "under 0.1 s", f"{slowest:.3f} s", slowest < 0.1)
    with running_hub(folder / "catalog", fresh=True) as hub, httpx.Client(base_url=hub.url, timeout=60) as http:
        slowest = 0.0
        for path in ("/", "/api/jumps", "/api/cards"):

            def ask(path: str = path) -> None:
                http.get(path).raise_for_status()

            taken = median_of(ask, 9)
            slowest = max(slowest, taken)
            print(f"    {path}: {taken:.3f} s")
        with catalog.write() as session:
            session.execute(update(Film).where(Film.film_id % 4 == 0).values(template_fingerprint="0" * 32))
        taken = median_of(lambda: http.get("/api/stale").raise_for_status(), 3)
        print(f"    /api/stale, {jumps // 4} of them stale: {taken:.3f} s")
        taken = median_of(lambda: snapshot(hub.settings.hub_port), 5)
        print(f"    the board's first picture: {taken:.3f} s")
        slowest = max(slowest, taken)
        judge(f"board page with {jumps} jumps", "under 0.2 s", f"{slowest:.3f} s", slowest < 0.2)
        memory = psutil.Process(hub.process.pid).memory_info().rss / 1e6
        judge("the hub's memory", "under 250 MB", f"{memory:.0f} MB", memory < 250)
    catalog.close()


def tick_times(catalog: Catalog) -> dict[str, float]:
    """Seconds that a tick of each sensor takes with nothing to do; of templates also one that all films are told of,
    and the first ever, which looks at films that were made before."""
    with catalog.read() as session:
        newest = session.execute(select(func.max(Film.film_id))).scalar_one()
    steady = Told(fingerprints(), film_id=newest)
    told = replace(steady, says={**fingerprints(), "": "0" * 32})
    cursors = {"changed_templates": json.dumps(steady.as_cursor())}
    taken: dict[str, float] = {}
    with dg.DagsterInstance.ephemeral() as instance:
        for sensor in (new_manifests, ready_jumps, arriving_clips, ended_runs, overdue_films, changed_templates):
            cursor = cursors.get(sensor.name)
            taken[sensor.name] = median_of(partial(tick, sensor, instance, cursor), 7)
        news = partial(tick, changed_templates, instance, json.dumps(told.as_cursor()))
        taken["changed_templates, the usual one changed"] = median_of(news, 3)
        taken["changed_templates, the first"] = median_of(partial(tick, changed_templates, instance, None), 3)
    for name, seconds in taken.items():
        print(f"    tick of {name}: {seconds:.4f} s")
    return taken


def fingerprints() -> dict[str, str]:
    """Of all templates, and of the usual one under "": what the lineage was told when nothing has changed."""
    installation = Installation()
    found = {name: installation.template_named(name).fingerprint for name in installation.template_names()}
    return {**found, "": found[installation.settings.template]}


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None) -> None:
    """One look of a sensor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        sensor(context)


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

from app.fleet.executor import fleet_executor

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
    "fleet": fleet_executor,
    "in_process": dg.in_process_executor,
    "forkserver": dg.multiprocess_executor.configured(
        {**one, "start_method": {"forkserver": {"preload_modules": ["app.engine.preload"]}}}
    ),
    "spawn": dg.multiprocess_executor.configured({**one, "start_method": {"spawn": {}}}),
}
fleet, in_process, forkserver, spawn = (
    steps.to_job(name=name, executor_def=executor) for name, executor in ways.items()
)
"""


@contextmanager
def surroundings(given: Mapping[str, str]) -> Generator[None]:
    """These environment variables as well, for a while."""
    before = dict(os.environ)
    os.environ |= given
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def empty_steps(folder: Path, quick: bool) -> None:
    """Seconds for a step that does nothing, one after the other, by executor; from a run with few and one with more.

    The fleet has one Celery worker, on this machine, which makes two such steps at once.
    """
    from dagster._core.definitions.reconstruct import ReconstructableJob

    file = folder / "empty_steps.py"
    file.write_text(STEPS)
    (folder / "steps").mkdir()
    few, more = (2, 6) if quick else (5, 25)
    taken: dict[str, float] = {}
    data, quiet = folder / "steps-fleet", {"telemetry": {"enabled": False}}
    with (
        fleet(data, workers=1) as setup,
        surroundings(setup.environment),
        dg.DagsterInstance.local_temp(str(folder / "steps"), overrides=quiet) as instance,
    ):
        for way in ("in_process", "fleet", "forkserver", "spawn"):
            walls: list[float] = []
            for count in (few, more):
                began = time.perf_counter()
                job = ReconstructableJob.for_file(str(file), way)
                silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
                with dg.execute_job(job, instance, run_config=silent, tags={"steps": str(count)}) as result:
                    assert result.success
                walls.append(time.perf_counter() - began)
            taken[way] = (walls[1] - walls[0]) / (more - few)
            print(f"    {way}: {taken[way]:.3f} s a step", flush=True)
    held = taken["in_process"] < taken["forkserver"] < taken["spawn"] and taken["fleet"] < taken["spawn"]
    words = " < ".join(f"{way} {seconds:.2f} s" for way, seconds in taken.items())
    judge("an empty step", "in-process < forkserver < spawn, a worker of a fleet < spawn", words, held)


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
    given = {f"STINERCUT_{name.upper()}": value for name, value in environment.items()}
    with embedded(folder, given) as setup, timing(setup) as timed:
        yield timed


@contextmanager
def timing(setup: SetUp) -> Generator[Timed]:
    """A running installation, listened to."""
    leads = setup.environment.get("STINERCUT_DATABASE_URL")
    catalog = Catalog.open(leads or Settings(data=setup.stack.data).catalog_url)
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
        wall, rendering = run_times(timed.setup)
    part = 1 - rendering / wall
    judge(
        f"share of orchestration, {clips} clips of {seconds:.0f} s",
        "under 10 %",
        f"{part:.1%} of {wall:.0f} s",
        part < 0.1,
    )


def run_times(setup: SetUp) -> tuple[float, float]:
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
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT,
        env={**os.environ, **setup.environment, "DAGSTER_HOME": str(setup.stack.data / "dagster")},
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
    """One jump of many clips with one rendering at a time and with four: processes of one machine, workers of a fleet.

    One rendering alone keeps more than one core busy, with x264's look-ahead and ffmpeg's filters. So what can be
    gained is what it leaves idle, and that is what is asked for.
    """
    clips, seconds, size = (2, 1.0, (640, 360)) if quick else (8, 6.0, (1920, 1080))
    card = folder / "WORKERS"
    made = make_card(card, 1, clips, seconds, size, seed=9)

    def film(where: Path, number: int, way: str) -> tuple[float, float]:
        starting = (
            fleet(where, workers=number) if way == "fleet" else embedded(where, {"STINERCUT_WORKERS": str(number)})
        )
        with starting as setup, timing(setup) as timed:
            timed.put_in(card)
            before = busy_seconds()
            timed.until_done(keys_of([made]))
            return run_times(setup)[0], busy_seconds() - before

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for way in ("processes", "fleet"):
        (one, busy), (four, _) = (film(folder / f"{way}-{number}", number, way) for number in (1, 4))
        possible = min(4.0, cores * one / busy)
        judge(
            f"from 1 to 4 workers on {cores} cores, {way}",
            f"0.8 of the {possible:.2f} times that one worker leaves room for",
            f"{one / four:.2f} times ({one:.0f} s, {four:.0f} s)",
            one / four >= 0.8 * possible,
        )


def busy_seconds() -> float:
    """CPU seconds of this machine since it was started."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice


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
