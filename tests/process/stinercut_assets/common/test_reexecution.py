"""Dagster's own buttons after a killed worker: "from failure" drops steps; the guard makes that a visible failure.

With real Dagster: the run's process kills itself in the middle of a fan-out, as the system or a power cut would.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableJob
from support.repository import REPOSITORY

JOB = """
import os
import signal
from pathlib import Path

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob

from stinercut_assets.common.fanout import all_of
from stinercut_assets.common.reporting import failures

HERE = Path(__file__).parent


@dg.op(out={"clips": dg.DynamicOut(str), "expected": dg.Out(list)})
def fan():
    for clip in "abcd":
        yield dg.DynamicOutput(clip, mapping_key=clip, output_name="clips")
    yield dg.Output(list("abcd"), output_name="expected")


@dg.op
def work(clip: str) -> str:
    if clip == "b" and not (HERE / "killed").exists():
        (HERE / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return clip


@dg.op
def unguarded(clips: list) -> list:
    return clips


@dg.op
def guarded(clips: list, expected: list) -> list:
    with failures():
        return all_of(expected, clips, str)


@dg.graph
def film():
    found = fan()
    done = found.clips.map(work).collect()
    guarded(done, found.expected)
    unguarded(done)


make = film.to_job(executor_def=dg.in_process_executor)

if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        job = ReconstructableJob.for_file(__file__, "make")
        dg.execute_job(job, instance)
"""


def the_job(file: Path) -> ReconstructableJob:
    return ReconstructableJob.for_file(str(file), "make")


def outputs(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    return {str(event.step_key) for event in instance.all_logs(run_id) if event.step_key and _succeeded(event)}


def _succeeded(event: dg.EventLogEntry) -> bool:
    return event.dagster_event is not None and event.dagster_event.is_step_success


def test_from_failure_after_a_killed_worker_fails_visibly_and_the_whole_again_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "job_of_a_film.py"
    file.write_text(JOB)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    root = REPOSITORY
    killed = subprocess.run(
        [sys.executable, file], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert importlib.util.find_spec("stinercut_assets.common.fanout")
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        instance.report_run_failed(run)

        options = dg.ReexecutionOptions.from_failure(run.run_id, instance)
        with dg.execute_job(the_job(file), instance, reexecution_options=options) as again:
            assert not again.success, "a success without clips c and d would be the lie"
            done = outputs(instance, again.run_id)
            assert "unguarded" in done, "Dagster itself is content with what is there"
            assert "guarded" not in done
            why = str(next(one for one in again.filter_events(lambda event: event.is_step_failure)).event_specific_data)
        assert "FAN_OUT_INCOMPLETE" in why
        assert "Retry the asset as a whole" in why

        with dg.execute_job(the_job(file), instance) as whole:
            assert whole.success
            assert {"work[a]", "work[b]", "work[c]", "work[d]", "guarded"} <= outputs(instance, whole.run_id)
