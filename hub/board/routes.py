"""The board's socket, which sends browsers everything as it happens.

Owns: `/ws/board`. Not here: what is sent, and when (`feed`, docs/board.md), the page (`hub.pages` serves it).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket

from hub.board.feed import Feed, serve_board
from hub.kit.parts import part
from hub.language.reader_languages import HouseLanguage

router = APIRouter(tags=["board"])


@router.websocket("/ws/board")
async def board(
    socket: WebSocket,
    feed: Annotated[Feed, Depends(part(Feed))],
    house: Annotated[HouseLanguage, Depends(part(HouseLanguage))],
) -> None:
    """One browser, from connecting to closing."""
    await serve_board(socket, feed, house.of(socket.headers))
