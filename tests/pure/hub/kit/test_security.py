"""The same-origin rule: whose page asked, and what the log says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hub.app import create_app
from hub.kit.security import is_same_origin
from stinercut.settings import Settings


def test_an_origin_that_is_no_address_is_another_site() -> None:
    assert not is_same_origin({"host": "hub", "origin": "http://[hub"})


def test_who_says_two_origins_is_another_site() -> None:
    ours, other = "http://hub", "http://evil.example"
    for origins in ((ours, other), (other, ours)):
        headers = Headers(raw=[(b"host", b"hub"), *((b"origin", one.encode()) for one in origins)])
        assert not is_same_origin(headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_calls_another_sites_is_refused_also_without_an_origin(tmp_path: Path, site: str) -> None:
    with TestClient(create_app(Settings(data=tmp_path)), base_url="http://localhost") as client:
        said = {"sec-fetch-site": site}
        assert client.post("/api/retry", json={}, headers=said).status_code == 403
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://localhost/ws/board", headers=said):
            pass
        assert client.post("/api/retry", json={}, headers={"sec-fetch-site": "same-origin"}).status_code == 202


def test_the_log_names_the_route_and_not_what_stands_in_an_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        TestClient(create_app(Settings(data=tmp_path)), base_url="http://localhost") as client,
        caplog.at_level("INFO"),
    ):
        long = "Anna" * 10_000
        assert client.get(f"/api/jumps/Anna%1B[2J%00/cut?{long}").status_code == 422
        assert client.get(f"/api/files/{long}/clip.mp4").status_code == 422
    said = [record.getMessage() for record in caplog.records if record.name == "hub"]
    assert [one.partition(" was refused")[0] for one in said] == [
        "GET /api/jumps/{jump}/cut",
        "GET /api/files/{card_file_id}/clip.mp4",
    ]
    assert "Anna" not in "".join(said)
