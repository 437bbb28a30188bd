"""Quick steps of a film's run: done in the run's own process, which has everything loaded.

Owns: which steps are quick, and doing them there. Not here: how all other steps are started (Dagster's executor of
processes, `executors`; `forking`), the fleet, which sends every step to a worker (`app.fleet.executor`).

Dagster's executor starts a process for each step, half a second of a core and of the clock. For a step that only looks
something up that is most of its time, and the film's clips wait for three such steps in a row. While a quick step is
done, news of the other steps waits in their pipes. `tests/process/app/engine/test_quick_steps.py` tests what this
relies on in Dagster.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.executor.multiprocess import execute_step_out_of_process

from stinercut.pipeline_names import QUICK_TAG


def do_quick_steps_here() -> None:
    """Make the executor of this process do quick steps itself. Call it in a run's process before the run begins."""

    def execute_step(*given: Any) -> Iterator[Any]:
        # Dagster's order: the context of processes, the job, the step's context, the step, three of the executor's own
        # records, how the step is tried again, what is known of the run, what the repository loaded.
        _, job, step_context, step, *_, retries, known_state, loaded = given
        if QUICK_TAG not in step.tags:
            return execute_step_out_of_process(*given)
        plan = create_execution_plan(
            job=job,
            run_config=step_context.run_config,
            step_keys_to_execute=[step.key],
            known_state=known_state,
            repository_load_data=loaded,
        )
        return execute_plan_iterator(
            plan,
            job,
            step_context.dagster_run,
            run_config=step_context.run_config,
            retry_mode=retries.for_inner_plan(),
            instance=step_context.instance,
        )

    executor = sys.modules[execute_step_out_of_process.__module__]
    setattr(executor, execute_step_out_of_process.__name__, execute_step)
