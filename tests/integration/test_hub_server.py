"""The hub as a process: its sockets, its API, its files, its end. Real HTTP, real WebSockets, a real catalog."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest
from support.cataloguing import LARGE, copy, entry, film, inserted, list_of, passenger, put_in, record, row_ids, states
from support.hubs import RunningHub, board, detector, free_port, raw_detector, running_hub
from websockets.exceptions import ConnectionClosed, InvalidStatus

from stinercut.catalog import Catalog, events, films, jumps
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import Jump, StepStatus
from stinercut.media.published import NOTE, NOTES, Note, mark_of
from stinercut.protocol import (
    Ack,
    CopyRequest,
    ErrorCode,
    FileCopied,
    FileEntry,
    FileList,
    Hello,
    Progress,
    Refused,
    Removed,
    Welcome,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.store import Store, hash_file, sync_file


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub"), dagster_port=free_port()) as running:
        yield running


@pytest.fixture
def known(hub: RunningHub) -> Iterator[Catalog]:
    """The hub's catalog, as another process (a run of Dagster) has it open."""
    catalog = Catalog.open(hub.settings.catalog_url)
    yield catalog
    catalog.close()


def into_store(hub: RunningHub, file: FileEntry, insertion: str) -> FileCopied:
    store = Store(hub.settings.store_dir)
    partial = store.partial_path()
    partial.write_bytes(file.file_id.encode().ljust(file.size, b"."))
    sync_file(partial)
    content = hash_file(partial)
    store.add_object(partial, content)
    return FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=content, size=file.size)


def finished_jump(hub: RunningHub, known: Catalog, card: str, name: str = "Anna Müller") -> tuple[str, Path]:
    """A jump with a film on disk. Returns its key and the film's path."""
    files = [entry(f"{card}-{n}.MP4", 1000 + n, minute=n) for n in range(2)]
    put_in(known, f"in-{card}", files, card)
    copy(known, f"in-{card}", files)
    [key] = record(known, f"in-{card}", passenger(name, card), files[:1], files[1:])
    with known.write() as session:
        version = jumps.take_up(session, key, f"run-{card}").version
        films.record_film(session, film(key, version, f"run-{card}", name=name))
    folder = hub.settings.films_dir / key
    folder.mkdir(parents=True)
    (folder / f"{key}.mp4").write_bytes(bytes(range(256)) * 4)
    (folder / "poster.jpg").write_bytes(b"\xff\xd8poster")
    return key, folder / f"{key}.mp4"


def with_outputs(path: Path, names: list[str]) -> dict[str, bytes]:
    """Files beside a film, and the note that names them, as publishing leaves them. Returns what is in them."""
    files = {name.format(path.stem): f"{name} ".encode() * 100 for name in names}
    for name, content in files.items():
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_bytes(content)
    marks = {name: mark_of(path.parent / name) for name in [path.name, *files]}
    (path.parent / NOTE).write_bytes(NOTES.dump_json(Note({name: mark for name, mark in marks.items() if mark})))
    return files


class TestDetectors:
    def test_a_card_from_in_to_out(self, hub: RunningHub, known: Catalog):
        code, clip = entry("A1.MP4", 1000), entry("A2.MP4", LARGE, minute=1)
        with board(hub) as watching, detector(hub) as one:
            assert watching.until(lambda frame: True)["type"] == "snapshot"
            one.send(inserted("in-a", "card-a"), "m1")
            assert one.next(Ack).of == "m1"
            watching.until(lambda frame: frame["type"] == "card" and frame["card"]["state"] == "scanning")
            one.send(list_of("in-a", [code, clip]), "m2")
            assert one.next(Ack).of == "m2"
            assert one.next(CopyRequest) == CopyRequest(insertion_id="in-a", file_ids=[code.file_id])
            one.send(Progress(insertion_id="in-a", file_id=code.file_id, bytes_done=400))
            frame = watching.until(lambda frame: frame["type"] == "card" and bool(frame["card"]["copying"]))
            assert frame["card"]["copying"] == [{"name": "A1.MP4", "size": 1000, "done": 400}]
            one.send(into_store(hub, code, "in-a"), "m3")
            assert one.next(Ack).of == "m3"
            assert states(known, "in-a") == {"A1.MP4": "copied", "A2.MP4": "new"}
            event = watching.event("card:file_copied")
            assert (event["card"], event["data"]["file"]) == ("card-a", "A1.MP4")
            # Another process finds the jump: the hub notices by itself and asks for the rest, within a second.
            begun = time.monotonic()
            record(known, "in-a", passenger(booking="A"), [code], [clip])
            assert one.next(CopyRequest) == CopyRequest(insertion_id="in-a", file_ids=[clip.file_id])
            assert time.monotonic() - begun < 3
            frame = watching.until(lambda frame: frame["type"] == "jump")
            assert frame["jump"]["passenger"] == "Anna Müller"
            one.send(Removed(insertion_id="in-a"), "m4")
            assert one.next(Ack).of == "m4"
            frame = watching.until(lambda frame: frame["type"] == "card" and frame["card"]["state"] == "incomplete")
            assert "Put it in again" in frame["card"]["message"]

    def test_what_a_broken_connection_swallowed_is_asked_again(self, hub: RunningHub):
        file = entry("B1.MP4", 1000)
        with detector(hub, "det-b") as one:
            one.send(inserted("in-b", "card-b"))
            one.send(list_of("in-b", [file]))
            asked = one.next(CopyRequest)
        with detector(hub, "det-b") as again:
            assert again.next(CopyRequest) == asked

    def test_repeated_messages_are_acknowledged_and_change_nothing(self, hub: RunningHub, known: Catalog):
        file = entry("C1.MP4", 1000)
        with detector(hub, "det-c") as one:
            for number in range(2):
                one.send(inserted("in-c", "card-c"), f"i{number}")
                one.send(list_of("in-c", [file]), f"l{number}")
                one.send(into_store(hub, file, "in-c"), f"c{number}")
            acks = {one.next(Ack).of for _ in range(6)}
        assert acks == {"i0", "i1", "l0", "l1", "c0", "c1"}
        assert states(known, "in-c") == {"C1.MP4": "copied"}
        with known.read() as session:
            ours = [event.type for event in events.since(session, 0, 10_000) if event.card_id == "card-c"]
        assert ours == ["card:inserted", "card:file_list", "card:file_copied"]

    def test_frames_that_mean_nothing_leave_the_connection_up(self, hub: RunningHub):
        with detector(hub, "det-d") as one:
            bad = [
                "",
                "no json",
                "[]",
                json.dumps({"id": "x1", "body": {"type": "sd:unknown"}}),
                json.dumps({"id": "x2", "body": {"type": "ack", "of": "a", "more": 1}}),
                b"\xff\xfe",
                "x" * (MAX_FRAME_BYTES + 1),
                "[" * 100_000,
            ]
            for frame in bad:
                one.socket.send(frame)
                assert one.next(Refused).code is ErrorCode.BAD_MESSAGE
            one.socket.send(json.dumps({"id": "x2", "body": {"type": "sd:removed"}}))
            assert one.next(Refused).of == "x2"
            one.send(Removed(insertion_id="nobody"), "m1")
            refused = one.next(Refused)
            assert (refused.of, refused.code) == ("m1", ErrorCode.UNKNOWN_ID)
            one.send(inserted("in-d", "card-d"), "m2")
            assert one.next(Ack).of == "m2"

    def test_a_request_that_the_detector_refuses_as_stale_ends_the_insertion(self, hub: RunningHub):
        with board(hub) as watching, raw_detector(hub) as one:
            one.send(Hello(detector_id="det-e"))
            one.send(inserted("in-e", "card-e"))
            one.send(FileList(insertion_id="in-e", index=0, total=1, files=[entry("E1.MP4", 1000)]))
            while True:
                envelope = json.loads(one.socket.recv(timeout=20))
                if envelope["body"]["type"] == "sd:copy_request":
                    break
            one.send(Refused(of=envelope["id"], code=ErrorCode.STALE_INSERT, detail="that card is out"))
            watching.until(
                lambda frame: (
                    frame["type"] == "event"
                    and frame["event"]["type"] == "card:removed"
                    and frame["event"]["card"] == "card-e"
                )
            )

    def test_a_lost_detector_is_said_on_its_cards(self, hub: RunningHub):
        with board(hub) as watching:
            with detector(hub, "det-f") as one:
                one.send(inserted("in-f", "card-f"))
                watching.until(lambda frame: frame["type"] == "card" and frame["card"]["card"] == "card-f")
            gone = watching.until(
                lambda frame: (
                    frame["type"] == "card" and frame["card"]["card"] == "card-f" and not frame["card"]["connected"]
                )
            )
            assert "not connected" in gone["card"]["message"]

    def test_the_newer_connection_of_a_detector_counts(self, hub: RunningHub):
        with detector(hub, "det-g") as old, detector(hub, "det-g") as new:
            with pytest.raises(ConnectionClosed) as closed:
                old.socket.recv(timeout=20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4000
            new.send(inserted("in-g", "card-g"), "m1")
            assert new.next(Ack).of == "m1"

    def test_who_says_no_hello_is_sent_away(self, hub: RunningHub):
        with raw_detector(hub) as one:
            one.send(Removed(insertion_id="x"))
            assert one.next(Refused).code is ErrorCode.BAD_MESSAGE
            with pytest.raises(ConnectionClosed):
                one.socket.recv(timeout=20)

    def test_no_page_may_play_detector(self, hub: RunningHub):
        with pytest.raises(InvalidStatus), raw_detector(hub, origin=hub.url):
            pass

    def test_the_token_is_required_where_one_is_set(self, tmp_path: Path):
        with running_hub(tmp_path / "data", token="right") as guarded:
            for token in (None, "wrong"):
                with raw_detector(guarded) as one:
                    one.send(Hello(detector_id="det", token=token))
                    assert one.next(Refused).code is ErrorCode.BAD_TOKEN
            with raw_detector(guarded) as one:
                one.send(Hello(detector_id="det", token="right"))
                assert one.next(Welcome).version == 1
                one.send(Hello(detector_id="det", token="right"), "again")
                assert one.next(Refused).of == "again"
            assert "right" not in guarded.log.read_text()


class TestBoard:
    def test_changes_of_other_processes_come_within_a_second(self, hub: RunningHub, known: Catalog):
        key, _ = finished_jump(hub, known, "H")
        with board(hub) as watching:
            snapshot = watching.until(lambda frame: True)
            assert key in [jump["jump"] for jump in snapshot["jumps"]]
            assert snapshot["links"]["dagster"] == f"http://127.0.0.1:{hub.settings.dagster_port}"
            begun = time.monotonic()
            with known.write() as session:
                report = StepReport(key, "title", "Title", StepStatus.RUNNING, 0.25, run_id="run-H")
                events.report_step(session, report)
            frame = watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["jump"] == key)
            assert time.monotonic() - begun < 3
            assert frame["jump"]["steps"][0]["progress"] == 0.25
            with known.write() as session:
                events.append(session, "pipeline:qr_decoded", jump_key=key, passenger="Anna Müller", file="H.MP4")
            event = watching.event("pipeline:qr_decoded")
            assert (event["jump"], event["data"]["passenger"]) == (key, "Anna Müller")

    def test_every_event_once_and_in_order_over_many(self, hub: RunningHub, known: Catalog):
        with board(hub) as watching:
            watching.until(lambda frame: True)
            for number in range(30):
                with known.write() as session:
                    events.append(session, "pipeline:step_completed", number=number)
            watching.until(lambda frame: frame["type"] == "event" and frame["event"]["data"].get("number") == 29)
            numbers = [
                frame["event"]["data"]["number"]
                for frame in watching.frames
                if frame["type"] == "event" and "number" in frame["event"]["data"]
            ]
        assert numbers == list(range(30))

    def test_other_sites_pages_get_nothing(self, hub: RunningHub):
        with pytest.raises(InvalidStatus), board(hub, origin="http://evil.example"):
            pass
        with board(hub, origin=hub.url) as watching:
            assert watching.until(lambda frame: True)["type"] == "snapshot"

    def test_a_site_whose_name_leads_here_gets_nothing(self, hub: RunningHub):
        upgrade = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        there = {"host": f"evil.example:{hub.settings.hub_port}"}
        same_site = {**there, "origin": f"http://{there['host']}"}
        assert httpx.get(f"{hub.url}/ws/board", headers={**upgrade, **same_site}).status_code == 403
        for path in ("/", "/api/jumps", "/api/bookings"):
            refused = httpx.get(f"{hub.url}{path}", headers=there)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN"), path
        assert httpx.get(f"{hub.url}/", headers={"host": "localhost"}).status_code == 200


class TestApi:
    def test_pages(self, hub: RunningHub):
        page = httpx.get(hub.url)
        assert page.status_code == 200
        assert "<title>Stinercut</title>" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"ws://127.0.0.1:{hub.settings.hub_port}" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        kinds = {"js": "javascript", "css": "css", "svg": "svg"}
        needed = re.findall(r'(?:src|href)="/([\w.]+\.(\w+))"', page.text)
        assert {name for name, _ in needed} >= {"board.js", "choice.js", "board.css", "icon.svg"}
        for name, kind in needed:
            answer = httpx.get(f"{hub.url}/{name}")
            assert (answer.status_code, kinds[kind] in answer.headers["content-type"]) == (200, True)

    def test_scripts_of_the_board_find_what_they_look_for(self, hub: RunningHub):
        """Both share one page: an id that isn't there, or a name that both have, would stop all of it."""
        page = httpx.get(hub.url).text
        scripts = [httpx.get(f"{hub.url}/{name}.js").text for name in ("choice", "board")]
        named = [
            set(re.findall(r"^(?:async )?(?:function|const|let) (\w+)", script, re.MULTILINE)) for script in scripts
        ]
        assert not named[0] & named[1]
        for script in scripts:
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)
            assert set(re.findall(r'\bat\("([\w-]+)"\)', script)) <= set(re.findall(r'id="([\w-]+)"', page))

    def test_a_template_is_chosen_for_a_jump_and_the_board_hears_of_it(self, hub: RunningHub, known: Catalog):
        """The new film is made anew, the old one stays; what can't be used is refused in words."""
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
        assert set(error) == {"code", "what", "advice"}

    def test_a_pipeline_while_dagster_is_silent(self, hub: RunningHub, known: Catalog):
        key, _ = finished_jump(hub, known, "J")
        jump = httpx.get(f"{hub.url}/api/pipeline/{key}").json()
        assert (jump["id"], jump["kind"], jump["status"], jump["progress"]) == (key, "jump", "done", 1.0)
        assert jump["runs"] == []
        assert "Dagster does not answer" in jump["runs_problem"]
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
        foreign = httpx.post(path, json={"file_id": clip}, headers={"origin": "http://evil.example"})
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "FORBIDDEN")
        assert "content-security-policy" in foreign.headers
        with board(hub) as watching:
            watching.until(lambda frame: True)
            answer = httpx.post(path, json={"file_id": clip}, headers={"origin": hub.url})
            assert answer.status_code == 202
            frame = watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["jump"] == key)
        assert [file["role"] for file in frame["jump"]["files"]] == ["qr", "left_out", "clip"]
        assert httpx.post(path, json={"file_id": clip}).status_code == 400
        assert httpx.post(path, json={"file_id": 10**9}).status_code == 404


class TestFilms:
    def test_whole_in_part_and_as_a_download(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "L")
        view = httpx.get(f"{hub.url}/api/jumps/{key}").json()["film"]
        whole = httpx.get(hub.url + view["url"])
        assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
        assert whole.content == path.read_bytes()
        part = httpx.get(hub.url + view["url"], headers={"range": "bytes=1000-"})
        assert (part.status_code, part.content) == (206, path.read_bytes()[1000:])
        assert part.headers["content-range"] == "bytes 1000-1023/1024"
        assert httpx.get(hub.url + view["url"], headers={"range": "bytes=5000-"}).status_code == 416
        assert httpx.head(hub.url + view["url"]).headers["content-length"] == "1024"
        download = httpx.get(hub.url + view["download"])
        name = quote("Anna Müller 2026-06-01.mp4")
        assert download.headers["content-disposition"] == f"attachment; filename*=utf-8''{name}"
        assert httpx.get(hub.url + view["poster"]).content == b"\xff\xd8poster"

    @pytest.mark.parametrize(
        "path",
        [
            "{key}/other.mp4",
            "{key}/..%2f..%2fcatalog.db",
            "..%2f..%2fcatalog.db/x.mp4",
            "{key}/..%2f..%2fsecret.mp4",
            "nobody/nobody.mp4",
            "nobody/poster.jpg",
            "{key}/%00.mp4",
            "{key}/.outputs.json",
            "{key}/..%2f..%2fsecret.zip",
            "{key}/{key}-photos.zip",
            "{key}/{key}-photos/01.jpg",
            "{key}/../../secret.jpg",
            "{key}/..%2f../secret.jpg",
        ],
    )
    def test_nothing_but_films(self, hub: RunningHub, known: Catalog, path: str):
        for ending in ("mp4", "jpg", "zip"):
            (hub.settings.data / f"secret.{ending}").write_bytes(b"nobody's business")
        key = "2026-06-01_M"
        if httpx.get(f"{hub.url}/api/jumps/{key}").status_code == 404:
            finished_jump(hub, known, "M")
        # http.client and httpx tidy paths up; a raw request does not.
        with socket.create_connection(("127.0.0.1", hub.settings.hub_port)) as raw:
            raw.sendall(f"GET /films/{path.format(key=key)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 404")
        assert b"nobody's business" not in answer

    def test_a_row_that_points_elsewhere_serves_nothing(self, hub: RunningHub, known: Catalog):
        (hub.settings.data / "outside.mp4").write_bytes(b"outside")
        key, _ = finished_jump(hub, known, "N")
        with known.write() as session:
            session.add(film(key, "v2", file_name="../outside.mp4"))
        assert httpx.get(f"{hub.url}/films/{key}/outside.mp4").status_code == 404

    def test_a_film_that_is_gone(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "O")
        path.unlink()
        answer = httpx.get(f"{hub.url}/films/{key}/{path.name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")

    def test_other_outputs_of_the_template(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "OO")
        files = with_outputs(path, ["{}-phone.mp4", "{}-best photos/02.jpg", "{}-best photos/01.jpg"])
        film = httpx.get(f"{hub.url}/api/jumps/{key}").json()["film"]
        [phone], [photos] = film["outputs"], film["photos"]
        content = files[f"{key}-phone.mp4"]
        assert (phone["name"], phone["size"]) == ("phone", len(content))
        part = httpx.get(hub.url + phone["url"], headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, content[10:20])
        download = httpx.get(hub.url + phone["download"])
        name = quote("Anna Müller 2026-06-01 phone.mp4")
        assert download.headers["content-disposition"] == f"attachment; filename*=utf-8''{name}"
        first, second = (files[f"{key}-best photos/{number}.jpg"] for number in ("01", "02"))
        assert (photos["name"], photos["size"]) == ("best photos", len(first) + len(second))
        opened = [httpx.get(hub.url + url) for url in photos["urls"]]
        assert [one.content for one in opened] == [first, second]
        assert opened[0].headers["content-type"] == "image/jpeg"
        packed = httpx.get(hub.url + photos["download"])
        assert quote("Anna Müller 2026-06-01 best photos.zip") in packed.headers["content-disposition"]
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == {"01.jpg": first, "02.jpg": second}

    def test_only_what_the_note_names_and_what_is_there(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "OP")
        with_outputs(path, ["{}-phone.mp4", "{}-photos/01.jpg", "{}-photos/02.jpg"])
        folder, outside = path.parent, hub.settings.data / "outside.jpg"
        outside.write_bytes(b"outside")
        (folder / f"{key}-mine.mp4").write_bytes(b"somebody's")
        (folder / f"{key}-photos" / "03.jpg").write_bytes(b"somebody's")
        (folder / f"{key}-phone.mp4").unlink()
        (folder / f"{key}-photos" / "02.jpg").unlink()
        (folder / f"{key}-photos" / "02.jpg").symlink_to(outside)
        film = httpx.get(f"{hub.url}/api/jumps/{key}").json()["film"]
        assert (film["outputs"], [len(one["urls"]) for one in film["photos"]]) == ([], [1])
        for name in ("mine.mp4", "phone.mp4", "photos/02.jpg", "photos/03.jpg", "phone.zip"):
            answer = httpx.get(f"{hub.url}/films/{key}/{key}-{name}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND"), name
        with known.write() as session:
            session.get_one(Jump, key).passenger_name = "Somebody Else"
        assert httpx.get(f"{hub.url}/films/{key}/{key}-photos/01.jpg").status_code == 404
        assert httpx.get(f"{hub.url}/films/{key}/{key}-photos.zip").status_code == 404


class TestProcess:
    def test_sigterm_ends_it_soon_with_open_sockets_and_downloads(self, tmp_path: Path):
        with running_hub(tmp_path / "data") as hub, board(hub) as watching, detector(hub):
            watching.until(lambda frame: True)
            with socket.create_connection(("127.0.0.1", hub.settings.hub_port)) as half:
                half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
                assert hub.end() < 20, "left to itself, a server waits until everybody has gone"
            assert hub.process.returncode in (0, -signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                watching.until(lambda frame: False)

    def test_a_detector_comes_back_to_a_hub_that_was_killed(self, tmp_path: Path):
        file = entry("P1.MP4", 1000)
        with running_hub(tmp_path / "data") as first, detector(first) as one:
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
        with running_hub(tmp_path / "data") as hub, board(hub) as watching, detector(hub):
            watching.until(lambda frame: True)
            process = psutil.Process(hub.process.pid)
            before, begun = process.cpu_times(), time.monotonic()
            with pytest.raises(TimeoutError):
                watching.socket.recv(timeout=4)
            after, seconds = process.cpu_times(), time.monotonic() - begun
        share = (after.user + after.system - before.user - before.system) / seconds
        assert share < 0.03
