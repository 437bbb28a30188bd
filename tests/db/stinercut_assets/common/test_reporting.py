"""What steps tell: in the order in which it happened, and how far the whole jump is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cataloguing import film, ready_jump

from stinercut.catalog import Catalog, events
from stinercut.catalog.models import Event, StepStatus
from stinercut.jumps import film_records, jumps
from stinercut_assets.common.reporting import Planned, Reporter

FIRST, SECOND, FILM = Planned("first", "First"), Planned("second", "Second", 1), Planned("film", "Film", 2)
PLAN = [FIRST, SECOND, FILM]


def told(catalog: Catalog) -> list[Event]:
    with catalog.read() as session:
        return list(events.since(session, 0))


def progress_of(catalog: Catalog) -> list[float]:
    return [one.data["progress"] for one in told(catalog) if one.type == "pipeline:step_completed"]


def taken_up(catalog: Catalog, run_id: str) -> tuple[str, Reporter]:
    """A jump that this run makes the film of, with its steps planned."""
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        jumps.take_up(session, key, run_id)
    reporter = Reporter(catalog, key, run_id)
    reporter.plan(PLAN)
    return key, reporter


def do(reporter: Reporter, *steps: Planned) -> None:
    for step in steps:
        with reporter.doing(step):
            pass


class TestTheEnd:
    def test_the_last_step_ends_and_then_the_film_is_told_in_one_transaction(self, catalog: Catalog):
        key, reporter = taken_up(catalog, "run-1")
        do(reporter, FIRST, SECOND)
        with catalog.read() as session:
            version = jumps.footage_of(session, key).version
        with reporter.doing(FILM) as doing:
            doing.at_end = lambda session: film_records.record_film(session, film(key, version, "run-1"))
            assert [one.type for one in told(catalog)].count("pipeline:completed") == 0
        last, end = told(catalog)[-2:]
        assert (last.type, last.data["step"], last.data["progress"]) == ("pipeline:step_completed", "film", 1.0)
        assert end.type == "pipeline:completed"

    def test_a_step_that_fails_ends_nothing(self, catalog: Catalog):
        _, reporter = taken_up(catalog, "run-1")

        def fail() -> None:
            with reporter.doing(FILM) as doing:
                doing.at_end = lambda _session: pytest.fail("it is not done")
                raise ValueError("no film")

        with pytest.raises(ValueError, match="no film"):
            fail()
        assert progress_of(catalog) == []


class TestProgress:
    def test_it_is_that_of_all_planned_steps(self, catalog: Catalog):
        _, reporter = taken_up(catalog, "run-1")
        do(reporter, FIRST, SECOND, FILM)
        assert progress_of(catalog) == [0.3333, 0.6666, 1.0]

    def test_what_a_step_says_of_itself_is_never_its_end(self, catalog: Catalog):
        key, reporter = taken_up(catalog, "run-1")
        do(reporter, FIRST, SECOND)
        with reporter.doing(FILM) as doing:
            doing.progress(1.0)
            with catalog.read() as session:
                assert events.progress_of(session, key) < 1.0

    def test_it_does_not_go_back_when_a_run_goes_on_with_what_another_left(self, catalog: Catalog):
        key, reporter = taken_up(catalog, "run-1")
        do(reporter, FIRST)
        with reporter.doing(SECOND) as doing:
            doing.progress(0.8)
        with catalog.write() as session:
            jumps.record_failure(session, key, "run-1", "cut off")
            jumps.resume(session, key, "run-2")
        again = Reporter(catalog, key, "run-2")
        again.plan(PLAN)
        do(again, FIRST, SECOND, FILM)
        assert progress_of(catalog) == sorted(progress_of(catalog))

    def test_the_next_film_begins_at_its_beginning(self, catalog: Catalog):
        key, reporter = taken_up(catalog, "run-1")
        do(reporter, FIRST, SECOND, FILM)
        with catalog.write() as session:
            jumps.take_up(session, key, "run-2")
        again = Reporter(catalog, key, "run-2")
        again.plan(PLAN)
        do(again, FIRST)
        assert progress_of(catalog)[-1] == 0.3333

    def test_a_run_that_another_overtook_tells_nothing(self, catalog: Catalog):
        key, reporter = taken_up(catalog, "run-1")
        ahead = Reporter(catalog, key, "ahead")
        with ahead.doing(FIRST):
            do(reporter, FIRST)
        assert progress_of(catalog) == [0.3333]
        with catalog.read() as session:
            assert {row.run_id for row in events.steps_of(session, key)} == {"run-1"}


@given(st.lists(st.floats(0, 1), max_size=40))
def test_the_whole_is_done_exactly_when_every_step_is(parts: list[float]) -> None:
    whole = events.overall(parts)
    assert 0.0 <= whole <= 1.0
    assert (whole == 1.0) == (bool(parts) and all(part == 1.0 for part in parts))


def test_a_line_that_is_no_work_counts_for_nothing(catalog: Catalog) -> None:
    with catalog.write() as session:
        events.report_step(session, events.StepReport("jump", "fleet", "No worker", StepStatus.WAITING, position=-1))
        events.report_step(session, events.StepReport("jump", "a", "A", StepStatus.DONE, 1.0))
        assert events.progress_of(session, "jump") == 1.0


def test_a_report_never_takes_progress_back(catalog: Catalog) -> None:
    with catalog.write() as session:
        for status, progress in ((StepStatus.RUNNING, 0.6), (StepStatus.RUNNING, 0.1), (StepStatus.WAITING, 0.0)):
            events.report_step(session, events.StepReport("jump", "a", "A", status, progress))
        [row] = events.steps_of(session, "jump")
        assert (row.status, row.progress) == ("waiting", 0.6)
