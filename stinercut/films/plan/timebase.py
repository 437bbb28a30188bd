"""The timebase of a film: frames in seconds, in samples of sound, and in ticks of MP4.

Owns: this arithmetic, exact where the rate is a fraction. Not here: how anything is encoded
(`stinercut.films.picture.encoding`).
"""

from __future__ import annotations

from fractions import Fraction

SAMPLE_RATE = 48_000
"""Samples a second of all sound between decoding and the film."""

BYTES_PER_SAMPLE = 4
"""16 bits, stereo."""


def sample_at(rate: Fraction, frame: int) -> int:
    """The sample at which a frame begins, counted from the film's beginning.

    At 30000/1001 frames per second a frame lasts 1601.6 samples. Each position in the film is rounded, and not each
    length: so the error stays below half a sample however long the film is.
    """
    return round(Fraction(frame * SAMPLE_RATE) / rate)


def frames_in(seconds: float, rate: Fraction) -> int:
    """How many frames last about that long; at least one."""
    return max(1, round(seconds * rate))


def timescale_of(rate: Fraction) -> int:
    """Ticks a second of the MP4 timebase at that frame rate: a frame lasts a whole number of them."""
    return 512 * rate.numerator if rate.denominator == 1 else rate.numerator


def ticks_of(rate: Fraction) -> int:
    """Ticks that one frame lasts, exactly."""
    return int(timescale_of(rate) / rate)
