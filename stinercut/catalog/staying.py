"""What of a card is not copied: files of other kinds, the camera's thumbnails, what no list names.

Owns: that query. Not here: which kinds are copied (`manifests`), the words for it (`hub.card_words`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stinercut.catalog.models import CardFile, EntryState, Insertion, ManifestEntry
from stinercut.protocol import FileKind

NAMED = 5
"""Of the files of other kinds, so many are named; a card may hold thousands."""


@dataclass(frozen=True)
class Staying:
    """How many files of an insertion are never asked for, by what they are; `names` of the first of other kinds."""

    others: int = 0
    names: tuple[str, ...] = ()
    thumbnails: int = 0
    passed_over: int = 0
    """Entries that are in no list: hidden ones, links, the system's own folders."""

    @property
    def anything(self) -> bool:
        """Whether anything stays."""
        return bool(self.others or self.thumbnails or self.passed_over)


NOTHING = Staying()


def staying_on(session: Session, insertion_ids: Collection[str]) -> dict[str, Staying]:
    """What stays on the card, by insertion; in three queries however many there are."""
    numbers = session.execute(
        select(ManifestEntry.insertion_id, CardFile.kind, func.count())
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertion_ids), ManifestEntry.state == EntryState.SKIPPED)
        .group_by(ManifestEntry.insertion_id, CardFile.kind)
    )
    counted = {(insertion_id, kind): files for insertion_id, kind, files in numbers}
    hidden = session.execute(
        select(Insertion.insertion_id, Insertion.passed_over).where(Insertion.insertion_id.in_(insertion_ids))
    )
    names = _names(session, insertion_ids)
    return {
        insertion_id: Staying(
            others=sum(
                files
                for (insertion, kind), files in counted.items()
                if insertion == insertion_id and kind != FileKind.THUMBNAIL
            ),
            names=tuple(names.get(insertion_id, ())),
            thumbnails=counted.get((insertion_id, FileKind.THUMBNAIL), 0),
            passed_over=passed_over,
        )
        for insertion_id, passed_over in hidden
    }


def _names(session: Session, insertion_ids: Collection[str]) -> dict[str, list[str]]:
    place = func.row_number().over(
        partition_by=ManifestEntry.insertion_id, order_by=(CardFile.folder, CardFile.name, CardFile.card_file_id)
    )
    numbered = (
        select(ManifestEntry.insertion_id, CardFile.name, place.label("place"))
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            ManifestEntry.insertion_id.in_(insertion_ids),
            ManifestEntry.state == EntryState.SKIPPED,
            CardFile.kind != FileKind.THUMBNAIL,
        )
        .subquery()
    )
    rows = session.execute(
        select(numbered.c.insertion_id, numbered.c.name).where(numbered.c.place <= NAMED).order_by(numbered.c.place)
    )
    out: dict[str, list[str]] = {}
    for insertion_id, name in rows:
        out.setdefault(insertion_id, []).append(name)
    return out
