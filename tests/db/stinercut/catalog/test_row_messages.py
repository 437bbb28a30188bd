"""Rows hold messages as codes and values, those of before a sentence: jumps, steps, cards. On both databases."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import null, select, update
from support.cataloguing import ask, copy, entry, film, passenger, put_in, ready_jump, record
from support.repository import REPOSITORY

from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import card_views
from hub.jumps.views import jump_views
from hub.kit.views import Links, event_view, steps_of
from hub.review.routes import one_group
from stinercut.cards import copy_results, identification, insertions
from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import EntryState, Insertion, Jump, ManifestEntry, Step, StepStatus
from stinercut.catalog.row_messages import check_row, give_reason, reason_words, reasons_of
from stinercut.jumps import film_records, in_progress, jumps
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, as_written
from stinercut.protocol import CardError, CopyError, ErrorCode
from stinercut.protocol.details import told
from stinercut.runs.failure_rows import failures_of_steps

ARRIVING = {"code": "files_arriving", "values": {"here": 1, "files": 2}}


@pytest.fixture
def half_here(catalog: Catalog) -> str:
    """A jump of which one of two files came."""
    files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
    put_in(catalog, "in-1", files)
    ask(catalog, "in-1")
    copy(catalog, "in-1", files[:1])
    [key] = record(catalog, "in-1", passenger(), files[:1], files[1:])
    return key


def stored(catalog: Catalog, key: str) -> tuple[str, Any]:
    with catalog.read() as session:
        jump = jumps.require_jump(session, key)
        return jump.reason, jump.reason_parts


def shown(catalog: Catalog, key: str) -> tuple[str, list[dict[str, Any]]]:
    """What browsers get, on the board and on the page for deciding; both say the same."""
    with catalog.read() as session:
        [view] = jump_views(session, Links("http://dagster", Path("films")), [key])
        group = one_group(session, key)
    assert (group.reason, group.reason_parts) == (view.reason, view.reason_parts)
    return view.reason, [one.model_dump() for one in view.reason_parts]


def test_a_row_holds_the_code_and_browsers_get_the_words_too(catalog: Catalog, half_here: str) -> None:
    assert stored(catalog, half_here) == ("", [ARRIVING])
    assert shown(catalog, half_here) == ("1 of 2 files are here.", [ARRIVING])


@pytest.mark.parametrize("sentence", ["1 of 2 {files} are here.", ""])
def test_a_row_of_before_is_shown_as_it_is_and_then_written_anew(
    catalog: Catalog, half_here: str, sentence: str
) -> None:
    with catalog.write() as session:
        session.execute(update(Jump).values(reason=sentence, reason_parts=null()))
    parts = [{"code": "as_written", "values": {"text": sentence}}] if sentence else []
    assert shown(catalog, half_here) == (sentence, parts)
    with catalog.write() as session:
        jumps.refresh_jump(session, half_here)
    assert stored(catalog, half_here) == ("", [ARRIVING])


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([{"code": "wind_too_strong", "values": {"knots": 20}}], "Wind too strong (knots: 20)"),
        ([ARRIVING, {"code": "soon", "values": {}}], "1 of 2 files are here. Soon"),
        (["what another release keeps there"], "what another release keeps there"),
        ([], ""),
    ],
)
def test_what_a_newer_release_wrote_is_shown_in_plain_words(
    catalog: Catalog, half_here: str, parts: list[Any], words: str
) -> None:
    with catalog.write() as session:
        jumps.require_jump(session, half_here).reason_parts = parts
    assert shown(catalog, half_here)[0] == words


def test_a_jump_that_goes_on_has_no_reason_left(catalog: Catalog) -> None:
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        jump = jumps.require_jump(session, key)
        jump.reason = "a sentence of before"
        jumps.take_up(session, key, "run-1")
        assert (reasons_of(jump), jump.reason) == ((), "")


def test_a_failure_and_that_the_older_film_stays_are_two_messages(catalog: Catalog) -> None:
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        jump = jumps.require_jump(session, key)
        give_reason(jump, Message.of(MessageCode.RUN_BEING_RETRIED))
        assert reason_words(jump).startswith("Its run was cut off.")
        jumps.record_failure(session, key, "run-1", "it broke")
        assert [one.code for one in reasons_of(jump)] == ["as_written"]
    assert newest(catalog)[1]["what"] == "it broke"


def test_the_sentence_of_before_is_written_in_one_place() -> None:
    """Whoever sets it alone would leave the codes of the state before."""
    allowed = REPOSITORY / "stinercut" / "catalog" / "row_messages.py"
    found = [
        f"{path}:{node.lineno}"
        for package in ("stinercut", "stinercut_assets", "sensors", "hub")
        for path in (REPOSITORY / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "reason" and isinstance(node.ctx, ast.Store)
        if path != allowed
    ]
    assert found == []


# ------------------------------------------------------------------------------------------------ films


def test_a_films_checks_say_what_they_saw_as_codes_and_those_of_before_as_sentences(catalog: Catalog) -> None:
    key, _ = ready_jump(catalog)
    said = (Message.of(MessageCode.CHECK_LOUDNESS, loudness=-18.04, wanted=-16.0),)
    with catalog.write() as session:
        made = film(key, jumps.take_up(session, key, "run-1").version)
        made.checks = [
            check_row("loudness", said, passed=False),
            {"name": "duration", "passed": True, "detail": "12.5 {s}"},
            {"name": "brightness", "passed": True, "detail_parts": [{"code": "too_dark", "values": {}}]},
        ]
        film_records.record_film(session, made)
    with catalog.read() as session:
        [view] = jump_views(session, Links("http://dagster", Path("films")), [key])
    assert view.film is not None
    told = [(one.name, one.passed, one.detail, [part.code for part in one.detail_parts]) for one in view.film.checks]
    assert told == [
        ("loudness", False, "-18.0 LUFS, wanted -16.0", ["check_loudness"]),
        ("duration", True, "12.5 {s}", ["as_written"]),
        ("brightness", True, "Too dark", ["too_dark"]),
    ]


# ------------------------------------------------------------------------------------------------ steps


PASSENGER = {"code": "passenger", "values": {"passenger": "Zoë"}}


@pytest.fixture
def step(catalog: Catalog) -> str:
    """A step that is done and says whom it found."""
    said = (Message.of(MessageCode.PASSENGER, passenger="Zoë"),)
    with catalog.write() as session:
        events.report_step(session, StepReport("a", "identity", "Who", StepStatus.DONE, 1.0, messages=said))
    return "a"


def step_shown(catalog: Catalog, subject: str) -> tuple[str, list[dict[str, Any]]]:
    with catalog.read() as session:
        [view] = steps_of(session, [subject])[subject]
    return view.message, [one.model_dump() for one in view.message_parts]


def test_a_step_says_what_it_found_as_a_code(catalog: Catalog, step: str) -> None:
    with catalog.read() as session:
        [row] = events.steps_of(session, step)
        assert (row.message, row.message_parts) == ("", [PASSENGER])
    assert step_shown(catalog, step) == ("Zoë", [PASSENGER])


def test_a_step_of_before_is_shown_as_it_is_and_fails_with_its_sentence(catalog: Catalog, step: str) -> None:
    with catalog.write() as session:
        session.execute(update(Step).values(message="it {broke}", message_parts=null(), status=StepStatus.FAILED))
    assert step_shown(catalog, step)[0] == "it {broke}"
    with catalog.read() as session:
        assert [one.what for one in failures_of_steps(session, step)] == ["it {broke}"]


def test_a_step_of_a_newer_release_is_shown_in_plain_words(catalog: Catalog, step: str) -> None:
    with catalog.write() as session:
        session.execute(update(Step).values(message_parts=[{"code": "too_dark", "values": {}}]))
    assert step_shown(catalog, step)[0] == "Too dark"


def test_a_step_that_waits_again_says_nothing_more(catalog: Catalog, step: str) -> None:
    with catalog.write() as session:
        session.execute(update(Step).values(status=StepStatus.FAILED))
        events.reopen_steps(session, step)
    assert step_shown(catalog, step) == ("", [])


def test_a_failed_step_without_words_has_no_failure(catalog: Catalog, step: str) -> None:
    with catalog.write() as session:
        session.execute(update(Step).values(status=StepStatus.FAILED, message_parts=[]))
        assert failures_of_steps(session, step) == ()


LABEL = {"code": "step_of_file", "values": {"file": "GX010001.MP4"}}


def label_shown(catalog: Catalog) -> tuple[str, list[dict[str, Any]]]:
    with catalog.read() as session:
        [view] = steps_of(session, ["b"])["b"]
    return view.label, [one.model_dump() for one in view.label_parts]


def test_a_step_is_called_by_a_code_and_one_of_before_by_its_words(catalog: Catalog) -> None:
    label = Message.of(MessageCode.STEP_OF_FILE, file="GX010001.MP4")
    with catalog.write() as session:
        events.report_step(session, StepReport("b", "clip:1", label, StepStatus.WAITING))
    with catalog.read() as session:
        [row] = events.steps_of(session, "b")
        assert (row.label, row.label_parts) == ("", [LABEL])
    assert label_shown(catalog) == ("GX010001.MP4", [LABEL])
    with catalog.write() as session:
        session.execute(update(Step).values(label="Clip {1}", label_parts=null()))
    assert label_shown(catalog) == ("Clip {1}", [{"code": "as_written", "values": {"text": "Clip {1}"}}])
    with catalog.write() as session:
        session.execute(update(Step).values(label_parts=[{"code": "step_of_sound", "values": {}}]))
    assert label_shown(catalog)[0] == "Step of sound"


# ------------------------------------------------------------------------------------------------ events


def newest(catalog: Catalog) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the newest event's row holds, and what browsers get of it."""
    with catalog.read() as session:
        [*_, row] = events.since(session, 0)
        return row.data, event_view(row).data


def test_an_event_holds_codes_and_is_shown_in_words(catalog: Catalog) -> None:
    with catalog.write() as session:
        said = {"label": Message.of(MessageCode.STEP_FILES), "what": "it {broke}"}
        events.append(session, "pipeline:failed", jump_key="a", said=said, codes=["ERROR"])
    label = [{"code": "step_files", "values": {}}]
    what = [{"code": "as_written", "values": {"text": "it {broke}"}}]
    held = {"codes": ["ERROR"], "label_parts": label, "what_parts": what}
    assert newest(catalog) == (held, {**held, "label": "Check the files", "what": "it {broke}"})


def test_an_event_of_before_is_shown_as_it_is(catalog: Catalog) -> None:
    with catalog.write() as session:
        events.append(session, "pipeline:failed", jump_key="a", what="it {broke}", spare_parts="no list")
    before = {"what": "it {broke}", "spare_parts": "no list"}
    assert newest(catalog) == (before, before)


# ------------------------------------------------------------------------------------------------ cards


@pytest.fixture
def waiting_card(catalog: Catalog) -> str:
    """A card whose files wait for identification. Its insertion's identify key."""
    files = [entry("GX010001.MP4")]
    put_in(catalog, "in-1", files)
    ask(catalog, "in-1")
    copy(catalog, "in-1", files)
    with catalog.read() as session:
        key = session.get_one(Insertion, "in-1").identify_key
    assert key is not None
    return key


def card_shown(catalog: Catalog) -> tuple[str, list[dict[str, Any]]]:
    with catalog.read() as session:
        [view] = card_views(session, ProgressSnapshot(), ["card-1"])
    return view.problem, [one.model_dump() for one in view.problem_parts]


def test_why_a_card_was_not_identified_is_kept_until_it_is_tried_again(catalog: Catalog, waiting_card: str) -> None:
    assert card_shown(catalog) == ("", [])
    with catalog.write() as session:
        in_progress.record_identify_failure(session, waiting_card, "run-1", as_written("The run was cut off."))
        row = session.get_one(Insertion, "in-1")
        assert (row.identify_error, [one["code"] for one in row.identify_error_parts or []]) == ("", ["as_written"])
        assert in_progress.failed_subjects(session) == ["card-1"]
    assert newest(catalog)[1]["what"] == "The run was cut off."
    assert card_shown(catalog)[0] == "The run was cut off."
    with catalog.write() as session:
        identification.begin(session, "card-1")
    assert card_shown(catalog) == ("", [])
    with catalog.read() as session:
        assert in_progress.unfinished_cards(session) == [("card-1", waiting_card)]


@pytest.mark.usefixtures("waiting_card")
@pytest.mark.parametrize(
    ("sentence", "parts", "words"),
    [
        ("The worker was killed.", null(), "The worker was killed."),
        ("", [{"code": "card_too_old", "values": {"years": 9}}], "Card too old (years: 9)"),
    ],
)
def test_a_card_that_another_release_wrote_about_is_shown(
    catalog: Catalog, sentence: str, parts: Any, words: str
) -> None:
    with catalog.write() as session:
        session.execute(update(Insertion).values(identify_error=sentence, identify_error_parts=parts))
        assert in_progress.failed_subjects(session) == ["card-1"]
    assert card_shown(catalog)[0] == words


FAILED_ENTRY = select(ManifestEntry).where(ManifestEntry.state == EntryState.FAILED)
UNREADABLE = {"code": "card_unreadable_here", "values": {"why": "I/O"}}


def copy_failed(catalog: Catalog) -> str:
    """A jump of which one file could not be copied; the card could not be read as a whole."""
    files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
    put_in(catalog, "in-1", files)
    ask(catalog, "in-1")
    copy(catalog, "in-1", files[:1])
    [key] = record(catalog, "in-1", passenger(), files[:1], files[1:])
    why = told([Message.of(MessageCode.CARD_UNREADABLE_HERE, why="I/O")])
    said = {"insertion_id": "in-1", "code": ErrorCode.SOURCE_IO, "detail": why.detail, "detail_parts": why.parts}
    with catalog.write() as session:
        insertion = session.get_one(Insertion, "in-1")
        insertions.record_card_error(session, insertion, CardError(unreadable=1, **said))
        copy_results.record_copy_error(session, insertion, CopyError(file_id=files[1].file_id, **said))
    return key


def errors_shown(catalog: Catalog, key: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Why, of the card, its file, and that file in its jump."""
    with catalog.read() as session:
        [card] = card_views(session, ProgressSnapshot(), ["card-1"])
        [jump] = jump_views(session, Links("http://dagster", Path("films")), [key])
    assert card.unread is not None
    failed = [file for file in jump.files if file.state == "failed"]
    shown = (card.unread, *card.errors, *failed)
    return [(one.detail, [part.model_dump() for part in one.detail_parts]) for one in shown]


def test_why_a_file_was_not_copied_is_kept_as_codes(catalog: Catalog) -> None:
    key = copy_failed(catalog)
    with catalog.read() as session:
        for row in (session.get_one(Insertion, "in-1"), session.execute(FAILED_ENTRY).scalar_one()):
            assert (row.error_code, row.error_detail, row.error_detail_parts) == ("SOURCE_IO", "", [UNREADABLE])
        errors = [row for row in events.since(session, 0) if row.type in ("card:error", "card:copy_error")]
        heard = [event_view(row).data for row in errors]
    words = "the card could not be read here (I/O)"
    assert errors_shown(catalog, key) == [(words, [UNREADABLE])] * 3
    assert [(one["detail"], one["detail_parts"]) for one in heard] == [(words, [UNREADABLE])] * 2


def test_what_a_detector_of_before_said_is_shown_as_it_is(catalog: Catalog) -> None:
    key, sentence = copy_failed(catalog), "it {broke}"
    with catalog.write() as session:
        for table in (Insertion, ManifestEntry):
            old = {"error_detail": sentence, "error_detail_parts": null()}
            session.execute(update(table).where(table.error_code.is_not(None)).values(old))
    assert errors_shown(catalog, key) == [(sentence, [{"code": "as_written", "values": {"text": sentence}}])] * 3


def test_a_file_that_came_after_all_has_no_error_left(catalog: Catalog) -> None:
    copy_failed(catalog)
    copy(catalog, "in-1", [entry("GX010002.MP4", minute=1)])
    with catalog.read() as session:
        rows = session.execute(select(ManifestEntry)).scalars().all()
        assert {row.state for row in rows} == {EntryState.COPIED}
        assert {(row.error_code, row.error_detail, row.error_detail_parts is None) for row in rows} == {
            (None, None, True)
        }
