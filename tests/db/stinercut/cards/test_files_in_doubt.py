"""Files in doubt, whose samples come while all else goes on: no jump waits for ever, and no file is there twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from support import heard
from support.cataloguing import (
    LARGE,
    SMALL,
    SMALL_LIMIT,
    ask,
    copy,
    entry,
    inserted,
    list_of,
    passenger,
    put_in,
    record,
    row_ids,
    states,
)

from stinercut.cards import insertions, unassigned_files
from stinercut.catalog import Catalog
from stinercut.catalog.models import ImportedFile, Insertion, Jump, JumpFile, JumpState
from stinercut.jumps import jumps
from stinercut.protocol import FileCopied, FileEntry, FileKind, FileSample

SAME = "a" * 32


def photo(name: str, minute: float, prefix: str = "f") -> FileEntry:
    return entry(name, 5_000_000, minute=minute, kind=FileKind.PHOTO, prefix=prefix)


def in_winter(file: FileEntry) -> FileEntry:
    """The same file when the clock's summer time is over."""
    return file.model_copy(update={"file_id": f"w-{file.file_id}", "modified": file.modified + timedelta(hours=1)})


def sampled(catalog: Catalog, insertion: str, files: Sequence[FileEntry], sample: str = SAME) -> None:
    """The detector's samples of these files come; those in the store have SAME."""
    samples = [FileSample(file_id=file.file_id, sample=sample) for file in files]
    with catalog.read() as session:
        same = heard.same_content(session, insertion, samples, lambda _hash, _size: SAME)
    with catalog.write() as session:
        heard.record_samples(session, insertion, samples, same)


def with_photos(catalog: Catalog, insertion: str, files: Sequence[FileEntry], photos: Sequence[FileEntry]) -> str:
    """Identification found a code, a clip, and photos."""
    code, clip = row_ids(catalog, insertion, files)
    found = jumps.FoundSession(passenger(), (code,), (clip,), None, tuple(row_ids(catalog, insertion, photos)))
    with catalog.write() as session:
        [key] = jumps.record_sessions(session, insertions.require_insertion(session, insertion), [found])
    return key


def state_of(catalog: Catalog, jump_key: str) -> str:
    with catalog.read() as session:
        return session.get_one(Jump, jump_key).state


def identify_key(catalog: Catalog, insertion: str) -> str | None:
    with catalog.read() as session:
        return session.get_one(Insertion, insertion).identify_key


class TestPhotosOfAJump:
    def test_a_film_does_not_wait_for_photos_that_turned_out_to_be_known(self, catalog: Catalog) -> None:
        before = [photo(f"GOPR000{n}.JPG", n) for n in (3, 4)]
        put_in(catalog, "in-1", before)
        copy(catalog, "in-1", before)
        photos = [photo(f"GOPR000{n}.JPG", n, "g") for n in (3, 4)]
        files = [entry("GX010001.MP4", SMALL, minute=1), entry("GX010002.MP4", LARGE, minute=2)]
        put_in(catalog, "in-2", [*files, *photos], "card-2")
        assert states(catalog, "in-2")["GOPR0003.JPG"] == "probable"
        key = with_photos(catalog, "in-2", files, photos)
        ask(catalog, "in-2")
        copy(catalog, "in-2", files)
        assert state_of(catalog, key) == JumpState.WAITING
        sampled(catalog, "in-2", photos[:1])
        assert state_of(catalog, key) == JumpState.WAITING
        sampled(catalog, "in-2", photos[1:])
        assert state_of(catalog, key) == JumpState.READY

    def test_nor_for_one_in_whose_place_another_content_came(self, catalog: Catalog) -> None:
        files = [entry("GX010001.MP4", SMALL, minute=1), entry("GX010002.MP4", LARGE, minute=2)]
        taken = photo("GOPR0003.JPG", 3)
        put_in(catalog, "in-1", [*files, taken])
        key = with_photos(catalog, "in-1", files, [taken])
        ask(catalog, "in-1")
        copy(catalog, "in-1", [*files, taken])
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-2"))
        again = taken.model_copy(update={"file_id": "again"})
        with catalog.write() as session:
            heard.record_file_list(session, list_of("in-2", [again]), SMALL_LIMIT, lambda _hash, _size: False)
            jumps.refresh_jump(session, key)
        assert state_of(catalog, key) == JumpState.WAITING
        with catalog.write() as session:
            heard.record_copied(
                session, FileCopied(insertion_id="in-2", file_id="again", content_hash="c" * 32, size=taken.size)
            )
        assert state_of(catalog, key) == JumpState.READY


class TestIdentification:
    def known_card(self, catalog: Catalog) -> tuple[str, list[FileEntry]]:
        files = [entry("GX010001.MP4", SMALL, minute=1), entry("GX010002.MP4", LARGE, minute=2)]
        put_in(catalog, "in-1", files)
        ask(catalog, "in-1")
        copy(catalog, "in-1", files)
        [key] = record(catalog, "in-1", passenger(), files[:1], files[1:])
        return key, [in_winter(one) for one in files]

    def test_it_waits_for_the_samples_of_a_card_that_is_in(self, catalog: Catalog) -> None:
        _, again = self.known_card(catalog)
        more = entry("GX010003.MP4", SMALL, minute=70, prefix="w")
        put_in(catalog, "in-2", [*again, more])
        ask(catalog, "in-2")
        copy(catalog, "in-2", [more])
        sampled(catalog, "in-2", again[:1])
        assert identify_key(catalog, "in-2") is None, "the large file's sample is still to come"
        sampled(catalog, "in-2", again[1:])
        assert identify_key(catalog, "in-2") is not None
        with catalog.read() as session:
            assert unassigned_files.loose_files(session, "in-2") == row_ids(catalog, "in-2", [more])

    def test_it_begins_when_the_card_is_pulled_out_before(self, catalog: Catalog) -> None:
        _, again = self.known_card(catalog)
        put_in(catalog, "in-2", again)
        sampled(catalog, "in-2", again[:1])
        with catalog.write() as session:
            heard.record_removed(session, "in-2")
        assert identify_key(catalog, "in-2") is not None

    def test_a_file_that_was_placed_in_the_meantime_is_here_with_the_one_that_it_is_the_same_as(
        self, catalog: Catalog
    ) -> None:
        first, again = self.known_card(catalog)
        put_in(catalog, "in-2", again)
        with catalog.write() as session:
            heard.record_removed(session, "in-2")
        [waiting] = record(catalog, "in-2", None, [], again[1:], "filmed after a long pause")
        put_in(catalog, "in-3", again)
        sampled(catalog, "in-3", again)
        with catalog.read() as session:
            here = (
                select(JumpFile.jump_key)
                .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
                .where(JumpFile.jump_key.in_([first, waiting]))
            )
            assert sorted(session.execute(here).scalars()) == sorted([first, first, waiting])
