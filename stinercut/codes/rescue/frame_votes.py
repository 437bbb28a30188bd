"""Lets the frames of a film vote: the light of each module, averaged over frames in which the code was laid flat.

Owns: which frames show the same code, and two groups of frames that confirm each other. Not here: laying a frame flat
(`look_again`), which frames are looked at (`stinercut.codes.film_reader`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from stinercut.codes.rescue.finder_patterns import Gray
from stinercut.codes.rescue.look_again import Found, LaidCode, laid_codes, read_modules
from stinercut.codes.rescue.places import code_places
from stinercut.codes.rescue.sampling_grid import Real, known_modules

CREDIBLE: Final = 0.55
"""Agreement with timing and alignment patterns, at least, for a frame's vote."""

ALIKE: Final = 0.4
"""Correlation of the modules that the standard leaves free, at least, in frames of the same code."""

MOST_PLACES: Final = 3
"""Places of codes that are tried in one frame."""


@dataclass
class _Group:
    """Frames of one code, none of them in another group."""

    first: float
    """The moment of its first frame."""
    total: Real
    frames: int = 1

    @property
    def light(self) -> Real:
        return np.asarray(self.total / self.frames, np.float32)

    def add(self, light: Real) -> None:
        self.total = np.asarray(self.total + light, np.float32)
        self.frames += 1


@dataclass
class FrameVotes:
    """The votes of the frames so far. Each code has two groups, which take frames in turn: what both give was seen
    twice.
    """

    codes: list[list[_Group]] = field(default_factory=list[list[_Group]])

    def look(
        self, picture: Gray, moment: float, read: Callable[[Gray], Found | None], *, quick: bool = False
    ) -> Iterator[tuple[float, Found]]:
        """Look again at a frame's codes. What is read, each with the moment that it counts for. `quick`: look for
        places only by the rule that finds most.
        """
        for number, place in enumerate(code_places(picture, quick=quick)):
            if number == MOST_PLACES:
                return
            laid = laid_codes(place)
            code = next((found for one in laid if (found := read_modules(one.light, read)) is not None), None)
            if code is not None:
                yield moment, code
            elif laid and laid[0].agrees >= CREDIBLE:
                yield from self._voted(laid[0], moment, read)

    def _voted(
        self, laid: LaidCode, moment: float, read: Callable[[Gray], Found | None]
    ) -> Iterator[tuple[float, Found]]:
        group = self._with(_evened(laid.light), moment)
        if group.frames > 1 and (code := read_modules(group.light, read)) is not None:
            yield group.first, code

    def _with(self, light: Real, moment: float) -> _Group:
        """Add a frame to the code that it shows. The group that has it now."""
        for groups in self.codes:
            if likeness(groups[0].light, light) < ALIKE:
                continue
            if len(groups) == 1:
                groups.append(_Group(moment, light))
                return groups[1]
            smaller = min(groups, key=lambda group: group.frames)
            smaller.add(light)
            return smaller
        self.codes.append([_Group(moment, light)])
        return self.codes[-1][0]


def likeness(one: Real, other: Real) -> float:
    """The correlation of two codes' modules, without those that the standard fixes; 0 for codes of different sizes."""
    if one.shape != other.shape:
        return 0.0
    free = known_modules(len(one)) < 0
    return float(np.corrcoef(one[free], other[free])[0, 1])


def _evened(light: Real) -> Real:
    """The light with the same contrast everywhere, so that each frame has the same vote."""
    mean = cv2.GaussianBlur(light, (0, 0), 3.0, borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(cv2.GaussianBlur((light - mean) ** 2, (0, 0), 4.0, borderType=cv2.BORDER_REFLECT))
    return np.asarray(128 + 50 * (light - mean) / (spread + 2.0), np.float32)
