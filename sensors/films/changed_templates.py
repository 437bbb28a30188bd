"""Sensor: tells Dagster which films are stale because their template has changed.

Owns: the sensor. Not here: which films to report next (`template_news`), the query (`stinercut.jumps.staleness`).

It only reports and starts no rendering: a season's films would keep the machines busy for days. A person who wants them
starts a backfill (`stinercut backfill --stale`, a button of the hub, or Dagster's own page).
"""

import json
from dataclasses import dataclass

import dagster as dg
from sqlalchemy.orm import Session

from sensors.films.template_news import Told, tell_next
from stinercut.errors import StinercutError
from stinercut.jumps import staleness
from stinercut.jumps.staleness import NotedJump
from stinercut_assets.common.resources import Installation
from stinercut_assets.films.lineage import observe_template

AT_ONCE = 200
"""How many observations a tick reports at most: each is a row in Dagster's event log."""
LOOKED_AT = 5000
"""How many films a tick looks at, at most; the first tick may find many."""


@dataclass(frozen=True)
class _Films:
    """The queries of `tell_next`, answered by the catalog."""

    session: Session

    def with_template(self, name: str, after: str, limit: int) -> list[NotedJump]:
        return staleness.jumps_with(self.session, name or None, after=after, limit=limit)

    def made_after(self, film_id: int) -> list[NotedJump]:
        return staleness.films_after(self.session, film_id, limit=LOOKED_AT)


@dg.sensor(
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes exactly those films stale in the lineage that differ from their template as it is now.",
)
def changed_templates(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Observations of the films that a change affects, a few hundred a tick; the cursor holds what was reported."""
    installation = Installation()
    current = _fingerprints(context, installation)
    # Without a cursor, look at every film: its template may have changed after it was made, before this sensor ran.
    told = Told.from_cursor(json.loads(context.cursor)) if context.cursor else Told(current)
    with installation.catalog.read() as session:
        news, told = tell_next(_Films(session), current, told, AT_ONCE)
    if not news:
        context.update_cursor(json.dumps(told.as_cursor()))
        return dg.SkipReason("No template has changed.")
    usual = installation.settings.template
    return dg.SensorResult(
        cursor=json.dumps(told.as_cursor()),
        asset_events=[
            observe_template(film.jump_key, film.template or usual, film.fingerprint, version=film.version)
            for film in news
        ],
    )


def _fingerprints(context: dg.SensorEvaluationContext, installation: Installation) -> dict[str, str]:
    """The fingerprint of every usable template, by name; under "" that of the installation's default template."""
    fingerprints: dict[str, str] = {}
    for name in installation.template_names():
        try:
            fingerprints[name] = installation.template_named(name).fingerprint
        except StinercutError as refused:
            context.log.warning(refused.sentence())
    default = fingerprints.get(installation.settings.template)
    return {**fingerprints, **({"": default} if default else {})}
