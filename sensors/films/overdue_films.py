"""Sensor: reports on the film's asset when films become overdue, and when no film is overdue any more.

Owns: the sensor. Not here: which films are overdue (`stinercut_assets.films.freshness`).
"""

import dagster as dg

from stinercut.pipeline_names import FILM_ASSET
from stinercut.storage.store import key_of
from stinercut_assets.common.resources import Installation
from stinercut_assets.films.freshness import NAME, as_metadata, in_words, overdue


@dg.sensor(
    asset_selection=dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(FILM_ASSET), NAME)),
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports the check films_in_time whenever the list of overdue films has changed.",
)
def overdue_films(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Report the check once for each change, without a run; the cursor remembers the last list."""
    late = overdue(Installation())
    seen = key_of(*(jump for jump, _ in late)) if late else "none"
    if seen == (context.cursor or "none"):
        return dg.SkipReason(in_words(late))
    return dg.SensorResult(
        asset_events=[
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(FILM_ASSET),
                check_name=NAME,
                passed=not late,
                severity=dg.AssetCheckSeverity.WARN,
                description=in_words(late),
                metadata=as_metadata(late),
            )
        ],
        cursor=seen,
    )
