"""Any JSON as a body or a message, on both databases: never a 500, never a dead connection, and the next one works.

The examples are the same in each run, so that a failure here is about the change that was made. Look for new ones with
`settings(max_examples=5000, derandomize=False)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.testclient import TestClient, WebSocketTestSession
from support.any_json import any_json, any_text, nearly
from support.bounded import openapi_of
from support.cataloguing import ready_jump
from support.ports import own_port

from hub.app import create_app
from stinercut.catalog import Catalog
from stinercut.protocol import Ack, Envelope, Hello, Inserted, Message, Refused, Welcome, decode, encode
from stinercut.protocol.messages import CardLabel
from stinercut.settings import Settings

SAME = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JUMP, INSERTION = "2026-06-01_B-1", "in-1"
KNOWN = (
    *(JUMP, INSERTION, "card-1", "f-GX010001_MP4", "f-GX010002_MP4", "det", "Anna Müller", "B-1", "2026-06-01"),
    *("classic", "2026-06-01T09:00:00", "2026-06-01T09:00:00+02:00", "0" * 32, "Kim", "video", "small"),
)


@contextmanager
def hub(tmp_path: Path, url: str) -> Iterator[TestClient]:
    """The whole application over a catalog with a jump; nobody answers where its Dagster should be."""
    catalog = Catalog.open(url)
    ready_jump(catalog, INSERTION)
    catalog.close()
    chosen = Settings(data=tmp_path, database_url=url, dagster_port=own_port(), watch_mounts=False)
    with TestClient(create_app(chosen), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


# ------------------------------------------------------------------------------------------------ requests

WHOLE = openapi_of(create_app(Settings()))
ROUTES = [
    (method.upper(), path, operation)
    for path, methods in WHOLE["paths"].items()
    for method, operation in methods.items()
    if method != "head"
]
WRITES = [route for route in ROUTES if route[0] != "GET"]


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """A request to one of the routes, with anything in its path, query and body. Writes are the more frequent."""
    method, path, operation = draw(st.sampled_from(WRITES) | st.sampled_from(ROUTES))
    query: dict[str, bytes] = {}
    for parameter in operation.get("parameters", ()):
        said = draw(st.sampled_from(["1", *KNOWN]) | any_text(KNOWN)).encode("utf-8", "surrogatepass")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(said, safe=""))
        elif draw(st.booleans()) or parameter.get("required"):
            query[parameter["name"]] = said
    [content] = operation.get("requestBody", {}).get("content", {"": {"schema": {}}}).values()
    body = draw(nearly(content["schema"], WHOLE, KNOWN) if content["schema"] else any_json(KNOWN))
    sent = draw(
        st.sampled_from([json.dumps(body).encode(), b"{", b"", b'"\xff"', b"[" * 2000]) | st.binary(max_size=20)
    )
    return method, f"{path}?{urlencode(query)}", sent if draw(st.integers(0, 7)) == 0 else json.dumps(body).encode()


def is_dagsters_silence(answer: Any) -> bool:
    """503 is right where Dagster is needed, and nobody answers there."""
    return answer.status_code == 503 and "Dagster" in answer.json()["error"]["what"]


@pytest.mark.timeout(240)
def test_no_request_makes_the_hub_fail(tmp_path: Path, catalog_url: str) -> None:
    with hub(tmp_path, catalog_url) as client:

        @SAME
        @given(requests())
        def ask(request: tuple[str, str, bytes]) -> None:
            method, where, body = request
            answer = client.request(method, where, content=body, headers={"content-type": "application/json"})
            assert answer.status_code < 500 or is_dagsters_silence(answer), answer.text
            if answer.status_code >= 400:
                assert set(answer.json()["error"]) == {"code", "what", "advice", "what_parts", "advice_parts"}

        ask()
        assert client.get(f"/api/jumps/{JUMP}").json()["jump"] == JUMP


REVIEW = f"/api/review/jumps/{JUMP}"
ASSIGN = {"who": "Kim", "passenger_name": "Anna Müller", "booking_id": "B-1", "jump_date": "2026-06-01"}


UNFIT: list[tuple[str, str, object]] = [
    *(("POST", f"{REVIEW}/read-again", {"who": who}) for who in ("\ud800", "a\0b", "x" * 81)),
    *(("POST", f"{REVIEW}/assign", ASSIGN | {"passenger_name": name}) for name in ("\ud800", "a\0b", "x" * 10**6)),
    ("POST", f"{REVIEW}/assign", ASSIGN | {"booking_id": "B\0"}),
    ("POST", f"{REVIEW}/assign", ASSIGN | {"passenger_name": "Kim", "confirmed_name": "\udfff"}),
    ("POST", f"{REVIEW}/join", {"who": "Kim", "into": "\0"}),
    ("POST", f"{REVIEW}/move", {"who": "Kim", "to": "\ud800", "file_ids": [1]}),
    ("POST", f"{REVIEW}/split", {"who": "Kim", "file_ids": [2**31]}),
    ("POST", f"{REVIEW}/split", {"who": "Kim", "file_ids": [1] * 5001}),
    ("POST", f"/api/jumps/{JUMP}/template", {"who": "Kim", "template": "classic/../classic"}),
    ("POST", f"/api/jumps/{JUMP}/template", {"who": "Kim", "template": "/etc"}),
    ("POST", f"/api/jumps/{JUMP}/template", {"who": "\ud800", "template": "sunset"}),
    ("POST", "/api/retry", {"subjects": ["x"] * 501}),
    ("POST", "/api/retry", {"subjects": ["x" * 129]}),
    ("POST", "/api/backfill", {"jumps": ["\0"]}),
    ("POST", "/api/codes", {"bookings": [ASSIGN] * 51}),
    ("POST", "/api/codes", {"bookings": [ASSIGN | {"passenger_name": "\ud800"}]}),
    ("PUT", f"/api/jumps/{JUMP}/cut?who=a%00b", {}),
    ("GET", "/api/jumps/%00", None),
    ("GET", "/api/jumps?q=a%00", None),
    ("GET", "/api/jumps?before=%00", None),
    ("GET", "/api/bookings?q=%00", None),
    ("GET", "/api/review/jumps/%00", None),
    ("GET", "/api/pipeline/%00", None),
    ("GET", "/films/%00/poster.jpg", None),
    ("GET", "/films/x/%00.mp4", None),
    ("GET", f"/api/jumps/{JUMP}%FF/cut", None),
]


def test_what_the_catalog_can_not_take_is_refused(tmp_path: Path, catalog_url: str) -> None:
    with hub(tmp_path, catalog_url) as client:
        for method, path, body in UNFIT:
            sent = None if body is None else json.dumps(body)
            answer = client.request(method, path, content=sent, headers={"content-type": "application/json"})
            assert 400 <= answer.status_code < 500, (method, path, answer.text)
            assert set(answer.json()["error"]) == {"code", "what", "advice", "what_parts", "advice_parts"}
        assert client.get(f"/api/jumps/{JUMP}").json()["passenger"] == "Anna Müller"


# ------------------------------------------------------------------------------------------------ messages

SCHEMA = TypeAdapter(Envelope).json_schema()


def _said(frame: Any) -> str:
    return json.dumps(frame)


frames = (
    nearly(SCHEMA, SCHEMA, KNOWN).map(_said)
    | st.builds(lambda said: _said({"id": "m", "body": said}), any_json(KNOWN))
    | any_json(KNOWN).map(_said)
    | st.sampled_from(["", "{", "[" * 3000, '{"id": "\\ud800", "body": 1}', '{"id": "a", "body": {"type": "\\u0000"}}'])
)


@contextmanager
def connected(tmp_path: Path, url: str) -> Iterator[WebSocketTestSession]:
    """A detector that was let in."""
    with hub(tmp_path, url) as client, client.websocket_connect("/ws/detector") as socket:
        socket.send_text(encode(Hello(detector_id="det")))
        assert isinstance(decode(socket.receive_text()).body, Welcome)
        yield socket


def say(socket: WebSocketTestSession, body: Message, message_id: str) -> Message:
    """Send a message; returns the answer to it, past what else is said."""
    socket.send_text(encode(body, message_id))
    while True:
        heard = decode(socket.receive_text()).body
        if isinstance(heard, Ack | Refused) and heard.of == message_id:
            return heard


def card_in(card: str, insertion: str) -> Inserted:
    label = CardLabel(card_id=card, label="GOPRO", kind="folder")
    return Inserted(insertion_id=insertion, card=label, inserted_at="2026-06-01T09:00:00Z")  # type: ignore[arg-type]


@pytest.mark.timeout(240)
def test_no_message_ends_a_detectors_connection(tmp_path: Path, catalog_url: str) -> None:
    with connected(tmp_path, catalog_url) as socket:
        good = card_in("card-2", "good")

        @SAME
        @given(frames)
        def send(frame: str) -> None:
            socket.send_text(frame)
            assert say(socket, good, "good") == Ack(of="good")

        send()


FILE = {
    "file_id": "f9",
    "folder": "DCIM",
    "name": "A.MP4",
    "size": 1,
    "modified": "2026-06-01T09:00:00",
    "kind": "video",
    "recording": "A",
}
CARD = {"card_id": "c", "label": "C", "kind": "folder"}
IN = {"type": "sd:inserted", "insertion_id": "new", "card": CARD, "inserted_at": "2026-06-01T09:00:00Z"}
LIST = {"type": "sd:file_list", "insertion_id": "good", "index": 0, "total": 1, "files": [FILE]}
ERROR = {"type": "sd:copy_error", "insertion_id": "good", "file_id": "f1", "code": "SOURCE_IO", "detail": "x"}


POISON: list[dict[str, Any]] = [
    IN | {"inserted_at": "0001-01-01T00:00:00+14:00"},
    IN | {"inserted_at": "9999-12-31T23:59:59-12:00"},
    IN | {"card": CARD | {"label": "a\0b"}},
    IN | {"type": "\0"},
    IN | {"a\0b": 1},
    IN | {"insertion_id": "\ud800"},
    LIST | {"files": [FILE | {"chapter": 2**63}]},
    LIST | {"files": [FILE | {"chapter": 2**31}]},
    LIST | {"files": [FILE | {"size": 2**63}]},
    LIST | {"files": [FILE | {"modified": "0001-01-01T00:00:00+14:00"}]},
    LIST | {"total": 2_000_000},
    LIST | {"index": 2**63, "total": 2**63 + 1},
    ERROR | {"detail": "a\0b"},
    ERROR | {"detail": "x" * 2001},
]


def test_what_the_catalog_can_not_take_is_refused_and_the_next_message_taken(tmp_path: Path, catalog_url: str) -> None:
    """Otherwise the detector would send it first for ever, and nothing else would come through."""
    with connected(tmp_path, catalog_url) as socket:
        assert say(socket, card_in("card-2", "good"), "good") == Ack(of="good")
        for body in POISON:
            socket.send_text(json.dumps({"id": "poison", "body": body}))
            heard = decode(socket.receive_text()).body
            assert isinstance(heard, Refused), body
            assert heard.code == "BAD_MESSAGE"
            assert say(socket, card_in("card-3", "next"), "next") == Ack(of="next")


def test_an_id_that_is_none_ends_no_connection(tmp_path: Path, catalog_url: str) -> None:
    with connected(tmp_path, catalog_url) as socket:
        socket.send_text('{"id": "\\ud800", "body": {}}')
        heard = decode(socket.receive_text()).body
        assert isinstance(heard, Refused)
        assert heard.of is None
        assert say(socket, card_in("card-2", "good"), "good") == Ack(of="good")
