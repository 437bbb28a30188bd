"""Cuts a code's surroundings out of a picture, at several sizes and contrasts, for another look by a decoder.

Owns: the margin, the sizes and the contrasts. Not here: where codes lie (`places`), laying them flat
(`look_again`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from stinercut.codes.rescue.finder_patterns import Gray
from stinercut.codes.rescue.places import Corners

MARGIN: Final = 0.3
"""Of a code's sides, around it: its quiet zone, and some more where the decoder was wrong about its corners."""

SIDES: Final = (330, 220, 500, 750, 1100)
"""Pixels of a crop's longer side."""

LARGEST_STEP: Final = 2.5
"""Times that a crop is enlarged, at most."""


def crops(picture: Gray, corners: Corners) -> Iterator[Gray]:
    """The crop around a code, in each size and contrast; nothing where it has no extent."""
    ends = np.array(corners, np.float64).reshape(4, 2)
    low, high = ends.min(axis=0), ends.max(axis=0)
    around = MARGIN * (high - low) + 4
    left, top = np.maximum(low - around, 0).astype(int)
    right, bottom = np.minimum(high + around, picture.shape[::-1]).astype(int)
    part = picture[top:bottom, left:right]
    if min(part.shape) < 20:
        return
    for side in SIDES:
        scale = side / max(part.shape)
        if scale > LARGEST_STEP:
            continue
        size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        sized = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        for contrast in _CONTRASTS:
            yield contrast(np.asarray(sized, np.uint8))


def _as_it_is(part: Gray) -> Gray:
    return part


def _sharper(part: Gray) -> Gray:
    """Steeper edges, at the scale of a module of a code that fills the crop."""
    soft = cv2.GaussianBlur(part, (0, 0), max(1.0, max(part.shape) / 150))
    return np.asarray(cv2.addWeighted(part, 2.5, soft, -1.5, 0), np.uint8)


def _evened(part: Gray) -> Gray:
    """The same mean and spread of light everywhere."""
    light = part.astype(np.float32)
    wide = max(part.shape) / 14
    mean = cv2.GaussianBlur(light, (0, 0), wide)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(light * light, (0, 0), wide) - mean * mean, 0))
    return np.asarray(np.clip(128 + 70 * (light - mean) / (spread + 2), 0, 255), np.uint8)


_CONTRASTS: Final[tuple[Callable[[Gray], Gray], ...]] = (_as_it_is, _sharper, _evened)
