"""Finds the finder patterns of QR codes, and the threes of them that may be the corners of one code.

Owns: patterns as nested contours, their corners, and the sides of a code that follow from three of them. Not here: the
modules between them (`sampling_grid`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
"""A picture: height x width, one byte a pixel, 0 black."""

Points = NDArray[np.float64]
"""Places in a picture, n x 2, in pixels."""

SMALLEST: Final = 5.0
"""Pixels of a finder pattern's inner square, at least: 1.7 a module, and nothing reads fewer."""

MOST_PATTERNS: Final = 40
MOST_CODES: Final = 24

CORNER: Final = 2.0
"""Modules from a pattern's centre to the corners that are kept, along both axes. Light that spreads makes the white
ring narrower (its border lies less than 2.5 modules from the centre) and the black square smaller or larger by the same
length, so the middle between both borders stays at 2.
"""


@dataclass(frozen=True)
class FinderPattern:
    """One finder pattern: its centre and the four corners between its white ring and its black square, clockwise."""

    centre: Points
    corners: Points
    side: float
    """Pixels of the white ring's side: 5 modules."""
    dark: bool
    """Whether its square is dark on light, as the standard wants it."""


@dataclass(frozen=True)
class CornerThree:
    """Three finder patterns that may be the corners of one code."""

    patterns: tuple[FinderPattern, FinderPattern, FinderPattern]
    """Top left, top right, bottom left."""
    corners: Points
    """The corners of these patterns, 12 x 2, each four from its top left one, clockwise."""
    modules: float
    """The code's side in modules, estimated."""
    doubt: float
    """0 for three patterns of the same size and shape at the corners of a square."""
    seen: tuple[bool, bool, bool] = (True, True, True)
    """Which patterns were found; one that was not is put where the others expect it."""


def finder_patterns(picture: Gray, *, dark: bool = True) -> list[FinderPattern]:
    """The finder patterns of a picture that is black and white. `dark`: those that are black on white."""
    ink = cv2.bitwise_not(picture) if dark else picture
    contours, tree = cv2.findContours(ink, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    found: list[FinderPattern] = []
    areas: dict[int, float] = {}

    def area(at: int) -> float:
        if at not in areas:
            areas[at] = cv2.contourArea(contours[at])
        return areas[at]

    relations = tree[0]
    for ring, (_, _, child, parent) in enumerate(relations):
        if child < 0 or parent < 0 or len(contours[ring]) < 4 * SMALLEST or not _is_hole(contours[ring]):
            continue
        inner = _largest(int(child), relations, area)
        if not 0.12 < area(inner) / max(area(ring), 1.0) < 0.62 or area(inner) < SMALLEST**2 / 2:
            continue
        hole = int(relations[inner][2])
        if hole >= 0 and area(_largest(hole, relations, area)) > 0.15 * area(inner):
            continue  # The square is filled; a ring in a ring is a pattern of the other colour.
        pattern = _pattern(contours[ring], contours[inner], dark=dark)
        if pattern is not None:
            found.append(pattern)
    return sorted(found, key=lambda pattern: -pattern.side)[:MOST_PATTERNS]


def _is_hole(contour: Any) -> bool:
    """Whether a contour goes around white: OpenCV follows these clockwise."""
    return cv2.contourArea(contour, oriented=True) > 0


def _largest(first: int, relations: NDArray[Any], area: Any) -> int:
    best = first
    while first >= 0:
        best = first if area(first) > area(best) else best
        first = int(relations[first][0])
    return best


def _pattern(ring: Any, inner: Any, *, dark: bool) -> FinderPattern | None:
    white, black = _quadrangle(ring), _quadrangle(inner)
    if white is None or black is None:
        return None
    side = float(np.sqrt(abs(cv2.contourArea(white.astype(np.float32)))))
    centre = white.mean(axis=0)
    if np.linalg.norm(centre - black.mean(axis=0)) > 0.14 * side:
        return None
    # Each corner of the ring with the nearest one of the square, if turned by the same angle.
    turns = [float(np.linalg.norm(white - np.roll(black, turn, axis=0), axis=1).sum()) for turn in range(4)]
    black = np.roll(black, int(np.argmin(turns)), axis=0)
    return FinderPattern(centre, (white + black) / 2, side, dark)


def _quadrangle(contour: Any) -> Points | None:
    """The four corners of a contour, clockwise; None if it has no such form."""
    hull = cv2.convexHull(contour)
    size = cv2.contourArea(hull)
    if size < SMALLEST**2 / 2 or cv2.contourArea(contour) < 0.7 * size:
        return None
    around = cv2.arcLength(hull, closed=True)
    for share in (0.03, 0.05, 0.08, 0.11):
        corners = cv2.approxPolyDP(hull, share * around, closed=True)
        if len(corners) == 4:
            break
        if len(corners) < 4:
            return None if share == 0.03 else _box(hull, size)
    else:
        return _box(hull, size)
    return _clockwise(corners.reshape(4, 2).astype(np.float64))


def _box(hull: Any, size: float) -> Points | None:
    box = cv2.boxPoints(cv2.minAreaRect(hull))
    if size < 0.72 * cv2.contourArea(box):
        return None
    # A round blob's box is larger than the square that it was.
    box = box.mean(axis=0) + (box - box.mean(axis=0)) * np.sqrt(size / max(cv2.contourArea(box), 1.0))
    return _clockwise(box.astype(np.float64))


def _clockwise(corners: Points) -> Points:
    """Corners in the order in which a clock's hand meets them, in a picture whose rows go down."""
    about = corners - corners.mean(axis=0)
    return corners[np.argsort(np.arctan2(about[:, 1], about[:, 0]))]


def corner_threes(patterns: Iterable[FinderPattern]) -> list[CornerThree]:
    """The threes that may be the corners of one code, the likeliest first."""
    threes: list[CornerThree] = []
    for three in itertools.combinations(patterns, 3):
        sides = [pattern.side for pattern in three]
        if max(sides) > 2.6 * min(sides):
            continue
        options = [found for found in _arranged(three) if found is not None]
        if options:
            threes.append(min(options, key=lambda option: option.doubt))
    return sorted(threes, key=lambda three: three.doubt)[:MOST_CODES]


def _arranged(three: tuple[FinderPattern, ...]) -> Iterator[CornerThree | None]:
    for first in range(3):
        left, right, below = three[first], three[(first + 1) % 3], three[(first + 2) % 3]
        across, down = right.centre - left.centre, below.centre - left.centre
        turned = across[0] * down[1] - across[1] * down[0]
        if turned < 0:
            right, below, across, down = below, right, down, across
        if abs(turned) > 0.15 * np.linalg.norm(across) * np.linalg.norm(down):
            yield _three(left, right, below, across, down)


def _three(
    left: FinderPattern, right: FinderPattern, below: FinderPattern, across: Points, down: Points
) -> CornerThree | None:
    """The three with its estimate of modules; None where its patterns do not point along its sides."""
    axes = np.linalg.inv(np.array([across, down]).T)
    corners: list[Points] = []
    units: list[Points] = []
    for pattern in (left, right, below):
        about = (pattern.corners - pattern.centre) @ axes.T
        order = _from_top_left(about)
        if order is None:
            return None
        corners.append(pattern.corners[order])
        about = about[order]
        # Lengths of a module in parts of the sides, along both.
        units.append(((about[1] + about[2]) - (about[0] + about[3])) / (8 * 1.0))
        units.append(((about[2] + about[3]) - (about[0] + about[1])) / (8 * 1.0))
    x = [units[0], units[2], units[4]]
    y = [units[1], units[3], units[5]]
    wide, high = (float(u[0]) for u in x), (float(u[1]) for u in y)
    wides, highs = list(wide), list(high)
    if min(*wides, *highs) <= 0:
        return None
    # Between the two patterns on a side, light and distance change a module's length: take the mean of both.
    columns = 7 + 1 / ((wides[0] + wides[1]) / 2)
    rows = 7 + 1 / ((highs[0] + highs[2]) / 2)
    slant = sum(abs(float(u[1])) / w for u, w in zip(x, wides, strict=True))
    slant += sum(abs(float(u[0])) / h for u, h in zip(y, highs, strict=True))
    uneven = abs(np.log(columns / rows)) + np.ptp(np.log(wides)) / 2 + np.ptp(np.log(highs)) / 2
    modules = (columns + rows) / 2
    if not 17 < modules < 230 or slant > 3 or uneven > 1.6:
        return None
    return CornerThree((left, right, below), np.concatenate(corners), float(modules), float(slant + 2 * uneven))


def _from_top_left(about: Points) -> list[int] | None:
    """The order of four corners (along a code's sides, around their centre): top left, top right, bottom right, bottom
    left.
    """
    quadrants = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    order = [int(np.argmax(about @ np.array(quadrant))) for quadrant in quadrants]
    return order if len(set(order)) == 4 else None


def corner_pairs(patterns: Sequence[FinderPattern]) -> list[CornerThree]:
    """The pairs of patterns that may be two corners of one code whose third is hidden, with the third where they expect
    it; each pair in all its roles.
    """
    found: list[CornerThree] = []
    for one, other in itertools.combinations(patterns, 2):
        module = (one.side + other.side) / 10
        away = float(np.linalg.norm(one.centre - other.centre)) / module
        if max(one.side, other.side) > 1.6 * min(one.side, other.side) or not 12 < away < _FARTHEST_PAIR:
            continue
        for first, second in ((one, other), (other, one)):
            found += [three for role in _ROLES if (three := _completed(first, second, role)) is not None]
    return found


_FARTHEST_PAIR: Final = 90.0
"""Modules between two patterns of a pair, at most: with more modules, one hidden corner hides too much."""

_ROLES: Final = ((0, 1), (0, 2), (1, 2))
"""Which corners the two patterns of a pair may be: 0 top left, 1 top right, 2 bottom left."""


def _completed(first: FinderPattern, second: FinderPattern, role: tuple[int, int]) -> CornerThree | None:
    """The three with these two patterns in their roles."""
    along = second.centre - first.centre
    aside = np.array([-along[1], along[0]])
    # The directions of the code's sides, roughly: they only put each pattern's corners into their order.
    across, down = {
        (0, 1): (along, aside),
        (0, 2): (-aside, along),
        (1, 2): (-along + aside, along + aside),
    }[role]
    axes = np.linalg.inv(np.array([across, down]).T)
    ordered: list[Points] = []
    for pattern in (first, second):
        order = _from_top_left((pattern.corners - pattern.centre) @ axes.T)
        if order is None:
            return None
        ordered.append(pattern.corners[order])
    x, y = (
        sum(each[end] - each[start] for each in ordered for start, end in ends) / (8 * len(ordered))
        for ends in (((0, 1), (3, 2)), ((0, 3), (1, 2)))
    )
    modules = _side_between(along, np.asarray(x), np.asarray(y), role)
    if not 17 < modules < 110:
        return None
    steps = {0: np.zeros(2), 1: (modules - 7) * x, 2: (modules - 7) * y}
    missing = ({0, 1, 2} - set(role)).pop()
    centre = (first.centre - steps[role[0]] + second.centre - steps[role[1]]) / 2 + steps[missing]
    square = CORNER * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    third = FinderPattern(centre, centre + square @ np.array([x, y]), (first.side + second.side) / 2, first.dark)
    places = {role[0]: first, role[1]: second, missing: third}
    corners = {role[0]: ordered[0], role[1]: ordered[1], missing: third.corners}
    return CornerThree(
        (places[0], places[1], places[2]),
        np.concatenate([corners[at] for at in range(3)]),
        modules,
        5.0,
        (missing != 0, missing != 1, missing != 2),
    )


def _side_between(along: Points, x: Points, y: Points, role: tuple[int, int]) -> float:
    """The code's side in modules, by the way from one pattern to the other and the length of a module."""
    parts = np.linalg.solve(np.array([x, y]).T, along) if abs(x[0] * y[1] - x[1] * y[0]) > 1e-6 else np.zeros(2)
    share = {(0, 1): parts[0], (0, 2): parts[1], (1, 2): (parts[1] - parts[0]) / 2}[role]
    return 7 + float(share)
