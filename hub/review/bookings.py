"""The office's list of bookings over HTTP: searched, looked at before it is imported, imported.

Owns: routes and views below /api/bookings. Not here: the list's form (`stinercut.jumps.booking_list`), what
importing changes (`stinercut.jumps.bookings`), saying whose jump it is (`routes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Final, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub.kit.request_body import limited_body
from hub.review.routes import Review
from stinercut.bounds import NO_NUL
from stinercut.catalog.models import Booking
from stinercut.jumps import bookings
from stinercut.jumps.booking_list import MAX_CSV_BYTES, BadRow, BookingList, parse_list
from stinercut.jumps.bookings import Change, PlannedChange

SearchText = Annotated[str, Query(max_length=80, pattern=NO_NUL)]

MAX_TOLD: Final = 200
"""Rows of a kind that an answer names; the others are counted."""

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
"""The keys of `stinercut.text_encodings.ENCODINGS`; a test holds the two together."""


class BookingView(BaseModel):
    """A booking of the office's list."""

    jump: str
    passenger_name: str
    booking_id: str
    jump_date: date
    tandem_master_id: str | None


class Bookings(BaseModel):
    """Bookings, by day and name."""

    bookings: list[BookingView]


class RowView(BaseModel):
    """A row of a list, and what is to be said of it."""

    line: int
    what: str


class ChangeView(BaseModel):
    """A row that is new or changes a booking. `before`: the name that the booking had, where that changes."""

    line: int
    change: str
    passenger_name: str
    booking_id: str
    jump_date: date
    before: str | None
    fields: list[str]
    """Names of the fields that change."""


class ListView(BaseModel):
    """What comes of importing a list, or would come of it: numbers, and the first rows of each kind."""

    new: int
    changed: int
    same: int
    refused: int
    assumed: str
    """What was assumed of the file's encoding; empty where nothing was."""
    refusals: list[RowView]
    warnings: list[RowView]
    changes: list[ChangeView]


def add_bookings(app: FastAPI, review_of: Callable[[Request], Review]) -> None:
    """All routes of this module."""

    @app.get("/api/bookings")
    async def listed(
        request: Request,
        q: SearchText = "",
        day: date | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> Bookings:
        found = await review_of(request).read(
            lambda session: [_booking_view(one) for one in bookings.search(session, q, day, limit)]
        )
        return Bookings(bookings=found)

    # With `preview` nothing is imported: the answer says what would come of it.
    @app.post("/api/bookings")
    async def import_list(request: Request, preview: bool = False, encoding: Encoding | None = None) -> ListView:
        body = await limited_body(request, MAX_CSV_BYTES, "the list", "Import it in parts.")
        found = await asyncio.to_thread(parse_list, body, encoding)

        def plan(session: Session) -> ListView:
            return list_view(found, bookings.planned_changes(session, found.bookings))

        def take(session: Session) -> ListView:
            view = plan(session)
            bookings.import_list(session, found.bookings)
            return view

        review = review_of(request)
        return await (review.read(plan) if preview else review.write(take))


def list_view(found: BookingList, changes: Sequence[PlannedChange]) -> ListView:
    """What importing a list does, as browsers get it."""
    done = bookings.counts(changes)
    told = [one for one in changes if one.change is not Change.SAME]
    return ListView(
        new=done.new,
        changed=done.changed,
        same=done.same,
        refused=len(found.refused),
        assumed=found.assumed,
        refusals=_row_views(found.refused),
        warnings=_row_views(found.warnings),
        changes=[_change_view(one) for one in told[:MAX_TOLD]],
    )


def _row_views(rows: Sequence[BadRow]) -> list[RowView]:
    return [RowView(line=row.line, what=row.what) for row in rows[:MAX_TOLD]]


def _change_view(change: PlannedChange) -> ChangeView:
    said = change.listed.payload
    return ChangeView(
        line=change.listed.line,
        change=str(change.change),
        passenger_name=said.passenger_name,
        booking_id=said.booking_id,
        jump_date=said.jump_date,
        before=next((before for name, before, _ in change.fields if name == "passenger_name"), None),
        fields=[name for name, _, _ in change.fields],
    )


def _booking_view(booking: Booking) -> BookingView:
    return BookingView(
        jump=booking.jump_key,
        passenger_name=booking.passenger_name,
        booking_id=booking.booking_id,
        jump_date=booking.jump_date,
        tandem_master_id=booking.tandem_master_id,
    )
