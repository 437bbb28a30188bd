"""What a file says of itself, pictures out of it at the right time, and what is no footage at all."""

from __future__ import annotations

import io
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.footage import make_clip, real_footage, rotated

from stinercut.errors import UnreadableVideo
from stinercut.failures import record_of
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.frames import gray_frames
from stinercut.video.probe import probe
from stinercut.video.stills import jpeg_still


def test_a_plain_video(tmp_path: Path) -> None:
    stamp = ("-metadata", "creation_time=2025-06-14T10:20:30Z")
    found = probe(make_clip(tmp_path / "a.mp4", size="160x90", fps="30000/1001", seconds=1.001, options=stamp))
    assert (found.width, found.height, found.rotation, found.video_codec) == (160, 90, 0, "h264")
    assert found.fps == Fraction(30000, 1001)
    assert found.duration == pytest.approx(1.001, abs=0.001)
    assert found.audio is not None
    assert (found.audio.codec, found.audio.sample_rate, found.audio.channels) == ("aac", 48000, 2)
    assert found.recorded == datetime(2025, 6, 14, 10, 20, 30)
    assert found.size == (tmp_path / "a.mp4").stat().st_size


@pytest.mark.parametrize(("degrees", "size"), [(90, (90, 160)), (180, (160, 90)), (270, (90, 160))])
def test_a_turned_video_is_measured_as_shown(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    turned = rotated(make_clip(tmp_path / "a.mp4"), degrees, tmp_path / "turned.mp4")
    found = probe(turned)
    assert (found.width, found.height, found.rotation) == (*size, 360 - degrees)
    _, picture = next(gray_frames(turned, fps=1))
    assert picture.shape == size[::-1]


def test_broad_pixels_are_measured_as_shown(tmp_path: Path) -> None:
    found = probe(make_clip(tmp_path / "a.mp4", options=("-vf", "setsar=2/1")))
    assert (found.width, found.height) == (320, 90)


def test_no_sound(tmp_path: Path) -> None:
    assert probe(make_clip(tmp_path / "a.mp4", sound=None)).audio is None


def test_a_real_gopro_file_with_its_data_tracks() -> None:
    found = probe(real_footage("karma.mp4"))
    assert (found.width, found.height, found.fps) == (854, 480, Fraction(30000, 1001))
    assert found.duration == pytest.approx(12.079, abs=0.001)
    assert found.audio is not None
    assert found.recorded is not None


def spoil(kind: str, folder: Path) -> Path:
    path = folder / "GX010001.MP4"
    if kind == "cut short":
        path.write_bytes(make_clip(folder / "whole.mp4").read_bytes()[:20_000])
    elif kind == "text":
        path.write_text("a shopping list\n" * 500)
    elif kind == "empty":
        path.touch()
    elif kind == "picture":
        Image.new("RGB", (64, 36)).save(path, format="PNG")
    elif kind == "sound only":
        runner.run(["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(path)], timeout=30)
    elif kind == "zeros":
        path.write_bytes(bytes(100_000))
    return path


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [
        ("cut short", "cut short", "video_cut_short"),
        ("text", "a text", "file_is_neither"),
        ("empty", "empty", "file_empty"),
        ("picture", "picture", "file_is_neither"),
        ("sound only", "no picture", "sound_without_picture"),
        ("zeros", "no video", "file_of_no_known_kind"),
        ("missing", "not there", "file_not_there"),
    ],
)
def test_what_is_no_footage_is_refused_in_plain_words(tmp_path: Path, kind: str, words: str, code: str) -> None:
    path = spoil(kind, tmp_path)
    with pytest.raises(UnreadableVideo, match=words) as refused:
        probe(path)
    assert refused.value.file == str(path)
    assert refused.value.advice
    assert [one.code for one in record_of(refused.value).what_parts] == [code]


def test_a_still_is_the_picture_at_that_time(tmp_path: Path) -> None:
    clip = stepping(tmp_path)
    with Image.open(io.BytesIO(jpeg_still(clip, at=1.25, width=64))) as still:
        assert still.size == (64, 36)
        assert still.convert("L").getpixel((30, 18)) == pytest.approx(level(1.25), abs=3)
    assert jpeg_still(clip, at=99, width=640)  # beyond the end, and never enlarged


def test_a_still_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideo):
        jpeg_still(spoil("text", tmp_path), at=0, width=64)


@pytest.mark.parametrize(
    ("fps", "start", "duration"), [(2.0, 0.0, None), (5.0, 0.0, 1.0), (30.0, 1.0, 0.5), (4, 0.6, 1)]
)
def test_grey_frames_carry_their_right_time(tmp_path: Path, fps: float, start: float, duration: float | None) -> None:
    clip = stepping(tmp_path)
    frames = list(gray_frames(clip, fps=fps, start=start, duration=duration))
    assert len(frames) == round((duration or 2.0 - start) * fps)
    for number, (moment, picture) in enumerate(frames):
        assert moment == pytest.approx(start + number / fps)
        assert float(np.median(picture)) == pytest.approx(level(moment), abs=1.5), moment


def test_grey_frames_are_never_enlarged_and_stop_early(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", size="160x90")
    assert next(gray_frames(clip, fps=2, width=80))[1].shape == (44, 80)
    shapes = {picture.shape for _, picture in gray_frames(clip, fps=2, width=4000)}
    assert shapes == {(90, 160)}


def stepping(folder: Path) -> Path:
    """Two seconds at 30 fps; frame n is a flat grey of 40 + 2n."""
    path = folder / "steps.mp4"
    source = "color=gray:size=64x36:rate=30:duration=2,format=gray,geq=lum=40+2*N,scale=out_range=tv,format=yuv420p"
    runner.run(["-f", "lavfi", "-i", source, "-c:v", "libx264", "-qp", "4", str(path)], timeout=30)
    return path


def level(moment: float) -> float:
    """The grey that `stepping` shows at that time."""
    return 40 + 2 * int(moment * 30 + 1e-6)
