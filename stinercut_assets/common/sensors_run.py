"""Check `sensors_run` of `rendered_video`: nobody has switched off a sensor or schedule that films depend on.

Owns: the check, which a person can run on Dagster's page. Not here: its words (`stinercut.runs.automation`), the
automatic report of the same (`hub.runs.automation`; not a sensor, because it could be switched off with the others).
"""

from collections.abc import Iterable

import dagster as dg

from stinercut.language.messages import all_worded
from stinercut.pipeline_names import FILM_ASSET
from stinercut.runs.automation import ALL_RUN, CHECK, WITHOUT, said_of
from stinercut_assets.common.dagster_internals import InstigatorState, InstigatorStatus

SENSORS_RUN = dg.AssetCheckKey(dg.AssetKey(FILM_ASSET), CHECK)


@dg.asset_check(
    asset=FILM_ASSET,
    name=CHECK,
    description="All sensors and schedules run. Start them on Dagster's page Automation, or on the board.",
)
def sensors_run(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Check Dagster's storage as it is now."""
    # Where Dagster keeps no states of sensors, nobody can have switched one off.
    states = context.instance.all_instigator_state() if context.instance.schedule_storage else ()
    stopped = switched_off(states)
    return dg.AssetCheckResult(
        passed=not stopped,
        severity=dg.AssetCheckSeverity.WARN,
        description=all_worded(said_of(stopped) or (ALL_RUN,)),
    )


def switched_off(states: Iterable[InstigatorState]) -> list[str]:
    """The names of our sensors and schedules that somebody switched off. Untouched ones run by their definition."""
    return [
        state.instigator_name
        for state in states
        if state.status is InstigatorStatus.STOPPED and state.instigator_name in WITHOUT
    ]
