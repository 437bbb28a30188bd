"""What of a card is not copied is counted and said before anybody is told that the card is safe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import heard
from support.cataloguing import ask, catalog_in, copy, entry, inserted
from support.detectors import PATIENCE_S, listening, told
from websockets.asyncio.server import ServerConnection, serve

from detector.card.scan import chunked, scan
from detector.copy.journal import Journal
from detector.link import HubAddress, Link
from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import CardView, card_views
from hub.cards.words import stays
from stinercut.cards import insertions
from stinercut.cards.uncopied_files import Staying
from stinercut.catalog import Catalog
from stinercut.language.messages import all_worded
from stinercut.protocol import FileEntry, FileKind, FileList, Welcome, decode, encode

VIDEO = entry("GX010001.MP4")
THUMBNAIL = entry("GX010001.THM", kind=FileKind.THUMBNAIL)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Catalog]:
    with catalog_in(tmp_path) as opened:
        yield opened


def others(number: int) -> list[FileEntry]:
    return [entry(f"note{n:03}.txt", kind=FileKind.OTHER) for n in range(number)]


def put_in(catalog: Catalog, files: list[FileEntry], passed_over: int = 0, insertion: str = "in-1") -> None:
    with catalog.write() as session:
        insertions.record_insertion(session, "det", inserted(insertion))
        listed = FileList(insertion_id=insertion, index=0, total=1, files=files, passed_over=passed_over)
        heard.record_file_list(session, listed, 10**6)


def card(catalog: Catalog) -> CardView:
    with catalog.read() as session:
        [view] = card_views(session, ProgressSnapshot(frozenset({"det"})))
    return view


class TestWords:
    @pytest.mark.parametrize(
        ("staying", "words"),
        [
            (Staying(), ""),
            (Staying(1, ("notes.txt",)), "1 file of other kinds stays on the card: notes.txt."),
            (Staying(3, ("a.gpx", "b.txt", "c.pdf")), "3 files of other kinds stay on the card: a.gpx, b.txt, c.pdf."),
            (Staying(7, ("a", "b")), "7 files of other kinds stay on the card: a, b and 5 more."),
            (Staying(thumbnails=20), "20 camera thumbnails stay on the card."),
            (
                Staying(1, ("a.txt",), 2, 1),
                "1 file of other kinds stays on the card: a.txt. So do 2 camera thumbnails and 1 hidden item.",
            ),
            (
                Staying(2, ("a", "b"), passed_over=1),
                "2 files of other kinds stay on the card: a, b. So does 1 hidden item.",
            ),
        ],
    )
    def test_as_sentences(self, staying: Staying, words: str) -> None:
        assert all_worded(stays(staying)) == words


class TestOnTheBoard:
    def test_all_that_is_new_is_copied_and_the_rest_named(self, known: Catalog) -> None:
        put_in(known, [VIDEO, THUMBNAIL, *others(3)], passed_over=2)
        ask(known, "in-1")
        assert "stay" not in card(known).message
        copy(known, "in-1", [VIDEO])
        view = card(known)
        assert view.state == "safe"
        assert view.message == (
            "The new file is copied and checked. 3 files of other kinds stay on the card: note000.txt, note001.txt,"
            " note002.txt. So do 1 camera thumbnail and 2 hidden items. You can pull it out."
        )
        assert (view.staying.others, view.staying.thumbnails, view.staying.hidden) == (3, 1, 2)

    def test_nothing_new_and_something_that_stays(self, known: Catalog) -> None:
        put_in(known, [VIDEO])
        ask(known, "in-1")
        copy(known, "in-1", [VIDEO])
        put_in(known, [VIDEO, *others(1)], insertion="in-2")
        assert card(known).message == (
            "Nothing new is on it: all footage was copied and checked before. 1 file of other kinds stays on the card:"
            " note000.txt. You can pull it out."
        )
        with known.write() as session:
            heard.record_removed(session, "in-2")
        assert card(known).message == (
            "It is out, and all footage of it is safe. 1 file of other kinds stayed on the card: note000.txt."
        )

    def test_only_other_kinds(self, known: Catalog) -> None:
        put_in(known, others(480))
        view = card(known)
        assert view.state == "empty"
        assert "480 files of other kinds stay on the card: note000.txt" in view.message
        assert "and 475 more" in view.message
        assert len(view.staying.names) == 5


class TestOnACard:
    def test_what_is_not_listed_is_counted(self, tmp_path: Path) -> None:
        for name in ("DCIM/100GOPRO/GX010001.MP4", "DCIM/.hidden.mp4", ".Trashes/1/GX010009.MP4", "LOST+FOUND/a"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        (tmp_path / "DCIM" / "link.mp4").symlink_to(tmp_path / "DCIM" / "100GOPRO" / "GX010001.MP4")
        manifest = scan(tmp_path, "i", 1000)
        assert [one.name for one in manifest.entries] == ["GX010001.MP4"]
        assert manifest.passed_over == 4
        assert [one.passed_over for one in chunked("i", manifest.entries * 501, 4)] == [4, 4]


@told
async def test_a_hub_of_version_1_gets_no_field_that_it_refuses(tmp_path: Path) -> None:
    """It would refuse the list for good, and nothing of the card would ever be copied."""
    frames: list[str] = []

    async def hub(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(encode(Welcome(version=1, min_version=1, max_version=1)))
        frames.append(str(await socket.recv()))
        await socket.wait_closed()

    with listening("Connected to the hub") as heard, closing(Journal(tmp_path / "journal.db")) as journal:
        journal.put([FileList(insertion_id="in-1", index=0, total=1, files=[VIDEO], passed_over=3)])
        async with serve(hub, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            link = asyncio.create_task(
                Link(HubAddress(f"ws://127.0.0.1:{port}", "det", None), journal, lambda _request: None).run()
            )
            await asyncio.wait_for(heard.wait(), PATIENCE_S)
            async with asyncio.timeout(PATIENCE_S):
                while not frames:
                    await asyncio.sleep(0.01)
            link.cancel()
            await asyncio.wait({link})
    assert "passed_over" not in json.loads(frames[0])["body"]
    body = decode(frames[0]).body
    assert isinstance(body, FileList)
    assert (body.files, body.passed_over) == ([VIDEO], 0)
