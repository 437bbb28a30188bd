"""Import folders hold what came off a card, under the card's own names, with a manifest that proves it.

Owns: `Imports`, which makes `<data>/imports/<card>_<date>_<n>/` of links to the store's objects and an ASC-MHL
manifest; which files it holds, and which names are safe. Not here: the text of the manifest (`mhl`), what belongs to
an import (`import_query`), when folders are made (`hub.cards.import_queue`).

Nothing is copied. A folder is built under a hidden name and renamed when it is whole. Whether it exists already is
read from its manifest, so that nothing else has to be remembered. docs/imports.md says what people may do with it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from itertools import count
from pathlib import Path

from stinercut.cards import mhl
from stinercut.cards.import_query import CardImport, ImportedEntry, finished_import, insertions_since
from stinercut.catalog import Catalog
from stinercut.errors import HostNotReady
from stinercut.storage.store import Store, fsync_dir, key_of, link_to, replace_file

log = logging.getLogger("stinercut.cards.import_folders")

LOOK_BACK = timedelta(days=2)
"""At its start the hub makes up for import folders of insertions this young that it could not make before."""
HOST = "stinercut-hub"
"""The format wants a host name. The real one often is a person's."""
_MAKING = ".making-"
_HEAD_BYTES = 4096
"""The comment, with the key in it, is in the first part of a manifest."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
"""Names that are devices on Windows, which may read the folder over the network."""
_MARKS = frozenset('\\:*?"<>|')


@dataclass(frozen=True)
class Plan:
    """What an import folder holds."""

    key: str
    """Names card, insertion and content: made once."""
    files: tuple[mhl.MediaFile, ...]
    left_out: int
    """Files whose names can't be given to a file here. They are in the store all the same."""


def plan_of(found: CardImport) -> Plan:
    """Which files an import folder holds and under which paths. Pure.

    A name from a card is only taken where it stays inside the folder and can be written in a manifest. Of two files
    with one path (in whatever case) the first counts.
    """
    files: dict[str, mhl.MediaFile] = {}
    left_out = 0
    for entry in found.files:
        path = safe_path(entry.folder, entry.name)
        listed = files.setdefault(path.casefold(), _listed(path, entry)) if path is not None else None
        # Two findings of one file, with one path and one content, are that file.
        left_out += listed is None or listed.xxh128 != entry.content_hash
    kept = tuple(files.values())
    key = key_of(found.insertion_id, *(part for file in kept for part in (file.path, file.xxh128)))
    return Plan(key, kept, left_out)


def _listed(path: str, entry: ImportedEntry) -> mhl.MediaFile:
    return mhl.MediaFile(path, entry.size, entry.modified, entry.content_hash, entry.imported_at)


def safe_path(folder: str, name: str) -> str | None:
    """`folder/name` as a path that stays below where it is put; None where that can't be."""
    parts = [*(part for part in folder.split("/") if part), name]
    path = "/".join(parts)
    good = (
        "/" not in name and parts[0].casefold() != mhl.FOLDER and all(map(_is_plain, parts)) and mhl.can_be_listed(path)
    )
    return path if good else None


def _is_plain(part: str) -> bool:
    """Whether this names a file or folder on every system; `..`, `CON` and `C:` don't."""
    return bool(part.rstrip(". ")) and part[-1] not in ". " and not _RESERVED.match(part) and not _MARKS & set(part)


def folder_stem(label: str, inserted_at: datetime) -> str:
    """The beginning of an import folder's name, `GOPRO_2026-06-01`: the card's label and the local date."""
    label = re.sub(r"[^\w-]+", "-", label).strip("-_")[:60] or "card"
    return f"{label}_{inserted_at.astimezone():%Y-%m-%d}"


@dataclass(frozen=True)
class Imports:
    """Makes import folders below `root`. One hub process does, one at a time."""

    catalog: Catalog
    store: Store
    root: Path

    def finish(self, insertion_id: str) -> Path | None:
        """Make the folder of an insertion if all that was wanted of it is here; returns it.

        None while files are still to come, and when there is nothing new in it. Called again it finds the folder that
        is there. Raises HostNotReady where the volume knows no links, StoreDamaged for a missing object.
        """
        with self.catalog.read() as session:
            found = finished_import(session, insertion_id)
        if found is None:
            return None
        plan = plan_of(found)
        if not plan.files:
            return None
        stem = folder_stem(found.label, found.inserted_at)
        made = self._made_before(stem, plan.key)
        return made or self._make(stem, plan, found)

    def recent(self) -> list[str]:
        """The insertions to look at when the hub starts."""
        with self.catalog.read() as session:
            return insertions_since(session, self.catalog.clock() - LOOK_BACK)

    def clear(self) -> None:
        """Remove what a killed hub left half made."""
        for left in self.root.glob(f"{_MAKING}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _made_before(self, stem: str, key: str) -> Path | None:
        for listed in self.root.glob(f"{stem}_*/{mhl.FOLDER}/0001_*.mhl"):
            with suppress(OSError), listed.open("rb") as opened:
                if key.encode() in opened.read(_HEAD_BYTES):
                    return listed.parent.parent
        return None

    def _make(self, stem: str, plan: Plan, found: CardImport) -> Path:
        making = self.root / f"{_MAKING}{secrets.token_hex(8)}"
        try:
            making.mkdir(parents=True)
            _link_all(self.store, plan.files, making)
            final = self._free_name(stem)
            creator = mhl.Creator(HOST, metadata.version("stinercut"), self.catalog.clock(), _comment(plan, found))
            _write_manifest(making / mhl.FOLDER, final.name, creator, plan.files)
            making.rename(final)
            fsync_dir(self.root)
        except OSError as refused:
            raise HostNotReady(
                f"the import folder could not be made ({refused.strerror or refused})",
                file=self.root,
                advice="The footage is safe in the store. It is tried again when the hub starts.",
            ) from None
        finally:
            shutil.rmtree(making, ignore_errors=True)
        log.info("%d files of card %s are listed in %s.", len(plan.files), found.label, final)
        return final

    def _free_name(self, stem: str) -> Path:
        names = (self.root / f"{stem}_{number}" for number in count(1))
        return next(path for path in names if not os.path.lexists(path))


def _link_all(store: Store, files: Iterable[mhl.MediaFile], folder: Path) -> None:
    """Give every object its name on the card. Raises OSError where there are neither hard nor symbolic links."""
    symbolic = 0
    for file in files:
        stored = store.require(file.xxh128, file.size)
        # The folder is renamed next to where it is: relative pointers stay right.
        symbolic += not link_to(stored, folder.joinpath(*file.path.split("/")))
    if symbolic:
        log.info("%d files could not be linked hard on this volume; symbolic links stand for them.", symbolic)


def _write_manifest(folder: Path, import_name: str, creator: mhl.Creator, files: Sequence[mhl.MediaFile]) -> None:
    name, content = mhl.manifest_name(1, import_name, creator.created_at), mhl.manifest(creator, files)
    folder.mkdir()
    replace_file(folder / name, content)
    replace_file(folder / mhl.CHAIN_FILE, mhl.chain([(name, content)]))


def _comment(plan: Plan, found: CardImport) -> str:
    said = [f"Import {plan.key}."]
    if found.missing:
        said.append(f"{found.missing} more of the card could not be copied.")
    if found.unreadable:
        said.append(f"Folders or files of the card that could not be read, and are not listed: {found.unreadable}.")
    if found.staying.others:
        said.append(f"Files of other kinds on the card, not copied: {found.staying.others}.")
    if plan.left_out:
        said.append(f"{plan.left_out} more have names that can't be used here; they are in the store only.")
    return " ".join(said)
