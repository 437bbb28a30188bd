"""Which of Dagster's own internals the code relies on: few places, each name listed, and each listed.

An update of Dagster that moves one fails here, with its name.
"""

from __future__ import annotations

import ast
import importlib

import pytest
from support.repository import REPOSITORY, nodes_of, parsed

ROOMS = ("app/engine", "app/fleet", "stinercut_assets/common")
"""Where Dagster's internals may be imported. Elsewhere: `stinercut_assets.common.dagster_internals`."""

INTERNALS = {
    "dagster._cli": {"main"},
    "dagster._core.events": {"DagsterEvent", "EngineEventData"},
    "dagster._core.execution.api": {"create_execution_plan", "execute_plan_iterator"},
    "dagster._core.execution.backfill": {"BULK_ACTION_TERMINAL_STATUSES"},
    "dagster._core.execution.context.system": {"PlanOrchestrationContext"},
    "dagster._core.execution.plan.objects": {"StepFailureData"},
    "dagster._core.execution.plan.plan": {"ExecutionPlan"},
    "dagster._core.execution.retries": {"RetryMode", "get_retries_config"},
    "dagster._core.executor.multiprocess": {"execute_step_out_of_process"},
    "dagster._core.run_coordinator": {"QueuedRunCoordinator", "SubmitRunContext"},
    "dagster._core.scheduler.instigation": {"InstigatorState", "InstigatorStatus"},
    "dagster._core.storage.dagster_run": {"FINISHED_STATUSES", "NOT_FINISHED_STATUSES"},
    "dagster._core.storage.event_log.sqlite.sqlite_event_log": {"SqliteEventLogStorage"},
    "dagster._core.storage.schedules": {"SqliteScheduleStorage"},
    "dagster._core.storage.sql": {"create_engine"},
    "dagster._core.storage.upath_io_manager": {"escape_dotdot_segments", "escape_leading_slash"},
    "dagster._daemon.cli": {"main"},
    "dagster._daemon.daemon": {"SpanMarker"},
    "dagster._daemon.run_coordinator.queued_run_coordinator_daemon": {"QueuedRunCoordinatorDaemon"},
    "dagster._grpc.server": {"DagsterApiServer"},
    "dagster._grpc.types": {"ExecuteExternalJobArgs", "ExecuteStepArgs"},
    "dagster._serdes": {"ConfigurableClassData", "deserialize_value", "pack_value", "serialize_value", "unpack_value"},
    "dagster._utils.error": {"serializable_error_info_from_exc_info"},
}
"""What the code imports of them, by module."""


def internals_of(module: ast.Module) -> set[tuple[str, str]]:
    """The private names of Dagster that a module imports: (module, name); a module imported whole has an empty name."""
    found: set[tuple[str, str]] = set()
    for node in nodes_of(module):
        match node:
            case ast.ImportFrom(module=str(path), names=names) if path.startswith("dagster") and "._" in path:
                found |= {(path, name.name) for name in names}
            case ast.Import(names=names):
                found |= {(name.name, "") for name in names if name.name.startswith("dagster") and "._" in name.name}
            case _:
                pass
    return found


def found_here() -> dict[str, set[tuple[str, str]]]:
    """By file, for all files of the packages that import any."""
    packages = sorted(path.parent for path in REPOSITORY.glob("*/__init__.py"))
    files = (file for package in packages for file in package.rglob("*.py"))
    by_file = {file.relative_to(REPOSITORY).as_posix(): internals_of(parsed(file)) for file in files}
    return {file: names for file, names in by_file.items() if names and not file.startswith(("tests/", "bench/"))}


def test_they_are_imported_in_few_rooms() -> None:
    assert [file for file in found_here() if not file.startswith(ROOMS)] == []


def test_all_are_listed_and_none_too_many() -> None:
    used = set().union(*found_here().values())
    assert used == {(module, name) for module, names in INTERNALS.items() for name in names}


@pytest.mark.parametrize("module", INTERNALS)
def test_dagster_still_has_them(module: str) -> None:
    there = importlib.import_module(module)
    missing = [name for name in INTERNALS[module] if not hasattr(there, name)]
    assert missing == [], f"{module} has moved or lost {missing}: see who imports them"


@pytest.mark.parametrize("code", ["from dagster._grpc.types import X", "import dagster._serdes"])
def test_an_internal_is_noticed(code: str) -> None:
    assert len(internals_of(ast.parse(code))) == 1
