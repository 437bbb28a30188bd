"""The office's list of bookings: who is to jump, to choose from where no code said it.

Lives here: reading the list from CSV, keeping it, searching it. Doesn't: saying whose jump it is (`review`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import Booking, now
from stinercut.errors import BadInput
from stinercut.identity.payload import Payload, make_payload

COLUMNS = ("passenger_name", "booking_id", "jump_date")
"""What a list must have. `tandem_master_id` may be there too; other columns are passed over."""
MASTER = "tandem_master_id"
MAX_ROWS = 20_000
_PROBLEMS_SHOWN = 5


@dataclass(frozen=True)
class ListImported:
    """What came of importing a list: how many bookings are new, changed, and as they were."""

    new: int
    changed: int
    same: int


def parse_list(text: str) -> list[Payload]:
    """The bookings in a CSV text whose first line names the columns; commas, semicolons or tabs between them.

    All or nothing: raises BadInput that names the lines which can't be taken, and why.
    """
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=_delimiter(text))
    names = {(name or "").strip().lower(): name for name in lines.fieldnames or ()}
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise BadInput(
            f"the list has no column {' and no column '.join(missing)}",
            advice=f"Its first line must name the columns: {', '.join(COLUMNS)}.",
        )
    found: dict[str, Payload] = {}
    problems: list[str] = []
    for line in lines:
        fields = {column: (line.get(names[column]) or "").strip() for column in (*COLUMNS, MASTER) if column in names}
        if not any(fields.values()):
            continue
        try:
            payload = _payload(fields)
            known = found.setdefault(payload.jump_key, payload)
            if known != payload:
                raise BadInput(f"booking {payload.booking_id} stands twice, differently")
        except BadInput as refused:
            problems.append(f"line {lines.line_num}: {refused.what}")
    if problems:
        more = len(problems) - _PROBLEMS_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        raise BadInput("; ".join(problems[:_PROBLEMS_SHOWN]) + rest, advice="Nothing was imported. Correct the list.")
    if len(found) > MAX_ROWS:
        raise BadInput(f"the list has {len(found)} bookings, more than {MAX_ROWS}", advice="Import it in parts.")
    return list(found.values())


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _payload(fields: dict[str, str]) -> Payload:
    try:
        day = date.fromisoformat(fields["jump_date"]) if len(fields["jump_date"]) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise BadInput(f"jump_date must be written YYYY-MM-DD, not {fields['jump_date']!r}")
    return make_payload(fields["passenger_name"], fields["booking_id"], day, fields.get(MASTER) or None)


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
            row.passenger_name, row.tandem_master_id, row.imported_at = one.passenger_name, one.tandem_master_id, now()
    session.flush()
    events.append(session, "bookings:imported", new=new, changed=changed)
    return ListImported(new, changed, len(bookings) - new - changed)


def search(session: Session, text: str = "", day: date | None = None, limit: int = 200) -> Sequence[Booking]:
    """Bookings of that day (None: of all days, the newest first) whose name or number holds the text, by name."""
    query = select(Booking).order_by(Booking.jump_date.desc(), Booking.passenger_name, Booking.jump_key).limit(limit)
    if day is not None:
        query = query.where(Booking.jump_date == day)
    wanted = text.strip().lower()
    if wanted:
        query = query.where(
            or_(
                func.lower(Booking.passenger_name).contains(wanted, autoescape=True),
                func.lower(Booking.booking_id).contains(wanted, autoescape=True),
            )
        )
    return session.execute(query).scalars().all()
