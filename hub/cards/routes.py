"""Cards over HTTP, and the address that detectors connect to.

Owns: `/api/cards` and `/ws/detector`. Not here: the view of a card (`views`), the messages on the socket (`socket`,
docs/protocol.md).
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, WebSocket
from pydantic import BaseModel

from hub.cards.copy_progress import Live
from hub.cards.examples import CARD
from hub.cards.socket import Detectors
from hub.cards.views import CardView, card_views
from hub.kit.parts import CatalogPart, part, read
from hub.kit.views import example

router = APIRouter(tags=["cards"])

DETECTOR_SOCKET: Final = "/ws/detector"


class Cards(BaseModel):
    """The cards on the board."""

    model_config = example({"cards": [CARD]})

    cards: list[CardView]


@router.get("/api/cards", summary="The cards on the board")
async def cards(catalog: CatalogPart, live: Annotated[Live, Depends(part(Live))]) -> Cards:
    """Cards that are in come first."""
    picture = live.picture()
    return Cards(cards=await read(catalog, lambda session: card_views(session, picture)))


@router.websocket(DETECTOR_SOCKET)
async def detector(socket: WebSocket, detectors: Annotated[Detectors, Depends(part(Detectors))]) -> None:
    """One detector, from its hello to its end."""
    await detectors.serve(socket)
