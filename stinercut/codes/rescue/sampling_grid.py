"""A sampling grid that bends with the paper: where each module of a code lies in the picture.

Owns: fitting the grid to finder patterns, alignment patterns and the edges of modules, and taking the modules' light.
Not here: finding patterns (`finder_patterns`), black and white (`flat_picture`).

The code's modules are the plane u, v: its top left corner is 0, 0, its bottom right one N, N. A perspective takes this
plane to the picture, and before it a smooth polynomial moves each place by a few modules. Edges of modules tell the
polynomial: in a picture of the plane, all edges lie on lines at whole numbers, so the phase of the edges' first
harmonic is how far the grid is off there. The phase is known only up to whole modules; it is followed outwards from the
finder patterns, where the grid is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from stinercut.codes.rescue.finder_patterns import CORNER, CornerThree, Gray, Points

Real = NDArray[np.float32]

EDGE: Final = 2
"""Modules around the code that are looked at, too."""

FINE: Final = 6
"""Pixels for each module in the plane's picture."""


@dataclass(frozen=True)
class Course:
    """How the edges are followed. No course is best for all prints: a can wants a stiff grid, a crumpled sheet a loose
    one.
    """

    degrees: tuple[int, ...]
    """Of the polynomial, round by round."""
    firmness: float
    """Weight of an anchor, against 1 for a place whose edges are all in phase."""
    reach: float
    """Modules around anchors whose edges are followed in the first step."""
    steps: int
    """Steps that bring this over the whole code."""


COURSES: Final = (
    Course((2, 3, 4, 4), 20.0, 7.0, 8),
    Course((2, 3, 4, 4), 6.0, 8.0, 6),
    Course((3, 4, 5), 20.0, 6.0, 12),
    Course((2, 3, 5, 7), 10.0, 7.0, 8),
)

_RIDGE: Final = 0.02

_ALIGNMENT_REACH: Final = 3
"""Modules around its place, in both directions, in which an alignment pattern is looked for."""

_ALIGNMENT_LIKENESS: Final = 0.6
"""Correlation with an alignment pattern, at least."""


def _alignment_picture() -> Real:
    """An alignment pattern, FINE pixels for each module."""
    mark = np.zeros((5, 5), np.float32)
    mark[1:4, 1:4] = 255
    mark[2, 2] = 0
    return np.asarray(cv2.GaussianBlur(np.kron(mark, np.ones((FINE, FINE), np.float32)), (0, 0), FINE / 3), np.float32)


_ALIGNMENT: Final = _alignment_picture()


@dataclass(frozen=True)
class SamplingGrid:
    """Where the modules of a code lie."""

    modules: int
    perspective: Points
    """3 x 3: from the moved plane to the picture's pixels."""
    bend: Points
    """Coefficients of the polynomial that moves places of the plane, terms x 2, in modules."""
    degree: int

    def moved(self, places: Points) -> Points:
        """Places of the plane, n x 2, before perspective."""
        return places + _terms(places, self.modules, self.degree) @ self.bend

    def pixels(self, places: Points) -> Points:
        """Places of the plane as places in the picture."""
        flat = np.column_stack([self.moved(places), np.ones(len(places))]) @ self.perspective.T
        return flat[:, :2] / flat[:, 2:]


def _exponents(degree: int) -> list[tuple[int, int]]:
    return [(x, y) for x in range(degree + 1) for y in range(degree + 1 - x)]


def _terms(places: Points, modules: int, degree: int) -> Points:
    """Chebyshev's polynomials of the places, n x terms."""
    scaled = 2 * places / modules - 1
    x = np.polynomial.chebyshev.chebvander(scaled[:, 0], degree)
    y = np.polynomial.chebyshev.chebvander(scaled[:, 1], degree)
    return np.stack([x[:, a] * y[:, b] for a, b in _exponents(degree)], axis=1)


def _fitted(off: Points, weights: Points, terms: Points, degree: int, ridge: float = _RIDGE) -> Points:
    """The polynomial with these `_terms` through these moves, with a preference for low degrees."""
    penalty = np.array([ridge * (a + b) ** 3 for a, b in _exponents(degree)])
    left = terms.T @ (terms * weights[:, None]) + np.diag(penalty + 1e-9)
    return np.asarray(np.linalg.solve(left, terms.T @ (off * weights[:, None])), np.float64)


def corners_in_plane(modules: int) -> Points:
    """The places of a `CornerThree`'s corners in the plane."""
    square = CORNER * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    centres = np.array([[3.5, 3.5], [modules - 3.5, 3.5], [3.5, modules - 3.5]])
    return np.asarray((centres[:, None] + square).reshape(12, 2))


def flat_start(three: CornerThree, modules: int) -> SamplingGrid | None:
    """The grid that is flat: perspective alone, from the patterns' corners."""
    # OpenCV has no answer for places on one line, whatever its types say.
    found = cast("Points | None", cv2.findHomography(corners_in_plane(modules), three.corners, 0)[0])
    if found is None:
        return None
    ends = np.array([[0, 0, 1], [modules, 0, 1], [0, modules, 1], [modules, modules, 1]]) @ found.T
    if (ends[:, 2] < 0.2 * ends[:, 2].max()).any():
        return None
    return SamplingGrid(modules, np.asarray(found, np.float64), np.zeros((6, 2)), 2)


def bent_start(three: CornerThree, modules: int) -> SamplingGrid | None:
    """The grid that bends without perspective, from the patterns' corners."""
    plane = corners_in_plane(modules)
    with_one = np.column_stack([plane, np.ones(12)])
    affine = np.linalg.lstsq(with_one, three.corners, rcond=None)[0].T
    matrix = np.vstack([affine, [0, 0, 1]])
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    back = (np.column_stack([three.corners, np.ones(12)]) @ np.linalg.inv(matrix).T)[:, :2]
    bend = _fitted(back - plane, np.ones(12), _terms(plane, modules, 3), 3, 0.002)
    return SamplingGrid(modules, matrix, bend, 3)


# The picture of the plane


@dataclass(frozen=True)
class PlanePicture:
    """The code's plane, FINE pixels for each module, with EDGE modules around it."""

    grid: SamplingGrid
    light: Real


def plane_picture(picture: Gray, grid: SamplingGrid) -> PlanePicture | None:
    """The code laid flat by a grid; None if the grid lies outside the picture or folds."""
    side = grid.modules + 2 * EDGE
    steps = np.arange(side * FINE) / FINE - EDGE + 0.5 / FINE
    coarse = np.linspace(-EDGE, grid.modules + EDGE, 4 * side // 3 + 2)
    places = np.stack(np.meshgrid(coarse, coarse), axis=-1).reshape(-1, 2)
    pixels = grid.pixels(places).reshape(len(coarse), len(coarse), 2)
    if not np.isfinite(pixels).all():
        return None
    height, width = picture.shape
    if (np.abs(pixels - [width / 2, height / 2]) > 1.5 * max(width, height)).any():
        return None
    at = ((steps + EDGE) / (side) * (len(coarse) - 1)).astype(np.float32)
    look_x, look_y = np.meshgrid(at, at)
    maps = [cv2.remap(pixels[..., axis].astype(np.float32), look_x, look_y, cv2.INTER_LINEAR) - 0.5 for axis in (0, 1)]
    source = picture
    size = np.sqrt(abs(cv2.contourArea(pixels[[0, 0, -1, -1], [0, -1, -1, 0]].astype(np.float32)))) / side
    if size > 1.5 * FINE:  # Averaged first, or single pixels of large modules would be taken.
        source = cv2.blur(picture, (int(size / FINE) + 1,) * 2)
    laid = cv2.remap(source, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return PlanePicture(grid, laid.astype(np.float32))


def modules_of(plane: PlanePicture, spread: float = 0.22) -> Real:
    """The light of each module: the mean around its centre, `spread` modules wide."""
    soft = cv2.GaussianBlur(plane.light, (0, 0), spread * FINE)
    first = EDGE * FINE + FINE // 2
    last = first + plane.grid.modules * FINE
    odd = soft[first:last:FINE, first:last:FINE] + soft[first - 1 : last - 1 : FINE, first - 1 : last - 1 : FINE]
    return np.asarray(odd / 2, np.float32)


# Refining


@dataclass(frozen=True)
class _Anchors:
    """Places of the plane that were found in the picture, and the middles of the patterns that they belong to."""

    places: Points
    pixels: Points
    middles: Points


def refined(picture: Gray, three: CornerThree, start: SamplingGrid, course: Course = COURSES[0]) -> SamplingGrid:
    """The grid after rounds of following the modules' edges from the patterns that were found."""
    n = start.modules
    middles = np.array([[3.5, 3.5], [n - 3.5, 3.5], [3.5, n - 3.5]])
    seen = np.repeat(three.seen, 4)
    anchors = _Anchors(corners_in_plane(n)[seen], three.corners[seen], middles[list(three.seen)])
    grid = start
    for number, degree in enumerate(course.degrees):
        plane = plane_picture(picture, grid)
        if plane is None:
            return grid
        if number:
            grid = _followed(plane, _with_alignment(anchors, plane), degree, course)
        else:
            grid = _followed(plane, anchors, degree, course)
    return grid


def _followed(plane: PlanePicture, anchors: _Anchors, degree: int, course: Course) -> SamplingGrid:
    """The grid moved to where the edges of modules are."""
    grid, modules = plane.grid, plane.grid.modules
    places, phases, weights = _edge_phases(plane, max(1.5, min(3.0, modules / 14)))
    moved = grid.moved(places) - places
    known = anchors.places
    back = np.column_stack([anchors.pixels, np.ones(len(known))]) @ np.linalg.inv(grid.perspective).T
    fixed = back[:, :2] / back[:, 2:] - known
    heavy = np.full(len(known), course.firmness)
    far = np.abs(places[:, None] - anchors.middles).max(axis=2).min(axis=1)
    current = grid
    for end in np.linspace(course.reach, far.max() + 1, course.steps):
        near = far <= end
        off = moved[near] + phases[near]
        expected = current.moved(places[near]) - places[near]
        off = off + np.round(expected - off)
        terms = _terms(np.concatenate([known, places[near]]), modules, degree)
        moves = np.concatenate([fixed, off])
        bends = [
            _fitted(moves, np.concatenate([heavy, weights[near, axis]]), terms, degree)[:, axis] for axis in (0, 1)
        ]
        current = SamplingGrid(modules, grid.perspective, np.stack(bends, axis=1), degree)
    return current


def _with_alignment(anchors: _Anchors, plane: PlanePicture) -> _Anchors:
    """The finder patterns' anchors, and those of all alignment patterns that are seen near their places."""
    modules = plane.grid.modules
    places, pixels, middles = [anchors.places], [anchors.pixels], [anchors.middles]
    half = int(_ALIGNMENT.shape[0] // 2)
    reach = _ALIGNMENT_REACH * FINE
    for row, column in alignment_centres(modules):
        if row == 6 or column == 6:
            continue
        centre = np.array([column, row]) + 0.5
        at = ((centre + EDGE) * FINE).astype(int)
        low = np.maximum(at - half - reach, 0)
        part = plane.light[low[1] : at[1] + half + reach + 1, low[0] : at[0] + half + reach + 1]
        if min(part.shape) <= _ALIGNMENT.shape[0]:
            continue
        match = cv2.matchTemplate(part, _ALIGNMENT, cv2.TM_CCOEFF_NORMED)
        _, best, _, spot = cv2.minMaxLoc(match)
        if best < _ALIGNMENT_LIKENESS:
            continue
        seen = (np.array(spot) + low + half + 0.5) / FINE - EDGE
        places.append(centre[None])
        pixels.append(plane.grid.pixels(seen[None]))
        middles.append(centre[None])
    return _Anchors(np.concatenate(places), np.concatenate(pixels), np.concatenate(middles))


def _edge_phases(plane: PlanePicture, spread: float) -> tuple[Points, Points, Points]:
    """(places on a raster of modules, how far the edges are off there in modules, -0.5 to 0.5, how sure: 0 to 1)."""
    light = cv2.GaussianBlur(plane.light, (0, 0), 0.12 * FINE)
    side = light.shape[0]
    modules = side // FINE
    wave = np.exp(-2j * np.pi * (np.arange(side) + 0.5) / FINE)
    raster = np.arange(EDGE, plane.grid.modules + EDGE, 2)
    cells = np.ix_(raster, raster)
    phases: list[NDArray[np.float64]] = []
    sure: list[NDArray[np.float64]] = []
    for axis in (0, 1):
        slopes = np.abs(cv2.Sobel(light, cv2.CV_32F, 1 - axis, axis, ksize=3))
        turned = slopes * (wave[None, :] if axis == 0 else wave[:, None])
        real, imaginary, total = (
            cv2.GaussianBlur(cv2.resize(part, (modules, modules), interpolation=cv2.INTER_AREA), (0, 0), spread)[cells]
            for part in (turned.real.astype(np.float32), turned.imag.astype(np.float32), slopes)
        )
        phases.append(-np.arctan2(imaginary, real) / (2 * np.pi))
        sure.append(np.hypot(real, imaginary) / (total + 1.0))
    places = np.stack(np.meshgrid(raster, raster), axis=-1).reshape(-1, 2) - EDGE + 0.5
    columns = [np.stack([each.ravel() for each in both], axis=1) for both in (phases, sure)]
    return np.asarray(places, np.float64), columns[0], columns[1]


def known_modules(modules: int) -> NDArray[np.int8]:
    """What the standard fixes: 1 dark, 0 light, -1 anything; finder patterns, their white, timing and alignment."""
    known = np.full((modules, modules), -1, np.int8)
    square = np.zeros((8, 8), np.int8)
    square[:7, :7] = 1
    square[1:6, 1:6] = 0
    square[2:5, 2:5] = 1
    known[:8, :8] = square
    known[:8, -8:] = square[:, ::-1]
    known[-8:, :8] = square[::-1]
    line = (np.arange(8, modules - 8) % 2 == 0).astype(np.int8)
    known[6, 8:-8] = known[8:-8, 6] = line
    mark = np.ones((5, 5), np.int8)
    mark[1:4, 1:4] = 0
    mark[2, 2] = 1
    for row, column in alignment_centres(modules):
        known[row - 2 : row + 3, column - 2 : column + 3] = mark
    known[modules - 8, 8] = 1
    return known


def alignment_centres(modules: int) -> list[tuple[int, int]]:
    """Row and column of each alignment pattern's middle module."""
    version = (modules - 17) // 4
    if version < 2:
        return []
    count = version // 7 + 2
    step = 26 if version == 32 else (version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
    lines = [6, *sorted(modules - 7 - step * number for number in range(count - 1))]
    corners = {(6, 6), (6, lines[-1]), (lines[-1], 6)}
    return [(row, column) for row in lines for column in lines if (row, column) not in corners]


def agreement(light: Real) -> float:
    """How well the modules' light agrees with what the standard fixes: correlation, 1 is perfect.

    Only timing and alignment count: they are far from the finder patterns, from which the grid starts.
    """
    modules = len(light)
    known = known_modules(modules)
    known[:8, :8] = known[:8, -8:] = known[-8:, :8] = -1
    flat = light - cv2.GaussianBlur(light, (0, 0), 2.5)
    fixed = known >= 0
    values, wanted = flat[fixed], np.where(known[fixed] == 1, -1.0, 1.0)
    values, wanted = values - values.mean(), wanted - wanted.mean()
    return float((values * wanted).sum() / (np.linalg.norm(values) * np.linalg.norm(wanted) + 1e-6))
