"""The invariant of an offload at any moment, whatever has happened: one function for all tests that inject faults.

Owns: `hold`, its queries, the record of what cards held. Not here: faults, processes (`desk`), the engine (`engine`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, text

from stinercut.catalog import Catalog
from stinercut.catalog.models import Card, CardFile, EntryState, ImportedFile, Insertion, ManifestEntry
from stinercut.settings import Settings
from stinercut.storage.store import Store, hash_file

HEARD = text("insertion.rowid")
"""The order in which the hub heard of insertions: clocks may jump."""
HERE = (EntryState.COPIED, EntryState.KNOWN)
PENDING = (EntryState.NEW, EntryState.REQUESTED, EntryState.PROBABLE)
_Tree = dict[str, tuple[int, int, str]]


@dataclass(frozen=True)
class Row:
    """A file of a manifest, as the board's pages know it."""

    label: str
    insertion_id: str
    folder: str
    name: str
    size: int
    state: str
    error: str | None
    content_hash: str | None


@dataclass(frozen=True)
class Cards:
    """The content that a test's cards hold, and ever held."""

    now: dict[Path, _Tree] = field(default_factory=dict[Path, _Tree])
    """By card: size, time and hash of each file below it. The detector must leave them as they are."""
    ever: defaultdict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The hashes of all content that files of a name (folded) and size ever had."""

    def remember(self, root: Path) -> None:
        """Remember the card's content as it is now."""
        tree = self.now[root] = tree_of(root)
        for place, (size, _when, content) in tree.items():
            self.ever[Path(place).name.casefold(), size].add(content)


def tree_of(root: Path) -> _Tree:
    """Every plain file below a card, with size, time and hash."""
    out: _Tree = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            seen = path.stat()
            out[path.relative_to(root).as_posix()] = (seen.st_size, seen.st_mtime_ns, hash_file(path))
    return out


def rows(catalog: Catalog) -> list[Row]:
    """All files of all manifests, in the order that the hub heard of their insertions."""
    with catalog.read() as session:
        found = session.execute(
            select(Card.label, Insertion, CardFile, ManifestEntry, ImportedFile.content_hash)
            .select_from(Insertion)
            .join(Card, Card.card_id == Insertion.card_id)
            .join(ManifestEntry, ManifestEntry.insertion_id == Insertion.insertion_id)
            .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
            .outerjoin(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
            .order_by(HEARD)
        ).all()
    return [
        Row(
            label,
            insertion.insertion_id,
            file.folder,
            file.name,
            file.size,
            entry.state,
            entry.error_code and f"{entry.error_code}: {entry.error_detail or entry.error_detail_parts}",
            content_hash,
        )
        for label, insertion, file, entry, content_hash in found
    ]


def hold(settings: Settings, catalog: Catalog, cards: Cards) -> None:
    """No visible partial file; every file that was asked for is copied or visibly pending; one object per content; the
    objects' bytes are the cards'; and the cards were only read. Raises AssertionError.
    """
    objects = _hold_objects(settings, cards)
    store = Store(settings.store_dir)
    for row in rows(catalog):
        if row.state in HERE:
            assert row.content_hash in objects, f"held for copied, and not there: {row}"
            held = cards.ever[row.name.casefold(), row.size]
            assert row.content_hash in held, f"not what the card held: {row}"
            store.require(row.content_hash, row.size)
        elif row.state == EntryState.FAILED:
            assert row.error, f"failed without a word: {row}"
        else:
            assert row.state in (*PENDING, EntryState.SKIPPED), f"neither copied nor pending: {row}"
    for root, tree in cards.now.items():
        assert tree_of(root) == tree, f"card {root.name} was written to"


def _hold_objects(settings: Settings, cards: Cards) -> set[str]:
    everything = {one for hashes in cards.ever.values() for one in hashes}
    files = [path for path in (settings.store_dir / "objects").rglob("*") if path.is_file()]
    for path in files:
        assert hash_file(path) == path.name, f"a visible file is not what its name says: {path}"
        assert path.name in everything, f"no card ever held this: {path}"
    for path in settings.imports_dir.glob("[!.]*/**/*.MP4"):  # A name that begins with a dot is still being made.
        assert hash_file(path) in everything, f"a partial file in an import folder: {path}"
    names = [path.name for path in files]
    assert len(set(names)) == len(names), "one content twice"
    return set(names)


def hold_everything(settings: Settings, catalog: Catalog, cards: Cards, roots: dict[Path, str]) -> None:
    """And more: every file of these cards (by label) is here, whole, as its card has it now."""
    hold(settings, catalog, cards)
    every = rows(catalog)
    for root, label in roots.items():
        newest = [row.insertion_id for row in every if row.label == label][-1:]
        found = {(row.folder, row.name): row for row in every if row.insertion_id in newest}
        for place, (_size, _when, content) in cards.now[root].items():
            folder, _, name = place.rpartition("/")
            row = found[folder, name]
            assert row.state in HERE, f"not here: {row}"
            assert row.content_hash == content, f"here with another content: {row}"
