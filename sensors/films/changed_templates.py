"""Sensor: tells Dagster which films are stale because their template has changed.

Owns: the sensor. Not here: which films are told next (`template_news`), the query (`stinercut.jumps.staleness`).

It only observes: nothing is rendered by itself, since a season's films would keep the machines busy for days. Who wants
them starts a backfill (`stinercut backfill --stale`, a button of the hub, or Dagster's own page).
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
"""Observations in one tick: each is a row in Dagster's event log."""
LOOKED_AT = 5000
"""Films that one tick looks at, when it is the first and there are many."""


@dataclass(frozen=True)
class _Films:
    """The catalog's answers to what `tell_next` asks."""

    session: Session

    def with_template(self, name: str, after: str, limit: int) -> list[NotedJump]:
        return staleness.jumps_with(self.session, name or None, after=after, limit=limit)

    def made_after(self, film_id: int) -> list[NotedJump]:
        return staleness.films_after(self.session, film_id, limit=LOOKED_AT)


@dg.sensor(
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes exactly those films stale in the lineage that have not what their template says now.",
)
def changed_templates(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Observations for the films that a change concerns, a few hundred a tick; the cursor holds what was told."""
    installation = Installation()
    current = _fingerprints(context, installation)
    # Without a cursor every film is looked at: a template may have changed since it was made, before anybody looked.
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
            observe_template(one.jump_key, one.template or usual, one.fingerprint, version=one.version) for one in news
        ],
    )


def _fingerprints(context: dg.SensorEvaluationContext, installation: Installation) -> dict[str, str]:
    """The fingerprint of every template that can be used, by name; under "" that of the installation's own choice."""
    found: dict[str, str] = {}
    for name in installation.template_names():
        try:
            found[name] = installation.template_named(name).fingerprint
        except StinercutError as refused:
            context.log.warning(refused.sentence())
    default = found.get(installation.settings.template)
    return {**found, **({"": default} if default else {})}
