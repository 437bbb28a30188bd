"""Check `films_in_time` of `rendered_video`: no jump waits for its film longer than it should.

Owns: the check, which a person can run on Dagster's page, and its words. Not here: the automatic check
(`sensors.films.overdue_films`), which jumps are overdue (`stinercut.jumps.in_progress`).

Dagster's own freshness policies are about an asset as a whole; here every jump has its own deadline.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from stinercut.jumps import in_progress
from stinercut.pipeline_names import FILM_ASSET
from stinercut_assets.common.metadata import table
from stinercut_assets.common.resources import Installation

NAME = "films_in_time"


@dg.asset_check(
    asset=FILM_ASSET,
    name=NAME,
    description="Every jump whose files are all here has its film within STINERCUT_FILM_DUE_MINUTES.",
)
def films_in_time(installation: Installation) -> dg.AssetCheckResult:
    """Check the catalog as it is now."""
    late = overdue(installation)
    return dg.AssetCheckResult(
        passed=not late, severity=dg.AssetCheckSeverity.WARN, description=in_words(late), metadata=as_metadata(late)
    )


def overdue(installation: Installation) -> list[tuple[str, str]]:
    """The jumps that should have a film by now: jump key and state."""
    before = installation.catalog.clock() - timedelta(minutes=installation.settings.film_due_minutes)
    with installation.catalog.read() as session:
        return in_progress.overdue_jumps(session, before)


def in_words(late: Sequence[tuple[str, str]]) -> str:
    """The result of the check, for people."""
    if not late:
        return "No film is overdue."
    return f"{len(late)} overdue, the longest waiting: {', '.join(f'{jump} ({state})' for jump, state in late[:5])}"


def as_metadata(late: Sequence[tuple[str, str]]) -> dict[str, dg.MetadataValue]:
    """All overdue jumps as a table; empty when no jump is late."""
    return {"overdue": table([{"jump": jump, "state": state} for jump, state in late])} if late else {}
