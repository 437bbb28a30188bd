"""Joining: exactly the sum, no gap in the sound, and refused rather than short."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.footage import make_clip, small_template, whole_clip

from stinercut.errors import BadInput, StinercutError, StoreDamaged
from stinercut.films.join import Joinable, join
from stinercut.films.picture.encoding import Segment
from stinercut.storage.store import Store
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.mp4.boxes import top_boxes


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> list[Segment]:
    """Three clips of different lengths, in a folder with a quote and a space in its name."""
    folder = tmp_path_factory.mktemp("O'Neil's clips")
    store = Store(folder / "the store")
    lengths = (1.0, 0.5, 1.3)
    clips = [make_clip(folder / f"{seconds}.mp4", seconds=seconds) for seconds in lengths]
    return [whole_clip(store, clip, small_template()) for clip in clips]


def joinable(segments: Sequence[Segment]) -> list[Joinable]:
    return [Joinable(segment) for segment in segments]


def test_the_film_is_the_sum_of_its_segments(segments: list[Segment], tmp_path: Path) -> None:
    seen: list[float] = []
    target = tmp_path / "film it's.mp4"
    joined = join(joinable(segments), target, title="Žofie 'Žo' Nová; x=y", on_progress=seen.append)
    assert joined.frames == 30 + 15 + 39
    assert joined.seconds == pytest.approx(2.8)
    assert joined.size == target.stat().st_size
    found = runner.ffprobe_json(target, count_packets=True)
    assert [stream["codec_name"] for stream in found["streams"]] == ["h264", "aac"]
    assert found["streams"][0]["nb_read_packets"] == "84"
    assert float(found["format"]["duration"]) == pytest.approx(2.8, abs=1 / 30)
    assert found["format"]["tags"]["title"] == "Žofie 'Žo' Nová; x=y"
    with target.open("rb") as source:
        kinds = [box.kind for box in top_boxes(source)]
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    assert seen[-1] == 1.0


def test_the_sound_has_no_gap_at_a_join(segments: list[Segment], tmp_path: Path) -> None:
    join(joinable(segments), tmp_path / "film.mp4", title="x")
    argv = ["-i", str(tmp_path / "film.mp4"), "-map", "0:a:0", "-ac", "1", "-f", "s16le", "-"]
    sound = np.frombuffer(b"".join(runner.read_pipe(argv, timeout=30, chunk_bytes=1 << 20)), np.int16).astype(float)
    for moment in (1.0, 1.5):
        around = sound[int((moment - 0.05) * 48000) : int((moment + 0.05) * 48000)].reshape(-1, 240)  # 5 ms
        loud = np.sqrt((around**2).mean(axis=1))
        assert loud.min() > 0.3 * np.median(loud), moment


def test_a_cut_segment_gives_no_shorter_film(segments: list[Segment], tmp_path: Path) -> None:
    """ffmpeg's concat skips what it can't open and ends with status 0."""
    whole = segments[1]
    for part in ("video", "audio"):
        cut = tmp_path / f"cut{getattr(whole, part).suffix}"
        cut.write_bytes(getattr(whole, part).read_bytes()[:300])
        broken = [segments[0], dataclasses.replace(whole, **{part: cut}), segments[2]]
        with pytest.raises(StinercutError):
            join(joinable(broken), tmp_path / "film.mp4", title="x")
        assert not (tmp_path / "film.mp4").exists()


def test_a_segment_that_promises_more_than_it_has_is_noticed(segments: list[Segment], tmp_path: Path) -> None:
    lying = dataclasses.replace(segments[1], frames=segments[1].frames + 1)
    with pytest.raises(StoreDamaged, match="too short"):
        join(joinable([segments[0], lying, segments[2]]), tmp_path / "film.mp4", title="x")
    lying = dataclasses.replace(lying, audio=segments[2].audio)
    with pytest.raises(StinercutError, match="84 frames where 85"):
        join(joinable([segments[0], lying, segments[2]]), tmp_path / "film.mp4", title="x")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_segment_is_named(segments: list[Segment], tmp_path: Path) -> None:
    gone = dataclasses.replace(segments[1], audio=tmp_path / "gone.wav")
    with pytest.raises(StoreDamaged, match=r"gone\.wav"):
        join(joinable([segments[0], gone]), tmp_path / "film.mp4", title="x")
    with pytest.raises(BadInput, match="nothing to join"):
        join([], tmp_path / "film.mp4", title="x")


@pytest.mark.parametrize("output", [{"width": 160, "height": 90}, {"fps": 60}, {"preset": "veryfast"}])
def test_segments_of_two_kinds_are_not_joined(
    segments: list[Segment], tmp_path: Path, output: dict[str, object]
) -> None:
    clip = make_clip(tmp_path / "a.mp4", seconds=0.4)
    other = whole_clip(Store(tmp_path / "store"), clip, small_template(**output))
    with pytest.raises(BadInput, match="otherwise than the first"):
        join(joinable([segments[0], other]), tmp_path / "film.mp4", title="x")
