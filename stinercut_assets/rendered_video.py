"""Asset `rendered_video` [jump] and its checks: the film, published once it passed them.

Lives here: joining, recording the check results in Dagster and the film in the catalog. Doesn't: how a film is joined
and checked (`stinercut.media.film`). The checks run inside this step, because a film that fails one is never published.
"""

import time
from collections.abc import Iterator, Sequence

import dagster as dg

from stinercut.catalog import jumps
from stinercut.catalog.jumps import JumpFootage
from stinercut.catalog.models import Film
from stinercut.media.checks import CheckResult
from stinercut.media.film import FilmRefused, FinishedFilm, finish_film
from stinercut.media.segments import Segment
from stinercut.media.stills import jpeg_still
from stinercut.store import replace_file
from stinercut_assets.jump_steps import FILM, go_on, reporter, title_fields
from stinercut_assets.lineage import film_template
from stinercut_assets.partitions import jumps as jump_partitions
from stinercut_assets.pictures import picture, table
from stinercut_assets.reporting import Doing
from stinercut_assets.resources import Installation
from stinercut_assets.retries import retry_policy
from stinercut_assets.session_clips import RenderedClip
from stinercut_assets.title_and_outro import TitleAndOutro

CHECKS = {
    "duration_is_sum": "The film is as long as title, clips and outro together, to the frame.",
    "audio_as_long_as_video": "The sound ends where the picture ends.",
    "decodes_to_the_end": "Every frame of the film decodes without an error.",
    "right_name": "The title in the finished film shows the passenger's name, and no other.",
    "playable_in_browser": "H.264 and AAC in an MP4 that starts before it is loaded.",
}

POSTER = "poster.jpg"


@dg.asset(
    partitions_def=jump_partitions,
    deps=[film_template],
    group_name="films",
    kinds={"ffmpeg"},
    pool="ffmpeg",
    retry_policy=retry_policy("rendered_video"),
    check_specs=[
        dg.AssetCheckSpec(name, asset="rendered_video", description=words, blocking=True)
        for name, words in CHECKS.items()
    ],
    description=(
        "The passenger's film: title, clips and outro joined without encoding the picture again, sound encoded once. "
        "It is published only after all its checks passed; an older film of the jump stays until then."
    ),
)
def rendered_video(
    context: dg.AssetExecutionContext,
    installation: Installation,
    imported_files: JumpFootage,
    title_and_outro: TitleAndOutro,
    session_clips: list[RenderedClip],
) -> Iterator[dg.AssetCheckResult | dg.Output[str]]:
    """The published film's file name, below the folder of films."""
    go_on(context, installation)
    parts = [
        ("title", title_and_outro.title),
        *((one.clip.name, one.segment) for one in session_clips),
        ("outro", title_and_outro.outro),
    ]
    with reporter(context, installation).doing(FILM) as doing:
        try:
            film = _make(context, installation, imported_files, [segment for _, segment in parts], doing)
        except FilmRefused as wrong:
            yield from _results(wrong.checks)
            raise
        yield from _results(film.checks)
        name = f"{imported_files.jump_key}/{film.path.name}"
        poster = jpeg_still(film.path, at=title_and_outro.title.seconds / 2, width=960)
        replace_file(film.path.with_name(POSTER), poster)
        _record(context, installation, imported_files, film, name)
    yield dg.Output(
        name,
        metadata={
            "film": dg.MetadataValue.path(film.path),
            "watch": dg.MetadataValue.url(f"{installation.settings.hub_address}/films/{name}"),
            "jump": dg.MetadataValue.url(f"{installation.settings.hub_address}/#jump={imported_files.jump_key}"),
            "title": picture(poster, "title"),
            "parts": table(_rows(parts)),
            "seconds": round(film.seconds, 3),
            "frames": film.frames,
            "MB": round(film.size / 1e6, 1),
        },
    )


def _make(
    context: dg.AssetExecutionContext,
    installation: Installation,
    footage: JumpFootage,
    segments: Sequence[Segment],
    doing: Doing,
) -> FinishedFilm:
    target = installation.settings.films_dir / footage.jump_key / f"{footage.jump_key}.mp4"
    context.log.info("Joining %d segments into %s", len(segments), target)

    def require_wanted() -> None:
        with installation.catalog.read() as session:
            jumps.require_wanted(session, footage)

    return finish_film(
        segments,
        installation.template_of(footage.jump_key),
        title_fields(installation, footage),
        target,
        on_progress=doing.progress,
        before_publishing=require_wanted,
    )


def _results(checks: Sequence[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    for check in checks:
        yield dg.AssetCheckResult(
            asset_key="rendered_video",
            check_name=check.name,
            passed=check.passed,
            description=check.detail,
            metadata={key: str(value) for key, value in check.values.items()},
        )


def _rows(parts: Sequence[tuple[str, Segment]]) -> list[dict[str, str | int | float | bool | None]]:
    return [
        {
            "part": name,
            "seconds": round(segment.seconds, 2),
            "seconds_spent": round(segment.seconds_spent, 2),
            "kept": segment.cached,
        }
        for name, segment in parts
    ]


def _record(
    context: dg.AssetExecutionContext, installation: Installation, footage: JumpFootage, film: FinishedFilm, name: str
) -> None:
    template = installation.template_of(footage.jump_key)
    started = context.instance.get_run_stats(context.run.run_id).start_time or time.time()
    with installation.catalog.write() as session:
        jumps.record_film(
            session,
            Film(
                jump_key=footage.jump_key,
                version=footage.version,
                file_name=name,
                passenger_name=footage.passenger_name,
                template=template.name,
                template_fingerprint=template.fingerprint,
                seconds=film.seconds,
                frames=film.frames,
                size=film.size,
                checks=[{"name": one.name, "passed": one.passed, "detail": one.detail} for one in film.checks],
                run_id=context.run.run_id,
                made_in=time.time() - started,
            ),
        )
