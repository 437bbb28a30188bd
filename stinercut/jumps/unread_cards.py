"""Finds cards that could not be listed completely, so that jumps may lack files of them.

Owns: these queries; their number doesn't grow with the jumps, and normally they find nothing. Not here: recording that
a card can't be read (`stinercut.cards.insertions`), known files of a jump that did not come (`jump_photos`), files that
wait for a person (`waiting_files`), showing it (`hub`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from stinercut.catalog.models import OPEN, Card, EntryState, Insertion, JumpFile, ManifestEntry, Role
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

_BROUGHT = (EntryState.COPIED, EntryState.FAILED, *OPEN)
"""States of the files that an insertion brought, or should bring. Unlisted files may belong to the same jumps."""


@dataclass(frozen=True)
class UnreadCard:
    """A card, and how many folders and files of it could not be read when it brought a jump's files."""

    card_id: str
    card_label: str
    unreadable: int

    def said(self) -> Message:
        """What is missing and how to get it."""
        return Message.of(MessageCode.PARTS_OF_CARD_NOT_READ, parts=self.unreadable, card=self.card_label)


def unread_cards(session: Session, jump_keys: Collection[str]) -> Mapping[str, Sequence[UnreadCard]]:
    """The cards of which these jumps may lack files, by jump, until a later insertion of the card was read completely.

    Jumps that lack nothing are left out.
    """
    later = aliased(Insertion)
    read_since = (
        select(later.insertion_id)
        .where(
            later.card_id == Insertion.card_id,
            later.inserted_at > Insertion.inserted_at,
            later.listed_at.is_not(None),
            later.unreadable == 0,
        )
        .exists()
    )
    rows = session.execute(
        select(JumpFile.jump_key, Card.card_id, Card.label, func.max(Insertion.unreadable))
        .join(ManifestEntry, ManifestEntry.card_file_id == JumpFile.card_file_id)
        .join(Insertion, Insertion.insertion_id == ManifestEntry.insertion_id)
        .join(Card, Card.card_id == Insertion.card_id)
        .where(
            JumpFile.jump_key.in_(jump_keys),
            JumpFile.role != Role.LEFT_OUT,
            ManifestEntry.state.in_(_BROUGHT),
            Insertion.unreadable > 0,
            ~read_since,
        )
        .group_by(JumpFile.jump_key, Card.card_id, Card.label)
        .order_by(JumpFile.jump_key, Card.card_id)
    )
    found: dict[str, list[UnreadCard]] = defaultdict(list)
    for jump, card, label, unreadable in rows:
        found[jump].append(UnreadCard(card, label, unreadable))
    return found


def concerned(session: Session, card_ids: Collection[str]) -> set[str]:
    """The jumps whose missing files may change when one of these cards reports something."""
    if not card_ids:
        return set()
    rows = session.execute(
        select(JumpFile.jump_key)
        .join(ManifestEntry, ManifestEntry.card_file_id == JumpFile.card_file_id)
        .join(Insertion, Insertion.insertion_id == ManifestEntry.insertion_id)
        .where(
            Insertion.card_id.in_(card_ids),
            or_(
                ManifestEntry.state.in_((EntryState.FAILED, *OPEN)),
                and_(Insertion.unreadable > 0, ManifestEntry.state == EntryState.COPIED),
            ),
        )
        .distinct()
    )
    return set(rows.scalars())
