"""Seen files: the query behind the rule for known files.

Owns: finding files of the same sizes on this card or any other. Not here: the rule (`known_files`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from stinercut.cards.known_files import SeenFile, folded
from stinercut.catalog.models import CardFile, CardFileAlias, ImportedFile, JumpFile

IsStored = Callable[[str, int], bool]
"""Tells whether the store has an object of that content hash and size."""


_SEEN = (
    CardFile.card_file_id,
    CardFile.card_id,
    CardFile.folder,
    CardFile.name,
    CardFile.size,
    CardFile.modified,
    ImportedFile.content_hash,
    ImportedFile.imported_at,
)


# Made once: building these queries takes longer than running them.
_SEEN_HERE = (
    select(*_SEEN, CardFileAlias.same_as)
    .outerjoin(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
    .outerjoin(CardFileAlias, CardFileAlias.card_file_id == CardFile.card_file_id)
    .where(CardFile.card_id == bindparam("card_id"), CardFile.size.in_(bindparam("sizes", expanding=True)))
    .order_by(CardFile.card_file_id)
)


_SEEN_ELSEWHERE = (
    select(*_SEEN)
    .join(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
    .where(ImportedFile.size.in_(bindparam("sizes", expanding=True)), CardFile.card_id != bindparam("card_id"))
    .order_by(CardFile.card_file_id)
)


Alike = Mapping[tuple[str, int], Sequence[SeenFile]]
"""Files seen before, by folded name and size."""


def seen_before(session: Session, card_id: str, sizes: Iterable[int], is_stored: IsStored) -> Alike:
    """The files of these sizes that were seen on this card or imported from any card. A file that the store has lost
    has no content hash.

    If a row is another finding of a file in a jump, it stands for that file.
    """
    wanted = {"card_id": card_id, "sizes": list(set(sizes))}
    # Plain rows: mapped objects would take twice as long.
    connection = session.connection()
    rows = _with_aliases(session, [SeenFile._make(row) for row in connection.execute(_SEEN_HERE, wanted)])
    rows += [SeenFile(*row) for row in connection.execute(_SEEN_ELSEWHERE, wanted)]
    alike: dict[tuple[str, int], list[SeenFile]] = defaultdict(list)
    for seen in rows:
        lost = seen.content_hash is not None and not is_stored(seen.content_hash, seen.size)
        alike[folded(seen.name), seen.size].append(seen._replace(content_hash=None) if lost else seen)
    return alike


def _with_aliases(session: Session, rows: list[SeenFile]) -> list[SeenFile]:
    """Give other findings of a file the import of that file, if it is placed in a jump."""
    meant = {seen.same_as for seen in rows if seen.same_as is not None}
    if not meant:
        return rows
    found = session.execute(
        select(ImportedFile.card_file_id, ImportedFile.content_hash, ImportedFile.imported_at)
        .join(JumpFile, JumpFile.card_file_id == ImportedFile.card_file_id)
        .where(ImportedFile.card_file_id.in_(meant))
    )
    imports = {row: (content_hash, imported_at) for row, content_hash, imported_at in found}
    out: list[SeenFile] = []
    for seen in rows:
        content_hash, imported_at = imports.get(seen.same_as or 0, (seen.content_hash, seen.imported_at))
        is_alias = seen.same_as in imports
        out.append(
            seen._replace(
                content_hash=content_hash, imported_at=imported_at, same_as=seen.same_as if is_alias else None
            )
        )
    return out
