"""The manifest of a card, from real folders."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from detector.card.scan import Manifest, chunked, scan, wall_clock
from stinercut.protocol import FileEntry, FileKind, encode
from stinercut.protocol.messages import MAX_FRAME_BYTES

LIMIT = 1000


def put(root: Path, *names: str, size: int = 10) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)


def by_name(manifest: Manifest) -> dict[str, FileEntry]:
    return {f"{entry.folder}/{entry.name}" if entry.folder else entry.name: entry for entry in manifest.entries}


def test_a_gopro_card_is_listed_recording_by_recording_with_its_companions(tmp_path: Path) -> None:
    put(
        tmp_path,
        *(f"DCIM/100GOPRO/{name}" for name in ("GX020001.MP4", "GL010001.LRV", "GX010001.THM", "GX010002.MP4")),
    )
    put(tmp_path, "DCIM/100GOPRO/GX010001.MP4", "DCIM/100GOPRO/GL020001.LRV", "MISC/version.txt", size=2000)
    manifest = scan(tmp_path, "i", LIMIT)
    assert [entry.name for entry in manifest.entries] == [
        "GX010001.MP4",
        "GL010001.LRV",
        "GX010001.THM",
        "GX020001.MP4",
        "GL020001.LRV",
        "GX010002.MP4",
        "version.txt",
    ]
    files = {entry.name: entry for entry in manifest.entries}
    assert files["GL020001.LRV"].main_file_id == files["GX020001.MP4"].file_id
    assert files["GX010001.THM"].main_file_id == files["GX010001.MP4"].file_id
    assert {files[name].recording for name in ("GX010001.MP4", "GX020001.MP4", "GL020001.LRV")} == {
        "DCIM/100GOPRO/GX0001"
    }
    assert files["GX010002.MP4"].recording != files["GX010001.MP4"].recording
    assert manifest.videos == 3
    small = {entry.name for entry in manifest.entries if manifest.sources[entry.file_id].small}
    assert small == {"GX020001.MP4", "GL010001.LRV", "GX010001.THM", "GX010002.MP4", "GL020001.LRV"}


def test_the_sidecars_of_every_maker_are_tied_to_their_video(tmp_path: Path) -> None:
    clip, dji, insta = "PRIVATE/M4ROOT/CLIP/C0001", "DCIM/DJI_001/DJI_0001", "DCIM/Camera01/VID_20240612_101112"
    tied = {
        f"{clip}.MP4": [f"{clip}M01.XML", "PRIVATE/M4ROOT/THMBNL/C0001T01.JPG"],
        f"{dji}.MP4": [f"{dji}.SRT"],
        "DCIM/100GOPRO/GX020001.MP4": ["DCIM/100GOPRO/GX020001.WAV", "DCIM/100GOPRO/GL020001.LRV"],
        f"{insta}_00_007.insv": [f"{insta.replace('VID', 'LRV')}_11_007.insv"],
    }
    put(tmp_path, *tied, *(name for names in tied.values() for name in names), f"{insta}_10_007.insv")
    put(tmp_path, "PRIVATE/M4ROOT/MEDIAPRO.XML", "DCIM/DJI_001/DJI_0002.SRT", "MISC/DJI_0001.SRT")
    files = by_name(scan(tmp_path, "i", LIMIT))
    for video, names in tied.items():
        assert files[video].main_file_id is None
        for name in names:
            assert files[name].main_file_id == files[video].file_id, name
            assert (files[name].recording, files[name].chapter) == (files[video].recording, files[video].chapter)
    alone = ("PRIVATE/M4ROOT/MEDIAPRO.XML", "DCIM/DJI_001/DJI_0002.SRT", "MISC/DJI_0001.SRT", f"{insta}_10_007.insv")
    assert [files[name].main_file_id for name in alone] == [None] * 4
    # Two lenses filmed at once: one recording.
    assert files[f"{insta}_10_007.insv"].recording == files[f"{insta}_00_007.insv"].recording


def test_sony_and_dji_are_found_beside_dcim(tmp_path: Path) -> None:
    put(tmp_path, "PRIVATE/M4ROOT/CLIP/C0001.MP4", "PRIVATE/M4ROOT/SUB/C0001S03.MP4", "PRIVATE/M4ROOT/MEDIAPRO.XML")
    put(tmp_path, "DCIM/DJI_001/DJI_0001.MP4", "DCIM/DJI_001/DJI_0001.LRF")
    files = by_name(scan(tmp_path, "i", LIMIT))
    assert files["PRIVATE/M4ROOT/CLIP/C0001.MP4"].kind is FileKind.VIDEO
    assert files["PRIVATE/M4ROOT/SUB/C0001S03.MP4"].main_file_id == files["PRIVATE/M4ROOT/CLIP/C0001.MP4"].file_id
    assert files["DCIM/DJI_001/DJI_0001.LRF"].main_file_id == files["DCIM/DJI_001/DJI_0001.MP4"].file_id


def test_the_same_name_in_two_folders_is_two_files_and_two_recordings(tmp_path: Path) -> None:
    put(tmp_path, "DCIM/100GOPRO/GX010001.MP4", "DCIM/101GOPRO/GX010001.MP4", "DCIM/101GOPRO/GL010001.LRV")
    manifest = scan(tmp_path, "i", LIMIT)
    files = by_name(manifest)
    assert len(manifest.sources) == 3
    assert files["DCIM/101GOPRO/GL010001.LRV"].main_file_id == files["DCIM/101GOPRO/GX010001.MP4"].file_id
    assert files["DCIM/100GOPRO/GX010001.MP4"].recording != files["DCIM/101GOPRO/GX010001.MP4"].recording


def test_a_proxy_without_its_video_stands_alone(tmp_path: Path) -> None:
    put(tmp_path, "GL010001.LRV")
    (entry,) = scan(tmp_path, "i", LIMIT).entries
    assert entry.kind is FileKind.PROXY
    assert entry.main_file_id is None


def test_links_hidden_files_and_pipes_are_left_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "secret.mp4")
    card = tmp_path / "card"
    put(card, "DCIM/GX010001.MP4", "DCIM/._GX010001.MP4", ".Trashes/old.mp4", "System Volume Information/x.mp4")
    (card / "DCIM" / "link.mp4").symlink_to(outside / "secret.mp4")
    (card / "linked").symlink_to(outside)
    os.mkfifo(card / "pipe.mp4")
    assert list(by_name(scan(card, "i", LIMIT))) == ["DCIM/GX010001.MP4"]


def test_what_can_not_be_read_is_reported_and_the_rest_is_listed(tmp_path: Path) -> None:
    put(tmp_path, "GX010001.MP4")
    deep = tmp_path.joinpath(*["d"] * 33)
    put(deep, "lost.mp4")
    manifest = scan(tmp_path, "i", LIMIT)
    assert [entry.name for entry in manifest.entries] == ["GX010001.MP4"]
    assert len(manifest.unreadable) == 1
    assert "too deep" in manifest.unreadable[0]


def test_a_name_that_is_no_unicode_travels_and_is_still_found(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/cl\xffp.mp4"
    with open(raw, "wb") as file:  # noqa: PTH123 - Path takes no bytes
        file.write(b"x")
    manifest = scan(tmp_path, "i", LIMIT)
    (entry,) = manifest.entries
    assert entry.name == "cl\ufffdp.mp4"
    assert (tmp_path / manifest.sources[entry.file_id].relative).read_bytes() == b"x"
    assert encode(chunked("i", manifest.entries)[0])


def test_an_id_says_nothing_and_is_another_in_each_insertion(tmp_path: Path) -> None:
    put(tmp_path, "DCIM/GX010001.MP4")
    (one,) = scan(tmp_path, "first", LIMIT).entries
    (two,) = scan(tmp_path, "second", LIMIT).entries
    assert one.file_id != two.file_id
    assert set(one.file_id) <= set("0123456789abcdef")
    assert scan(tmp_path, "first", LIMIT).entries == [one]


@pytest.fixture
def vienna() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Vienna"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("vienna")
def test_modified_is_the_wall_clock_without_a_zone(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4")
    os.utime(tmp_path / "a.mp4", ns=(0, 1_718_186_400_250_000_000))  # 2024-06-12 10:00:00.25 UTC
    (entry,) = scan(tmp_path, "i", LIMIT).entries
    assert entry.modified == datetime(2024, 6, 12, 12, 0, 0, 250_000)
    assert entry.modified.tzinfo is None


def test_a_nonsense_date_is_no_reason_to_lose_a_file() -> None:
    assert wall_clock(10**30) == datetime(1970, 1, 1)


def test_an_empty_card_is_one_empty_list(tmp_path: Path) -> None:
    assert [(piece.index, piece.total, piece.files) for piece in chunked("i", scan(tmp_path, "i", LIMIT).entries)] == [
        (0, 1, [])
    ]


def test_a_full_card_travels_in_pieces_below_the_frame_limit(tmp_path: Path) -> None:
    long = "/".join(["ü" * 100] * 5)
    put(tmp_path, *(f"{long}/GX01{number:04}.MP4" for number in range(1100)))
    manifest = scan(tmp_path, "i", LIMIT)
    pieces = chunked("i", manifest.entries)
    assert [piece.index for piece in pieces] == list(range(len(pieces)))
    assert {piece.total for piece in pieces} == {len(pieces)}
    assert [entry for piece in pieces for entry in piece.files] == manifest.entries
    assert max(len(encode(piece).encode()) for piece in pieces) < MAX_FRAME_BYTES


def test_a_root_that_is_gone_is_an_error_not_an_empty_card(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        scan(tmp_path / "gone", "i", LIMIT)


def test_a_scan_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        scan(tmp_path, "i", LIMIT, lambda: True)
