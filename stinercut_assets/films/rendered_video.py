"""Asset `rendered_video` [jump] and its checks: the film, published once it has passed them.

Owns: the step, and recording the check results in Dagster and the film in the catalog. Not here: how a film is joined
and checked (`stinercut.films.film`), publishing it (`stinercut.films.publish`), what Dagster's page shows of it
(`film_metadata`). The checks run inside this step, because a film that fails one is never published.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import dagster as dg

from stinercut.films.checks.checks import CHECKS, CheckResult
from stinercut.films.film import FilmRefused
from stinercut.films.film_row import FilmRun, film_row
from stinercut.films.plan.progress import Progress, part_of
from stinercut.films.publish import PublishedFilm, PublishRequest, publish, with_stills
from stinercut.jumps import film_records, jumps, waiting_files
from stinercut.jumps.jumps import JumpFootage
from stinercut.jumps.unread_cards import unread_cards
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded
from stinercut.pipeline_names import FILM_ASSET
from stinercut_assets.common.metadata import table
from stinercut_assets.common.partitions import jumps as jump_partitions
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.films.film_metadata import as_made, as_metadata, part_rows
from stinercut_assets.films.jump_steps import FILM, jump_page, reporter, take_over
from stinercut_assets.films.lineage import film_template, template_noted
from stinercut_assets.films.production import FilmOrder, StepProduct, film_order, production_of
from stinercut_assets.films.session_clips import RenderedClip

_NAMED = 3
"""The board names at most this many photos that can't be shown; the run's log names all of them."""

_ASKING = 0.1
"""The share of this step's progress for asking the store for segments, and making those that it has lost."""


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
    """The published film's path, relative to the folder of films."""
    # Asked before the template is read: the version that Dagster noted for this film when the step began.
    noted = template_noted(context.instance, context.partition_key)
    take_over(context, installation, imported_files)
    with reporter(context, installation).doing(FILM) as doing:
        production = production_of(installation, imported_files)
        order = film_order(production, part_of(doing.progress, 0.0, _ASKING))
        made = as_made(order, [title_and_outro, *(clip.made for clip in session_clips)])
        try:
            published = _published(context, installation, imported_files, order, doing.progress)
        except FilmRefused as wrong:
            yield from _results(wrong.checks)
            raise
        finished = published.finished
        if finished.unshown:
            context.log.warning("Photos that can't be shown: %s", "; ".join(finished.unshown))
            doing.notes = (_unshown(finished.unshown),)
        row = film_row(imported_files, production, finished, chain(*made), _run(context, installation, noted))
        # The film exists, whatever went wrong apart from it: its last step ends and the jump is done, in this order.
        doing.at_end = lambda session: film_records.record_film(session, row)
    yield from _results(finished.checks)
    name = f"{imported_files.jump_key}/{finished.film.path.name}"
    board = installation.settings.board_address
    yield dg.Output(
        name,
        metadata={
            "watch": dg.MetadataValue.url(f"{board}/films/{name}"),
            "jump": dg.MetadataValue.url(jump_page(installation, imported_files.jump_key)),
            **_provisional(installation, imported_files.jump_key),
            **as_metadata(with_stills(published, context.log)),
            "parts": table(part_rows(order, made)),
        },
    )


def _provisional(installation: Installation, jump_key: str) -> dict[str, str]:
    """As metadata, the files that wait for a person or did not come off their card; empty if the film lacks none."""
    with installation.catalog.read() as session:
        missing = [*waiting_files.missing_of(session, jump_key), *unread_cards(session, [jump_key]).get(jump_key, ())]
    return {"provisional": all_worded([one.said() for one in missing])} if missing else {}


def _published(
    context: dg.AssetExecutionContext,
    installation: Installation,
    footage: JumpFootage,
    order: FilmOrder,
    on_progress: Progress,
) -> PublishedFilm:
    target = installation.settings.films_dir / footage.jump_key / f"{footage.jump_key}.mp4"
    context.log.info("Joining %d segments into %s", sum(map(len, order.segments)), target)

    def require_wanted() -> None:
        with installation.catalog.read() as session:
            jumps.require_wanted(session, footage)

    ids = {clip.content_hash: clip.card_file_id for clip in footage.clips}
    return publish(
        PublishRequest(order.production, order.segments, target, ids),
        context.log,
        on_progress=part_of(on_progress, _ASKING, 1.0),
        before_publishing=require_wanted,
    )


def _run(context: dg.AssetExecutionContext, installation: Installation, noted: str | None) -> FilmRun:
    """This run so far."""
    moment = installation.catalog.clock().timestamp()
    started = context.instance.get_run_stats(context.run.run_id).start_time or moment
    return FilmRun(context.run.run_id, moment - started, noted)


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


def _unshown(unshown: Sequence[str]) -> Message:
    named, more = tuple(unshown[:_NAMED]), len(unshown) - _NAMED
    if more > 0:
        return Message.of(MessageCode.PHOTOS_NOT_SHOWN_AND_MORE, photos=named, more=more)
    return Message.of(MessageCode.PHOTOS_NOT_SHOWN, photos=named)
