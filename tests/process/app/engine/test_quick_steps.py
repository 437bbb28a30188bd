"""Quick steps are done in the run's own process: what `app.engine.quick_steps` relies on in Dagster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import REPOSITORY

from app.engine.definitions import defs
from stinercut.pipeline_names import QUICK_TAG

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="steps have no processes of their own there")

JOB = """
import os
import dagster as dg
from app.engine.quick_steps import do_quick_steps_here
from stinercut.pipeline_names import QUICK_TAG

tries = dg.RetryPolicy(max_retries=1)

@dg.op(tags={QUICK_TAG: "true"}, out={"parts": dg.DynamicOut(int), "run": dg.Out(int)})
def begin(context):
    for number in range(2):
        yield dg.DynamicOutput(number, mapping_key=f"part_{number}", output_name="parts")
    yield dg.Output(os.getpid(), output_name="run")

@dg.op
def apart(number: int) -> int:
    return os.getpid()

@dg.op(tags={QUICK_TAG: "true"}, retry_policy=tries)
def collect(context, run: int, pids: list[int]) -> None:
    if context.retry_number == 0:
        raise RuntimeError("once")
    same = run == os.getpid()
    context.log.info(f"same {same}, others {len(set(pids) - {run})}")

@dg.op(tags={QUICK_TAG: "true"})
def breaks(run: int) -> None:
    raise dg.Failure("for good")

@dg.job(executor_def=dg.multiprocess_executor)
def pids():
    parts, run = begin()
    collect(run, parts.map(apart).collect())
    breaks(run)

if __name__ == "__main__":
    do_quick_steps_here()
    with dg.DagsterInstance.get() as instance:
        result = dg.execute_job(dg.reconstructable(pids), instance=instance)
        said = [record.user_message for record in instance.all_logs(result.run_id) if "same" in record.user_message]
        failed = sorted(event.step_key for event in result.all_events if event.is_step_failure)
        again = [event.step_key for event in result.all_events if event.is_step_restarted]
        print(said, failed, again, result.success)
"""


def test_quick_steps_are_done_in_the_run_and_others_apart_and_fail_and_retry_as_ever(tmp_path: Path) -> None:
    script = tmp_path / "pids.py"
    script.write_text(JOB)
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "DAGSTER_HOME": str(tmp_path / "home")},
    )
    assert done.stdout.splitlines()[-1] == "['same True, others 2'] ['breaks'] ['collect'] False", done.stderr[-2000:]


def test_only_steps_that_render_nothing_are_quick() -> None:
    """A quick step holds up the news of all others while it is done."""
    quick = {
        node.name
        for job in defs.get_repository_def().get_all_jobs()
        for node in job.all_node_defs
        if node.tags.get(QUICK_TAG)
    }
    assert quick == {"imported_files", "qr_identity", "clips_to_render", "collect_clips", "arrived_clips"}
    pooled = {
        node.name
        for job in defs.get_repository_def().get_all_jobs()
        for node in job.all_node_defs
        if getattr(node, "pool", None)
    }
    assert not quick & pooled
