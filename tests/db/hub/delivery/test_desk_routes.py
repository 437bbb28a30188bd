"""Handing out at the desk, over the hub's API: links, codes, ticks. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.cataloguing import ready_jump
from support.ports import own_port

from hub.app import create_app
from stinercut.catalog import Catalog
from stinercut.settings import Settings


@pytest.fixture
def client(catalog_url: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        data=tmp_path / "data",
        database_url=catalog_url,
        dagster_port=own_port(),
        watch_mounts=False,
        hub_public_url="http://films.example.org",
        share_days=7,
    )
    with TestClient(create_app(settings), base_url="http://films.example.org") as client:
        yield client


@pytest.fixture
def anna(catalog_url: str) -> str:
    known = Catalog.open(catalog_url)
    key, _ = ready_jump(known)
    known.close()
    return key


def test_the_same_link_by_code_and_copy_and_the_tick_on_the_board(client: TestClient, anna: str) -> None:
    assert client.get(f"/api/jumps/{anna}").json()["handed_out"] is None
    first = client.post("/api/shares", json={"jumps": [anna], "who": "Kim", "way": "code"}).json()
    again = client.post("/api/shares", json={"jumps": [anna], "who": "Jo", "way": "link"}).json()
    assert first["address"] == again["address"]
    assert first["address"].startswith("http://films.example.org/f/")
    note = client.get(f"/api/jumps/{anna}").json()["handed_out"]
    assert (note["way"], note["who"]) == ("code", "Kim")
    assert client.request("DELETE", f"/api/jumps/{anna}/hand-out", params={"who": "Kim"}).status_code == 204
    assert client.get(f"/api/jumps/{anna}").json()["handed_out"] is None
    assert client.request("DELETE", f"/api/jumps/{anna}/hand-out", params={"who": "Kim"}).status_code == 409


def test_a_link_that_is_only_looked_at_is_no_hand_out(client: TestClient, anna: str) -> None:
    client.post("/api/shares", json={"jumps": [anna], "who": "Kim"})
    assert client.get(f"/api/jumps/{anna}").json()["handed_out"] is None
    client.post(f"/api/jumps/{anna}/hand-out", json={"who": "Kim"})
    assert client.get(f"/api/jumps/{anna}").json()["handed_out"]["way"] == "in_person"


def test_the_code_on_the_desk_holds_the_link(client: TestClient, anna: str) -> None:
    share = client.post("/api/shares", json={"jumps": [anna], "who": "Kim"}).json()
    code = client.get(f"/api/shares/{share['share_id']}/code.svg")
    assert (code.status_code, code.headers["content-type"]) == (200, "image/svg+xml")
    assert code.content.startswith(b"<svg")
    assert code.headers["cache-control"] == "private, no-store"
    assert client.get("/api/shares/999/code.svg").status_code == 404


def test_links_of_one_jump_and_those_that_are_out(client: TestClient, anna: str) -> None:
    share = client.post("/api/shares", json={"jumps": [anna], "who": "Kim", "days": 3, "pin": "4711"}).json()
    assert (share["has_pin"], "4711" in str(share)) == (True, False)
    assert [one["share_id"] for one in client.get("/api/shares").json()["shares"]] == [share["share_id"]]
    client.post(f"/api/shares/{share['share_id']}/revoke")
    assert client.get("/api/shares").json()["shares"] == []
    [over] = client.get("/api/shares", params={"jump": anna}).json()["shares"]
    assert over["state"] == "revoked"
    assert client.post(f"/api/shares/{share['share_id']}/revoke").status_code == 409


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"jumps": ["2026-06-01_no-such"], "who": "Kim"}, 404),
        ({"jumps": [], "who": "Kim"}, 422),
        ({"jumps": ["x"] * 51, "who": "Kim"}, 422),
        ({"jumps": ["x"], "who": "Kim", "days": 0}, 422),
        ({"jumps": ["x"], "who": "Kim", "pin": "123456789"}, 422),
        ({"jumps": ["x"], "who": "Kim", "way": "pigeon"}, 422),
        ({"jumps": ["x"]}, 422),
    ],
)
def test_wishes_that_make_no_sense_are_refused_in_words(client: TestClient, wish: object, status: int) -> None:
    answer = client.post("/api/shares", json=wish)
    assert answer.status_code == status
    assert answer.json()["error"]["what"]
