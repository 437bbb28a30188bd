"""The views of the office's list of bookings, and of what importing a list does or would do.

Owns: these views. Not here: the routes (`routes`), the list's form (`stinercut.jumps.booking_list`), what
importing changes (`stinercut.jumps.bookings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from pydantic import BaseModel

from hub.kit.views import MessageView, example, message_views
from stinercut.catalog.models import Booking
from stinercut.jumps import bookings
from stinercut.jumps.booking_list import BadRow, BookingList
from stinercut.jumps.bookings import Change, PlannedChange
from stinercut.language.messages import all_worded, worded

MAX_TOLD: Final = 200
"""The most rows of each kind that an answer names; the others are only counted."""

Encoding = Literal[
    "utf-8",
    "utf-16",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
]
"""The keys of `stinercut.text_encodings.ENCODINGS`; a test keeps the two equal."""


class BookingView(BaseModel):
    """A booking of the office's list."""

    jump: str
    passenger_name: str
    booking_id: str
    jump_date: date
    tandem_master_id: str | None


class Bookings(BaseModel):
    """Bookings, by day and name."""

    model_config = example(
        {
            "bookings": [
                {
                    "jump": "2026-06-01_B-1",
                    "passenger_name": "Anna Müller",
                    "booking_id": "B-1",
                    "jump_date": "2026-06-01",
                    "tandem_master_id": None,
                }
            ]
        }
    )

    bookings: list[BookingView]


class RowView(BaseModel):
    """A row of a list, and what is wrong with it or worth a look."""

    line: int
    what: str
    what_parts: list[MessageView] = []
    """The same as codes and values."""


class ChangeView(BaseModel):
    """A row that is new or changes a booking. `before`: the booking's old name, if the name changes."""

    line: int
    change: str
    passenger_name: str
    booking_id: str
    jump_date: date
    before: str | None
    fields: list[str]
    """The names of the fields that change."""


class ListView(BaseModel):
    """The result of importing a list, or what it would be: numbers, and the first rows of each kind."""

    model_config = example(
        {
            "new": 1,
            "changed": 0,
            "same": 27,
            "refused": 1,
            "assumed": "",
            "refusals": [{"line": 14, "what": "the day 31.02. does not exist"}],
            "warnings": [],
            "changes": [
                {
                    "line": 2,
                    "change": "new",
                    "passenger_name": "Anna Müller",
                    "booking_id": "B-1",
                    "jump_date": "2026-06-01",
                    "before": None,
                    "fields": [],
                }
            ],
        }
    )

    new: int
    changed: int
    same: int
    refused: int
    assumed: str
    """What was assumed of the file's encoding; empty where nothing was."""
    assumed_parts: list[MessageView] = []
    """The same as codes and values."""
    refusals: list[RowView]
    warnings: list[RowView]
    changes: list[ChangeView]


def list_view(found: BookingList, changes: Sequence[PlannedChange]) -> ListView:
    """What importing a list does, as browsers get it."""
    done = bookings.counts(changes)
    told = [change for change in changes if change.change is not Change.SAME]
    return ListView(
        new=done.new,
        changed=done.changed,
        same=done.same,
        refused=len(found.refused),
        assumed=all_worded(found.assumed_parts),
        assumed_parts=message_views(found.assumed_parts),
        refusals=_row_views(found.refused),
        warnings=_row_views(found.warnings),
        changes=[_change_view(change) for change in told[:MAX_TOLD]],
    )


def _row_views(rows: Sequence[BadRow]) -> list[RowView]:
    return [
        RowView(line=row.line, what=worded(row.said), what_parts=message_views([row.said])) for row in rows[:MAX_TOLD]
    ]


def _change_view(change: PlannedChange) -> ChangeView:
    person = change.listed.payload
    return ChangeView(
        line=change.listed.line,
        change=str(change.change),
        passenger_name=person.passenger_name,
        booking_id=person.booking_id,
        jump_date=person.jump_date,
        before=next((before for name, before, _ in change.fields if name == "passenger_name"), None),
        fields=[name for name, _, _ in change.fields],
    )


def booking_view(booking: Booking) -> BookingView:
    """A booking as browsers get it."""
    return BookingView(
        jump=booking.jump_key,
        passenger_name=booking.passenger_name,
        booking_id=booking.booking_id,
        jump_date=booking.jump_date,
        tandem_master_id=booking.tandem_master_id,
    )
