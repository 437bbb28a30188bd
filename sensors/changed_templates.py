"""Sensor: a template has changed, so the lineage says which films are no longer what they should be.

It only observes: nothing is rendered by itself, since a season's films would keep the machines busy for days. Who wants
them starts a backfill (`stinercut backfill --stale`, a button of the hub, or Dagster's own page).
"""

import json

import dagster as dg

from sensors.decisions import Told, tell_next
from stinercut.catalog import staleness
from stinercut.errors import StinercutError
from stinercut_assets.lineage import observe_template
from stinercut_assets.resources import Installation

AT_ONCE = 200
"""Observations in one tick: each is a row in Dagster's event log."""


@dg.sensor(
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes exactly those films stale in the lineage that use a template which has changed.",
)
def changed_templates(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Observations for the films of changed templates, a few hundred a tick; the cursor holds what was told."""
    installation = Installation()
    current = _fingerprints(context, installation)
    # Without a cursor: a template may have changed since its films were made, before anybody looked.
    told = Told.from_cursor(json.loads(context.cursor)) if context.cursor else Told({}, "", "", first=True)
    if told.says == current:
        context.update_cursor(json.dumps(told.as_cursor()))
        return dg.SkipReason("No template has changed.")
    with installation.catalog.read() as session:

        def films_of(template: str, after: str, otherwise: str | None, limit: int) -> list[str]:
            return staleness.jumps_with(
                session, template or None, after=after, made_otherwise_than=otherwise, limit=limit
            )

        news, told = tell_next(films_of, current, told, AT_ONCE)
    usual = installation.settings.template
    return dg.SensorResult(
        cursor=json.dumps(told.as_cursor()),
        asset_events=[observe_template(jump, current[template], template or usual) for jump, template in news],
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
