"""Handing out films, for the desk: links, letters, and who has got their film.

Owns: these routes, their requests, and `Desk`, which they share. Not here: the passenger's own page
(`passenger_routes`), the rules (`stinercut.delivery`), sending letters (`mailer`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.delivery.mailer import Mailer
from hub.delivery.views import LETTER, LetterView, Shares, ShareView, letter_view, link_code_svg, share_views
from hub.kit.access.subject import Subject, SubjectPart
from hub.kit.parts import part
from hub.kit.views import example
from stinercut.bounds import JumpKey, RowId, Who
from stinercut.catalog import Catalog
from stinercut.catalog.models import HandOutWay, Share
from stinercut.delivery import hand_outs, letters, shares
from stinercut.delivery.link_key import LinkKey
from stinercut.delivery.shares import MAX_JUMPS, NewShare
from stinercut.errors import HostNotReady
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message

router = APIRouter(tags=["delivery"])


class ShareWish(BaseModel):
    """The films to hand out together, and how. `days` None means the house's own number. `pin`: 4 to 8 digits."""

    model_config = ConfigDict(extra="forbid") | example(
        {"jumps": ["2026-06-01_B-1"], "who": "Kim", "way": "code", "days": None, "pin": None}
    )

    jumps: Annotated[list[JumpKey], Field(min_length=1, max_length=MAX_JUMPS)]
    who: Who
    way: HandOutWay | None = None
    """None makes the link and notes no hand-out."""
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    pin: Annotated[SecretStr, Field(max_length=8)] | None = None


class LetterWish(BaseModel):
    """To whom a link goes by e-mail. `language` None means the house's own."""

    model_config = ConfigDict(extra="forbid") | example(
        {"recipient": "anna@example.org", "language": "de", "who": "Kim"}
    )

    recipient: Annotated[str, Field(max_length=254)]
    who: Who
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None


class HandOutNote(BaseModel):
    """A film was handed out."""

    model_config = ConfigDict(extra="forbid") | example({"who": "Kim", "way": "in_person"})

    who: Who
    way: HandOutWay = HandOutWay.IN_PERSON


@dataclass(frozen=True)
class Desk:
    """What the desk works with. `board`: the hub's address for passengers; `days`: how long a link opens."""

    catalog: Catalog
    key: LinkKey
    mailer: Mailer
    board: str
    days: int
    language: str

    def hand_over(self, wish: ShareWish) -> ShareView:
        """The link that was wished for. Raises NotFound and BadInput."""
        pin = wish.pin.get_secret_value() if wish.pin is not None else None
        wanted = NewShare(tuple(dict.fromkeys(wish.jumps)), wish.days or self.days, pin)
        with self.catalog.write() as session:
            share = shares.hand_over(session, self.key, wanted, wish.who)
            if wish.way is not None:
                for jump_key in wanted.jump_keys:
                    hand_outs.note_hand_out(session, jump_key, wish.way, wish.who)
            [view] = share_views(session, self.board, self.key, [share])
        return view

    def links(self, jump_key: str | None) -> Shares:
        """All links to a jump's film, or (None) those of all jumps that open something now."""
        with self.catalog.read() as session:
            found = shares.links_that_are_out(session) if jump_key is None else shares.links_of(session, jump_key)
            return Shares(shares=share_views(session, self.board, self.key, found))

    def revoke(self, share_id: int) -> ShareView:
        """End a link. Raises NotFound and Conflict."""
        with self.catalog.write() as session:
            share = shares.revoke(session, share_id)
            [view] = share_views(session, self.board, self.key, [share])
        return view

    def code(self, share_id: int) -> bytes:
        """A link as a QR code (SVG). Raises NotFound."""
        with self.catalog.read() as session:
            share = shares.require_share(session, share_id)
            [view] = share_views(session, self.board, self.key, [share])
        return link_code_svg(view.address)

    def write_letter(self, share_id: int, wish: LetterWish) -> LetterView:
        """Queue a letter. Raises NotFound, BadInput for an unusable address, HostNotReady without a mail server."""
        if self.mailer.plan is None:
            advice = Message.of(DeliveryCode.SET_MAIL_SERVER)
            raise HostNotReady(Message.of(DeliveryCode.NO_MAIL_SERVER), advice=advice)
        with self.catalog.write() as session:
            share: Share = shares.require_share(session, share_id)
            letter = letters.enqueue(session, share, wish.recipient, wish.language or self.language)
            for place in share.jumps:
                hand_outs.note_hand_out(session, place.jump_key, HandOutWay.LETTER, wish.who)
            return letter_view(letter)

    def note(self, jump_key: str, note: HandOutNote) -> HandOutNote:
        """Note a hand-out. Raises NotFound."""
        with self.catalog.write() as session:
            hand_outs.note_hand_out(session, jump_key, note.way, note.who)
        return note

    def take_back(self, jump_key: str, who: str) -> None:
        """Forget a jump's hand-outs. Raises NotFound and Conflict."""
        with self.catalog.write() as session:
            hand_outs.take_back(session, jump_key, who)


DeskPart = Annotated[Desk, Depends(part(Desk))]


Wish = TypeVar("Wish", ShareWish, LetterWish, HandOutNote)


def _by(subject: Subject, wish: Wish) -> Wish:
    """The same wish under the name of who is signed in."""
    return wish.model_copy(update={"who": subject.who(wish.who)})


@router.post("/api/shares", status_code=201, summary="Hand films out by a link")
async def hand_over(desk: DeskPart, subject: SubjectPart, wish: ShareWish) -> ShareView:
    """The link that is out already to exactly these jumps, or a new one."""
    return await asyncio.to_thread(desk.hand_over, _by(subject, wish))


@router.get("/api/shares", summary="Links that are out, or all links of a jump")
async def links(desk: DeskPart, jump: JumpKey | None = None) -> Shares:
    """Without `jump`: the links of all jumps that open something now, the next ones to end first."""
    return await asyncio.to_thread(desk.links, jump)


@router.post("/api/shares/{share_id}/revoke", summary="End a link at once")
async def revoke(desk: DeskPart, share_id: RowId) -> ShareView:
    """It opens nothing from now on."""
    return await asyncio.to_thread(desk.revoke, share_id)


@router.get("/api/shares/{share_id}/code.svg", summary="A link as a QR code")
async def code(desk: DeskPart, share_id: RowId) -> Response:
    """An SVG that fills its place."""
    drawn = await asyncio.to_thread(desk.code, share_id)
    return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "private, no-store"})


@router.post(
    "/api/shares/{share_id}/letters",
    status_code=202,
    summary="Send a link by e-mail",
    responses={202: {"content": {"application/json": {"example": LETTER}}}},
)
async def write_letter(desk: DeskPart, subject: SubjectPart, share_id: RowId, wish: LetterWish) -> LetterView:
    """The letter goes into a queue that survives restarts."""
    letter = await asyncio.to_thread(desk.write_letter, share_id, _by(subject, wish))
    desk.mailer.hurry()
    return letter


@router.post("/api/jumps/{jump}/hand-out", status_code=201, summary="Note that a film was handed out")
async def note_hand_out(desk: DeskPart, subject: SubjectPart, jump: JumpKey, note: HandOutNote) -> HandOutNote:
    """A tick on the board."""
    return await asyncio.to_thread(desk.note, jump, _by(subject, note))


@router.delete("/api/jumps/{jump}/hand-out", status_code=204, summary="A film was not handed out after all")
async def take_back(desk: DeskPart, subject: SubjectPart, jump: JumpKey, who: Who) -> None:
    """Takes the tick away."""
    await asyncio.to_thread(desk.take_back, jump, subject.who(who))
