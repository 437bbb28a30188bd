"""Links for passengers: made once, open for their time, closed by too many wrong PINs. On both databases."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from support.cataloguing import ask, copy, entry, passenger, put_in, ready_jump, record
from support.clocks import NOON, StandingClock

from stinercut.catalog import Catalog, events
from stinercut.catalog.models import HandOutWay, Share
from stinercut.delivery import hand_outs, shares
from stinercut.delivery.link_key import LinkKey, read_or_make_key, token_hash
from stinercut.delivery.shares import PIN_CLOSED_FOR, PIN_TRIES, NewShare, PinAnswer, ShareState
from stinercut.errors import BadInput, Conflict, HostNotReady, NotFound

KEY = LinkKey(b"k" * 32)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(NOON)


@pytest.fixture
def known(catalog_url: str, clock: StandingClock) -> Iterator[Catalog]:
    catalog = Catalog.open(catalog_url, clock)
    yield catalog
    catalog.close()


def another_jump(catalog: Catalog, number: int) -> str:
    files = [entry(f"GX02000{number}{n}.MP4", 5000 + 10 * number + n, minute=10 * number + n) for n in range(2)]
    put_in(catalog, f"in-{number}", files, f"card-{number}")
    ask(catalog, f"in-{number}")
    copy(catalog, f"in-{number}", files)
    [key] = record(catalog, f"in-{number}", passenger(f"Bo {number}", f"C-{number}"), files[:1], files[1:])
    return key


def hand_over(catalog: Catalog, *jump_keys: str, days: int = 30, pin: str | None = None) -> Share:
    with catalog.write() as session:
        share = shares.hand_over(session, KEY, NewShare(jump_keys, days, pin), "Kim")
        assert len(share.jumps) == len(jump_keys)  # Loaded, for whoever looks after the session.
        return share


def found(catalog: Catalog, token: str) -> Share | None:
    with catalog.read() as session:
        return shares.share_of_token(session, token)


def give_pin(catalog: Catalog, share: Share, pin: str) -> PinAnswer:
    with catalog.write() as session:
        return shares.try_pin(session, KEY, shares.require_share(session, share.share_id), pin)


class TestLinks:
    def test_a_token_finds_its_link_and_nothing_else_does(self, known: Catalog):
        key, _ = ready_jump(known)
        share = hand_over(known, key)
        token = KEY.token(share.salt)
        assert len(token) == 27
        seen = found(known, token)
        assert seen is not None
        assert seen.share_id == share.share_id
        assert found(known, token[:-1] + ("A" if token[-1] != "A" else "B")) is None
        assert found(known, "") is None
        assert found(known, share.token_hash) is None
        assert share.token_hash == token_hash(token)
        # What a thief of the database has gives no token.
        assert LinkKey(b"x" * 32).token(share.salt) != token

    def test_the_same_films_have_the_same_link_until_it_ends(self, known: Catalog, clock: StandingClock):
        key, _ = ready_jump(known)
        first = hand_over(known, key)
        clock.moment = NOON + timedelta(days=10)
        again = hand_over(known, key)
        assert (again.share_id, again.until) == (first.share_id, NOON + timedelta(days=40))
        assert hand_over(known, key, days=1).until == NOON + timedelta(days=40), "never shortened"
        assert hand_over(known, key, pin="1234").share_id != first.share_id
        assert hand_over(known, key, pin="1234").share_id != hand_over(known, key, pin="4321").share_id
        clock.moment = NOON + timedelta(days=41)
        assert hand_over(known, key).share_id != first.share_id

    def test_a_group_has_one_link_for_all_its_films(self, known: Catalog):
        anna, _ = ready_jump(known)
        bo = another_jump(known, 2)
        group = hand_over(known, anna, bo)
        assert [(place.position, place.jump_key) for place in group.jumps] == [(1, anna), (2, bo)]
        assert shares.jump_at(group, 2) == bo
        assert shares.jump_at(group, 3) is None
        assert hand_over(known, anna).share_id != group.share_id
        with known.read() as session:
            assert {share.share_id for share in shares.links_of(session, bo)} == {group.share_id}

    def test_a_link_opens_until_its_last_moment_or_until_it_is_revoked(self, known: Catalog, clock: StandingClock):
        key, _ = ready_jump(known)
        share = hand_over(known, key, days=2)
        assert shares.state_of(share, NOON + timedelta(days=2) - timedelta(microseconds=1)) is ShareState.OPEN
        assert shares.state_of(share, NOON + timedelta(days=2)) is ShareState.EXPIRED
        with known.write() as session:
            revoked = shares.revoke(session, share.share_id)
            assert shares.state_of(revoked, NOON) is ShareState.REVOKED
        with known.write() as session, pytest.raises(Conflict):
            shares.revoke(session, share.share_id)
        with known.read() as session:
            assert shares.links_that_are_out(session) == []
            assert [event.type for event in events.since(session, 0)][-2:] == ["share:made", "share:revoked"]
        assert hand_over(known, key).share_id != share.share_id

    def test_links_that_are_out_come_in_the_order_of_their_ends(self, known: Catalog, clock: StandingClock):
        anna, _ = ready_jump(known)
        late, soon = hand_over(known, anna, days=20), hand_over(known, another_jump(known, 2), days=2)
        with known.read() as session:
            assert [share.share_id for share in shares.links_that_are_out(session)] == [soon.share_id, late.share_id]
        clock.moment = NOON + timedelta(days=3)
        with known.read() as session:
            assert [share.share_id for share in shares.links_that_are_out(session)] == [late.share_id]

    def test_nobodys_files_and_unknown_jumps_get_no_link(self, known: Catalog):
        files = [entry("GX010009.MP4", 4000)]
        put_in(known, "in-9", files)
        copy(known, "in-9", files)
        [nobody] = record(known, "in-9", None, [], files, "filmed before any code")
        with pytest.raises(BadInput) as refused:
            hand_over(known, nobody)
        assert nobody in refused.value.what
        with pytest.raises(NotFound):
            hand_over(known, "2026-06-01_no-such")
        with pytest.raises(BadInput):
            hand_over(known)

    def test_openings_and_downloads_are_counted(self, known: Catalog, clock: StandingClock):
        key, _ = ready_jump(known)
        share = hand_over(known, key)
        clock.moment = NOON + timedelta(hours=1)
        with known.write() as session:
            shares.count_opening(session, share.share_id)
            shares.count_opening(session, share.share_id)
            shares.count_download(session, share.share_id)
        with known.read() as session:
            seen = shares.require_share(session, share.share_id)
            assert (seen.opened, seen.opened_at, seen.downloads) == (2, clock.moment, 1)


class TestPins:
    @pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "", "１２３４", " 1234"])
    def test_a_pin_is_four_to_eight_digits(self, known: Catalog, pin: str):
        key, _ = ready_jump(known)
        with pytest.raises(BadInput):
            hand_over(known, key, pin=pin)

    def test_a_pin_is_kept_under_the_key_only(self, known: Catalog):
        key, _ = ready_jump(known)
        share = hand_over(known, key, pin="0042")
        assert share.pin_mac == KEY.pin_mac(share.salt, "0042")
        assert share.pin_mac != LinkKey(b"x" * 32).pin_mac(share.salt, "0042")
        assert "0042" not in repr(KEY)

    def test_five_wrong_ones_close_it_for_a_while_for_the_right_one_too(self, known: Catalog, clock: StandingClock):
        key, _ = ready_jump(known)
        share = hand_over(known, key, pin="0042")
        assert give_pin(known, share, "0042") is PinAnswer.RIGHT
        answers = [give_pin(known, share, f"{n:04}") for n in range(PIN_TRIES)]
        assert answers == [PinAnswer.WRONG] * (PIN_TRIES - 1) + [PinAnswer.CLOSED]
        assert give_pin(known, share, "0042") is PinAnswer.CLOSED
        clock.moment = NOON + PIN_CLOSED_FOR
        assert give_pin(known, share, "0042") is PinAnswer.RIGHT
        assert give_pin(known, share, "0000") is PinAnswer.WRONG, "counted from the right one on"

    def test_the_proof_of_a_pin_is_of_one_link_and_one_pin(self):
        proof = KEY.pin_proof("token", KEY.pin_mac(b"salt", "1234"))
        assert proof != KEY.pin_proof("nekot", KEY.pin_mac(b"salt", "1234"))
        assert proof != KEY.pin_proof("token", KEY.pin_mac(b"salt", "1235"))


class TestHandOuts:
    def test_the_first_one_counts_until_it_is_taken_back(self, known: Catalog, clock: StandingClock):
        key, _ = ready_jump(known)
        with known.write() as session:
            hand_outs.note_hand_out(session, key, HandOutWay.CODE, "Kim")
        clock.moment = NOON + timedelta(hours=1)
        with known.write() as session:
            hand_outs.note_hand_out(session, key, HandOutWay.LETTER, "Jo")
        with known.read() as session:
            note = hand_outs.handed_out(session, [key, "nobody"])[key]
            assert (note.way, note.who, note.at) == ("code", "Kim", NOON)
        with known.write() as session:
            hand_outs.take_back(session, key, "Jo")
            assert hand_outs.handed_out(session, [key]) == {}
        with known.write() as session, pytest.raises(Conflict):
            hand_outs.take_back(session, key, "Jo")
        with known.write() as session, pytest.raises(NotFound):
            hand_outs.note_hand_out(session, "no-such", HandOutWay.CODE, "Kim")


class TestTheKey:
    def test_it_is_made_once_for_its_owner_alone(self, tmp_path: Path):
        file = tmp_path / "secrets" / "links.key"
        first = read_or_make_key(file)
        assert read_or_make_key(file) == first
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert [path.name for path in file.parent.iterdir()] == ["links.key"]

    def test_processes_that_ask_at_once_get_the_same(self, tmp_path: Path):
        got: list[LinkKey] = []
        threads = [Thread(target=lambda: got.append(read_or_make_key(tmp_path / "links.key"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8
        assert len(set(got)) == 1

    def test_what_is_no_key_is_refused_and_left_as_it_is(self, tmp_path: Path):
        file = tmp_path / "links.key"
        file.write_bytes(b"half")
        with pytest.raises(HostNotReady) as refused:
            read_or_make_key(file)
        assert str(file) in refused.value.sentence()
        assert file.read_bytes() == b"half"
