"""The index of a recording: the same key frames that ffprobe finds, and None instead of a guess."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stinercut.errors import UnreadableVideo
from stinercut.synthetic.scenes import make_clip
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.frames import gray_frames, key_frames
from stinercut.video.mp4.tracks import read_index

SMALL = (320, 180)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("index") / "clip.mp4"
    make_clip(target, 7, 2.0, SMALL)
    return target


def again(source: Path, target: Path, *options: str) -> Path:
    runner.run(["-i", str(source), *options, str(target)], timeout=60)
    return target


def keys_by_ffprobe(path: Path) -> list[float]:
    wanted = ["-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "json", str(path)]
    said = subprocess.run(["ffprobe", "-v", "error", *wanted], capture_output=True, check=True, timeout=30)
    packets = json.loads(said.stdout)["packets"]
    return sorted(float(packet["pts_time"]) for packet in packets if packet["flags"].startswith("K"))


@pytest.mark.parametrize(
    "options",
    [
        ("-c", "copy"),
        ("-c", "copy", "-movflags", "+faststart"),
        ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "3"),
        ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "3", "-f", "mov", "-an"),
        ("-c:v", "mjpeg", "-q:v", "9"),
    ],
)
def test_the_same_key_frames_that_ffprobe_finds(clip: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    index = read_index(again(clip, tmp_path / "again.mp4", *options))
    assert index is not None
    assert index.keys == pytest.approx(keys_by_ffprobe(tmp_path / "again.mp4"), abs=1e-5)
    assert (index.width, index.height) == SMALL
    assert index.duration == pytest.approx(2.0, abs=0.05)
    assert index.fps == pytest.approx(29.97, abs=0.01)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fragments.mp4", ("-c", "copy", "-movflags", "frag_keyframe+empty_moov")),
        ("other.mkv", ("-c", "copy")),
        ("sound.mp4", ("-vn",)),
    ],
)
def test_nothing_is_said_of_what_is_unusual(clip: Path, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    assert read_index(again(clip, tmp_path / name, *options)) is None


def test_nothing_is_said_of_what_is_no_video(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    for number, content in enumerate((b"", b"\x00" * 64, b"hello" * 99, whole[: len(whole) // 2], whole[:-20])):
        (tmp_path / f"{number}.mp4").write_bytes(content)
        assert read_index(tmp_path / f"{number}.mp4") is None
    assert read_index(tmp_path / "nowhere.mp4") is None
    assert read_index(tmp_path) is None


def test_damage_raises_nothing_and_takes_no_memory(clip: Path, tmp_path: Path) -> None:
    """Counts in a damaged table may be in the billions."""
    whole = clip.read_bytes()
    begin = whole.rindex(b"moov")
    dice = random.Random(1)
    damaged = tmp_path / "damaged.mp4"
    for number in range(300):
        content = bytearray(whole)
        for _ in range(1 + number % 4):
            content[dice.randrange(begin, len(whole))] = dice.choice((0, 1, 127, 128, 255))
        damaged.write_bytes(content)
        index = read_index(damaged)
        assert index is None or len(index.keys) < 10_000_000


def test_key_frames_are_the_pictures_of_their_times(clip: Path) -> None:
    index = read_index(clip)
    assert index is not None
    found = list(key_frames(clip, index, count=len(index.keys), width=320))
    every = {round(at * 29.97): frame for at, frame in gray_frames(clip, fps=30000 / 1001)}
    assert [moment for moment, _ in found] == list(index.keys)
    for moment, picture in found:
        shown = every[round(moment * 29.97)]
        assert np.abs(picture.astype(int) - shown).mean() < 2
    assert len(list(key_frames(clip, index, count=2, width=160))) == 2
    assert next(key_frames(clip, index, count=1, width=160))[1].shape == (90, 160)


def test_fewer_key_frames_come_out_of_a_damaged_film(clip: Path, tmp_path: Path) -> None:
    front = again(clip, tmp_path / "front.mp4", "-c", "copy", "-movflags", "+faststart")
    index = read_index(front)
    assert index is not None
    os.truncate(front, front.stat().st_size // 2)
    found = 0
    try:
        for _ in key_frames(front, index, count=len(index.keys), width=320):
            found += 1
    except UnreadableVideo:
        pass
    assert 0 < found < len(index.keys)
