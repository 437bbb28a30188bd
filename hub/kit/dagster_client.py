"""The client of Dagster's GraphQL: lists runs, resumes a failed run, launches a run, starts backfills.

Owns: the queries and what their answers mean. Not here: whether a retry makes sense (`hub.runs.pipeline`). Dagster is
never imported, since the webserver may run on another machine and in another version. Its words, addresses and
exceptions go into the log; people get our own words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx

from hub.kit.passes import SECRET_HEADER
from stinercut.errors import DagsterRefused, HostNotReady
from stinercut.language.messages import Message, worded
from stinercut.language.refusal_codes import RefusalCode

log = logging.getLogger("hub.kit.dagster_client")

TIMEOUT_S = 30.0
"""Launching a run takes 0.6 to 1.7 s on an idle machine."""
GLANCE_S = 4.0
"""The time for an answer that only completes a page: a person looks at that page meanwhile."""
RUNS_SHOWN = 20
IN_FLIGHT = frozenset({"QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED", "SUSPENDED", "CANCELING"})
FAILED = frozenset({"FAILURE", "CANCELED"})
_NOT_LET_IN = (401, 403)

_RUNS = """
query RunsOfPartition($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId jobName status startTime endTime tags { key value } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}
"""
_RETRY = """
mutation Retry($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
  }
}
"""
_BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on Error { message }
  }
}
"""
_BACKFILLS = """
query Backfills($status: BulkActionStatus!) {
  partitionBackfillsOrError(status: $status, limit: 100) {
    __typename
    ... on PartitionBackfills { results { id timestamp partitionNames } }
    ... on PythonError { message }
  }
}
"""
_LATEST_BACKFILLS = """
query LatestBackfills {
  partitionBackfillsOrError(limit: 20) {
    __typename
    ... on PartitionBackfills { results { id timestamp status partitionNames tags { key value } } }
    ... on PythonError { message }
  }
}
"""
_PLACES = """
query Places {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
    ... on Error { message }
  }
}
"""
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
  }
}
"""
_AUTOMATION = """
query Automation {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes {
      name
      location { name }
      sensors { name sensorState { status } }
      schedules { name scheduleState { status } }
    } }
    ... on Error { message }
  }
}
"""
_START_SENSOR = """
mutation StartSensor($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) { __typename ... on Sensor { name } ... on Error { message } }
}
"""
_START_SCHEDULE = """
mutation StartSchedule($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on ScheduleStateResult { scheduleState { status } }
    ... on Error { message }
  }
}
"""
_LAST_CHECK = """
query LastCheck($asset: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: 1) { evaluation { success } }
}
"""


@dataclass(frozen=True)
class PipelineRun:
    """A run of Dagster. Times are in UTC."""

    run_id: str
    job: str
    status: str
    started: datetime | None
    ended: datetime | None
    will_retry: bool = False
    """It failed, and Dagster is about to start it again by itself."""
    resumes: str | None = None
    """The failed run that it resumes; None if it started from nothing."""


@dataclass(frozen=True)
class Backfill:
    """A backfill of Dagster. `asked_at`: when it was requested, in UTC. `partitions`: all of them, including those that
    it has made already. `status`: Dagster's word.
    """

    backfill_id: str
    asked_at: datetime
    partitions: tuple[str, ...]
    status: str = "REQUESTED"


@dataclass(frozen=True)
class Automation:
    """A sensor or schedule. `selector` names its place in Dagster. `is_running`: it is not switched off."""

    name: str
    is_sensor: bool
    is_running: bool
    selector: Mapping[str, str]


@dataclass(frozen=True)
class Dagster:
    """A client. `http` has Dagster's address as its base. Raises HostNotReady if no answer comes in time."""

    http: httpx.AsyncClient
    within_s: float | None = None
    """Seconds that an answer may take in all; None means as long as any part of it keeps coming."""

    @classmethod
    def at(cls, endpoint: str, secret: str | None = None) -> Dagster:
        """A client of the Dagster webserver at this address. `secret`: the one that its guard demands."""
        shown = {SECRET_HEADER: secret} if secret else {}
        # Dagster is in the local network, so ignore any web proxy of the environment.
        return cls(httpx.AsyncClient(base_url=endpoint, timeout=TIMEOUT_S, trust_env=False, headers=shown))

    async def close(self) -> None:
        """Close all connections."""
        await self.http.aclose()

    def at_a_glance(self, within_s: float = GLANCE_S) -> Dagster:
        """The same client for questions that can do without an answer."""
        return replace(self, within_s=within_s)

    async def runs_of(self, partition: str) -> list[PipelineRun]:
        """The latest runs of one partition, newest first."""
        tags = [{"key": "dagster/partition", "value": partition}]
        answer = await self._ask(_RUNS, {"filter": {"tags": tags}, "limit": RUNS_SHOWN})
        with _reading():
            runs = answer["runsOrError"]
            if runs["__typename"] != "Runs":
                raise _refused(Message.of(RefusalCode.DAGSTER_KNOWS_NO_PAST, partition=partition), runs)
            return [_run(run) for run in runs["results"]]

    async def retry(self, run_id: str, tags: Mapping[str, str]) -> str:
        """Resume a failed run: makes its assets that were not made. Returns the new run's id.

        Dagster copies the run's tags; `tags` replace those of the same name. The strategy is FROM_ASSET_FAILURE and not
        FROM_FAILURE: when a worker died in the middle of a fan-out, the latter forgets the steps that had not started
        and calls the run a success. Finished parts are found by their content and cost nothing.
        """
        params = {"parentRunId": run_id, "strategy": "FROM_ASSET_FAILURE", "extraTags": _as_list(tags)}
        with _reading():
            answer = (await self._ask(_RETRY, {"params": params}))["launchRunReexecution"]
            if answer["__typename"] != "LaunchRunSuccess":
                raise _refused(Message.of(RefusalCode.DAGSTER_NOT_RETRIED), answer, f"run {run_id}")
            return str(answer["run"]["runId"])

    async def launch(self, job: str, partition: str, tags: Mapping[str, str]) -> str:
        """Launch a run of a job for one partition, with these additional tags. Returns its id."""
        all_tags = {**tags, "dagster/partition": partition}
        params = {
            "selector": {**await self._place_of(job), "jobName": job},
            "runConfigData": {},
            "executionMetadata": {"tags": _as_list(all_tags)},
        }
        with _reading():
            answer = (await self._ask(_LAUNCH, {"params": params}))["launchRun"]
            if answer["__typename"] != "LaunchRunSuccess":
                raise _refused(Message.of(RefusalCode.DAGSTER_NOT_BEGUN, partition=partition), answer, f"job {job}")
            return str(answer["run"]["runId"])

    async def _place_of(self, job: str) -> dict[str, str]:
        with _reading():
            places = (await self._ask(_PLACES, {}))["repositoriesOrError"]
            for place in places.get("nodes", ()):
                if any(loaded["name"] == job for loaded in place["jobs"]):
                    return {"repositoryName": place["name"], "repositoryLocationName": place["location"]["name"]}
        log.warning("Dagster has no job %s loaded; see its page Deployment.", job)
        raise HostNotReady(Message.of(RefusalCode.DAGSTER_NOT_LOADED), advice=Message.of(RefusalCode.WAIT_THEN_AGAIN))

    async def backfill(
        self, assets: Sequence[str], partitions: Sequence[str], title: str, tags: Mapping[str, str]
    ) -> str:
        """Start a backfill: makes these assets again for these partitions, each in a run, when there is room.

        Returns its id.
        """
        params = {
            "assetSelection": [{"path": [asset]} for asset in assets],
            "partitionNames": list(partitions),
            "title": title,
            "tags": _as_list(tags),
        }
        with _reading():
            answer = (await self._ask(_BACKFILL, {"params": params}))["launchPartitionBackfill"]
            if answer["__typename"] != "LaunchBackfillSuccess":
                raise _refused(Message.of(RefusalCode.DAGSTER_NOT_MADE_AGAIN), answer)
            return str(answer["backfillId"])

    async def backfilling(self) -> list[Backfill]:
        """The backfills that are not over."""
        with _reading():
            backfills = (await self._ask(_BACKFILLS, {"status": "REQUESTED"}))["partitionBackfillsOrError"]
            if backfills["__typename"] != "PartitionBackfills":
                raise _refused(Message.of(RefusalCode.DAGSTER_KNOWS_NO_BACKFILLS), backfills)
            return [_backfill(backfill) for backfill in backfills["results"]]

    async def last_backfill(self, tag: str, value: str) -> Backfill | None:
        """The newest backfill with this tag, whether it is over or not; None if none of the last 20 has it."""
        with _reading():
            backfills = (await self._ask(_LATEST_BACKFILLS, {}))["partitionBackfillsOrError"]
            if backfills["__typename"] != "PartitionBackfills":
                raise _refused(Message.of(RefusalCode.DAGSTER_KNOWS_NO_BACKFILLS), backfills)
            ours = {"key": tag, "value": value}
            found = [_backfill(one) for one in backfills["results"] if ours in one.get("tags", ())]
            return max(found, key=lambda one: one.asked_at, default=None)

    async def automation(self) -> list[Automation]:
        """All sensors and schedules, and whether they run."""
        with _reading():
            places = (await self._ask(_AUTOMATION, {}))["repositoriesOrError"]
            if places["__typename"] != "RepositoryConnection":
                raise _refused(Message.of(RefusalCode.DAGSTER_KNOWS_NO_SENSORS), places)
            return [automation for place in places["nodes"] for automation in _automation(place)]

    async def start(self, automation: Automation) -> None:
        """Switch a sensor or schedule on."""
        query, field, kind = (
            (_START_SENSOR, "startSensor", "sensorName")
            if automation.is_sensor
            else (_START_SCHEDULE, "startSchedule", "scheduleName")
        )
        selector = {**automation.selector, kind: automation.name}
        with _reading():
            answer = (await self._ask(query, {"selector": selector}))[field]
            if answer["__typename"] not in {"Sensor", "ScheduleStateResult"}:
                raise _refused(Message.of(RefusalCode.DAGSTER_NOT_STARTED, name=automation.name), answer)

    async def last_check(self, asset: str, check: str) -> bool | None:
        """Whether a check of an asset has passed; None if its last execution had no result, or it never ran."""
        with _reading():
            asked = {"asset": {"path": [asset]}, "check": check}
            executions = (await self._ask(_LAST_CHECK, asked))["assetCheckExecutions"]
            evaluation = executions[0]["evaluation"] if executions else None
            return bool(evaluation["success"]) if evaluation else None

    async def report_check(self, asset: str, check: str, *, passed: bool, words: str, link: str) -> None:
        """Set the result of a check of an asset. If it has not passed, the result is a warning."""
        metadata = {"what": words, "board": link}
        body = {"check_name": check, "passed": passed, "severity": "WARN", "metadata": metadata}
        await self._post(f"/report_asset_check/{asset}", body)

    async def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = await self._post("/graphql", {"query": query, "variables": variables})
        with _reading():
            if body.get("errors"):
                raise _refused(Message.of(RefusalCode.DAGSTER_NOT_UNDERSTOOD), body["errors"][0])
            return body["data"]

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            async with asyncio.timeout(self.within_s):
                answer = await self.http.post(path, json=body)
            if answer.status_code in _NOT_LET_IN:
                raise _shut_out(answer)
            answer.raise_for_status()
            return answer.json()
        except TimeoutError:
            log.warning("Dagster at %s did not answer within %g s.", self.http.base_url, self.within_s)
            raise HostNotReady(
                Message.of(RefusalCode.DAGSTER_LATE, seconds=self.within_s or 0.0),
                advice=Message.of(RefusalCode.WAIT_THEN_AGAIN),
            ) from None
        except (httpx.HTTPError, ValueError, RecursionError) as trouble:  # The last two mean that it is no JSON.
            log.warning("Dagster does not answer at %s: %s", self.http.base_url, str(trouble) or type(trouble).__name__)
            silent = Message.of(RefusalCode.DAGSTER_SILENT)
            raise HostNotReady(silent, advice=Message.of(RefusalCode.WAIT_THEN_AGAIN)) from None


@contextmanager
def _reading() -> Generator[None]:
    """Wraps code that reads an answer: another program may answer on Dagster's port, in any form."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as other:
        log.warning("What answers in Dagster's place has another form: %s: %s", type(other).__name__, other)
        raise HostNotReady(
            Message.of(RefusalCode.NOT_DAGSTER), advice=Message.of(RefusalCode.OTHER_PROGRAM_HAS_PORT)
        ) from None


def _shut_out(answer: httpx.Response) -> HostNotReady:
    log.warning("Dagster at %s answers %d: %s", answer.request.url, answer.status_code, answer.text[:500])
    return HostNotReady(Message.of(RefusalCode.DAGSTER_SHUTS_OUT), advice=Message.of(RefusalCode.SAME_SECRET_FOR_BOTH))


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _refused(what: Message, answer: Mapping[str, Any], about: str = "") -> DagsterRefused:
    """The refusal for people. Dagster's own words go into the log."""
    said = str(answer.get("message", "")).strip() or answer.get("__typename", "")
    log.warning("%s%s: %s", worded(what), f" ({about})" if about else "", said)
    return DagsterRefused(what, advice=Message.of(RefusalCode.DAGSTER_LOG_SAYS_MORE))


def _run(run: dict[str, Any]) -> PipelineRun:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    return PipelineRun(
        run_id=run["runId"],
        job=run["jobName"],
        status=run["status"],
        started=_moment(run["startTime"]),
        ended=_moment(run["endTime"]),
        will_retry=tags.get("dagster/will_retry") == "true" and "dagster/auto_retry_run_id" not in tags,
        resumes=tags.get("dagster/parent_run_id"),
    )


def _automation(place: Mapping[str, Any]) -> list[Automation]:
    selector = {"repositoryName": place["name"], "repositoryLocationName": place["location"]["name"]}
    sensors = [(sensor["name"], True, sensor["sensorState"]) for sensor in place["sensors"]]
    schedules = [(schedule["name"], False, schedule["scheduleState"]) for schedule in place["schedules"]]
    return [
        Automation(name, is_sensor, state["status"] == "RUNNING", selector)
        for name, is_sensor, state in (*sensors, *schedules)
    ]


def _backfill(backfill: dict[str, Any]) -> Backfill:
    asked_at = datetime.fromtimestamp(backfill["timestamp"], UTC)
    return Backfill(
        backfill["id"], asked_at, tuple(backfill["partitionNames"] or ()), backfill.get("status", "REQUESTED")
    )


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
