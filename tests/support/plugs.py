"""Pulling the plug: SIGKILL for one process at one moment of a card's way, and what must be true in the end.

Owns: the moments, the victims, one case from inserting to judging. Not here: starting a set-up (`stacks`), the
whole matrix (`bench/plugs.py`), a sample of it (`tests/process/stack/test_pull_the_plug.py`).

A moment is an event in the catalog, never a time. Encodes are counted outside of the product: an `ffmpeg` on the PATH
writes down its arguments and becomes the real one.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.common.hub_client import ask
from app.processes.processes import RUN_NAME
from stinercut.catalog import Catalog
from stinercut.catalog.models import Event, Film, Jump, JumpState
from stinercut.catalog.row_messages import reason_words
from stinercut.codes.payload import Payload
from stinercut.errors import StinercutError
from stinercut.jumps import film_records
from stinercut.settings import Settings
from stinercut.synthetic.card import CardMade, make_card
from stinercut.video.ffmpeg_runner import ffprobe_json
from support.footage import PLAIN
from support.process_facts import argv_of, children_of, name_of, parent_pid
from support.scenarios import insert
from support.stacks import SetUp

JUMPS, CLIPS, SECONDS, SIZE = 3, 3, 1.0, (320, 180)
"""Three clips a jump on two workers: when a run is killed, some of a fan-out are done, some in hand, some not begun."""
FRAMES = 30 * (1 + CLIPS * round(SECONDS) + 1)
"""Of each film: a title and an outro of a second (`plain`), every clip whole, 30 frames a second."""


@dataclass(frozen=True)
class Moment:
    """The n-th event of a type on a card's way."""

    name: str
    event: str
    nth: int = 1


MOMENTS = (
    Moment("card is in", "card:inserted"),
    Moment("manifest", "card:file_list"),
    Moment("first file", "card:file_copied"),
    Moment("fourth file", "card:file_copied", 4),
    Moment("first code", "pipeline:qr_decoded"),
    Moment("identified", "card:identified"),
    Moment("first film begins", "pipeline:started"),
    Moment("sixth step", "pipeline:step_completed", 6),
    Moment("first film", "pipeline:completed"),
    Moment("second film", "pipeline:completed", 2),
)

AT = {moment.name: moment for moment in MOMENTS}

EMBEDDED = ("run worker", "step", "daemon", "code server", "hub", "detector", "stack")
FLEET = ("run worker", "step", "node", "worker 0", "daemon", "code server", "hub", "redis", "postgres", "stack")
"""`stack`: everything that `stinercut up` runs at once, as when the machine loses its power; it is started again."""
_RESTARTED_BY_US = ("redis", "postgres", "worker 0")


@dataclass(frozen=True)
class Kill:
    """A process to kill, and the moment."""

    victim: str
    moment: Moment


@dataclass
class Outcome:
    """The result of one case."""

    kills: tuple[Kill, ...]
    wrong: list[str] = field(default_factory=list[str])
    killed: int = 0
    """How many kills found their victim."""
    seconds: float = 0.0
    retries: int = 0
    encoded_again: int = 0

    def row(self) -> str:
        """One line of the summary."""
        what = "right" if not self.wrong else "WRONG: " + "; ".join(self.wrong)
        hit = "" if self.killed == len(self.kills) else " (there was none to kill)"
        kills = ", ".join(f"{kill.victim} at {kill.moment.name}" for kill in self.kills) or "nobody"
        return (
            f"{kills:40s} {self.seconds:6.1f} s  retries {self.retries}  "
            f"encoded again {self.encoded_again}  {what}{hit}"
        )


def surroundings(folder: Path, data: Path) -> tuple[dict[str, str], Path]:
    """An environment in which each call of ffmpeg is written down, in the file that is returned, and films are small.

    Makes the data folder, with the plain template in it.
    """
    shutil.copytree(PLAIN, data / "templates" / "plain")
    real, log = shutil.which("ffmpeg"), folder / "ffmpeg.log"
    assert real
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "ffmpeg"
    shim.write_text(f'#!/bin/sh\necho "$*" | tr "\\n" " " >> {log}\necho >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    log.touch()
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "STINERCUT_TEMPLATE": "plain"}, log


def encodes(log: Path) -> Counter[str]:
    """How often the encoding of each segment was started, by its key in the store."""
    found: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        found.update(set(re.findall(r"partial/([0-9a-f]{32})-[0-9a-f]+\.mp4", line)))
    return found


@dataclass
class Plug:
    """A set-up whose processes are killed."""

    setup: SetUp
    log: Path
    workers: int = 2

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        given = {
            name.removeprefix("STINERCUT_").lower(): value
            for name, value in self.setup.environment.items()
            if name.startswith("STINERCUT_")
        }
        hub, dagster, code = self.setup.stack.ports
        return Settings(**{**given, "hub_port": hub, "dagster_port": dagster, "code_port": code})  # pyright: ignore

    def case(self, folder: Path, kills: Sequence[Kill], seed: int, limit: float = 300) -> Outcome:
        """Put a card in, kill at each moment in turn, wait for the films, judge them."""
        outcome = Outcome(tuple(kills))
        card = make_card(folder, JUMPS, CLIPS, SECONDS, SIZE, seed=seed)
        before, began = encodes(self.log), time.monotonic()
        catalog = Catalog.open(self.settings.catalog_url)
        try:
            way = _Way(catalog, folder.name, card, _patiently(lambda: _last_event(catalog)))
            insert(self.setup.stack, folder)
            for kill in kills:
                moment = kill.moment
                _until(partial(way.is_at, moment), limit, f"{moment.name} never came")
                outcome.killed += self._kill(kill.victim, way)
            self._until_done(way, outcome, began + limit)
            self._judge(way, outcome)
        except AssertionError as never:
            outcome.wrong.append(str(never))
        finally:
            catalog.close()
        outcome.seconds = time.monotonic() - began
        self._count_encodes(encodes(self.log) - before, outcome)
        return outcome

    # ---- killing -------------------------------------------------------------------------------------------------

    def _kill(self, victim: str, way: _Way) -> bool:
        if victim in ("run worker", "step"):
            find = {"run worker": self.runs, "step": self.steps}[victim]
            while not (found := find()):
                if way.is_over():
                    return False
                time.sleep(0.01)
            return _kill_all(found)
        if victim == "node":
            self.setup.workers[0].kill_node()
            return True
        if victim == "stack":
            self.setup.stack.lose_power()
            self.setup.stack.start()
            return True
        self.setup.kill(victim)
        if victim in _RESTARTED_BY_US:
            self.setup.restart(victim)
        return True

    def runs(self) -> list[psutil.Process]:
        """The processes of runs."""
        return [one for one in self.setup.stack.processes() if name_of(one) == RUN_NAME]

    def steps(self) -> list[psutil.Process]:
        """The processes that do steps: in a fleet those of a worker's node that have work in hand; on one machine those
        that are forked as runs are, without the runs themselves.
        """
        if self.setup.workers:
            pools = [one for worker in self.setup.workers for node in worker.nodes() for one in children_of(node)]
            return [one for one in pools if children_of(one)]
        ours = self.setup.stack.processes()
        forked = {one.pid for one in ours if "multiprocessing.forkserver" in " ".join(argv_of(one))}
        return [one for one in ours if one.pid in forked and parent_pid(one) in forked and name_of(one) != RUN_NAME]

    # ---- waiting -------------------------------------------------------------------------------------------------

    def _until_done(self, way: _Way, outcome: Outcome, deadline: float) -> None:
        """Wait until all films are there. Each visible failure is retried once, as a person would."""
        retried: set[tuple[str, str]] = set()
        while not way.is_over():
            for subject, run in way.failed():
                if (subject, run) in retried:
                    continue
                try:
                    ask(self.settings, "POST", f"/api/pipeline/{subject}/retry")
                except StinercutError:
                    continue  # Dagster goes on by itself, or the hub is just starting again.
                retried.add((subject, run))
                outcome.retries += 1
            assert time.monotonic() < deadline, f"not done: {way.described()}"
            time.sleep(0.1)

    # ---- judging -------------------------------------------------------------------------------------------------

    def _judge(self, way: _Way, outcome: Outcome) -> None:
        for payload, film in way.films():
            path = self.settings.films_dir / film.file_name
            packets = int(ffprobe_json(path, count_packets=True)["streams"][0]["nb_read_packets"])
            if (packets, film.frames) != (FRAMES, FRAMES):
                outcome.wrong.append(
                    f"{film.jump_key} has {packets} frames, its record says {film.frames}, not {FRAMES}"
                )
            if film.passenger_name != payload.passenger_name:
                outcome.wrong.append(f"{film.jump_key} is {film.passenger_name}'s, not {payload.passenger_name}'s")
        for name, times in way.copied().items():
            if times > 1:
                outcome.wrong.append(f"{name} was copied {times} times")

    def _count_encodes(self, begun: Counter[str], outcome: Outcome) -> None:
        outcome.encoded_again = sum(times - 1 for times in begun.values())
        in_flight = (self.workers + 1) * len(outcome.kills)
        if outcome.encoded_again > in_flight:
            outcome.wrong.append(f"{outcome.encoded_again} segments were encoded again, {in_flight} were in flight")


@dataclass
class _Way:
    """A card's way, read from the catalog, also while its server is being restarted."""

    catalog: Catalog
    label: str
    card: CardMade
    since: int

    @property
    def keys(self) -> list[str]:
        return [jump.payload.jump_key for jump in self.card.jumps]

    def events(self) -> list[Event]:
        """All that happened to this card and its jumps. Cards of one run follow each other."""

        def look() -> list[Event]:
            with self.catalog.read() as session:
                found = session.execute(select(Event).where(Event.event_id > self.since).order_by(Event.event_id))
                return list(found.scalars())

        return _patiently(look)

    def is_at(self, moment: Moment) -> bool:
        return self.count(moment.event) >= moment.nth

    def count(self, kind: str) -> int:
        return sum(event.type == kind for event in self.events())

    def jumps(self) -> list[Jump]:
        def look() -> list[Jump]:
            with self.catalog.read() as session:
                return list(session.execute(select(Jump).where(Jump.jump_key.in_(self.keys))).scalars())

        return _patiently(look)

    def is_over(self) -> bool:
        found = self.jumps()
        return len(found) == len(self.keys) and all(jump.state == JumpState.DONE for jump in found)

    def failed(self) -> list[tuple[str, str]]:
        """Jumps and cards whose run failed, and which run that was."""
        failed = [(jump.jump_key, str(jump.run_id)) for jump in self.jumps() if jump.state == JumpState.FAILED]
        cards = [event for event in self.events() if event.type == "pipeline:failed" and event.card_id]
        if cards and self.count("card:identified") == 0:
            failed += [(str(event.card_id), str(event.data.get("run_id"))) for event in cards[-1:]]
        return failed

    def films(self) -> list[tuple[Payload, Film]]:
        def look() -> dict[str, Film]:
            with self.catalog.read() as session:
                return film_records.latest_films(session, self.keys)

        found = _patiently(look)
        return [(jump.payload, found[jump.payload.jump_key]) for jump in self.card.jumps]

    def copied(self) -> Counter[str]:
        return Counter(str(event.data["file"]) for event in self.events() if event.type == "card:file_copied")

    def described(self) -> str:
        states = [f"{jump.jump_key} {jump.state} {reason_words(jump)}" for jump in self.jumps()]
        return "; ".join([*states, *(f"{event.type} {event.data}" for event in self.events()[-3:])])


def _last_event(catalog: Catalog) -> int:
    from stinercut.catalog import events

    with catalog.read() as session:
        return events.last_id(session)


Found = TypeVar("Found")


def _patiently(look: Callable[[], Found], seconds: float = 60) -> Found:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return look()
        except SQLAlchemyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _until(truth: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def _kill_all(found: list[psutil.Process]) -> bool:
    killed = False
    for one in found[:1]:
        try:
            one.kill()
            killed = True
        except psutil.Error:
            continue
    return killed
