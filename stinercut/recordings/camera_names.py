"""Reads camera makers' file names: the recording, the chapter, and the camera's own count.

Owns: the patterns of names. Not here: the kind of a file (`detector.card.naming`), the order of recordings
(`stinercut.recordings.filming_order`).

GoPro: G[HXS] + chapter (2) + number (4), G[L] for proxies; older cameras GOPR1234, then GP011234; looping GHAA0001,
GHAA0002. Insta360: VID_ (LRV_ for proxies), the moment, a number. Any other name (DJI_0001, Sony's C0001) is a
recording in one file; the digits at its end are a count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_GOPRO: Final = re.compile(r"G([HXSL])(\d{2})(\d{4})")
_GOPRO_LOOP: Final = re.compile(r"G([HXSL])([A-Z]{2})(\d{4})")
_GOPRO_OLD: Final = re.compile(r"G(?:OPR|P(\d{2}))(\d{4})")
_INSTA360: Final = re.compile(r"(?:PRO_)?(VID|LRV)_(\d{8}_\d{6})_\d{2}_(\d{3})")
_COUNTED: Final = re.compile(r"(.*?)(\d+)\D*")


@dataclass(frozen=True)
class CameraName:
    """The parts of a name. `recording` is equal for the chapters of one recording in one folder, which count from 1.

    `tie` is equal for a video and its proxy. `is_proxy`: the name is a proxy's. `is_chaptered`: the maker's names have
    a place for chapters.
    """

    recording: str
    chapter: int
    tie: str
    is_proxy: bool = False
    is_chaptered: bool = False


def read_name(name: str) -> CameraName:
    """The parts of a file's name, regardless of case."""
    return read_stem(_stem(name))


def read_stem(stem: str) -> CameraName:
    """The parts of a file's name without its ending, given in capitals."""
    if match := _GOPRO.fullmatch(stem):
        letter, chapter, number = match.groups()
        return CameraName(f"G{letter}{number}", int(chapter), f"G{chapter}{number}", letter == "L", is_chaptered=True)
    if match := _GOPRO_LOOP.fullmatch(stem):
        letter, loop, number = match.groups()
        return CameraName(f"G{letter}{loop}", int(number), f"G{loop}{number}", letter == "L", is_chaptered=True)
    if match := _GOPRO_OLD.fullmatch(stem):
        further, number = match.groups()
        return CameraName(f"GOPR{number}", 1 if further is None else int(further) + 1, stem, is_chaptered=True)
    if match := _INSTA360.fullmatch(stem):
        what, when, number = match.groups()
        return CameraName(f"VID_{when}", int(number), f"{when}_{number}", what == "LRV", is_chaptered=True)
    return CameraName(stem, 1, stem)


def count_in(name: str) -> tuple[str, int] | None:
    """The camera's own count in a name, and the family of names within which counts are comparable; None without a
    count.

    GoPro's HEVC and AVC files (GX, GH) and its older names share one count; Insta360's names count by the moment.
    """
    stem = _stem(name)
    if match := _GOPRO.fullmatch(stem) or _GOPRO_OLD.fullmatch(stem):
        return "GoPro", int(match[match.lastindex or 0])
    if match := _INSTA360.fullmatch(stem):
        return "Insta360", int(match[2].replace("_", ""))
    match = _COUNTED.fullmatch(stem)
    return (match[1], int(match[2])) if match else None


def follows(name: str, later: str) -> bool:
    """Whether, by its name, the file `later` is the chapter right after `name`."""
    first, second = read_name(name), read_name(later)
    return first.is_chaptered and first.recording == second.recording and second.chapter == first.chapter + 1


def _stem(name: str) -> str:
    return (name.rpartition(".")[0] or name).upper()
