"""Jumps over HTTP: a list, newest first, one of them, and the numbers of a day.

Owns: these routes. Not here: the view of a jump (`views`), which jumps a list has (`stinercut.jumps.listing`),
decisions about a jump (`hub.review.routes`), its film (`hub.films.routes`), its runs (`hub.runs.routes`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub.jumps.day_numbers import DayNumbers, day_numbers
from hub.jumps.examples import JUMP
from hub.jumps.views import JumpView, announced_view, jump_views
from hub.kit.parts import CatalogPart, part, read
from hub.kit.views import Links, example
from stinercut.bounds import NO_NUL, JumpKey
from stinercut.cards.announced_jumps import announced_jumps
from stinercut.errors import NotFound
from stinercut.jumps import listing
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode

router = APIRouter(tags=["jumps"])

LinksPart = Annotated[Links, Depends(part(Links))]


class Jumps(BaseModel):
    """Jumps, newest first. `older`: the `before` of the next page; None on the last page."""

    model_config = example({"jumps": [JUMP], "older": None})

    jumps: list[JumpView]
    older: str | None


@router.get("/api/jumps", summary="Jumps, newest first")
async def listed(
    catalog: CatalogPart,
    links: LinksPart,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    q: Annotated[str, Query(max_length=128, pattern=NO_NUL)] = "",
    before: JumpKey | None = None,
) -> Jumps:
    """`q` searches for a name or booking. `before` is the `older` of the previous page."""

    def query(session: Session) -> Jumps:
        page = listing.newest(session, limit, q, before)
        return Jumps(jumps=jump_views(session, links, page.keys), older=page.older)

    return await read(catalog, query)


@router.get("/api/day", summary="The numbers of a day")
async def numbers(catalog: CatalogPart, day: date) -> DayNumbers:
    """How many jumps are in work, are ready, or need a person."""
    return await read(catalog, lambda session: day_numbers(session, day))


@router.get("/api/jumps/{jump}", summary="One jump")
async def one_jump(catalog: CatalogPart, links: LinksPart, jump: JumpKey) -> JumpView:
    """Its files, its progress, its film."""

    def query(session: Session) -> list[JumpView]:
        if views := jump_views(session, links, [jump]):
            return views
        announced = announced_jumps(session).get(jump)
        return [announced_view(links, announced)] if announced else []

    views = await read(catalog, query)
    if not views:
        raise NotFound(Message.of(RefusalCode.NO_JUMP_KNOWN, jump=jump))
    return views[0]
