"""Passengers' codes over HTTP: made from what a person typed or chose, to show on a phone or tablet, or to print.

Lives here: the page's routes and models. Doesn't: what a code says and looks like (`stinercut.identity`), the office's
list (`stinercut.catalog.bookings`), PDF sheets (`stinercut qr sheet`: they need fonts, which the hub has none of).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from stinercut.catalog import Catalog, bookings
from stinercut.identity.making import qr_svg
from stinercut.identity.payload import make_payload
from stinercut.keyring import KeyRing

WEB = Path(__file__).parent / "web"
PAGES = {"codes": "codes.html", "codes.css": "codes.css", "codes.js": "codes.js"}
MAX_CODES = 200
"""In one request. A day has fewer jumps."""


class BookingView(BaseModel):
    """Somebody who is to jump; also what a code is asked for with."""

    passenger_name: str
    booking_id: str
    jump_date: date
    tandem_master_id: str | None = None


class Bookings(BaseModel):
    """Bookings, those of a day by name."""

    bookings: list[BookingView]


class CodesWish(BaseModel):
    """Codes that a person asked for."""

    bookings: Annotated[list[BookingView], Field(min_length=1, max_length=MAX_CODES)]
    signed: bool = False


class CodeView(BaseModel):
    """A code, and what it says in the form in which it says it."""

    booking: BookingView
    svg: str


class Codes(BaseModel):
    """The codes, in the order asked for."""

    codes: list[CodeView]
    signed: bool


class Choices(BaseModel):
    """Whether this hub can sign codes, and whether unsigned ones would be refused."""

    can_sign: bool
    must_sign: bool


def add_codes(app: FastAPI, keys: KeyRing, catalog_of: Callable[[Request], Catalog]) -> None:
    """Add the page `/codes` and what it asks."""
    for path, name in PAGES.items():
        app.add_api_route(f"/{path}", _page(WEB / name), methods=["GET", "HEAD"])

    @app.get("/api/codes/choices")
    async def choices() -> Choices:
        return Choices(can_sign=bool(keys.keys), must_sign=keys.only_signed)

    @app.get("/api/codes/bookings")
    async def known(
        request: Request, search: Annotated[str, Query(max_length=80)] = "", day: date | None = None
    ) -> Bookings:
        catalog = catalog_of(request)
        return Bookings(bookings=await asyncio.to_thread(_search, catalog, search, day))

    # POST, although nothing is changed: names don't belong into addresses, which logs and histories keep.
    @app.post("/api/codes")
    def codes(wish: CodesWish) -> Codes:
        ring = keys if wish.signed or keys.only_signed else None
        return Codes(codes=[_code(one, ring) for one in wish.bookings], signed=ring is not None)


def _page(file: Path) -> Callable[[], FileResponse]:
    def page() -> FileResponse:
        return FileResponse(file, headers={"cache-control": "no-cache"})

    return page


def _search(catalog: Catalog, text: str, day: date | None) -> list[BookingView]:
    with catalog.read() as session:
        return [
            BookingView(
                passenger_name=row.passenger_name,
                booking_id=row.booking_id,
                jump_date=row.jump_date,
                tandem_master_id=row.tandem_master_id,
            )
            for row in bookings.search(session, text, day, limit=MAX_CODES)
        ]


def _code(wish: BookingView, keys: KeyRing | None) -> CodeView:
    master = (wish.tandem_master_id or "").strip() or None
    payload = make_payload(wish.passenger_name, wish.booking_id, wish.jump_date, master)
    fields = payload.model_dump(exclude={"v"})
    return CodeView(booking=BookingView(**fields), svg=qr_svg(payload, keys).decode())
