"""Chooses the executor that makes films: processes of this machine, or Celery workers on any number of machines.

Owns: the choice. Not here: the fleet's executor (`app.fleet.executor`). It is imported only when it is chosen, so that
an installation on one machine never loads Celery.
"""

from __future__ import annotations

import dagster as dg

from stinercut.settings import Settings


def film_executor(settings: Settings) -> dg.ExecutorDefinition:
    """The executor of all jobs without an executor of their own. Raises MissingProgram if Celery isn't installed."""
    if settings.executor == "celery":
        return _fleet()
    # Steps run in parallel processes, forked from one that has everything loaded (`app.engine.preload`).
    return dg.multiprocess_executor.configured(
        {
            "max_concurrent": settings.workers,
            "start_method": {"forkserver": {"preload_modules": ["app.engine.preload"]}},
        },
        name="film_executor",
    )


def _fleet() -> dg.ExecutorDefinition:
    from app.common.checks import missing_modules
    from app.common.install_hints import install
    from stinercut.errors import MissingProgram

    if missing := missing_modules(("celery", "dagster_celery", "redis")):
        raise MissingProgram(
            f"STINERCUT_EXECUTOR is celery, but the Python package {missing[0]} is missing",
            advice=install("fleet"),
        )
    from app.fleet.executor import fleet_executor

    return fleet_executor
