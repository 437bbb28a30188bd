"""Who may see what: roles, keys and nobody, over all addresses of the hub. On both databases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from support.cataloguing import ready_jump
from support.ports import own_port

from hub.app import create_app
from hub.kit.access import attempts
from hub.kit.access.route_permissions import ROUTES, SOCKET, Rule
from hub.people.first_admin import first_admin_address
from stinercut.catalog import Catalog
from stinercut.catalog.models import Decision, HandOut, Share
from stinercut.clock import machine_clock
from stinercut.people import accounts, keys
from stinercut.people.accounts import NewAccount
from stinercut.people.permissions import PERMISSIONS_OF, AccountRole, Permission
from stinercut.protocol import Hello, decode, encode
from stinercut.settings import Settings

HUB = "http://board.example.org"
WORD = "correct horse battery"
ORIGIN = {"origin": HUB}
OF_PAGES = ("/", "/needs-you", "/bookings", "/looks", "/common.css", "/shell.js")


@pytest.fixture
def settings(catalog_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        database_url=catalog_url,
        dagster_port=own_port(),
        watch_mounts=False,
        host="0.0.0.0",
        hub_public_url=HUB,
    )


@pytest.fixture
def known(catalog_url: str) -> Iterator[Catalog]:
    catalog = Catalog.open(catalog_url)
    yield catalog
    catalog.close()


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url=HUB, follow_redirects=False) as asking:
        yield asking


@pytest.fixture
def somebody(known: Catalog) -> Callable[[AccountRole], str]:
    def make(role: AccountRole) -> str:
        with known.write() as session:
            return accounts.add(session, NewAccount(f"a {role}", role, WORD)).name

    return make


def sign_in(client: TestClient, name: str, password: str = WORD, to: str = "/") -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password, "to": to}, headers=ORIGIN)


def addresses(*leaving: Rule) -> list[tuple[str, str, object]]:
    listed = {**{f"GET {path}": Permission.BOARD_READ for path in OF_PAGES}, **ROUTES}
    split = [(*route.split(" ", 1), need) for route, need in listed.items() if need not in leaving]
    return [(method, re.sub(r"\{(\w+)\}", "1", path), need) for method, path, need in split]


def is_refused(client: TestClient, method: str, path: str) -> bool:
    """Whether access refuses this: with 401 or 403 and our code, or a socket that is never accepted."""
    if method == SOCKET:
        try:
            with client.websocket_connect(path, headers=ORIGIN):
                return False
        except WebSocketDisconnect:
            return True
    answer = client.request(method, path, headers=ORIGIN)
    if answer.status_code in (401, 403):
        assert answer.json()["error"]["code"] in ("NOT_SIGNED_IN", "FORBIDDEN")
        return True
    return False


class TestNobody:
    def test_gets_no_byte_beyond_login_and_signs_of_life(self, client: TestClient):
        for method, path, _ in addresses(Rule.OPEN, Rule.OWN_RULE):
            assert is_refused(client, method, path), path
        for path in ("/api/secret", "/nothing", "/films/x", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 401, path
        for path in ("/healthz", "/readyz", "/login", "/login.css", "/icon.svg"):
            assert client.get(path).status_code == 200, path

    def test_a_browser_is_led_to_the_login_page_and_back(self, client: TestClient, somebody: Callable[..., str]):
        answer = client.get("/needs-you?x=1", headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=%2Fneeds-you%3Fx%3D1")
        signed = sign_in(client, somebody(AccountRole.DESK), to="/needs-you?x=1")
        assert (signed.status_code, signed.headers["location"]) == (303, "/needs-you?x=1")
        assert sign_in(client, "a desk", to="//evil.example").headers["location"] == "/"

    @pytest.mark.parametrize("token", ["", "x", "sk_x", "ÿ", "dk_hangar"])
    def test_keys_and_cookies_that_nobody_made_open_nothing(self, client: TestClient, token: str):
        assert client.get("/api/jumps", headers={"authorization": f"Bearer {token}".encode()}).status_code == 401
        assert client.get("/api/jumps", headers={"cookie": f"stinercut={token}".encode()}).status_code == 401


class TestRoles:
    @pytest.mark.parametrize("role", AccountRole)
    def test_see_what_the_table_says_and_nothing_else(
        self, client: TestClient, somebody: Callable[..., str], role: AccountRole
    ):
        assert sign_in(client, somebody(role)).status_code == 303
        me = client.get("/api/me").json()
        assert (me["name"], me["role"]) == (f"a {role}", role)
        assert set(me["permissions"]) == {str(one) for one in PERMISSIONS_OF[role]}
        for method, path, need in addresses(Rule.OPEN, Rule.OWN_RULE, Rule.SIGNED_IN):
            # A socket or route behind the gate is not asked: only what is refused is sure to change nothing.
            if need in PERMISSIONS_OF[role] and method not in ("GET",):
                continue
            assert is_refused(client, method, path) == (need not in PERMISSIONS_OF[role]), f"{method} {path}"

    def test_an_unlisted_route_is_refused_at_run_time_to_an_admin_as_well(
        self, settings: Settings, somebody: Callable[..., str]
    ):
        app = create_app(settings)
        forgotten = APIRouter()

        @forgotten.get("/api/forgotten")
        @forgotten.get("/api/jumps/{jump}/secret")
        @forgotten.get("/api/shares/{name}")
        async def secret() -> str:
            return "secret"

        app.include_router(forgotten)
        # An entry of another route fits this one's path: what counts is the route that is found.
        app.router.routes.insert(0, app.router.routes.pop())
        with TestClient(app, base_url=HUB, follow_redirects=False) as client:
            sign_in(client, somebody(AccountRole.ADMIN))
            for path in ("/api/forgotten", "/api/jumps/x/secret", "/api/shares/x"):
                answer = client.get(path)
                assert answer.status_code == 404, path
                assert "secret" not in answer.text


class TestSessions:
    def test_one_that_is_ended_or_tampered_with_opens_nothing(self, client: TestClient, somebody: Callable[..., str]):
        sign_in(client, somebody(AccountRole.ADMIN))
        token = client.cookies["stinercut"]
        assert client.get("/api/jumps").status_code == 200
        client.cookies.clear()
        for other in (token[:-1], token + "x", token.swapcase()):
            assert client.get("/api/jumps", headers={"cookie": f"stinercut={other}"}).status_code == 401
        mine = {"cookie": f"stinercut={token}"}
        [login] = client.get("/api/me/logins", headers=mine).json()["logins"]
        assert login["is_this"]
        assert client.post("/logout", headers={**mine, **ORIGIN}).status_code == 303
        assert client.get("/api/jumps", headers=mine).status_code == 401

    def test_the_cookie_is_for_this_host_alone_over_https(self, settings: Settings, somebody: Callable[..., str]):
        name, secure = somebody(AccountRole.DESK), HUB.replace("http:", "https:")
        with TestClient(create_app(settings), base_url=secure, follow_redirects=False) as client:
            answer = client.post("/login", data={"name": name, "password": WORD}, headers={"origin": secure})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-stinercut=")
            assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(re.split(r"; ", cookie))
            assert "domain" not in cookie.lower()
            assert client.get("/api/me").status_code == 200

    def test_a_change_with_a_cookie_needs_its_origin(self, client: TestClient, somebody: Callable[..., str]):
        sign_in(client, somebody(AccountRole.ADMIN))
        assert client.post("/api/accounts", json={"name": "Jo", "role": "desk"}).status_code == 403
        evil = {"origin": "http://evil.example"}
        assert client.post("/api/accounts", json={"name": "Jo", "role": "desk"}, headers=evil).status_code == 403
        assert client.post("/api/accounts", json={"name": "Jo", "role": "desk"}, headers=ORIGIN).status_code == 201

    def test_another_password_ends_all_of_them(self, client: TestClient, somebody: Callable[..., str]):
        name = somebody(AccountRole.DESK)
        sign_in(client, name)
        wrong = {"present": "not this one", "next": WORD + " staple"}
        assert client.post("/api/me/password", json=wrong, headers=ORIGIN).status_code == 403
        right = {"present": WORD, "next": WORD + " staple"}
        assert client.post("/api/me/password", json=right, headers=ORIGIN).status_code == 204
        assert client.get("/api/me").status_code == 401
        assert sign_in(client, name).status_code == 403
        assert sign_in(client, name, WORD + " staple").status_code == 303


class TestTrying:
    def test_wrong_passwords_are_limited_for_a_name_and_say_nothing_about_it(
        self, client: TestClient, somebody: Callable[..., str]
    ):
        name = somebody(AccountRole.DESK)
        said = {sign_in(client, who, "wrong wrong").text.replace(who, "") for who in (name, "nobody")}
        assert len(said) == 1, "whether the name exists is not told"
        for _ in range(attempts.OF_A_NAME - 1):
            assert sign_in(client, name, "wrong wrong").status_code == 403
        refused = sign_in(client, name)
        assert refused.status_code == 429
        assert WORD not in refused.text

    def test_and_for_an_address(self, client: TestClient):
        statuses = [sign_in(client, f"name {n}", "wrong").status_code for n in range(attempts.OF_AN_ADDRESS + 1)]
        assert statuses == [403] * attempts.OF_AN_ADDRESS + [429]


class TestFirstAdmin:
    def test_is_made_by_a_one_time_address(self, client: TestClient, settings: Settings):
        address = first_admin_address(settings)
        assert address is not None
        path = address.removeprefix(HUB)
        assert client.get(path).status_code == 200
        short = client.post(path, data={"name": "Kim", "password": "short"}, headers=ORIGIN)
        assert short.status_code == 400
        assert client.post(path, data={"name": "Kim", "password": WORD}, headers=ORIGIN).status_code == 303
        assert client.get("/api/me").json()["role"] == "admin"
        assert client.get(path).status_code == 410
        assert client.post(path, data={"name": "Eve", "password": WORD}, headers=ORIGIN).status_code == 410
        assert first_admin_address(settings) is None

    def test_an_address_that_is_old_or_made_up_opens_nothing(self, client: TestClient, settings: Settings):
        old = first_admin_address(settings, machine_clock() - timedelta(hours=2))
        assert old is not None
        for path in (old.removeprefix(HUB), "/first-admin/x", "/first-admin/9999999999.x.y"):
            assert client.get(path).status_code == 410
            assert client.post(path, data={"name": "Eve", "password": WORD}, headers=ORIGIN).status_code == 410


class TestOpen:
    def test_on_loopback_all_stays_open_until_there_is_an_account(
        self, settings: Settings, somebody: Callable[..., str]
    ):
        here = settings.model_copy(update={"host": "127.0.0.1"})
        assert first_admin_address(here) is None
        with TestClient(create_app(here), base_url=HUB, follow_redirects=False) as client:
            assert client.get("/api/me").json()["kind"] == "machine"
            assert client.get("/api/jumps").status_code == 200
            somebody(AccountRole.ADMIN)
            assert client.get("/api/jumps").status_code == 401

    def test_a_setting_opens_it_everywhere(self, settings: Settings):
        with TestClient(create_app(settings.model_copy(update={"access": "open"})), base_url=HUB) as client:
            assert client.get("/api/jumps").status_code == 200

    def test_commands_of_the_installation_show_its_secret(self, client: TestClient, settings: Settings):
        secret = settings.local_secret_file.read_text()
        assert settings.local_secret_file.stat().st_mode & 0o077 == 0
        assert client.get("/api/me", headers={"authorization": f"Bearer {secret}"}).json()["kind"] == "machine"
        assert client.get("/api/me", headers={"authorization": f"Bearer {secret[:-1]}"}).status_code == 401


def test_a_programs_key_permits_what_it_names(client: TestClient, known: Catalog):
    with known.write() as session:
        key = {"authorization": f"Bearer {keys.make_api_key(session, 'office', [Permission.BOOKINGS_READ])}"}
    assert client.get("/api/bookings", headers=key).status_code == 200
    assert client.get("/api/jumps", headers=key).status_code == 403
    with known.write() as session:
        keys.revoke_api_key(session, keys.api_keys(session)[0].api_key_id)
    assert client.get("/api/bookings", headers=key).status_code == 401


def test_the_audit_tells_who_did_what_and_no_password(client: TestClient, somebody: Callable[..., str]):
    name = somebody(AccountRole.ADMIN)
    sign_in(client, "Tr0ub4dor&3", "wrong")
    sign_in(client, name)
    client.get("/films/2026-06-01_B-1/poster.jpg")
    client.get("/api/jumps")
    client.post("/api/accounts", json={"name": "Jo", "role": "desk"}, headers=ORIGIN)
    entries = client.get("/api/audit").json()["entries"]
    assert [(entry["who"], entry["action"], entry["subject"], entry["is_allowed"]) for entry in entries] == [
        (name, "POST /api/accounts", "", True),
        (name, "GET /films/{jump}/poster.jpg", "2026-06-01_B-1", True),
        (name, "login", name, True),
        ("", "login", "", False),
    ]
    assert "Tr0ub4dor" not in str(entries)
    page = client.get("/api/audit?limit=2").json()
    assert len(client.get(f"/api/audit?before={page['before']}").json()["entries"]) == 2


def test_who_decides_is_who_is_signed_in_whatever_was_typed(
    client: TestClient, known: Catalog, somebody: Callable[..., str]
):
    key, _ = ready_jump(known)
    name = somebody(AccountRole.DESK)
    sign_in(client, name)
    row = client.get(f"/api/review/jumps/{key}").json()["files"][-1]
    typed = {"who": "The Manager", "file_id": row["file_id"]}
    assert client.post(f"/api/review/jumps/{key}/leave-out", json=typed, headers=ORIGIN).status_code == 200
    client.post(f"/api/jumps/{key}/hand-out", json={"who": "The Manager"}, headers=ORIGIN)
    client.post("/api/shares", json={"jumps": [key], "who": "The Manager", "way": "code"}, headers=ORIGIN)
    with known.read() as session:
        noted = {row.who for row in session.execute(select(HandOut)).scalars()}
        noted |= {row.who for row in session.execute(select(Decision)).scalars()}
        noted |= {row.made_by for row in session.execute(select(Share)).scalars()}
    assert noted == {name}


class TestDetectors:
    def hello(self, client: TestClient, detector_id: str, token: str | None) -> str:
        with client.websocket_connect("/ws/detector") as socket:
            socket.send_text(encode(Hello(detector_id=detector_id, token=token)))
            return decode(socket.receive_text()).body.type

    def test_a_key_is_good_for_its_own_id_until_it_is_revoked_and_the_shared_token_goes_on(
        self, settings: Settings, known: Catalog
    ):
        shared = settings.model_copy(update={"token": SecretStr("the shared one")})
        with known.write() as session:
            key = keys.make_detector_key(session, "hangar")
        with TestClient(create_app(shared), base_url=HUB) as client:
            assert self.hello(client, "hangar", key) == "welcome"
            assert self.hello(client, "other", key) == "error"
            assert self.hello(client, "other", "the shared one") == "welcome"
            assert self.hello(client, "other", None) == "error"
            with known.write() as session:
                keys.revoke_detector_key(session, keys.detector_keys(session)[0].detector_key_id)
            assert self.hello(client, "hangar", key) == "error"

    def test_a_wrong_key_is_refused_also_where_no_token_is_needed(self, settings: Settings):
        with TestClient(create_app(settings.model_copy(update={"token": None})), base_url=HUB) as client:
            assert self.hello(client, "hangar", "dk_wrong") == "error"
            assert self.hello(client, "hangar", None) == "welcome"


def test_answers_of_the_api_are_kept_nowhere_and_https_stays(client: TestClient, settings: Settings):
    assert client.get("/api/me").headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in client.get("/login").headers
    with TestClient(create_app(settings), base_url=HUB.replace("http:", "https:")) as secure:
        assert secure.get("/login").headers["strict-transport-security"] == "max-age=31536000"
