"""Looks for the places of codes in a picture, in black and white by several rules and at several sizes.

Owns: the rules, their order, and which places are left out. Not here: finder patterns in black and white
(`finder_patterns`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from stinercut.codes.rescue.finder_patterns import (
    CornerThree,
    FinderPattern,
    Gray,
    Points,
    corner_pairs,
    corner_threes,
    finder_patterns,
)

Corners = tuple[int, ...]
"""Where a code lies in its picture: x and y of its four corners, from its top left one, clockwise, in pixels."""

SIZES: Final = (1300, 650, 325, 2600)
"""Pixels of the longer side at which a picture is looked at, if it is as large. Codes that could not be read are seldom
small, so the largest size, which costs most, comes last.
"""

SMALLEST_SIDE: Final = 60

MOST_PAIRED: Final = 5
"""Patterns whose pairs are tried, where a code's third pattern may be hidden."""

_BLOCKS: Final = (41, 15, 101)
"""Pixels around each one whose mean is the threshold between black and white."""

_SAME: Final = 0.3
"""Places of the same code: their corners lie closer than this part of a finder pattern's side."""


@dataclass(frozen=True)
class CodePlace:
    """Where a code may lie: three finder patterns, and the picture in which they are dark on light."""

    picture: Gray
    three: CornerThree

    @property
    def centres(self) -> Points:
        """The centres of the three patterns, 3 x 2."""
        return self.three.corners.reshape(3, 4, 2).mean(axis=1)


def code_places(picture: Gray, *, read: Sequence[Corners] = (), quick: bool = False) -> Iterator[CodePlace]:
    """The places of codes, each once, without those that were `read`. `quick`: only by the rules that find most."""
    light = np.asarray(cv2.bitwise_not(picture), np.uint8)
    found: list[CodePlace] = []
    patterns: dict[bool, list[FinderPattern]] = {True: [], False: []}
    for black_and_white, scale in _in_black_and_white(picture, quick=quick):
        for dark in (True, False):
            here = [_placed(pattern, scale) for pattern in finder_patterns(black_and_white, dark=dark)]
            patterns[dark] += here
            for three in corner_threes(here):
                place = CodePlace(picture if dark else light, three)
                if not any(_is_same(place, other) for other in found) and not _is_read(place, read):
                    found.append(place)
                    yield place
    for dark in () if quick else (True, False):
        for three in corner_pairs(_each_once(patterns[dark])):
            place = CodePlace(picture if dark else light, three)
            if not _is_read(place, read):
                yield place


def _placed(pattern: FinderPattern, scale: float) -> FinderPattern:
    """A pattern that was found in a smaller picture, from the middles of its pixels to those of the whole one."""
    return replace(
        pattern,
        centre=(pattern.centre + 0.5) / scale - 0.5,
        corners=(pattern.corners + 0.5) / scale - 0.5,
        side=pattern.side / scale,
    )


def _each_once(patterns: Sequence[FinderPattern]) -> list[FinderPattern]:
    """The patterns that were found most often, each once, up to MOST_PAIRED."""
    groups: list[list[FinderPattern]] = []
    for pattern in patterns:
        for group in groups:
            if np.linalg.norm(group[0].centre - pattern.centre) < group[0].side / 5:
                group.append(pattern)
                break
        else:
            groups.append([pattern])
    return [group[0] for group in sorted(groups, key=len, reverse=True)[:MOST_PAIRED]]


def _in_black_and_white(picture: Gray, *, quick: bool) -> Iterator[tuple[Gray, float]]:
    """Black and white forms of a picture, each with its scale."""
    for scale in _scales(picture)[: 1 if quick else None]:
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        sized = picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(sized, (0, 0), 1.0)
        for block in _BLOCKS[: 1 if quick else None]:
            mean, kind = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY
            yield np.asarray(cv2.adaptiveThreshold(soft, 255, mean, kind, block, 2), np.uint8), scale
        if not quick:
            yield np.asarray(cv2.threshold(soft, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1], np.uint8), scale


def _scales(picture: Gray) -> list[float]:
    longer, shorter = max(picture.shape), min(picture.shape)
    scales = dict.fromkeys(min(1.0, size / longer) for size in SIZES)
    return [scale for scale in scales if shorter * scale >= SMALLEST_SIDE]


def _is_same(place: CodePlace, other: CodePlace) -> bool:
    near = _SAME * min(pattern.side for pattern in (*place.three.patterns, *other.three.patterns)) / 5
    return place.picture is other.picture and bool((np.abs(place.centres - other.centres) < max(near, 2.0)).all())


def _is_read(place: CodePlace, read: Sequence[Corners]) -> bool:
    """Whether two or more of its patterns lie in a code that was read: no other code can own them."""
    for corners in read:
        outline = np.array(corners, np.float32).reshape(4, 2)
        outline = outline.mean(axis=0) + 1.1 * (outline - outline.mean(axis=0))
        inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), measureDist=False) >= 0 for x, y in place.centres]
        if sum(inside) >= 2:
            return True
    return False
