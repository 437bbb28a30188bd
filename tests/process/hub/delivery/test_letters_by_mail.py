"""Letters through a real mail server: sent, refused, tried again after a restart, and by themselves."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.cataloguing import DAY, empty_catalog, film, listed, ready_jump
from support.mail_server import MailServerOfTests, mail_server
from support.ports import own_port
from support.stacks import until

from hub.app import create_app
from stinercut.catalog import Catalog
from stinercut.catalog.models import Letter
from stinercut.codes.extras import Extras
from stinercut.codes.payload import make_payload
from stinercut.jumps import bookings, film_records, jumps
from stinercut.settings import Settings


@dataclass
class House:
    """A hub with a mail server, and its catalog."""

    client: TestClient
    known: Catalog

    def hand_over(self, key: str) -> dict[str, Any]:
        return self.client.post("/api/shares", json={"jumps": [key], "who": "Kim"}).json()

    def write(self, share: dict[str, Any], recipient: str) -> dict[str, Any]:
        wish = {"recipient": recipient, "who": "Kim"}
        answer = self.client.post(f"/api/shares/{share['share_id']}/letters", json=wish)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def letters(self, key: str) -> list[dict[str, Any]]:
        shares = self.client.get("/api/shares", params={"jump": key}).json()["shares"]
        return [letter for share in shares for letter in share["letters"]]


@contextmanager
def house_in(data: Path, mail_port: int, **chosen: Any) -> Generator[House]:
    data.mkdir(exist_ok=True)
    url = f"sqlite:///{data / 'catalog.db'}"
    if not (data / "catalog.db").exists():
        url = empty_catalog(data)
    given = {"mail_url": f"smtp://127.0.0.1:{mail_port}", "mail_from": "Sky Zone <films@example.org>"}
    settings = Settings(
        **{
            "data": data,
            "database_url": url,
            "dagster_port": own_port(),
            "watch_mounts": False,
            "hub_public_url": "http://films.example.org",
            "place": "Sky Zone",
            **given,
            **chosen,
        }
    )
    known = Catalog.open(url)
    with TestClient(create_app(settings), base_url="http://films.example.org") as client:
        yield House(client, known)
    known.close()


@pytest.fixture
def post() -> Iterator[MailServerOfTests]:
    with mail_server(bo="550 5.1.1 no such user", eve="451 4.7.1 try later") as server:
        yield server


def finished(known: Catalog, email: str | None = None) -> str:
    key, _ = ready_jump(known)
    with known.write() as session:
        bookings.import_list(session, listed(make_payload("Anna Müller", "B-1", DAY), contact=Extras(email=email)))
        film_records.record_film(session, film(key, jumps.take_up(session, key, "run-1").version))
    return key


def state_of(known: Catalog, letter_id: int) -> str:
    with known.read() as session:
        return session.get_one(Letter, letter_id).state


def test_a_letter_arrives_with_the_link(tmp_path: Path, post: MailServerOfTests) -> None:
    with house_in(tmp_path, post.port) as house:
        key = finished(house.known)
        share = house.hand_over(key)
        letter = house.write(share, "anna@example.org")
        mail = post.letter()
        assert (mail["To"], mail["From"]) == ("anna@example.org", "Sky Zone <films@example.org>")
        assert mail["Auto-Submitted"] == "auto-generated"
        text = mail.get_content()
        assert share["address"] in text
        assert "Anna Müller" in text
        assert "Sky Zone" in text
        until(lambda: state_of(house.known, letter["letter_id"]) == "sent")
        assert house.client.get(f"/api/jumps/{key}").json()["handed_out"]["way"] == "letter"


def test_a_bounce_is_said_and_the_next_letter_goes_out(tmp_path: Path, post: MailServerOfTests) -> None:
    with house_in(tmp_path, post.port) as house:
        key = finished(house.known)
        share = house.hand_over(key)
        bounced = house.write(share, "bo@example.org")
        house.write(share, "anna@example.org")
        assert post.letter()["To"] == "anna@example.org"
        until(lambda: state_of(house.known, bounced["letter_id"]) == "refused")
        seen = next(one for one in house.letters(key) if one["letter_id"] == bounced["letter_id"])
        assert seen["problem"] == "The mail server refused the letter: 550 5.1.1 no such user"


def test_what_was_not_taken_waits_over_a_restart_of_the_hub(tmp_path: Path, post: MailServerOfTests) -> None:
    with house_in(tmp_path, own_port()) as house:
        key = finished(house.known)
        letter = house.write(house.hand_over(key), "anna@example.org")
        until(lambda: house.letters(key)[0]["tries"] > 0)
        assert "refused" in house.letters(key)[0]["problem"].lower()
        with house.known.write() as session:
            row = session.get_one(Letter, letter["letter_id"])
            row.next_try_at = row.made_at
    with house_in(tmp_path, post.port) as house:
        assert "Anna Müller" in post.letter().get_content()
        until(lambda: state_of(house.known, letter["letter_id"]) == "sent")


def test_a_server_that_asks_to_wait_gets_it_again_later(tmp_path: Path, post: MailServerOfTests) -> None:
    with house_in(tmp_path, post.port) as house:
        key = finished(house.known)
        house.write(house.hand_over(key), "eve@example.org")
        until(lambda: house.letters(key)[0]["tries"] == 1)
        seen = house.letters(key)[0]
        assert (seen["state"], "451 4.7.1 try later" in seen["problem"]) == ("waiting", True)


def test_a_finished_film_is_announced_by_itself_if_the_house_wants_it(tmp_path: Path, post: MailServerOfTests) -> None:
    with house_in(tmp_path, post.port) as house:
        key = finished(house.known, "anna@example.org")
    assert post.asked.empty()
    with house_in(tmp_path, post.port, mail_when_ready=True) as house:
        text = post.letter().get_content()
        address = re.search(r"http://films\.example\.org(/f/[\w-]+)", text)
        assert address
        page = house.client.get(address[1])
        assert (page.status_code, "Anna Müller" in page.text) == (200, True)
        until(lambda: house.letters(key)[0]["state"] == "sent")
        assert len(house.letters(key)) == 1


def test_without_a_mail_server_the_desk_is_told(tmp_path: Path) -> None:
    with house_in(tmp_path, own_port(), mail_url=None) as house:
        share = house.hand_over(finished(house.known))
        wish = {"recipient": "anna@example.org", "who": "Kim"}
        answer = house.client.post(f"/api/shares/{share['share_id']}/letters", json=wish)
        assert answer.status_code == 503
        assert "no mail server" in answer.json()["error"]["what"]
