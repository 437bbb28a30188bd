"""What file names of the makers mean."""

from __future__ import annotations

import pytest

from detector.card.naming import classify
from stinercut.protocol import FileKind

V, F, P, T, X = FileKind.VIDEO, FileKind.PHOTO, FileKind.PROXY, FileKind.THUMBNAIL, FileKind.OTHER
CLIP = "PRIVATE/M4ROOT/CLIP"


@pytest.mark.parametrize(
    ("folder", "name", "kind", "recording", "chapter"),
    [
        ("DCIM/100GOPRO", "GX010123.MP4", V, "GX0123", 1),
        ("DCIM/100GOPRO", "GX020123.MP4", V, "GX0123", 2),
        ("DCIM/100GOPRO", "gh030007.mp4", V, "GH0007", 3),
        ("DCIM/100GOPRO", "GS010123.360", V, "GS0123", 1),
        ("DCIM/100GOPRO", "GL010123.LRV", P, "GL0123", 1),
        ("DCIM/100GOPRO", "GL010123.MP4", P, "GL0123", 1),
        ("DCIM/100GOPRO", "GX010123.THM", T, "GX0123", 1),
        ("DCIM/100GOPRO", "GOPR1234.MP4", V, "GOPR1234", 1),
        ("DCIM/100GOPRO", "GP011234.MP4", V, "GOPR1234", 2),
        ("DCIM/100GOPRO", "GP021234.LRV", P, "GOPR1234", 3),
        ("DCIM/100GOPRO", "GHAA0001.MP4", V, "GHAA", 1),
        ("DCIM/100GOPRO", "GHAA0002.MP4", V, "GHAA", 2),
        ("DCIM/100GOPRO", "GOPR0001.JPG", F, "photo:GOPR0001", 1),
        ("DCIM/100GOPRO", "GOPR0001.GPR", F, "photo:GOPR0001", 2),
        ("DCIM/100GOPRO", "G0010123.jpeg", F, "photo:G0010123", 1),
        ("DCIM/100APPLE", "IMG_0001.HEIC", F, "photo:IMG_0001", 1),
        ("DCIM/DJI_001", "DJI_0001.DNG", F, "photo:DJI_0001", 2),
        ("DCIM/Camera01", "IMG_20240612_101112_00_008.insp", F, "photo:IMG_20240612_101112_00_008", 1),
        ("", "scan.PNG", F, "photo:SCAN", 1),
        ("DCIM/100GOPRO/Proxies", "GX020123.MP4", P, "GX0123", 2),
        ("DCIM/DJI_001", "DJI_0001.MP4", V, "DJI_0001", 1),
        ("DCIM/DJI_001", "DJI_0001.LRF", P, "DJI_0001", 1),
        ("DCIM/DJI_001", "DJI_0001.SRT", X, "DJI_0001", 1),
        ("DCIM/Camera01", "VID_20240612_101112_00_007.insv", V, "VID_20240612_101112", 7),
        ("DCIM/Camera01", "LRV_20240612_101112_11_007.insv", P, "VID_20240612_101112", 7),
        ("DCIM/Camera01", "LRV_20240612_101112_01_007.lrv", P, "VID_20240612_101112", 7),
        (CLIP, "C0001.MP4", V, "C0001", 1),
        (CLIP, "C0001M01.XML", X, "C0001", 1),
        ("PRIVATE/M4ROOT", "MEDIAPRO.XML", X, "MEDIAPRO", 1),
        ("DCIM/100GOPRO", "GX010123.WAV", X, "GX0123", 1),
        ("PRIVATE/M4ROOT/SUB", "C0001S03.MP4", P, "C0001", 1),
        ("PRIVATE/M4ROOT/THMBNL", "C0001T01.JPG", T, "C0001", 1),
        ("", "tandem jump.MOV", V, "TANDEM JUMP", 1),
        ("", "jump.2.final.mov", V, "JUMP.2.FINAL", 1),
        ("", "GX01012.MP4", V, "GX01012", 1),
        ("", "notes.txt", X, "NOTES", 1),
        ("", "no suffix", X, "NO SUFFIX", 1),
    ],
)
def test_a_name_says_what_a_file_is(folder: str, name: str, kind: FileKind, recording: str, chapter: int) -> None:
    named = classify(folder, name)
    assert (named.kind, named.recording, named.chapter) == (kind, recording, chapter)


@pytest.mark.parametrize(
    ("main", "companion"),
    [
        (("D", "GX010123.MP4"), ("D", "GL010123.LRV")),
        (("D", "GH010123.MP4"), ("D", "GL010123.LRV")),
        (("D", "GX010123.MP4"), ("D", "GX010123.THM")),
        (("D", "GX010123.MP4"), ("D/Proxies", "GX010123.MP4")),
        (("", "GX010123.MP4"), ("Proxies", "GX010123.MP4")),
        (("D", "GOPR1234.MP4"), ("D", "GOPR1234.LRV")),
        (("D", "GP011234.MP4"), ("D", "GP011234.THM")),
        (("D", "DJI_0001.MP4"), ("D", "DJI_0001.LRF")),
        (("D", "VID_20240612_101112_00_007.insv"), ("D", "LRV_20240612_101112_11_007.insv")),
        ((CLIP, "C0001.MP4"), ("PRIVATE/M4ROOT/SUB", "C0001S03.MP4")),
        ((CLIP, "C0001.MP4"), ("PRIVATE/M4ROOT/THMBNL", "C0001T01.JPG")),
        ((CLIP, "C0001.MP4"), (CLIP, "C0001M01.XML")),
        (("D", "DJI_0001.MP4"), ("D", "DJI_0001.SRT")),
        (("D", "GX010123.MP4"), ("D", "GX010123.WAV")),
    ],
)
def test_a_companion_is_tied_to_its_video(main: tuple[str, str], companion: tuple[str, str]) -> None:
    video, other = classify(*main), classify(*companion)
    assert (other.main_folder, other.tie) == (video.main_folder, video.tie)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("D", "GX010123.MP4"), ("D", "GX020123.MP4")),
        (("D", "GOPR1234.MP4"), ("D", "GP011234.MP4")),
        (("D", "DJI_0001.MP4"), ("D", "DJI_0002.LRF")),
        (("100GOPRO", "GX010123.MP4"), ("101GOPRO", "GL010123.LRV")),
    ],
)
def test_what_does_not_belong_together_is_not_tied(one: tuple[str, str], other: tuple[str, str]) -> None:
    first, second = classify(*one), classify(*other)
    assert (first.main_folder, first.tie) != (second.main_folder, second.tie)
