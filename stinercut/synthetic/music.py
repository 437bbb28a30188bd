"""Generates a piece of music: the bundled template `sunset` plays it, and it needs nobody's licence.

Owns: composing it, playing it into samples, writing it as Opus. Not here: mixing it under a film.

It has four chords (A minor 7, F major 9, C add 9, G 6) at 96 beats per minute, in six rounds of four bars. A pad and a
plucked figure begin, bass and a soft drum join, the drum rests once, then all play again. It ends as it began, so that
it can be repeated.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here

RATE: Final = 48_000
BEAT: Final = RATE * 60 // 96
BAR: Final = 4 * BEAT
ROUNDS: Final = 6

Sound = NDArray[np.float64]

_CHORDS: Final = ((57, 60, 64, 67), (53, 57, 60, 67), (55, 60, 62, 64), (55, 59, 62, 64))
"""MIDI numbers, close to each other from chord to chord."""

_ROOTS: Final = (45, 41, 48, 43)
_FIGURE: Final = (0, 2, 1, 3, 2, 1, 3, 2)
"""The note of the chord, an octave up, on each of a bar's eight quavers."""

_WITH_BASS: Final = (1, 2, 3, 4, 5)
_WITH_DRUMS: Final = (1, 2, 4, 5)
_SEED: Final = 96


def composed(rounds: Iterable[int] = range(ROUNDS)) -> Sound:
    """The piece, or some of its rounds: 2 x samples at 48 kHz, within -1 to 1. The same on every call."""
    played = list(rounds)
    length = len(played) * 4 * BAR
    dice = np.random.default_rng(_SEED)
    pad, figure, bass, drums, high = (np.zeros((2, length)) for _ in range(5))
    for place, number in enumerate(played):
        for bar in range(4):
            at = (place * 4 + bar) * BAR
            _add(pad, at, _pad(_CHORDS[bar], dice))
            for quaver, step in enumerate(_FIGURE):
                note = _CHORDS[bar][step] + 12
                pan = 0.5 + 0.28 * np.sin(quaver * 1.9 + number)
                _add(figure, at + quaver * BEAT // 2, _plucked(note, pan, soft=0.75 + 0.25 * (quaver % 4 == 0)))
            if number in _WITH_BASS:
                for beat, lasting in ((0, 1.4), (1.5, 0.5), (2, 1.4), (3.5, 0.5)):
                    _add(bass, at + round(beat * BEAT), _bass(_ROOTS[bar], lasting))
            if number in _WITH_DRUMS:
                for beat in (0, 2, 2.75):
                    _add(drums, at + round(beat * BEAT), _kick(0.9 if beat != 2.75 else 0.5))
                for beat in (1, 3):
                    _add(high, at + beat * BEAT, _clap(dice))
                for quaver in range(8):
                    _add(high, at + quaver * BEAT // 2, _hat(dice, 0.10 if quaver % 2 else 0.055))
    # The pad becomes quieter with each beat of the drum, as if it breathed.
    pad *= _breathing(drums)
    wet = _in_a_room(pad * 0.6 + figure * 0.9 + high * 0.5, dice)
    mixed = pad * 0.5 + figure * 1.05 + _echoes(figure) * 0.6 + bass * 0.3 + drums * 0.62 + high * 1.7 + wet * 0.7
    return np.tanh(mixed / np.abs(mixed).max() * 1.25) * 0.82


def write(target: Path) -> None:
    """The whole piece as Opus in Ogg, about 56 kbit/s. Raises what ffmpeg's runner raises."""
    sound = (composed().T * 32_767).round().astype("<i2")
    raw = target.with_suffix(".wav")
    with wave.open(str(raw), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.tobytes())
    graph = made_here(raw, "wav").output(
        str(target.absolute()), acodec="libopus", audio_bitrate="56k", fflags="+bitexact", map_metadata=-1
    )
    runner.run(graph.compile(), timeout=120)
    raw.unlink()


def _add(track: Sound, at: int, sound: Sound) -> None:
    """Add a sound at that place. A part beyond the end is added at the beginning, since the piece will be repeated."""
    length = track.shape[1]
    for begin in range(0, sound.shape[1], length):
        piece = sound[:, begin : begin + length]
        first = min(piece.shape[1], length - at)
        track[:, at : at + first] += piece[:, :first]
        track[:, : piece.shape[1] - first] += piece[:, first:]


def _frequency(note: float) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


def _time(beats: float) -> Sound:
    return np.arange(round(beats * BEAT)) / RATE


def _pad(chord: tuple[int, ...], dice: np.random.Generator) -> Sound:
    """A soft chord for a bar, with slow edges that overlap the neighbours'."""
    time = _time(5.2)
    edge = np.clip(time / 0.9, 0, 1) * np.clip((time[-1] - time) / 1.1, 0, 1)
    shape = np.sin(edge * np.pi / 2) ** 2
    out = np.zeros((2, time.size))
    for note in chord:
        for side, detuned in ((0, -0.06), (1, 0.06), (0, 0.015), (1, -0.02)):
            base = _frequency(note + detuned)
            phase = dice.uniform(0, 2 * np.pi)
            for partial in range(1, 9):
                loud = 1 / partial**1.45
                out[side] += loud * np.sin(2 * np.pi * base * partial * time + phase * partial)
    return out * shape * (1 + 0.12 * np.sin(2 * np.pi * 0.31 * time)) * 0.05


def _plucked(note: int, pan: float, *, soft: float) -> Sound:
    """A string: its upper partials die away first."""
    time = _time(2.2)
    base = _frequency(note)
    tone = np.zeros(time.size)
    for partial in range(1, 7):
        tone += np.sin(2 * np.pi * base * partial * time) * np.exp(-time * (2.6 + 2.2 * partial)) / partial**1.2
    tone *= np.clip(time / 0.004, 0, 1) * np.clip((time[-1] - time) / 0.1, 0, 1) * soft * 0.3
    return np.stack((tone * np.cos(pan * np.pi / 2), tone * np.sin(pan * np.pi / 2)))


def _bass(note: int, beats: float) -> Sound:
    time = _time(beats)
    base = _frequency(note)
    tone = np.sin(2 * np.pi * base * time) + 0.35 * np.sin(4 * np.pi * base * time) * np.exp(-time * 5)
    tone = np.tanh(1.4 * tone) * np.clip(time / 0.012, 0, 1) * np.clip((time[-1] - time) / 0.08, 0, 1)
    return np.stack((tone, tone)) * np.exp(-time * 0.9) * 0.55


def _kick(loud: float) -> Sound:
    time = _time(0.7)
    tone = np.sin(2 * np.pi * (46 * time + 3.2 * (1 - np.exp(-time * 26)))) * np.exp(-time * 7.5)
    return np.stack((tone, tone)) * np.clip((time[-1] - time) / 0.05, 0, 1) * loud


def _clap(dice: np.random.Generator) -> Sound:
    time = _time(0.4)
    noise = _brightened(dice.normal(0, 1, (2, time.size)), 900, 5200)
    return noise * np.exp(-time * 20) * np.clip(time / 0.003, 0, 1) * 0.22


def _hat(dice: np.random.Generator, loud: float) -> Sound:
    time = _time(0.16)
    return _brightened(dice.normal(0, 1, (2, time.size)), 6500, 14_000) * np.exp(-time * 55) * loud


def _brightened(noise: Sound, low: float, high: float) -> Sound:
    """Noise of only that band, with soft edges."""
    spectrum = np.fft.rfft(noise)
    heights = np.fft.rfftfreq(noise.shape[1], 1 / RATE)
    spectrum *= np.exp(-((np.log2(np.maximum(heights, 1) / np.sqrt(low * high)) / np.log2(high / low) * 2) ** 4))
    return np.fft.irfft(spectrum, noise.shape[1])


def _breathing(drums: Sound) -> Sound:
    level = np.abs(drums[0])
    steps = level[: level.size // 480 * 480].reshape(-1, 480).max(axis=1)
    followed = np.zeros(steps.size)
    last = 0.0
    for index, step in enumerate(steps):
        last = max(step, last * 0.965)
        followed[index] = last
    return 1 - 0.34 * np.interp(np.arange(level.size), np.arange(steps.size) * 480 + 240, followed)


def _echoes(sound: Sound) -> Sound:
    """Dotted quavers, from side to side, each fainter."""
    out = np.zeros_like(sound)
    for number in range(1, 4):
        turned = sound[::-1] if number % 2 else sound
        out += np.roll(turned, number * BEAT * 3 // 4, axis=1) * 0.5**number
    return out


def _in_a_room(sound: Sound, dice: np.random.Generator) -> Sound:
    """A hall of two seconds: the sound convolved with fading noise."""
    time = np.arange(2 * RATE) / RATE
    hall = dice.normal(0, 1, (2, time.size)) * np.exp(-time * 3.1) * np.clip(time / 0.02, 0, 1)
    hall /= np.sqrt((hall**2).sum(axis=1, keepdims=True))
    length = sound.shape[1]
    whole = np.fft.irfft(np.fft.rfft(sound) * np.fft.rfft(_brightened(hall, 250, 4200), length), length)
    return whole * 0.8
