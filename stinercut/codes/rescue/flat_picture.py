"""Draws the flat, black and white picture of a code's modules, for a decoder to read.

Owns: black or white for each module, by several rules, and the parts that the standard fixes. Not here: the modules'
light (`sampling_grid`), decoding (`stinercut.codes.decoders`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stinercut.codes.rescue.finder_patterns import Gray
from stinercut.codes.rescue.sampling_grid import Real, known_modules

SCALE: Final = 4
"""Pixels for each module."""

QUIET: Final = 4
"""Modules of white around the code."""

BLURS: Final = (0.0, 0.45, 0.62, 0.78)
"""Standard deviations, in modules, of the blur that is undone."""


def flat_pictures(light: Real) -> Iterator[Gray]:
    """The pictures of a code, the likeliest first, each another one than those before."""
    seen: set[bytes] = set()
    known = known_modules(len(light))
    for blur in BLURS:
        sharp = _sharpened(light, blur) if blur else light
        for rule in _RULES:
            dark = np.where(known >= 0, known, sharp < rule(sharp)).astype(np.uint8)
            if (key := dark.tobytes()) not in seen:
                seen.add(key)
                yield drawn(dark)


def drawn(dark: NDArray[np.uint8]) -> Gray:
    """The picture of modules, 1 is dark."""
    whole = np.pad(dark, QUIET)
    return np.asarray(255 - 255 * np.kron(whole, np.ones((SCALE, SCALE), np.uint8)), np.uint8)


def _sharpened(light: Real, blur: float) -> Real:
    """The light without the part that came from neighbours: a Wiener filter of a Gaussian blur, on the modules."""
    edge = 6
    wide = cv2.copyMakeBorder(light, edge, edge, edge, edge, cv2.BORDER_REFLECT)
    rates = np.fft.fftfreq(len(wide))
    weaker = np.exp(-2 * (np.pi * blur * rates) ** 2)
    both = weaker[:, None] * weaker[None, :]
    back = np.fft.ifft2(np.fft.fft2(wide) * both / (both**2 + 0.01) * 1.01).real
    return np.asarray(back[edge:-edge, edge:-edge], np.float32)


def _between_extremes(light: Real) -> Real:
    """The middle between the darkest and the lightest module around."""
    ones = np.ones((5, 5), np.uint8)
    low, high = cv2.erode(light, ones), cv2.dilate(light, ones)
    return np.asarray(cv2.GaussianBlur((low + high) / 2, (0, 0), 1.5), np.float32)


def _mean_around(light: Real) -> Real:
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 3.0, borderType=cv2.BORDER_REFLECT), np.float32)


def _mean_near(light: Real) -> Real:
    return np.asarray(cv2.blur(light, (5, 5), borderType=cv2.BORDER_REFLECT), np.float32)


def _global(light: Real) -> Real:
    low, high = float(light.min()), float(light.max())
    scaled = np.clip((light - low) * 255 / max(high - low, 1e-3), 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_OTSU)
    return np.full_like(light, low + (level + 0.5) * (high - low) / 255)


_RULES: Final[tuple[Callable[[Real], Real], ...]] = (_between_extremes, _mean_around, _mean_near, _global)
