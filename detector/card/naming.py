"""Camera file names: tells what a file on a card is by its folder and name alone.

Owns: one pure function, `classify`, and the patterns behind it. Not here: looking at a card (`scan`).

Recordings and chapters: `stinercut.recordings.camera_names`. GoPro: low-resolution proxies GL010123.LRV, thumbnails
.THM; GoPro Labs may write proxies of the same name to `Proxies/`. DJI: .LRF next to the video. Insta360: LRV_
next to VID_. Sony XAVC: PRIVATE/M4ROOT/CLIP/C0001.MP4 with SUB/C0001S03.MP4, THMBNL/C0001T01.JPG and the metadata
CLIP/C0001M01.XML. Other sidecars (DJI's .SRT, a .WAV) have the name of their video.

A photo (`stinercut.recordings.photo_names`) is never part of a video's recording, whatever lies next to it; a JPEG and
a raw with the same stem are one picture in two files. The recording of a photo has a name that no video's has, since
telephones write both IMG_0001.MOV and IMG_0001.HEIC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from stinercut.protocol import FileKind
from stinercut.recordings.camera_names import read_stem
from stinercut.recordings.photo_names import is_photo, is_raw

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mov", ".m4v", ".360", ".insv", ".mts", ".m2ts", ".mxf", ".avi", ".mkv", ".webm", ".3gp", ".wmv", ".mpg"}
)
PROXY_SUFFIXES = frozenset({".lrv", ".lrf"})
THUMBNAIL_SUFFIXES = frozenset({".thm"})

SONY_COMPANION = re.compile(r"(.+?)[ST]\d{2}")
SONY_METADATA = re.compile(r"(.+?)M\d{2}")


@dataclass(frozen=True)
class Named:
    """What a file's name tells about it.

    `recording` is equal for the chapters of one recording in one folder. `tie` is equal (within `main_folder`) for a
    video and the files that were derived from it.
    """

    kind: FileKind
    recording: str
    chapter: int
    main_folder: str
    tie: str


def classify(folder: str, name: str) -> Named:
    """What a file is. `folder` is relative to the card's root, with forward slashes; "" is the root itself."""
    path = PurePosixPath(name)
    stem, suffix = path.stem.upper(), path.suffix.lower()
    place = PurePosixPath(folder)
    kind = _kind(name, suffix)
    if _is_sony_companion(place):
        return _sony_companion(place, stem, suffix)
    if place.name.lower() == "proxies" and kind is FileKind.VIDEO:
        main = classify(_parent(place), name)
        return Named(FileKind.PROXY, main.recording, main.chapter, main.main_folder, main.tie)
    if suffix == ".xml" and place.name.upper() == "CLIP" and (match := SONY_METADATA.fullmatch(stem)):
        stem = match[1]
    if kind is FileKind.PHOTO:
        return Named(kind, f"photo:{stem}", 2 if is_raw(name) else 1, folder, f"photo:{stem}")
    parsed = read_stem(stem)
    if parsed.is_proxy and kind is FileKind.VIDEO:
        kind = FileKind.PROXY
    return Named(kind, parsed.recording, parsed.chapter, folder, parsed.tie)


def _kind(name: str, suffix: str) -> FileKind:
    if suffix in VIDEO_SUFFIXES:
        return FileKind.VIDEO
    if is_photo(name):
        return FileKind.PHOTO
    if suffix in PROXY_SUFFIXES:
        return FileKind.PROXY
    return FileKind.THUMBNAIL if suffix in THUMBNAIL_SUFFIXES else FileKind.OTHER


def _is_sony_companion(place: PurePosixPath) -> bool:
    upper = [part.upper() for part in place.parts]
    return upper[-2:] in (["M4ROOT", "SUB"], ["M4ROOT", "THMBNL"])


def _sony_companion(place: PurePosixPath, stem: str, suffix: str) -> Named:
    match = SONY_COMPANION.fullmatch(stem)
    main = match[1] if match else stem
    if place.name.upper() == "SUB":
        kind = FileKind.PROXY if suffix in VIDEO_SUFFIXES else FileKind.OTHER
    else:
        kind = FileKind.THUMBNAIL
    return Named(kind, main, 1, str(place.parent / "CLIP"), main)


def _parent(place: PurePosixPath) -> str:
    parent = str(place.parent)
    return "" if parent == "." else parent
