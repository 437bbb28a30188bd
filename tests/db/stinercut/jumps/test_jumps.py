"""Jumps in the catalog: their files, their state, runs that take them up, people's decisions. On both databases."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from support import heard
from support.cataloguing import (
    DAY,
    LARGE,
    ask,
    copied,
    copy,
    entry,
    failed,
    film,
    passenger,
    put_in,
    ready_jump,
    record,
    roles,
    row_ids,
)
from support.clocks import filming_day

from sensors.common.film_requests import film_run
from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import Jump, StepStatus
from stinercut.catalog.row_messages import messages_of_step, reason_words
from stinercut.codes.payload import make_payload
from stinercut.errors import BadInput, NotFound
from stinercut.jumps import film_records, in_progress, jumps
from stinercut.jumps.jumps import Ready
from stinercut.language.messages import all_worded, as_written


def jump_of(catalog: Catalog, key: str) -> Jump:
    with catalog.read() as session:
        return jumps.require_jump(session, key)


def state(catalog: Catalog, key: str) -> tuple[str, str]:
    jump = jump_of(catalog, key)
    return jump.state, reason_words(jump)


def types(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        return [event.type for event in events.since(session, 0)]


def take_up(catalog: Catalog, key: str, run: str) -> str:
    with catalog.write() as session:
        return jumps.take_up(session, key, run).version


def fail(catalog: Catalog, key: str, run: str, reason: str = "it broke") -> None:
    with catalog.write() as session:
        jumps.record_failure(session, key, run, reason)


def publish(catalog: Catalog, key: str, version: str, run: str = "run-1") -> None:
    with catalog.write() as session:
        film_records.record_film(session, film(key, version, run))


def turn(catalog: Catalog, key: str) -> Ready:
    with catalog.read() as session:
        return next(one for one in jumps.ready_jumps(session) if one.jump_key == key)


def shown(catalog: Catalog, key: str) -> str | None:
    """The version of the film that is shown."""
    with catalog.read() as session:
        film = film_records.latest_film(session, key)
    return film and film.version


class TestSessions:
    def test_a_passengers_jump(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        assert key == "2026-06-01_B-1"
        assert roles(catalog, key) == ["qr", "clip", "clip"]
        assert state(catalog, key) == ("ready", "")
        with catalog.read() as session:
            footage = jumps.footage_of(session, key)
        assert (footage.passenger_name, footage.booking_id, footage.jump_date) == ("Anna Müller", "B-1", DAY)
        assert [clip.name for clip in footage.clips] == [file.name for file in files[1:]]
        assert [file.name for file in footage.qr_files] == [files[0].name]

    def test_a_long_recording_that_shows_the_code_is_a_clip(self, catalog: Catalog):
        only = entry("GX010001.MP4", minute=1)
        put_in(catalog, "in-1", [only])
        record(catalog, "in-1", passenger(), [only], [only])
        copy(catalog, "in-1", [only])
        assert roles(catalog, "2026-06-01_B-1") == ["clip"]
        assert state(catalog, "2026-06-01_B-1") == ("ready", "")

    def test_recording_twice_changes_nothing(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        assert record(catalog, "in-1", passenger(), files[:1], files[1:]) == []
        assert record(catalog, "in-1", None, [], files, "no code") == []
        assert roles(catalog, key) == ["qr", "clip", "clip"]

    def test_files_order_by_time_whatever_card_they_are_from(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        between = entry("GX010077.MP4", minute=2.5, prefix="g")
        put_in(catalog, "in-2", [between], card="card-2")
        record(catalog, "in-2", passenger(), [], [between])
        assert state(catalog, key) == ("waiting", "3 of 4 files are here.")
        copy(catalog, "in-2", [between])
        with catalog.read() as session:
            names = [clip.name for clip in jumps.footage_of(session, key).clips]
        assert names == [files[1].name, "GX010077.MP4", files[2].name]

    def test_chapters_stay_together(self, catalog: Catalog):
        first = [
            entry(name, minute=minute).model_copy(update={"recording": "0001", "chapter": chapter})
            for name, minute, chapter in (("GX020001.MP4", 9, 2), ("GX010001.MP4", 1, 1))
        ]
        other = entry("GX010002.MP4", minute=5)
        put_in(catalog, "in-1", [*first, other])
        copy(catalog, "in-1", [*first, other])
        [key] = record(catalog, "in-1", passenger(), [], [other, *first])
        with catalog.read() as session:
            names = [clip.name for clip in jumps.footage_of(session, key).clips]
        assert names == ["GX010001.MP4", "GX020001.MP4", "GX010002.MP4"]

    def test_nobody_known_waits_for_a_person(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        [key] = record(catalog, "in-1", None, [], [file], "No code was found before it.")
        assert key == "2026-06-01_unidentified-card-1-1"
        assert state(catalog, key) == ("review", "No code was found before it.")
        with catalog.read() as session:
            assert jumps.ready_jumps(session) == []
            with pytest.raises(BadInput, match="not ready"):
                jumps.footage_of(session, key)

    def test_a_second_unidentified_jump_of_the_day_has_its_own_key(self, catalog: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(catalog, "in-1", files)
        keys = [record(catalog, "in-1", None, [], [file], "why")[0] for file in files]
        assert keys == ["2026-06-01_unidentified-card-1-1", "2026-06-01_unidentified-card-1-2"]

    def test_one_booking_with_two_names_is_never_guessed(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        stray = entry("GX010050.MP4", minute=30)
        put_in(catalog, "in-2", [stray], card="card-2")
        [other] = record(catalog, "in-2", passenger("Ben Okafor"), [], [stray])
        assert other != key
        reason = state(catalog, other)
        assert reason[0] == "review"
        assert "Anna Müller" in reason[1]
        assert "Ben Okafor" in reason[1]

    def test_a_code_alone_has_no_clips_and_a_clip_later_completes_it(self, catalog: Catalog):
        code, clip = entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)
        put_in(catalog, "in-1", [code, clip])
        copy(catalog, "in-1", [code])
        [key] = record(catalog, "in-1", passenger(), [code], [])
        assert state(catalog, key)[0] == "no_clips"
        record(catalog, "in-1", passenger(), [], [clip])
        assert state(catalog, key)[0] == "waiting"
        copy(catalog, "in-1", [clip])
        assert state(catalog, key)[0] == "ready"

    def test_a_copy_and_an_identification_at_once_miss_nothing(self, catalog: Catalog):
        """Each must see what the other wrote, or the jump would wait for ever for a file that is here."""
        for round_ in range(6):
            file = entry("GX010001.MP4", prefix=f"r{round_}")
            put_in(catalog, f"in-{round_}", [file], card=f"card-{round_}")
            go = threading.Barrier(2)
            payload = passenger(booking=f"B-{round_}")

            def identify(round_: int = round_, file=file, go=go, payload=payload) -> None:
                go.wait()
                record(catalog, f"in-{round_}", payload, [], [file])

            other = threading.Thread(target=identify)
            other.start()
            go.wait()
            copy(catalog, f"in-{round_}", [file])
            other.join()
            assert state(catalog, payload.jump_key)[0] == "ready"


class TestRuns:
    def test_taking_up_finishing_and_the_film(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        with catalog.read() as session:
            [ready] = jumps.ready_jumps(session)
        assert (ready.jump_key, ready.turn) == (key, 1)
        version = ready.version
        assert take_up(catalog, key, "run-1") == version
        assert state(catalog, key) == ("producing", "")
        with catalog.read() as session:
            assert jumps.ready_jumps(session) == []
        publish(catalog, key, version)
        assert state(catalog, key) == ("done", "")
        with catalog.read() as session:
            assert film_records.latest_films(session, [key, "nobody"]).keys() == {key}
        assert types(catalog)[-2:] == ["pipeline:started", "pipeline:completed"]

    def test_a_failure_is_said_once_in_the_first_words(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        take_up(catalog, key, "run-1")
        fail(catalog, key, "run-1", "GX.MP4 is cut short")
        fail(catalog, key, "run-1", "a step failed")
        assert state(catalog, key) == ("failed", "GX.MP4 is cut short")
        with catalog.read() as session:
            [event] = [event for event in events.since(session, 0) if event.type == "pipeline:failed"]
            parts = [{"code": "as_written", "values": {"text": "GX.MP4 is cut short"}}]
            assert event.data == {"run_id": "run-1", "what_parts": parts}

    def test_going_on_after_a_failure_keeps_what_is_done(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        take_up(catalog, key, "run-1")
        with catalog.write() as session:
            events.report_step(session, StepReport(key, "a", "A", StepStatus.DONE, 1.0, 2.0))
            events.report_step(
                session, StepReport(key, "b", "B", StepStatus.FAILED, 0.4, messages=as_written("cut short"))
            )
            events.report_step(session, StepReport(key, "c", "C", StepStatus.RUNNING, 0.7))
        fail(catalog, key, "run-1")
        for _ in range(2):
            with catalog.write() as session:
                jumps.resume(session, key, "run-2")
        with catalog.read() as session:
            steps = {
                step.step: (step.status, step.progress, all_worded(messages_of_step(step)))
                for step in events.steps_of(session, key)
            }
        assert steps == {"a": ("done", 1.0, ""), "b": ("waiting", 0.4, ""), "c": ("waiting", 0.7, "")}
        assert state(catalog, key) == ("producing", "")
        assert types(catalog).count("pipeline:started") == 2

    def test_the_end_of_an_overtaken_run_changes_nothing(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        take_up(catalog, key, "run-1")
        fail(catalog, key, "run-1")
        with catalog.write() as session:
            jumps.resume(session, key, "run-2")
        fail(catalog, key, "run-1", "late news")
        assert state(catalog, key) == ("producing", "")

    def test_a_run_that_died_before_it_took_the_jump_up(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        fail(catalog, key, "run-1", "the worker was killed")
        assert state(catalog, key) == ("failed", "the worker was killed")
        with catalog.read() as session:
            assert jumps.ready_jumps(session) == []

    def test_the_same_for_a_later_version(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        publish(catalog, key, take_up(catalog, key, "run-1"))
        late = entry("GX010009.MP4", minute=9, prefix="g")
        put_in(catalog, "in-2", [late], card="card-2")
        copy(catalog, "in-2", [late])
        record(catalog, "in-2", passenger(), [], [late])
        fail(catalog, key, "run-2", "the worker was killed")
        assert state(catalog, key) == ("failed", "the worker was killed. The film that was made before is still here.")

    def test_a_failure_while_the_jump_waits_for_more_files_leaves_it_waiting(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        take_up(catalog, key, "run-1")
        late = entry("GX010009.MP4", minute=9, prefix="g")
        put_in(catalog, "in-2", [late], card="card-2")
        record(catalog, "in-2", passenger(), [], [late])
        fail(catalog, key, "run-1")
        assert state(catalog, key)[0] == "waiting"
        copy(catalog, "in-2", [late])
        with catalog.read() as session:
            assert [ready.jump_key for ready in jumps.ready_jumps(session)] == [key]

    def test_an_older_film_that_comes_last_lies_in_the_newer_ones_place_so_that_one_is_made_again(
        self, catalog: Catalog
    ):
        key, files = ready_jump(catalog)
        old = take_up(catalog, key, "run-1")
        with catalog.write() as session:
            jumps.leave_out(session, key, row_ids(catalog, "in-1", files)[2])
        new = take_up(catalog, key, "run-2")
        publish(catalog, key, new, "run-2")
        publish(catalog, key, old, "run-1")
        assert state(catalog, key)[0] == "ready"
        assert shown(catalog, key) == old
        assert take_up(catalog, key, "run-3") == new
        publish(catalog, key, new, "run-3")
        assert (state(catalog, key)[0], shown(catalog, key)) == ("done", new)

    def test_a_film_that_is_wanted_again_as_it_was_before_gets_a_run_of_its_own(self, catalog: Catalog):
        """A clip comes and is left out again: the film of before is wanted, and another one has its place."""
        key, _ = ready_jump(catalog)
        first = turn(catalog, key)
        old = take_up(catalog, key, "run-1")
        publish(catalog, key, old, "run-1")
        late = entry("GX010009.MP4", minute=9, prefix="g")
        put_in(catalog, "in-2", [late], card="card-2")
        copy(catalog, "in-2", [late])
        record(catalog, "in-2", passenger(), [], [late])
        second, new = turn(catalog, key), take_up(catalog, key, "run-2")
        publish(catalog, key, new, "run-2")
        with catalog.write() as session:
            jumps.leave_out(session, key, row_ids(catalog, "in-2", [late])[0])
        third = turn(catalog, key)
        assert (third.version, shown(catalog, key)) == (old, new), "what is shown is what lies there"
        assert len({film_run(one).run_key for one in (first, second, third)}) == 3
        assert take_up(catalog, key, "run-3") == old
        publish(catalog, key, old, "run-3")
        assert (state(catalog, key)[0], shown(catalog, key)) == ("done", old)

    def test_looking_again_at_a_jump_that_is_ready_asks_for_nothing_more(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        before = turn(catalog, key)
        with catalog.write() as session:
            jumps.refresh_jump(session, key)
        assert turn(catalog, key) == before

    def test_a_film_that_could_not_be_made_anew_is_a_failure_that_says_that_the_older_one_is_there(
        self, catalog: Catalog
    ):
        key, _ = ready_jump(catalog)
        publish(catalog, key, take_up(catalog, key, "run-1"))
        version = take_up(catalog, key, "run-2")
        with catalog.read() as session:
            [unfinished] = in_progress.unfinished_jumps(session)
        assert (unfinished.run_id, unfinished.finished) == ("run-2", True)
        fail(catalog, key, "run-2", "The disk is full.")
        assert state(catalog, key) == ("failed", "The disk is full. The film that was made before is still here.")
        assert shown(catalog, key) == version

    def test_jumps_of_the_last_days_are_asked_for_before_those_of_an_archive(self, catalog: Catalog):
        for number, day in enumerate((date(2024, 5, 1), date(2026, 6, 1), date(2025, 5, 1))):
            file = entry(f"GX01000{number}.MP4")
            put_in(catalog, f"in-{number}", [file], card=f"card-{number}")
            copy(catalog, f"in-{number}", [file])
            record(catalog, f"in-{number}", make_payload("Anna Müller", "B-1", day), [], [file])
        with catalog.read() as session:
            found = [one.jump_key for one in jumps.ready_jumps(session, limit=2)]
        assert found == ["2026-06-01_B-1", "2025-05-01_B-1"]

    def test_unknown_jumps(self, catalog: Catalog):
        with catalog.read() as session:
            assert film_records.latest_film(session, "nobody") is None
            with pytest.raises(NotFound):
                jumps.footage_of(session, "nobody")


class TestLeaveOut:
    def test_a_damaged_clip(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        old = take_up(catalog, key, "run-1")
        fail(catalog, key, "run-1", "GX010002.MP4 is cut short")
        with catalog.write() as session:
            jumps.leave_out(session, key, row_ids(catalog, "in-1", files)[1])
        assert state(catalog, key) == ("ready", "")
        with catalog.read() as session:
            footage = jumps.footage_of(session, key)
        assert [clip.name for clip in footage.clips] == [files[2].name]
        assert footage.version != old
        assert roles(catalog, key) == ["qr", "left_out", "clip"]

    def test_a_clip_that_never_came_is_not_waited_for(self, catalog: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", LARGE, minute=1), entry("GX010003.MP4", LARGE, minute=2)]
        put_in(catalog, "in-1", files)
        copy(catalog, "in-1", files[:1])
        [key] = record(catalog, "in-1", passenger(), files[:1], files[1:])
        ask(catalog, "in-1")
        copy(catalog, "in-1", files[1:2])
        with catalog.write() as session:
            heard.record_copy_error(session, failed("in-1", files[2]))
        assert state(catalog, key) == ("waiting", "2 of 3 files are here.")
        with catalog.write() as session:
            jumps.leave_out(session, key, row_ids(catalog, "in-1", files)[2])
        assert state(catalog, key) == ("ready", "")

    def test_leaving_out_what_came_later_brings_the_film_back(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        publish(catalog, key, take_up(catalog, key, "run-1"))
        late = entry("GX010009.MP4", minute=9, prefix="g")
        put_in(catalog, "in-2", [late], card="card-2")
        record(catalog, "in-2", passenger(), [], [late])
        assert state(catalog, key)[0] == "waiting"
        with catalog.write() as session:
            jumps.leave_out(session, key, row_ids(catalog, "in-2", [late])[0])
        assert state(catalog, key) == ("done", "")

    def test_the_same_without_a_film_can_be_retried(self, catalog: Catalog):
        key, _ = ready_jump(catalog)
        take_up(catalog, key, "run-1")
        late = entry("GX010009.MP4", minute=9, prefix="g")
        put_in(catalog, "in-2", [late], card="card-2")
        record(catalog, "in-2", passenger(), [], [late])
        with catalog.write() as session:
            jumps.leave_out(session, key, row_ids(catalog, "in-2", [late])[0])
        assert state(catalog, key)[0] == "failed"
        publish(catalog, key, jump_of(catalog, key).wanted_version or "")
        assert state(catalog, key) == ("done", "")

    def test_every_clip(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        for row in row_ids(catalog, "in-1", files)[1:]:
            with catalog.write() as session:
                jumps.leave_out(session, key, row)
        assert state(catalog, key) == ("no_clips", "Every clip was left out.")

    def test_only_clips_of_that_jump(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        code = row_ids(catalog, "in-1", files)[0]
        with pytest.raises(BadInput, match="only a clip"), catalog.write() as session:
            jumps.leave_out(session, key, code)
        with pytest.raises(NotFound), catalog.write() as session:
            jumps.leave_out(session, key, 999_999)
        with pytest.raises(NotFound), catalog.write() as session:
            jumps.leave_out(session, "other", code)


def test_changes_are_noticed(catalog: Catalog):
    start = filming_day() - timedelta(seconds=1)
    key, _ = ready_jump(catalog)
    with catalog.read() as session:
        first = jumps.changed_since(session, start)
        assert jumps.changed_since(session, filming_day() + timedelta(minutes=1)) == {}
    take_up(catalog, key, "run-1")
    with catalog.read() as session:
        assert first[key] < jumps.changed_since(session, start)[key]


def test_the_same_content_twice_is_copied_once_and_counts(catalog: Catalog):
    """A file copied from a second card with the same content is a file of that card, of the same object."""
    file = entry("GX010001.MP4")
    put_in(catalog, "in-1", [file])
    put_in(catalog, "in-2", [file], card="card-2")
    copy(catalog, "in-1", [file])
    with catalog.write() as session:
        heard.record_copied(session, copied("in-2", file))
    first, second = row_ids(catalog, "in-1", [file]), row_ids(catalog, "in-2", [file])
    assert first != second
