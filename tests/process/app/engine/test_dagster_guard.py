"""Who gets into Dagster's webserver: the hub by its secret, browsers through the hub's door, and nobody else."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from dagster_webserver import cli
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from support.clocks import StandingClock

from app.engine import dagster_guard
from app.engine.dagster_guard import DagsterGuard
from app.engine.dagster_web import guarded_command, rules_of
from app.stack.stack import children
from hub.app import create_app
from hub.kit import passes
from hub.kit.connections import BoundedProtocol
from hub.kit.parts import provide
from hub.kit.passes import PassKind, inside
from hub.runs.dagster_door import DagsterDoor, way_in
from hub.runs.routes import router
from stinercut.errors import HostNotReady
from stinercut.settings import Settings

SECRET = "a-secret-of-this-test"
OURS = "http://127.0.0.1:3000"
NOW = datetime(2028, 2, 29, 23, 59, tzinfo=UTC)
SETTINGS = Settings(data=Path("/nowhere"), dagster_secret=SECRET)  # pyright: ignore[reportArgumentType]
HUB = {passes.SECRET_HEADER: SECRET}
JSON = {"content-type": "application/json"}
A_LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": "text/html,*/*;q=0.8"}
"""What Chromium says of a page that it opens."""


@dataclass
class Guarded:
    """The guard around an application that notes what got through."""

    clock: StandingClock = field(default_factory=lambda: StandingClock(NOW))
    reached: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.app = DagsterGuard(self._dagster, rules_of(SETTINGS), self.clock)

    async def _dagster(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(f"{scope.get('method', 'socket')} {scope['path']}")
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await PlainTextResponse("Dagster's")(scope, receive, send)

    def ask(self, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=OURS) as client:
                client.headers.clear()
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(asked())

    def connect(self, headers: dict[str, str]) -> str:
        """What a socket is answered: the type of the first message."""
        said: list[str] = []

        async def send(message: Any) -> None:
            said.append(message["type"])

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        named = {"host": "127.0.0.1:3000", **headers}
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        asyncio.run(self.app(scope, receive, send))
        return said[0]

    def walk_in(self, to: str = "/runs") -> str:
        """The cookie of a browser that came through the door."""
        way = way_in(OURS, SECRET, to, self.clock())
        answer = self.ask("GET", way, {**A_LINK, "sec-fetch-site": "same-site"})
        assert answer.status_code == 200, answer.text
        return answer.headers["set-cookie"].partition(";")[0]


@pytest.fixture
def guarded() -> Guarded:
    return Guarded()


def own_page(cookie: str) -> dict[str, str]:
    """What a browser says when Dagster's own page asks."""
    return {"cookie": cookie, "origin": OURS, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}


# ------------------------------------------------------------------------------------------------ who gets in


def test_the_hub_asks_with_its_secret(guarded: Guarded) -> None:
    assert guarded.ask("POST", "/graphql", HUB | JSON, content=b"{}").status_code == 200
    assert guarded.connect(HUB) == "websocket.accept"


def test_a_program_without_the_secret_is_out(guarded: Guarded) -> None:
    for shown in ({}, {passes.SECRET_HEADER: ""}, {passes.SECRET_HEADER: SECRET[:-1]}, {"cookie": f"x={SECRET}"}):
        assert guarded.ask("POST", "/graphql", JSON | shown, content=b"{}").status_code == 401
        assert guarded.ask("GET", "/logs/run/1.err", shown).status_code == 401
        assert guarded.ask("GET", "/download_debug/1", shown).status_code == 401
        assert guarded.ask("POST", "/report_asset_materialization/rendered_video", JSON | shown).status_code == 401
        assert guarded.connect(shown) == "websocket.close"
    assert guarded.reached == []


def test_whether_it_lives_is_told_to_everybody(guarded: Guarded) -> None:
    assert guarded.ask("GET", "/server_info", {}).status_code == 200
    assert guarded.ask("POST", "/server_info", JSON).status_code == 401


def test_a_browser_comes_in_through_the_hubs_door(guarded: Guarded) -> None:
    stray = guarded.ask("GET", "/assets/rendered_video?view=lineage&x=%2F", {**A_LINK, "sec-fetch-site": "none"})
    assert stray.status_code == 303
    door = stray.headers["location"]
    assert door.startswith("http://127.0.0.1:8800/dagster?")
    through = knock(door, A_LINK | {"sec-fetch-site": "same-site"})
    assert through.status_code == 303
    entered = guarded.ask("GET", through.headers["location"], A_LINK | {"sec-fetch-site": "same-site"})
    assert entered.status_code == 200
    assert re.search(r"; HttpOnly; Path=/; SameSite=strict$", entered.headers["set-cookie"], re.IGNORECASE)
    cookie = entered.headers["set-cookie"].partition(";")[0]
    onward = re.search(r'content="0;url=([^"]+)"', entered.text)
    assert onward
    own = {**A_LINK, "sec-fetch-site": "same-origin", "cookie": cookie}
    there = guarded.ask("GET", onward[1].replace("&amp;", "&"), own)
    assert (there.status_code, there.headers["location"]) == (303, "/assets/rendered_video?view=lineage&x=%2F")
    assert guarded.ask("GET", there.headers["location"], own).text == "Dagster's"
    assert guarded.ask("POST", "/graphql", own_page(cookie) | JSON, content=b"{}").status_code == 200
    assert guarded.connect(own_page(cookie)) == "websocket.accept"


def knock(address: str, headers: dict[str, str]) -> httpx.Response:
    app = FastAPI()
    provide(app, DagsterDoor(OURS, SECRET, StandingClock(NOW)))
    app.include_router(router)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            client.headers.clear()
            return await client.get(address, headers=headers)

    return asyncio.run(asked())


def test_the_door_is_for_pages_that_a_browser_opens() -> None:
    door = "http://127.0.0.1:8800/dagster"
    for headers in (
        {},
        {"accept": "*/*"},
        {**A_LINK, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {**A_LINK, "sec-fetch-dest": "iframe"},
    ):
        with pytest.raises(Exception, match="opened by a browser"):
            knock(door, headers)


def test_the_hub_has_the_door(tmp_path: Path) -> None:
    app = create_app(SETTINGS.model_copy(update={"data": tmp_path}))

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get("/dagster?to=/runs/1", headers=A_LINK)

    answer = asyncio.run(asked())
    assert answer.headers["location"].startswith(f"{OURS}{passes.ENTER}")
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"to": ["/runs/1"]}


def test_a_ticket_is_good_once_and_for_a_minute(guarded: Guarded) -> None:
    way = way_in(OURS, SECRET, "/runs", NOW)
    link = {**A_LINK, "sec-fetch-site": "none"}
    assert guarded.ask("GET", way, link).status_code == 200
    again = guarded.ask("GET", way, link)
    assert (again.status_code, "set-cookie" in again.headers) == (303, False)
    assert again.headers["location"] == "http://127.0.0.1:8800/dagster?to=%2Fruns"
    later = way_in(OURS, SECRET, "/runs", NOW)
    guarded.clock.moment = NOW + timedelta(minutes=1)
    assert guarded.ask("GET", later, link).status_code == 303


def test_a_pass_is_good_for_a_week_and_for_its_own_secret(guarded: Guarded) -> None:
    cookie = guarded.walk_in()
    guarded.clock.moment = NOW + timedelta(days=7, seconds=-1)
    assert guarded.ask("POST", "/graphql", own_page(cookie) | JSON, content=b"{}").status_code == 200
    guarded.clock.moment = NOW + timedelta(days=7)
    assert guarded.ask("POST", "/graphql", own_page(cookie) | JSON, content=b"{}").status_code == 401
    name, _, _ = cookie.partition("=")
    for other in (
        passes.issue("the-secret-of-another-start", PassKind.PASS, guarded.clock()),
        passes.issue(SECRET, PassKind.TICKET, guarded.clock()),
        SECRET,
        "",
    ):
        assert guarded.ask("POST", "/graphql", own_page(f"{name}={other}") | JSON, content=b"{}").status_code == 401


def test_a_browser_that_keeps_no_cookie_is_told_so_and_not_sent_in_circles(guarded: Guarded) -> None:
    answer = guarded.ask("GET", "/stinercut/entered?to=/runs", {**A_LINK, "sec-fetch-site": "same-origin"})
    assert answer.status_code == 403
    assert "keeps no cookies" in answer.text


def test_a_pass_alone_changes_nothing_without_a_word_of_where_it_comes_from(guarded: Guarded) -> None:
    cookie = guarded.walk_in()
    assert guarded.ask("POST", "/graphql", JSON | {"cookie": cookie}, content=b"{}").status_code == 401
    assert guarded.connect({"cookie": cookie}) == "websocket.close"


@pytest.mark.parametrize("to", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", ""])
def test_nobody_is_led_elsewhere(to: str) -> None:
    assert inside(to) == "/"


def test_an_address_with_ever_so_many_fields_is_answered(guarded: Guarded) -> None:
    fields = "&".join(["to=/runs", *["a=b"] * 1000])
    assert guarded.ask("GET", f"/stinercut/enter/x?{fields}", A_LINK).status_code == 303
    assert guarded.ask("GET", f"/stinercut/entered?{fields}", HUB).headers["location"] == "/runs"


def test_a_question_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    monkeypatch.setattr(dagster_guard, "MOST", 1000)
    webserver = Starlette(routes=[Route("/graphql", asked, methods=["POST"])])
    webserver.add_middleware(DagsterGuard, rules=rules_of(SETTINGS))
    client = TestClient(webserver, base_url=OURS)
    assert client.post("/graphql", content=b"x" * 1000, headers=HUB | JSON).text == "1000"
    assert client.post("/graphql", content=b"x" * 1001, headers=HUB | JSON).status_code == 413


def test_the_webserver_has_the_hubs_limits_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[dict[str, Any]] = []

    def run(_app: object, **named: Any) -> None:
        served.append(named)

    monkeypatch.setattr(uvicorn, "run", run)
    # Restored afterwards: what this makes of Dagster's command is for a process of its own.
    monkeypatch.setattr(cli, "create_app_from_workspace_process_context", None)
    guarded_command(SETTINGS)
    uvicorn.run(PlainTextResponse("Dagster's"), port=3000)
    assert served == [{"port": 3000, "http": BoundedProtocol}]


@given(st.text(max_size=60))
def test_no_text_is_a_note(text: str) -> None:
    for kind in PassKind:
        assert passes.read(SECRET, kind, text, NOW) is None


# ------------------------------------------------------------------------------------------------ other pages

EVIL = "http://evil.example"
FOREIGN = {
    "a script's question": ("POST", "/graphql", JSON | {"origin": EVIL, "sec-fetch-site": "cross-site"}),
    "a script of another port": (
        "POST",
        "/graphql",
        JSON | {"origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-site"},
    ),
    "no origin at all": ("POST", "/graphql", JSON | {"origin": "null"}),
    "a form": ("POST", "/graphql?query=mutation{setNuxSeen}", {"content-type": "text/plain", "origin": OURS}),
    "a form that names JSON": ("POST", "/graphql", {"content-type": "text/plain; application/json", "origin": OURS}),
    "a question without a type": ("POST", "/graphql?query={version}", {"origin": OURS}),
    "a picture": ("GET", "/graphql?query=mutation{setNuxSeen}", {"sec-fetch-site": "cross-site"}),
    "a picture of an old browser": ("GET", "/graphql?query=mutation{setNuxSeen}", {"accept": "image/*"}),
    "a question by GET from our own page": ("GET", "/graphql?query={version}", {"sec-fetch-site": "same-origin"}),
    "a link to a question": ("GET", "/graphql?query={version}", A_LINK | {"sec-fetch-site": "cross-site"}),
    "a link to a log": ("GET", "/logs/run/compute_logs/step.err", A_LINK | {"sec-fetch-site": "same-site"}),
    "a link to a download": ("GET", "/download_debug/run", A_LINK | {"sec-fetch-site": "cross-site"}),
    "a frame": ("GET", "/runs", A_LINK | {"sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site"}),
    "a script's reading": ("GET", "/runs", {"origin": EVIL, "sec-fetch-site": "cross-site"}),
    "a report": ("POST", "/report_asset_materialization/rendered_video?partition=x", {"origin": EVIL}),
    "another name": ("POST", "/graphql", JSON | {"host": "evil.example:3000", "origin": "http://evil.example:3000"}),
    "another name's page": ("GET", "/", A_LINK | {"host": "evil.example"}),
    "a name of the house": ("GET", "/", A_LINK | {"host": "laptop.lan:3000"}),
    "another method": ("PUT", "/graphql", JSON | {"origin": OURS}),
    "permission for another page": ("OPTIONS", "/graphql", {"origin": EVIL}),
    "whether it lives, for another page": ("GET", "/server_info", {"origin": EVIL, "sec-fetch-site": "cross-site"}),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_other_pages_reach_nothing_even_with_pass_and_secret(guarded: Guarded, what: str) -> None:
    cookie = guarded.walk_in()
    method, path, headers = FOREIGN[what]
    for shown in ({}, {"cookie": cookie}, HUB):
        answer = guarded.ask(method, path, headers | shown)
        assert answer.status_code == 403, what
        assert "access-control-allow-origin" not in answer.headers
    assert guarded.reached == []


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:9999", "https://127.0.0.1:3000.evil.example"])
def test_no_socket_for_other_pages(guarded: Guarded, origin: str) -> None:
    cookie = guarded.walk_in()
    for shown in ({}, {"cookie": cookie}, HUB):
        assert guarded.connect({"origin": origin, **shown}) == "websocket.close"
    assert guarded.connect({"origin": "http://evil.example", "host": "evil.example", "cookie": cookie}) == (
        "websocket.close"
    )


def test_a_link_of_another_page_shows_a_page(guarded: Guarded) -> None:
    # As a link in a chat does. What the page then asks for, it asks as our own.
    link = A_LINK | {"sec-fetch-site": "cross-site"}
    assert guarded.ask("GET", "/runs/1", link | {"cookie": guarded.walk_in()}).text == "Dagster's"
    assert guarded.ask("GET", "/runs/1", link).status_code == 303


def test_nobody_frames_dagsters_pages(guarded: Guarded) -> None:
    answer = guarded.ask("GET", "/runs", A_LINK | {"cookie": guarded.walk_in(), "sec-fetch-site": "none"})
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# ------------------------------------------------------------------------------------------------ the settings


def test_no_webserver_without_a_secret_that_nobody_guesses() -> None:
    for secret in (None, "", "short"):
        with pytest.raises(HostNotReady, match="STINERCUT_DAGSTER_SECRET"):
            rules_of(Settings(dagster_secret=secret))  # pyright: ignore[reportArgumentType]


def test_only_hub_and_webserver_know_the_secret_which_is_new_at_each_start(tmp_path: Path) -> None:
    given = Settings(data=tmp_path)
    first, second = (
        {child.name: child.env.get("STINERCUT_DAGSTER_SECRET") for child in children(given, tmp_path)} for _ in range(2)
    )
    assert [name for name, secret in first.items() if secret] == ["the Dagster webserver", "the hub"]
    assert first["the hub"] == first["the Dagster webserver"] != second["the hub"]
    assert len(first["the hub"] or "") >= 40
    chosen = {one.name: one.env for one in children(SETTINGS.model_copy(update={"data": tmp_path}), tmp_path)}
    assert chosen["the hub"]["STINERCUT_DAGSTER_SECRET"] == SECRET
    assert "STINERCUT_DAGSTER_SECRET" not in chosen["the code server"]


def test_dagster_listens_on_this_machine_only_whatever_the_hub_does(tmp_path: Path) -> None:
    def listens_on(settings: Settings) -> str:
        (web,) = (child for child in children(settings, tmp_path) if child.name == "the Dagster webserver")
        return web.argv[web.argv.index("-h") + 1]

    opened = Settings(data=tmp_path, host="0.0.0.0", token="t")  # pyright: ignore[reportArgumentType]
    assert listens_on(opened) == "127.0.0.1"
    assert listens_on(opened.model_copy(update={"dagster_host": "192.0.2.7"})) == "192.0.2.7"
    assert opened.dagster_endpoint == "http://127.0.0.1:3000"
    assert Settings(dagster_host="0.0.0.0").dagster_address == "http://127.0.0.1:3000"


def test_it_answers_to_the_names_that_links_and_the_hub_use() -> None:
    settings = SETTINGS.model_copy(
        update={"dagster_url": "http://dagster-webserver:3000", "dagster_public_url": "https://dagster.example.org"}
    )
    names = rules_of(settings).names
    assert all(map(names.include, ("dagster-webserver:3000", "dagster.example.org", "localhost:3000", "127.0.0.1")))
    assert not any(map(names.include, ("hub:3000", "192.0.2.7:3000", "evil.example")))
