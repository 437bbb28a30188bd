"""Finds duplicate content among a jump's files, and decides which of the files counts.

Owns: the pure rule, its query, and the words for people. Not here: telling whether a card's file is known
(`stinercut.cards.known_files`), the files of a film (`jumps`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stinercut.catalog.models import Card, CardFile, ImportedFile, JumpFile, Role

_BEFORE = {Role.QR: 0, Role.LEFT_OUT: 1, Role.CLIP: 2, Role.PHOTO: 2}
"""Which role wins if files with the same content have several roles: a code is no clip, and a file that a person left
out stays out, whichever card brings it again.
"""


class Place(NamedTuple):
    """A file's place in a jump."""

    card_file_id: int
    role: str
    content_hash: str | None
    """None while the file is still on its card and its content is unknown."""


def aliases(places: Iterable[Place]) -> dict[int, int]:
    """Files of a jump that repeat another of its files, as {card file id: card file id of that other file}.

    The file that was found first counts, so that a later card changes no film. A file that was left out is never an
    alias: it is out anyway.
    """
    by_content: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        if place.content_hash is not None:
            by_content[place.content_hash].append(place)
    return {
        place.card_file_id: counts.card_file_id
        for same in by_content.values()
        for counts in [min(same, key=lambda place: (_BEFORE[Role(place.role)], place.card_file_id))]
        for place in same
        if place is not counts and place.role != Role.LEFT_OUT
    }


def aliases_among(session: Session, *jump_keys: str) -> dict[int, int]:
    """The aliases among the files of each of these jumps, as in `aliases`."""
    # Only content that exists twice: a jump may have hundreds of photos.
    twice = (
        select(JumpFile.jump_key, ImportedFile.content_hash)
        .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key.in_(jump_keys))
        .group_by(JumpFile.jump_key, ImportedFile.content_hash)
        .having(func.count() > 1)
        .subquery()
    )
    rows = session.execute(
        select(JumpFile.jump_key, JumpFile.card_file_id, JumpFile.role, ImportedFile.content_hash)
        .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .join(
            twice,
            (twice.c.jump_key == JumpFile.jump_key) & (twice.c.content_hash == ImportedFile.content_hash),
        )
    )
    by_jump: dict[str, list[Place]] = defaultdict(list)
    for jump_key, card_file_id, role, content_hash in rows:
        by_jump[jump_key].append(Place(card_file_id, role, content_hash))
    return {file: counts for places in by_jump.values() for file, counts in aliases(places).items()}


def counting_files(session: Session, jump_keys: Collection[str]) -> dict[int, str]:
    """For each alias in these jumps, the repeated file in words for people: `GX010001.MP4 of card GOPRO`."""
    repeats = aliases_among(session, *jump_keys)
    if not repeats:
        return {}
    rows = session.execute(
        select(CardFile, Card.label)
        .join(Card, Card.card_id == CardFile.card_id)
        .where(CardFile.card_file_id.in_({*repeats, *repeats.values()}))
    )
    files = {file.card_file_id: (file, label) for file, label in rows}
    return {alias: _called(files[alias][0], *files[counts]) for alias, counts in repeats.items()}


def _called(alias: CardFile, counts: CardFile, label: str) -> str:
    if alias.card_id != counts.card_id:
        return f"{counts.name} of card {label}"
    return f"{counts.folder}/{counts.name}" if alias.name == counts.name else counts.name
