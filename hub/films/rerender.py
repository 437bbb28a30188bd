"""Rendering films again after a template changed: which films, what it costs, and the backfill that does it.

Owns: the shelf of templates, the view of stale films, starting a backfill. Not here: the routes (`routes`), which
films are stale (`stinercut.jumps.staleness`), the runs (Dagster's backfill daemon, at the lowest priority).

Starting another backfill does no harm: it skips films that are up to date, or that a backfill is busy with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hub.films.backfill_outcome import BackfillOutcome, outcome_of
from hub.kit.dagster_client import Backfill, Dagster
from hub.kit.views import MessageView, example, message_views
from stinercut.bounds import JumpKey, Who
from stinercut.catalog import Catalog
from stinercut.errors import BadTemplate, StinercutError
from stinercut.failures import messages_for_pages
from stinercut.jumps import staleness
from stinercut.jumps.staleness import FilmMade, Stale, WantedTemplate
from stinercut.language.messages import Message, all_worded
from stinercut.language.refusal_codes import RefusalCode
from stinercut.pipeline_names import BACKFILL_PRIORITY, FILM_ASSETS, PRIORITY_TAG, WORK_TAG
from stinercut.review import wishes
from stinercut.templates import folder
from stinercut.templates.aspects import aspects
from stinercut.templates.timeline import TemplateName
from stinercut.text import counted

BACKFILL_TAGS = {
    PRIORITY_TAG: str(BACKFILL_PRIORITY),
    "dagster/retry_strategy": "FROM_ASSET_FAILURE",
    WORK_TAG: "backfill",
}


MAX_JUMPS = 20_000
"""The most jumps named in one request, which fit into a body of a megabyte. Without names a backfill makes all."""


class TemplateView(BaseModel):
    """A template of this installation. `problem` tells why it can't be used; empty if it can."""

    name: str
    version: int | None
    description: str
    is_default: bool
    outputs: list[str]
    problem: str
    problem_parts: list[MessageView] = []
    """The same as codes and values."""


class Templates(BaseModel):
    """All templates, sorted by name."""

    model_config = example(
        {
            "templates": [
                {
                    "name": "classic",
                    "version": 3,
                    "description": "The usual film.",
                    "is_default": True,
                    "outputs": ["film"],
                    "problem": "",
                }
            ]
        }
    )

    templates: list[TemplateView]


class StaleView(BaseModel):
    """A film whose template has changed. `changed`: clips, drawings, sound. `seconds` of its outputs must be encoded
    again, which is `minutes` of work on this installation's cores.
    """

    jump: str
    template: str
    changed: list[str]
    seconds: float
    minutes: float
    backfill: str | None
    """The backfill that has yet to make it."""


class Renewable(BaseModel):
    """What a backfill would do. `encoded_seconds` and `minutes` count only films that no backfill is busy with."""

    model_config = example(
        {
            "films": [
                {
                    "jump": "2026-06-01_B-1",
                    "template": "classic",
                    "changed": ["drawings"],
                    "seconds": 12.5,
                    "minutes": 0.4,
                    "backfill": None,
                }
            ],
            "to_do": 1,
            "encoded_seconds": 12.5,
            "minutes": 0.4,
            "problem": "",
        }
    )

    films: list[StaleView]
    to_do: int
    encoded_seconds: float
    minutes: float
    problem: str
    """Why the list may be wrong: a template can't be used, or Dagster did not tell in time what it is busy with."""
    problem_parts: list[MessageView] = []
    """The same as codes and values."""
    last: BackfillOutcome | None = None
    """What came of the last backfill; None if there was none lately, or if Dagster did not tell."""


class BackfillRequest(BaseModel):
    """The films to make again; `jumps` None means all stale ones."""

    model_config = ConfigDict(extra="forbid") | example({"jumps": ["2026-06-01_B-1"]})

    jumps: Annotated[list[JumpKey], Field(max_length=MAX_JUMPS)] | None = None


class Started(BaseModel):
    """The backfill that was started; None if there was nothing to do. `problem`: why some films are left out."""

    model_config = example({"backfill": "abcdefgh", "problem": "", "jumps": ["2026-06-01_B-1"]})

    backfill: str | None
    problem: str = ""
    problem_parts: list[MessageView] = []
    """The same as codes and values."""
    jumps: list[str]


class TemplateWish(BaseModel):
    """A person's choice for a jump; None means the installation's default."""

    model_config = ConfigDict(extra="forbid") | example({"who": "Kim", "template": "classic"})

    who: Who
    template: TemplateName | None


def busy_with(stale: Sequence[Stale], going_on: Iterable[Backfill]) -> dict[str, str]:
    """The backfills that have yet to make these films: jump key -> the backfill's id.

    A backfill counts until it is over, and films that it has made may be stale again by then. So it is not busy with a
    film that is younger than itself. If such a film was made elsewhere, it is made once more than needed, which costs a
    join. If several backfills are for the same film, the last one counts.
    """
    by_age = sorted(going_on, key=lambda backfill: backfill.asked_at)
    last = {key: backfill for backfill in by_age for key in backfill.partitions}
    pairs = ((film, last.get(film.jump_key)) for film in stale)
    return {
        film.jump_key: backfill.backfill_id
        for film, backfill in pairs
        if backfill is not None and film.made_at <= backfill.asked_at
    }


def to_make(stale: Sequence[Stale], busy: Container[str], asked: Iterable[str] | None) -> list[str]:
    """The jumps of the stale films that no backfill is busy with, in order. With `asked`: only these jumps."""
    keys = [film.jump_key for film in stale if film.jump_key not in busy]
    if asked is None:
        return keys
    wanted = frozenset(asked)
    return [key for key in keys if key in wanted]


def templates_of(
    films: Iterable[FilmMade], templates: Container[str], default: str, asked: Iterable[str] | None
) -> list[str]:
    """Those of these templates that films use. With `asked`: only films of these jumps."""
    wanted = None if asked is None else frozenset(asked)
    used = {film.template or default for film in films if wanted is None or film.jump_key in wanted}
    return sorted(name for name in used if name in templates)


@dataclass(frozen=True)
class Renewal:
    """Templates as they are now, and the films made with them."""

    catalog: Catalog
    dagster: Dagster
    folders: Sequence[Path]
    default: str
    workers: int
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def shelf(self) -> tuple[dict[str, folder.Template], dict[str, tuple[Message, ...]]]:
        """The usable templates by name, and the problems of the others by name."""
        good: dict[str, folder.Template] = {}
        bad: dict[str, tuple[Message, ...]] = {}
        for name in folder.names(self.folders):
            try:
                good[name] = folder.find(name, self.folders)
            except StinercutError as refused:
                bad[name] = messages_for_pages(refused)
        return good, bad

    def templates(self) -> list[TemplateView]:
        """All templates to choose from, including broken ones."""
        good, bad = self.shelf()
        return [_view(name, good.get(name), bad.get(name, ()), self.default) for name in sorted({*good, *bad})]

    async def renewable(self) -> Renewable:
        """The films that a backfill would make again, and the cost. If Dagster is silent, the view only says so."""
        stale, bad, films = await asyncio.to_thread(self._stale)
        problems = [_not_usable(name, why) for name, why in bad.items()]
        busy: dict[str, str] = {}
        last: Backfill | None = None
        try:
            busy = busy_with(stale, await self.dagster.at_a_glance().backfilling())
            last = await self.dagster.at_a_glance().last_backfill(WORK_TAG, BACKFILL_TAGS[WORK_TAG])
        except StinercutError as silent:
            problems.append(Message.of(RefusalCode.BUSY_FILMS_NOT_KNOWN, why=messages_for_pages(silent)))
        # In a thread: there may be tens of thousands, and making their views would block the event loop.
        found = await asyncio.to_thread(self._renewable, stale, busy, problems)
        found.last = await asyncio.to_thread(outcome_of, last, films) if last else None
        return found

    def _renewable(self, stale: Sequence[Stale], busy: Mapping[str, str], problems: Sequence[Message]) -> Renewable:
        films = [
            StaleView(
                jump=film.jump_key,
                template=film.template,
                changed=list(film.changed),
                seconds=round(film.seconds, 1),
                minutes=round(film.work / max(1, self.workers) / 60, 4),
                backfill=busy.get(film.jump_key),
            )
            for film in stale
        ]
        to_do = [film for film in films if film.backfill is None]
        return Renewable(
            films=films,
            to_do=len(to_do),
            encoded_seconds=round(sum(film.seconds for film in to_do), 1),
            minutes=round(sum(film.minutes for film in to_do), 1),
            problem=all_worded(problems),
            problem_parts=message_views(problems),
        )

    async def start(self, asked: BackfillRequest) -> Started:
        """Start a backfill of the stale films that no backfill is busy with. Raises HostNotReady or DagsterRefused.

        Raises BadTemplate if the template of a requested film can't be used, or if only such films are left: their runs
        would fail later, one by one.
        """
        async with self._starting:
            stale, bad, films = await asyncio.to_thread(self._stale)
            unusable = templates_of(films, bad, self.default, asked.jumps)
            problem = tuple(_not_usable(name, bad[name]) for name in unusable)
            if problem and asked.jumps is not None:
                raise BadTemplate(problem, advice=Message.of(RefusalCode.MEND_TEMPLATE))
            busy = busy_with(stale, await self.dagster.backfilling())
            keys = to_make(stale, busy, asked.jumps)
            if not keys and problem:
                raise BadTemplate(problem, advice=Message.of(RefusalCode.MEND_TEMPLATE))
            if not keys:
                return Started(backfill=None, jumps=[])
            title = f"{counted(len(keys), 'film')} with a changed template"
            backfill = await self.dagster.backfill(FILM_ASSETS, keys, title, BACKFILL_TAGS)
            return Started(
                backfill=backfill, jumps=keys, problem=all_worded(problem), problem_parts=message_views(problem)
            )

    def choose(self, jump: JumpKey, wish: TemplateWish) -> None:
        """Record a person's choice of a jump's template. Raises NotFound, and BadInput if it can't be used."""
        if wish.template is not None:
            folder.find(wish.template, self.folders)
        with self.catalog.write() as session:
            wishes.choose_template(session, jump, wish.template, wish.who)

    def _stale(self) -> tuple[list[Stale], dict[str, tuple[Message, ...]], list[FilmMade]]:
        """The stale films, the problems of unusable templates by name, and all films."""
        good, bad = self.shelf()
        wanted = {name: WantedTemplate(name, item.fingerprint, aspects(item)) for name, item in good.items()}
        with self.catalog.read() as session:
            films = staleness.films_made(session)
        return staleness.stale_films(films, wanted, self.default), bad, films


def _not_usable(template: str, why: tuple[Message, ...]) -> Message:
    return Message.of(RefusalCode.TEMPLATE_NOT_USABLE, template=template, why=why)


def _view(name: str, template: folder.Template | None, problem: tuple[Message, ...], default: str) -> TemplateView:
    return TemplateView(
        name=name,
        version=template.version if template else None,
        description=template.document.description if template else "",
        is_default=name == default,
        outputs=[output.name for output in template.outputs] if template else [],
        problem=all_worded(problem),
        problem_parts=message_views(problem),
    )
