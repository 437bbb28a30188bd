"""Letters with links: what is due, tried again, given up, and which films are announced. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.cataloguing import DAY, film, listed, ready_jump
from support.clocks import NOON, StandingClock

from stinercut.catalog import Catalog
from stinercut.catalog.models import Letter, Share
from stinercut.codes.extras import Extras
from stinercut.codes.payload import make_payload
from stinercut.delivery import letters, shares
from stinercut.delivery.letters import GIVEN_UP_AFTER, pause_before_try
from stinercut.delivery.link_key import LinkKey
from stinercut.delivery.shares import NewShare
from stinercut.errors import BadInput
from stinercut.jumps import bookings, film_records, jumps
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message

KEY = LinkKey(b"k" * 32)
WHY = Message.of(DeliveryCode.LETTER_SERVER_SILENT, why="421 later")


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(NOON)


@pytest.fixture
def known(catalog_url: str, clock: StandingClock) -> Iterator[Catalog]:
    catalog = Catalog.open(catalog_url, clock)
    yield catalog
    catalog.close()


def share_of(catalog: Catalog, jump_key: str) -> Share:
    with catalog.write() as session:
        return shares.hand_over(session, KEY, NewShare((jump_key,), 30), "Kim")


def enqueue(catalog: Catalog, share: Share, recipient: str = "anna@example.org") -> int:
    with catalog.write() as session:
        return letters.enqueue(session, share, recipient, "de").letter_id


def row(catalog: Catalog, letter_id: int) -> Letter:
    with catalog.read() as session:
        return session.get_one(Letter, letter_id)


def due(catalog: Catalog) -> list[int]:
    with catalog.read() as session:
        return [letter.letter_id for letter in letters.due(session)]


def test_pauses_grow_to_six_hours() -> None:
    assert [pause_before_try(tries) for tries in (0, 1, 2, 5)] == [timedelta(minutes=m) for m in (1, 1, 2, 16)]
    assert pause_before_try(50) == timedelta(hours=6)


def test_a_letter_is_due_at_once_and_no_more_once_it_is_sent(known: Catalog, clock: StandingClock) -> None:
    key, _ = ready_jump(known)
    letter = enqueue(known, share_of(known, key), "  anna@example.org ")
    assert due(known) == [letter]
    clock.moment = NOON + timedelta(seconds=3)
    with known.write() as session:
        letters.note_sent(session, letter)
    sent = row(known, letter)
    assert (sent.state, sent.recipient, sent.sent_at, sent.tries) == ("sent", "anna@example.org", clock.moment, 1)
    assert due(known) == []


@pytest.mark.parametrize("recipient", ["", "anna", "a@b", "a@b.org\nBcc: x@y.org", "a b@c.org", "a@b.org,c@d.org"])
def test_what_is_no_address_gets_no_letter(known: Catalog, recipient: str) -> None:
    key, _ = ready_jump(known)
    with pytest.raises(BadInput):
        enqueue(known, share_of(known, key), recipient)


def test_a_failed_try_is_repeated_for_three_days(known: Catalog, clock: StandingClock) -> None:
    key, _ = ready_jump(known)
    letter = enqueue(known, share_of(known, key))
    tries = 0
    while row(known, letter).state == "waiting":
        clock.moment = row(known, letter).next_try_at
        assert due(known) == [letter]
        with known.write() as session:
            letters.note_failed_try(session, letter, WHY)
        tries += 1
    given_up = row(known, letter)
    assert given_up.state == "given_up"
    assert clock.moment - NOON >= GIVEN_UP_AFTER
    assert given_up.tries == tries > 10
    assert given_up.problem_parts == [WHY.as_json()]
    clock.moment += timedelta(days=30)
    assert due(known) == []


def test_a_bounce_is_final(known: Catalog, clock: StandingClock) -> None:
    key, _ = ready_jump(known)
    letter = enqueue(known, share_of(known, key))
    with known.write() as session:
        letters.note_refused(session, letter, WHY)
    clock.moment += timedelta(days=1)
    assert (row(known, letter).state, due(known)) == ("refused", [])


class TestAnnouncing:
    def booked(self, known: Catalog, email: str | None, name: str = "Anna Müller") -> str:
        key, _ = ready_jump(known)
        with known.write() as session:
            bookings.import_list(session, listed(make_payload(name, "B-1", DAY), contact=Extras(email=email)))
        return key

    def publish(self, known: Catalog, key: str) -> None:
        with known.write() as session:
            version = jumps.take_up(session, key, "run-1").version
            film_records.record_film(session, film(key, version))

    def unannounced(self, known: Catalog) -> list[tuple[str, str]]:
        with known.read() as session:
            return letters.unannounced(session)

    def test_a_finished_film_with_an_address_is_announced_once(self, known: Catalog) -> None:
        key = self.booked(known, "anna@example.org")
        assert self.unannounced(known) == [], "no film yet"
        self.publish(known, key)
        assert self.unannounced(known) == [(key, "anna@example.org")]
        enqueue(known, share_of(known, key))
        assert self.unannounced(known) == []

    def test_without_an_address_nobody_is_written_to(self, known: Catalog) -> None:
        self.publish(known, self.booked(known, None))
        assert self.unannounced(known) == []

    def test_the_address_of_somebody_else_is_not_used(self, known: Catalog) -> None:
        key = self.booked(known, "bo@example.org", name="Bo Somebody-Else")
        self.publish(known, key)
        assert self.unannounced(known) == []

    def test_old_films_are_not_announced_when_letters_are_turned_on(self, known: Catalog, clock: StandingClock) -> None:
        self.publish(known, self.booked(known, "anna@example.org"))
        clock.moment = NOON + letters.ANNOUNCED_FOR
        assert self.unannounced(known) == []
