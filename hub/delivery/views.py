"""The views of links and letters for the desk.

Owns: these views and how they are made. Not here: the passenger's page (`passenger_page`), the routes (`routes`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import segno
from pydantic import ConfigDict
from sqlalchemy.orm import Session

from hub.kit.views import MessageView, View, example, message_views
from stinercut.catalog.models import Letter, Share
from stinercut.catalog.moments import now_in
from stinercut.codes.making import BORDER
from stinercut.delivery import letters
from stinercut.delivery.link_key import LinkKey
from stinercut.delivery.shares import state_of
from stinercut.language.messages import all_worded, from_json

LETTER: Final[dict[str, Any]] = {
    "letter_id": 3,
    "recipient": "anna@example.org",
    "language": "de",
    "state": "sent",
    "tries": 1,
    "made_at": "2026-06-01T15:04:05Z",
    "sent_at": "2026-06-01T15:04:09Z",
    "problem": "",
    "problem_parts": [],
}
SHARE: Final[dict[str, Any]] = {
    "share_id": 7,
    "address": "https://films.example.org/f/3q2-7wEjRWeJq83vASNFZ4mrze8",
    "jumps": ["2026-06-01_B-1"],
    "state": "open",
    "made_at": "2026-06-01T15:04:05Z",
    "made_by": "Kim",
    "until": "2026-07-01T15:04:05Z",
    "has_pin": False,
    "opened": 2,
    "opened_at": "2026-06-01T18:00:00Z",
    "downloads": 1,
    "letters": [LETTER],
}


class LetterView(View):
    """A letter with a link. `problem`: why the last try failed."""

    model_config = ConfigDict(frozen=True) | example(LETTER)

    letter_id: int
    recipient: str
    language: str
    state: str
    tries: int
    made_at: datetime
    sent_at: datetime | None
    problem: str
    problem_parts: list[MessageView]
    """The same as codes and values."""


class ShareView(View):
    """A link to the films of `jumps`. `address` opens them; whoever has it needs nothing else but the PIN, if it has
    one. `opened` and `downloads` count.
    """

    model_config = ConfigDict(frozen=True) | example(SHARE)

    share_id: int
    address: str
    jumps: list[str]
    state: str
    made_at: datetime
    made_by: str
    until: datetime
    has_pin: bool
    opened: int
    opened_at: datetime | None
    downloads: int
    letters: list[LetterView]


class Shares(View):
    """Several links."""

    model_config = ConfigDict(frozen=True) | example({"shares": [SHARE]})

    shares: list[ShareView]


def address_of_share(board: str, key: LinkKey, share: Share) -> str:
    """The address of a link's page. `board`: the address of the hub as passengers know it."""
    return f"{board}/f/{key.token(share.salt)}"


def share_views(session: Session, board: str, key: LinkKey, found: Sequence[Share]) -> list[ShareView]:
    """The views of these links, in their order."""
    written, now = letters.letters_of(session, [share.share_id for share in found]), now_in(session)
    return [
        ShareView(
            share_id=share.share_id,
            address=address_of_share(board, key, share),
            jumps=[place.jump_key for place in share.jumps],
            state=state_of(share, now),
            made_at=share.made_at,
            made_by=share.made_by,
            until=share.until,
            has_pin=share.pin_mac is not None,
            opened=share.opened,
            opened_at=share.opened_at,
            downloads=share.downloads,
            letters=[letter_view(letter) for letter in written.get(share.share_id, [])],
        )
        for share in found
    ]


def letter_view(letter: Letter) -> LetterView:
    """A letter as browsers see it."""
    problem = [from_json(part) for part in letter.problem_parts or ()]
    return LetterView(
        letter_id=letter.letter_id,
        recipient=letter.recipient,
        language=letter.language,
        state=letter.state,
        tries=letter.tries,
        made_at=letter.made_at,
        sent_at=letter.sent_at,
        problem=all_worded(problem),
        problem_parts=message_views(problem),
    )


def link_code_svg(address: str) -> bytes:
    """The address as a QR code, an SVG that fills its place. Level M: 15 % may be covered by a thumb."""
    out = io.BytesIO()
    segno.make_qr(address, error="m").save(
        out, kind="svg", border=BORDER, xmldecl=False, omitsize=True, light="#fff", svgclass=None, lineclass=None
    )
    return out.getvalue()
