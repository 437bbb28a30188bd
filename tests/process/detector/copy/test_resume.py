"""Going on with partial files, promised room, work beside verification, reads that hang: real files, real threads."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest
import xxhash

from detector.card.events import CardRoot
from detector.card.scan import Manifest, SourceFile, scan
from detector.copy.copying import CardSource, CopyCallbacks, fetch
from detector.copy.failures import CopyFailed, CopyStopped
from detector.copy.journal import Journal, LeftOver
from detector.copy.offload import Offload, OffloadContext
from detector.copy.partials import PartialFile, Partials
from detector.copy.resume import KEEP_FROM, Checkpoint, proven_prefix
from detector.copy.space import NoRoom, Space
from detector.copy.verify import Verifier, settle
from detector.hanging.watchdog import CardHeartbeat, Hung, Watchdog
from stinercut.protocol import CardLabel, ErrorCode, FileCopied, Inserted, decode
from stinercut.storage.store import CHUNK, Store, hash_file

NAME = "DCIM/GX010001.MP4"
SIZE = KEEP_FROM + 3 * CHUNK
PATIENCE_S = 20
WANTED = LeftOver("card-1", "DCIM/1.MP4", 10, 20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as opened:
        yield opened


@pytest.fixture
def card(tmp_path: Path) -> Path:
    (tmp_path / "card" / "DCIM").mkdir(parents=True)
    (tmp_path / "card" / NAME).write_bytes(os.urandom(SIZE))
    return tmp_path / "card"


def source_of(card: Path) -> CardSource:
    seen = (card / NAME).stat()
    return CardSource(CardRoot.at(card), SourceFile(NAME, seen.st_size, seen.st_mtime_ns, small=False))


def stopped_at(card: Path, part: PartialFile, stop_at: int) -> list[Checkpoint]:
    """Copy until that many bytes are done; what a later copy may go on from."""
    noted: list[Checkpoint] = []
    done = [0]
    watch = CopyCallbacks(
        on_chunk=lambda so_far: done.__setitem__(0, so_far),
        should_stop=lambda: done[0] >= stop_at,
        on_checkpoint=noted.append,
    )
    with pytest.raises(CopyStopped):
        fetch(source_of(card), part, watch)
    return noted


def went_on(card: Path, store: Store, part: PartialFile) -> list[int]:
    """Copy to the end and publish; how many bytes were done after each chunk that was read."""
    seen: list[int] = []
    copied = fetch(source_of(card), part, CopyCallbacks(on_chunk=seen.append))
    settle(store, part.path, copied, lambda: False)
    assert store.object_path(copied.content_hash).read_bytes() == (card / NAME).read_bytes()
    return seen


def test_a_stopped_copy_goes_on_where_it_was(card: Path, store: Store) -> None:
    part = PartialFile(store.partial_path("x.part"))
    (noted,) = stopped_at(card, part, KEEP_FROM + CHUNK)
    assert noted.length == KEEP_FROM + CHUNK
    assert went_on(card, store, PartialFile(part.path, (noted,))) == [KEEP_FROM + 2 * CHUNK, SIZE]


def test_a_short_beginning_is_not_worth_a_note(card: Path, store: Store) -> None:
    assert stopped_at(card, PartialFile(store.partial_path("x.part")), KEEP_FROM - CHUNK) == []


def test_a_beginning_that_was_damaged_on_its_disk_is_read_again(card: Path, store: Store) -> None:
    part = PartialFile(store.partial_path("x.part"))
    (noted,) = stopped_at(card, part, KEEP_FROM)
    with part.path.open("rb+") as file:
        file.seek(CHUNK + 7)
        byte = file.read(1)[0]
        file.seek(CHUNK + 7)
        file.write(bytes([byte ^ 1]))
    assert went_on(card, store, PartialFile(part.path, (noted,)))[0] == CHUNK


def test_a_card_with_other_content_of_the_same_name_size_and_time_is_read_from_its_beginning(
    card: Path, store: Store
) -> None:
    part = PartialFile(store.partial_path("x.part"))
    (noted,) = stopped_at(card, part, KEEP_FROM)
    before = (card / NAME).stat()
    (card / NAME).write_bytes(os.urandom(SIZE))
    os.utime(card / NAME, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert went_on(card, store, PartialFile(part.path, (noted,)))[0] == CHUNK


def test_a_copy_that_was_whole_but_not_verified_reads_nothing_again(card: Path, store: Store) -> None:
    noted: list[Checkpoint] = []
    part = PartialFile(store.partial_path("x.part"))
    fetch(source_of(card), part, CopyCallbacks(on_checkpoint=noted.append))
    assert went_on(card, store, PartialFile(part.path, tuple(noted))) == []


def test_only_what_agrees_with_a_note_is_proven(tmp_path: Path) -> None:
    content = os.urandom(3000)
    notes = [Checkpoint(length, xxhash.xxh3_128(content[:length]).hexdigest()) for length in (1000, 2000, 3000)]
    file = tmp_path / "part"
    proven: dict[str, int] = {}
    for what, held in {
        "whole": content,
        "longer": content + b"more",
        "torn": content[:2500],
        "damaged": content[:1500] + b"x" + content[1501:],
        "other": b"x" * 3000,
        "empty": b"",
    }.items():
        file.write_bytes(held)
        handle = os.open(file, os.O_RDWR)
        try:
            prefix = proven_prefix(handle, reversed(notes), lambda: False)
            assert prefix.digest.hexdigest() == xxhash.xxh3_128(content[: prefix.length]).hexdigest()
            proven[what] = prefix.length
        finally:
            os.close(handle)
    assert proven == {"whole": 3000, "longer": 3000, "torn": 2000, "damaged": 1000, "other": 0, "empty": 0}


def test_a_partial_file_is_kept_for_just_its_file_and_used_by_one_copy_at_a_time(
    journal: Journal, store: Store
) -> None:
    partials = Partials(journal, store, "ours.")
    first = partials.claim(WANTED)
    first.path.write_bytes(b"begun")
    partials.checkpoint(first, WANTED, Checkpoint(5, "aa"))
    assert partials.claim(WANTED).path != first.path
    partials.release(first, keep=True)
    for other in (LeftOver("card-2", "DCIM/1.MP4", 10, 20), LeftOver("card-1", "DCIM/1.MP4", 10, 22)):
        assert partials.claim(other).checkpoints == ()
    again = partials.claim(WANTED)
    assert again == PartialFile(first.path, (Checkpoint(5, "aa"),))
    partials.release(again, keep=False)
    assert not first.path.exists()
    assert partials.claim(WANTED).checkpoints == ()


def test_at_start_only_our_own_useless_leftovers_are_cleared(journal: Journal, store: Store) -> None:
    partials = Partials(journal, store, "ours.")
    kept, lost, others = (store.partial_path(name) for name in ("ours.kept", "ours.lost", "segment.mp4"))
    for path in (kept, lost, others):
        path.write_bytes(b"half")
    journal.checkpoint("ours.kept", WANTED, Checkpoint(4, "aa"))
    journal.checkpoint("ours.gone", WANTED, Checkpoint(4, "aa"))
    assert partials.clear() == 1
    assert sorted(kept.parent.iterdir()) == [kept, others]
    assert journal.partial_names() == {"ours.kept"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=False, capture_output=True
    )
    if mounting.returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_room_is_promised_once_over_all_cards(card: Path, small_disk: Path) -> None:
    one = source_of(card)
    refused: list[ErrorCode] = []

    def another_card_begins(done: int) -> None:
        if done == CHUNK:
            with pytest.raises(CopyFailed) as failed:
                fetch(one, PartialFile(small_disk / "second"), CopyCallbacks())
            refused.append(failed.value.reason)
            assert not (small_disk / "second").exists()

    fetch(one, PartialFile(small_disk / "first"), CopyCallbacks(on_chunk=another_card_begins))
    assert refused == [ErrorCode.DEST_FULL]
    (small_disk / "first").unlink()
    fetch(one, PartialFile(small_disk / "second"), CopyCallbacks())


def test_a_partial_file_that_waits_for_its_card_gives_way_to_one_that_is_in(
    card: Path, small_disk: Path, journal: Journal
) -> None:
    store = Store(small_disk / "store")
    waiting = store.partial_path("ours.waiting")
    waiting.write_bytes(b"x" * (40 << 20))
    journal.checkpoint(waiting.name, WANTED, Checkpoint(40 << 20, "aa"))

    async def story() -> None:
        bench = bench_of(card, journal, store)
        work = asyncio.create_task(bench.offload.run())
        bench.offload.request(list(bench.offload.manifest.sources))
        await bench.until(1)
        assert not waiting.exists()
        assert journal.partial_names() == set()
        work.cancel()
        await asyncio.wait({work})

    asyncio.run(story())


def test_room_that_was_promised_to_a_copy_that_is_given_up_is_free_at_once(small_disk: Path) -> None:
    space, mega, given_up = Space(), 1 << 20, Event()
    with space.reserve(small_disk, 40 * mega, given_up.is_set):
        with pytest.raises(NoRoom), space.reserve(small_disk, 40 * mega):
            pass
        given_up.set()  # Its read hangs: the block ends when the card answers, perhaps never.
        with space.reserve(small_disk, 40 * mega):
            pass


def test_a_dropped_partial_file_gives_its_room_back_though_a_hung_copy_holds_it_open(
    small_disk: Path, journal: Journal
) -> None:
    partials = Partials(journal, Store(small_disk / "store"), "ours.")
    part = partials.claim(WANTED)
    with part.path.open("wb") as held:
        held.write(b"x" * (40 << 20))
        held.flush()
        free = shutil.disk_usage(small_disk).free
        partials.release(part, keep=False)
        assert not part.path.exists()
        assert shutil.disk_usage(small_disk).free >= free + (40 << 20)


def test_what_is_written_is_not_counted_twice(small_disk: Path) -> None:
    space, mega = Space(), 1 << 20
    with space.reserve(small_disk, 40 * mega) as room:
        (small_disk / "file").write_bytes(b"x" * 30 * mega)
        room.wrote(30 * mega)
        with space.reserve(small_disk, 20 * mega):
            pass
        with pytest.raises(NoRoom), space.reserve(small_disk, 30 * mega):
            pass
    with space.reserve(small_disk, 30 * mega):
        pass


def test_a_read_that_hangs_is_left_behind_and_their_number_is_limited() -> None:
    async def story() -> None:
        dog, answers, pulse = Watchdog(hung_s=0.1, most=1), Event(), CardHeartbeat()

        def read() -> bool:
            with pulse:
                return answers.wait(PATIENCE_S)

        give_up = Event()
        with pytest.raises(Hung):
            await dog.run(read, pulse, give_up)
        assert give_up.is_set()
        assert dog.left_behind == 1
        begun: list[int] = []
        with pytest.raises(Hung):
            await dog.run(lambda: begun.append(1), CardHeartbeat(), Event())
        assert begun == []
        answers.set()
        async with asyncio.timeout(PATIENCE_S):
            while dog.left_behind:
                await asyncio.sleep(0.01)
        assert await dog.run(lambda: 7, CardHeartbeat(), Event()) == 7

    asyncio.run(story())


def test_slow_work_that_does_not_wait_for_the_card_is_left_alone() -> None:
    async def story() -> None:
        loop, done = asyncio.get_running_loop(), Event()
        loop.call_later(0.3, done.set)
        assert await Watchdog(hung_s=0.05).run(lambda: done.wait(PATIENCE_S), CardHeartbeat(), Event())

    asyncio.run(story())


@dataclass
class Bench:
    """One card in, its copies followed by what the journal wants to tell the hub."""

    offload: Offload
    verifier: Verifier
    seen: list[int]

    def copied(self) -> list[FileCopied]:
        bodies = [decode(waiting.frame).body for waiting in self.offload.around.journal.unacknowledged()]
        return [body for body in bodies if isinstance(body, FileCopied)]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.copied()) < count:
                await asyncio.sleep(0.01)

    async def until_read(self, *sizes: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sorted(self.seen) != sorted(sizes):
                await asyncio.sleep(0.01)


def bench_of(card: Path, journal: Journal, store: Store) -> Bench:
    manifest: Manifest = scan(card, "i1", small_limit=100)
    label = CardLabel(card_id="card-1", label="GOPRO", kind="folder")
    journal.card_in(Inserted.model_validate({"insertion_id": "i1", "card": label, "inserted_at": "2026-01-01T00:00"}))
    verifier, seen = Verifier(store), list[int]()
    around = OffloadContext(
        journal=journal,
        store=store,
        partials=Partials(journal, store, "ours."),
        verifier=verifier,
        wake=lambda: None,
        progress=lambda _message: None,
        on_chunk=seen.append,
    )
    return Bench(Offload("i1", "card-1", CardRoot.at(card), manifest, around), verifier, seen)


@pytest.fixture
def four_files(tmp_path: Path) -> Path:
    folder = tmp_path / "four" / "DCIM"
    folder.mkdir(parents=True)
    for number, size in enumerate((1001, 1002, 1003, 50), start=1):
        (folder / f"GX01000{number}.MP4").write_bytes(os.urandom(size))
    return tmp_path / "four"


def test_the_next_file_is_read_while_one_is_verified_but_not_endlessly_ahead(
    four_files: Path, journal: Journal, store: Store
) -> None:
    async def story() -> None:
        bench = bench_of(four_files, journal, store)
        await bench.verifier.large.acquire()
        work = asyncio.create_task(bench.offload.run())
        bench.offload.request(list(bench.offload.manifest.sources))
        await bench.until(1)
        await bench.until_read(50, 1001, 1002)
        assert [one.size for one in bench.copied()] == [50]
        bench.verifier.large.release()
        await bench.until(4)
        assert [one.size for one in bench.copied()] == [50, 1001, 1002, 1003]
        work.cancel()
        await asyncio.wait({work})

    asyncio.run(story())


def test_a_file_that_was_read_whole_is_finished_though_its_card_is_pulled(
    four_files: Path, journal: Journal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.copy.offload.REMOVAL_S", 0.1)

    async def story() -> None:
        bench = bench_of(four_files, journal, store)
        await bench.verifier.large.acquire()
        work = asyncio.create_task(bench.offload.run())
        (first,) = [name for name, file in bench.offload.manifest.sources.items() if file.size == 1001]
        whole = hash_file(four_files / "DCIM" / "GX010001.MP4")
        bench.offload.request([first])
        await bench.until_read(1001)
        await bench.offload.card_out(work)
        assert bench.copied() == []
        bench.verifier.large.release()
        async with asyncio.timeout(PATIENCE_S):
            await work
        assert [(one.file_id, one.content_hash) for one in bench.copied()] == [(first, whole)]
        assert list((store.root / "partial").iterdir()) == []

    asyncio.run(story())
