"""Who fetched and changed what, and who was refused: one line each, without a name in it."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from support.cataloguing import empty_catalog, ready_jump

from hub.app import create_app
from hub.kit import access_log
from hub.kit.access_log import AccessFile, is_worth_a_line
from stinercut.catalog import Catalog
from stinercut.settings import Settings

JUMP = "2026-06-01_B-1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database_url=None, watch_mounts=False)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    empty_catalog(settings.data)
    catalog = Catalog.open(settings.catalog_url)
    ready_jump(catalog)
    catalog.close()
    with TestClient(create_app(settings), base_url="http://localhost") as asking:
        yield asking


def lines(settings: Settings) -> list[dict[str, Any]]:
    file = settings.logs_dir / "access.log"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def test_reads_of_footage_changes_and_refusals_are_noted_and_nothing_else(client: TestClient, settings: Settings):
    for path in ("/", "/healthz", "/api/jumps?q=Anna", f"/api/jumps/{JUMP}", "/api/review", "/api/bookings"):
        assert client.get(path).status_code == 200
    assert lines(settings) == []
    client.get("/api/files/1/clip.mp4")
    client.get(f"/films/{JUMP}/poster.jpg")
    client.post(f"/api/review/jumps/{JUMP}/read-again", json={"who": "Kim Meier"})
    client.get("/films/Anna%20M%C3%BCller/Anna.mp4")
    client.get("/Anna%20M%C3%BCller")
    client.get("/api/jumps?limit=0&q=Anna")
    client.get("/api/jumps", headers={"host": "evil.lan"})
    client.post("/api/retry", json={}, headers={"origin": "http://evil.example"})
    found = [(line["method"], line["route"], line.get("jump"), line["status"]) for line in lines(settings)]
    assert found == [
        ("GET", "/api/files/{card_file_id}/clip.mp4", None, 404),
        ("GET", "/films/{jump}/poster.jpg", None, 404),
        ("POST", "/api/review/jumps/{jump}/read-again", JUMP, found[2][3]),
        ("GET", "/films/{jump}/{film}.mp4", None, 404),
        ("GET", "", None, 404),
        ("GET", "/api/jumps", None, 422),
        ("GET", "", None, 403),
        ("POST", "", None, 403),
    ]
    text = (settings.logs_dir / "access.log").read_text()
    for name in ("Anna", "Kim", "Meier", "evil"):
        assert name not in text
    assert {line["address"] for line in lines(settings)} == {"testclient"}
    assert all(line["at"].endswith("+00:00") for line in lines(settings))


def test_sockets_are_noted(client: TestClient, settings: Settings):
    with client.websocket_connect("/ws/detector") as detector:
        detector.send_text("no hello")
        detector.receive_text()
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://evil.lan/ws/board"):
        pass
    assert [(line["method"], line["status"]) for line in lines(settings)] == [("SOCKET", 101), ("SOCKET", 403)]


@pytest.mark.parametrize(
    ("method", "path", "status", "worth"),
    [
        ("GET", "/films/x/x.mp4", 206, True),
        ("HEAD", "/films/x/x.mp4", 200, True),
        ("GET", "/api/files/7/frame.jpg", 200, True),
        ("PUT", "/api/jumps/x/cut", 202, True),
        ("DELETE", "/api/jumps/x/cut", 202, True),
        ("GET", "/nothing", 404, True),
        ("GET", "/api/jumps", 503, True),
        ("GET", "/api/jumps", 200, False),
        ("GET", "/board.js", 304, False),
    ],
)
def test_what_is_worth_a_line(method: str, path: str, status: int, worth: bool):
    assert is_worth_a_line(method, path, status) is worth


def test_the_file_is_its_owners_alone_and_rotates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access_log, "LIMIT", 1000)
    file = AccessFile(tmp_path / "logs")
    for number in range(200):
        file.note({"number": number, "what": "x" * 50})
    file.close()
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == ["access.log", *(f"access.log.{n}" for n in range(1, len(names)))]
    assert len(names) == access_log.KEPT + 1
    assert all(path.stat().st_size <= 1000 for path in (tmp_path / "logs").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "logs").iterdir()} == {0o600}
    assert json.loads((tmp_path / "logs" / "access.log").read_text().splitlines()[-1])["number"] == 199
