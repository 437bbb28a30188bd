"""Cards that can't be read, or not all of them: what the catalog keeps of it and what the board says."""

from __future__ import annotations

import errno
import itertools
import pickle
from collections.abc import Sequence

import pytest
from support import heard
from support.cataloguing import SMALL_LIMIT, ask, copy, entry, inserted, list_of, put_in

from detector.copy.failures import ScanFailed, scan_failed
from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import CardView, card_views
from hub.kit.views import event_view
from stinercut.cards import insertions
from stinercut.catalog import Catalog, events
from stinercut.errors import NotFound
from stinercut.protocol import CardError, ErrorCode, FileEntry, FileKind, FileList

FILES = [entry("GX010001.MP4")]
NOTHING = CardError(insertion_id="in-1", code=ErrorCode.SOURCE_IO, unreadable=0, detail="it gives no answer")
A_PART = NOTHING.model_copy(update={"unreadable": 2, "detail": "left out: DCIM/101GOPRO and one more"})


def put_in_unlisted(catalog: Catalog, insertion: str = "in-1") -> None:
    with catalog.write() as session:
        insertions.record_insertion(session, "det", inserted(insertion))


def hear(catalog: Catalog, *messages: CardError | FileList) -> None:
    for message in messages:
        with catalog.write() as session:
            if isinstance(message, CardError):
                heard.record_card_error(session, message)
            else:
                heard.record_file_list(session, message, SMALL_LIMIT)


def pull_out(catalog: Catalog) -> None:
    with catalog.write() as session:
        heard.record_removed(session, "in-1")


def card(catalog: Catalog, *, connected: bool = True) -> CardView:
    with catalog.read() as session:
        [view] = card_views(session, ProgressSnapshot(connected=frozenset({"det"} if connected else set())))
    return view


def test_a_card_that_can_not_be_read_says_so_until_it_is_out(catalog: Catalog) -> None:
    put_in_unlisted(catalog)
    hear(catalog, NOTHING)
    for connected in (True, False):
        view = card(catalog, connected=connected)
        assert (view.state, view.message[:32]) == ("unreadable", "It can't be read. Pull it out. P")
        assert view.unread is not None
        assert (view.unread.code, view.unread.detail) == ("SOURCE_IO", "it gives no answer")
    pull_out(catalog)
    view = card(catalog)
    assert (view.state, view.unread) == ("incomplete", None)
    assert view.message.startswith("It could not be read. Put it in again")
    put_in(catalog, "in-2", [])
    assert (card(catalog).state, card(catalog).unread) == ("empty", None)


def test_a_part_that_can_not_be_read_keeps_a_card_from_being_safe(catalog: Catalog) -> None:
    put_in_unlisted(catalog)
    hear(catalog, A_PART, list_of("in-1", FILES))
    ask(catalog, "in-1")
    assert card(catalog).state == "copying"
    assert card(catalog).unread is not None
    copy(catalog, "in-1", FILES)
    view = card(catalog)
    assert (view.state, view.message[:53]) == ("incomplete", "2 folders and files of it could not be read; the rest")
    pull_out(catalog)
    view = card(catalog)
    assert (view.state, view.unread, view.message[:34]) == ("incomplete", None, "2 folders and files of it could no")
    put_in(catalog, "in-2", FILES)
    assert (card(catalog).state, card(catalog).unread) == ("safe", None)


def test_a_card_on_which_nothing_was_found_is_not_held_for_empty_where_a_part_is_missing(catalog: Catalog) -> None:
    put_in_unlisted(catalog)
    hear(catalog, A_PART, list_of("in-1", []))
    assert card(catalog).state == "incomplete"


@pytest.mark.parametrize("said", [[NOTHING, NOTHING], [A_PART, A_PART]], ids=["nothing", "a part"])
def test_the_order_of_errors_and_lists_makes_no_difference(catalog: Catalog, said: Sequence[CardError]) -> None:
    """Doubled as they may be: a list that came after all wins over "nothing can be read", not over "a part"."""
    messages = [*said, list_of("in-1", FILES[:1], 0, 2), list_of("in-1", _second(), 1, 2)]
    seen: set[tuple[str, bool]] = set()
    for number, order in enumerate(itertools.permutations(range(len(messages)))):
        insertion = f"in-{number}"
        put_in_unlisted(catalog, insertion)
        hear(catalog, *(messages[place].model_copy(update={"insertion_id": insertion}) for place in order))
        view = card(catalog)
        assert view.insertion == insertion
        seen.add((view.state, view.unread is not None))
    assert len({unread for _state, unread in seen}) == 1
    assert {unread for _state, unread in seen} == {said[0] == A_PART}


def _second() -> list[FileEntry]:
    return [entry("GX010002.MP4", minute=1)]


def test_an_error_is_heard_once(catalog: Catalog) -> None:
    put_in_unlisted(catalog)
    hear(catalog, A_PART, A_PART, NOTHING)
    with catalog.read() as session:
        heard = [event_view(event).data for event in events.since(session, 0) if event.type == "card:error"]
    parts = [{"code": "as_written", "values": {"text": A_PART.detail}}]
    assert heard == [{"code": "SOURCE_IO", "detail": A_PART.detail, "detail_parts": parts, "unreadable": 2}]


def test_a_card_that_was_gone_is_out(catalog: Catalog) -> None:
    put_in_unlisted(catalog)
    hear(catalog, NOTHING.model_copy(update={"code": ErrorCode.CARD_REMOVED}))
    view = card(catalog)
    assert (view.state, view.message[:17], view.unread) == ("incomplete", "It was pulled out", None)
    assert view.removed_at is not None


def test_an_error_about_no_card_is_refused(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        hear(catalog, NOTHING)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EIO, ErrorCode.SOURCE_IO),
        (errno.EACCES, ErrorCode.SOURCE_IO),
        (errno.ENOENT, ErrorCode.CARD_REMOVED),
        (errno.ENOTCONN, ErrorCode.CARD_REMOVED),
        (errno.ENODEV, ErrorCode.CARD_REMOVED),
    ],
)
def test_what_an_error_of_a_scan_means(number: int, reason: ErrorCode) -> None:
    failed = scan_failed(OSError(number, "said"))
    assert failed.reason is reason
    assert "ut it in again" in failed.sentence()
    again = pickle.loads(pickle.dumps(failed))
    assert isinstance(again, ScanFailed)
    assert (again.reason, again.sentence()) == (failed.reason, failed.sentence())


def test_what_stays_on_it_is_said_before_the_rest_is_called_safe(catalog: Catalog) -> None:
    put_in_unlisted(catalog)
    hear(catalog, A_PART, list_of("in-1", [*FILES, entry("clip.r3d", 7, kind=FileKind.OTHER)]))
    ask(catalog, "in-1")
    copy(catalog, "in-1", FILES)
    assert card(catalog).message.startswith(
        "2 folders and files of it could not be read; the rest of its footage is safe. 1 file of other kinds stays on"
        " the card: clip.r3d. Pull it out."
    )
