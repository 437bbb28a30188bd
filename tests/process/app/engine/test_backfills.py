"""A backfill waits for a code server that is away: what `dagster_child` relies on, with Dagster's own daemon."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.backfill import execute_backfill_iteration
from support.ports import own_port
from support.stacks import until

from app.engine import code_server_health
from app.engine.dagster_child import BACKFILL_PATIENCE, be_patient_with_backfills

pytestmark = pytest.mark.slow

DEFINITIONS = """
import dagster as dg

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2026-06-01_B-1"]))
def rendered_video(): ...

@dg.asset
def other(): ...

defs = dg.Definitions([{assets}])
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


@contextmanager
def code_server(folder: Path, port: int, assets: str = "rendered_video, other") -> Iterator[None]:
    (folder / "definitions.py").write_text(DEFINITIONS.format(assets=assets))
    argv = [sys.executable, "-m", "dagster", "api", "grpc", "-f", "definitions.py", "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: code_server_health.what_is_wrong(port) is None)
        yield
    finally:
        server.kill()
        server.wait(10)


@contextmanager
def workspace(instance: dg.DagsterInstance, port: int) -> Iterator[WorkspaceProcessContext]:
    """What the daemon has after it looked at the code server, which may be away."""
    target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="stinercut")
    with WorkspaceProcessContext(instance, target) as loaded:
        yield loaded


def ask_for(instance: dg.DagsterInstance, port: int) -> None:
    with workspace(instance, port) as loaded:
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id="again",
            asset_graph=loaded.create_request_context().asset_graph,
            partition_names=["2026-06-01_B-1"],
            asset_selection=[dg.AssetKey("rendered_video")],
            backfill_timestamp=0.0,
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
    instance.add_backfill(backfill)


def looked_at(instance: dg.DagsterInstance, port: int) -> BulkActionStatus:
    """The backfill's state after the daemon has loaded the code location and looked at it once."""
    with workspace(instance, port) as loaded:
        list(execute_backfill_iteration(loaded, logging.getLogger("test")))
    backfill = instance.get_backfill("again")
    assert backfill
    return backfill.status


def test_a_backfill_goes_on_when_its_code_server_is_back(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in BACKFILL_PATIENCE:
        monkeypatch.setenv(name, "")  # So that the variables are as before after this test.
        monkeypatch.delenv(name)
    be_patient_with_backfills()
    port = own_port()
    with code_server(tmp_path, port):
        ask_for(instance, port)
    for _ in range(8):  # More often than Dagster by itself tries again.
        assert looked_at(instance, port) is BulkActionStatus.REQUESTED
    assert instance.get_runs() == []
    with code_server(tmp_path, port):
        assert looked_at(instance, port) is BulkActionStatus.REQUESTED
    (run,) = instance.get_runs()
    assert run.tags["dagster/partition"] == "2026-06-01_B-1"


def test_an_asset_that_was_removed_still_ends_a_backfill(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in BACKFILL_PATIENCE.items():
        monkeypatch.setenv(name, value)
    port = own_port()
    with code_server(tmp_path, port):
        ask_for(instance, port)
    with code_server(tmp_path, port, assets="other"):
        assert looked_at(instance, port) is BulkActionStatus.FAILING


def test_dagster_by_itself_still_ends_it(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it learns to wait, `be_patient_with_backfills` can go."""
    for name in BACKFILL_PATIENCE:
        monkeypatch.delenv(name, raising=False)
    port = own_port()
    with code_server(tmp_path, port):
        ask_for(instance, port)
    assert looked_at(instance, port) is BulkActionStatus.FAILING
    backfill = instance.get_backfill("again")
    assert backfill
    assert backfill.error
    assert "DagsterAssetBackfillDataLoadError" in str(backfill.error)
