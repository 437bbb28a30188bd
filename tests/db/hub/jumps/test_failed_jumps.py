"""A failed jump is no dead end: the board and the page of review say what went wrong, and what can be done about it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from support.cataloguing import film, ready_jump, row_ids

from hub.jumps.views import JumpView, jump_views
from hub.kit.views import Links
from hub.review.views import GroupView, group_view
from stinercut.catalog import Catalog
from stinercut.catalog.models import JumpState
from stinercut.errors import HostNotReady, StinercutError, UnreadableVideo
from stinercut.failures import reason_of
from stinercut.jumps import film_records, jumps
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, as_written
from stinercut.review import file_groups
from stinercut.runs.failure_rows import failures_of_steps
from stinercut_assets.common.reporting import Planned, Reporter, as_failure, failures, record_of_failure

LINKS = Links("http://127.0.0.1:3000", Path("films"))
FILES = Planned("files", "Check the files")


def failed(catalog: Catalog, *about: int, error: Exception) -> str:
    """A jump whose first step fails with this error over these of its files (0: the code, 1, 2: clips)."""
    key, files = ready_jump(catalog)
    rows = row_ids(catalog, "in-1", files)
    with catalog.write() as session:
        jumps.take_up(session, key, "run-1")

    def step() -> None:
        with Reporter(catalog, key, "run-1").doing(FILES) as doing:
            doing.at_fault = [rows[number] for number in about]
            raise error

    with suppress(type(error), dg.Failure):
        step()
    end(catalog, key)
    return key


def end(catalog: Catalog, key: str) -> None:
    """Its run has ended, and the sensor saw it."""
    with catalog.write() as session:
        found = failures_of_steps(session, key)
        jumps.record_failure(session, key, "run-1", reason_of(found), found)


def on_board(catalog: Catalog, key: str) -> JumpView:
    with catalog.read() as session:
        [view] = jump_views(session, LINKS, [key])
    return view


def in_review(catalog: Catalog) -> list[GroupView]:
    with catalog.read() as session:
        return [group_view(one) for one in file_groups.groups(session, file_groups.needing_a_person(session))]


def test_leaving_the_clip_out_is_the_first_answer_wherever_its_step_failed(catalog: Catalog) -> None:
    key = failed(catalog, 1, error=UnreadableVideo("the video is cut short", advice="Leave the clip out."))
    view = on_board(catalog, key)
    clip = view.files[1]
    assert [(one.kind, one.files) for one in view.remedies] == [("leave_out", [clip.file_id])]
    assert [(one.code, one.file) for one in view.failures] == [("UNREADABLE_VIDEO", clip.name)]
    assert view.reason == f"{clip.name}: the video is cut short. Leave the clip out."
    assert view.reason.count(view.steps[0].message) == 1, "the tile says it once"


def test_failed_jumps_are_on_the_page_of_what_needs_a_person_until_they_are_answered(catalog: Catalog) -> None:
    key = failed(catalog, 2, error=UnreadableVideo("no video"))
    [group] = in_review(catalog)
    assert (group.jump, group.state) == (key, "failed")
    [remedy] = group.remedies
    with catalog.write() as session:
        assert file_groups.waiting(session) == [], "nobody has to say whose it is"
        jumps.leave_out(session, key, remedy.files[0])
    assert in_review(catalog) == []
    assert on_board(catalog, key).remedies == []


def test_an_exception_stands_in_words_and_its_own_are_in_the_details(catalog: Catalog) -> None:
    view = on_board(catalog, failed(catalog, error=RuntimeError("Command '['/usr/bin/ffmpeg', '-version']' died")))
    assert "RuntimeError" not in view.reason
    assert "Check the files" in view.reason
    [failure] = view.failures
    assert failure.details == "RuntimeError: Command '['ffmpeg', '-version']' died"
    assert [one.kind for one in view.remedies] == ["retry"]


def test_the_film_of_before_is_said_beside_it_once(catalog: Catalog) -> None:
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        version = jumps.take_up(session, key, "run-0").version
        film_records.record_film(session, film(key, version, "run-0"))
        jumps.resume(session, key, "run-1")

    def step() -> None:
        with Reporter(catalog, key, "run-1").doing(FILES):
            raise HostNotReady("the disk is full", advice="Free some space.")

    with pytest.raises(Exception, match="full"):
        step()
    end(catalog, key)
    assert (
        on_board(catalog, key).reason
        == "the disk is full. Free some space. The film that was made before is still here."
    )


def test_a_jump_that_failed_before_failures_were_kept_in_parts_can_be_tried_again(catalog: Catalog) -> None:
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        jumps.take_up(session, key, "run-1")
        jumps.record_failure(session, key, "run-1", "a clip is damaged")
    view = on_board(catalog, key)
    assert ([one.what for one in view.failures], [one.kind for one in view.remedies]) == (
        ["a clip is damaged"],
        ["retry"],
    )
    with catalog.read() as session:
        assert jumps.require_jump(session, key).state == JumpState.FAILED


def test_an_error_outside_of_a_reported_step_keeps_its_code_on_its_way_through_dagster() -> None:
    with pytest.raises(Exception, match="no video") as caught, failures():
        raise UnreadableVideo("no video", file="GX010001.MP4")
    metadata = getattr(caught.value, "metadata", {})
    assert {name: metadata[name].value for name in ("code", "what", "file", "advice")} == {
        "code": UnreadableVideo.code,
        "what": "no video",
        "file": "GX010001.MP4",
        "advice": "-",
    }
    assert isinstance(caught.value.__cause__, StinercutError)


@pytest.mark.parametrize("is_of_before", [False, True])
def test_dagster_shows_words_and_gives_the_codes_back(is_of_before: bool) -> None:
    refused = UnreadableVideo("no video", file="GX010001.MP4", advice=Message.of(MessageCode.TRY_AGAIN))
    failure = as_failure(refused)
    metadata = {name: value for name, value in failure.metadata.items() if name != "said" or not is_of_before}
    read = record_of_failure(failure.description or "", metadata)
    assert read.sentence() == failure.description == "GX010001.MP4: no video. Try again."
    assert read.advice_parts == (as_written("Try again.") if is_of_before else refused.advice_parts)
