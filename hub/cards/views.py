"""The views of cards for browsers: how far each offload is.

Owns: the views and how they are made, with the same number of queries for any number of cards. Not here: the words
(`words`), sending the views (`hub.board.feed`), what is known (`stinercut.catalog`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.words import CardState, FileCounts, Situation, card_state
from hub.kit.views import MessageView, View, message_views
from stinercut.cards.uncopied_files import NOTHING, Staying, staying_on
from stinercut.catalog.models import OPEN, Card, CardFile, EntryState, Insertion, ManifestEntry
from stinercut.catalog.moments import now_in
from stinercut.catalog.row_messages import error_detail, identify_error_of
from stinercut.failures import without_folders
from stinercut.jumps.waiting_files import without_passenger
from stinercut.language.messages import all_worded, with_texts

CARDS_SHOWN = 24
REMOVED_SHOWN = timedelta(days=1)
"""How long a card that is out and done stays on the board."""
INCOMPLETE_SHOWN = timedelta(days=7)
"""How long a card stays on the board that is out, but not done and must come back."""
ERRORS_SHOWN = 50
"""The most failed files shown of one card; a card that fails as a whole has hundreds."""


class ByteCounts(View):
    """The bytes of the new files, and how many of those bytes are copied."""

    total: int = 0
    done: int = 0


class CopyingView(View):
    """A file that is being copied, with its bytes."""

    name: str
    size: int
    done: int


class FileError(View):
    """A file that could not be copied."""

    name: str
    code: str
    detail: str
    detail_parts: list[MessageView]
    """The same as codes and values."""


class UnreadView(View):
    """A card that is in and can't be read, or not completely: then `unreadable` folders and files are left out."""

    code: str
    detail: str
    detail_parts: list[MessageView]
    """The same as codes and values."""
    unreadable: int


class StayingView(View):
    """The entries of a card that are never copied: files of other kinds, the first few by name; thumbnails; hidden
    entries; empty footage, the first few by name."""

    others: int
    names: list[str]
    thumbnails: int
    hidden: int
    empty: int
    empty_names: list[str]


class CardView(View):
    """A card and how far its offload is. `message` is a sentence for the person who put it in."""

    card: str
    label: str
    insertion: str
    inserted_at: datetime
    removed_at: datetime | None
    connected: bool
    """Whether the detector that has (or had) this card is connected."""
    state: CardState
    message: str
    message_parts: list[MessageView]
    """The same as codes and values."""
    files: FileCounts
    bytes: ByteCounts
    rate: float | None
    """The bytes per second while a file is being copied."""
    copying: list[CopyingView]
    errors: list[FileError]
    unread: UnreadView | None
    """Why the card, or a part of it, can't be read; None once it is out."""
    staying: StayingView
    """The entries that stay on the card; known once it was scanned."""
    without_passenger: int
    """How many of its files wait for a person to say whose they are."""
    problem: str
    """Why the run that identifies the card's jumps failed; empty if none failed."""
    problem_parts: list[MessageView]
    """The same as codes and values."""


@dataclass
class _Tally:
    """An insertion's manifest in numbers: files and bytes by state."""

    files: dict[str, int] = field(default_factory=dict[str, int])
    size: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, *states: EntryState) -> int:
        return sum(self.files.get(state, 0) for state in states)

    def bytes(self, *states: EntryState) -> int:
        return sum(self.size.get(state, 0) for state in states)

    def counts(self) -> FileCounts:
        known = self.count(EntryState.KNOWN)
        found = sum(self.files.values()) - self.count(EntryState.SKIPPED)
        return FileCounts(
            found=found,
            new=found - known,
            known=known,
            copied=self.count(EntryState.COPIED),
            failed=self.count(EntryState.FAILED),
        )


def card_views(session: Session, picture: ProgressSnapshot, card_ids: Collection[str] | None = None) -> list[CardView]:
    """The latest insertion of each of these cards, or of all on the board. Cards that are in come first."""
    rows = _latest_insertions(session, card_ids)
    ids = [insertion.insertion_id for insertion, _ in rows]
    tallies, errors = _tallies(session, ids), _errors(session, ids)
    copying, staying = _copying(session, picture, ids), staying_on(session, ids)
    unknown = without_passenger(session, ids)
    views: list[CardView] = []
    for insertion, card in rows:
        tally = tallies.get(insertion.insertion_id, _Tally())
        under_way = copying.get(insertion.insertion_id, [])
        problem = identify_error_of(insertion)
        situation = Situation(
            is_out=insertion.removed_at is not None,
            is_listed=insertion.listed_at is not None,
            connected=insertion.detector_id in picture.connected,
            files=tally.counts(),
            open=tally.count(*OPEN),
            asked=tally.count(EntryState.REQUESTED),
            problem=bool(problem),
            is_unread=insertion.error_code is not None,
            unreadable=insertion.unreadable,
            staying=staying.get(insertion.insertion_id, NOTHING),
        )
        state, said = card_state(situation)
        done = tally.bytes(EntryState.COPIED) + sum(copy.done for copy in under_way)
        views.append(
            CardView(
                card=card.card_id,
                label=card.label,
                insertion=insertion.insertion_id,
                inserted_at=insertion.inserted_at,
                removed_at=insertion.removed_at,
                connected=situation.connected,
                state=state,
                message=all_worded(said),
                message_parts=message_views(said),
                files=situation.files,
                bytes=ByteCounts(total=tally.bytes(*OPEN, EntryState.COPIED, EntryState.FAILED), done=done),
                rate=picture.rates.get(insertion.insertion_id) if state == "copying" else None,
                copying=under_way if state == "copying" else [],
                errors=errors.get(insertion.insertion_id, []),
                unread=_unread(insertion),
                staying=_staying(situation.staying),
                without_passenger=unknown.get(insertion.insertion_id, 0),
                problem=all_worded(problem),
                problem_parts=message_views(problem),
            )
        )
    return views if card_ids is not None else _shown(views, now_in(session))


def _unread(insertion: Insertion) -> UnreadView | None:
    if insertion.error_code is None or insertion.removed_at is not None:
        return None
    said = error_detail(insertion.error_detail, insertion.error_detail_parts)
    why = [with_texts(message, without_folders) for message in said]  # Older versions stored it with folders.
    return UnreadView(
        code=insertion.error_code,
        detail=all_worded(why),
        detail_parts=message_views(why),
        unreadable=insertion.unreadable,
    )


def _staying(staying: Staying) -> StayingView:
    return StayingView(
        others=staying.others,
        names=list(staying.names),
        thumbnails=staying.thumbnails,
        hidden=staying.passed_over,
        empty=staying.empty,
        empty_names=list(staying.empty_names),
    )


def _shown(views: Iterable[CardView], moment: datetime) -> list[CardView]:
    oldest = {"removed": moment - REMOVED_SHOWN, "incomplete": moment - INCOMPLETE_SHOWN}
    kept = [
        view for view in views if view.removed_at is None or view.removed_at >= oldest.get(view.state, view.removed_at)
    ]
    return kept[:CARDS_SHOWN]


def _latest_insertions(session: Session, card_ids: Collection[str] | None) -> Sequence[tuple[Insertion, Card]]:
    place = func.row_number().over(
        partition_by=Insertion.card_id, order_by=(Insertion.inserted_at.desc(), Insertion.insertion_id)
    )
    ranked = select(Insertion.insertion_id, place.label("place"))
    if card_ids is not None:
        ranked = ranked.where(Insertion.card_id.in_(card_ids))
    latest = ranked.subquery()
    query = (
        select(Insertion, Card)
        .join(latest, latest.c.insertion_id == Insertion.insertion_id)
        .join(Card, Card.card_id == Insertion.card_id)
        .where(latest.c.place == 1)
        .order_by(Insertion.removed_at.is_(None).desc(), Insertion.inserted_at.desc(), Insertion.insertion_id)
    )
    if card_ids is None:
        oldest = now_in(session) - INCOMPLETE_SHOWN
        query = query.where(Insertion.removed_at.is_(None) | (Insertion.removed_at >= oldest)).limit(2 * CARDS_SHOWN)
    return [(insertion, card) for insertion, card in session.execute(query)]


def _tallies(session: Session, insertion_ids: Collection[str]) -> dict[str, _Tally]:
    rows = session.execute(
        select(ManifestEntry.insertion_id, ManifestEntry.state, func.count(), func.sum(CardFile.size))
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertion_ids))
        .group_by(ManifestEntry.insertion_id, ManifestEntry.state)
    )
    out: dict[str, _Tally] = {}
    for insertion_id, state, files, size in rows:
        tally = out.setdefault(insertion_id, _Tally())
        tally.files[state], tally.size[state] = files, int(size)
    return out


def _errors(session: Session, insertion_ids: Collection[str]) -> dict[str, list[FileError]]:
    number = func.row_number().over(partition_by=ManifestEntry.insertion_id, order_by=CardFile.name)
    failed = (
        select(
            ManifestEntry.insertion_id, CardFile.name, ManifestEntry.error_code, ManifestEntry.error_detail,
            ManifestEntry.error_detail_parts, number.label("number"),
        )
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertion_ids), ManifestEntry.state == EntryState.FAILED)
        .subquery()
    )  # fmt: skip
    rows = session.execute(select(failed).where(failed.c.number <= ERRORS_SHOWN).order_by(failed.c.number))
    out: dict[str, list[FileError]] = {}
    for row in rows:
        why = error_detail(row.error_detail, row.error_detail_parts)
        parts = message_views(why)
        error = FileError(name=row.name, code=row.error_code or "", detail=all_worded(why), detail_parts=parts)
        out.setdefault(row.insertion_id, []).append(error)
    return out


def _copying(
    session: Session, picture: ProgressSnapshot, insertion_ids: Collection[str]
) -> dict[str, list[CopyingView]]:
    under_way = {file_id: (insertion, done) for (insertion, file_id), done in picture.done.items()}
    if not under_way:
        return {}
    rows = session.execute(
        select(ManifestEntry.insertion_id, ManifestEntry.file_id, CardFile.name, CardFile.size)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            ManifestEntry.insertion_id.in_(insertion_ids),
            ManifestEntry.file_id.in_(under_way),
            ManifestEntry.state == EntryState.REQUESTED,
        )
    )
    out: dict[str, list[CopyingView]] = {}
    for insertion_id, file_id, name, size in rows:
        insertion, done = under_way[file_id]
        if insertion == insertion_id:
            out.setdefault(insertion_id, []).append(CopyingView(name=name, size=size, done=min(done, size)))
    return out
