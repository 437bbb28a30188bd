"""Which stream of a file is its picture: never a thumbnail, wherever in the file it lies; and how long it lasts."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.footage import (
    make_clip,
    never_finalised,
    small_template,
    whole_clip,
    with_cover_first,
    with_thumbnail_first,
)

from stinercut.codes.payload import make_payload
from stinercut.codes.reader import read_film
from stinercut.films.checks.checks import frame_of
from stinercut.storage.store import Store
from stinercut.synthetic.qrfilm import make_qr_film
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.frames import gray_frames
from stinercut.video.mp4.tracks import read_index
from stinercut.video.probe import picture_stream, probe
from stinercut.video.stills import jpeg_still

MAKERS = {"cover art": with_cover_first, "an unmarked thumbnail": with_thumbnail_first}
WEBM = ("-c:v", "libvpx", "-c:a", "libopus")
BLUE = ("-vf", "drawbox=color=blue:t=fill")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(params=MAKERS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two seconds of blue behind a red thumbnail."""
    plain = make_clip(tmp_path / "plain.mp4", seconds=2.0, options=BLUE)
    return MAKERS[request.param](plain, tmp_path / "GX010001.MP4")


def test_the_picture_is_not_the_thumbnail(clip: Path) -> None:
    found = probe(clip)
    assert (found.stream, found.width, found.height, found.video_codec) == (1, 160, 90, "h264")
    assert found.duration == pytest.approx(2.0)
    with Image.open(io.BytesIO(jpeg_still(clip, at=1.0, width=160))) as still:
        assert is_blue(np.asarray(still.convert("RGB")))
    frames = list(gray_frames(clip, fps=2))
    assert [moment for moment, _ in frames] == [0.0, 0.5, 1.0, 1.5]
    assert all(picture.shape == (90, 160) for _, picture in frames)


def test_a_film_is_made_of_the_picture(clip: Path, store: Store) -> None:
    segment = whole_clip(store, clip, small_template())
    assert segment.frames == 60
    assert is_blue(frame_of(segment.video, 30, (320, 180), "tv")[60:120, 100:220])


def test_a_code_is_read_off_the_picture(tmp_path: Path) -> None:
    payload = make_payload("Zoë Müller", "B-1", date(2026, 5, 1))
    make_qr_film(payload, tmp_path / "plain.mp4", size=(640, 360), seconds=2.0)
    film = with_cover_first(tmp_path / "plain.mp4", tmp_path / "GX010001.MP4")
    assert read_index(film) is not None, "the quick way, which asks ffprobe nothing"
    assert read_film(film).payload == payload


def is_blue(picture: np.ndarray[Any, Any]) -> bool:
    red, _, blue = np.median(picture, axis=(0, 1))
    return bool(blue > 200 and red < 50)


def test_of_several_pictures_the_default_one_counts_then_the_largest() -> None:
    small = stream(0, width=640, height=360)
    large = stream(1, width=1920, height=1080)
    marked = stream(2, width=320, height=180, disposition={"default": 1})
    jpegs = stream(3, codec_name="mjpeg", width=4000, height=3000, disposition={"default": 1})
    cover = stream(4, codec_name="mjpeg", width=4000, height=3000, disposition={"attached_pic": 1, "default": 1})
    unknown = stream(5, codec_name="unknown", width=8000, height=4000, disposition={"default": 1})
    data = {"index": 6, "codec_type": "data", "codec_name": "bin_data"}
    for streams, right in (
        ([small, large], large),
        ([large, small, data], large),
        ([large, marked], marked),
        ([jpegs, small], small),
        ([unknown, small], small),
        ([data, jpegs | {"nb_frames": "75"}, stream(1, disposition={"default": 1})], jpegs | {"nb_frames": "75"}),
        ([jpegs, data], jpegs),
        ([cover, data], None),
        ([], None),
    ):
        assert picture_stream(streams) == right


def stream(index: int, **said: Any) -> dict[str, Any]:
    return {"index": index, "codec_type": "video", "codec_name": "h264", "width": 1280, "height": 720, **said}


@pytest.mark.parametrize(("name", "coded"), [("a.mkv", ("-bf", "2")), ("a.webm", WEBM)])
def test_the_length_is_counted_where_no_header_says_it(
    tmp_path: Path, store: Store, name: str, coded: tuple[str, ...]
) -> None:
    suffix = "_.webm" if name == "a.webm" else "_.mp4"
    whole = make_clip(tmp_path / suffix, seconds=3.0, options=coded)
    clip = never_finalised(whole, tmp_path / name)
    assert "duration" not in runner.ffprobe_json(clip)["format"]
    assert probe(clip).duration == pytest.approx(3.0, abs=0.01)
    segment = whole_clip(store, clip, small_template())
    assert segment.frames == 90
    assert jpeg_still(clip, at=2.5, width=160)


def test_a_recorder_that_died_amid_a_packet(tmp_path: Path) -> None:
    clip = never_finalised(make_clip(tmp_path / "a.mp4", seconds=3.0), tmp_path / "a.mkv")
    clip.write_bytes(clip.read_bytes()[:-2000])
    assert 2.0 < probe(clip).duration < 3.0
