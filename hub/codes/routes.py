"""Passengers' codes over HTTP: made from typed or chosen bookings, to show on a phone or tablet, or to print.

Owns: the routes and models below /api/codes. Not here: the content and form of a code (`stinercut.codes`), the office's
list (`hub.review.routes`), PDF sheets (`stinercut qr sheet`: they need fonts, and the hub has no fonts).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from hub.kit.parts import part
from hub.kit.views import example
from stinercut.bounds import ShortText, TypedId
from stinercut.codes.making import qr_svg
from stinercut.codes.payload import make_payload
from stinercut.errors import BadInput
from stinercut.keyring import KeyRing
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode

MAX_CODES = 50
"""The most codes in one request: drawing one takes about 20 ms, and nobody should wait for another's list. Pages split
their lists."""
_AT_ONCE = 2
"""How many requests are drawn at the same time. The others wait, so that the hub keeps threads for the board."""


_BOOKING: Final[dict[str, Any]] = {
    "passenger_name": "Anna Müller",
    "booking_id": "B-1",
    "jump_date": "2026-06-01",
    "tandem_master_id": None,
}


class WantedCode(BaseModel):
    """The content of a code."""

    passenger_name: ShortText
    booking_id: TypedId
    jump_date: date
    tandem_master_id: TypedId | None = None


class WantedCodes(BaseModel):
    """The codes that a person asks for."""

    model_config = example({"bookings": [_BOOKING], "signed": False})

    bookings: Annotated[list[WantedCode], Field(min_length=1, max_length=MAX_CODES)]
    signed: bool = False


class CodeView(BaseModel):
    """A code, and its content in exactly the form that is in it."""

    booking: WantedCode
    svg: str


class Codes(BaseModel):
    """The codes, in the order of the request."""

    model_config = example(
        {
            "codes": [{"booking": _BOOKING, "svg": "<svg></svg>"}],
            "signed": False,
        }
    )

    codes: list[CodeView]
    signed: bool


class Choices(BaseModel):
    """Whether this hub can sign codes, and whether unsigned ones would be refused."""

    model_config = example({"can_sign": True, "must_sign": False})

    can_sign: bool
    must_sign: bool


class CodeDrawing:
    """Draws codes, few requests at a time."""

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def draw(self, wanted: WantedCodes) -> Codes:
        """The codes, signed if asked for or if unsigned ones would be refused. Raises BadInput."""
        ring = self.keys if wanted.signed or self.keys.only_signed else None
        async with self._places:
            drawn = await asyncio.to_thread(_codes, wanted.bookings, ring)
        return Codes(codes=drawn, signed=ring is not None)


router = APIRouter(tags=["codes"])

CodesPart = Annotated[CodeDrawing, Depends(part(CodeDrawing))]


@router.get("/api/codes/choices", summary="Whether codes can, or must, be signed")
async def choices(drawing: CodesPart) -> Choices:
    """What this hub's keys allow."""
    return Choices(can_sign=bool(drawing.keys.keys), must_sign=drawing.keys.only_signed)


# POST, although nothing is changed: names don't belong in addresses, which logs and histories keep.
@router.post("/api/codes", summary="Codes to show or print")
async def codes(drawing: CodesPart, wanted: WantedCodes) -> Codes:
    """Each as SVG, in the order of the request."""
    return await drawing.draw(wanted)


def _codes(bookings: Sequence[WantedCode], keys: KeyRing | None) -> list[CodeView]:
    """Draw these codes. A page asks for a whole day's codes at once, so an error names the code that can't be made."""
    made: list[CodeView] = []
    for wanted in bookings:
        try:
            made.append(_code(wanted, keys))
        except BadInput as refused:
            what = refused.what_parts
            if len(bookings) > 1:
                what = (Message.of(RefusalCode.BOOKING_REFUSED, booking=wanted.booking_id, why=what),)
            raise BadInput(what, advice=refused.advice_parts) from None
    return made


def _code(wanted: WantedCode, keys: KeyRing | None) -> CodeView:
    master = (wanted.tandem_master_id or "").strip() or None
    payload = make_payload(wanted.passenger_name, wanted.booking_id, wanted.jump_date, master)
    fields = payload.model_dump(exclude={"v"})
    return CodeView(booking=WantedCode(**fields), svg=qr_svg(payload, keys).decode())
