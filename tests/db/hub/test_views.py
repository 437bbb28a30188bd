"""What browsers are shown: cards and jumps in every state, and the small decisions of the hub."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support import heard
from support.cataloguing import (
    LARGE,
    ask,
    copy,
    empty_catalog,
    entry,
    failed,
    film,
    inserted,
    passenger,
    put_in,
    ready_jump,
    record,
    row_ids,
)
from support.clocks import NOON

from hub.__main__ import check
from hub.cards.copy_progress import Live, ProgressSnapshot
from hub.cards.views import ERRORS_SHOWN, CardView, card_views
from hub.films.files import download_name
from hub.films.rerender import BackfillRequest, Renewal
from hub.jumps.views import JumpView, jump_views
from hub.kit.dagster_client import Backfill, Dagster, PipelineRun
from hub.kit.security import answer_headers, is_same_origin
from hub.kit.views import Links
from hub.runs.pipeline import Stand, run_to_resume
from stinercut.cards import insertions
from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import Insertion, StepStatus
from stinercut.errors import Conflict, HostNotReady
from stinercut.jumps import film_records, jumps, listing
from stinercut.jumps.staleness import Stale
from stinercut.protocol import ErrorCode
from stinercut.settings import Settings

HERE = ProgressSnapshot(connected=frozenset({"det"}))
LINKS = Links("http://127.0.0.1:3000", Path("films"))


@pytest.fixture
def known(tmp_path: Path) -> Catalog:
    url = empty_catalog(tmp_path)
    return Catalog.open(url)


def card(catalog: Catalog, picture: ProgressSnapshot = HERE) -> CardView:
    with catalog.read() as session:
        [view] = card_views(session, picture, ["card-1"])
        shown = card_views(session, picture)
    assert view in shown
    return view


def jump(catalog: Catalog, key: str) -> JumpView:
    with catalog.read() as session:
        [view] = jump_views(session, LINKS, [key])
    return view


def out(catalog: Catalog, insertion: str = "in-1") -> None:
    with catalog.write() as session:
        heard.record_removed(session, insertion)


class TestCard:
    def test_scanning(self, known: Catalog):
        with known.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
        view = card(known)
        assert (view.state, view.connected, view.label) == ("scanning", True, "GOPRO")
        away = card(known, ProgressSnapshot())
        assert (away.state, away.connected) == ("scanning", False)
        assert "not connected" in away.message

    def test_empty(self, known: Catalog):
        put_in(known, "in-1", [])
        assert card(known).state == "empty"

    def test_copying_to_safe(self, known: Catalog):
        files = [entry("GX010001.MP4", 1_000_000), entry("GX010002.MP4", 3_000_000, minute=1)]
        put_in(known, "in-1", files)
        ask(known, "in-1")
        copy(known, "in-1", files[:1])
        key = ("in-1", files[1].file_id)
        view = card(known, ProgressSnapshot(frozenset({"det"}), {key: 500_000}, {"in-1": 9e7}))
        assert view.state == "copying"
        assert (view.bytes.total, view.bytes.done, view.rate) == (4_000_000, 1_500_000, 9e7)
        assert [(file.name, file.size, file.done) for file in view.copying] == [("GX010002.MP4", 3_000_000, 500_000)]
        assert view.message == "1 of 2 new files copied and checked. Leave it in."
        copy(known, "in-1", files[1:])
        view = card(known, ProgressSnapshot(frozenset({"det"}), {key: 500_000}, {"in-1": 9e7}))
        assert (view.state, view.bytes.done, view.copying, view.rate) == ("safe", 4_000_000, [], None)
        assert view.message == "All 2 new files are copied and checked. You can pull it out."
        out(known)
        assert card(known).state == "removed"

    def test_nothing_new(self, known: Catalog):
        files = [entry("GX010001.MP4")]
        put_in(known, "in-1", files)
        copy(known, "in-1", files)
        put_in(known, "in-2", files)
        view = card(known)
        assert (view.insertion, view.state, view.files.known, view.files.new) == ("in-2", "safe", 1, 0)
        assert "Nothing new" in view.message

    def test_waiting_for_codes(self, known: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", LARGE, minute=1)]
        put_in(known, "in-1", files)
        ask(known, "in-1")
        copy(known, "in-1", files[:1])
        view = card(known)
        assert view.state == "copying"
        assert "codes" in view.message
        with known.write() as session:
            session.get_one(Insertion, "in-1").identify_error = "The worker was killed."
        view = card(known)
        assert view.problem == "The worker was killed."
        assert "could not be read" in view.message

    def test_pulled_out_too_early(self, known: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(known, "in-1", files)
        ask(known, "in-1")
        copy(known, "in-1", files[:1])
        out(known)
        view = card(known)
        assert view.state == "incomplete"
        assert view.message == "It was pulled out with 1 file still to copy. Put it in again to fetch them."
        assert view.removed_at is not None

    def test_pulled_out_before_it_was_looked_at(self, known: Catalog):
        with known.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
        out(known)
        assert card(known).state == "incomplete"

    def test_a_file_that_failed(self, known: Catalog):
        file = entry("GX010001.MP4")
        put_in(known, "in-1", [file])
        ask(known, "in-1")
        with known.write() as session:
            heard.record_copy_error(session, failed("in-1", file, ErrorCode.HASH_MISMATCH))
        view = card(known)
        assert view.state == "incomplete"
        assert [(error.name, error.code, error.detail) for error in view.errors] == [
            ("GX010001.MP4", "HASH_MISMATCH", "it could not be read")
        ]
        out(known)
        assert card(known).state == "incomplete"

    def test_a_card_that_fails_altogether_hides_no_other_cards_errors(self, known: Catalog):
        broken = [entry(f"GX01{n:04}.MP4") for n in range(ERRORS_SHOWN + 5)]
        other = entry("GX990001.MP4")
        put_in(known, "in-1", broken)
        put_in(known, "in-2", [other], card="card-2")
        ask(known, "in-1")
        ask(known, "in-2")
        with known.write() as session:
            for file in broken:
                heard.record_copy_error(session, failed("in-1", file, ErrorCode.SOURCE_IO))
            heard.record_copy_error(session, failed("in-2", other, ErrorCode.HASH_MISMATCH))
        with known.read() as session:
            errors = {view.card: [error.name for error in view.errors] for view in card_views(session, HERE)}
        assert errors == {"card-1": [file.name for file in broken[:ERRORS_SHOWN]], "card-2": ["GX990001.MP4"]}

    def test_progress_of_a_file_that_is_done_or_of_another_card_does_not_count(self, known: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(known, "in-1", files)
        ask(known, "in-1")
        copy(known, "in-1", files[:1])
        late = {("in-1", files[0].file_id): 5, ("in-9", files[1].file_id): 7}
        view = card(known, ProgressSnapshot(frozenset({"det"}), late, {}))
        assert (view.copying, view.bytes.done) == ([], files[0].size)

    def test_cards_that_are_in_come_first(self, known: Catalog):
        for number in range(3):
            put_in(known, f"in-{number}", [entry("A.MP4")], card=f"card-{number}")
        out(known, "in-2")
        with known.read() as session:
            assert [view.card for view in card_views(session, HERE)] == ["card-1", "card-0", "card-2"]


class TestJump:
    def test_from_waiting_to_done(self, known: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(known, "in-1", files)
        copy(known, "in-1", files[:1])
        [key] = record(known, "in-1", passenger("Đorđe Šćepanović"), files[:1], files[1:])
        view = jump(known, key)
        assert (view.state, view.passenger, view.reason) == ("waiting", "Đorđe Šćepanović", "1 of 2 files are here.")
        assert [(file.name, file.role, file.state) for file in view.files] == [
            ("GX010001.MP4", "qr", "copied"),
            ("GX010002.MP4", "clip", "pending"),
        ]
        copy(known, "in-1", files[1:])
        with known.write() as session:
            version = jumps.take_up(session, key, "run-1").version
            events.report_step(session, StepReport(key, "title", "Title", StepStatus.DONE, 0.9, 1.5, position=0))
            events.report_step(session, StepReport(key, "clip:2", "GX010002.MP4", StepStatus.RUNNING, 0.5, position=1))
        view = jump(known, key)
        assert (view.state, view.progress, view.film, view.run_id) == ("producing", 0.75, None, "run-1")
        assert [(step.step, step.status, step.progress) for step in view.steps] == [
            ("title", "done", 1.0),
            ("clip:2", "running", 0.5),
        ]
        assert view.links.run == "http://127.0.0.1:3000/runs/run-1"
        assert view.links.partition.endswith(f"partition={key}")
        with known.write() as session:
            film_records.record_film(session, film(key, version, name="Đorđe Šćepanović"))
        view = jump(known, key)
        assert (view.state, view.progress) == ("done", 1.0)
        assert view.film is not None
        assert view.film.url.startswith(f"/films/{key}/{key}.mp4?v=")
        assert view.film.download == f"{view.film.url}&download=1"
        assert [check.passed for check in view.film.checks] == [True]

    def test_a_file_that_cannot_be_copied_is_named(self, known: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(known, "in-1", files)
        copy(known, "in-1", files[:1])
        [key] = record(known, "in-1", passenger(), files[:1], files[1:])
        with known.write() as session:
            heard.record_copy_error(session, failed("in-1", files[1]))
        view = jump(known, key)
        assert (view.files[1].state, view.files[1].detail) == ("failed", "it could not be read")
        assert "GX010002.MP4" in view.reason
        put_in(known, "in-2", files)
        assert jump(known, key).files[1].state == "pending"

    def test_left_out(self, known: Catalog):
        key, files = ready_jump(known)
        with known.write() as session:
            jumps.leave_out(session, key, row_ids(known, "in-1", files)[1])
        assert [file.role for file in jump(known, key).files] == ["qr", "left_out", "clip"]

    def test_what_a_file_repeats_is_said(self, known: Catalog):
        key, files = ready_jump(known)
        again = [file.model_copy(update={"file_id": f"g{file.file_id}"}) for file in files]
        put_in(known, "in-2", again, "card-2")
        ask(known, "in-2")
        copy(known, "in-2", again)
        record(known, "in-2", passenger(), again[:1], again[1:])
        seen = {file.file_id: file.same_as for file in jump(known, key).files}
        assert [seen[row] for row in row_ids(known, "in-1", files)] == ["", "", ""]
        assert [seen[row] for row in row_ids(known, "in-2", again)] == [f"{file.name} of card GOPRO" for file in files]

    def test_nobody_known(self, known: Catalog):
        file = entry("GX010001.MP4")
        put_in(known, "in-1", [file])
        [key] = record(known, "in-1", None, [], [file], "No code was found.")
        view = jump(known, key)
        assert (view.passenger, view.state, view.reason) == (None, "review", "No code was found.")

    def test_newest_first(self, known: Catalog):
        files = [entry(f"GX01000{n}.MP4", minute=n) for n in range(3)]
        put_in(known, "in-1", files)
        for n, file in enumerate(files):
            record(known, "in-1", passenger(booking=f"B-{n}"), [], [file])
        with known.read() as session:
            keys = listing.newest(session, 2).keys
            views = jump_views(session, LINKS, ["2026-06-01_B-0", "nobody", *keys])
        assert keys == ["2026-06-01_B-2", "2026-06-01_B-1"]
        assert [view.booking_id for view in views] == ["B-2", "B-1", "B-0"]


class TestLive:
    def test_rate_and_done(self):
        at = [100.0]
        live = Live(lambda: at[0])
        for step in range(11):
            at[0] = 100 + step * 0.5
            live.progress("det", "in-1", "a", step * 1_000_000)
        picture = live.picture()
        assert picture.done == {("in-1", "a"): 10_000_000}
        assert picture.rates["in-1"] == pytest.approx(2_000_000)
        assert picture.copying == {"in-1"}

    def test_the_next_file_goes_on_with_the_rate(self):
        at = [0.0]
        live = Live(lambda: at[0])
        live.progress("det", "in-1", "a", 1_000_000)
        at[0] = 1.0
        live.finished("in-1", "a", 3_000_000)
        live.progress("det", "in-1", "b", 1_000_000)
        assert live.picture().done == {("in-1", "b"): 1_000_000}
        assert live.picture().rates["in-1"] == pytest.approx(3_000_000)

    def test_a_stall_has_no_rate(self):
        at = [0.0]
        live = Live(lambda: at[0])
        live.progress("det", "in-1", "a", 1)
        at[0] = 1.0
        live.progress("det", "in-1", "a", 2_000_000)
        assert live.picture().rates
        at[0] = 60.0
        assert live.picture().rates == {}

    def test_what_a_lost_detector_was_doing_is_forgotten(self):
        live = Live()
        live.connect("det")
        live.progress("det", "in-1", "a", 5)
        live.progress("other", "in-2", "b", 5)
        live.disconnect("det")
        assert live.picture().connected == frozenset()
        assert live.picture().done == {("in-2", "b"): 5}
        live.removed("in-2")
        assert live.picture().done == {}


class TestSecurity:
    @pytest.mark.parametrize(
        ("origin", "host", "allowed"),
        [
            (None, "hub:8800", True),
            ("http://hub:8800", "hub:8800", True),
            ("https://Hub:8800", "hub:8800", True),
            ("http://hub:8801", "hub:8800", False),
            ("http://evil.example", "hub:8800", False),
            ("http://hub:8800.evil.example", "hub:8800", False),
            ("null", "hub:8800", False),
            ("", "hub:8800", False),
            ("null", "", False),
        ],
    )
    def test_same_origin(self, origin: str | None, host: str, allowed: bool):
        headers = {"host": host} | ({"origin": origin} if origin is not None else {})
        assert is_same_origin(headers) is allowed

    def test_no_listening_beyond_this_machine_without_a_token(self, tmp_path: Path):
        with pytest.raises(HostNotReady, match="without a token"):
            check(Settings(data=tmp_path, host="0.0.0.0"))
        check(Settings(data=tmp_path, host="127.0.0.1"))
        check(Settings.model_validate({"data": tmp_path, "host": "0.0.0.0", "token": "secret"}))

    def test_a_strange_host_does_not_reach_the_policy(self):
        assert "evil" not in answer_headers("evil; script-src *")["content-security-policy"]
        assert "ws://hub:8800" in answer_headers("hub:8800")["content-security-policy"]


def run(status: str, run_id: str = "r") -> PipelineRun:
    return PipelineRun(run_id, "produce_jump", status, None, None)


def stand(state: str | None, run_id: str = "r") -> Stand:
    return Stand(state, run_id, state == "failed")


def resumed(runs: list[PipelineRun], state: str | None, took_up: str = "r") -> str | None:
    found = run_to_resume(runs, stand(state, took_up), NOON)
    return found.run_id if found else None


class TestRetry:
    def test_the_newest_failed_run_is_resumed(self):
        runs = [run("FAILURE", "new"), run("FAILURE", "old")]
        assert resumed(runs, "failed", "new") == "new"
        assert resumed([run("CANCELED", "new")], "producing", "new") == "new"
        assert resumed(runs, None) == "new"

    def test_a_run_that_has_another_footage_in_hand_is_not_gone_on_with(self):
        """A clip broke the newest run and was left out: that run would render it once more."""
        assert resumed([run("FAILURE", "with the clip"), run("SUCCESS", "without")], "failed", "without") is None

    def test_a_run_that_went_on_with_another_one_in_vain_is_not_gone_on_with(self):
        """It had what the first one's finished assets left, and so would the next."""
        again = replace(run("FAILURE", "again"), resumes="first")
        assert resumed([again, run("FAILURE", "first")], "failed", "again") is None

    def test_a_run_that_only_worked_ahead_is_none_to_go_on_with(self):
        ahead = replace(run("FAILURE", "ahead"), job="render_arrived_clips")
        assert resumed([ahead, run("FAILURE", "film")], "failed", "film") == "film"
        assert resumed([replace(ahead, status="STARTED"), run("FAILURE", "film")], "failed", "film") == "film"

    def test_what_dagster_forgot_or_calls_a_success_begins_anew(self):
        assert resumed([], "failed") is None
        assert resumed([run("SUCCESS"), run("FAILURE")], "failed") is None
        assert run_to_resume([], Stand(None, None, failed=True), NOON) is None

    def test_not_while_dagster_is_about_to_do_it(self):
        with pytest.raises(Conflict, match="by itself"):
            run_to_resume([replace(run("FAILURE"), will_retry=True)], stand("failed"), NOON)
        promised = replace(run("FAILURE"), will_retry=True, ended=NOON - timedelta(seconds=20))
        with pytest.raises(Conflict, match="by itself"):
            run_to_resume([promised], stand("producing"), NOON)

    def test_a_promise_of_dagster_that_was_not_kept_stops_nobody(self):
        broken = replace(run("FAILURE"), will_retry=True, ended=NOON - timedelta(minutes=3))
        assert resumed([broken], "failed") == "r"

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("QUEUED", "waits for its turn"),
            ("NOT_STARTED", "waits for its turn"),
            ("STARTING", "is beginning"),
            ("STARTED", "is being worked on"),
            ("CANCELING", "is being cancelled"),
        ],
    )
    def test_not_while_one_is_going_on(self, status: str, words: str):
        with pytest.raises(Conflict, match=words) as refused:
            run_to_resume([run("FAILURE", "a"), run(status, "0f9c-uuid")], stand("failed"), NOON)
        assert not re.search(f"uuid|run|{status.lower()}", refused.value.sentence())

    @pytest.mark.parametrize("state", ["done", "review", "no_clips", "waiting", "ready"])
    def test_not_when_the_jump_did_not_fail(self, state: str):
        with pytest.raises(Conflict):
            run_to_resume([run("FAILURE")], stand(state), NOON)

    def test_not_without_a_failure(self):
        with pytest.raises(Conflict, match="nothing was begun"):
            run_to_resume([], stand("producing"), NOON)
        with pytest.raises(Conflict, match="nothing of it failed"):
            run_to_resume([run("SUCCESS"), run("FAILURE")], stand("producing"), NOON)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Anna Müller", "Anna Müller 2026-06-01.mp4"),
        ("../../etc/passwd", "etc passwd 2026-06-01.mp4"),
        ('a"b\r\nc: d', "a b c d 2026-06-01.mp4"),
        ("...", "film 2026-06-01.mp4"),
    ],
)
def test_download_names(name: str, expected: str):
    assert download_name(name, "2026-06-01") == expected


@pytest.mark.parametrize(("jumps", "title"), [(1, "1 film with a"), (2, "2 films with a")])
def test_a_backfill_has_a_title_for_dagsters_page(
    known: Catalog, monkeypatch: pytest.MonkeyPatch, jumps: int, title: str
) -> None:
    titles: list[str] = []

    async def nothing(_self: Dagster) -> list[Backfill]:
        return []

    async def started(_self: Dagster, _assets: object, _jumps: object, title: str, _tags: object) -> str:
        titles.append(title)
        return "id"

    monkeypatch.setattr(Dagster, "backfilling", nothing)
    monkeypatch.setattr(Dagster, "backfill", started)
    stale = [Stale(f"2026-06-01_B-{number}", "classic", ("sound",), 1.0, 1.0, NOON) for number in range(jumps)]

    def found(_self: Renewal) -> tuple[list[Stale], dict[str, str], list[object]]:
        return stale, {}, []

    monkeypatch.setattr(Renewal, "_stale", found)
    renewal = Renewal(known, Dagster.at("http://127.0.0.1:1"), (), "classic", 1)
    assert asyncio.run(renewal.start(BackfillRequest())).backfill == "id"
    assert titles == [f"{title} changed template"]
