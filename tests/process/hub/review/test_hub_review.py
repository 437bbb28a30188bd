"""Review over a real hub: what waits, decisions and their refusals, bookings, pictures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import heard
from support.cataloguing import ask, entry, passenger, put_in, record, row_ids
from support.footage import make_clip
from support.hubs import RunningHub, board

from stinercut.cards import unassigned_files
from stinercut.cards.unassigned_files import loose_files
from stinercut.catalog import Catalog
from stinercut.protocol import FileCopied
from stinercut.storage.store import Store, hash_file, sync_file

WHO = "Kim Åse"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=2.0).read_bytes()


def group(hub: RunningHub, known: Catalog, card: str, contents: list[bytes]) -> tuple[str, list[int]]:
    """Files of these contents on a card of their own that nobody is known for. Returns the jump's key and row ids."""
    store, insertion = Store(hub.settings.store_dir), f"in-{card}"
    files = [entry(f"{card}{n}.MP4", len(content), minute=n) for n, content in enumerate(contents)]
    put_in(known, insertion, files, card)
    ask(known, insertion)
    for file, content in zip(files, contents, strict=True):
        partial = store.partial_path()
        partial.write_bytes(content)
        sync_file(partial)
        named = hash_file(partial)
        store.add_object(partial, named)
        with known.write() as session:
            heard.record_copied(
                session,
                FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=named, size=file.size),
            )
    [key] = record(known, insertion, None, [], files, "no code")
    return key, row_ids(known, insertion, files)


def decide(hub: RunningHub, jump: str, kind: str, **said: Any) -> httpx.Response:
    return httpx.post(f"{hub.url}/api/review/jumps/{quote(jump)}/{kind}", json={"who": WHO, **said})


def assign(hub: RunningHub, jump: str, name: str, booking: str, **more: Any) -> httpx.Response:
    return decide(hub, jump, "assign", passenger_name=name, booking_id=booking, jump_date="2026-06-01", **more)


def test_a_group_waits_until_a_person_says_whose_it_is(hub: RunningHub, known: Catalog):
    key, files = group(hub, known, "a", [b"one", b"two"])
    waiting = {one["jump"]: one for one in httpx.get(f"{hub.url}/api/review").json()["groups"]}
    assert [file["file_id"] for file in waiting[key]["files"]] == files
    assert (waiting[key]["passenger"], waiting[key]["reason"]) == (None, "no code")
    with board(hub) as watching:
        answer = assign(hub, key, "Đorđe Šćepanović", "A-1")
        assert (answer.status_code, answer.json()) == (200, {"jump": "2026-06-01_A-1"})
        frame = watching.until(lambda frame: frame["type"] == "jump" and frame["jump"]["jump"] == "2026-06-01_A-1")
        assert (frame["jump"]["passenger"], frame["jump"]["state"]) == ("Đorđe Šćepanović", "ready")
    assert key not in {one["jump"] for one in httpx.get(f"{hub.url}/api/review").json()["groups"]}
    [decision] = httpx.get(f"{hub.url}/api/review/jumps/2026-06-01_A-1").json()["decisions"]
    assert (decision["who"], decision["what"], decision["before"]["jump"]) == (WHO, "assigned", key)


def test_another_name_is_refused_with_both_until_it_is_confirmed(hub: RunningHub, known: Catalog):
    key, _ = group(hub, known, "b", [b"three"])
    assert assign(hub, key, "Ana", "B-1").status_code == 200
    refused = assign(hub, "2026-06-01_B-1", "Anna", "B-1")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "NAME_CONFLICT")
    assert "is Ana; you say Anna" in error["what"]
    assert assign(hub, "2026-06-01_B-1", "Anna", "B-1", confirmed_name="Ana").status_code == 409
    assert assign(hub, "2026-06-01_B-1", "Anna", "B-1", confirmed_name="Anna").status_code == 200
    assert httpx.get(f"{hub.url}/api/jumps/2026-06-01_B-1").json()["passenger"] == "Anna"


def test_files_are_split_moved_joined_left_out_and_put_back(hub: RunningHub, known: Catalog):
    key, files = group(hub, known, "c", [b"four", b"five", b"six"])
    part = decide(hub, key, "split", file_ids=files[1:]).json()["jump"]
    assert decide(hub, part, "move", file_ids=files[1:2], to=key).json() == {"jump": key}
    assert decide(hub, part, "join", into=key).status_code == 200
    assert decide(hub, key, "leave-out", file_id=files[0]).status_code == 200
    assert decide(hub, key, "put-back", file_id=files[0]).status_code == 200
    after = httpx.get(f"{hub.url}/api/review/jumps/{key}").json()
    assert [(file["file_id"], file["role"]) for file in after["files"]] == [(file, "clip") for file in files]
    kinds = [decision["what"] for decision in after["decisions"]]
    assert kinds == ["put_back", "left_out", "joined", "moved", "split"]
    assert httpx.get(f"{hub.url}/api/jumps/{part}").json()["state"] == "gone"


@pytest.mark.parametrize(
    ("kind", "said", "status"),
    [
        ("assign", {"passenger_name": "", "booking_id": "D-1", "jump_date": "2026-06-01"}, 400),
        ("assign", {"passenger_name": "A", "booking_id": "D 1", "jump_date": "2026-06-01"}, 400),
        ("assign", {"passenger_name": "A", "booking_id": "D-1", "jump_date": "tomorrow"}, 422),
        ("assign", {"passenger_name": "A", "booking_id": "D-1", "jump_date": "2026-06-01", "who": " "}, 400),
        ("split", {"file_ids": []}, 400),
        ("split", {"file_ids": [10**9]}, 404),
        ("join", {"into": "nobody"}, 404),
        ("leave-out", {"file_id": 10**9}, 404),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    hub: RunningHub, known: Catalog, kind: str, said: dict[str, Any], status: int
):
    key, files = group(hub, known, f"d{kind}{status}{len(str(said))}", [f"{kind}{said}".encode()])
    refused = decide(hub, key, kind, **said)
    assert refused.status_code == status, refused.text
    assert set(refused.json()["error"]) == {"code", "what", "advice", "what_parts", "advice_parts"}
    after = httpx.get(f"{hub.url}/api/review/jumps/{key}").json()
    assert (after["state"], [file["file_id"] for file in after["files"]], after["decisions"]) == ("review", files, [])


def test_codes_are_read_again_when_a_person_asks(hub: RunningHub, known: Catalog):
    key, files = group(hub, known, "again", [b"a code that was refused"])
    assert decide(hub, key, "read-again", who=" ").status_code == 400
    assert decide(hub, key, "read-again").json() == {"jump": key}
    [decision] = httpx.get(f"{hub.url}/api/review/jumps/{key}").json()["decisions"]
    assert (decision["who"], decision["what"]) == (WHO, "read_again")
    assert httpx.get(f"{hub.url}/api/jumps/{key}").json()["state"] == "gone"
    with known.read() as session:
        assert "again" in {card for card, _, _ in unassigned_files.insertions_to_identify(session)}
        assert loose_files(session, "in-again") == files
    refused = decide(hub, key, "read-again")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BAD_INPUT")
    assert decide(hub, "nobody", "read-again").status_code == 404


def test_a_list_of_bookings_is_imported_and_searched(hub: RunningHub):
    text = "passenger_name;booking_id;jump_date\nĐorđe Šćepanović;E-1;2026-07-01\nJo Li;E-2;2026-07-01\n"
    answer = httpx.post(f"{hub.url}/api/bookings", content=text.encode())
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("new", "changed", "same", "refused")} == {
        "new": 2,
        "changed": 0,
        "same": 0,
        "refused": 0,
    }
    found = httpx.get(f"{hub.url}/api/bookings", params={"q": "ćepan", "day": "2026-07-01"}).json()["bookings"]
    assert [one["booking_id"] for one in found] == ["E-1"]
    for bad, what in (
        (b"name\nx\n", "the heading lacks"),
        ("Đ".encode("utf-16"), "the heading lacks"),
        (b"passenger_name;booking_id;jump_date\n\x81;E-1;2026-07-01\n", "line 2: the text is not Windows-1252"),
        (b"x" * 5_000_001, "larger"),
    ):
        refused = httpx.post(f"{hub.url}/api/bookings", content=bad)
        assert refused.status_code == 400
        assert what in refused.json()["error"]["what"]


def test_a_list_is_looked_at_before_it_is_imported(hub: RunningHub):
    text = "passenger_name;booking_id;jump_date\nMia Ó;P-1;2026-07-02\nJo 😀;P-2;2026-07-02\nM?x;P-3;2026-07-02\n"
    address, day = f"{hub.url}/api/bookings", {"day": "2026-07-02"}
    seen = httpx.post(address, params={"preview": True}, content=text.encode()).json()
    assert (seen["new"], seen["refused"]) == (2, 1)
    said = "the passenger's name holds 😀 (U+1F600 GRINNING FACE), which can't be shown on a title"
    assert [(row["line"], row["what"]) for row in seen["refusals"]] == [(3, said)]
    assert [part["code"] for part in seen["refusals"][0]["what_parts"]] == ["field_at_fault"]
    assert [row["line"] for row in seen["warnings"]] == [4]
    assert httpx.get(address, params=day).json()["bookings"] == []
    assert httpx.post(address, content=text.encode()).json()["new"] == 2
    changed = text.partition("Jo")[0].replace("Mia", "Mía").encode("windows-1252")
    seen = httpx.post(address, params={"preview": True, "encoding": "windows-1252"}, content=changed).json()
    (row,) = seen["changes"]
    assert (row["before"], row["passenger_name"], row["fields"]) == ("Mia Ó", "Mía Ó", ["passenger_name"])
    assert [one["passenger_name"] for one in httpx.get(address, params=day).json()["bookings"]] == ["M?x", "Mia Ó"]
    assert httpx.post(address, params={"encoding": "klingon"}, content=changed).status_code == 422


ROWS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=6).map(";".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=4), st.booleans())
def test_any_rows_are_answered(hub: RunningHub, rows: list[str], preview: bool):
    text = "\n".join(["passenger_name;booking_id;jump_date;email", *rows, "Zoë;R-1;2026-07-03"])
    answer = httpx.post(f"{hub.url}/api/bookings", params={"preview": preview}, content=text.encode())
    assert answer.status_code in (200, 400)


def test_pictures_and_the_clip_itself(hub: RunningHub, known: Catalog, clip: bytes):
    _, (good, broken) = group(hub, known, "f", [clip, b"no video"])
    address = f"{hub.url}/api/files/{good}"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: httpx.get(f"{address}/frame.jpg", params={"at": n % 3 / 2}), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.content.startswith(b"\xff\xd8") for answer in answers)
    assert len({answer.content for answer in answers}) == 3
    assert len(list(Path(hub.settings.store_dir).glob("derived/*/*.jpg"))) == 3, "made once, kept"
    part = httpx.get(f"{address}/clip.mp4", headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, clip[:10])
    assert httpx.get(f"{hub.url}/api/files/{broken}/frame.jpg").status_code == 404
    for path in (f"{good}/frame.jpg?at=2", f"{good}/frame.jpg?at=nan", f"{good}/frame.jpg?size=huge"):
        assert httpx.get(f"{hub.url}/api/files/{path}").status_code == 422
    assert httpx.get(f"{hub.url}/api/files/99999/clip.mp4").status_code == 404


def test_the_page_is_there_and_other_sites_decide_nothing(hub: RunningHub, known: Catalog):
    page = httpx.get(f"{hub.url}/needs-you")
    assert (page.status_code, "Needs you" in page.text) == (200, True)
    for name in ("needs-you.js", "needs-you.css"):
        assert httpx.get(f"{hub.url}/{name}").status_code == 200
    key, _ = group(hub, known, "g", [b"seven"])
    refused = httpx.post(
        f"{hub.url}/api/review/jumps/{key}/assign",
        json={"who": WHO, **passenger().model_dump(mode="json", include={"passenger_name", "booking_id", "jump_date"})},
        headers={"origin": "http://elsewhere.example"},
    )
    assert refused.status_code == 403
