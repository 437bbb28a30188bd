"""A template changes under many films: exactly those that use it are made anew, and a second backfill does nothing.

    python bench/renewal.py [--jumps 200] [--changed 50] [--quick]

So many jumps, each with a clip of its own and a real, small film, in two templates. Then one drawing of one template
changes, and `stinercut backfill --stale` makes its films anew in a whole `stinercut up`. (The first films are made by
the same job in two processes of this program: that costs half of what a run of its own does.) Judged by content: which
segments were encoded, counted outside of the product by an `ffmpeg` that writes its calls down; what the films show;
and that the other films are the same files as before. Ends with what was wanted and whether it held.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import dagster as dg  # noqa: E402
import psutil  # noqa: E402
from PIL import Image  # noqa: E402
from sqlalchemy import func, select  # noqa: E402
from support.footage import make_clip  # noqa: E402
from support.plugs import encodes, surroundings  # noqa: E402
from support.seeding import jump_with  # noqa: E402
from support.stacks import SetUp, embedded  # noqa: E402

from app.stack.dagster_home import prepare_dagster_home  # noqa: E402
from stinercut.catalog import Catalog, migrate  # noqa: E402
from stinercut.catalog.models import Film, Jump, JumpState  # noqa: E402
from stinercut.catalog.row_messages import reason_words  # noqa: E402
from stinercut.jumps import jumps  # noqa: E402
from stinercut.review import wishes  # noqa: E402
from stinercut.settings import Settings  # noqa: E402
from stinercut.storage.store import Store  # noqa: E402
from stinercut.templates.folder import find  # noqa: E402
from stinercut.video.stills import jpeg_still  # noqa: E402
from stinercut_assets.films.lineage import observe_footage, observe_template  # noqa: E402

SIZE = (160, 90)
MARK = '<rect x="0" y="0" width="1920" height="120" fill="#ff00ff"/></svg>'
"""What the change draws: a bar over the title's upper edge, in a colour that is nowhere else."""

STALE = """
query($asset: AssetKeyInput!, $partitions: [String!]) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { staleStatusByPartition(partitions: $partitions) } }
}
"""
RUNS = "query { runsOrError(filter: {}) { ... on Runs { count } } }"

HELD: list[tuple[bool, str]] = []


def judge(held: bool, words: str) -> None:
    """Note one thing that was wanted."""
    HELD.append((held, words))
    print(f"    {'held' if held else 'NOT held'}: {words}", flush=True)


@dataclass(frozen=True)
class Bench:
    """The installation under measurement, and its jumps by template."""

    setup: SetUp
    catalog: Catalog
    log: Path
    changed: tuple[str, ...]
    """Jumps whose template changes."""
    others: tuple[str, ...]

    @property
    def jumps(self) -> tuple[str, ...]:
        """All of them."""
        return self.changed + self.others

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.setup.stack.data

    # ---- asking --------------------------------------------------------------------------------------------------

    def ask(self, query: str, **variables: object) -> Any:
        """Dagster's answer over GraphQL."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        address = f"http://127.0.0.1:{self.setup.stack.ports[1]}/graphql"
        shown = {"content-type": "application/json", "X-Stinercut-Secret": self.setup.stack.dagster_secret}
        asked = urllib.request.Request(address, body, shown)
        with urllib.request.urlopen(asked, timeout=300) as answer:
            return json.loads(answer.read())["data"]

    def lineage(self) -> dict[str, str]:
        """What the lineage says of each film."""
        found = self.ask(STALE, asset={"path": ["rendered_video"]}, partitions=list(self.jumps))
        return dict(zip(self.jumps, found["assetNodeOrError"]["staleStatusByPartition"], strict=True))

    def stale(self) -> set[str]:
        """The jumps whose film is stale in the lineage."""
        return {jump for jump, status in self.lineage().items() if status != "FRESH"}

    def runs(self) -> int:
        """How many runs Dagster has."""
        return int(self.ask(RUNS)["runsOrError"]["count"])

    def backfill(self, *options: str) -> dict[str, Any]:
        """`stinercut backfill --stale`, as a person types it."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "backfill", "--stale", "--json", *options],
            env={**os.environ, **self.setup.environment, "STINERCUT_HUB_PORT": str(self.setup.stack.ports[0])},
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def made(self) -> Counter[str]:
        """How many films each jump ever got."""
        with self.catalog.read() as session:
            rows = session.execute(select(Film.jump_key, func.count()).group_by(Film.jump_key)).all()
        return Counter({key: int(count) for key, count in rows})

    def resting(self) -> bool:
        """Whether no jump is worked on or waits for it."""
        with self.catalog.read() as session:
            failed = [
                reason_words(jump) for jump in session.scalars(select(Jump).where(Jump.state == JumpState.FAILED))
            ]
            assert not failed, failed
            return not session.scalar(select(func.count()).where(Jump.state != JumpState.DONE))

    # ---- looking -------------------------------------------------------------------------------------------------

    def film(self, jump: str) -> Path:
        """A jump's film."""
        return self.data / "films" / jump / f"{jump}.mp4"

    def contents(self, jumps: Collection[str]) -> dict[str, tuple[str, int, int]]:
        """Hash, inode and time of each film."""
        out: dict[str, tuple[str, int, int]] = {}
        for jump in jumps:
            film = self.film(jump)
            said = film.stat()
            out[jump] = (hashlib.blake2b(film.read_bytes()).hexdigest(), said.st_ino, said.st_mtime_ns)
        return out

    def is_marked(self, jump: str) -> bool:
        """Whether the film's title shows the change."""
        picture = Image.open(BytesIO(jpeg_still(self.film(jump), at=0.5, width=SIZE[0]))).convert("RGB")
        red, green, blue = picture.getpixel((SIZE[0] // 2, 3))  # pyright: ignore[reportGeneralTypeIssues]
        return red > 180 and green < 80 and blue > 180

    def segments(self) -> set[str]:
        """The encoded parts in the store."""
        return {path.name for path in (self.data / "store").rglob("*.mp4") if "derived" in path.parts}


def until(truth: Callable[[], object], seconds: float, what: str, every: float = 1.0) -> None:
    """Wait for something, looking so seldom that the looking costs nothing."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)


def templates(data: Path) -> None:
    """Two templates that make the smallest films: `plain`, which is there, and `other`."""
    plain = data / "templates" / "plain"
    said = json.loads((plain / "template.json").read_text())
    said["output"] = [{"type": "video", "width": SIZE[0], "height": SIZE[1], "fps": 30, "preset": "ultrafast"}]
    (plain / "template.json").write_text(json.dumps(said))
    shutil.copytree(plain, data / "templates" / "other")
    (data / "templates" / "other" / "template.json").write_text(json.dumps({**said, "name": "other"}))


def seed(folder: Path, data: Path, count: int, changing: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """So many jumps with a clip of their own each; those behind the first `changing` shall have the other template."""
    settings = Settings(data=data)
    migrate(settings.catalog_url)
    catalog, store = Catalog.open(settings.catalog_url), Store(settings.store_dir)
    pattern = make_clip(folder / "clip.mp4", "x".join(map(str, SIZE)), 1.0).read_bytes()
    keys: list[str] = []
    for number in range(count):
        clip = folder / "one.mp4"
        # A box that players pass over makes it a file of its own, whose segment is nobody else's.
        clip.write_bytes(pattern + (12).to_bytes(4) + b"free" + number.to_bytes(4))
        keys.append(jump_with(catalog, store, number, [clip], f"Zoë Nº {number}"))
    with catalog.write() as session:
        for key in keys[changing:]:
            wishes.choose_template(session, key, "other", "Jo")
    catalog.close()
    return tuple(keys[:changing]), tuple(keys[changing:])


def cpu_of(setup: SetUp) -> float:
    """CPU seconds of all processes of the stack so far, the ended ones included: their parents hold them."""
    spent = 0.0
    for one in [psutil.Process(setup.stack.process.pid), *setup.stack.processes()]:
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


@contextmanager
def measured(bench: Bench, what: str, films: int) -> Generator[None]:
    """Print what this took for each film."""
    wall, spent = time.monotonic(), cpu_of(bench.setup)
    yield
    wall, spent = time.monotonic() - wall, cpu_of(bench.setup) - spent
    print(f"    {what}: {films} films in {wall:.0f} s, {wall / films:.2f} s and {spent / films:.2f} CPU s a film")


def first_films(data: Path, environment: Mapping[str, str], keys: Sequence[str]) -> None:
    """All films for the first time: the job `produce_jump`, on the Dagster that the stack will have."""
    settings = Settings(data=data)
    prepare_dagster_home(settings, ROOT)
    os.environ |= {**environment, "STINERCUT_DATA": str(data), "DAGSTER_HOME": str(settings.dagster_home)}
    wall, spent = time.monotonic(), _of_children()
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("jumps", list(keys))
        for event in observations(settings, keys):
            instance.report_runless_asset_event(event)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for number, _ in enumerate(pool.map(first_film, keys), 1):
            if number % 20 == 0:
                print(f"    {time.strftime('%H:%M:%S')} {number} films", flush=True)
    wall, spent = time.monotonic() - wall, _of_children() - spent
    print(f"    {len(keys)} films in {wall:.0f} s, {wall / len(keys):.2f} s and {spent / len(keys):.2f} CPU s a film")


def observations(settings: Settings, keys: Sequence[str]) -> Generator[dg.AssetObservation]:
    """What the sensor that requests films tells the lineage before each."""
    catalog = Catalog.open(settings.catalog_url)
    fingerprints = {name: find(name, (settings.templates_dir,)).fingerprint for name in ("plain", "other")}
    with catalog.read() as session:
        for key in keys:
            footage = jumps.footage_of(session, key)
            template = jumps.require_jump(session, key).template or "plain"
            yield observe_footage(key, footage.version, len(footage.clips))
            yield observe_template(key, template, fingerprints[template])
    catalog.close()


def first_film(key: str) -> None:
    """One film, in a process of the pool."""
    warnings.simplefilter("ignore")
    from app.engine.definitions import defs

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.get() as instance:
        job = defs.resolve_job_def("produce_jump")
        assert job.execute_in_process(quiet, instance=instance, partition_key=key).success


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fresh(bench: Bench) -> None:
    """Before the change."""
    judge(bench.made() == Counter(bench.jumps), f"{bench.made().total()} films, one of each jump")
    judge(not bench.stale(), "none of them is stale in the lineage")
    judge(bench.backfill("--yes")["films"] == [], "and a backfill has no work")


def change(bench: Bench) -> None:
    """One drawing of one template is changed."""
    drawing = bench.data / "templates" / "plain" / "title.svg"
    drawing.write_text(drawing.read_text().replace("</svg>", MARK))
    wanted = set(bench.changed)
    until(lambda: len(bench.stale()) >= len(wanted), 300, "the lineage hears of it", every=3)
    stale = bench.stale()
    judge(stale == wanted, f"stale in the lineage: {len(stale)} films, exactly those with the changed template")
    planned = bench.backfill("--dry-run")
    listed = {film["jump"]: film["changed"] for film in planned["films"]}
    judge(listed == {jump: ["drawings"] for jump in wanted}, f"the preview lists {len(listed)} films, exactly those")
    print(f"    the preview says {planned['encoded_seconds']:.0f} s of film and {planned['minutes']:.1f} min of work")


def renew(bench: Bench) -> None:
    """The backfill, and what it did."""
    before, encoded, begun = bench.contents(bench.jumps), bench.segments(), encodes(bench.log)
    with measured(bench, "backfill", len(bench.changed)):
        started = bench.backfill("--yes")
        again = bench.backfill("--yes")
        until(
            lambda: bench.made().total() >= len(bench.jumps) + len(bench.changed) and bench.resting(), 3600, "renewal"
        )
    judge(sorted(started["jumps"]) == sorted(bench.changed), f"the backfill took up {len(started['jumps'])} jumps")
    judge(again["jumps"] == [], "asked for twice at once, it takes up nothing more")
    until(lambda: not bench.stale(), 300, "fresh after the backfill", every=3)
    judge(True, "nothing is stale in the lineage")
    after, new = bench.contents(bench.jumps), encodes(bench.log) - begun
    made = bench.made()
    twice = sum(times > 1 for times in new.values())
    judge(
        made == Counter({**dict.fromkeys(bench.changed, 2), **dict.fromkeys(bench.others, 1)}),
        f"{made.total()} films were ever made: two of each changed jump, one of each other",
    )
    judge(
        len(bench.segments() - encoded) == len(new) == len(bench.changed) and not twice,
        f"segments encoded: {new.total()}, {len(bench.segments() - encoded)} new ones in the store, "
        f"{twice} more than once (a title for each film; clips and outro were there)",
    )
    same = sum(before[jump] == after[jump] for jump in bench.others)
    judge(same == len(bench.others), f"the other films are the same files, byte for byte and by their time: {same}")
    other = sum(before[jump][0] != after[jump][0] for jump in bench.changed)
    marked = [jump for jump in bench.jumps if bench.is_marked(jump)]
    judge(other == len(bench.changed), f"films with other content: {other}")
    judge(sorted(marked) == sorted(bench.changed), f"films that show the change: {len(marked)}, exactly those")


def nothing_more(bench: Bench) -> None:
    """A second backfill."""
    runs, before, made = bench.runs(), bench.contents(bench.jumps), bench.made()
    again = bench.backfill("--yes")
    judge(
        (again["films"], again["jumps"], again["backfill"]) == ([], [], None),
        "a second backfill finds no film, takes up no jump and starts nothing",
    )
    judge(bench.runs() == runs, f"Dagster has as many runs as before: {runs}")
    judge((bench.contents(bench.jumps), bench.made()) == (before, made), "and every film is the same file as before")


def run(folder: Path, count: int, changing: int) -> None:
    """The whole of it."""
    environment, log = surroundings(folder / "bin", folder / "data")
    templates(folder / "data")
    changed, rest = seed(folder, folder / "data", count, changing)
    print(f"{count} jumps, {len(changed)} of them with the template that will change", flush=True)
    print(f"first_films: {(first_films.__doc__ or '').splitlines()[0]}", flush=True)
    first_films(folder / "data", environment, changed + rest)
    with embedded(folder / "data", environment) as setup:
        catalog = Catalog.open(Settings(data=folder / "data").catalog_url)
        try:
            bench = Bench(setup, catalog, log, changed, rest)
            for part in (fresh, change, renew, nothing_more):
                print(f"{part.__name__}: {(part.__doc__ or '').splitlines()[0]}", flush=True)
                part(bench)
        finally:
            catalog.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it; ends with what was wanted and whether it held."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--jumps", type=int, default=200)
    options.add_argument("--changed", type=int, help="so many have the template that changes (a quarter)")
    options.add_argument("--quick", action="store_true", help="six jumps")
    given: Any = options.parse_args(arguments)
    count = 6 if given.quick else given.jumps
    changing = given.changed if given.changed is not None else max(1, count // 4)
    folder = Path(tempfile.mkdtemp(prefix="renewal-"))
    try:
        run(folder, count, changing)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print()
    for held, words in HELD:
        print(f"{'held    ' if held else 'NOT held'}  {words}")
    sys.exit(not all(held for held, _ in HELD))


if __name__ == "__main__":
    main()
