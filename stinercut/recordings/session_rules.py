"""Splits a card's new files into jumps: a pure function of names, times and readings.

Owns: only the rules. Not here: reading codes (`stinercut.codes`), recording the result (`stinercut.jumps`).

The one thing that must never happen is a film with somebody else's name. So a clip gets a name only if the way from the
name's code to the clip is certain. Whatever breaks this way (a code that can't be accepted, a file that couldn't be
looked at, a long pause, a camera whose clock and file numbers disagree) makes the later files unidentified, until the
next code. An unidentified group costs a person one look; nothing is ever dropped.

Photos follow the same rules, but decide nothing: a clip's jump never depends on photos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from stinercut.codes.payload import Payload
from stinercut.codes.reading import Reading, Reason
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.recordings.camera_counts import count_of
from stinercut.recordings.filming_order import CardVideo, in_order_on_card

LONG: Final = timedelta(seconds=30)
"""A recording with a code that is longer than this is also footage: nobody films a sheet of paper for so long, but a
camera may be left running, or the jump's only recording may begin with the code.
"""

BEFORE_ANY_CODE: Final = Message.of(MessageCode.BEFORE_ANY_CODE)
AFTER_PAUSE: Final = Message.of(MessageCode.AFTER_PAUSE)
CLOCK_DISAGREES: Final = Message.of(MessageCode.CLOCK_DISAGREES)


@dataclass(frozen=True)
class SessionRules:
    """The adjustable rule: a pause longer than `gap` ends a jump, if no code began another one."""

    gap: timedelta


@dataclass(frozen=True)
class Session:
    """Files that belong together, in the order of filming, as file ids.

    `payload` is None for files without a known passenger; then `why` is the reason. A recording that shows a code and
    is LONG is in both `qr_files` and `clips`.
    """

    payload: Payload | None
    qr_files: tuple[int, ...]
    clips: tuple[int, ...]
    why: Message | None = None
    photos: tuple[int, ...] = ()


def split(
    files: Sequence[CardVideo],
    readings: Mapping[int, Reading],
    rules: SessionRules,
    unread: AbstractSet[int] = frozenset(),
) -> list[Session]:
    """The sessions of a card, in the order in which they began. Every file is in exactly one session.

    `readings` by file id (a proxy's reading under its main file's id). A file without a reading was not read, because
    it is too long for a film of a code. A file in `unread` should have been read but could not be, so it may hide a
    code.
    """
    ordered = in_order_on_card(files)
    assigned = _by_time(ordered, readings, rules, unread)
    return _without_conflicts(_gathered(ordered, _agreeing(ordered, assigned)))


# One state for each file


@dataclass(frozen=True)
class _Place:
    """Where one file belongs. `code` is the index, in filming order, of the file that decided it, if one did."""

    payload: Payload | None
    why: Message | None
    is_code: bool = False
    is_clip: bool = True
    code: int | None = None
    run: int = 0
    """The number of the unidentified stretch: a pause, a code or another reason begins a new one."""


_START: Final = _Place(None, BEFORE_ANY_CODE)


def _event(file: CardVideo, readings: Mapping[int, Reading], unread: AbstractSet[int]) -> _Place | None:
    """The effect of a file on the files after it: a passenger, or nobody; None without an effect."""
    reading = readings.get(file.file_id)
    if reading is not None and reading.payload is not None:
        return _Place(reading.payload, None, is_code=True, is_clip=_is_long(reading))
    if reading is not None and reading.hides_identity:
        return _Place(None, _barrier(file, reading))
    if file.file_id in unread:
        return _Place(None, Message.of(MessageCode.NOT_LOOKED_AT, file=file.name))
    return None


def _is_long(reading: Reading) -> bool:
    return reading.film_seconds is not None and reading.film_seconds > LONG.total_seconds()


def _barrier(file: CardVideo, reading: Reading) -> Message:
    match reading.reason:
        case Reason.INVALID_QR if reading.said:
            return Message.of(MessageCode.CODE_REFUSED, file=file.name, detail=reading.said)
        case Reason.INVALID_QR:
            return Message.of(MessageCode.CODE_FOREIGN, file=file.name)
        case Reason.TWO_PAYLOADS if reading.said:
            return Message.of(MessageCode.CODES_DIFFER, file=file.name, detail=reading.said)
        case Reason.TWO_PAYLOADS:
            return Message.of(MessageCode.CODES_OF_TWO, file=file.name)
        case Reason.NOT_CONFIRMED:
            return Message.of(MessageCode.CODE_READ_ONCE, file=file.name)
        case _:
            return Message.of(MessageCode.NOT_READABLE, file=file.name)


def _by_time(
    ordered: Sequence[CardVideo],
    readings: Mapping[int, Reading],
    rules: SessionRules,
    unread: AbstractSet[int],
) -> list[_Place]:
    """The place of each file by the order of filming alone."""
    places: list[_Place] = []
    state, latest = _START, None
    photos = _Photos(_START)
    for index, file in enumerate(ordered):
        if file.is_photo:
            photos = photos.followed_by(file.recorded, index, rules.gap)
            places.append(photos.place)
            continue
        if latest is not None and file.recorded - latest > rules.gap:
            # Photos that were taken in this pause, up to this clip, belong to the same stretch as the clip.
            same = photos.is_apart and photos.latest is not None and file.recorded - photos.latest <= rules.gap
            state = _after_pause(state, photos.place.run if same else index)
        latest = file.recorded if latest is None else max(latest, file.recorded)
        event = _event(file, readings, unread)
        if event is not None:
            state = replace(event, code=index, run=index)
        places.append(state)
        state = replace(state, is_code=False, is_clip=True)
        photos = _Photos(state, latest)
    return places


def _after_pause(state: _Place, run: int) -> _Place:
    """The state after a pause: the files belong to nobody."""
    return _Place(None, BEFORE_ANY_CODE if state.why == BEFORE_ANY_CODE else AFTER_PAUSE, run=run)


@dataclass(frozen=True)
class _Photos:
    """The place of photos that follow the last video (at `latest`), or each other.

    Their pauses are counted separately: a photo in the middle of a long pause must not make it look short to a clip.
    """

    place: _Place
    latest: datetime | None = None
    is_apart: bool = False
    """Whether a pause lies between them and the last video."""

    def followed_by(self, recorded: datetime, index: int, gap: timedelta) -> _Photos:
        """The place after another photo, which was taken at `recorded` and is number `index` of all files."""
        if self.latest is None or recorded - self.latest <= gap:
            latest = recorded if self.latest is None else max(self.latest, recorded)
            return replace(self, latest=latest)
        return _Photos(_after_pause(self.place, index), recorded, is_apart=True)


# The second witness


def _agreeing(ordered: Sequence[CardVideo], places: Sequence[_Place]) -> list[_Place]:
    """Remove the name from a clip if its file number follows another code than its time does.

    A clock that was reset, perhaps twice, moves one jump's clips behind another jump's code; the counter keeps
    counting. If two cameras filmed on one card, their counters aren't comparable, so only names of one family are
    compared.
    """
    counters = [count_of(file) for file in ordered]
    counted = sorted((counter, index) for index, counter in enumerate(counters) if counter is not None)
    by_number: dict[int, int | None] = {}
    latest: dict[tuple[str, str], int] = {}
    for counter, index in counted:
        if places[index].code == index:
            latest[counter.family] = index
        by_number[index] = latest.get(counter.family)

    def comparable(one: int, other: int) -> bool:
        first, second = counters[one], counters[other]
        return first is not None and second is not None and first.family == second.family

    checked: list[_Place] = []
    for index, place in enumerate(places):
        code, rival = place.code, by_number.get(index)
        if place.payload is None or code is None or not comparable(index, code):
            checked.append(place)
        elif rival is None or places[rival].payload != place.payload:
            checked.append(_Place(None, CLOCK_DISAGREES, run=code))
        else:
            checked.append(place)
    return checked


# Sessions of places


def _gathered(ordered: Sequence[CardVideo], places: Sequence[_Place]) -> list[Session]:
    """One session for each passenger and each unidentified stretch, in the order in which they began."""
    groups: dict[Payload | tuple[Message | None, int], list[tuple[CardVideo, _Place]]] = {}
    for file, place in zip(ordered, places, strict=True):
        groups.setdefault(place.payload or (place.why, place.run), []).append((file, place))
    return [
        Session(
            payload=members[0][1].payload,
            qr_files=tuple(file.file_id for file, place in members if place.is_code),
            clips=tuple(file.file_id for file, place in members if place.is_clip and not file.is_photo),
            why=members[0][1].why,
            photos=tuple(file.file_id for file, _ in members if file.is_photo),
        )
        for members in groups.values()
    ]


def _without_conflicts(sessions: Sequence[Session]) -> list[Session]:
    """Remove the name from sessions whose codes give one booking to different people."""
    names: dict[str, list[Payload]] = {}
    for session in sessions:
        if session.payload is not None:
            names.setdefault(session.payload.jump_key, []).append(session.payload)
    return [_checked(session, names[session.payload.jump_key]) if session.payload else session for session in sessions]


def _checked(session: Session, claims: Sequence[Payload]) -> Session:
    if len(claims) < 2:
        return session
    why = Message.of(
        MessageCode.BOOKING_WITH_DIFFERENT_CODES,
        booking=claims[0].booking_id,
        day=claims[0].jump_date.isoformat(),
        claims=tuple(map(_claim, claims)),
    )
    return replace(session, payload=None, why=why)


def _claim(payload: Payload) -> Message:
    if payload.tandem_master_id is None:
        return Message.of(MessageCode.PASSENGER_WITHOUT_MASTER, passenger=payload.passenger_name)
    return Message.of(
        MessageCode.PASSENGER_OF_MASTER, passenger=payload.passenger_name, master=payload.tandem_master_id
    )
