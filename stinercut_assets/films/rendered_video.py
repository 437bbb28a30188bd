"""Asset `rendered_video` [jump] and its checks: the film, published once it passed them.

Owns: joining, recording the check results in Dagster and the film in the catalog. Not here: how a film is joined
and checked (`stinercut.films.film`). The checks run inside this step, because a film that fails one is never published.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import dagster as dg

from stinercut.catalog.models import Film
from stinercut.films.checks.checks import CHECKS, CheckResult
from stinercut.films.dropped_outputs import clear
from stinercut.films.editor.export import HandedOver, hand_over
from stinercut.films.film import (
    FilmRefused,
    Finished,
    FinishedFilm,
    Production,
    finish_film,
    owner_of,
    poster_second,
)
from stinercut.films.picture.encoding import Segment
from stinercut.films.plan.progress import part_of
from stinercut.jumps import film_records, jumps, waiting_files
from stinercut.jumps.jumps import JumpFootage
from stinercut.jumps.unread_cards import unread_cards
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.pipeline_names import FILM_ASSET
from stinercut.storage.store import replace_file
from stinercut.templates.aspects import aspects
from stinercut.video.stills import jpeg_still
from stinercut_assets.common.metadata import gallery, picture, table
from stinercut_assets.common.partitions import jumps as jump_partitions
from stinercut_assets.common.reporting import Doing
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.films.jump_steps import FILM, go_on, reporter
from stinercut_assets.films.lineage import film_template, template_noted
from stinercut_assets.films.production import FilmOrder, StepProduct, film_order, production_of, spent_per_second
from stinercut_assets.films.session_clips import RenderedClip

POSTER = "poster.jpg"

_NAMED = 3
"""So many photos that can't be shown are named on the board; the run's log has all of them."""

_ASKING = 0.1
"""Which share of this step is asking the store for segments, and making those that it has lost."""

Row = dict[str, str | int | float | bool | None]
Thing = TypeVar("Thing")


@dg.asset(
    partitions_def=jump_partitions,
    deps=[film_template],
    group_name="films",
    kinds={"ffmpeg"},
    pool="ffmpeg",
    retry_policy=retry_policy("rendered_video"),
    check_specs=[
        dg.AssetCheckSpec(name, asset=FILM_ASSET, description=check.words, blocking=check.blocking)
        for name, check in CHECKS.items()
    ],
    description=(
        "The passenger's film: title, clips and outro joined without encoding the picture again, sound encoded once. "
        "It is published only after all its checks passed; an older film of the jump stays until then, and files of "
        "outputs that the template no longer has go when the new ones are there."
    ),
)
def rendered_video(
    context: dg.AssetExecutionContext,
    installation: Installation,
    imported_files: JumpFootage,
    title_and_outro: StepProduct,
    session_clips: list[RenderedClip],
) -> Iterator[dg.AssetCheckResult | dg.Output[str]]:
    """The published film's file name, below the folder of films."""
    # Before the template is read: what Dagster noted for this film a moment ago, when its step began.
    noted = template_noted(context.instance, context.partition_key)
    go_on(context, installation, imported_files)
    with reporter(context, installation).doing(FILM) as doing:
        production = production_of(installation, imported_files)
        order = film_order(production, part_of(doing.progress, 0.0, _ASKING))
        made = _as_made(order, [title_and_outro, *(clip.made for clip in session_clips)])
        try:
            finished = _finished(context, installation, imported_files, order, doing)
        except FilmRefused as wrong:
            yield from _results(wrong.checks)
            raise
        film = finished.film
        name = f"{imported_files.jump_key}/{film.path.name}"
        beside = _Beside(context)
        poster = beside.made("Its picture", lambda: _poster(film, production))
        handed = beside.made("Its timeline", lambda: _handed_over(imported_files, order, film.path))
        gone = beside.made("Clearing what its template dropped", lambda: clear(production.store, finished))
        stills = beside.made("Its stills", lambda: _stills(film)) or []
        photos = beside.made("Its photos", lambda: list(_photo_rows(finished))) or []
        beside.tell(gone or (), (*finished.kept, *(handed.kept if handed else ())))
        beside.wrong += [f"A photo can't be shown: {one}" for one in finished.unshown]
        if finished.unshown:
            context.log.warning("Photos that can't be shown: %s", "; ".join(finished.unshown))
            doing.notes = (_unshown(finished.unshown),)
        row = _record_of(context, imported_files, finished, production, made, noted, installation.catalog.clock())
        # Whatever went wrong beside the film, it is there: its last step ends and the jump is done, in this order.
        doing.at_end = lambda session: film_records.record_film(session, row)
    yield from _results(finished.checks)
    yield dg.Output(
        name,
        metadata={
            "film": dg.MetadataValue.path(film.path),
            "watch": dg.MetadataValue.url(f"{installation.settings.board_address}/films/{name}"),
            "jump": dg.MetadataValue.url(f"{installation.settings.board_address}/#jump={imported_files.jump_key}"),
            **({"timeline": dg.MetadataValue.path(handed.timeline)} if handed else {}),
            **({"title": picture(poster, "title")} if poster else {}),
            **_provisional(installation, imported_files.jump_key),
            **({"went wrong": "\n".join(beside.wrong)} if beside.wrong else {}),
            "stills": gallery(stills),
            "outputs": table([*map(_film_row, finished.films), *photos]),
            "parts": table(_part_rows(order, made)),
            "seconds": round(film.seconds, 3),
            "frames": film.frames,
            "MB": round(film.size / 1e6, 1),
        },
    )


def _provisional(installation: Installation, jump_key: str) -> dict[str, str]:
    """As metadata, what waits for a person or did not come off its card; nothing where the film lacks nothing."""
    with installation.catalog.read() as session:
        missing = [*waiting_files.missing_of(session, jump_key), *unread_cards(session, [jump_key]).get(jump_key, ())]
    return {"provisional": " ".join(one.sentence() for one in missing)} if missing else {}


def _finished(
    context: dg.AssetExecutionContext,
    installation: Installation,
    footage: JumpFootage,
    order: FilmOrder,
    doing: Doing,
) -> Finished:
    target = installation.settings.films_dir / footage.jump_key / f"{footage.jump_key}.mp4"
    context.log.info("Joining %d segments into %s", sum(map(len, order.segments)), target)

    def require_wanted() -> None:
        with installation.catalog.read() as session:
            jumps.require_wanted(session, footage)

    return finish_film(
        order.production,
        order.segments,
        target,
        on_progress=part_of(doing.progress, _ASKING, 1.0),
        before_publishing=require_wanted,
    )


@dataclass
class _Beside:
    """Makes what belongs to a film that is published. A film without is still a film: it is only said."""

    context: dg.AssetExecutionContext
    wrong: list[str] = field(default_factory=list[str])

    def made(self, what: str, make: Callable[[], Thing]) -> Thing | None:
        """What `make` gives; None where that goes wrong, in whatever way."""
        try:
            return make()
        except Exception as refused:
            self.context.log.warning("%s: %s", what, refused, exc_info=True)
            self.wrong.append(f"{what}: {refused}")
            return None

    def tell(self, gone: Sequence[Path], kept: Sequence[Path]) -> None:
        """Say what went, and what of somebody else's was kept under another name."""
        if gone:
            self.context.log.info("Outputs that the template no longer has: %s", ", ".join(path.name for path in gone))
        for path in kept:
            self.context.log.warning("Somebody's own file lay in the place of an output. It is kept: %s", path)


def _poster(film: FinishedFilm, production: Production) -> bytes:
    """The picture that stands for the film, published beside it."""
    poster = jpeg_still(film.path, at=poster_second(production), width=960)
    replace_file(film.path.with_name(POSTER), poster)
    return poster


def _handed_over(footage: JumpFootage, order: FilmOrder, film: Path) -> HandedOver:
    ids = {clip.content_hash: clip.card_file_id for clip in footage.clips}
    return hand_over(order.production, order.segments[0], film, ids)


def _stills(film: FinishedFilm) -> list[tuple[str, bytes]]:
    """A few pictures of the finished film, from its beginning to its end."""
    moments = [film.seconds * part for part in (0.2, 0.4, 0.6, 0.8)]
    return [(f"{moment:.1f} s", jpeg_still(film.path, at=moment, width=320)) for moment in moments]


def _results(checks: Sequence[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    for check in checks:
        yield dg.AssetCheckResult(
            asset_key=FILM_ASSET,
            check_name=check.name,
            passed=check.passed,
            description=check.detail,
            severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
            metadata={key: str(value) for key, value in check.values.items()},
        )


def _film_row(film: FinishedFilm) -> Row:
    return {
        "output": film.name,
        "file": film.path.name,
        "seconds": round(film.seconds, 2),
        "MB": round(film.size / 1e6, 1),
    }


def _unshown(unshown: Sequence[str]) -> Message:
    named, more = tuple(unshown[:_NAMED]), len(unshown) - _NAMED
    if more > 0:
        return Message.of(MessageCode.PHOTOS_NOT_SHOWN_AND_MORE, photos=named, more=more)
    return Message.of(MessageCode.PHOTOS_NOT_SHOWN, photos=named)


def _photo_rows(finished: Finished) -> Iterator[Row]:
    for folder in finished.photos:
        photos = finished.photos_in(folder)
        size = sum(photo.stat().st_size for photo in photos)
        yield {"output": f"{len(photos)} photos", "file": folder.name, "seconds": None, "MB": round(size / 1e6, 1)}


def _as_made(order: FilmOrder, steps: Sequence[StepProduct]) -> list[list[Segment]]:
    """The segments of all films as they were when they were made: most of them were by other steps, and found here."""
    theirs = {one.segment.key: one.segment for step in steps for one in step.parts}
    return [
        [theirs.get(segment.key, segment) if segment.cached else segment for segment in film] for film in order.segments
    ]


def _part_rows(order: FilmOrder, made: Sequence[Sequence[Segment]]) -> list[Row]:
    names = {clip.clip.source.content_hash: clip.clip.source.name for clip in order.production.clips}
    return [
        {
            "output": film.name,
            "part": names.get(owner_of(part) or "", "drawing"),
            "seconds": round(segment.seconds, 2),
            "seconds_spent": round(segment.seconds_spent, 2),
            "kept": segment.cached,
        }
        for film, segments in zip(order.production.films, made, strict=True)
        for part, segment in zip(film.plan.parts, segments, strict=True)
    ]


def _record_of(  # noqa: PLR0913, PLR0917 - what a film is made of
    context: dg.AssetExecutionContext,
    footage: JumpFootage,
    finished: Finished,
    production: Production,
    made: Sequence[Sequence[Segment]],
    noted: str | None,
    moment: datetime,
) -> Film:
    template, film = production.template, finished.film
    segments = {segment.key: segment for film in made for segment in film}
    started = context.instance.get_run_stats(context.run.run_id).start_time or moment.timestamp()
    return Film(
        jump_key=footage.jump_key,
        version=footage.version,
        file_name=f"{footage.jump_key}/{film.path.name}",
        passenger_name=footage.passenger_name,
        template=template.name,
        template_fingerprint=template.fingerprint,
        template_noted=noted,
        aspects=aspects(template),
        drawn_seconds=sum(making.drawn_seconds for making in production.films),
        filmed_seconds=sum(making.filmed_seconds for making in production.films),
        spent_per_second=spent_per_second(segments.values()),
        seconds=film.seconds,
        frames=film.frames,
        size=film.size,
        checks=[{"name": one.name, "passed": one.passed, "detail": one.detail} for one in finished.checks],
        run_id=context.run.run_id,
        made_in=moment.timestamp() - started,
    )
