"""The office's list of bookings: who will jump, and how to reach them. A person chooses from it if no code was read.

Owns: keeping the list, the changes by a new list, searching it. Not here: its form as CSV
(`stinercut.jumps.booking_list`), deciding whose jump it is (`stinercut.review.decisions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import Booking
from stinercut.catalog.moments import now_in
from stinercut.catalog.search import holds
from stinercut.codes.extras import Extras
from stinercut.codes.payload import Payload
from stinercut.jumps.booking_list import ListedBooking


class Change(StrEnum):
    """The effect of importing a row."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True)
class PlannedChange:
    """A row of a list, the effect of importing it, and the changed fields: name of the field, before, after."""

    listed: ListedBooking
    change: Change
    fields: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(frozen=True)
class ListImported:
    """The result of importing a list: how many bookings are new, changed, and unchanged."""

    new: int
    changed: int
    same: int


def planned_changes(session: Session, listed: Sequence[ListedBooking]) -> list[PlannedChange]:
    """The effect of importing each of these rows, in their order. Nothing is changed."""
    known = _known(session, [booking.payload.jump_key for booking in listed])
    return [_planned(booking, known.get(booking.payload.jump_key)) for booking in listed]


def counts(changes: Sequence[PlannedChange]) -> ListImported:
    """How many changes there are of each kind."""
    kinds = [planned.change for planned in changes]
    return ListImported(kinds.count(Change.NEW), kinds.count(Change.CHANGED), kinds.count(Change.SAME))


def import_list(session: Session, listed: Sequence[ListedBooking]) -> ListImported:
    """Keep these bookings. A known booking takes the list's values. Existing jumps stay as they are."""
    changes = planned_changes(session, listed)
    for planned in changes:
        if planned.change is Change.NEW:
            session.add(_row(planned.listed.payload, planned.listed.contact))
        elif planned.change is Change.CHANGED:
            row = session.get_one(Booking, planned.listed.payload.jump_key)
            for name, _, after in planned.fields:
                setattr(row, name, after)
            row.imported_at = now_in(session)
    session.flush()
    done = counts(changes)
    events.append(session, "bookings:imported", new=done.new, changed=done.changed)
    return done


def note_contact(session: Session, payload: Payload, extras: Extras) -> None:
    """Keep the passenger's contact from a code with the booking. Known values stay. Nothing is kept for a booking that
    is known under another name.
    """
    if not extras.contact:
        return
    row = session.get(Booking, payload.jump_key)
    if row is None:
        session.add(_row(payload, extras))
    elif row.passenger_name == payload.passenger_name:
        row.email, row.phone = row.email or extras.email, row.phone or extras.phone


def search(session: Session, text: str = "", day: date | None = None, limit: int = 200) -> Sequence[Booking]:
    """Bookings of that day (None: of all days, newest first) whose name or number contains the text, ordered by name.

    Case is ignored, in every script.
    """
    query = select(Booking).where(holds(text, Booking.passenger_name, Booking.booking_id))
    if day is not None:
        query = query.where(Booking.jump_date == day)
    ordered = query.order_by(Booking.jump_date.desc(), Booking.passenger_name, Booking.jump_key).limit(limit)
    return session.execute(ordered).scalars().all()


def _known(session: Session, keys: Sequence[str]) -> dict[str, Booking]:
    known: dict[str, Booking] = {}
    for begin in range(0, len(keys), 500):
        rows = session.execute(select(Booking).where(Booking.jump_key.in_(keys[begin : begin + 500]))).scalars()
        known |= {row.jump_key: row for row in rows}
    return known


def _planned(listed: ListedBooking, row: Booking | None) -> PlannedChange:
    if row is None:
        return PlannedChange(listed, Change.NEW)
    payload, is_somebody_else = listed.payload, row.passenger_name != listed.payload.passenger_name
    wanted = {"passenger_name": payload.passenger_name, "tandem_master_id": payload.tandem_master_id}
    for name, value in (("email", listed.contact.email), ("phone", listed.contact.phone)):
        # A list without addresses removes no address, but nobody gets the addresses of another person.
        if value is not None or is_somebody_else:
            wanted[name] = value
    fields = tuple((name, getattr(row, name), after) for name, after in wanted.items() if getattr(row, name) != after)
    return PlannedChange(listed, Change.CHANGED if fields else Change.SAME, fields)


def _row(payload: Payload, contact: Extras) -> Booking:
    return Booking(
        jump_key=payload.jump_key,
        jump_date=payload.jump_date,
        booking_id=payload.booking_id,
        passenger_name=payload.passenger_name,
        tandem_master_id=payload.tandem_master_id,
        email=contact.email,
        phone=contact.phone,
    )
