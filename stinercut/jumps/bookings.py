"""The office's list of bookings: who is to jump, to choose from where no code said it, and how to reach them.

Owns: keeping the list, what a new list would change, searching it. Not here: its form as CSV
(`stinercut.jumps.booking_list`), saying whose jump it is (`stinercut.review.decisions`).
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
    """What importing a row does."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True)
class PlannedChange:
    """A row of a list, what importing it does, and the fields that change: name of the field, before, after."""

    listed: ListedBooking
    change: Change
    fields: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(frozen=True)
class ListImported:
    """What comes of importing a list: how many bookings are new, changed, and as they were."""

    new: int
    changed: int
    same: int


def planned_changes(session: Session, listed: Sequence[ListedBooking]) -> list[PlannedChange]:
    """What importing these rows would do, in their order. Nothing is changed."""
    known = _known(session, [one.payload.jump_key for one in listed])
    return [_planned(one, known.get(one.payload.jump_key)) for one in listed]


def counts(changes: Sequence[PlannedChange]) -> ListImported:
    """How many there are of each."""
    kinds = [one.change for one in changes]
    return ListImported(kinds.count(Change.NEW), kinds.count(Change.CHANGED), kinds.count(Change.SAME))


def import_list(session: Session, listed: Sequence[ListedBooking]) -> ListImported:
    """Keep these bookings; one that is known takes what the list says now. Jumps that exist are left as they are."""
    changes = planned_changes(session, listed)
    for one in changes:
        if one.change is Change.NEW:
            session.add(_row(one.listed.payload, one.listed.contact))
        elif one.change is Change.CHANGED:
            row = session.get_one(Booking, one.listed.payload.jump_key)
            for name, _, after in one.fields:
                setattr(row, name, after)
            row.imported_at = now_in(session)
    session.flush()
    done = counts(changes)
    events.append(session, "bookings:imported", new=done.new, changed=done.changed)
    return done


def note_contact(session: Session, payload: Payload, extras: Extras) -> None:
    """Keep with the booking how to reach the passenger, as a code said it. What is known already stays; nothing is kept
    for a booking that is known under another name.
    """
    if not extras.contact:
        return
    row = session.get(Booking, payload.jump_key)
    if row is None:
        session.add(_row(payload, extras))
    elif row.passenger_name == payload.passenger_name:
        row.email, row.phone = row.email or extras.email, row.phone or extras.phone


def search(session: Session, text: str = "", day: date | None = None, limit: int = 200) -> Sequence[Booking]:
    """Bookings of that day (None: of all days, the newest first) whose name or number holds the text, by name.

    Capital or small letters are alike, in every script.
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
    said, is_somebody_else = listed.payload, row.passenger_name != listed.payload.passenger_name
    wanted = {"passenger_name": said.passenger_name, "tandem_master_id": said.tandem_master_id}
    for name, value in (("email", listed.contact.email), ("phone", listed.contact.phone)):
        # A list without addresses takes none away, but nobody gets those of another person.
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
