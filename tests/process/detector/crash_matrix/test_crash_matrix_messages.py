"""Crash matrix, part 4: what a network does to messages. Real detector and hub, a relay between them.

row                    test
half-open TCP          test_a_connection_that_is_half_open
duplicated messages    test_every_message_comes_twice
reordered messages     test_messages_come_in_another_order
oversized messages     test_a_message_that_is_too_large, and test_hostile_messages.py
the hub comes and goes test_the_connection_breaks_at_every_message
`../` from the hub     test_the_hub_asks_for_paths, and test_hostile_messages.py
host clock jump        in test_crash_matrix_names.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.desk import PATIENCE_S, Desk, Gate, wait_for
from support.relay import Frames, Relay

from stinercut.protocol.messages import MAX_FRAME_BYTES

FILES = {f"GX01000{number}.MP4": 3000 + number for number in range(1, 8)}


@pytest.fixture
def desk(tmp_path: Path, _migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("detector.card.scan.FILES_PER_CHUNK", 2)
    monkeypatch.setattr("detector.copy.copying.CHUNK", 1000)
    return Desk.at(tmp_path, _migrated_file)


def test_a_connection_that_is_half_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither side hears that the other is gone. The heartbeat finds out, and everything comes again."""
    monkeypatch.setattr("detector.link.HEARTBEAT_S", 0.3)
    card, relay, gate = desk.card("GOPRO", FILES), Relay(desk.settings.hub_port), Gate(at=1000)
    with desk.hub(ping_s=0.3), relay.running() as address, desk.detector(gate, hub_url=address):
        desk.insert(card)
        assert gate.reached.wait(PATIENCE_S)
        relay.fall_silent()
        gate.open.set()
        wait_for("the copies", lambda: len(list((desk.settings.store_dir / "objects").glob("*/*"))) == len(FILES))
        desk.until("GOPRO")
        desk.hold_everything(card)
        assert relay.connections > 1
    assert len(desk.insertions("GOPRO")) == 1


def test_every_message_comes_twice(desk: Desk) -> None:
    def twice(frames: list[str]) -> list[str]:
        return [frame for frame in frames for _ in (1, 2) if '"hello"' not in frame or _ == 1]

    card, relay = desk.card("GOPRO", FILES), Frames(desk.settings.hub_port, to_hub=twice, to_detector=twice)
    with desk.hub(), relay.running() as address, desk.detector(hub_url=address):
        desk.insert(card)
        desk.until("GOPRO")
        desk.hold_everything(card)
        desk.insert(card)
        desk.until("GOPRO", insertions=2, **dict.fromkeys(FILES, "known"))
        desk.hold_everything(card)
    assert sum('"sd:file_copied"' in frame for frame in relay.carried) >= 2 * len(FILES)


def test_messages_come_in_another_order(desk: Desk) -> None:
    """Pieces of the list, copies, failures, the removal: all that follows the word that a card is in."""
    card = desk.card("GOPRO", FILES)
    relay = Frames(desk.settings.hub_port, lambda frames: frames[::-1], lambda frames: frames[::-1], hold=True)
    with desk.hub(), relay.running() as address, desk.detector(hub_url=address):
        desk.insert(card)
        desk.until("GOPRO")
        desk.eject(card)
        desk.insert(card)
        desk.until("GOPRO", insertions=2, **dict.fromkeys(FILES, "known"))
        desk.hold_everything(card)
    pieces = [json.loads(frame)["body"]["index"] for frame in relay.carried if '"sd:file_list"' in frame]
    assert pieces[:4] == [3, 2, 1, 0]


def test_a_message_that_is_too_large(desk: Desk) -> None:
    added: list[str] = []

    def one_more(frames: list[str]) -> list[str]:
        if not any('"sd:file_list"' in frame for frame in frames) or added:
            return frames
        added.append("x" * (MAX_FRAME_BYTES + 1))
        return [*added, *frames]

    card, relay = desk.card("GOPRO", FILES), Frames(desk.settings.hub_port, to_hub=one_more)
    with desk.hub(), relay.running() as address, desk.detector(hub_url=address):
        desk.insert(card)
        desk.until("GOPRO")
        desk.hold_everything(card)
        desk.eject(card)
    assert added
    assert any('"BAD_MESSAGE"' in frame for frame in relay.carried)


def test_the_connection_breaks_at_every_message(desk: Desk) -> None:
    """After each message that is carried for the first time the connection ends before it can be answered."""
    seen: set[str] = set()

    def break_off(frames: list[str]) -> list[str]:
        for frame in frames:
            message = json.loads(frame)
            if message["body"]["type"] not in ("hello", "sd:progress", "ack") and message["id"] not in seen:
                seen.add(message["id"])
                raise OSError("the network is gone")
        return frames

    card, relay = desk.card("GOPRO", dict(list(FILES.items())[:3])), Frames(desk.settings.hub_port, to_hub=break_off)
    with desk.hub(), relay.running() as address, desk.detector(hub_url=address):
        desk.insert(card)
        desk.until("GOPRO")
        desk.hold_everything(card)
    assert len(seen) >= 1 + 2 + 3


def test_the_hub_asks_for_paths(desk: Desk, tmp_path: Path) -> None:
    """A hub that has gone mad names files by paths: refused, and what it asks for by ids is copied all the same."""
    secret = tmp_path / "secret.MP4"
    secret.write_bytes(b"not on the card")

    def paths(frames: list[str]) -> list[str]:
        asked = next((json.loads(frame) for frame in frames if '"sd:copy_request"' in frame), None)
        if asked is None:
            return frames
        out: list[str] = []
        for number, path in enumerate(("../../secret.MP4", str(secret), "..", "CON", "DCIM/100GOPRO/GX010001.MP4")):
            body = {**asked["body"], "file_ids": [path]}
            out.append(json.dumps({"id": f"mad-{number}", "body": body}))
        return [*out, *frames]

    card, relay = desk.card("GOPRO", FILES), Frames(desk.settings.hub_port, to_detector=paths)
    with desk.hub(), relay.running() as address, desk.detector(hub_url=address):
        desk.insert(card)
        desk.until("GOPRO")
        desk.hold_everything(card)
    answers = [json.loads(frame)["body"] for frame in relay.carried if '"mad-' in frame or '"CON"' in frame]
    codes = [answer["code"] for answer in answers if answer["type"] in ("error", "sd:copy_error")]
    assert codes.count("BAD_MESSAGE") >= 4
    assert "UNKNOWN_ID" in codes
