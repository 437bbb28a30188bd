"""Files of a card that are not copied: empty footage, other kinds, the camera's thumbnails, unlisted entries.

Owns: the query for them. Not here: which kinds are copied (`manifests`), the words for it (`hub.cards.words`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from stinercut.catalog.models import CardFile, EntryState, Insertion, ManifestEntry
from stinercut.protocol import FileKind

NAMED = 5
"""At most this many files of other kinds are named; a card may hold thousands."""


@dataclass(frozen=True)
class Staying:
    """How many files of an insertion are never asked for, by kind; `names`: the first files of other kinds."""

    others: int = 0
    names: tuple[str, ...] = ()
    thumbnails: int = 0
    passed_over: int = 0
    """Entries that are not listed: hidden ones, links, the system's own folders."""
    empty: int = 0
    """Videos, proxies and photos of 0 bytes: the camera made the file and recorded nothing."""
    empty_names: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether any file stays on the card."""
        return bool(self.others or self.thumbnails or self.passed_over or self.empty)


NOTHING = Staying()

_EMPTY, _THUMBNAIL, _OTHER = "empty", "thumbnail", "other"
_WHAT = case(
    (and_(CardFile.size == 0, CardFile.kind.in_((FileKind.VIDEO, FileKind.PROXY, FileKind.PHOTO))), _EMPTY),
    (CardFile.kind == FileKind.THUMBNAIL, _THUMBNAIL),
    else_=_OTHER,
)
"""The kind of a file that stays on the card."""


def staying_on(session: Session, insertion_ids: Collection[str]) -> dict[str, Staying]:
    """The files that stay on the card, by insertion, in three queries however many insertions there are."""
    numbers = session.execute(
        select(ManifestEntry.insertion_id, _WHAT, func.count())
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertion_ids), ManifestEntry.state == EntryState.SKIPPED)
        .group_by(ManifestEntry.insertion_id, _WHAT)
    )
    counted = {(insertion_id, what): files for insertion_id, what, files in numbers}
    hidden = session.execute(
        select(Insertion.insertion_id, Insertion.passed_over).where(Insertion.insertion_id.in_(insertion_ids))
    )
    names, empty = _names(session, insertion_ids, _OTHER), _names(session, insertion_ids, _EMPTY)
    return {
        insertion_id: Staying(
            others=counted.get((insertion_id, _OTHER), 0),
            names=tuple(names.get(insertion_id, ())),
            thumbnails=counted.get((insertion_id, _THUMBNAIL), 0),
            passed_over=passed_over,
            empty=counted.get((insertion_id, _EMPTY), 0),
            empty_names=tuple(empty.get(insertion_id, ())),
        )
        for insertion_id, passed_over in hidden
    }


def _names(session: Session, insertion_ids: Collection[str], what: str) -> dict[str, list[str]]:
    place = func.row_number().over(
        partition_by=ManifestEntry.insertion_id, order_by=(CardFile.folder, CardFile.name, CardFile.card_file_id)
    )
    numbered = (
        select(ManifestEntry.insertion_id, CardFile.name, place.label("place"))
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            ManifestEntry.insertion_id.in_(insertion_ids),
            ManifestEntry.state == EntryState.SKIPPED,
            _WHAT.in_((what,)),
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
