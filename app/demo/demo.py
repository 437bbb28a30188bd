"""The demonstration: makes a card, puts it in, waits for its films and judges them.

Owns: what a demonstration does and when it has succeeded, failed or come to a standstill. Not here: the stack
(`app.stack.stack`), the state of the board (`board`), the output meanwhile (`app.commands.demo`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from app.common.hub_client import credentials, follow
from app.common.options import settings_from
from app.common.running_note import running_stack
from app.demo.board import Board, is_jump_settled
from app.doctor.machine import free_ports
from app.processes.children import Child
from app.processes.supervisor import Supervisor
from app.stack.environment import environment, with_its_secrets
from hub.jumps.views import FilmView, JumpView
from stinercut.errors import BadInput, HostNotReady, WrongFilm
from stinercut.settings import Settings
from stinercut.templates import folder

MAKING = "the card's making"
"""The name of the child that makes the card."""

STANDSTILL = 180.0
"""Seconds without any change after which a demonstration has failed; the longest single step takes a tenth of this."""

SETTLED = 30.0
"""The same limit once all is copied and no known jump has anything left to do, so that nothing more can be expected."""


class DemoFailed(WrongFilm):
    """A demonstration that did not end with the right film for every jump."""

    code = "DEMO_FAILED"


@dataclass(frozen=True)
class Wish:
    """What the card should hold, and where to put the films. `seconds` per clip; `size` as `1280x720`."""

    out: Path
    jumps: int
    clips: int
    seconds: float
    size: str

    @property
    def card(self) -> Path:
        """The folder that stands for the card."""
        return self.out / "demo-card"

    @property
    def data(self) -> Path:
        """The demonstration's own data folder."""
        return self.out / ".stinercut" / "data"

    @property
    def note(self) -> Path:
        """The file that marks the folder as a demonstration's; a JSON list of the films that it left there."""
        return self.out / ".stinercut" / "demo.json"


@dataclass(frozen=True)
class DemoFilm:
    """One jump's film in the out folder, its length, and `after`: the seconds from card in to film."""

    jump: str
    passenger: str
    film: Path
    length: float
    after: float


@dataclass(frozen=True)
class Outcome:
    """How a demonstration ended: its films, and its problems in sentences. Without a problem it has succeeded."""

    made: tuple[DemoFilm, ...]
    problems: tuple[str, ...]


Watcher = Callable[[Board, list[str]], None]
"""Called at every change, with the board and with sentences about the change."""


# ---- before ----------------------------------------------------------------------------------------------------------


def prepare(wish: Wish) -> tuple[Settings, bool]:
    """Prepare the out folder. Returns the settings, and whether an earlier demonstration was cleared away.

    Removes only files that a demonstration made. Raises BadInput and HostNotReady.
    """
    ports = dict(zip(("hub_port", "dagster_port", "code_port"), free_ports(3), strict=True))
    settings = alone(
        settings_from(
            wish.data, **ports, host="127.0.0.1", detector_id="demo", watch_mounts=False, qr_require_signed=False
        )
    )
    if running_stack(settings):
        raise HostNotReady(
            "another demonstration is running there", file=wish.out, advice="Wait for it or choose another folder."
        )
    try:
        return settings, clear(wish)
    except OSError as refused:
        raise BadInput(f"the folder can't be used: {refused.strerror or refused}", file=wish.out) from None


def alone(settings: Settings) -> Settings:
    """These settings without those of this machine's real installation: its databases, its fleet, its own template.

    A demonstration has its own data folder, which holds no templates.
    """
    elsewhere = (
        *("database_url", "dagster_database_url", "hub_url", "dagster_url", "dagster_public_url", "token"),
        *("broker_url", "result_url"),
    )
    template = settings.template if settings.template in folder.names(()) else Settings.model_fields["template"].default
    return settings.model_copy(update={**dict.fromkeys(elsewhere), "executor": "processes", "template": template})


def clear(wish: Wish) -> bool:
    """Remove what an earlier demonstration left in the out folder. Returns whether there was one."""
    wish.out.mkdir(parents=True, exist_ok=True)
    again = wish.note.exists()
    if wish.card.exists() and not again:
        raise BadInput(
            "no demonstration made this folder, so it is left alone", file=wish.card, advice="Choose another --out."
        )
    if again:
        for film in json.loads(wish.note.read_text("utf-8")):
            (wish.out / Path(film).name).unlink(missing_ok=True)
    for left in (wish.card, wish.data):
        if left.exists():
            shutil.rmtree(left)
    wish.note.parent.mkdir(exist_ok=True)
    wish.note.write_text("[]", "utf-8")
    return again


def card_maker(wish: Wish, settings: Settings, root: Path) -> Child:
    """The child that makes the card while the stack starts. Its log has a line of JSON per file, then the jumps."""
    what = ("--jumps", str(wish.jumps), "--clips", str(wish.clips), "--seconds", f"{wish.seconds:g}")
    argv = (sys.executable, "-m", "app.cli", "card", "make", str(wish.card), *what, "--size", wish.size, "--json")
    return with_its_secrets(
        Child(MAKING, argv, environment(settings, os.environ), settings.logs_dir / "card.log", root, once=True)
    )


# ---- the way ---------------------------------------------------------------------------------------------------------


async def go(supervisor: Supervisor, wish: Wish, settings: Settings, watch: Watcher) -> Outcome:
    """Wait for card and hub, put the card in, wait for the films. This is the supervisor's work."""
    from detector.sources.cards import insert_folder

    expected = await _card_made(supervisor, settings, watch)
    await supervisor.ready("the hub")
    insert_folder(settings, wish.card)
    board_url = f"ws://127.0.0.1:{settings.hub_port}/ws/board"
    async with aclosing(follow(board_url, credentials(settings))) as frames:
        outcome = await collect(frames, expected, Publisher(wish, settings), watch)
    if outcome.problems:
        logs = f"The logs are in {settings.logs_dir}."
        return Outcome(outcome.made, (*outcome.problems, logs))
    return outcome


async def _card_made(supervisor: Supervisor, settings: Settings, watch: Watcher) -> dict[str, str]:
    """Follow the making of the card to its end. Returns the passengers by jump key."""
    log = settings.logs_dir / "card.log"
    told = 0
    made = asyncio.create_task(supervisor.ready(MAKING))
    try:
        while True:
            done, _ = await asyncio.wait([made], timeout=0.5)
            lines = _lines(log)
            for line in lines[told:]:
                watch(Board(), [f"Made {line['file']}"] if "file" in line else [])
            told = len(lines)
            if done:
                return {jump["jump"]: jump["passenger"] for line in lines for jump in line.get("jumps", ())}
    finally:
        made.cancel()


def _lines(log: Path) -> list[dict[str, Any]]:
    """The complete lines of a log that are JSON objects."""
    try:
        text = log.read_text("utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line[:1] == "{" and line[-1:] == "\n"]


async def collect(
    frames: AsyncIterator[dict[str, Any]], expected: dict[str, str], publish: Publisher, watch: Watcher
) -> Outcome:
    """Follow the board until every expected jump (key and passenger) is done or failed, or nothing moves any more.

    Calls `publish` for each correct film.
    """
    board = Board()
    began = moved = time.monotonic()
    made: dict[str, DemoFilm] = {}
    problems: dict[str, str] = {}
    while len(made) + len(problems) < len(expected):
        patience = SETTLED if is_settled(board) else STANDSTILL
        try:
            async with asyncio.timeout(moved + patience - time.monotonic()):
                frame = await anext(frames)
        except TimeoutError:
            problems[""] = standstill(board, expected, patience)
            break
        changes = board.changes
        watch(board, board.take(frame))
        moved = time.monotonic() if board.changes != changes else moved
        for key in expected.keys() - made.keys() - problems.keys():
            jump = board.jumps.get(key)
            wrong = judge(jump, expected[key]) if jump else None
            if wrong:
                problems[key] = f"{key}: {wrong}"
            elif jump and jump.film and jump.state == "done":
                made[key] = publish(jump, jump.film, time.monotonic() - began)
    unexpected = [f"{key}: nobody expected this jump" for key in sorted(board.jumps.keys() - expected.keys())]
    return Outcome(tuple(made[key] for key in sorted(made)), (*problems.values(), *unexpected))


def judge(jump: JumpView, passenger: str) -> str | None:
    """What is wrong with a finished jump; None if nothing is, or while the jump is not finished."""
    if jump.state == "failed":
        broken = [f"{step.label}: {step.message}" for step in jump.steps if step.status == "failed"]
        return "; ".join([jump.reason or "its film could not be made", *broken])
    if jump.state != "done" or jump.film is None:
        return None
    if jump.passenger != passenger:
        return f"the film says {jump.passenger!r}, the card said {passenger!r}"
    if not jump.film.checks:
        return "its film was not checked"
    failed = [f"{check.name}: {check.detail}" for check in jump.film.checks if not check.passed]
    return f"its film did not pass: {'; '.join(failed)}" if failed else None


def is_settled(board: Board) -> bool:
    """Whether nothing more can be expected: the card is copied, and no jump has anything left to do by itself."""
    copied = bool(board.cards) and all(card.state not in ("scanning", "copying") for card in board.cards.values())
    return copied and bool(board.jumps) and all(is_jump_settled(jump) for jump in board.jumps.values())


def standstill(board: Board, expected: dict[str, str], patience: float) -> str:
    """The sentence for when nothing moves any more: the missing jumps and their states."""
    states = {key: board.jumps[key].state if key in board.jumps else "never seen" for key in sorted(expected)}
    missing = [f"{key} ({state})" for key, state in states.items() if state != "done"]
    cards = "; ".join(f"card {card.label}: {card.message or card.state}" for card in board.cards.values())
    where = f" {cards}." if cards else " The card was never seen."
    return f"nothing has changed for {patience:.0f} s; still to come: {', '.join(missing)}.{where}"


@dataclass(frozen=True)
class Publisher:
    """Puts films from the data folder into the out folder."""

    wish: Wish
    settings: Settings

    def __call__(self, jump: JumpView, film: FilmView, after: float) -> DemoFilm:
        """Put the film in its place as `<jump>.mp4`, in one step, and note it."""
        name = Path(unquote(urlsplit(film.url).path)).name
        source = self.settings.films_dir / jump.jump / name
        target = self.wish.out / f"{jump.jump}.mp4"
        fresh = target.with_name(f".{target.name}.part")
        fresh.unlink(missing_ok=True)
        try:
            fresh.hardlink_to(source)
        except OSError:  # Another volume, or one without hard links.
            shutil.copyfile(source, fresh)
        fresh.replace(target)
        left = json.loads(self.wish.note.read_text("utf-8"))
        self.wish.note.write_text(json.dumps([*left, target.name]), "utf-8")
        return DemoFilm(jump.jump, jump.passenger or "", target, film.seconds, after)
