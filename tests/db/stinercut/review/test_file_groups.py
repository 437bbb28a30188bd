"""Decisions of people: names, files moved, split, joined, left out, read again; on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import event
from support.cataloguing import copy, entry, film, listed, passenger, put_in, ready_jump, record, roles, row_ids

from stinercut.catalog import Catalog, events
from stinercut.catalog.models import Film, QrReading
from stinercut.catalog.row_messages import reason_words
from stinercut.codes.payload import Payload, make_payload
from stinercut.codes.reading import Reading
from stinercut.errors import BadInput, NameConflict, NotFound
from stinercut.jumps import bookings, film_records, jumps
from stinercut.protocol import FileKind
from stinercut.review import decisions, file_groups
from stinercut.review.decisions import What

WHO = "Kim Åse"


def unknown_group(catalog: Catalog, number: int = 1, clips: int = 3) -> tuple[str, list[int]]:
    """Clips of a card of their own that nobody is known for, all here. Returns their jump's key and the row ids."""
    files = [entry(f"GX01{number}{n:03}.MP4", 1000 + n, minute=10 * number + n) for n in range(clips)]
    put_in(catalog, f"in-u{number}", files, f"card-u{number}")
    copy(catalog, f"in-u{number}", files)
    [key] = record(catalog, f"in-u{number}", None, [], files, "no code")
    return key, row_ids(catalog, f"in-u{number}", files)


def state_of(catalog: Catalog, key: str) -> str:
    with catalog.read() as session:
        return jumps.require_jump(session, key).state


def wanted(catalog: Catalog, key: str) -> str | None:
    with catalog.read() as session:
        return jumps.require_jump(session, key).wanted_version


def ids_in(catalog: Catalog, key: str) -> list[int]:
    with catalog.read() as session:
        return [file.card_file_id for file in file_groups.group(session, key).files]


def assign(catalog: Catalog, key: str, payload: Payload, confirmed: str | None = None) -> str:
    with catalog.write() as session:
        return decisions.assign(session, WHO, key, payload, confirmed)


def make_film(catalog: Catalog, key: str) -> Film:
    """The jump's film is made and published, as a run does it."""
    with catalog.write() as session:
        footage = jumps.take_up(session, key, f"run-{key}")
        made = film(key, footage.version, f"run-{key}")
        made.passenger_name = footage.passenger_name
        film_records.record_film(session, made)
    return made


def read_code(catalog: Catalog, file: int, payload: Payload) -> None:
    """A code was read in this file."""
    reading = Reading.model_construct(payload=payload, raw=payload.text())
    with catalog.write() as session:
        session.add(QrReading(card_file_id=file, reading=reading.model_dump(mode="json")))


class TestAssigning:
    def test_a_group_becomes_the_bookings_jump_and_the_decision_is_kept(self, catalog: Catalog):
        group, files = unknown_group(catalog)
        key = assign(catalog, group, passenger("Đorđe Šćepanović", "B-7"))
        assert key == "2026-06-01_B-7"
        assert (state_of(catalog, key), state_of(catalog, group)) == ("ready", "gone")
        with catalog.read() as session:
            assert [ready.jump_key for ready in jumps.ready_jumps(session)] == [key]
            assert jumps.footage_of(session, key).passenger_name == "Đorđe Šćepanović"
            assert file_groups.waiting(session) == []
            [decision] = file_groups.group(session, key).decisions
            assert (decision.who, decision.what, decision.jump_key) == (WHO, What.ASSIGNED, key)
            assert decision.before == {"jump": group, "passenger_name": None, "booking_id": None, "files": files}
            assert decision.after == {
                "jump": key, "passenger_name": "Đorđe Šćepanović", "booking_id": "B-7", "files": files,
            }  # fmt: skip
            assert [one.decision_id for one in file_groups.decisions_on(session, [group])[group]] == [
                decision.decision_id
            ]

    def test_a_second_group_of_the_booking_joins_it_and_makes_another_version(self, catalog: Catalog):
        (first, one), (second, two) = unknown_group(catalog), unknown_group(catalog, 2)
        key = assign(catalog, first, passenger())
        before = wanted(catalog, key)
        assert assign(catalog, second, passenger()) == key
        assert ids_in(catalog, key) == one + two
        assert wanted(catalog, key) not in (None, before)

    def test_another_name_for_a_booking_is_refused_with_both_names_until_it_is_confirmed(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        group, files = unknown_group(catalog)
        for confirmed in (None, "Anna Müller", "somebody"):
            with pytest.raises(NameConflict, match=r"is Anna Müller; you say Anna Mueller"):
                assign(catalog, group, passenger("Anna Mueller"), confirmed)
        assert (state_of(catalog, group), ids_in(catalog, group)) == ("review", files)
        before = wanted(catalog, key)
        assert assign(catalog, group, passenger("Anna Mueller"), "Anna Mueller") == key
        assert wanted(catalog, key) not in (None, before)
        with catalog.read() as session:
            assert jumps.footage_of(session, key).passenger_name == "Anna Mueller"

    def test_another_name_than_in_the_list_is_refused_and_a_confirmed_one_corrects_the_list(self, catalog: Catalog):
        with catalog.write() as session:
            bookings.import_list(session, listed(passenger("Jo Li")))
        group, _ = unknown_group(catalog)
        with pytest.raises(NameConflict, match=r"is Jo Li in the list of bookings; you say Joe Li"):
            assign(catalog, group, passenger("Joe Li"))
        assign(catalog, group, passenger("Joe Li"), "Joe Li")
        with catalog.read() as session:
            assert [row.passenger_name for row in bookings.search(session)] == ["Joe Li"]

    def test_a_code_among_the_files_that_says_somebody_else_must_be_overruled_explicitly(self, catalog: Catalog):
        group, files = unknown_group(catalog)
        read_code(catalog, files[0], passenger("Bob", "B-2"))
        with pytest.raises(NameConflict, match=r"the code in GX011000.MP4 says Bob \(B-2\); you say Anna Müller"):
            assign(catalog, group, passenger())
        key = assign(catalog, group, passenger(), "Anna Müller")
        with catalog.read() as session:
            words = file_groups.words_on(session, key, "Anna Müller", "B-1")
            assert set(words) == set(files)
            assert {word.who for word in words.values()} == {WHO}
            assert file_groups.words_on(session, key, "Anna", "B-1") == {}, "a word holds for the name it was given for"

    @pytest.mark.parametrize("who", ["", "  ", "x" * 81, "a\x00b"])
    def test_somebody_must_have_decided(self, catalog: Catalog, who: str):
        group, _ = unknown_group(catalog)
        with catalog.write() as session, pytest.raises(BadInput, match="who decides"):
            decisions.assign(session, who, group, passenger())
        assert state_of(catalog, group) == "review"

    def test_what_is_gone_or_unknown_is_not_found(self, catalog: Catalog):
        group, _ = unknown_group(catalog)
        assign(catalog, group, passenger())
        for key in (group, "nobody"):
            with pytest.raises(NotFound):
                assign(catalog, key, passenger())


class TestCorrectingAfterTheFilm:
    def test_a_corrected_name_asks_for_a_new_film_and_hides_the_wrong_one(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        wrong = make_film(catalog, key)
        with pytest.raises(NameConflict):
            assign(catalog, key, passenger("Anne Müller"))
        assert assign(catalog, key, passenger("Anne Müller"), "Anne Müller") == key
        assert state_of(catalog, key) == "ready"
        assert wanted(catalog, key) != wrong.version
        with catalog.read() as session:
            assert film_records.latest_film(session, key) is None
        right = make_film(catalog, key)
        assert state_of(catalog, key) == "done"
        with catalog.read() as session:
            assert film_records.latest_films(session, [key])[key].film_id == right.film_id

    def test_a_name_that_is_corrected_back_shows_no_film_until_its_own_is_there_again(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        first = make_film(catalog, key)
        assign(catalog, key, passenger("Hanna Müller"), "Hanna Müller")
        make_film(catalog, key)
        assign(catalog, key, passenger(), "Anna Müller")
        assert (state_of(catalog, key), wanted(catalog, key)) == ("ready", first.version)
        with catalog.read() as session:
            assert film_records.latest_film(session, key) is None, "Hanna's title is in the file"
        make_film(catalog, key)
        assert state_of(catalog, key) == "done"

    def test_another_booking_moves_the_files_and_coming_back_finds_the_film(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        made = make_film(catalog, key)
        other = assign(catalog, key, make_payload("Anna Müller", "B-9", date(2026, 6, 2)))
        assert (other, state_of(catalog, key), state_of(catalog, other)) == ("2026-06-02_B-9", "gone", "ready")
        with catalog.read() as session:
            assert film_records.latest_film(session, key) is None
        assert assign(catalog, other, passenger()) == key
        assert (state_of(catalog, key), state_of(catalog, other)) == ("done", "gone")
        with catalog.read() as session:
            found = film_records.latest_film(session, key)
            assert found is not None
            assert found.film_id == made.film_id

    def test_a_run_that_goes_on_meanwhile_does_not_take_the_correction_back(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        with catalog.write() as session:
            jumps.take_up(session, key, "run-old")
        assign(catalog, key, passenger("Anne"), "Anne")
        with catalog.write() as session:
            jumps.resume(session, key, "run-old")
        assert state_of(catalog, key) == "ready"
        with catalog.read() as session:
            assert [ready.jump_key for ready in jumps.ready_jumps(session)] == [key]


class TestMoving:
    def test_a_clip_goes_to_another_jump_in_order_and_both_films_change(self, catalog: Catalog):
        (first, one), (second, two) = unknown_group(catalog), unknown_group(catalog, 2)
        a, b = assign(catalog, first, passenger()), assign(catalog, second, passenger("Bob", "B-2"))
        before = wanted(catalog, a), wanted(catalog, b)
        with catalog.write() as session:
            decisions.move(session, WHO, b, two[:1], a)
        assert (ids_in(catalog, a), ids_in(catalog, b)) == ([*one, two[0]], two[1:])
        assert wanted(catalog, a) != before[0]
        assert wanted(catalog, b) != before[1]
        with catalog.read() as session:
            decision = file_groups.group(session, a).decisions[0]
            assert (decision.what, decision.card_file_id, decision.before["jump"]) == (What.MOVED, two[0], b)

    def test_a_film_of_a_code_moves_only_when_the_name_is_confirmed(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        group, files = unknown_group(catalog)
        read_code(catalog, files[0], passenger("Bob", "B-2"))
        with catalog.write() as session:
            with pytest.raises(NameConflict, match="says Bob"):
                decisions.join(session, WHO, group, key)
            decisions.join(session, WHO, group, key, "Anna Müller")
        with catalog.read() as session:
            assert set(file_groups.words_on(session, key, "Anna Müller", "B-1")) == set(files)
            assert file_groups.group(session, key).decisions[0].what == What.JOINED
        assert state_of(catalog, group) == "gone"

    def test_split_and_join_undo_each_other(self, catalog: Catalog):
        group, files = unknown_group(catalog)
        with catalog.write() as session:
            part = decisions.split(session, WHO, group, files[1:])
        assert (ids_in(catalog, group), ids_in(catalog, part)) == (files[:1], files[1:])
        assert part != group
        assert state_of(catalog, part) == "review"
        with catalog.write() as session:
            decisions.join(session, WHO, part, group)
        assert (ids_in(catalog, group), state_of(catalog, part)) == (files, "gone")
        with catalog.read() as session:
            assert file_groups.waiting(session) == [group]

    def test_files_split_from_a_jump_wait_for_a_person(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        last = ids_in(catalog, key)[-1]
        with catalog.write() as session:
            part = decisions.split(session, WHO, key, [last])
            assert reason_words(jumps.require_jump(session, part)) == f"{WHO} split it from Anna Müller"
        assert roles(catalog, key) == ["qr", "clip"]
        assert state_of(catalog, part) == "review"

    def test_what_makes_no_sense_is_refused(self, catalog: Catalog):
        (first, one), (second, two) = unknown_group(catalog), unknown_group(catalog, 2)
        with catalog.write() as session:
            with pytest.raises(BadInput, match="nothing would stay"):
                decisions.split(session, WHO, first, one)
            with pytest.raises(BadInput, match="no file was chosen"):
                decisions.split(session, WHO, first, [])
            with pytest.raises(NotFound):
                decisions.split(session, WHO, first, two[:1])
            with pytest.raises(BadInput, match="in that jump already"):
                decisions.move(session, WHO, first, one[:1], first)
        assert (ids_in(catalog, first), ids_in(catalog, second)) == (one, two)


class TestLeavingOut:
    def test_a_clip_that_was_left_out_can_be_put_back(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        clip, before = ids_in(catalog, key)[-1], wanted(catalog, key)
        with catalog.write() as session:
            decisions.leave_out(session, WHO, key, clip)
        assert roles(catalog, key) == ["qr", "clip", "left_out"]
        assert wanted(catalog, key) != before
        with catalog.write() as session:
            decisions.put_back(session, WHO, key, clip)
            with pytest.raises(BadInput, match="was not left out"):
                decisions.put_back(session, WHO, key, clip)
        assert wanted(catalog, key) == before
        with catalog.read() as session:
            kept = [
                (one.what, one.before["role"], one.after["role"]) for one in file_groups.group(session, key).decisions
            ]
        assert kept == [("put_back", "left_out", "clip"), ("left_out", "clip", "left_out")]


class TestReadingAgain:
    def test_who_asked_for_it_is_kept(self, catalog: Catalog):
        group, files = unknown_group(catalog)
        with catalog.write() as session:
            decisions.read_again(session, f"  {WHO} ", group)
        with catalog.read() as session:
            [decision] = file_groups.group(session, group).decisions
            assert (decision.who, decision.what) == (WHO, What.READ_AGAIN)
            assert (decision.before["files"], decision.after["files"]) == (files, [])
            told = [one.data["what"] for one in events.since(session, 0) if one.type == "jump:decided"]
        assert told == ["read_again"]
        assert state_of(catalog, group) == "gone"

    def test_nothing_is_done_or_kept_without_a_name_or_where_it_makes_no_sense(self, catalog: Catalog):
        (group, files), (key, _) = unknown_group(catalog), ready_jump(catalog)
        for who, jump, error in (("  ", group, BadInput), (WHO, key, BadInput), (WHO, "nobody", NotFound)):
            with pytest.raises(error), catalog.write() as session:
                decisions.read_again(session, who, jump)
        assert ids_in(catalog, group) == files
        with catalog.read() as session:
            assert file_groups.decisions_on(session, [group, key]) == {group: [], key: []}


class TestManyAtOnce:
    def test_each_group_is_the_one_that_is_asked_for_alone(self, catalog: Catalog):
        (first, one), (second, two) = unknown_group(catalog), unknown_group(catalog, 2)
        read_code(catalog, one[0], passenger("Bob", "B-2"))
        with catalog.write() as session:
            part = decisions.split(session, WHO, first, one[1:])
            decisions.move(session, WHO, part, one[1:2], second)
            decisions.leave_out(session, WHO, second, two[0])
        with catalog.read() as session:
            assert set(file_groups.waiting(session)) == {first, second, part}
            for keys in ([first, second, part], [part, first, second], ["nobody", second]):
                known = [key for key in keys if key != "nobody"]
                assert file_groups.groups(session, keys) == [file_groups.group(session, key) for key in known]
            told = {
                key: [one.what for one in file_groups.group(session, key).decisions] for key in (first, second, part)
            }
        assert told == {first: ["split"], second: ["left_out", "moved"], part: ["moved", "split"]}

    def test_more_groups_take_no_more_queries(self, catalog: Catalog):
        keys = [unknown_group(catalog, number, 2)[0] for number in range(1, 6)]
        assert queries_for(catalog, keys) == queries_for(catalog, keys[:1])


def queries_for(catalog: Catalog, keys: list[str]) -> int:
    """How many statements it takes to show these groups."""
    statements: list[str] = []

    def note(*about: object) -> None:
        statements.append(str(about[2]))

    event.listen(catalog.engine, "before_cursor_execute", note)
    try:
        with catalog.read() as session:
            assert len(file_groups.groups(session, keys)) == len(keys)
    finally:
        event.remove(catalog.engine, "before_cursor_execute", note)
    return len(statements)


class TestPictures:
    def test_the_proxy_is_looked_at_where_there_is_one(self, catalog: Catalog):
        video = entry("GX010001.MP4", 900_000_000)
        proxy = entry("GL010001.LRV", 500, kind=FileKind.PROXY, main=video.file_id)
        put_in(catalog, "in-1", [video, proxy])
        [row] = row_ids(catalog, "in-1", [video])
        with catalog.read() as session, pytest.raises(NotFound, match="nothing of file"):
            file_groups.picture_source(session, row)
        copy(catalog, "in-1", [proxy])
        with catalog.read() as session:
            assert file_groups.picture_source(session, row)[1] == 500
        copy(catalog, "in-1", [video])
        with catalog.read() as session:
            assert file_groups.picture_source(session, row)[1] == 500
