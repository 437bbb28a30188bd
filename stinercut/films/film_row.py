"""Makes the catalog's row of a published film from its production and its finished files.

Owns: which values of a production and of its finished film go into the row. Not here: recording the row and what
follows for its jump (`stinercut.jumps.film_records`), publishing (`publish`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stinercut.catalog.models import Film
from stinercut.catalog.row_messages import check_row
from stinercut.films.film import Finished, Production
from stinercut.films.picture.encoding import Segment
from stinercut.jumps.jumps import JumpFootage
from stinercut.templates.aspects import aspects


@dataclass(frozen=True)
class FilmRun:
    """The run that made a film: `seconds` from its start to the published film.

    `template_noted`: the template's data version in the lineage when the step began.
    """

    run_id: str
    seconds: float
    template_noted: str | None


def film_row(
    footage: JumpFootage, production: Production, finished: Finished, segments: Iterable[Segment], run: FilmRun
) -> Film:
    """The row. `segments`: the segments of all films, as they were when they were made."""
    template, film = production.template, finished.film
    return Film(
        jump_key=footage.jump_key,
        version=footage.version,
        file_name=f"{footage.jump_key}/{film.path.name}",
        outputs=finished.outputs,
        passenger_name=footage.passenger_name,
        template=template.name,
        template_fingerprint=template.fingerprint,
        template_noted=run.template_noted,
        aspects=aspects(template),
        drawn_seconds=sum(making.drawn_seconds for making in production.films),
        filmed_seconds=sum(making.filmed_seconds for making in production.films),
        spent_per_second=spent_per_second({segment.key: segment for segment in segments}.values()),
        seconds=film.seconds,
        frames=film.frames,
        size=film.size,
        checks=[check_row(check.name, check.said, passed=check.passed) for check in finished.checks],
        run_id=run.run_id,
        made_in=run.seconds,
    )


def spent_per_second(segments: Iterable[Segment]) -> float | None:
    """Seconds of work for one encoded second, over all of these; None when all of them were there already."""
    made = [segment for segment in segments if not segment.cached]
    seconds = sum(segment.seconds for segment in made)
    return sum(segment.seconds_spent for segment in made) / seconds if seconds else None
