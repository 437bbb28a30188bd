"""Passengers' codes over HTTP: made from what a person typed or chose, to show on a phone or tablet, or to print.

Owns: the routes and models below /api/codes. Not here: what a code says and looks like (`stinercut.codes`), the
office's list (`hub.review.routes`), PDF sheets (`stinercut qr sheet`: they need fonts, which the hub has none of).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, Field

from stinercut.bounds import ShortText, TypedId
from stinercut.codes.making import qr_svg
from stinercut.codes.payload import make_payload
from stinercut.errors import BadInput
from stinercut.keyring import KeyRing

MAX_CODES = 50
"""In one request: one takes about 20 ms to draw, and nobody is to wait for another's list. Pages ask in pieces."""
_AT_ONCE = 2
"""Requests that are drawn at the same time; the others wait, and the hub has its threads for the board."""


class WantedCode(BaseModel):
    """What a code is to say."""

    passenger_name: ShortText
    booking_id: TypedId
    jump_date: date
    tandem_master_id: TypedId | None = None


class WantedCodes(BaseModel):
    """Codes that a person asked for."""

    bookings: Annotated[list[WantedCode], Field(min_length=1, max_length=MAX_CODES)]
    signed: bool = False


class CodeView(BaseModel):
    """A code, and what it says in the form in which it says it."""

    booking: WantedCode
    svg: str


class Codes(BaseModel):
    """The codes, in the order asked for."""

    codes: list[CodeView]
    signed: bool


class Choices(BaseModel):
    """Whether this hub can sign codes, and whether unsigned ones would be refused."""

    can_sign: bool
    must_sign: bool


def add_codes(app: FastAPI, keys: KeyRing) -> None:
    """Add what the page `/codes` asks."""
    drawing = asyncio.Semaphore(_AT_ONCE)

    @app.get("/api/codes/choices")
    async def choices() -> Choices:
        return Choices(can_sign=bool(keys.keys), must_sign=keys.only_signed)

    # POST, although nothing is changed: names don't belong into addresses, which logs and histories keep.
    @app.post("/api/codes")
    async def codes(wanted: WantedCodes) -> Codes:
        ring = keys if wanted.signed or keys.only_signed else None
        async with drawing:
            drawn = await asyncio.to_thread(_codes, wanted.bookings, ring)
        return Codes(codes=drawn, signed=ring is not None)


def _codes(bookings: Sequence[WantedCode], keys: KeyRing | None) -> list[CodeView]:
    """A day's codes are asked for together: which of them can't be made has to be said."""
    made: list[CodeView] = []
    for wanted in bookings:
        try:
            made.append(_code(wanted, keys))
        except BadInput as refused:
            which = f"booking {wanted.booking_id}: " if len(bookings) > 1 else ""
            raise BadInput(f"{which}{refused.what}", advice=refused.advice) from None
    return made


def _code(wanted: WantedCode, keys: KeyRing | None) -> CodeView:
    master = (wanted.tandem_master_id or "").strip() or None
    payload = make_payload(wanted.passenger_name, wanted.booking_id, wanted.jump_date, master)
    fields = payload.model_dump(exclude={"v"})
    return CodeView(booking=WantedCode(**fields), svg=qr_svg(payload, keys).decode())
