"""The views of what jumps lack, for browsers: files that wait for a person, and files that their cards did not give.

Owns: those views. Not here: which files are in whose stretch (`stinercut.recordings.stretches`), which cards could not
be read (`stinercut.jumps.unread_cards`), jumps (`views`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kit.views import MessageView, View, message_views
from stinercut.catalog.models import Jump
from stinercut.jumps import waiting_files
from stinercut.jumps.unread_cards import UnreadCard, unread_cards
from stinercut.jumps.waiting_files import GroupNeighbours, WaitingFiles
from stinercut.language.messages import worded

WAITING_FILES, PHOTOS_NOT_COPIED, CARD_NOT_READ = (
    "FILES_WAIT_FOR_A_PERSON",
    "PHOTOS_NOT_COPIED",
    "CARD_NOT_READ",
)
FILES_LISTED = 100
"""The most files listed of one group; `what` has their number. Hundreds of photos may wait; /needs-you has all."""


class WaitingFileView(View):
    """A file that is missing."""

    file_id: int
    name: str


class MissingView(View):
    """Something that a jump lacks. `code` tells what.

    FILES_WAIT_FOR_A_PERSON: files that come right after its own on their card, up to the next code, and nobody has
    decided whose they are. `jump` is the group that they wait in, `decide` the page where a person decides it.
    PHOTOS_NOT_COPIED: photos of its own that did not come from the card; `decide` is where to leave them out.
    CARD_NOT_READ: a part of the card that its files came from could not even be listed. `jump` is the jump itself;
    nothing can be decided, so `decide` is empty: the card must be put in again.

    `first` and `last`: when the first and the last of them were filmed, by the camera's clock; null if unknown.
    `camera`: the camera's maker; empty if file names don't tell.
    """

    code: str
    what: str
    what_parts: list[MessageView]
    """The same as codes and values."""
    jump: str
    decide: str
    card: str
    label: str
    camera: str
    first: datetime | None
    last: datetime | None
    files: list[WaitingFileView]


class NeighbourView(View):
    """A jump whose files are next to a waiting group on their card."""

    jump: str
    passenger: str | None
    booking_id: str | None


class PlaceView(View):
    """Where a waiting group comes from. `before`: the jump whose files come right before it, without a code between."""

    card: str
    label: str
    camera: str
    first: datetime
    last: datetime
    before: NeighbourView | None
    after: NeighbourView | None


@dataclass(frozen=True)
class WaitingViews:
    """By jump: what the films of some jumps lack, and where waiting groups among these jumps come from."""

    missing: dict[str, list[MissingView]]
    places: dict[str, PlaceView]


def waiting_views(session: Session, jump_keys: Collection[str]) -> WaitingViews:
    """What these jumps lack of their cards, and the places of waiting groups among them."""
    waiting = waiting_files.waiting_around(session, jump_keys)
    places = waiting.surroundings
    keys = {key for place in places.values() for key in (place.before, place.after) if key is not None}
    neighbours = select(Jump).where(Jump.jump_key.in_(keys))
    jumps = {jump.jump_key: jump for jump in session.execute(neighbours).scalars()} if keys else {}
    missing = {jump: [_missing_view(files) for files in groups] for jump, groups in waiting.missing.items()}
    for jump, cards in unread_cards(session, jump_keys).items():
        missing[jump] = [*missing.get(jump, []), *(_unread_view(jump, card) for card in cards)]
    return WaitingViews(
        missing,
        {group: _place_view(place, jumps) for group, place in places.items()},
    )


def _missing_view(waiting: WaitingFiles) -> MissingView:
    return MissingView(
        code=PHOTOS_NOT_COPIED if waiting.not_copied else WAITING_FILES,
        what=worded(waiting.said()),
        what_parts=message_views([waiting.said()]),
        jump=waiting.group,
        decide=f"/needs-you?jump={quote(waiting.group)}",
        card=waiting.card_id,
        label=waiting.card_label,
        camera=waiting.camera,
        first=waiting.first,
        last=waiting.last,
        files=[WaitingFileView(file_id=file, name=name) for file, name in waiting.files[:FILES_LISTED]],
    )


def _unread_view(jump: str, card: UnreadCard) -> MissingView:
    return MissingView(
        code=CARD_NOT_READ,
        what=worded(card.said()),
        what_parts=message_views([card.said()]),
        jump=jump,
        decide="",
        card=card.card_id,
        label=card.card_label,
        camera="",
        first=None,
        last=None,
        files=[],
    )


def _place_view(around: GroupNeighbours, jumps: Mapping[str, Jump]) -> PlaceView:
    files = around.files
    return PlaceView(
        card=files.card_id,
        label=files.card_label,
        camera=files.camera,
        first=files.first,
        last=files.last,
        before=_neighbour(jumps.get(around.before or "")),
        after=_neighbour(jumps.get(around.after or "")),
    )


def _neighbour(jump: Jump | None) -> NeighbourView | None:
    if jump is None:
        return None
    return NeighbourView(jump=jump.jump_key, passenger=jump.passenger_name, booking_id=jump.booking_id)
