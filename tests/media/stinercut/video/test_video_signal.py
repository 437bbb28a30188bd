"""The video signal of films is set and not inherited: footage of any signal joins with all else, converted and not only
called otherwise, and a part that came out otherwise is refused where its clip can be named."""

from __future__ import annotations

import dataclasses
import io
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from support.footage import make_clip, small_template, whole_clip
from support.golden import bare, film_of

from stinercut.errors import FfmpegFailed
from stinercut.films.picture.encoding import EncodeProfile
from stinercut.films.picture.segment_cache import SegmentRequest, cached_or_made
from stinercut.films.picture.signal_check import mismatches
from stinercut.films.picture.stream_copy import kind_of
from stinercut.storage.store import Store
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.mp4 import h264
from stinercut.video.mp4.tracks import read_track
from stinercut.video.probe import probe
from stinercut.video.stills import jpeg_still
from stinercut.video.video_signal import RGB_TO_BT709, as_bt709

BT709 = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
MJPEG = ("-c:v", "mjpeg", "-preset", "default", "-q:v", "3", "-c:a", "pcm_u8")
SIGNALS: dict[str, tuple[str, tuple[str, ...]]] = {
    # name: ending, options
    "left": (".mp4", BT709),
    "topleft": (".mp4", (*BT709, "-chroma_sample_location", "topleft")),
    "center": (".mp4", ("-chroma_sample_location", "center")),
    "top": (".mp4", ("-chroma_sample_location", "top")),
    "bottomleft": (".mp4", ("-chroma_sample_location", "bottomleft")),
    "bottom": (".mp4", ("-chroma_sample_location", "bottom")),
    "motion jpeg 422": (".avi", (*MJPEG, "-pix_fmt", "yuvj422p")),
    "motion jpeg 420": (".avi", (*MJPEG, "-pix_fmt", "yuvj420p")),
    "motion jpeg 444": (".mov", (*MJPEG[:-2], "-c:a", "aac", "-pix_fmt", "yuvj444p")),
    "full range": (".mp4", (*BT709[:-1], "pc", "-vf", "scale=out_range=pc")),
    "bt601": (".mp4", ("-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-colorspace", "smpte170m")),
    "pal": (".mp4", ("-color_primaries", "bt470bg", "-color_trc", "gamma28", "-colorspace", "bt470bg")),
    "srgb curve": (".mp4", ("-color_primaries", "bt709", "-color_trc", "iec61966-2-1", "-colorspace", "bt709")),
    "interlaced": (".mp4", ("-flags", "+ildct+ilme", "-x264-params", "tff=1", "-preset", "veryfast")),
    "interlaced mpeg2": (".ts", ("-c:v", "mpeg2video", "-preset", "default", "-flags", "+ildct+ilme", "-b:v", "2M")),
    "broad pixels": (".mp4", ("-vf", "setsar=4/3")),
    "hlg, topleft": (
        ".mp4",
        ("-pix_fmt", "yuv420p10le", "-color_trc", "arib-std-b67", "-color_primaries", "bt2020", "-colorspace",
         "bt2020nc", "-chroma_sample_location", "topleft"),
    ),
    "p3": (".mp4", ("-color_primaries", "smpte432", "-color_trc", "bt709", "-colorspace", "bt709")),
    "ycgco": (".mp4", ("-colorspace", "ycgco")),
    "rgb": (".mkv", ("-c:v", "ffv1", "-preset", "default", "-pix_fmt", "gbrp")),
}  # fmt: skip


def clip_of(signal: str, folder: Path) -> Path:
    ending, options = SIGNALS[signal]
    return make_clip(folder / f"{signal}{ending}", "160x96", 0.3, options=options)


@pytest.mark.parametrize("full_range", [False, True])
def test_footage_of_every_signal_is_one_film(tmp_path: Path, full_range: bool) -> None:
    """Also where the film has full range, as its first clip's frames are copied."""
    clips = [clip_of(signal, tmp_path) for signal in SIGNALS]
    if full_range:
        camera = ("-g", "5", "-bf", "0", *SIGNALS["full range"][1])
        clips.insert(0, make_clip(tmp_path / "camera.mp4", "320x180", 3.0, options=camera))
    production, finished = film_of(clips, bare(), tmp_path)
    assert (production.films[0].shop.kind is not None) == full_range
    (video, _) = runner.ffprobe_json(finished.film.path)["streams"]
    said = {name: video.get(name) for name in ("color_primaries", "color_transfer", "color_space", "field_order")}
    assert said == {
        "color_primaries": "bt709", "color_transfer": "bt709", "color_space": "bt709", "field_order": "progressive",
    }  # fmt: skip
    assert (video["color_range"], video["chroma_location"]) == ("pc" if full_range else "tv", "left")
    assert (video["sample_aspect_ratio"], video["width"], video["height"]) == ("1:1", 320, 180)
    track = read_track(finished.film.path)
    assert track is not None
    assert {h264.sequence(unit).chroma_location for unit in h264.configuration(track.record).sps} == {h264.LEFT}


# Colours stay where they were ----------------------------------------------------------------------------------------

WIDE, HIGH = 320, 180
PLACES = {"left": (0.0, 0.5), "center": (0.5, 0.5), "topleft": (0.0, 0.0), "bottom": (0.5, 1.0)}
"""Where the first sample of colour lies, in pixels from the middle of the first pixel."""


def ramp_at(where: tuple[float, float]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """In the middle U rises from left to right and V from top to bottom, 2 a pixel, samples at that place."""
    across = 128 + 2 * (2 * np.arange(WIDE // 2) + where[0] - WIDE / 2)
    down = 128 + 2 * (2 * np.arange(HIGH // 2) + where[1] - HIGH / 2)
    u, v = (np.rint(np.clip(plane, 20, 235)).astype(np.uint8) for plane in (across, down))
    return np.tile(u, (HIGH // 2, 1)), np.tile(v[:, None], (1, WIDE // 2))


def ramped(path: Path, location: str) -> Path:
    u, v = ramp_at(PLACES[location])
    frame = np.full((HIGH, WIDE), 110, np.uint8).tobytes() + u.tobytes() + v.tobytes()
    argv = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDE}x{HIGH}", "-r", "30", "-i", "pipe:0"]
    argv += ["-c:v", "libx264", "-qp", "0", *BT709, "-chroma_sample_location", location, str(path)]
    runner.write_pipe(argv, [frame] * 4, timeout=60)
    return path


def chroma_of(frame: bytes) -> list[NDArray[np.float64]]:
    """Both planes of colour."""
    planes = np.frombuffer(frame, np.uint8)[WIDE * HIGH :].astype(np.float64)
    return [plane.reshape(HIGH // 2, WIDE // 2) for plane in np.split(planes, 2)]


@pytest.mark.parametrize("location", PLACES)
def test_colours_are_moved_and_not_only_called_left(tmp_path: Path, location: str) -> None:
    clip = ramped(tmp_path / "clip.mkv", location)
    picture = as_bt709(ffmpeg.input(str(clip))["v:0"], probe(clip), WIDE, HIGH)
    argv = ffmpeg.output(picture, "pipe:1", format="rawvideo", **{"frames:v": 1}).compile()
    u, v = chroma_of(b"".join(runner.read_pipe(argv, timeout=60, chunk_bytes=1 << 20)))
    wanted_u, wanted_v = ramp_at(PLACES["left"])
    inside = np.s_[35:-35, 70:-70]
    assert np.abs(u - wanted_u)[inside].max() < 0.6  # half a pixel is 1.0
    assert np.abs(v - wanted_v)[inside].max() < 0.6


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_a_still_has_the_colours_of_its_film(tmp_path: Path, matrix: str) -> None:
    """JPEG is in BT.601's matrix and full range, whatever the video is in."""
    colour, clip = (190, 60, 40), tmp_path / "clip.mp4"
    picture = "0x{:02x}{:02x}{:02x}".format(*colour)
    argv = [
        "-f",
        "lavfi",
        "-i",
        f"color={picture}:s=320x180:r=30:d=0.2,format=gbrp,scale=out_color_matrix={matrix},format=yuv420p",
    ]
    tags = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", matrix, "-color_range", "tv")
    runner.run([*argv, "-c:v", "libx264", "-qp", "4", "-pix_fmt", "yuv420p", *tags, str(clip)], timeout=60)
    with Image.open(io.BytesIO(jpeg_still(clip, 0, 160))) as still:
        found = np.asarray(still.convert("RGB"))[40:-40, 40:-40].reshape(-1, 3).mean(axis=0)
    assert np.abs(found - colour).max() < 5


def test_colours_of_a_drawing_lie_where_the_film_says(tmp_path: Path) -> None:
    red = 60 + np.arange(160) * 1.0
    picture = np.full((90, 160, 3), 60, np.uint8)
    picture[..., 0] = red
    Image.fromarray(picture).save(tmp_path / "drawn.png")
    options = ":".join(f"{name}={value}" for name, value in RGB_TO_BT709.items())
    argv = ["-i", str(tmp_path / "drawn.png"), "-vf", f"scale={options},format=yuv420p", "-f", "rawvideo", "pipe:1"]
    data = np.frombuffer(b"".join(runner.read_pipe(argv, timeout=60, chunk_bytes=1 << 20)), np.uint8)
    v = data[-80 * 45 :].reshape(45, 80).astype(np.float64)

    def off_from(place: float) -> float:
        """How far V is from what it would be with its samples there."""
        light = (60 + 2 * np.arange(80) + place) / 255
        wanted = 128 + 224 * (light - (0.2126 * light + 0.7874 * 60 / 255)) / 1.5748
        return abs(float((v - wanted)[10:-10, 10:-10].mean()))

    assert off_from(0.0) < 0.2 < off_from(0.5)


PRIMARIES = {
    # red, green, blue: x and y (ITU-T H.273, table 2)
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "smpte170m": ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
}
PATCHES = np.array([[0.7, 0.2, 0.2], [0.2, 0.6, 0.2], [0.3, 0.3, 0.8], [0.5, 0.5, 0.5]])


def to_xyz(primaries: str) -> NDArray[np.float64]:
    """From red, green and blue light of those primaries to XYZ, white at D65 (SMPTE RP 177)."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in PRIMARIES[primaries]]).T
    white = np.array([0.3127 / 0.329, 1.0, (1 - 0.3127 - 0.329) / 0.329])
    scaled: NDArray[np.float64] = (columns * np.linalg.solve(columns, white)).astype(np.float64)
    return scaled


@pytest.mark.parametrize("primaries", ["smpte170m", "bt470bg"])
def test_other_primaries_are_converted_and_not_only_called_otherwise(tmp_path: Path, primaries: str) -> None:
    red, blue = 0.299, 0.114
    luma = PATCHES @ np.array([red, 1 - red - blue, blue])
    u = (PATCHES[:, 2] - luma) / (2 - 2 * blue)
    v = (PATCHES[:, 0] - luma) / (2 - 2 * red)
    planes = [np.rint(16 + 219 * luma), np.rint(128 + 224 * u), np.rint(128 + 224 * v)]
    rows = [np.repeat(plane, WIDE // len(PATCHES)).astype(np.uint8) for plane in planes]
    frame = b"".join(np.tile(row, (HIGH, 1)).tobytes() for row in rows)
    clip = tmp_path / "clip.mp4"
    argv = ["-f", "rawvideo", "-pix_fmt", "yuv444p", "-s", f"{WIDE}x{HIGH}", "-r", "30", "-i", "pipe:0"]
    argv += ["-c:v", "libx264", "-qp", "1", "-color_primaries", primaries, "-color_trc", "smpte170m"]
    argv += ["-colorspace", "smpte170m", "-color_range", "tv", "-pix_fmt", "yuv420p", str(clip)]
    runner.write_pipe(argv, [frame] * 4, timeout=60)
    segment = whole_clip(Store(tmp_path / "store"), clip, bare(crf=12))
    asked = ["-i", str(segment.video), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    asked += ["-vf", "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd", "pipe:1"]
    data = b"".join(runner.read_pipe(asked, timeout=60, chunk_bytes=1 << 20))
    shown = np.frombuffer(data, np.uint8).reshape(HIGH, WIDE, 3)
    light = np.linalg.solve(to_xyz("bt709"), to_xyz(primaries) @ (PATCHES.T**2.4)).T
    wanted = 255 * np.clip(light, 0, 1) ** (1 / 2.4)
    found = [np.median(shown[60:120, 80 * n + 20 : 80 * n + 60].reshape(-1, 3), axis=0) for n in range(len(PATCHES))]
    assert np.abs(np.array(found) - wanted).max() < 5
    assert np.abs(255 * PATCHES - wanted).max() > 10  # what it would be if only its name had changed


# What came out otherwise ---------------------------------------------------------------------------------------------

PROFILE = EncodeProfile(160, 96, Fraction(30), 21, "ultrafast")
WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "chroma location": (("-chroma_sample_location", "topleft"), "its chroma location is (2, 2) where left"),
    "range": (("-color_range", "pc"), "its range is full where limited"),
    "matrix": (("-colorspace", "smpte170m"), "its primaries, transfer and matrix are (1, 1, 6)"),
    "transfer": (("-color_trc", "gamma22"), "its primaries, transfer and matrix are (1, 4, 1)"),
    "primaries": (("-color_primaries", "bt2020"), "its primaries, transfer and matrix are (9, 1, 1)"),
    "fields": (("-flags", "+ildct+ilme"), "it is interlaced"),
    "shape of pixels": (("-vf", "setsar=4/3"), "its pixels are 4/3 times as broad"),
    "pixels": (("-pix_fmt", "yuv422p"), "its pixels are not 8 bits 4:2:0"),
    "size": (("-s", "160x88"), "160x88 where 160x96"),
    "rate": (("-r", "25"), "don't come at 30 a second"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_part_that_came_out_otherwise_is_refused_with_the_name_of_its_clip(tmp_path: Path, wrong: str) -> None:
    options, words = WRONG[wrong]
    store, clip = Store(tmp_path / "store"), tmp_path / "GX010001.MP4"

    def encode(video: Path, audio: Path) -> int:
        ticks = ("-video_track_timescale", str(PROFILE.timescale))
        make_clip(video, "160x96", sound=None, options=(*BT709, *ticks, *options))
        runner.run(["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "1", str(audio)], timeout=60)
        return 30

    with pytest.raises(FfmpegFailed) as failed:
        cached_or_made(store, SegmentRequest("a" * 64, PROFILE, clip), encode, None)
    assert words in failed.value.what
    assert failed.value.file == str(clip)
    assert [path for path in (store.root / "derived").rglob("*") if path.is_file()] == []


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 5), st.booleans(), st.integers(1, 9), st.integers(1, 11))
def test_what_a_parameter_set_says_is_what_the_encoder_was_told(
    tmp_path_factory: pytest.TempPathFactory, location: int, full: bool, primaries: int, matrix: int
) -> None:
    video = tmp_path_factory.mktemp("said") / "said.mp4"
    said = f"chromaloc={location}:fullrange={'on' if full else 'off'}"
    names = ("-color_primaries", str(primaries), "-color_trc", "1", "-colorspace", str(matrix))
    make_clip(video, "64x64", 0.1, sound=None, options=(*names, "-x264-params", said))
    track = read_track(video)
    assert track is not None
    (found,) = (h264.sequence(unit) for unit in h264.configuration(track.record).sps)
    assert (found.chroma_location, found.full_range) == ((location, location), full)
    assert found.colours == (primaries, 1, matrix)


@pytest.mark.parametrize("signal", ["topleft", "bt601", "interlaced", "broad pixels"])
def test_frames_of_another_signal_are_not_copied(tmp_path: Path, signal: str) -> None:
    profile = EncodeProfile(160, 96, Fraction(30), 21, "veryfast")
    plain, other = read_track(clip_of("left", tmp_path)), read_track(clip_of(signal, tmp_path))
    assert plain is not None
    assert other is not None
    assert not isinstance(kind_of(plain, profile), str)
    assert isinstance(kind_of(other, profile), str)


def test_frames_whose_file_says_otherwise_than_they_do_are_not_copied(tmp_path: Path) -> None:
    profile = EncodeProfile(160, 96, Fraction(30), 21, "veryfast")
    clip = clip_of("left", tmp_path)
    data = clip.read_bytes()
    at = data.index(b"nclx") + 4
    assert data[at : at + 6] == bytes((0, 1, 0, 1, 0, 1))
    clip.write_bytes(data[:at] + bytes((0, 9, 0, 1, 0, 9)) + data[at + 6 :])
    track = read_track(clip)
    assert track is not None
    assert "different things about their colours" in str(kind_of(track, profile))


def test_full_range_is_what_the_frames_say_and_the_file_does_not(tmp_path: Path) -> None:
    """GoPro's files call frames of all 256 levels limited; decoders go by the frames."""
    profile = EncodeProfile(160, 96, Fraction(30), 21, "veryfast")
    for levels, wrong in (("pc", 0x00), ("tv", 0x80)):
        words = ("-color_range", levels, "-x264-params", f"colorprim=1:transfer=1:colormatrix=1:range={levels}")
        clip = make_clip(tmp_path / f"{levels}.mp4", "160x96", 0.5, sound=None, options=(*BT709_NAMES, *words))
        data = bytearray(clip.read_bytes())
        at = data.index(b"nclx") + 10
        assert data[at] == 0x80 - wrong
        data[at] = wrong
        clip.write_bytes(data)
        track = read_track(clip)
        assert track is not None
        assert isinstance(kind_of(track, profile), str) is (levels == "tv")


BT709_NAMES = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709")


def test_a_segment_of_another_signal_that_is_kept_is_made_anew(tmp_path: Path) -> None:
    store, clip = Store(tmp_path / "store"), clip_of("left", tmp_path)
    first = whole_clip(store, clip, small_template())
    other = tmp_path / "other.mp4"
    argv = ["-i", str(first.video), "-c", "copy", "-bsf:v", "h264_metadata=chroma_sample_loc_type=2"]
    runner.run([*argv, "-video_track_timescale", "15360", str(other)], timeout=60)
    first.video.chmod(0o644)
    first.video.write_bytes(other.read_bytes())
    again = whole_clip(store, clip, small_template())
    track = read_track(again.video)
    assert track is not None
    profile = EncodeProfile(320, 180, Fraction(30), 21, "veryfast")
    assert not again.cached
    assert mismatches(track, profile) == []
    assert mismatches(track, dataclasses.replace(profile, full_range=True)) != []


def test_a_clip_says_where_its_colours_lie(tmp_path: Path) -> None:
    found = probe(clip_of("motion jpeg 422", tmp_path))
    assert (found.chroma_location, found.pixels) == ("center", "yuvj422p")
