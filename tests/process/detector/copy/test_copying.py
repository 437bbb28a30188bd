"""The verified copy: real files, a real full disk, faults between two chunks."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detector.card.events import CardRoot
from detector.card.scan import SourceFile
from detector.copy.copying import CopyCallbacks, copy_file, write_all
from detector.copy.failures import Copied, CopyFailed, CopyStopped
from detector.copy.partials import partial_prefix
from stinercut.protocol import ErrorCode
from stinercut.storage.store import CHUNK, Store, hash_file

PREFIX = partial_prefix("test")
NAME = "DCIM/GX010001.MP4"
SIZE = 3 * CHUNK + 12345


@pytest.fixture
def card(tmp_path: Path) -> Path:
    file = tmp_path / "card" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(os.urandom(SIZE))
    return tmp_path / "card"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def source_of(card: Path, name: str = NAME) -> SourceFile:
    seen = (card / name).stat()
    return SourceFile(name, seen.st_size, seen.st_mtime_ns, small=True)


def copy(card: Path, store: Store, watch: CopyCallbacks | None = None) -> Copied:
    return copy_file(CardRoot.at(card), source_of(card), store, PREFIX, watch or CopyCallbacks())


def at(bytes_done: int, act: Callable[[], None]) -> CopyCallbacks:
    """Do something once, just after that many bytes were written."""
    done: list[int] = []

    def on_chunk(so_far: int) -> None:
        if so_far >= bytes_done and not done:
            done.append(so_far)
            act()

    return CopyCallbacks(on_chunk=on_chunk)


def nothing_left(store: Store) -> bool:
    return not [path for path in store.root.rglob("*") if path.is_file()]


def failure(card: Path, store: Store, watch: CopyCallbacks) -> ErrorCode:
    with pytest.raises(CopyFailed) as failed:
        copy(card, store, watch)
    assert nothing_left(store)
    return failed.value.reason


def test_a_copy_is_whole_and_lies_under_its_hash(card: Path, store: Store) -> None:
    seen: list[int] = []
    copied = copy(card, store, CopyCallbacks(on_chunk=seen.append))
    assert copied == Copied(hash_file(card / NAME), SIZE)
    assert store.object_path(copied.content_hash).read_bytes() == (card / NAME).read_bytes()
    assert seen == [CHUNK, 2 * CHUNK, 3 * CHUNK, SIZE]
    assert list((store.root / "partial").iterdir()) == []


def test_an_empty_file_is_a_file(card: Path, store: Store) -> None:
    (card / NAME).write_bytes(b"")
    copied = copy(card, store)
    assert store.require(copied.content_hash, 0).read_bytes() == b""


def test_equal_content_is_stored_once(card: Path, store: Store) -> None:
    first = copy(card, store)
    before = store.object_path(first.content_hash).stat()
    assert copy(card, store) == first
    after = store.object_path(first.content_hash).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_object_of_the_same_name_is_said_and_left_alone(card: Path, store: Store) -> None:
    damaged = store.object_path(hash_file(card / NAME))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"cut short")
    with pytest.raises(CopyFailed, match="damaged") as failed:
        copy(card, store)
    assert failed.value.reason is ErrorCode.DEST_IO
    assert damaged.read_bytes() == b"cut short"


def test_a_file_truncated_while_it_is_copied(card: Path, store: Store) -> None:
    assert failure(card, store, at(CHUNK, lambda: os.truncate(card / NAME, CHUNK + 5))) is ErrorCode.SOURCE_CHANGED


def test_a_file_that_grows_while_it_is_copied(card: Path, store: Store) -> None:
    def grow() -> None:
        with (card / NAME).open("ab") as file:
            file.write(b"more")

    assert failure(card, store, at(CHUNK, grow)) is ErrorCode.SOURCE_CHANGED


def test_a_file_rewritten_in_place_while_it_is_copied(card: Path, store: Store) -> None:
    def rewrite() -> None:
        with (card / NAME).open("rb+") as file:
            file.write(b"another beginning")
        os.utime(card / NAME, ns=(0, 1))

    assert failure(card, store, at(CHUNK, rewrite)) is ErrorCode.SOURCE_CHANGED


def test_a_file_changed_since_the_scan_is_not_even_begun(card: Path, store: Store) -> None:
    source = source_of(card)
    os.utime(card / NAME, ns=(0, 1))
    with pytest.raises(CopyFailed) as failed:
        copy_file(CardRoot.at(card), source, store, PREFIX, CopyCallbacks())
    assert failed.value.reason is ErrorCode.SOURCE_CHANGED
    assert nothing_left(store)


def test_a_card_pulled_while_it_is_copied(card: Path, store: Store) -> None:
    assert failure(card, store, at(CHUNK, lambda: shutil.rmtree(card))) is ErrorCode.CARD_REMOVED


def test_another_folder_in_the_place_of_the_card_is_not_the_card(card: Path, store: Store) -> None:
    def swap() -> None:
        card.rename(card.with_name("elsewhere"))
        card.mkdir()

    assert failure(card, store, at(CHUNK, swap)) is ErrorCode.CARD_REMOVED


def test_one_file_deleted_from_a_card_that_is_in(card: Path, store: Store) -> None:
    assert failure(card, store, at(CHUNK, (card / NAME).unlink)) is ErrorCode.SOURCE_CHANGED


@pytest.mark.parametrize("what", ["file", "folder", "pipe"])
def test_a_link_or_pipe_in_the_place_of_a_file_is_not_followed(
    card: Path, store: Store, tmp_path: Path, what: str
) -> None:
    source, root = source_of(card), CardRoot.at(card)
    outside = tmp_path / "outside"
    (card / "DCIM").rename(outside)
    if what == "folder":
        (card / "DCIM").symlink_to(outside)
    elif what == "pipe":
        (card / "DCIM").mkdir()
        os.mkfifo(card / NAME)
    else:
        (card / "DCIM").mkdir()
        (card / NAME).symlink_to(outside / "GX010001.MP4")
    with pytest.raises(CopyFailed) as failed:
        copy_file(root, source, store, PREFIX, CopyCallbacks())
    assert failed.value.reason is ErrorCode.SOURCE_CHANGED


def test_a_copy_that_reads_back_differently_is_thrown_away(card: Path, store: Store) -> None:
    def flip_a_bit() -> None:
        (partial,) = (store.root / "partial").iterdir()
        with partial.open("rb+") as file:
            first = file.read(1)[0]
            file.seek(0)
            file.write(bytes([first ^ 1]))

    assert failure(card, store, at(SIZE, flip_a_bit)) is ErrorCode.HASH_MISMATCH


@pytest.mark.parametrize("when", [0, CHUNK, SIZE])
def test_a_stopped_copy_leaves_nothing(card: Path, store: Store, when: int) -> None:
    seen = [0]
    watch = CopyCallbacks(on_chunk=lambda done: seen.__setitem__(0, done), should_stop=lambda: seen[0] >= when)
    with pytest.raises(CopyStopped):
        copy(card, store, watch)
    assert nothing_left(store)


def test_a_full_device_is_an_error_at_the_first_byte() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space") as refused:
            write_all(full, b"footage")
    finally:
        os.close(full)
    assert refused.value.errno == errno.ENOSPC


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_without_room_is_said_before_anything_is_written(card: Path, small_disk: Path) -> None:
    (small_disk / "other").write_bytes(b"x" * CHUNK)
    touched: list[int] = []
    assert failure_on(card, small_disk, CopyCallbacks(on_chunk=touched.append)) is ErrorCode.DEST_FULL
    assert touched == []


def test_a_disk_that_fills_up_while_we_copy(card: Path, small_disk: Path) -> None:
    def fill() -> None:
        other = os.open(small_disk / "other", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(other, b"x" * CHUNK)
        except OSError:
            os.close(other)

    assert failure_on(card, small_disk, at(CHUNK, fill)) is ErrorCode.DEST_FULL


def test_a_short_write_is_continued_until_the_disk_says_no(small_disk: Path) -> None:
    page = 4096
    (small_disk / "other").write_bytes(b"x" * (4 * CHUNK - 3 * page))
    writing = os.open(small_disk / "file", os.O_CREAT | os.O_WRONLY)
    try:
        assert os.write(writing, b"x" * 2 * page) == 2 * page
        with pytest.raises(OSError, match="No space"):
            write_all(writing, b"y" * 2 * page)  # The system writes one page and says so without an error.
    finally:
        os.close(writing)
    assert (small_disk / "file").stat().st_size == 3 * page


def failure_on(card: Path, disk: Path, watch: CopyCallbacks) -> ErrorCode:
    return failure(card, Store(disk / "store"), watch)


def test_a_store_that_can_not_be_written(card: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CopyFailed) as failed:
        copy(card, Store(tmp_path / "file" / "store"))
    assert failed.value.reason is ErrorCode.DEST_IO


def test_an_error_survives_pickling_with_its_words() -> None:
    error = CopyFailed(ErrorCode.SOURCE_IO, "the card could not be read", file="GX010001.MP4", advice="Try again.")
    back = pickle.loads(pickle.dumps(error))
    assert (back.reason, str(back)) == (error.reason, str(error))
