"""Finds the files that a jump lacks: files of its stretch of a card that wait for a person, and uncopied photos.

It also finds the jumps before and after a waiting group.

Owns: these queries; their number doesn't grow with the jumps, and normally a single one finds nothing. Not here: the
rule (`stinercut.recordings.stretches`), deciding (`stinercut.review.decisions`), showing it (`hub`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from stinercut.bounds import FIRST_YEAR, LAST_YEAR
from stinercut.catalog.models import (
    Card,
    CardFile,
    EntryState,
    Insertion,
    Jump,
    JumpFile,
    JumpState,
    ManifestEntry,
    QrReading,
    Role,
)
from stinercut.codes.reading import Reading, Reason
from stinercut.jumps.card_videos import card_video
from stinercut.jumps.jump_photos import photos_not_here
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, some_named
from stinercut.protocol import FileKind
from stinercut.recordings.stretches import ENDS_AFTER, Neighbours, PlacedFile, camera_of, misdated_after, neighbours

NAMES_SAID = 6
"""Names of files in one sentence, at most."""
MOST_WINDOWS = 60
"""Only this many of the newest stretches of time with waiting files are looked at: groups that have waited for years
must not slow down the board.
"""
MOST_INSERTIONS = 8
"""Only this many of the newest insertions that brought waiting files are looked at for wrong times."""


@dataclass(frozen=True)
class WaitingFiles:
    """Files of one group that wait for a person, in the order of filming, and where they come from.

    `first` and `last`: when the first and the last of them were filmed, by the camera's clock.
    """

    group: str
    card_id: str
    card_label: str
    camera: str
    files: tuple[tuple[int, str], ...]
    """Card file ids and names."""
    first: datetime
    last: datetime
    not_copied: bool = False
    """Whether they are the jump's own photos that did not come from the card; then `group` is the jump itself."""

    def said(self) -> Message:
        """What is missing."""
        number, card = len(self.files), self.card_label
        names = some_named([name for _, name in self.files[:NAMES_SAID]], number)
        if self.not_copied:
            return Message.of(MessageCode.PHOTOS_OF_CARD_NOT_COPIED, photos=number, card=card, names=names)
        return Message.of(MessageCode.FILES_WAIT_FOR_PERSON, files=number, card=card, names=names)


@dataclass(frozen=True)
class GroupNeighbours:
    """A waiting group's files, and the jumps before and after them on their card. None without such a jump, or if the
    files follow several people's jumps.
    """

    files: WaitingFiles
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Waiting:
    """Files that wait for a person around some jumps. `missing`: those in their stretches, by jump. `surroundings`: the
    neighbours of jumps that wait themselves. Jumps without either are left out.
    """

    missing: Mapping[str, Sequence[WaitingFiles]]
    surroundings: Mapping[str, GroupNeighbours]


def waiting_around(session: Session, jump_keys: Collection[str]) -> Waiting:
    """Files on the cards of these jumps that wait for a person and concern these jumps."""
    missing: dict[str, list[WaitingFiles]] = defaultdict(list)
    surroundings: dict[str, GroupNeighbours] = {}
    for stretch in _stretches(session, _waiting_windows(session, _cards_of(session, jump_keys))):
        for owner, files in stretch.by_owner():
            if owner in jump_keys:
                missing[owner].append(stretch.described(files))
        surroundings |= {group: stretch.around(files) for group, files in stretch.by_group() if group in jump_keys}
    for photos in _photos_not_copied(session, jump_keys):
        missing[photos.group].append(photos)
    return Waiting(missing, surroundings)


def _photos_not_copied(session: Session, jump_keys: Collection[str]) -> list[WaitingFiles]:
    """Uncopied photos by jump and card. A person leaves them out, or puts the card in again."""
    found: dict[tuple[str, str, str], list[CardFile]] = defaultdict(list)
    for jump_key, label, file in photos_not_here(session, jump_keys):
        found[(jump_key, file.card_id, label)].append(file)
    return [
        WaitingFiles(
            group=jump_key,
            card_id=card_id,
            card_label=label,
            camera=camera_of(photos[0].folder, photos[0].name),
            files=tuple((photo.card_file_id, photo.name) for photo in photos),
            first=min(photo.modified for photo in photos),
            last=max(photo.modified for photo in photos),
            not_copied=True,
        )
        for (jump_key, card_id, label), photos in found.items()
    ]


def missing_of(session: Session, jump_key: str) -> Sequence[WaitingFiles]:
    """The files that one jump lacks until a person has decided."""
    return waiting_around(session, [jump_key]).missing.get(jump_key, ())


def without_passenger(session: Session, insertion_ids: Collection[str]) -> dict[str, int]:
    """How many files of each of these insertions wait for a person; insertions without any are left out."""
    rows = session.execute(
        select(ManifestEntry.insertion_id, func.count())
        .join(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
        .join(Jump, Jump.jump_key == JumpFile.jump_key)
        .where(ManifestEntry.insertion_id.in_(insertion_ids), _waits())
        .group_by(ManifestEntry.insertion_id)
    )
    return {insertion: number for insertion, number in rows}


def beside(session: Session, jump_keys: Collection[str]) -> set[str]:
    """The subjects (jump keys and card ids) that a decision about these jumps may affect: their cards, and the jumps
    with files on these cards from the same days.
    """
    jumps = session.execute(select(Jump).where(Jump.jump_key.in_(jump_keys))).scalars().all()
    cards = {jump.card_id for jump in jumps if jump.card_id is not None} | _cards_of(session, jump_keys)
    if not jumps or not cards:
        return set()
    first, end = _days_around([jump.jump_date for jump in jumps])
    rows = session.execute(
        select(JumpFile.jump_key)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .where(
            CardFile.card_id.in_(cards),
            CardFile.modified >= first,
            CardFile.modified < end,
        )
        .distinct()
    ).scalars()
    return {*rows, *_brought_together(session, jump_keys), *cards}


def _brought_together(session: Session, jump_keys: Collection[str]) -> set[str]:
    """The jumps with files from the same insertions as these jumps' files, whatever day the camera's clock showed."""
    insertions = (
        select(ManifestEntry.insertion_id)
        .join(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
        .where(JumpFile.jump_key.in_(jump_keys), ManifestEntry.state == EntryState.COPIED)
    )
    rows = session.execute(
        select(JumpFile.jump_key)
        .join(ManifestEntry, ManifestEntry.card_file_id == JumpFile.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertions), ManifestEntry.state == EntryState.COPIED)
        .distinct()
    )
    return set(rows.scalars())


def _days_around(days: Sequence[date]) -> tuple[datetime, datetime]:
    """From the day before the first to the end of the day after the last, within the range of cameras' clocks.

    A jump may have a day beyond that range: earlier versions accepted any.
    """
    first = max(min(days), date(FIRST_YEAR, 1, 1)) - timedelta(days=1)
    last = min(max(days), date(LAST_YEAR, 12, 31)) + timedelta(days=2)
    return datetime.combine(first, datetime.min.time()), datetime.combine(last, datetime.min.time())


def _waits() -> ColumnElement[bool]:
    return and_(Jump.state == JumpState.REVIEW, JumpFile.role != Role.LEFT_OUT)


def _cards_of(session: Session, jump_keys: Collection[str]) -> set[str]:
    rows = session.execute(
        select(CardFile.card_id)
        .join(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .where(JumpFile.jump_key.in_(jump_keys))
        .distinct()
    )
    return set(rows.scalars())


@dataclass(frozen=True)
class _Window:
    """A card, and a span of time in which files of it wait."""

    card_id: str
    first: datetime
    last: datetime


def _waiting_windows(session: Session, cards: Collection[str]) -> list[_Window]:
    if not cards:
        return []
    rows = session.execute(
        select(CardFile.card_id, CardFile.modified)
        .select_from(Jump)
        .join(JumpFile, JumpFile.jump_key == Jump.jump_key)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .where(_waits(), CardFile.card_id.in_(cards))
        .order_by(CardFile.card_id, CardFile.modified)
    )
    windows: list[_Window] = []
    for card_id, moment in rows:
        last = windows[-1] if windows else None
        if last is not None and last.card_id == card_id and moment - last.last <= 2 * ENDS_AFTER:
            windows[-1] = _Window(card_id, last.first, moment)
        else:
            windows.append(_Window(card_id, moment, moment))
    return sorted(windows, key=lambda window: window.last)[-MOST_WINDOWS:]


@dataclass(frozen=True)
class _CardStretch:
    """The files of one card around waiting ones, and the neighbours of each waiting file, in the order of filming."""

    card_id: str
    label: str
    places: Mapping[int, PlacedFile]
    beside: Mapping[int, Neighbours]
    misdated: Mapping[int, str]
    """By id of a waiting file whose time is wrong: in whose stretch the camera's own count puts it."""

    def by_owner(self) -> list[tuple[str, list[PlacedFile]]]:
        """For each jump and group, the group's files in the jump's stretch."""
        found: dict[tuple[str, str], list[PlacedFile]] = defaultdict(list)
        for file_id, neighbour in self.beside.items():
            # Where time and count disagree, the film of either may lack the file.
            for owner in {neighbour.before, self.misdated.get(file_id)} - {None}:
                found[(str(owner), self.places[file_id].jump)].append(self.places[file_id])
        return [(owner, files) for (owner, _), files in found.items()]

    def by_group(self) -> list[tuple[str, list[PlacedFile]]]:
        """For each group, its files in this stretch."""
        found: dict[str, list[PlacedFile]] = defaultdict(list)
        for file_id in self.beside:
            found[self.places[file_id].jump].append(self.places[file_id])
        return list(found.items())

    def described(self, files: Sequence[PlacedFile]) -> WaitingFiles:
        """These files of one group, as waiting files."""
        first = files[0].file
        return WaitingFiles(
            group=files[0].jump,
            card_id=self.card_id,
            card_label=self.label,
            camera=camera_of(first.folder, first.name),
            files=tuple((placed.file.file_id, placed.file.name) for placed in files),
            first=min(placed.file.recorded for placed in files),
            last=max(placed.file.recorded for placed in files),
        )

    def around(self, files: Sequence[PlacedFile]) -> GroupNeighbours:
        """The neighbours of a group's files."""
        ids = [placed.file.file_id for placed in files]
        before = {self.misdated.get(file_id) or self.beside[file_id].before for file_id in ids}
        after = self.beside[files[-1].file.file_id].after
        return GroupNeighbours(self.described(files), before.pop() if len(before) == 1 else None, after)


def _stretches(session: Session, windows: Sequence[_Window]) -> list[_CardStretch]:
    if not windows:
        return []
    around = [
        and_(
            CardFile.card_id == window.card_id,
            CardFile.modified >= window.first - ENDS_AFTER,
            CardFile.modified <= window.last + ENDS_AFTER,
        )
        for window in windows
    ]
    rows = session.execute(
        select(CardFile, Card.label, JumpFile.role, Jump, QrReading)
        .join(Card, Card.card_id == CardFile.card_id)
        .join(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .join(Jump, Jump.jump_key == JumpFile.jump_key)
        .outerjoin(QrReading, QrReading.card_file_id == CardFile.card_file_id)
        .where(or_(*around))
    )
    labels: dict[str, str] = {}
    placed: dict[str, dict[int, PlacedFile]] = defaultdict(dict)
    for file, label, role, jump, reading in rows:
        if (one := _placed(file, role, jump, reading)) is not None:
            labels[file.card_id] = label
            placed[file.card_id][one.file.file_id] = one
    misdated = _misdated(session, placed)
    return [
        _CardStretch(card, labels[card], places, neighbours(places.values()), misdated)
        for card, places in sorted(placed.items())
    ]


def _placed(file: CardFile, role: str, jump: Jump, reading: QrReading | None) -> PlacedFile | None:
    """A file in its jump; None where it waited and somebody has decided about it."""
    waits = jump.state == JumpState.REVIEW
    if waits and role == Role.LEFT_OUT:
        return None
    return PlacedFile(card_video(file), jump.jump_key, waits, waits and _has_code(reading))


def _misdated(session: Session, cards: Collection[str]) -> dict[int, str]:
    """In whose stretch the waiting files of these cards are by the camera's own count, where their times are wrong.

    All videos of an insertion are looked at, whatever their times say: a clock that was reset is years off.
    """
    brought = (
        select(Insertion.insertion_id)
        .join(ManifestEntry, ManifestEntry.insertion_id == Insertion.insertion_id)
        .join(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
        .join(Jump, Jump.jump_key == JumpFile.jump_key)
        .where(_waits(), Insertion.card_id.in_(cards), ManifestEntry.state == EntryState.COPIED)
        .group_by(Insertion.insertion_id)
        .order_by(func.max(Insertion.inserted_at).desc())
        .limit(MOST_INSERTIONS)
    )
    insertions = session.execute(brought).scalars().all()
    rows = session.execute(
        select(CardFile, JumpFile.role, Jump, QrReading)
        .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
        .join(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .join(Jump, Jump.jump_key == JumpFile.jump_key)
        .outerjoin(QrReading, QrReading.card_file_id == CardFile.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertions), CardFile.kind == FileKind.VIDEO)
    )
    by_card: dict[str, dict[int, PlacedFile]] = defaultdict(dict)
    for file, role, jump, reading in rows:
        if (one := _placed(file, role, jump, reading)) is not None:
            by_card[file.card_id][file.card_file_id] = one
    found: dict[int, str] = {}
    for places in by_card.values():
        found |= misdated_after(places.values())
    return found


def _has_code(row: QrReading | None) -> bool:
    """Whether passengers' codes were read in a file; a code that could not be accepted as a passenger's doesn't
    count.
    """
    if row is None:
        return False
    reading = Reading.kept(row.reading)
    return reading.payload is not None or reading.reason is Reason.TWO_PAYLOADS
