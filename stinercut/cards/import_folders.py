"""Import folders hold the files copied from a card, under the card's own names, with a manifest that proves it.

Owns: `Imports`, which makes `<data>/imports/<card>_<date>_<n>/` with links to the store's objects and an ASC-MHL
manifest; choosing its files and safe names. Not here: the text of the manifest (`mhl`), which files belong to an import
(`import_query`), when folders are made (`hub.cards.import_queue`).

Nothing is copied. A folder is built under a hidden name and renamed when it is complete. A folder's manifest tells
whether it exists already, so nothing else has to be stored. docs/imports.md describes what people may do with it.
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
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.storage.store import Store, fsync_dir, key_of, link_to, replace_file

log = logging.getLogger("stinercut.cards.import_folders")

LOOK_BACK = timedelta(days=2)
"""When the hub starts, it makes missing import folders of insertions that are not older than this."""
HOST = "stinercut-hub"
"""The format requires a host name. The real one is often a person's name."""
_MAKING = ".making-"
_HEAD_BYTES = 4096
"""The comment, which holds the key, is within the first bytes of a manifest."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
"""Names that are devices on Windows, which may read the folder over the network."""
_MARKS = frozenset('\\:*?"<>|')


@dataclass(frozen=True)
class Plan:
    """The content of an import folder."""

    key: str
    """A key of card, insertion and content, so that the folder is made only once."""
    files: tuple[mhl.MediaFile, ...]
    left_out: int
    """How many files have names that are invalid here. They are in the store all the same."""


def plan_of(found: CardImport) -> Plan:
    """Choose which files an import folder holds and under which paths. Pure.

    A name from a card is only used if it stays inside the folder and can be written in a manifest. Of two files with
    the same path (regardless of case) the first counts.
    """
    files: dict[str, mhl.MediaFile] = {}
    left_out = 0
    for entry in found.files:
        path = safe_path(entry.folder, entry.name)
        listed = files.setdefault(path.casefold(), _listed(path, entry)) if path is not None else None
        # Two findings with the same path and content are the same file.
        left_out += listed is None or listed.xxh128 != entry.content_hash
    kept = tuple(files.values())
    key = key_of(found.insertion_id, *(part for file in kept for part in (file.path, file.xxh128)))
    return Plan(key, kept, left_out)


def _listed(path: str, entry: ImportedEntry) -> mhl.MediaFile:
    return mhl.MediaFile(path, entry.size, entry.modified, entry.content_hash, entry.imported_at)


def safe_path(folder: str, name: str) -> str | None:
    """`folder/name` as a path that stays inside the import folder; None if that is impossible."""
    parts = [*(part for part in folder.split("/") if part), name]
    path = "/".join(parts)
    good = (
        "/" not in name and parts[0].casefold() != mhl.FOLDER and all(map(_is_plain, parts)) and mhl.can_be_listed(path)
    )
    return path if good else None


def _is_plain(part: str) -> bool:
    """Whether this is a valid name on every system; `..`, `CON` and `C:` are not."""
    return bool(part.rstrip(". ")) and part[-1] not in ". " and not _RESERVED.match(part) and not _MARKS & set(part)


def folder_stem(label: str, inserted_at: datetime) -> str:
    """The beginning of an import folder's name, `GOPRO_2026-06-01`: the card's label and the local date."""
    label = re.sub(r"[^\w-]+", "-", label).strip("-_")[:60] or "card"
    return f"{label}_{inserted_at.astimezone():%Y-%m-%d}"


@dataclass(frozen=True)
class Imports:
    """Makes import folders below `root`. Only one hub process does this, one folder at a time."""

    catalog: Catalog
    store: Store
    root: Path

    def finish(self, insertion_id: str) -> Path | None:
        """Make the folder of an insertion if all its files have arrived, and return the folder.

        None while files are still to come, and when there is nothing new. A second call finds the existing folder.
        Raises HostNotReady if the volume supports no links, StoreDamaged for a missing object.
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
        """Remove unfinished folders of a killed hub."""
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
                Message.of(SetupCode.IMPORT_FOLDER_NOT_MADE, why=refused.strerror or str(refused)),
                file=self.root,
                advice=Message.of(SetupCode.IMPORT_TRIED_AT_START),
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
        # The folder is renamed within its parent, so relative links stay valid.
        symbolic += not link_to(stored, folder.joinpath(*file.path.split("/")))
    if symbolic:
        log.info("%d files could not be linked hard on this volume; symbolic links stand for them.", symbolic)


def _write_manifest(folder: Path, import_name: str, creator: mhl.Creator, files: Sequence[mhl.MediaFile]) -> None:
    name, content = mhl.manifest_name(1, import_name, creator.created_at), mhl.manifest(creator, files)
    folder.mkdir()
    replace_file(folder / name, content)
    replace_file(folder / mhl.CHAIN_FILE, mhl.chain([(name, content)]))


def _comment(plan: Plan, found: CardImport) -> str:
    sentences = [f"Import {plan.key}."]
    if found.missing:
        sentences.append(f"{found.missing} more of the card could not be copied.")
    if found.unreadable:
        sentences.append(
            f"Folders or files of the card that could not be read, and are not listed: {found.unreadable}."
        )
    if found.staying.others:
        sentences.append(f"Files of other kinds on the card, not copied: {found.staying.others}.")
    if plan.left_out:
        sentences.append(f"{plan.left_out} more have names that can't be used here; they are in the store only.")
    return " ".join(sentences)
