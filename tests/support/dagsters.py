"""A fake Dagster that answers the hub as Dagster's webserver would.

Owns: answers to the hub's questions, and the requests that it got. Not here: a real webserver
(`process/hub/runs/test_hub_dagster.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from hub.kit.dagster_client import Dagster


@dataclass
class FakeDagster:
    """Its answers, as Dagster's GraphQL writes them; `launched` holds the parameters of the runs to launch."""

    runs: Sequence[dict[str, Any]] = ()
    backfills: Sequence[dict[str, Any]] = ()
    launched: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    switched_off: set[str] = field(default_factory=set[str])
    """Those of its sensors `ready_jumps` and `new_manifests` and its schedule `every_night` that are switched off."""
    checks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The results of checks that it was sent."""
    check_says: dict[str, Any] | None = None
    """The last of them; None if a run included the check and ended without a result."""

    def client(self) -> Dagster:
        """The hub's client of this fake Dagster."""
        return Dagster(httpx.AsyncClient(base_url="http://dagster", transport=httpx.MockTransport(self._answer)))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        if request.url.path.startswith("/report_asset_check/"):
            self.checks.append({"asset": request.url.path.rpartition("/")[2], **asked})
            self.check_says = {"success": asked["passed"]}
            return httpx.Response(200, json={})
        if "selector" in asked["variables"] and "sensorName" in asked["variables"]["selector"]:
            self.switched_off.discard(asked["variables"]["selector"]["sensorName"])
        if "selector" in asked["variables"] and "scheduleName" in asked["variables"]["selector"]:
            self.switched_off.discard(asked["variables"]["selector"]["scheduleName"])
        field_of = next(name for name in _ANSWERS if f"{name}(" in asked["query"] or f"{name} {{" in asked["query"])
        if "params" in asked["variables"]:
            self.launched.append(asked["variables"]["params"])
        return httpx.Response(200, json={"data": {field_of: _ANSWERS[field_of](self)}})


def tags_of(launched: dict[str, Any]) -> dict[str, str]:
    """The tags with which a run should be started or resumed."""
    tags = launched.get("extraTags") or launched.get("executionMetadata", {}).get("tags", ())
    return {tag["key"]: tag["value"] for tag in tags}


def _automation(switched_off: set[str]) -> dict[str, Any]:
    def state(name: str) -> dict[str, str]:
        return {"status": "STOPPED" if name in switched_off else "RUNNING"}

    sensors = [{"name": name, "sensorState": state(name)} for name in ("ready_jumps", "new_manifests")]
    return {"sensors": sensors, "schedules": [{"name": "every_night", "scheduleState": state("every_night")}]}


_BEGUN = {"__typename": "LaunchRunSuccess", "run": {"runId": "begun"}}
_PLACE = {"name": "all", "location": {"name": "here"}, "jobs": [{"name": "produce_jump"}, {"name": "identify_card"}]}
_ANSWERS = {
    "runsOrError": lambda its: {"__typename": "Runs", "results": list(its.runs)},
    "partitionBackfillsOrError": lambda its: {"__typename": "PartitionBackfills", "results": list(its.backfills)},
    "repositoriesOrError": lambda its: {
        "__typename": "RepositoryConnection",
        "nodes": [{**_PLACE, **_automation(its.switched_off)}],
    },
    "assetCheckExecutions": lambda its: [{"evaluation": its.check_says}] if its.checks else [],
    "startSensor": lambda its: {"__typename": "Sensor", "name": "started"},
    "startSchedule": lambda its: {"__typename": "ScheduleStateResult", "scheduleState": {"status": "RUNNING"}},
    "launchRun": lambda its: _BEGUN,
    "launchRunReexecution": lambda its: _BEGUN,
    "launchPartitionBackfill": lambda its: {"__typename": "LaunchBackfillSuccess", "backfillId": "started"},
}
