"""Speech detection: whether somebody speaks, so that music can become quieter.

Owns: the decision, from samples alone. Not here: lowering the music (`mix`).

A jump's footage has wind, and in the plane an engine. Both are loud in the band of speech, so the level of this band
alone proves little. A voice has a pitch, which wind has not; and it comes and goes with every word, which an engine
doesn't.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stinercut.films.plan.timebase import SAMPLE_RATE

STEP = 0.02
"""Seconds from one decision to the next."""

_EVERY = 6
"""48 kHz to 8 kHz: all that a voice's pitch needs."""

_RATE = SAMPLE_RATE // _EVERY
_HOP = round(_RATE * STEP)
_WINDOW = 2 * _HOP
_FFT = 1024
_PITCHES = (80, 350)
"""Hz: from a low man's voice to a child's."""

_PERIODIC = 0.55
"""A sound has a pitch if two neighbouring periods are at least this similar, 0 to 1."""

_ABOVE_FLOOR_DB = 5.0
"""How far a voice rises above the background."""

_QUIETEST_DB = -52.0
_FLOOR_STEPS = 150
"""Three seconds to each side: a sound that lasts longer than a sentence is background."""

_AROUND_STEPS = 20
_SHARE = 0.15
"""The share of the steps within 0.4 s to each side that have a pitch while somebody speaks."""


def speech_steps(pieces: Iterable[NDArray[np.int16]]) -> NDArray[np.bool_]:
    """For each step of the sound (N x 2 samples at 48 kHz, in pieces), whether somebody speaks."""
    levels, pitched = _measured(pieces)
    if len(levels) == 0:
        return np.zeros(0, np.bool_)
    floor = _floor(levels)
    voiced = pitched & (levels > floor + _ABOVE_FLOOR_DB) & (levels > _QUIETEST_DB)
    around = np.convolve(voiced.astype(np.float64), np.ones(2 * _AROUND_STEPS + 1), mode="same")
    return around >= _SHARE * (2 * _AROUND_STEPS + 1)


def _measured(pieces: Iterable[NDArray[np.int16]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Level in the band of speech in dB of full scale, and whether it has a pitch, for each step."""
    rest = np.zeros(0, np.float32)
    levels: list[NDArray[np.float64]] = []
    pitched: list[NDArray[np.bool_]] = []
    for piece in pieces:
        mono = np.concatenate([rest, _small(piece)])
        count = max(0, (len(mono) - _WINDOW) // _HOP + 1)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW)[::_HOP][:count]
            level, pitch = _of_windows(windows)
            levels.append(level)
            pitched.append(pitch)
        rest = mono[count * _HOP :]
    if not levels:
        return np.zeros(0), np.zeros(0, np.bool_)
    return np.concatenate(levels), np.concatenate(pitched)


def _small(piece: NDArray[np.int16]) -> NDArray[np.float32]:
    """One channel at 8 kHz, 1 is full scale: means of six samples."""
    mono = piece.mean(axis=1, dtype=np.float32) / 32768
    return mono[: len(mono) // _EVERY * _EVERY].reshape(-1, _EVERY).mean(axis=1)


def _of_windows(windows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Levels and pitches of windows, one in a row: the autocorrelation of the band from 100 to 1500 Hz."""
    shaped = windows * np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(shaped, _FFT, axis=1)) ** 2
    hertz = np.fft.rfftfreq(_FFT, 1 / _RATE)
    speech = (hertz >= 300) & (hertz <= 3400)
    voice = (hertz >= 90) & (hertz <= 1500)
    # The mean square of a window: Parseval, with both halves of the spectrum and the window's own energy.
    energy = 2 * power[:, speech].sum(axis=1) / _FFT / float((np.hanning(_WINDOW) ** 2).sum())
    levels = 10 * np.log10(np.maximum(energy, 1e-12))
    alike = np.fft.irfft(power * voice, _FFT, axis=1)
    shape = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(_WINDOW), _FFT)) ** 2, _FFT)
    first, last = _RATE // _PITCHES[1], _RATE // _PITCHES[0]
    # The window's shape makes longer periods look less alike, so it is divided out.
    periods = alike[:, first : last + 1] / np.maximum(shape[first : last + 1] / shape[0], 0.1)
    best = periods.max(axis=1) / np.maximum(alike[:, 0], 1e-12)
    return levels, best > _PERIODIC


def _floor(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The level of the background around each step: three quarters of the time are louder."""
    padded = np.pad(levels, _FLOOR_STEPS, mode="reflect" if len(levels) > _FLOOR_STEPS else "edge")
    # Every tenth step: the background doesn't change faster.
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _FLOOR_STEPS + 1)[::10]
    coarse = np.percentile(windows, 25, axis=1)
    return np.interp(np.arange(len(levels)), np.arange(len(coarse)) * 10, coarse)
