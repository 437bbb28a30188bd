"""The sensors' decisions, without Dagster: what should run, and what an ended run means."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations_with_replacement

import pytest

from sensors.common.film_requests import ahead
from sensors.common.run_requests import RequestedRun, requests
from sensors.films.template_news import Telling, Told, tell_next
from sensors.runs.run_ends import RunEnd, after_failure, being_retried, settled, verdicts
from stinercut.errors import UnreadableVideo
from stinercut.failures import FailureRecord, reason_of
from stinercut.jumps.arriving import Arriving
from stinercut.jumps.in_progress import InWork
from stinercut.jumps.staleness import NotedJump
from stinercut.language.messages import all_worded
from stinercut.pipeline_names import EARLY_PRIORITY, IDENTIFY_PRIORITY, OLDER_PRIORITY, film_priority


def broken(file: str, what: str) -> FailureRecord:
    """A clip that can't be read."""
    return FailureRecord.of(UnreadableVideo.code, what, file=file, files=(1,))


def test_a_partition_is_added_before_its_run_and_only_when_it_is_new() -> None:
    asked = requests([RequestedRun("old", "1"), RequestedRun("new", "2"), RequestedRun("new", "3")], {"old"})
    assert asked.new_partitions == ("new",)
    assert [run.run_key for run in asked.runs] == ["1", "2", "3"]


def test_the_same_wish_twice_is_one_run() -> None:
    assert len(requests([RequestedRun("jump", "1"), RequestedRun("jump", "1")], set()).runs) == 1


def test_nothing_wanted_requests_nothing() -> None:
    asked = requests([], {"jump"})
    assert not asked.runs
    assert not asked.new_partitions


@pytest.mark.parametrize("end", [RunEnd.SUCCEEDED, RunEnd.FAILED, RunEnd.CANCELED, RunEnd.GONE])
def test_a_run_that_ended_without_a_film_is_a_failure_however_it_ended(end: RunEnd) -> None:
    found = verdicts([InWork("jump", "run")], {"run": end})
    assert "Retry it" in all_worded(reason_of(found["jump"]))


def test_a_film_that_was_there_before_a_cancelled_run_is_no_failure() -> None:
    in_work = [InWork("jump", "run", finished=True)]
    assert verdicts(in_work, {"run": RunEnd.CANCELED}) == {}
    assert settled(in_work, {"run": RunEnd.CANCELED}) == ["jump"]


@pytest.mark.parametrize("end", [RunEnd.FAILED, RunEnd.GONE])
def test_a_film_that_could_not_be_made_anew_is_a_failure_though_an_older_one_is_there(end: RunEnd) -> None:
    in_work = [InWork("jump", "run", finished=True)]
    assert "Retry it" in all_worded(reason_of(verdicts(in_work, {"run": end})["jump"]))
    assert settled(in_work, {"run": end}) == []


def test_a_run_that_dagster_does_not_know_counts_as_gone() -> None:
    assert "gone" in all_worded(reason_of(verdicts([InWork("jump", "run")], {})["jump"]))


def test_what_goes_on_or_is_finished_or_has_no_run_yet_is_left_alone() -> None:
    in_work = [InWork("going", "1"), InWork("finished", "2", finished=True), InWork("asked", None)]
    assert verdicts(in_work, {"1": RunEnd.GOING, "2": RunEnd.SUCCEEDED}) == {}


def test_the_reason_is_what_the_failed_steps_said() -> None:
    said = (broken("GX010001.MP4", "cut short"), broken("GX010002.MP4", "no video"))
    failed = InWork("jump", "run", failures=said)
    found = verdicts([failed], {"run": RunEnd.FAILED}, {"run": (broken("GX010003.MP4", "late"),)})["jump"]
    assert all_worded(reason_of(found)) == "GX010001.MP4: cut short. GX010002.MP4: no video."


def test_where_no_step_said_anything_dagsters_word_counts_and_a_cancelled_run_was_cancelled() -> None:
    in_work, said = [InWork("jump", "run")], {"run": (broken("GX010001.MP4", "cut short"),)}
    assert all_worded(reason_of(verdicts(in_work, {"run": RunEnd.FAILED}, said)["jump"])) == "GX010001.MP4: cut short."
    assert [one.code for one in verdicts(in_work, {"run": RunEnd.CANCELED})["jump"]] == ["RUN_CANCELLED"]


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
    in_work = [
        InWork("cut off", "1", failures=(broken("GX010001.MP4", "interrupted"),)),
        InWork("made", "1", finished=True),
    ]
    ends = {"1": RunEnd.RETRYING}
    assert (verdicts(in_work, ends), settled(in_work, ends)) == ({}, [])
    assert being_retried([*in_work, InWork("asked", None)], ends) == ["cut off", "made"]


@dataclass(frozen=True)
class Season:
    """Films as the catalog gives them."""

    films: Sequence[NotedJump]

    def with_template(self, name: str, after: str, limit: int) -> list[NotedJump]:
        found = (film for film in self.films if (film.template or "") == name and film.jump_key > after)
        return sorted(found, key=lambda film: film.jump_key)[:limit]

    def made_after(self, film_id: int) -> list[NotedJump]:
        return [film for film in self.films if (film.film_id or 0) > film_id]


def made(number: int, template: str | None = None, made_with: str | None = "1", noted: str | None = None) -> NotedJump:
    return NotedJump(f"jump-{number}", template, number if made_with else None, made_with, noted or made_with)


def ticks(
    films: Sequence[NotedJump], current: dict[str, str], told: Told, limit: int = 2
) -> tuple[list[Telling], Told]:
    """Tick until nothing is left to say; all that was said, in order."""
    out: list[Telling] = []
    for _ in range(20):
        news, told = tell_next(
            Season(films), current, Told.from_cursor(json.loads(json.dumps(told.as_cursor()))), limit
        )
        assert len(news) <= limit
        out += news
    return out, told


class TestTellingTheLineageAboutTemplates:
    FILMS = tuple(made(number, None if number % 2 else "sunset") for number in range(1, 11))

    def told(self, before: Told, current: dict[str, str]) -> tuple[list[str], Told]:
        out, after = ticks(self.FILMS, current, before)
        return [one.jump_key for one in out], after

    def test_exactly_the_films_of_a_changed_template_are_told_about_once(self) -> None:
        before = Told({"": "a", "classic": "a", "sunset": "1"}, film_id=10, caught_up=True)
        out, after = self.told(before, {"": "b", "classic": "b", "sunset": "1"})
        assert out == ["jump-1", "jump-3", "jump-5", "jump-7", "jump-9"]
        assert after == Told({"": "b", "classic": "b", "sunset": "1"}, film_id=10, caught_up=True)

    def test_another_default_concerns_those_that_follow_it(self) -> None:
        before = Told({"": "a", "classic": "a", "sunset": "s"}, film_id=10, caught_up=True)
        out, _ = self.told(before, {"": "s", "classic": "a", "sunset": "s"})
        assert out == [f"jump-{n}" for n in (1, 3, 5, 7, 9)]

    def test_a_template_that_changes_again_meanwhile_begins_anew(self) -> None:
        before = Told({"sunset": "1"}, film_id=10, caught_up=True)
        _, before = tell_next(Season(self.FILMS), {"sunset": "2"}, before, 2)
        assert before.after
        assert self.told(before, {"sunset": "3"})[0] == [f"jump-{n}" for n in (10, 2, 4, 6, 8)]

    def test_at_the_first_look_only_films_count_that_were_made_with_something_else(self) -> None:
        films = [made(1), made(2, made_with="2"), made(3, "sunset", "s"), made(4, "sunset", "t"), made(5, "gone", "g")]
        current = {"": "2", "classic": "2", "sunset": "s"}
        for limit in (1, 2, 9):
            out, told = ticks(films, current, Told(current), limit)
            assert [(one.jump_key, one.version, one.template) for one in out] == [
                ("jump-1", "2", ""),
                ("jump-4", "s", "sunset"),
            ]
            assert told == Told(current, film_id=5, caught_up=True)
        # Later on all count: one that was told about something else must hear that it is as it was.
        out, _ = ticks(films, {**current, "": "1"}, told)
        assert [(one.jump_key, one.version) for one in out] == [("jump-1", "1"), ("jump-2", "1")]

    def test_a_cursor_of_before_looks_at_all_films_once(self) -> None:
        old = {"says": {"": "2"}, "name": "", "after": "", "fingerprint": "", "first": False}
        out, told = ticks([made(1), made(2, made_with="2")], {"": "2"}, Told.from_cursor(old))
        assert ([one.jump_key for one in out], told) == (["jump-1"], Told({"": "2"}, film_id=2, caught_up=True))

    def test_what_concerns_no_film_takes_no_time(self) -> None:
        current = {name: "1" for name in "abcdef"}
        assert tell_next(Season([]), current, Told({}), 2) == ([], Told(current, caught_up=True))

    def test_a_template_that_is_gone_is_forgotten_and_one_that_is_back_is_news(self) -> None:
        before = Told({"sunset": "1"}, film_id=10, caught_up=True)
        assert tell_next(Season(self.FILMS), {}, before, 2) == ([], Told({}, film_id=10, caught_up=True))
        assert len(self.told(Told({}, film_id=10, caught_up=True), {"sunset": "1"})[0]) == 5


class Lineage:
    """Dagster as far as it matters here: a film is stale when what was observed last is not what its step noted."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.observed = template
        self.films: list[NotedJump] = []
        self.noted = self.made_with = ""
        self.told = Told({"": template}, caught_up=True)

    def tick(self) -> None:
        news, self.told = tell_next(Season(self.films[-1:] or [made(1, made_with=None)]), self.now(), self.told, 9)
        for one in news:
            self.observed = one.version

    def now(self) -> dict[str, str]:
        return {"": self.template}

    def begin(self) -> None:
        self.noted = self.observed

    def read(self) -> None:
        self.made_with = self.template

    def finish(self) -> None:
        self.films.append(NotedJump("jump-1", None, len(self.films) + 1, self.made_with, self.noted))

    def copied(self) -> Lineage:
        """One that goes its own way from here on."""
        other = copy.copy(self)
        other.films = list(self.films)
        return other

    def is_right(self) -> bool:
        film = self.films[-1]
        return (self.observed == film.noted) == (film.made_with == self.template)


@pytest.mark.parametrize("saved", [("2",), ("2", "1"), ("2", "3"), ("2", "1", "2"), ("2", "3", "1")])
def test_the_lineage_is_exact_whenever_a_template_is_saved_and_a_film_is_made(saved: tuple[str, ...]) -> None:
    """However the saving of templates and the sensor's looks fall into the making of two films."""
    making = ("begin", "read", "finish") * 2
    for places in combinations_with_replacement(range(len(making) + 1), len(saved)):
        acts = list[tuple[float, str, str]]((number + 0.5, act, "") for number, act in enumerate(making))
        acts += [(place, "save", version) for place, version in zip(places, saved, strict=True)]
        acts.sort(key=lambda act: act[0])
        require_right(Lineage("1"), acts, ())


def require_right(lineage: Lineage, acts: Sequence[tuple[float, str, str]], looks: tuple[bool, ...]) -> None:
    """However the sensor looks from here on, after each act or not. What came before, with these looks, is done once
    for all of them.
    """
    if len(looks) == len(acts):
        lineage.tick()
        assert lineage.is_right(), (acts, looks)
        return
    _, act, version = acts[len(looks)]
    if act == "save":
        lineage.template = version
    else:
        getattr(lineage, act)()
    seen = lineage.copied()
    seen.tick()
    require_right(seen, acts, (*looks, True))
    require_right(lineage, acts, (*looks, False))


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
