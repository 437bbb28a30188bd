"""Cards going in and out: notes in a real folder, real mounts where the machine lets us."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import pytest

from detector.card.events import CardEvent, CardIn, CardOut, CardRoot, changes, path_card_id
from detector.sources.cards import watch_cards
from detector.sources.folders import eject_folder, insert_folder, noted
from detector.sources.volumes import card_id_of, is_removable, parse_mountinfo, volume_uuid, watch_by_looking
from stinercut.errors import BadInput, NotFound
from stinercut.settings import Settings

Next = Callable[[], Awaitable[CardEvent]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", watch_mounts=False)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "GOPRO"
    folder.mkdir()
    return folder


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Next]:
    """The events as they come; the wait for one ends with an error after ten seconds."""
    queue: asyncio.Queue[CardEvent] = asyncio.Queue()
    task = asyncio.create_task(watch_cards(settings, queue))

    async def following() -> CardEvent:
        async with asyncio.timeout(10):
            return await queue.get()

    try:
        yield following
        assert queue.empty()
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled(), task.exception()


def test_a_folder_inserted_and_ejected(settings: Settings, card: Path) -> None:
    async def story() -> None:
        async with watching(settings) as following:
            name = insert_folder(settings, card)
            went_in = await following()
            assert isinstance(went_in, CardIn)
            assert (went_in.root, went_in.card.label, went_in.card.kind) == (card, "GOPRO", "folder")
            assert went_in.card.card_id == name == path_card_id(card)
            eject_folder(settings, card)
            assert await following() == CardOut(went_in.key)

    asyncio.run(story())


def test_a_folder_that_is_in_already_at_the_start(settings: Settings, card: Path) -> None:
    insert_folder(settings, card)

    async def story() -> None:
        async with watching(settings) as following:
            assert isinstance(await following(), CardIn)

    asyncio.run(story())


def test_inserted_again_is_out_and_in_as_the_same_card(settings: Settings, card: Path) -> None:
    async def story() -> None:
        async with watching(settings) as following:
            insert_folder(settings, card)
            first = await following()
            assert isinstance(first, CardIn)
            insert_folder(settings, card)
            assert await following() == CardOut(first.key)
            second = await following()
            assert isinstance(second, CardIn)
            assert second.key != first.key
            assert second.card == first.card

    asyncio.run(story())


def test_a_folder_that_vanishes_is_a_card_pulled_and_one_that_returns_is_in_again(
    settings: Settings, card: Path
) -> None:
    async def story() -> None:
        async with watching(settings) as following:
            insert_folder(settings, card)
            first = await following()
            assert isinstance(first, CardIn)
            shutil.rmtree(card)
            assert await following() == CardOut(first.key)
            card.mkdir()
            assert isinstance(await following(), CardIn)

    asyncio.run(story())


def test_what_can_not_be_inserted_is_said(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "missing"):
        with pytest.raises(BadInput, match="not a folder"):
            insert_folder(settings, path)
    assert not noted(settings.cards_dir).cards


def test_what_is_not_in_can_not_be_ejected(settings: Settings, card: Path) -> None:
    with pytest.raises(NotFound):
        eject_folder(settings, card)


def test_a_vanished_folder_can_be_ejected(settings: Settings, card: Path) -> None:
    insert_folder(settings, card)
    card.rmdir()
    eject_folder(settings, card)
    assert list(settings.cards_dir.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"path": 5}',
        '{"path": "relative"}',
        '{"path": "/x\\u0000y"}',
        '{"path": "/tmp", "rm": 1}',
        "\udcff",
    ],
)
def test_a_bad_note_is_a_problem_and_hides_no_other(settings: Settings, card: Path, text: str) -> None:
    insert_folder(settings, card)
    (settings.cards_dir / "bad.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = noted(settings.cards_dir)
    assert len(found.cards) == 1
    assert len(found.problems) == 1


def test_a_folder_whose_name_is_no_unicode_can_be_a_card(settings: Settings, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/k\xffrte"))
    folder.mkdir()
    insert_folder(settings, folder)
    (found,) = noted(settings.cards_dir).cards.values()
    assert (found.root, found.card.label) == (folder, "k\ufffdrte")


def test_changes_say_first_what_is_out(settings: Settings, card: Path) -> None:
    insert_folder(settings, card)
    before = noted(settings.cards_dir).cards
    insert_folder(settings, card)
    now = noted(settings.cards_dir).cards
    assert [type(event) for event in changes(before, now)] == [CardOut, CardIn]
    assert changes(now, now) == []


def test_an_emptied_mount_point_is_not_the_card_that_was_there(card: Path) -> None:
    root = CardRoot.at(card)
    assert root.is_there()
    card.rename(card.with_name("other"))
    card.mkdir()
    assert not root.is_there()


MOUNTINFO = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
61 27 8:17 / /media/sd\\040card\\134x rw,nosuid shared:32 - vfat /dev/sdb1 rw,uid=1000
nonsense
62 27 8:18 / /mnt - exfat
"""


def test_mountinfo_is_read_with_its_escapes() -> None:
    root, stick = parse_mountinfo(MOUNTINFO)
    assert (root.mount_id, root.device, root.point, root.source) == ("27", "254:0", Path("/"), "/dev/vda")
    assert stick.point == Path("/media/sd card\\x")


def test_a_volume_id_is_found_by_its_device(tmp_path: Path) -> None:
    device = tmp_path / "sdb1"
    device.touch()
    links = tmp_path / "by-uuid"
    links.mkdir()
    (links / "1234-ABCD").symlink_to(device)
    assert volume_uuid(str(device), links) == "1234-ABCD"
    assert volume_uuid(str(tmp_path / "sdc1"), links) is None
    assert volume_uuid(str(device), tmp_path / "missing") is None


def test_a_card_id_has_no_odd_signs() -> None:
    assert card_id_of("12 34/é", Path("/media/x")) == "vol-12-34--"
    assert card_id_of(None, Path("/media/x")) == path_card_id(Path("/media/x"))


@pytest.mark.parametrize(("flag", "removable"), [("1\n", True), ("0\n", False)])
def test_a_partition_is_as_removable_as_its_disk(tmp_path: Path, flag: str, removable: bool) -> None:
    partition = tmp_path / "devices" / "sdb" / "sdb1"
    partition.mkdir(parents=True)
    (partition.parent / "removable").write_text(flag)
    (tmp_path / "8:17").symlink_to(partition)
    assert is_removable("8:17", tmp_path) is removable
    assert not is_removable("9:9", tmp_path)


class Looks:
    """What a look at the volumes gives, and what is done at one of them."""

    def __init__(self) -> None:
        self.at: dict[int, Callable[[], None]] = {}
        self.seen = 0

    def __call__(self) -> dict[str, CardIn]:
        self.seen += 1
        self.at.get(self.seen, lambda: None)()
        return {}


def test_an_event_brings_a_look_at_once_and_the_next_ones_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wait that is else between two looks, endless here; the end is noticed as well."""
    stop, looks = Event(), Looks()

    def listen(changed: Event) -> bool:
        looks.at = {1: changed.set, 2: changed.set, 3: stop.set}
        return True

    monkeypatch.setattr("detector.sources.volumes.SETTLE_S", 0.0)
    monkeypatch.setattr("detector.sources.volumes.RARELY_S", 100_000.0)
    watch_by_looking(lambda _cards: None, stop, listen, looks)
    assert looks.seen == 3


def test_without_events_it_is_looked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.sources.volumes.POLL_S", 0.01)
    stop, looks = Event(), Looks()
    reports = list[object]()

    def report(cards: object) -> None:
        reports.append(cards)
        if len(reports) == 5:
            stop.set()

    watch_by_looking(report, stop, lambda _changed: False, looks)
    assert (looks.seen, reports) == (5, [{}] * 5)


@pytest.fixture
def mount_point() -> Iterator[Path]:
    place = Path("/mnt") / f"stinercut-test-{os.getpid()}"
    try:
        place.mkdir()
    except OSError:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    place.rmdir()


def mount(place: Path) -> None:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("needs the right to mount")


@pytest.mark.parametrize("footage", ["DCIM", "PRIVATE/M4ROOT"])
def test_a_volume_is_seen_when_it_is_mounted_and_when_it_is_gone(
    tmp_path: Path, mount_point: Path, footage: str
) -> None:
    settings = Settings(data=tmp_path / "data")

    async def story() -> None:
        async with watching(settings) as following:
            mount(mount_point)
            (mount_point / footage).mkdir(parents=True)  # After the mount, as a slow file system shows it.
            went_in = await following()
            assert isinstance(went_in, CardIn)
            assert (went_in.root, went_in.card.kind) == (mount_point, "volume")
            subprocess.run(["umount", mount_point], check=True)
            assert await following() == CardOut(went_in.key)

    asyncio.run(story())
