"""The sensors' decisions, without Dagster: what should run, and what an ended run means."""

import json
from collections.abc import Sequence
from datetime import date

import pytest

from sensors.decisions import (
    FilmsOf,
    RunEnd,
    Told,
    Wanted,
    after_failure,
    ahead,
    being_retried,
    requests,
    settled,
    tell_next,
    verdicts,
)
from stinercut.catalog.arriving import Arriving
from stinercut.catalog.watching import InWork
from stinercut.priorities import EARLY_PRIORITY, IDENTIFY_PRIORITY, OLDER_PRIORITY, film_priority


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


@pytest.mark.parametrize("end", [RunEnd.FAILED, RunEnd.CANCELED, RunEnd.GONE])
def test_a_film_that_could_not_be_made_anew_is_a_failure_though_an_older_one_is_there(end: RunEnd) -> None:
    in_work = [InWork("jump", "run", finished=True)]
    assert "Retry it" in verdicts(in_work, {"run": end})["jump"]
    assert settled(in_work, {"run": end}) == []


def test_a_run_that_dagster_does_not_know_counts_as_gone() -> None:
    assert "gone" in verdicts([InWork("jump", "run")], {})["jump"]


def test_what_goes_on_or_is_finished_or_has_no_run_yet_is_left_alone() -> None:
    in_work = [InWork("going", "1"), InWork("finished", "2", finished=True), InWork("asked", None)]
    assert verdicts(in_work, {"1": RunEnd.GOING, "2": RunEnd.SUCCEEDED}) == {}


def test_the_reason_is_what_the_failed_steps_said() -> None:
    failed = InWork("jump", "run", step_errors=("GX010001.MP4: cut short.", "GX010002.MP4: no video."))
    assert verdicts([failed], {"run": RunEnd.FAILED})["jump"] == "GX010001.MP4: cut short. GX010002.MP4: no video."


@pytest.mark.parametrize(
    ("tag", "considered", "over", "stands"),
    [
        ("true", False, False, RunEnd.RETRYING),
        (None, False, False, RunEnd.RETRYING),  # Dagster writes the tag just after the failure.
        ("false", False, False, RunEnd.FAILED),  # A step failed, or all retries were used.
        ("true", True, False, RunEnd.FAILED),  # The promise was broken.
        (None, True, False, RunEnd.FAILED),
        ("true", False, True, RunEnd.FAILED),  # Its backfill was cancelled.
    ],
)
def test_a_run_that_was_cut_off_is_begun_again_unless_dagster_says_no_or_let_it_be(
    tag: str | None, considered: bool, over: bool, stands: RunEnd
) -> None:
    assert after_failure(tag, considered=considered, backfill_over=over) is stands


def test_what_is_about_to_be_begun_again_has_neither_failed_nor_come_to_rest() -> None:
    in_work = [InWork("cut off", "1", step_errors=("interrupted",)), InWork("made", "1", finished=True)]
    ends = {"1": RunEnd.RETRYING}
    assert (verdicts(in_work, ends), settled(in_work, ends)) == ({}, [])
    assert being_retried([*in_work, InWork("asked", None)], ends) == ["cut off", "made"]


def of(films: Sequence[tuple[str, str, str]]) -> FilmsOf:
    """The films of these (jump key, template, fingerprint), as the catalog gives them."""

    def films_of(template: str, after: str, otherwise: str | None, limit: int) -> list[str]:
        found = (jump for jump, name, made_with in films if name == template and made_with != otherwise)
        return sorted(jump for jump in found if jump > after)[:limit]

    return films_of


class TestTellingTheLineageAboutTemplates:
    FILMS = tuple((f"jump-{number}", "" if number % 2 else "sunset", f"made {number}") for number in range(10))

    def told(self, before: Told, current: dict[str, str], limit: int = 2) -> tuple[list[str], Told]:
        """Tick until nothing is left to say; every jump that was told about, in order."""
        out: list[str] = []
        for _ in range(20):
            news, before = tell_next(
                of(self.FILMS), current, Told.from_cursor(json.loads(json.dumps(before.as_cursor()))), limit
            )
            assert len(news) <= limit
            out += [jump for jump, _ in news]
        return out, before

    def test_exactly_the_films_of_a_changed_template_are_told_about_once(self) -> None:
        before = Told({"": "a", "classic": "a", "sunset": "s"}, "", "")
        out, after = self.told(before, {"": "b", "classic": "b", "sunset": "s"})
        assert out == ["jump-1", "jump-3", "jump-5", "jump-7", "jump-9"]
        assert after.says == {"": "b", "classic": "b", "sunset": "s"}

    def test_another_default_concerns_those_that_follow_it(self) -> None:
        before = Told({"": "a", "classic": "a", "sunset": "s"}, "", "")
        assert self.told(before, {"": "s", "classic": "a", "sunset": "s"})[0] == [f"jump-{n}" for n in (1, 3, 5, 7, 9)]

    def test_a_template_that_changes_again_meanwhile_begins_anew(self) -> None:
        before = Told({"sunset": "1"}, "", "")
        _, before = tell_next(of(self.FILMS), {"sunset": "2"}, before, 2)
        assert self.told(before, {"sunset": "3"})[0] == [f"jump-{n}" for n in (0, 2, 4, 6, 8)]

    def test_at_the_first_look_only_films_count_that_were_made_with_something_else(self) -> None:
        films = [("a", "", "1"), ("b", "", "2"), ("c", "sunset", "s"), ("d", "sunset", "t"), ("e", "gone", "g")]
        current = {"": "2", "classic": "2", "sunset": "s"}
        news, told = tell_next(of(films), current, Told({}, "", "", first=True), 1)
        assert (news, told.first) == ([("a", "")], True)
        news, told = tell_next(of(films), current, Told.from_cursor(told.as_cursor()), 2)
        assert (news, told) == ([("d", "sunset")], Told(current, "", ""))
        assert tell_next(of(films), current, Told({}, "", "", first=True), 2) == ([("a", ""), ("d", "sunset")], told)
        # Later on all count: one that was told about something else must hear that it is as it was.
        news, _ = tell_next(of(films), {**current, "": "1"}, told, 2)
        assert news == [("a", ""), ("b", "")]

    def test_what_concerns_no_film_takes_no_time(self) -> None:
        current = {name: "1" for name in "abcdef"}
        assert tell_next(of([]), current, Told({}, "", "", first=True), 2) == ([], Told(current, "", ""))

    def test_a_template_that_is_gone_is_forgotten_and_one_that_is_back_is_news(self) -> None:
        before = Told({"sunset": "1"}, "", "")
        assert tell_next(of(self.FILMS), {}, before, 2) == ([], Told({}, "", ""))
        assert len(self.told(Told({}, "", ""), {"sunset": "1"})[0]) == 5


def test_a_finished_jump_whose_run_ended_is_settled_and_one_that_is_worked_on_is_not() -> None:
    in_work = [InWork("ended", "1", finished=True), InWork("going", "2", finished=True), InWork("unfinished", "1")]
    assert settled(in_work, {"1": RunEnd.SUCCEEDED, "2": RunEnd.GOING}) == ["ended"]


def test_what_was_asked_for_is_remembered_while_its_jump_waits() -> None:
    day = date(2026, 6, 1)
    wanted, cursor = ahead([Arriving("a", day, "v2")], {"a": "v1", "done": "v9"}, {"a"})
    assert [one.partition for one in wanted] == ["a"]
    assert cursor == {"a": "v2"}
    again, _ = ahead([Arriving("a", day, "v3")], cursor, {"a"})
    assert again[0].run_key != wanted[0].run_key


def test_cards_come_before_films_of_today_and_those_before_what_is_rendered_ahead_and_older_jumps() -> None:
    today = date(2026, 6, 2)
    films = [film_priority(day, today) for day in (today, date(2026, 6, 1), date(2026, 5, 31))]
    assert films[0] == films[1]
    assert IDENTIFY_PRIORITY > films[0] > EARLY_PRIORITY > films[2] == OLDER_PRIORITY > 0
