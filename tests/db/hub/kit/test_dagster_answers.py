"""What the hub makes of answers that are not Dagster's: of another program on its port, of a guard that refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from hub.kit.dagster_client import Automation, Dagster
from stinercut.errors import HostNotReady, StinercutError

A_RUN = '{"data": {"runsOrError": {"__typename": "Runs", "results": [{"runId": "a", "tags": []}]}}}'
LATE = A_RUN.replace('"tags"', '"jobName": "x", "status": "FAILURE", "startTime": 1e99, "endTime": null, "tags"')
ODD = (
    *("[]", "null", "7", "{}", '{"data": null}', '{"data": {}}', '{"data": []}', '{"errors": "x"}'),
    *(A_RUN, LATE, "[" * 100_000, "<html>", "\xff"),
    '{"data": {"runsOrError": {}, "repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": [{}]}}}',
    '{"data": {"assetCheckExecutions": 7, "partitionBackfillsOrError": 7, "startSensor": null}}',
)
SENSOR = Automation("ready_jumps", is_sensor=True, is_running=False, selector={})
QUESTIONS: dict[str, Callable[[Dagster], Awaitable[object]]] = {
    "runs_of": lambda dagster: dagster.runs_of("x"),
    "retry": lambda dagster: dagster.retry("x", {}),
    "launch": lambda dagster: dagster.launch("produce_jump", "x", {}),
    "backfill": lambda dagster: dagster.backfill(["a"], ["x"], "t", {}),
    "backfilling": lambda dagster: dagster.backfilling(),
    "automation": lambda dagster: dagster.automation(),
    "start": lambda dagster: dagster.start(SENSOR),
    "last_check": lambda dagster: dagster.last_check("a", "c"),
}


def asked(question: str, answer: httpx.Response) -> object:
    async def asking() -> object:
        transport = httpx.MockTransport(lambda _request: answer)
        async with httpx.AsyncClient(base_url="http://dagster", transport=transport) as http:
            return await QUESTIONS[question](Dagster(http))

    return asyncio.run(asking())


@pytest.mark.parametrize("question", QUESTIONS)
def test_whatever_answers_in_dagsters_place_is_said_and_fails_nothing(question: str) -> None:
    for said in ODD:
        with pytest.raises(StinercutError):
            asked(question, httpx.Response(200, content=said.encode("latin-1")))


@pytest.mark.parametrize("status", [401, 403])
def test_that_the_webserver_does_not_let_the_hub_in_is_said_with_what_to_do(status: int) -> None:
    with pytest.raises(HostNotReady, match="does not let the hub in") as refused:
        asked("automation", httpx.Response(status, json={}))
    assert "STINERCUT_DAGSTER_SECRET" in refused.value.advice
