"""The hub's page of codes, over real HTTP: what it draws is read again; what is wrong is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from support.cataloguing import listed
from support.codes import codes_in
from support.hubs import RunningHub, running_hub
from support.ports import own_port

from stinercut.catalog import Catalog
from stinercut.codes.making import BORDER
from stinercut.codes.payload import Payload, make_payload, parse_payload
from stinercut.jumps import bookings
from stinercut.keyring import Key, KeyRing

KEY = Key(5, b"\x05" * 32)
RING = KeyRing((KEY,))
ZOE = make_payload("Zoë Müller", "BK-1042", date(2026, 11, 20))
ASKED = {"passenger_name": " Zoe\u0308 Müller ", "booking_id": "BK-1042", "jump_date": "2026-11-20"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    keys = f"5:{KEY.secret.hex()}"
    with running_hub(tmp_path_factory.mktemp("hub"), dagster_port=own_port(), qr_keys=keys) as running:
        yield running


def text_in(svg: str) -> str:
    """What a decoder reads in one of our drawings: a path of horizontal strokes, one line of modules each."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])  # type: ignore[index]
    picture = np.full((side, side), 255, np.uint8)
    x = y = 0.0
    for verb, numbers in re.findall(r"([Mmh])([-\d. ]+)", re.findall(r' d="([^"]+)"', svg)[-1]):
        values = [float(number) for number in numbers.split()]
        if verb == "h":
            picture[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
        else:
            x, y = (values[0], values[1]) if verb == "M" else (x + values[0], y + values[1])
    (code,) = codes_in(np.asarray(cv2.resize(picture, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)))
    assert (picture[:BORDER] == 255).all()
    return code.text


def made(hub: RunningHub, *wishes: dict[str, Any], signed: bool = False) -> dict[str, Any]:
    answer = httpx.post(f"{hub.url}/api/codes", json={"bookings": wishes, "signed": signed})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("signed", [False, True])
def test_a_code_from_the_hub_is_read_again(hub: RunningHub, signed: bool) -> None:
    answer = made(hub, ASKED, signed=signed)
    (code,) = answer["codes"]
    assert answer["signed"] is signed
    assert code["booking"]["passenger_name"] == "Zoë Müller"
    text = text_in(code["svg"])
    assert text.startswith("SJ1:") is signed
    assert parse_payload(text, RING) == ZOE


def test_many_at_once_in_their_order(hub: RunningHub) -> None:
    wishes = [{**ASKED, "booking_id": f"B-{n}", "tandem_master_id": "TM-1" if n else ""} for n in range(30)]
    codes = made(hub, *wishes, signed=True)["codes"]
    read = [parse_payload(text_in(code["svg"]), RING) for code in codes]
    assert [payload.booking_id for payload in read] == [wish["booking_id"] for wish in wishes]
    assert [payload.tandem_master_id for payload in read[:2]] == [None, "TM-1"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"passenger_name": "123"}, 400, "holds no letter"),
        ({"passenger_name": "Jo 😀"}, 400, "holds 😀 (U+1F600 GRINNING FACE), which can't be shown on a title"),
        ({"booking_id": "a/b"}, 400, "the booking must be"),
        ({"jump_date": "2026-02-30"}, 422, "the day of the jump in row 1 is no date"),
        ({"passenger_name": None}, 422, "the passenger's name in row 1 must be a text"),
    ],
)
def test_what_makes_no_code_is_said(hub: RunningHub, change: dict[str, Any], status: int, words: str) -> None:
    answer = httpx.post(f"{hub.url}/api/codes", json={"bookings": [{**ASKED, **change}]})
    assert answer.status_code == status
    assert words in answer.json()["error"]["what"]
    if status == 400:
        two = httpx.post(f"{hub.url}/api/codes", json={"bookings": [ASKED, {**ASKED, "booking_id": "B-9", **change}]})
        assert two.json()["error"]["what"].startswith(f"booking {change.get('booking_id', 'B-9')}: the ")
    assert httpx.post(f"{hub.url}/api/codes", json={"bookings": []}).status_code == 422
    assert httpx.post(f"{hub.url}/api/codes", json={"bookings": [ASKED] * 201}).status_code == 422


def test_other_sites_get_no_signed_codes(hub: RunningHub) -> None:
    from_elsewhere = {"origin": "https://elsewhere.example"}
    answer = httpx.post(f"{hub.url}/api/codes", json={"bookings": [ASKED]}, headers=from_elsewhere)
    assert answer.status_code == 403


def test_the_list_is_searched_by_day_and_name(hub: RunningHub) -> None:
    others = [make_payload("Ann", "B-1", date(2026, 11, 20), "TM-1"), make_payload("Bob", "B-2", date(2026, 11, 21))]
    catalog = Catalog.open(hub.settings.catalog_url)
    with catalog.write() as session:
        bookings.import_list(session, listed(ZOE, *others))
    catalog.close()

    def found(**query: str) -> list[Payload]:
        answer = httpx.get(f"{hub.url}/api/bookings", params=query).json()["bookings"]
        return [parse_payload(text_in(code["svg"])) for code in made(hub, *answer)["codes"]] if answer else []

    assert found(day="2026-11-20") == [others[0], ZOE]
    assert found(day="2026-11-20", q="müll") == [ZOE]
    assert found(q="b-2") == [others[1]]
    assert found(day="2020-01-01") == []


def test_the_page_and_what_it_needs_come_from_the_hub_alone(hub: RunningHub) -> None:
    page = httpx.get(f"{hub.url}/bookings")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for kind, path in re.findall(r'(?:src|href)="(/(?:[\w./-]+\.(\w+)))"', page.text):
        assert httpx.get(f"{hub.url}{kind}").status_code == 200, path
    for name in ("bookings.js", "bookings.css"):
        assert httpx.get(f"{hub.url}/{name}").status_code == 200
    assert httpx.get(f"{hub.url}/api/codes/choices").json() == {"can_sign": True, "must_sign": False}
    assert 'href="/bookings"' in httpx.get(f"{hub.url}/").text


def test_keys_are_in_no_answer_and_no_log(hub: RunningHub) -> None:
    made(hub, ASKED, signed=True)
    log = hub.log.read_text()
    assert KEY.secret.hex() not in log
    assert "Zoe" not in log
    assert "Zo%C3%AB" not in log
