"""The sound of a recording in several files, in a film: as if it had been one file, to the sample."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.footage import FIELDS, as_source
from support.golden import bare, bars, film_frames, saved, sweep

from stinercut.films.film import Making, looked_into, planned
from stinercut.films.picture.segments import part_segment
from stinercut.films.sound.chapters import continue_sound, runs_of
from stinercut.films.sound.mix import film_sound
from stinercut.recordings.camera_names import follows
from stinercut.storage.store import Store
from stinercut.video import ffmpeg_runner as runner

RATE = "30000/1001"
SEAM = 48048 * 2
"""Where the second chapter's first picture is, in samples: after 60 frames."""


def chapters(folder: Path, codec: str = "aac") -> tuple[Path, list[Path]]:
    """A recording of six seconds, and the same cut into three files between two packets, as cameras do."""
    tone = saved(folder / "tone.wav", sweep(0, 48000 * 6))
    options = ["-c:a", codec, "-b:a", "256k", "-g", "60", "-shortest"]
    pictures = (bars(number, 160, 90) for number in range(178))
    whole = film_frames(folder / "GX010001.MOV", pictures, RATE, ["-i", str(tone)], options)
    cut = folder / "chapters"
    cut.mkdir()
    split = ["-f", "segment", "-segment_time", "2", "-segment_start_number", "1", "-reset_timestamps", "1"]
    runner.run(["-i", str(whole), "-c", "copy", *split, str(cut / "GX%02d0002.MOV")], timeout=30)
    return whole, sorted(cut.iterdir())


def making_of(clips: list[Path], folder: Path, trim: float = 0.0) -> Making:
    footage = {"asset": {"type": "footage", "trim": {"start": 0, "end": trim}}}
    template = bare(footage=footage, fps="source", width=160, height=90)
    shown = looked_into([as_source(clip) for clip in clips])
    return planned(Store(folder / "store"), template, FIELDS, shown).films[0]


def filmed(making: Making, folder: Path, *, joined: bool = True) -> NDArray[np.float64]:
    """The film's sound before it is encoded, without title and end: samples of the left side."""
    folder.mkdir()
    parts = [(part_segment(making.shop, part), 1.0) for part in making.plan.parts]
    clips = {key: (clip.source.name, clip.source.path, clip.probe) for key, clip in making.shop.clips.items()}
    runs = runs_of(making.plan, clips) if joined else ()
    with wave.open(str(film_sound(parts, None, None, folder, runs))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16).reshape(-1, 2)[:, 0]
    return samples[48048:-48048].astype(float) / 32768


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_three_chapters_sound_as_the_recording_did(tmp_path: Path, codec: str) -> None:
    whole, files = chapters(tmp_path, codec)
    assert len(files) == 3
    wanted = filmed(making_of([whole], tmp_path), tmp_path / "whole")
    found = filmed(making_of(files, tmp_path), tmp_path / "three")
    assert len(found) == len(wanted)
    lag = 16 if codec == "aac" else 0  # ffmpeg's cutting writes times in milliseconds: so it is from the beginning on
    error = np.abs(found[lag:] - wanted[: len(wanted) - lag])[: -2 * 1024]
    assert error.max() == 0, (np.flatnonzero(error)[[0, -1]], error.max())
    alone = filmed(making_of(files, tmp_path), tmp_path / "alone", joined=False)
    assert np.abs(alone[lag:] - wanted[: len(wanted) - lag])[SEAM - 1024 : SEAM + 2048].max() > 0.05, "this can tell"


def test_only_what_goes_on_is_joined(tmp_path: Path) -> None:
    """In another order, trimmed, or of another recording: each file for itself, at the time it says."""
    _, files = chapters(tmp_path)
    for clips, trim in ((files[::-1], 0.0), (files, 0.2), ([files[0], files[2]], 0.0)):
        making = making_of(clips, tmp_path, trim)
        known = {key: (clip.source.name, clip.source.path, clip.probe) for key, clip in making.shop.clips.items()}
        runs = runs_of(making.plan, known)
        assert len(runs) == len(clips)
        assert not any(run.continues for run in runs)
    making = making_of(files, tmp_path)
    known = {key: (clip.source.name, clip.source.path, clip.probe) for key, clip in making.shop.clips.items()}
    runs = runs_of(making.plan, known)
    assert [run.continues for run in runs] == [False, True, True]
    assert [run.begin - 48048 for run in runs] == [0, SEAM, 2 * SEAM]
    sound = saved(tmp_path / "own.wav", np.stack([sweep(0, 48000 * 8)] * 2, axis=1))
    before = sound.read_bytes()
    files[1].write_bytes(b"gone")
    continue_sound(sound, runs)
    assert sound.read_bytes() == before, "a seam that can't be read stays as it is"


@pytest.mark.parametrize(
    ("name", "later", "true"),
    [
        ("GX010123.MP4", "GX020123.MP4", True),
        ("GH090123.MP4", "GH100123.mp4", True),
        ("GOPR0123.MP4", "GP010123.MP4", True),
        ("GP010123.MP4", "GP020123.MP4", True),
        ("GX010123.MP4", "GX030123.MP4", False),
        ("GX010123.MP4", "GX020124.MP4", False),
        ("GX020123.MP4", "GX010123.MP4", False),
        ("GOPR0123.MP4", "GX010123.MP4", False),
        ("DJI_0001.MP4", "DJI_0002.MP4", False),
        ("GHAA0001.MP4", "GHAA0002.MP4", True),
        ("VID_20240612_101112_00_001.insv", "VID_20240612_101112_00_002.insv", True),
        ("VID_20240612_101112_00_001.insv", "VID_20240612_101212_00_002.insv", False),
    ],
)
def test_names_of_chapters(name: str, later: str, true: bool) -> None:
    assert follows(name, later) is true
