"""The office's list of bookings: who is to jump, to choose from where no code said it.

Lives here: keeping the list, searching it. Doesn't: its form as CSV (`stinercut.identity.booking_list`), saying whose
jump it is (`decisions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.matching import holds
from stinercut.catalog.models import Booking
from stinercut.catalog.moments import now_in
from stinercut.identity.payload import Payload


@dataclass(frozen=True)
class ListImported:
    """What came of importing a list: how many bookings are new, changed, and as they were."""

    new: int
    changed: int
    same: int


def import_list(session: Session, bookings: Sequence[Payload]) -> ListImported:
    """Keep these bookings; one that is known takes what the list says now. Jumps that exist are left as they are."""
    known: dict[str, Booking] = {}
    keys = [one.jump_key for one in bookings]
    for begin in range(0, len(keys), 500):
        rows = session.execute(select(Booking).where(Booking.jump_key.in_(keys[begin : begin + 500]))).scalars()
        known |= {row.jump_key: row for row in rows}
    new = changed = 0
    for one in bookings:
        row = known.get(one.jump_key)
        if row is None:
            new += 1
            session.add(
                Booking(
                    jump_key=one.jump_key,
                    jump_date=one.jump_date,
                    booking_id=one.booking_id,
                    passenger_name=one.passenger_name,
                    tandem_master_id=one.tandem_master_id,
                )
            )
        elif (row.passenger_name, row.tandem_master_id) != (one.passenger_name, one.tandem_master_id):
            changed += 1
            row.passenger_name, row.tandem_master_id = one.passenger_name, one.tandem_master_id
            row.imported_at = now_in(session)
    session.flush()
    events.append(session, "bookings:imported", new=new, changed=changed)
    return ListImported(new, changed, len(bookings) - new - changed)


def search(session: Session, text: str = "", day: date | None = None, limit: int = 200) -> Sequence[Booking]:
    """Bookings of that day (None: of all days, the newest first) whose name or number holds the text, by name.

    Capital or small letters are alike, in every script.
    """
    query = select(Booking).where(holds(text, Booking.passenger_name, Booking.booking_id))
    if day is not None:
        query = query.where(Booking.jump_date == day)
    ordered = query.order_by(Booking.jump_date.desc(), Booking.passenger_name, Booking.jump_key).limit(limit)
    return session.execute(ordered).scalars().all()
