"""Import folders: links to the store under the card's own names, a manifest, made once, and nothing altered by them."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from support.cataloguing import SMALL_LIMIT, empty_catalog, entry, failed, inserted, list_of
from support.clocks import NOON, filming_day
from support.mhl_tool import CHECKS, mhl_tool, needs_mhl_tool

from hub.cards.detector_messages import Conversation
from hub.cards.import_queue import ImportQueue
from stinercut.cards import mhl
from stinercut.cards.import_folders import Imports, folder_stem, plan_of, safe_path
from stinercut.cards.import_query import CardImport, ImportedEntry
from stinercut.catalog import Catalog
from stinercut.catalog.models import EntryState, ManifestEntry
from stinercut.errors import HostNotReady, StoreDamaged
from stinercut.protocol import CardError, Envelope, ErrorCode, FileCopied, FileEntry, Message
from stinercut.storage.store import Store, hash_file, sync_file

A = entry("GX010001.MP4", 100)
B = entry("GX010002.MP4", 200, minute=1, folder="DCIM/101GOPRO")
C = entry("GX010003.MP4", 300, minute=2)


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    url = empty_catalog(tmp_path)
    return Conversation(Catalog.open(url, filming_day), Store(tmp_path / "store"), SMALL_LIMIT)


@pytest.fixture
def imports(talk: Conversation, tmp_path: Path) -> Imports:
    return Imports(talk.catalog, talk.store, tmp_path / "imports")


def say(talk: Conversation, body: Message) -> None:
    talk.handle("det", Envelope(id="m1", body=body))


def card_in(talk: Conversation, insertion: str, *files: FileEntry) -> None:
    say(talk, inserted(insertion))
    say(talk, list_of(insertion, files))


def copied(talk: Conversation, insertion: str, *files: FileEntry) -> None:
    """Put content of these files' sizes into the store and say so."""
    for file in files:
        partial = talk.store.partial_path()
        partial.write_bytes(file.name.encode().ljust(file.size, b"."))
        sync_file(partial)
        content = hash_file(partial)
        talk.store.add_object(partial, content)
        say(talk, FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=content, size=file.size))


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.MP4"))


def listed(folder: Path) -> dict[str, str]:
    """Path and hash of each file in the manifest."""
    [manifest] = (folder / mhl.FOLDER).glob("*.mhl")
    names = {"m": "urn:ASC:MHL:v2.0"}
    return {
        one.findtext("m:path", "", names): one.findtext("m:xxh128", "", names)
        for one in Xml.parse(manifest).getroot().iterfind(".//m:hash", names)
    }


def made(imports: Imports, insertion: str) -> Path:
    folder = imports.finish(insertion)
    assert folder is not None
    return folder


def test_a_folder_comes_when_the_last_file_is_here(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A, B)
    copied(talk, "in-1", A)
    assert imports.finish("in-1") is None
    copied(talk, "in-1", B)
    folder = made(imports, "in-1")
    assert folder == imports.root / f"GOPRO_{NOON.astimezone():%Y-%m-%d}_1"
    assert tree(folder) == ["DCIM/100GOPRO/GX010001.MP4", "DCIM/101GOPRO/GX010002.MP4"]
    assert listed(folder) == {path: hash_file(folder / path) for path in tree(folder)}
    assert [path.name for path in imports.root.iterdir()] == [folder.name]


def test_nothing_is_copied_and_an_object_cant_be_written_through_its_name(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A)
    copied(talk, "in-1", A)
    shown = made(imports, "in-1") / "DCIM/100GOPRO/GX010001.MP4"
    stored = talk.store.object_path(hash_file(shown))
    assert stored.samefile(shown)
    assert stored.stat().st_mode & 0o222 == 0
    shown.unlink()
    assert talk.store.require(stored.name, A.size) == stored


def test_the_folder_is_made_once(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A)
    copied(talk, "in-1", A)
    assert made(imports, "in-1") == made(imports, "in-1")
    card_in(talk, "in-2", A.model_copy(update={"file_id": "other"}))
    assert imports.finish("in-2") is None  # Nothing new came with it.
    assert len(list(imports.root.iterdir())) == 1


def test_more_files_later_make_a_second_folder_of_the_whole_card(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A)
    copied(talk, "in-1", A)
    first = made(imports, "in-1")
    before = {path: path.read_bytes() for path in (first / mhl.FOLDER).iterdir()}
    again, more = A.model_copy(update={"file_id": "a2"}), B.model_copy(update={"file_id": "b2"})
    card_in(talk, "in-2", again, more)
    copied(talk, "in-2", more)
    second = made(imports, "in-2")
    assert second.name == first.name[:-1] + "2"
    assert len(listed(second)) == 2
    assert {path: path.read_bytes() for path in (first / mhl.FOLDER).iterdir()} == before


def test_what_could_not_be_copied_is_said_in_the_manifest(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A, C)
    copied(talk, "in-1", A)
    say(talk, failed("in-1", C))
    folder = made(imports, "in-1")
    [manifest] = (folder / mhl.FOLDER).glob("*.mhl")
    assert "1 more of the card could not be copied." in manifest.read_text()
    assert len(listed(folder)) == 1


def test_what_could_not_be_read_on_the_card_is_said_in_the_manifest(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A)
    say(talk, CardError(insertion_id="in-1", code=ErrorCode.SOURCE_IO, unreadable=2, detail="left out: DCIM/101GOPRO"))
    copied(talk, "in-1", A)
    [manifest] = (made(imports, "in-1") / mhl.FOLDER).glob("*.mhl")
    assert "could not be read, and are not listed: 2." in manifest.read_text()


def test_a_file_in_doubt_is_waited_for(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A, B)
    copied(talk, "in-1", A)
    put(talk, B, EntryState.PROBABLE)
    assert imports.finish("in-1") is None
    put(talk, B, EntryState.FAILED)
    assert imports.finish("in-1") is not None


def put(talk: Conversation, file: FileEntry, state: EntryState) -> None:
    with talk.catalog.write() as session:
        session.get_one(ManifestEntry, ("in-1", file.file_id)).state = state


def test_two_findings_of_one_file_are_that_file() -> None:
    seen = ImportedEntry("DCIM/100GOPRO", A.name, A.size, A.modified, "ab" * 16, NOON)
    other = replace(seen, content_hash="cd" * 16)
    assert plan_of(CardImport("in-1", "GOPRO", NOON, (seen, seen), 0, 0)).left_out == 0
    plan = plan_of(CardImport("in-1", "GOPRO", NOON, (seen, other), 0, 0))
    assert ([file.xxh128 for file in plan.files], plan.left_out) == (["ab" * 16], 1)


def test_hostile_names_stay_outside(talk: Conversation, imports: Imports) -> None:
    evil = entry("GX010009.MP4", 50, folder="DCIM/../../..")
    twice = entry("gx010001.mp4", 60, prefix="g")
    card_in(talk, "in-1", A, evil, twice)
    copied(talk, "in-1", A, evil, twice)
    folder = made(imports, "in-1")
    assert tree(folder) == ["DCIM/100GOPRO/GX010001.MP4"]
    [manifest] = (folder / mhl.FOLDER).glob("*.mhl")
    assert "2 more have names that can't be used here" in manifest.read_text()
    assert list(imports.root.parent.rglob("GX010009*")) == []


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("..", "a"),
        ("a/./b", "a"),
        ("a", ".."),
        ("a", "b/c"),
        ("a", ""),
        ("ascmhl", "a"),
        ("", "ASCMHL"),
        ("a", "CON"),
        ("aux.d", "a"),
        ("a\\b", "a"),
        ("C:", "a"),
        ("a", "b."),
        ("a", "b\n"),
        ("a", "\udc80"),
    ],
)
def test_a_name_that_is_no_plain_path_is_not_used(folder: str, name: str) -> None:
    assert safe_path(folder, name) is None


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [("DCIM/100", "a.MP4", "DCIM/100/a.MP4"), ("", "a", "a"), ("/etc", "x", "etc/x"), ("Žofie", "ů ú", "Žofie/ů ú")],
)
def test_a_plain_name_is_kept(folder: str, name: str, path: str) -> None:
    assert safe_path(folder, name) == path


def test_a_label_becomes_a_folder_name() -> None:
    day = f"{NOON.astimezone():%Y-%m-%d}"
    assert folder_stem("../My card: 1*", NOON) == f"My-card-1_{day}"
    assert folder_stem("...", NOON) == f"card_{day}"


def test_without_hard_links_symbolic_ones_stand_in(
    talk: Conversation, imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    card_in(talk, "in-1", A, B)
    copied(talk, "in-1", A, B)
    refuse(monkeypatch, "link")
    folder = made(imports, "in-1")
    assert all((folder / path).is_symlink() for path in tree(folder))
    assert listed(folder) == {path: hash_file(folder / path) for path in tree(folder)}
    moved = folder.parents[1].rename(folder.parents[2] / "moved")  # Relative: the data folder may move as a whole.
    assert hash_file(moved / "imports" / folder.name / tree(moved / "imports" / folder.name)[0])


def refuse(monkeypatch: pytest.MonkeyPatch, *calls: str) -> None:
    def refused(*_args: object, **_options: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    for call in calls:
        monkeypatch.setattr(os, call, refused)


def test_without_any_links_it_is_said_and_nothing_is_left(
    talk: Conversation, imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    card_in(talk, "in-1", A)
    copied(talk, "in-1", A)
    with monkeypatch.context() as patched:
        refuse(patched, "link", "symlink")
        with pytest.raises(HostNotReady, match="could not be made"):
            imports.finish("in-1")
    assert list(imports.root.iterdir()) == []
    assert made(imports, "in-1").is_dir()


def test_a_missing_object_leaves_nothing_behind(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A, B)
    copied(talk, "in-1", A, B)
    content = hash_file(made(imports, "in-1") / "DCIM/100GOPRO/GX010001.MP4")
    shutil.rmtree(imports.root)
    talk.store.object_path(content).unlink()
    with pytest.raises(StoreDamaged):
        imports.finish("in-1")
    assert list(imports.root.iterdir()) == []


def test_the_queue_makes_up_for_what_an_ended_hub_left(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A)
    copied(talk, "in-1", A)
    half = imports.root / ".making-0123"
    half.mkdir(parents=True)
    card_in(talk, "in-2", B)

    async def scenario() -> None:
        queue = ImportQueue(imports)
        running = asyncio.create_task(queue.run())
        async with asyncio.timeout(20):
            await folders(1)
            copied(talk, "in-2", B)
            queue.settled("in-2")
            queue.settled("in-2")
            await folders(2)
        running.cancel()

    async def folders(wanted: int) -> None:
        while len([path for path in imports.root.glob("[!.]*")]) < wanted:
            await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert not half.exists()


@needs_mhl_tool
def test_the_reference_tool_verifies_an_import_folder(talk: Conversation, imports: Imports) -> None:
    card_in(talk, "in-1", A, B, C)
    copied(talk, "in-1", A, B, C)
    folder = made(imports, "in-1")
    assert [mhl_tool(*check, str(folder)) for check in CHECKS] == [0, 0, 0]
