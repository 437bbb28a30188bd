"""Counts a code's modules along its timing patterns, and reads the version that larger codes say.

Owns: estimates of a code's side in modules, from the picture. Not here: the grid between them (`sampling_grid`).
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import cv2
import numpy as np

from stinercut.codes.rescue.finder_patterns import CORNER, CornerThree, Gray, Points

_PER_MODULE: Final = 6
_CORNERS: Final = CORNER * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)

SIDES: Final = tuple(range(21, 178, 4))


def likely_sides(picture: Gray, three: CornerThree, most: int) -> list[int]:
    """The code's side in modules, up to `most` of them, the likeliest first: said, counted, estimated."""
    if not all(three.seen):
        return _sides_of_pair(picture, three)
    votes: Counter[int] = Counter()
    said = _said_version(picture, three)
    if said:
        votes[said] += 50
    for counted in _counted(picture, three):
        votes[counted] += 2
    nearest = sorted(SIDES, key=lambda side: abs(side - three.modules))
    ranked = sorted(votes, key=lambda side: (-votes[side], abs(side - three.modules)))
    return list(dict.fromkeys([*ranked[: most - 1], *nearest]))[:most]


def _sides_of_pair(picture: Gray, three: CornerThree) -> list[int]:
    """The sides of a code with a hidden corner: what is counted between the two others, or what is estimated."""
    nearest = sorted(SIDES, key=lambda side: abs(side - three.modules))
    if not three.seen[0]:
        return nearest[:2]
    votes = Counter(side for side in _counted(picture, three) if 0.8 < side / three.modules < 1.25)
    return [side for side, _ in votes.most_common(2)]


def _frame(three: CornerThree, at: int) -> Points:
    """The perspective of one finder pattern: from modules around its centre to pixels."""
    corners = three.corners[4 * at : 4 * at + 4].astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(_CORNERS, corners), np.float64)


def _through(matrix: Points, places: Points) -> Points:
    flat = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    depth = np.where(np.abs(flat[:, 2:]) < 1e-6, 1e-6, flat[:, 2:])
    return np.asarray(np.clip(flat[:, :2] / depth, -1e5, 1e5))


def _samples(picture: Gray, pixels: Points) -> Points:
    x, y = pixels.astype(np.float32).reshape(-1, 1, 2).transpose(2, 0, 1).copy()
    values = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float64).reshape(-1)


def _counted(picture: Gray, three: CornerThree) -> list[int]:
    """Sides by the number of dark modules along both timing patterns, on a few lines each."""
    left, right, below = (_frame(three, at) for at in range(3))
    found: list[int] = []
    for other, axis, is_seen in ((right, 0, three.seen[1]), (below, 1, three.seen[2])):
        if not is_seen:
            continue
        for beside in (2.7, 3.0, 3.3):
            start = _ray(left, axis, 3.5, beside)
            end = _ray(other, axis, -3.5, beside)
            if side := _count(picture, start, end):
                found.append(side)
    return found


def _ray(frame: Points, axis: int, along: float, beside: float) -> Points:
    """A place on a timing pattern's line and the same 0.5 modules further, in pixels."""
    places = np.array([[along - 0.25, beside], [along + 0.25, beside]])
    return _through(frame, places if axis == 0 else places[:, ::-1])


def _count(picture: Gray, start: Points, end: Points) -> int | None:
    """The side by the dark runs on the curve between two finder patterns."""
    first, last = start.mean(axis=0), end.mean(axis=0)
    away, back = 2 * (start[1] - start[0]), 2 * (end[1] - end[0])
    chord = float(np.linalg.norm(last - first))
    module = (np.linalg.norm(away) + np.linalg.norm(back)) / 2
    length = chord / max(float(module), 0.5)
    if not 4 < length < 250:
        return None
    part = np.linspace(0, 1, int(length * _PER_MODULE) + 2)[:, None]
    curve = (
        (2 * part**3 - 3 * part**2 + 1) * first
        + (part**3 - 2 * part**2 + part) * length * away
        + (3 * part**2 - 2 * part**3) * last
        + (part**3 - part**2) * length * back
    )
    light = _samples(picture, curve)
    wide = _PER_MODULE * 2 + 1
    mean = np.convolve(np.pad(light, wide, mode="edge"), np.ones(2 * wide + 1) / (2 * wide + 1), mode="valid")
    dark = light < mean
    runs = int(np.count_nonzero(dark[1:] & ~dark[:-1]))
    side = 2 * runs + 15 - (2 if dark[0] else 0)
    return side if side in SIDES else None


def _said_version(picture: Gray, three: CornerThree) -> int | None:
    """The side that the version blocks say, of codes with 45 modules or more."""
    steps = np.arange(6) - 3.0
    for at, swapped in ((1, False), (2, True)):
        frame = _frame(three, at)
        places = np.array([[x, y] for y in steps[::-1] for x in (-5.0, -6.0, -7.0)])
        light = _samples(picture, _through(frame, places[:, ::-1] if swapped else places))
        pattern = _samples(picture, _through(frame, np.array([[0, 0], [2, 0], [0, 2], [-2, 0], [0, -2]])))
        level = (pattern[0] + pattern[1:].mean()) / 2
        word = int("".join("1" if value < level else "0" for value in light), 2)
        for version, right in enumerate(_VERSION_WORDS, start=7):
            side = 4 * version + 17
            if (word ^ right).bit_count() <= 2 and 0.6 < side / three.modules < 1.5:
                return side
    return None


def _version_word(version: int) -> int:
    """A version with its check bits, 18 bits (Golay code of ISO/IEC 18004)."""
    rest = version << 12
    for bit in range(17, 11, -1):
        if rest >> bit & 1:
            rest ^= 0x1F25 << (bit - 12)
    return version << 12 | rest


_VERSION_WORDS: Final = tuple(_version_word(version) for version in range(7, 41))
