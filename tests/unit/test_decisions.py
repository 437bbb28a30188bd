"""The sensors' decisions, without Dagster: what should run, and what an ended run means."""

import pytest

from sensors.decisions import RunEnd, Wanted, requests, verdicts
from stinercut.catalog.watching import InWork


def test_a_partition_is_added_before_its_run_and_only_when_it_is_new() -> None:
    asked = requests([Wanted("old", "1"), Wanted("new", "2"), Wanted("new", "3")], {"old"})
    assert asked.new_partitions == ("new",)
    assert [run.run_key for run in asked.runs] == ["1", "2", "3"]


def test_the_same_wish_twice_is_one_run() -> None:
    assert len(requests([Wanted("jump", "1"), Wanted("jump", "1")], set()).runs) == 1


def test_nothing_wanted_requests_nothing() -> None:
    asked = requests([], {"jump"})
    assert not asked.runs
    assert not asked.new_partitions


@pytest.mark.parametrize("end", [RunEnd.SUCCEEDED, RunEnd.FAILED, RunEnd.CANCELED, RunEnd.GONE])
def test_a_run_that_ended_without_a_film_is_a_failure_however_it_ended(end: RunEnd) -> None:
    found = verdicts([InWork("jump", "run")], {"run": end})
    assert "Retry it" in found["jump"]


def test_a_run_that_dagster_does_not_know_counts_as_gone() -> None:
    assert "gone" in verdicts([InWork("jump", "run")], {})["jump"]


def test_what_goes_on_or_is_finished_or_has_no_run_yet_is_left_alone() -> None:
    in_work = [InWork("going", "1"), InWork("finished", "2", finished=True), InWork("asked", None)]
    assert verdicts(in_work, {"1": RunEnd.GOING, "2": RunEnd.SUCCEEDED}) == {}


def test_the_reason_is_what_the_failed_steps_said() -> None:
    failed = InWork("jump", "run", step_errors=("GX010001.MP4: cut short.", "GX010002.MP4: no video."))
    assert verdicts([failed], {"run": RunEnd.FAILED})["jump"] == "GX010001.MP4: cut short. GX010002.MP4: no video."
