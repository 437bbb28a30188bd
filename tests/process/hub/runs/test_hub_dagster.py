"""The hub asks a real Dagster: runs of a partition, and a retry that makes only what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate
from support.cataloguing import entry, passenger, put_in, ready_jump, record
from support.hubs import running_hub
from support.ports import own_port

import hub.kit.dagster_client
from stinercut.catalog import Catalog, migrate
from stinercut.jumps import jumps
from stinercut.pipeline_names import OLDER_PRIORITY, PRIORITY_TAG, WORK_TAG
from stinercut.settings import Settings

KEY = "2026-06-01_B-1"
LOCATION = """
import os
from pathlib import Path
import dagster as dg

HERE = Path(os.environ["DAGSTER_HOME"])
jumps = dg.DynamicPartitionsDefinition(name="jumps")

def made(name):
    with (HERE / "made.txt").open("a") as log:
        log.write(name + "\\n")

@dg.asset(partitions_def=jumps)
def imported_files() -> int:
    made("imported_files")
    return 1

@dg.asset(partitions_def=jumps)
def rendered_video(imported_files: int) -> int:
    if not (HERE / "repaired").exists():
        raise dg.Failure("a clip is damaged")
    made("rendered_video")
    return imported_files

produce = dg.define_asset_job("produce_jump", [imported_files, rendered_video], executor_def=dg.in_process_executor)
defs = dg.Definitions([imported_files, rendered_video], jobs=[produce])
"""
# Without a queue, so that no daemon is needed.
INSTANCE = """
telemetry: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""
LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
ADD = """
mutation($selector: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: "jumps", partitionKey: $key) { __typename }
}
"""
TAGS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { tags { key value } } } }"
PLACE = {"repositoryName": "__repository__", "repositoryLocationName": "location.py"}


def until(ask: Callable[[], Any], seconds: float = 90) -> Any:
    """What it answers once it answers something."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ask()
        except httpx.TransportError:
            answer = None
        if answer:
            return answer
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)


def graphql(port: int, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": query, "variables": variables}, timeout=60)
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


def tags_of(port: int, run_id: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in graphql(port, TAGS, {"run": run_id})["runOrError"]["tags"]}


@contextmanager
def running_dagster(home: Path, port: int) -> Generator[None]:
    home.mkdir(parents=True)
    (home / "location.py").write_text(LOCATION)
    (home / "dagster.yaml").write_text(INSTANCE)
    program = Path(sys.executable).with_name("dagster-webserver")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-f", "location.py", "-h", "127.0.0.1", "-p", str(port)],
            cwd=home, env=os.environ | {"DAGSTER_HOME": str(home)}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/server_info").is_success)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_retry_makes_only_what_is_missing(tmp_path: Path):
    settings = Settings(data=tmp_path / "data", dagster_port=own_port())
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    key, _ = ready_jump(catalog)
    assert key == KEY
    home, port = tmp_path / "dagster", settings.dagster_port
    with running_dagster(home, port), running_hub(settings.data, dagster_port=port) as hub:

        def pipeline() -> dict[str, Any]:
            return httpx.get(f"{hub.url}/api/pipeline/{key}", timeout=60).json()

        def retry() -> httpx.Response:
            return httpx.post(f"{hub.url}/api/pipeline/{key}/retry", timeout=60)

        def newest(status: str) -> dict[str, Any] | None:
            runs = pipeline()["runs"]
            return runs[0] if runs and runs[0]["status"] == status else None

        before = retry()
        assert (before.status_code, before.json()["error"]["code"]) == (409, "CONFLICT")

        graphql(port, ADD, {"selector": PLACE, "key": key})
        of_a_backfill = {"dagster/partition": key, PRIORITY_TAG: "0", WORK_TAG: "backfill", "of/another": "kept"}
        tags = [{"key": name, "value": value} for name, value in of_a_backfill.items()]
        params = {"selector": PLACE | {"jobName": "produce_jump"}, "executionMetadata": {"tags": tags}}
        launched = graphql(port, LAUNCH, {"params": params | {"runConfigData": {}}})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        first = launched["run"]["runId"]
        with catalog.write() as session:
            jumps.take_up(session, key, first)
        failed = until(lambda: newest("FAILURE"))
        assert (failed["run_id"], failed["job"]) == (first, "produce_jump")
        assert failed["dagster_url"] == f"http://127.0.0.1:{port}/runs/{first}"
        assert failed["ended"] >= failed["started"]
        with catalog.write() as session:
            jumps.record_failure(session, key, first, "a clip is damaged")

        (home / "repaired").touch()
        answer = retry()
        assert answer.status_code == 202, answer.text
        assert answer.json()["resumes"] == first
        second = answer.json()["run_id"]
        tags_now = tags_of(port, second)
        assert (tags_now[PRIORITY_TAG], tags_now[WORK_TAG], tags_now["of/another"]) == (
            str(OLDER_PRIORITY),
            "film",
            "kept",
        )
        shown = pipeline()
        assert (shown["status"], shown["reason"]) == ("producing", "")
        again = retry()
        assert again.status_code == 409
        done = until(lambda: newest("SUCCESS"))
        assert done["run_id"] == second
        assert (home / "made.txt").read_text().split() == ["imported_files", "rendered_video"]
        assert {run["run_id"] for run in pipeline()["runs"]} == {first, second}

        # Nothing failed: nothing to retry. And a jump that was never asked for has no runs.
        assert retry().status_code == 409
        other = record_other(catalog)
        assert httpx.get(f"{hub.url}/api/pipeline/{other}", timeout=60).json()["runs"] == []
    catalog.close()


def test_dagster_knows_all_that_the_hub_asks_for():
    schema = create_schema().graphql_schema
    asked = {
        name: text
        for name, text in vars(hub.kit.dagster_client).items()
        if str(text).startswith(("\nquery", "\nmutation"))
    }
    assert len(asked) == 11
    assert {name: validate(schema, parse(text)) for name, text in asked.items()} == {name: [] for name in asked}


def record_other(catalog: Catalog) -> str:
    file = entry("X.MP4")
    put_in(catalog, "in-2", [file], card="card-2")
    return record(catalog, "in-2", passenger(booking="B-2"), [], [file])[0]
