"""Empty files (0 bytes): nothing was recorded in them. They hide no code, are no clip, and are said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.cataloguing import LARGE, SMALL, ask, copy, entry, passenger, put_in, row_ids, states

from detector.card.naming import classify
from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import CardView, card_views
from hub.cards.words import stays
from stinercut.cards import identification, insertions, unassigned_files
from stinercut.cards.identification import FileReading
from stinercut.cards.uncopied_files import Staying
from stinercut.catalog import Catalog
from stinercut.catalog.models import Jump, JumpFile, JumpState
from stinercut.catalog.row_messages import reason_words
from stinercut.codes.reading import Reading, Reason
from stinercut.keyring import NO_KEYS
from stinercut.language.messages import all_worded
from stinercut.protocol import FileEntry, FileKind

GAP = timedelta(minutes=45)
CODE = entry("GX010001.MP4")
CLIP = entry("GX010002.MP4", SMALL + 1, minute=3)
EMPTY = entry("GX010003.MP4", 0, minute=6)
LAST = entry("GX010004.MP4", LARGE, minute=9)
NO_CODE = Reading(reason=Reason.NO_QR_FOUND, film_seconds=20)


def identify(catalog: Catalog, insertion: str, readings: dict[FileEntry, Reading]) -> None:
    """What the run `identify_card` does, with readings that are given: of files that are asked about, and no others."""
    given = dict(zip(row_ids(catalog, insertion, readings), readings.values(), strict=True))
    with catalog.write() as session:
        card = insertions.require_insertion(session, insertion).card_id
        files = identification.begin(session, card, NO_KEYS)
        assert {file.card_file_id for file in files} == set(given)
        identification.finish(session, card, [FileReading(file, given[file.card_file_id]) for file in files], GAP)


def here(catalog: Catalog, files: Sequence[FileEntry]) -> list[str]:
    """A card with these files, all copied that are asked for before it is known whose they are. Returns their names."""
    put_in(catalog, "in-1", files)
    wanted = ask(catalog, "in-1")
    copy(catalog, "in-1", [file for file in files if file.file_id in wanted])
    return [file.name for file in files if file.file_id in wanted]


def jump_files(catalog: Catalog) -> dict[str, list[str]]:
    """The names of each jump's files, by who jumped, or why that isn't known."""
    found: dict[str, list[str]] = {}
    with catalog.read() as session:
        places = session.execute(select(JumpFile).order_by(JumpFile.position)).scalars()
        for place in places:
            jump = session.get_one(Jump, place.jump_key)
            found.setdefault(jump.passenger_name or reason_words(jump), []).append(place.file.name)
    return found


def card(catalog: Catalog) -> CardView:
    with catalog.read() as session:
        [view] = card_views(session, ProgressSnapshot(frozenset({"det"})))
    return view


def test_one_in_the_middle_of_a_jump_changes_nothing(catalog: Catalog) -> None:
    assert here(catalog, [CODE, CLIP, EMPTY, LAST]) == [CODE.name, CLIP.name]
    identify(catalog, "in-1", {CODE: Reading(payload=passenger(), film_seconds=4), CLIP: NO_CODE})
    assert jump_files(catalog) == {"Anna Müller": [CODE.name, CLIP.name, LAST.name]}
    ask(catalog, "in-1")
    copy(catalog, "in-1", [LAST])
    with catalog.read() as session:
        [jump] = session.execute(select(Jump)).scalars()
        assert jump.state == JumpState.READY
        assert unassigned_files.loose_files(session, "in-1") == []


def test_it_is_said_by_name_and_nothing_of_it_is_copied(catalog: Catalog) -> None:
    here(catalog, [CODE, EMPTY])
    assert states(catalog, "in-1") == {CODE.name: "copied", EMPTY.name: "skipped"}
    view = card(catalog)
    assert view.state == "safe"
    assert view.message == (
        "The new file is copied and checked. 1 file on the card is empty, nothing was recorded in it: GX010003.MP4. You"
        " can pull it out."
    )
    assert (view.staying.empty, view.staying.empty_names, view.staying.others) == (1, [EMPTY.name], 0)


def test_a_card_with_nothing_but_empty_files(catalog: Catalog) -> None:
    assert here(catalog, [EMPTY, entry("GOPR0001.JPG", 0, kind=FileKind.PHOTO)]) == []
    view = card(catalog)
    assert view.state == "empty"
    assert "2 files on the card are empty, nothing was recorded in them: GOPR0001.JPG, GX010003.MP4." in view.message
    with catalog.read() as session:
        assert unassigned_files.insertions_to_identify(session) == []


def test_once_there_is_something_in_it_it_is_a_file_like_any_other(catalog: Catalog) -> None:
    """A camera may finish on its next start what it could not."""
    here(catalog, [CODE, EMPTY])
    put_in(catalog, "in-2", [CODE, EMPTY.model_copy(update={"size": SMALL})])
    assert states(catalog, "in-2") == {CODE.name: "known", EMPTY.name: "new"}


def proxy_of(main: FileEntry, size: int) -> FileEntry:
    name = main.name.replace("GX", "GL").replace("MP4", "LRV")
    assert classify(main.folder, name).kind is FileKind.PROXY
    return entry(name, size, minute=6, kind=FileKind.PROXY, main=main.file_id)


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (
            Reading(payload=passenger("Ben Maier", "B-2"), film_seconds=4),
            "filmed after the code of Ben Maier, which only the proxy of an empty file shows",
        ),
        (Reading(reason=Reason.UNREADABLE), "GX010003.MP4 could not be read and may hold another passenger's code"),
    ],
)
def test_a_code_in_its_proxy_counts(catalog: Catalog, reading: Reading, why: str) -> None:
    """The recording was another passenger's code: what follows must not get the name of the one before."""
    proxy = proxy_of(EMPTY, 1_000_000)
    assert here(catalog, [CODE, CLIP, EMPTY, proxy, LAST]) == [CODE.name, CLIP.name, proxy.name]
    identify(catalog, "in-1", {CODE: Reading(payload=passenger(), film_seconds=4), CLIP: NO_CODE, EMPTY: reading})
    assert jump_files(catalog) == {"Anna Müller": [CODE.name, CLIP.name], why: [LAST.name]}


def test_a_proxy_without_a_code_breaks_nothing_and_an_empty_one_is_none(catalog: Catalog) -> None:
    proxy, nothing = proxy_of(EMPTY, 1_000_000), proxy_of(LAST, 0)
    assert here(catalog, [CODE, EMPTY, proxy, LAST, nothing]) == [CODE.name, proxy.name]
    identify(catalog, "in-1", {CODE: Reading(payload=passenger(), film_seconds=4), EMPTY: NO_CODE})
    assert jump_files(catalog) == {"Anna Müller": [CODE.name, LAST.name]}
    assert card(catalog).staying.empty_names == [nothing.name, EMPTY.name]


@pytest.mark.parametrize(
    ("staying", "words"),
    [
        (Staying(empty=1, empty_names=("a.MP4",)), "1 file on the card was empty, nothing was recorded in it: a.MP4."),
        (
            Staying(1, ("b.txt",), 2, empty=7, empty_names=("a.MP4",)),
            "7 files on the card were empty, nothing was recorded in them: a.MP4 and 6 more. 1 file of other kinds"
            " stayed on the card: b.txt. So did 2 camera thumbnails.",
        ),
        (
            Staying(thumbnails=2, empty=1, empty_names=("a.MP4",)),
            "1 file on the card was empty, nothing was recorded in it: a.MP4. 2 camera thumbnails stayed on the card.",
        ),
    ],
)
def test_as_sentences(staying: Staying, words: str) -> None:
    assert all_worded(stays(staying, was=True)) == words
