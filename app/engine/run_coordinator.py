"""Dagster's run queue, which gives every run its tags before the run waits in it.

Owns: `TaggingRunCoordinator`, named in dagster.yaml. Not here: which tags (`stinercut_assets.common.run_tags`), the
queue and its limits (Dagster's, `dagster.yaml`).

A custom run coordinator is Dagster's way to do this: it sees each run before it is queued, whether a sensor, a backfill
or a person on Dagster's page launched it.
"""

from dagster import DagsterRun
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

from stinercut_assets.common.run_tags import missing_tags


class TaggingRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which also adds missing tags."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Add the tags that the run lacks, then queue it."""
        run = context.dagster_run
        assets = [key.to_user_string() for key in run.asset_selection or ()]
        if missing := missing_tags(run.job_name, assets, run.tags):
            self._instance.add_run_tags(run.run_id, missing)
        return super().submit_run(context)
