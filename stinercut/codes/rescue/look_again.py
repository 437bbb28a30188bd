"""Looks again at the places of codes that could not be decoded: lays each flat, and hands it to decoders.

Owns: which grids and which pictures of modules are tried, in which order, and what confirms a find. Not here: where
codes lie (`places`), the grid (`sampling_grid`), black and white (`flat_picture`), what counts as an identity
(`stinercut.codes.evidence`).

Nothing is guessed: a text comes only from a decoder whose Reed-Solomon check held for every block. A picture of one
code of the size of a passenger's passes that check by chance less than once in 10^15 tries. The smallest codes have the
fewest check bytes, and pass once in a million; they hold no passenger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from stinercut.codes.rescue.finder_patterns import CornerThree, Gray
from stinercut.codes.rescue.flat_picture import flat_pictures
from stinercut.codes.rescue.places import CodePlace, Corners, code_places
from stinercut.codes.rescue.sampling_grid import (
    COURSES,
    Course,
    Real,
    SamplingGrid,
    agreement,
    bent_start,
    flat_start,
    modules_of,
    plane_picture,
    refined,
)
from stinercut.codes.rescue.timing import likely_sides

Found = TypeVar("Found")

MOST_PLACES: Final = 8
"""Places that are tried without success, for each picture; then nothing more is expected."""

MOST_PAIRS: Final = 12
"""The same for places of which one corner is hidden."""

MOST_SIDES: Final = 4
"""Sides in modules that are tried for each place."""

GRIDS_TRIED: Final = 3

PLAUSIBLE: Final = 0.25
PROMISING: Final = 0.4
SURE: Final = 0.95
"""Agreement with timing and alignment patterns: a grid below the first is not handed to a decoder, above the second
it is worth trying other courses, and above the third no other grid is looked for.
"""

OTHER_SPREAD: Final = 0.34
"""Modules around a centre whose mean is taken in the second sampling, which must agree with the first."""


@dataclass(frozen=True)
class LaidCode:
    """A code laid flat: the light of its modules, the grid it was taken by, and how far that grid is to be believed."""

    picture: Gray
    grid: SamplingGrid
    light: Real
    agrees: float


@dataclass(frozen=True)
class FlatReaders(Generic[Found]):
    """The two decoders, as this look needs them: a picture of one flat code in, what they read or None out."""

    first: Callable[[Gray], Found | None]
    second: Callable[[Gray], Found | None]


def look_again(
    picture: Gray, readers: FlatReaders[Found], *, read: Sequence[Corners] = (), quick: bool = False
) -> Iterator[Found]:
    """What is read at places that were not `read` yet. Each code comes twice, if the second sampling agrees."""
    in_vain = {True: 0, False: 0}
    for place in code_places(picture, read=read, quick=quick):
        whole = all(place.three.seen)
        if in_vain[whole] >= (MOST_PLACES if whole else MOST_PAIRS):
            continue
        finds = 0
        for found in _finds_at(place, readers):
            finds += 1
            yield found
        in_vain[whole] += not finds


def _finds_at(place: CodePlace, readers: FlatReaders[Found]) -> Iterator[Found]:
    """What is read at one place: by the first decoder, then by the second one at another sampling."""
    for laid in laid_codes(place):
        found = read_modules(laid.light, readers.first)
        if found is None:
            continue
        yield found
        plane = plane_picture(laid.picture, laid.grid)
        other = read_modules(modules_of(plane, OTHER_SPREAD), readers.second) if plane else None
        if other is not None:
            yield other
        return


def laid_codes(place: CodePlace) -> list[LaidCode]:
    """The place laid flat by the grids that agree best with what the standard fixes, the best first."""
    starts = [
        start
        for modules in likely_sides(place.picture, place.three, MOST_SIDES)
        for start in (flat_start(place.three, modules), bent_start(place.three, modules))
        if start is not None
    ]
    laid: list[LaidCode] = []
    for course in COURSES:
        for start in starts:
            one = _laid(place.picture, place.three, start, course)
            if one is not None and one.agrees >= PLAUSIBLE:
                laid.append(one)
            if one is not None and one.agrees >= SURE:
                return [one]
        laid.sort(key=lambda one: -one.agrees)
        if not laid or laid[0].agrees < PROMISING:
            break
        # Only the side that agrees best is worth another course.
        starts = [start for start in starts if start.modules == laid[0].grid.modules]
    return laid[:GRIDS_TRIED]


def _laid(picture: Gray, three: CornerThree, start: SamplingGrid, course: Course) -> LaidCode | None:
    grid = refined(picture, three, start, course)
    plane = plane_picture(picture, grid)
    if plane is None:
        return None
    light = modules_of(plane)
    return LaidCode(picture, grid, light, agreement(light))


def read_modules(light: Real, read: Callable[[Gray], Found | None]) -> Found | None:
    """What a decoder reads in modules."""
    return next((found for flat in flat_pictures(light) if (found := read(flat)) is not None), None)
