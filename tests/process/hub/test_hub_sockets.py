"""The hub's sockets: detectors on one side, boards on the other. Real WebSockets, a real catalog."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from support.cataloguing import LARGE, entry, inserted, list_of, passenger, record, states
from support.hub_data import finished_jump, into_store
from support.hubs import PATIENCE_S, RunningHub, board, detector, raw_detector, running_hub
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hub.kit.catalog_watch import LOOK_EVERY_S
from hub.pages import VERSION
from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import StepStatus
from stinercut.protocol import (
    SPOKEN,
    Ack,
    CopyRequest,
    ErrorCode,
    FileList,
    Hello,
    Progress,
    Refused,
    Removed,
    Welcome,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES


def test_a_board_gets_a_card_in_the_language_of_its_browser(hub: RunningHub):
    with board(hub, additional_headers={"accept-language": "de-AT,de;q=0.9"}) as watching, detector(hub) as one:
        assert watching.until(lambda frame: True)["type"] == "snapshot"
        one.send(inserted("in-a", "card-a"), "m1")
        frame = watching.until(lambda frame: frame["type"] == "card" and frame["card"]["state"] == "scanning")
        assert frame["card"]["message"] == "Der Inhalt wird angesehen. Die Karte stecken lassen."


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
            # Another process finds the jump: the hub notices by itself and asks for the rest.
            record(known, "in-a", passenger(booking="A"), [code], [clip])
            assert one.next(CopyRequest) == CopyRequest(insertion_id="in-a", file_ids=[clip.file_id])
            frame = watching.until(lambda frame: frame["type"] == "jump")
            assert frame["jump"]["passenger"] == "Anna Müller"
            one.send(Removed(insertion_id="in-a"), "m4")
            assert one.next(Ack).of == "m4"
            frame = watching.until(lambda frame: frame["type"] == "card" and frame["card"]["state"] == "incomplete")
            assert "Put it in again" in frame["card"]["message"]

    def test_how_far_a_card_is_only_its_own_detector_says(self, hub: RunningHub):
        file = entry("P1.MP4", 1000)
        with board(hub) as watching, detector(hub, "det-p") as one, detector(hub, "det-q") as other:
            for body in (inserted("in-p", "card-p"), list_of("in-p", [file])):
                one.send(body)
                one.next(Ack)
            one.next(CopyRequest)
            for insertion in ("in-p", "in-of-nobody"):
                other.send(Progress(insertion_id=insertion, file_id=file.file_id, bytes_done=999))
            other.send(Removed(insertion_id="in-p"), "after")
            assert other.next(Refused).of == "after"
            one.send(Progress(insertion_id="in-p", file_id=file.file_id, bytes_done=400))
            frame = watching.until(lambda frame: frame["type"] == "card" and bool(frame["card"]["copying"]))
            assert frame["card"]["copying"] == [{"name": "P1.MP4", "size": 1000, "done": 400}]

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
                envelope = json.loads(one.socket.recv(timeout=PATIENCE_S))
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
                old.socket.recv(timeout=PATIENCE_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4000
            new.send(inserted("in-g", "card-g"), "m1")
            assert new.next(Ack).of == "m1"

    def test_who_says_no_hello_is_sent_away(self, hub: RunningHub):
        with raw_detector(hub) as one:
            one.send(Removed(insertion_id="x"))
            assert one.next(Refused).code is ErrorCode.BAD_MESSAGE
            with pytest.raises(ConnectionClosed):
                one.socket.recv(timeout=PATIENCE_S)

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
                assert one.next(Welcome).version == SPOKEN.highest
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
            assert snapshot["version"] == VERSION
            assert LOOK_EVERY_S < 1
            with known.write() as session:
                report = StepReport(key, "title", "Title", StepStatus.RUNNING, 0.25, run_id="run-H")
                events.report_step(session, report)
            frame = watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["jump"] == key)
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
