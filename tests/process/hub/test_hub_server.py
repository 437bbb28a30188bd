"""The hub as a process: its pages, its API, its end. Real HTTP, a real catalog."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from support.cataloguing import copy, entry, inserted, list_of, passenger, put_in, record, row_ids
from support.hub_data import finished_jump, into_store
from support.hubs import RunningHub, board, detector, running_hub
from websockets.exceptions import ConnectionClosed

from hub.kit.dagster_client import GLANCE_S
from stinercut.catalog import Catalog
from stinercut.protocol import Ack, CopyRequest


class TestApi:
    def test_pages(self, hub: RunningHub):
        page = httpx.get(hub.url)
        assert page.status_code == 200
        assert "<title>Today · Stinercut</title>" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"ws://127.0.0.1:{hub.settings.hub_port}" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        kinds = {"js": "javascript", "css": "css", "svg": "svg"}
        needed = re.findall(r'(?:src|href)="/((?:page/\w+/)?[\w.-]+\.(\w+))"', page.text)
        names = {name.rpartition("/")[2] for name, _ in needed}
        assert names >= {"board.js", "common.css", "board.css", "icon.svg"}
        for name, kind in needed:
            answer = httpx.get(f"{hub.url}/{name}")
            assert (answer.status_code, kinds[kind] in answer.headers["content-type"]) == (200, True)

    def test_a_template_is_chosen_for_a_jump_and_the_board_hears_of_it(self, hub: RunningHub, known: Catalog):
        """A new film is made, the old one stays; an unusable template is refused in words."""
        key, _ = finished_jump(hub, known, "T")
        shelf = httpx.get(f"{hub.url}/api/templates").json()["templates"]
        assert [one["name"] for one in shelf if one["is_default"]] == ["classic"]
        path = f"{hub.url}/api/jumps/{key}/template"
        with board(hub) as watching:
            before = next(jump for jump in watching.until(lambda frame: True)["jumps"] if jump["jump"] == key)
            assert (before["template"], before["film"]["template"], before["state"]) == (None, "bundled", "done")
            assert httpx.post(path, json={"who": "Jo", "template": "sunset"}).status_code == 202
            frame = watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["template"] == "sunset")
            after = frame["jump"]
            assert (after["state"], after["film"]) == ("ready", before["film"])
            assert httpx.post(path, json={"who": "Jo", "template": None}).status_code == 202
            watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["state"] == "done")
        for wish, words in (
            ({"who": "Jo", "template": "nobodys"}, "nobodys"),
            ({"who": " ", "template": "sunset"}, "name"),
        ):
            refused = httpx.post(path, json=wish)
            assert refused.status_code in {400, 404}
            assert words in refused.json()["error"]["what"]
        assert httpx.post(path, json={"template": "sunset"}).status_code == 422

    def test_lists(self, hub: RunningHub, known: Catalog):
        key, _ = finished_jump(hub, known, "I", "Đorđe Šćepanović")
        cards = httpx.get(f"{hub.url}/api/cards").json()["cards"]
        assert {card["card"]: card["state"] for card in cards}["I"] == "safe"
        listed = httpx.get(f"{hub.url}/api/jumps", params={"limit": 1}).json()["jumps"]
        assert [jump["jump"] for jump in listed] == [key]
        one = httpx.get(f"{hub.url}/api/jumps/{key}").json()
        assert one == listed[0]
        assert (one["passenger"], one["state"], one["progress"]) == ("Đorđe Šćepanović", "done", 1.0)

    def test_a_jump_is_found_by_name_and_key_and_lists_come_in_pieces(self, hub: RunningHub, known: Catalog):
        keys = [finished_jump(hub, known, f"S{n}", f"Ştefan {n}")[0] for n in range(3)]

        def ask(**wanted: str | int) -> tuple[list[str], str | None]:
            answer = httpx.get(f"{hub.url}/api/jumps", params=wanted).json()
            return [jump["jump"] for jump in answer["jumps"]], answer["older"]

        assert ask(q="şTEFAN") == (keys[::-1], None)
        assert ask(q="ştefan 1") == ([keys[1]], None)
        assert ask(q=keys[0].lower()) == ([keys[0]], None)
        assert ask(q="ştefan", limit=2) == (keys[:0:-1], keys[1])
        assert ask(q="ştefan", limit=2, before=keys[1]) == ([keys[0]], None)
        assert ask(limit=1, before=keys[2])[0] == [keys[1]]
        refused = httpx.get(f"{hub.url}/api/jumps", params={"before": "nobody"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "NOT_FOUND")

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/api/jumps/nobody", 404, "NOT_FOUND"),
            ("GET", "/api/pipeline/nobody", 404, "NOT_FOUND"),
            ("POST", "/api/pipeline/nobody/retry", 404, "NOT_FOUND"),
            ("POST", "/api/jumps/nobody/leave-out", 422, "BAD_INPUT"),
            ("GET", "/api/jumps?limit=0", 422, "BAD_INPUT"),
            ("GET", "/nothing", 404, "NOT_FOUND"),
            ("DELETE", "/api/jumps", 405, "BAD_INPUT"),
            ("GET", "/docs", 404, "NOT_FOUND"),
        ],
    )
    def test_errors_have_one_shape(self, hub: RunningHub, method: str, path: str, status: int, code: str):
        answer = httpx.request(method, hub.url + path)
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["code"] == code
        assert set(error) == {"code", "what", "advice", "what_parts", "advice_parts"}

    @pytest.mark.parametrize(
        ("method", "path", "body", "words"),
        [
            ("GET", "/api/bookings?day=morgen", None, "the day is no date; write YYYY-MM-DD"),
            ("GET", "/api/jumps?limit=0", None, "the number of rows must be 1 or more"),
            ("GET", f"/api/files/{10**30}/frame.jpg", None, "the file must be 2147483647 or less"),
            ("GET", f"/api/files/{10**30}/clip.mp4", None, "the file must be 2147483647 or less"),
            ("GET", "/api/files/7/frame.jpg?size=huge", None, "the size of the picture must be 'small' or 'large'"),
            ("POST", "/api/review/jumps/x/split", "{", "what was sent can't be read"),
            ("POST", "/api/jumps/x/leave-out", '{"file_id": 1}', "your name is missing"),
            ("DELETE", "/api/jumps", None, "this can't be asked for in that way"),
        ],
    )
    def test_what_is_refused_is_said_in_words(
        self, hub: RunningHub, method: str, path: str, body: str | None, words: str
    ):
        headers = {"content-type": "application/json"}
        answer = httpx.request(method, hub.url + path, content=body, headers=headers)
        assert answer.json()["error"]["what"] == words

    def test_a_catalog_that_fails_is_said_without_its_exception(self, tmp_path: Path):
        with running_hub(tmp_path / "data") as hub:
            with closing(sqlite3.connect(tmp_path / "data" / "catalog.db")) as catalog:
                catalog.execute("DROP TABLE booking")
            answer = httpx.get(f"{hub.url}/api/bookings")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (503, "HOST_NOT_READY")
            assert error["what"] == "the hub does not reach its catalog"
            assert "no such table: booking" in hub.log.read_text(), "whoever mends it finds what it was"
            assert httpx.get(f"{hub.url}/api/jumps").status_code == 200

    def test_a_dagster_that_hangs_keeps_no_page_waiting(self, tmp_path: Path):
        with (
            socket.create_server(("127.0.0.1", 0)) as silent,  # It takes connections and answers nobody.
            running_hub(tmp_path / "data", dagster_port=silent.getsockname()[1]) as hub,
        ):
            stale = httpx.get(f"{hub.url}/api/stale", timeout=60).json()
            assert f"Dagster did not answer within {GLANCE_S:g} seconds" in stale["problem"]

    def test_a_pipeline_while_dagster_is_silent(self, hub: RunningHub, known: Catalog):
        key, _ = finished_jump(hub, known, "J")
        jump = httpx.get(f"{hub.url}/api/pipeline/{key}").json()
        assert (jump["id"], jump["kind"], jump["status"], jump["progress"]) == (key, "jump", "done", 1.0)
        assert jump["runs"] == []
        assert jump["runs_problem"] == "Dagster does not answer. Wait a moment, then try again."
        assert f"Dagster does not answer at http://127.0.0.1:{hub.settings.dagster_port}" in hub.log.read_text()
        card = httpx.get(f"{hub.url}/api/pipeline/J").json()
        assert (card["kind"], card["status"], card["progress"]) == ("card", "safe", 1.0)
        retry = httpx.post(f"{hub.url}/api/pipeline/{key}/retry")
        assert (retry.status_code, retry.json()["error"]["code"]) == (503, "HOST_NOT_READY")

    def test_leaving_a_clip_out(self, hub: RunningHub, known: Catalog):
        files = [entry(f"K{n}.MP4", 1000 + n, minute=n) for n in range(3)]
        put_in(known, "in-K", files, "K")
        copy(known, "in-K", files)
        [key] = record(known, "in-K", passenger(booking="K"), files[:1], files[1:])
        clip = row_ids(known, "in-K", files)[1]
        path = f"{hub.url}/api/jumps/{key}/leave-out"
        said = {"file_id": clip, "who": "Jo"}
        foreign = httpx.post(path, json=said, headers={"origin": "http://evil.example"})
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "FORBIDDEN")
        assert "content-security-policy" in foreign.headers
        with board(hub) as watching:
            watching.until(lambda frame: True)
            answer = httpx.post(path, json=said, headers={"origin": hub.url})
            assert (answer.status_code, answer.json()) == (202, {"jump": key})
            frame = watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["jump"] == key)
        assert [file["role"] for file in frame["jump"]["files"]] == ["qr", "left_out", "clip"]
        assert httpx.post(path, json=said).status_code == 400
        assert httpx.post(path, json={**said, "file_id": 10**9}).status_code == 404
        nobody = httpx.post(path, json={**said, "who": " "})
        assert (nobody.status_code, "who decides" in nobody.json()["error"]["what"]) == (400, True)
        [decision] = httpx.get(f"{hub.url}/api/review/jumps/{key}").json()["decisions"]
        assert (decision["who"], decision["what"], decision["file"]) == ("Jo", "left_out", "K1.MP4")


class TestProcess:
    def test_sigterm_ends_it_soon_with_open_sockets_and_downloads(self, tmp_path: Path):
        with running_hub(tmp_path / "data", fresh=True) as hub, board(hub) as watching, detector(hub):
            watching.until(lambda frame: True)
            with socket.create_connection(("127.0.0.1", hub.settings.hub_port)) as half:
                half.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
                hub.end()  # Left to itself, a server waits until everybody has gone, and nobody goes before it here.
            assert hub.process.returncode in (0, -signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                watching.until(lambda frame: False)

    def test_a_detector_comes_back_to_a_hub_that_was_killed(self, tmp_path: Path):
        file = entry("P1.MP4", 1000)
        with running_hub(tmp_path / "data", fresh=True) as first, detector(first) as one:
            one.send(inserted("in-p", "card-p"))
            one.send(list_of("in-p", [file]), "list")
            one.next(CopyRequest)
            first.process.kill()
            first.process.wait()
        with running_hub(tmp_path / "data") as second, detector(second) as one:
            assert one.next(CopyRequest).file_ids == [file.file_id]
            one.send(into_store(second, file, "in-p"), "copied")
            assert one.next(Ack).of == "copied"

    def test_a_port_in_use_is_said(self, hub: RunningHub, tmp_path: Path):
        settings = hub.settings.model_copy(update={"data": tmp_path})
        ended = subprocess.run(
            [sys.executable, "-m", "hub"],
            env=os.environ | settings.environment() | {"STINERCUT_DATA": str(tmp_path)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 5
        assert f"can't listen on 127.0.0.1:{settings.hub_port}" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_listening_to_strangers_without_a_token_is_refused(self, tmp_path: Path):
        environment = os.environ | {"STINERCUT_DATA": str(tmp_path), "STINERCUT_HOST": "0.0.0.0"}
        environment.pop("STINERCUT_TOKEN", None)
        ended = subprocess.run(
            [sys.executable, "-m", "hub"], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 5
        assert "STINERCUT_TOKEN" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_at_rest_it_costs_next_to_nothing(self, tmp_path: Path):
        with running_hub(tmp_path / "data", fresh=True) as hub, board(hub) as watching, detector(hub):
            watching.until(lambda frame: True)
            process = psutil.Process(hub.process.pid)
            before, begun = process.cpu_times(), time.monotonic()
            for _ in range(2):
                watching.until(lambda frame: frame["type"] == "beat")
            after, seconds = process.cpu_times(), time.monotonic() - begun
        share = (after.user + after.system - before.user - before.system) / seconds
        assert share < 0.03
