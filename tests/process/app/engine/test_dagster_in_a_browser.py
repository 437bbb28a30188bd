"""A real Chromium at a whole `stinercut up`: our pages and Dagster's work, a page of another origin reaches nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from support import warm
from support.browsers import PATIENCE_MS, another_site, chromium
from support.stacks import Stack, embedded, until

pytestmark = pytest.mark.slow


SENSOR = {"repositoryName": "__repository__", "repositoryLocationName": "stinercut", "sensorName": "ready_jumps"}
SENSOR_STATE = """
query($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { id selectorId status } } }
}
"""
STOP_SENSOR = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
STOP_SCHEDULE = "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename } }"
SCHEDULE_STATE = """
query($schedule: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $schedule) { ... on Schedule { scheduleState { id status } } }
}
"""
CHECK = """
query { assetCheckExecutions(assetKey: {path: ["rendered_video"]}, checkName: "sensors_run", limit: 1) {
  evaluation { success metadataEntries { label ... on TextMetadataEntry { text } } } } }
"""
LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } }
}
"""
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
MATERIALIZED = """
query { assetNodeOrError(assetKey: {path: ["rendered_video"]}) {
  ... on AssetNode { assetMaterializations(limit: 5) { runId } } } }
"""
LOGS = """
subscription($run: ID!) { pipelineRunLogs(runId: $run) {
  __typename ... on PipelineRunLogsSubscriptionSuccess { messages { __typename } } } }
"""


@dataclass(frozen=True)
class Place:
    """A stack that runs, with a run that ended, and a browser whose person has both our pages open."""

    stack: Stack
    context: BrowserContext
    other_port: int
    run: str
    sensor: dict[str, str]

    @property
    def hub(self) -> str:
        return f"http://127.0.0.1:{self.stack.ports[0]}"

    @property
    def dagster(self) -> str:
        return f"http://127.0.0.1:{self.stack.ports[1]}"

    def page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    def ask(self, query: str, **variables: object) -> Any:
        """Dagster's answer to the hub."""
        return asked(self.stack, query, **variables)

    def sensor_status(self) -> str:
        return self.ask(SENSOR_STATE, sensor=SENSOR)["sensorOrError"]["sensorState"]["status"]


def asked(stack: Stack, query: str, **variables: object) -> Any:
    answer = httpx.post(
        f"http://127.0.0.1:{stack.ports[1]}/graphql",
        json={"query": query, "variables": variables},
        headers={"X-Stinercut-Secret": stack.dagster_secret},
        timeout=60,
    )
    return answer.raise_for_status().json()["data"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    folder = tmp_path_factory.mktemp("browser")
    with embedded(folder / "data") as setup, another_site(folder) as other_port, chromium() as browser:
        job = {"repositoryName": "__repository__", "repositoryLocationName": "stinercut", "jobName": "tidy_up"}
        launched = asked(setup.stack, LAUNCH, params={"selector": job, "runConfigData": {}})["launchRun"]
        run = launched["run"]["runId"]
        sensor = asked(setup.stack, SENSOR_STATE, sensor=SENSOR)["sensorOrError"]["sensorState"]
        until(lambda: asked(setup.stack, STATUS, run=run)["runOrError"]["status"] == "SUCCESS", 120)
        # As a person's browser does, this one keeps for the whole time what it once got.
        with browser.new_context() as context:
            yield Place(setup.stack, context, other_port, run, sensor)


def test_dagsters_pages_and_their_sockets_work_as_ever(place: Place) -> None:
    page, sockets = place.page(), list[str]()
    heard: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))),
    )
    page.goto(f"{place.dagster}/runs/{place.run}")
    # The log comes over the socket.
    expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible(timeout=PATIENCE_MS)
    assert sockets == [f"ws://127.0.0.1:{place.stack.ports[1]}/graphql"]
    assert any("pipelineRunLogs" in frame for frame in heard)
    page.goto(f"{place.dagster}/automation")
    expect(page.get_by_text("ready_jumps").first).to_be_visible(timeout=PATIENCE_MS)
    page.goto(f"{place.dagster}/assets/rendered_video?view=lineage&lineageScope=upstream")
    expect(page.get_by_text("session_clips").first).to_be_visible(timeout=PATIENCE_MS)
    page.close()


def test_the_boards_way_to_dagster_leads_there(place: Place) -> None:
    page = place.page()
    page.goto(place.hub)
    assert page.title()
    # A link as the board's: to another port, with all that comes on the way.
    page.evaluate("address => { location.href = address }", f"{place.dagster}/runs/{place.run}?x=1")
    page.wait_for_url(f"{place.dagster}/runs/{place.run}?x=1")
    page.goto(f"{place.hub}/dagster")
    page.wait_for_url(lambda address: address.startswith(f"{place.dagster}/") and "stinercut" not in address)
    expect(page.get_by_text("Stinercut", exact=False).or_(page.get_by_text("Runs")).first).to_be_visible()
    page.close()


def test_the_hubs_own_pages_work_as_ever(place: Place) -> None:
    page, frames = place.page(), list[str]()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    for path in ("/needs-you", "/bookings", "/looks", "/"):
        answer = page.goto(f"{place.hub}{path}")
        assert answer
        assert answer.ok
    page.wait_for_function("() => document.body.innerText.length > 20")
    until(lambda: page.wait_for_timeout(50) or any('"snapshot"' in frame for frame in frames))
    page.close()


ATTACK = """
async ({dagster, socket, sensor, run, logs}) => {
  const stop = 'mutation{stopSensor(id:"' + sensor.id + '"){__typename}}';
  const byGet = dagster + '/graphql?query=' + encodeURIComponent(stop);
  const report = dagster + '/report_asset_materialization/rendered_video?partition=2026-11-30_X';
  const tried = {};
  const attempt = async (name, work) => {
    try { tried[name] = await work(); } catch (error) { tried[name] = 'blocked'; }
  };
  const loaded = (element, address) => new Promise(done => {
    element.onload = () => done('loaded');
    element.onerror = () => done('blocked');
    element.src = address;
    document.body.append(element);
  });
  const simple = {method: 'POST', mode: 'no-cors', credentials: 'include'};
  await attempt('picture', () => loaded(new Image(), byGet));
  await attempt('script', () => loaded(document.createElement('script'), byGet));
  await attempt('blind post', async () => (await fetch(byGet, {...simple, body: 'x'})).type);
  await attempt('blind json', async () => (await fetch(dagster + '/graphql', {
    ...simple, body: new Blob([JSON.stringify({query: stop})], {type: 'text/plain'})})).type);
  await attempt('json', async () => (await fetch(dagster + '/graphql', {
    method: 'POST', credentials: 'include', headers: {'content-type': 'application/json'},
    body: JSON.stringify({query: stop})})).status);
  await attempt('report', async () => (await fetch(report, {...simple, body: '{}'})).type);
  await attempt('beacon', async () => navigator.sendBeacon(dagster + '/graphql?query=' + encodeURIComponent(stop)));
  await attempt('question', async () => (await fetch(
    dagster + '/graphql?query={version}', {credentials: 'include'})).status);
  await attempt('log', async () => (await fetch(
    dagster + '/download_debug/' + run, {credentials: 'include'})).status);
  await attempt('socket', () => new Promise(done => {
    const opened = new WebSocket(socket + '/graphql', 'graphql-ws');
    opened.onerror = () => done('blocked');
    opened.onopen = () => {
      opened.send(JSON.stringify({type: 'connection_init', payload: {}}));
      opened.send(JSON.stringify({type: 'start', id: '1', payload: {query: logs, variables: {run}}}));
    };
    opened.onmessage = message => { if (message.data.includes('"data"')) done(message.data); };
  }));
  const form = document.createElement('form');
  Object.assign(form, {method: 'post', action: byGet, target: 'elsewhere'});
  const frame = document.createElement('iframe');
  frame.name = 'elsewhere';
  document.body.append(frame, form);
  const answered = new Promise(done => { frame.onload = done; });
  form.submit();
  await answered;
  const framed = document.createElement('iframe');
  const there = new Promise(done => { framed.onload = done; });
  framed.src = dagster + '/runs/' + run;
  document.body.append(framed);
  await there;
  tried.frames = window.frames.length;
  return tried;
}
"""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"])
def test_a_page_of_another_origin_reaches_nothing(place: Place, host: str) -> None:
    """Also one of another port of this machine, which the browser shows the same cookies."""
    walk_in(place)
    page = place.page()
    page.goto(f"http://{host}:{place.other_port}/")
    what = {
        "dagster": place.dagster,
        "socket": place.dagster.replace("http", "ws"),
        "sensor": place.sensor,
        "run": place.run,
        "logs": LOGS,
    }
    tried = page.evaluate(ATTACK, what)
    framed = page.frames[-1]
    said = framed.evaluate("() => document.body ? document.body.innerText : ''")
    page.close()
    # Opaque: a browser tells of a blind request only that it was sent.
    assert tried == {
        "picture": "blocked",
        "script": "blocked",
        "blind post": "blocked",
        "blind json": "blocked",
        "json": "blocked",
        "report": "blocked",
        "beacon": True,
        "question": "blocked",
        "log": "blocked",
        "socket": "blocked",
        "frames": 2,
    }
    assert "ready_jumps" not in said
    assert place.run not in said
    assert place.sensor_status() == "RUNNING"
    assert place.ask(MATERIALIZED)["assetNodeOrError"]["assetMaterializations"] == []


def test_a_page_under_a_name_that_was_led_here_reads_nothing(place: Place) -> None:
    walk_in(place)
    page = place.page()
    answer = page.goto(f"http://rebound.example:{place.stack.ports[1]}/")
    assert answer
    assert answer.status == 403
    status = "() => fetch('/graphql', {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'})"
    assert page.evaluate(f"{status}.then(answer => answer.status)") == 403
    page.close()


def walk_in(place: Place) -> None:
    """The person has Dagster's pages open, so that the browser has its pass."""
    page = place.page()
    page.goto(f"{place.dagster}/runs/{place.run}")
    page.wait_for_url(f"{place.dagster}/runs/{place.run}")
    names = [cookie["name"] for cookie in place.context.cookies(place.dagster)]
    page.close()
    assert names == [f"stinercut-dagster-{place.stack.ports[1]}"]


def test_a_program_of_this_machine_is_out(place: Place) -> None:
    body = json.dumps({"query": STOP_SENSOR, "variables": {"id": place.sensor["id"]}})
    for headers in ({}, {"X-Stinercut-Secret": "a-guess"}, {"Origin": place.dagster}):
        answer = httpx.post(
            f"{place.dagster}/graphql", content=body, headers={"content-type": "application/json", **headers}
        )
        assert answer.status_code == 401
    assert httpx.get(f"{place.dagster}/graphql", params={"query": "{version}"}).status_code == 403
    assert httpx.get(f"{place.dagster}/download_debug/{place.run}").status_code == 401
    assert place.sensor_status() == "RUNNING"
    log = Path(place.stack.data / "logs" / "webserver.log").read_text()
    assert "Refused: POST '/graphql'" in log


# ------------------------------------------------------------------------------------------------ what is launched
KEY = "2026-06-01_B-1"
ADD = """
mutation($selector: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: "jumps", partitionKey: $key) { __typename }
}
"""
BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { ... on LaunchBackfillSuccess { backfillId } }
}
"""
TAGS = """
query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results { tags { key value } } } } }
"""


def tags_of_runs(place: Place, key: str, value: str) -> list[dict[str, str]]:
    found = place.ask(TAGS, filter={"tags": [{"key": key, "value": value}]})["runsOrError"]["results"]
    return [{tag["key"]: tag["value"] for tag in one["tags"]} for one in found]


@pytest.mark.long
def test_a_single_asset_that_is_launched_on_dagsters_page_is_within_the_limits(place: Place) -> None:
    """As the page's buttons Materialize and Launch backfill ask for it."""
    selector = {name: SENSOR[name] for name in SENSOR if name != "sensorName"}
    place.ask(ADD, selector=selector, key=KEY)
    asset = {"path": ["rendered_video"]}
    job = {**selector, "jobName": "__ASSET_JOB", "assetSelection": [asset]}
    tags = {"tags": [{"key": "dagster/partition", "value": KEY}]}
    params = {"selector": job, "runConfigData": {}, "executionMetadata": tags}
    launched = place.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]
    (alone,) = tags_of_runs(place, "dagster/partition", KEY)
    assert (alone["stinercut/work"], alone["stinercut/jump"], alone["dagster/max_runtime"]) == ("film", KEY, "43200")
    until(lambda: place.ask(STATUS, run=run)["runOrError"]["status"] in {"FAILURE", "SUCCESS"}, 120)

    asked_for = {"assetSelection": [asset], "partitionNames": [KEY]}
    backfill = place.ask(BACKFILL, params=asked_for)["launchPartitionBackfill"]["backfillId"]
    # A run is there a moment before it is queued, and has them from then on.
    until(lambda: any("stinercut/work" in one for one in tags_of_runs(place, "dagster/backfill", backfill)), 120)
    (one,) = tags_of_runs(place, "dagster/backfill", backfill)
    assert (one["stinercut/work"], one["stinercut/jump"], one["dagster/priority"]) == ("backfill", KEY, "0")


# ------------------------------------------------------------------------------------------------ what is switched off


def doctors(place: Place) -> dict[str, str]:
    """What `stinercut doctor` says of the sensors."""
    done = warm.run("-m", "app.cli", "doctor", "--data", str(place.stack.data), "--json")
    return next(one for one in json.loads(done.stdout)["checks"] if one["check"] == "sensors")


def the_check(place: Place) -> tuple[bool | None, str]:
    """Whether Dagster's check has passed, and what it says; nothing where a run took it along that failed before."""
    last = [one["evaluation"] for one in place.ask(CHECK)["assetCheckExecutions"] if one["evaluation"]]
    if not last:
        return None, ""
    said = {one["label"]: one.get("text", "") for one in last[0]["metadataEntries"]}
    return last[0]["success"], said.get("what", "")


def switch_off(place: Place) -> None:
    place.ask(STOP_SENSOR, id=place.sensor["id"])
    schedule = {
        "repositoryName": "__repository__",
        "repositoryLocationName": "stinercut",
        "scheduleName": "every_night",
    }
    state = place.ask(SCHEDULE_STATE, schedule=schedule)["scheduleOrError"]["scheduleState"]
    place.ask(STOP_SCHEDULE, id=state["id"])


WORDS = "ready_jumps (no film is begun), every_night (old runs and leftovers are never cleared away)"


def test_what_is_switched_off_is_said_by_board_doctor_and_dagster_and_runs_again(place: Place) -> None:
    assert doctors(place)["state"] == "ok"
    switch_off(place)
    page = place.page()
    page.goto(place.hub)
    expect(page.locator("#off-what")).to_have_text(f"Switched off in Dagster: {WORDS}.", timeout=PATIENCE_MS)
    said = doctors(place)
    assert (said["state"], said["detail"]) == ("problem", f"Switched off in Dagster: {WORDS}")
    until(lambda: the_check(place) == (False, f"Switched off in Dagster: {WORDS}."))
    page.locator("#off-start").click()
    expect(page.locator("#off")).to_be_hidden()
    page.close()
    assert place.sensor_status() == "RUNNING"
    assert doctors(place)["state"] == "ok"
    until(lambda: the_check(place)[0] is True)


def test_up_starts_what_was_switched_off_and_says_so(place: Place) -> None:
    switch_off(place)
    place.stack.stop(signal.SIGINT)
    place.stack.start()
    place.stack.wait_for(f"Switched off in Dagster: {WORDS}. Started again.")
    assert place.sensor_status() == "RUNNING"
