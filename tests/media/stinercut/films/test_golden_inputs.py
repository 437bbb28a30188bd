"""Golden films of odd footage: pictures that are turned, stretched, uneven or of more colours, sound of other kinds.

What a film should show is drawn here, with numpy and OpenCV, and compared with what the film shows (SSIM, colours, the
numbers that frames carry, samples); nothing of it comes from the renderer.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.footage import rotated
from support.golden import (
    BLACK,
    WHITE,
    Frames,
    bare,
    bars,
    coloured,
    decoded,
    film_frames,
    film_of,
    heard,
    likeness,
    numbered,
    numbers,
    saved,
    sweep,
    sweep_error,
)

from stinercut.errors import FfmpegFailed, UnreadableVideo
from stinercut.films.picture.segments import part_segment
from stinercut.films.plan.plan import Filmed, Shot
from stinercut.storage.store import hash_file
from stinercut.templates.timeline import Look
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.probe import probe

LEAST_LIKE = 0.97
"""SSIM; the same picture a pixel aside, turned the wrong way or a tenth broader has less (tried below)."""


def scene(width: int, height: int, number: int) -> Frames:
    """A picture that looks otherwise however it is turned or stretched, and says its number in its middle."""
    picture = np.full((height, width), 60, np.uint8)
    unit = min(width, height) // 12
    cv2.circle(picture, (2 * unit, 2 * unit), unit, WHITE, -1)
    cv2.rectangle(picture, (width - 4 * unit, unit), (width - unit, 2 * unit), 180, -1)
    triangle = np.array([[unit, height - unit], [4 * unit, height - unit], [unit, height - 4 * unit]])
    cv2.fillPoly(picture, [triangle], 120)
    cv2.line(picture, (width // 2, height - unit), (width - unit, height // 2), WHITE, max(2, unit // 3))
    left, right = width // 5, width - width // 5
    picture[height * 2 // 5 : height * 3 // 5, left:right] = bars(
        number, right - left, height * 3 // 5 - height * 2 // 5
    )
    return picture


def shown_as(picture: Frames, size: tuple[int, int] = (320, 180)) -> Frames:
    """The picture fitted into a film of that size, in its middle, black around it."""
    height, width = picture.shape
    scale = min(size[0] / width, size[1] / height)
    fitted = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    small = cv2.resize(picture, fitted, interpolation=cv2.INTER_AREA)
    out = np.full((size[1], size[0]), BLACK, np.uint8)
    left, top = (
        (all_of - part) // 4 * 2 for all_of, part in zip(size, fitted, strict=True)
    )  # colours lie on even ones
    out[top : top + fitted[1], left : left + fitted[0]] = small
    return out


FRAMES = 5
FORMS = {
    # name: stored size, shape of its pixels, degrees that a player turns it counter-clockwise, options
    "4:3 pixels": ((240, 180), Fraction(4, 3), 0, ()),
    "tall pixels": ((352, 288), Fraction(12, 11), 0, ()),
    "narrow pixels": ((640, 180), Fraction(1, 2), 0, ()),
    "turned 90": ((320, 180), Fraction(1), 90, ()),
    "turned 180": ((320, 180), Fraction(1), 180, ()),
    "turned 270": ((320, 180), Fraction(1), 270, ()),
    "turned, broad pixels": ((240, 180), Fraction(4, 3), 90, ()),
    "odd size": ((333, 187), Fraction(1), 0, ("-pix_fmt", "yuv444p")),
    "odd and upright": ((187, 333), Fraction(1), 0, ("-pix_fmt", "yuv444p")),
}


def test_pictures_of_every_shape_are_shown_as_a_player_shows_them(tmp_path: Path) -> None:
    clips = [footage_of(form, tmp_path / str(number)) for number, form in enumerate(FORMS)]
    _, finished = film_of(clips, bare(crf=12), tmp_path)
    shown = np.rint(decoded(finished.film.path)[30:-30] * (219 / 255) + 16).astype(np.uint8)
    assert len(shown) == FRAMES * len(FORMS)
    for place, form in enumerate(FORMS):
        wanted = [wanted_of(form, number) for number in range(FRAMES)]
        for number, frame in enumerate(shown[FRAMES * place :][:FRAMES]):
            like = [likeness(frame, one) for one in wanted]
            assert like[number] > LEAST_LIKE, (form, number, like)
            assert max(like) == like[number], (form, number, "another frame is more like it")
        one, right = shown[FRAMES * place + 2], wanted[2]
        for wrong in (np.roll(right, 3, axis=1), right[::-1], right[:, ::-1], right[::-1, ::-1]):
            assert likeness(one, wrong) < LEAST_LIKE, form


def footage_of(form: str, folder: Path) -> Path:
    """The scene in that form, a few frames of it."""
    folder.mkdir()
    (width, height), shape, degrees, options = FORMS[form]
    pixels = ("-vf", f"setsar={shape.numerator}/{shape.denominator}", *options)
    clip = film_frames(folder / "a.mp4", (scene(width, height, number) for number in range(FRAMES)), options=pixels)
    return rotated(clip, degrees, folder / "turned.mp4") if degrees else clip


def wanted_of(form: str, number: int) -> Frames:
    """The frame of a film that shows that frame of the scene."""
    (width, height), shape, degrees, _ = FORMS[form]
    square = cv2.resize(scene(width, height, number), (round(width * shape), height), interpolation=cv2.INTER_CUBIC)
    return shown_as(np.rot90(square, degrees // 90).astype(np.uint8))


def test_frames_at_uneven_times_are_on_the_screen_when_they_should_be(tmp_path: Path) -> None:
    """A telephone's footage: frames early and late, fewer of them in the dark, half a second without any."""
    steps = [3000 + 800 * (number * 7 % 5) - 800 * ((number - 1) * 7 % 5) for number in range(1, 75)]
    steps = [step + 3000 * (number >= 40) + 45000 * (number == 55) for number, step in enumerate(steps)]
    ticks = [0, *np.cumsum(steps).tolist()]
    even = numbered(tmp_path / "even.mov", 75)
    expression = (
        "".join(f"if(eq(N\\,{number})\\,{tick}\\," for number, tick in enumerate(ticks)) + "0" + ")" * len(ticks)
    )
    picture, clip = tmp_path / "picture.mp4", tmp_path / "uneven.mov"
    length = ticks[-1] / 90000 + 1 / 30
    tone = saved(tmp_path / "tone.wav", sweep(0, round(length * 48000)))
    argv = ["-i", str(even), "-an", "-c", "copy", "-bsf:v", f"setts=time_base=1/90000:ts='{expression}'"]
    runner.run([*argv, "-video_track_timescale", "90000", str(picture)], timeout=30)
    both = ["-i", str(picture), "-i", str(tone), "-map", "0:v", "-map", "1:a", "-c", "copy"]
    runner.run([*both, "-video_track_timescale", "90000", str(clip)], timeout=30)
    assert sorted(show for show, _ in runner.packet_times(clip)) == ticks
    _, finished = film_of([clip], bare(), tmp_path)
    shown = numbers(decoded(finished.film.path))[30:-30]
    times = np.array([*ticks, ticks[-1] + 3000]) / 90000
    assert abs(len(shown) - length * 30) <= 1
    assert shown == sorted(shown)
    room = 0.57 / 30  # half a frame, as times are rounded, and the sixteenth that docs/rendering.md speaks of
    for place, number in enumerate(shown):
        assert times[number] <= place / 30 + room, (place, number)
        assert number == 74 or times[number + 1] >= place / 30 - room, (place, number)
    longer = {number for number in range(75) if times[number + 1] - times[number] > 1 / 30 + 2 * room}
    assert longer <= set(shown)
    sound = heard(finished.film.path)
    for at in (0.1, 0.8, 1.7, 2.6, length - 0.2):
        assert sweep_error(sound, 1 + at, 0.1, at) < 0.1, at


@pytest.mark.parametrize("tagged", [True, False], ids=["as ffmpeg writes it", "without its tags"])
def test_a_matroska_is_as_long_as_its_picture(tmp_path: Path, tagged: bool) -> None:
    """Its sound goes on for two seconds, and its header gives only the length of both."""
    tone = saved(tmp_path / "tone.wav", sweep(0, round(3.5 * 48000)))
    pictures = (bars(number, 320, 180) for number in range(45))
    clip = film_frames(tmp_path / "a.mkv", pictures, sound=["-i", str(tone)])
    if not tagged:
        # The name of the tag is changed, byte for byte, as in files that were never finished or have other tags.
        clip.write_bytes(clip.read_bytes().replace(b"DURATION", b"NOTHINGS"))
    assert "duration" not in runner.ffprobe_json(clip)["streams"][0]
    assert probe(clip).duration == pytest.approx(1.5, abs=0.002)
    _, finished = film_of([clip], bare(), tmp_path)
    assert numbers(decoded(finished.film.path))[30:-30] == list(range(45))
    assert sweep_error(heard(finished.film.path), 2.2, 0.2, 1.2) < 0.1


def test_a_matroska_whose_picture_begins_late_is_as_long_as_its_picture(tmp_path: Path) -> None:
    plain, late = numbered(tmp_path / "a.mkv", 45), tmp_path / "late.mkv"
    both = ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy"]
    runner.run(["-itsoffset", "0.4", "-i", str(plain), "-i", str(plain), *both, str(late)], timeout=30)
    assert probe(late).duration == pytest.approx(1.5, abs=0.002)
    _, finished = film_of([late], bare(), tmp_path)
    assert numbers(decoded(finished.film.path))[30:-30] == list(range(45))


COPIED = ("-g", "10", "-bf", "0", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
          "-color_range", "tv")  # fmt: skip


@pytest.mark.parametrize(("frames", "options"), [(45, ()), (1, ()), (45, COPIED)], ids=["many", "one", "copied"])
def test_a_last_frame_that_lasts_long_is_shown_for_as_long(
    tmp_path: Path, frames: int, options: tuple[str, ...]
) -> None:
    """Cameras that write frames at changing distances say of the last one as well how long it is on the screen."""
    plain, clip = numbered(tmp_path / "plain.mp4", frames, options=("-an", *options)), tmp_path / "clip.mp4"
    longer = f"setts=duration='if(eq(N\\,{frames - 1})\\,DURATION*75\\,DURATION)'"
    runner.run(["-i", str(plain), "-c", "copy", "-bsf:v", longer, str(clip)], timeout=30)
    whole = frames + 74
    assert probe(clip).duration == pytest.approx(whole / 30, abs=0.002)
    production, finished = film_of([clip], bare(), tmp_path)
    assert numbers(decoded(finished.film.path))[30:-30] == [*range(frames), *[frames - 1] * 74]
    (making,) = production.films
    assert (making.shop.kind is not None) == bool(options), "the camera's own frames, and what is held after them"
    # A part of it that lies within that time alone, read from a later second.
    part = Shot(Filmed(hash_file(clip), Look(), 1.0), whole - 10, 10)
    assert numbers(decoded(part_segment(making.shop, part).video)) == [frames - 1] * 10


def test_a_last_frame_that_lasts_long_hides_no_missing_footage(tmp_path: Path) -> None:
    plain, clip = numbered(tmp_path / "plain.mp4", 60, options=("-an", "-g", "10")), tmp_path / "clip.mp4"
    longer = "setts=duration='if(eq(N\\,59)\\,DURATION*75\\,DURATION)'"
    runner.run(["-i", str(plain), "-c", "copy", "-bsf:v", longer, "-movflags", "+faststart", str(clip)], timeout=30)
    clip.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.7)])
    with pytest.raises((UnreadableVideo, FfmpegFailed)):
        film_of([clip], bare(), tmp_path)


def test_sound_of_other_rates_is_the_same_sound(tmp_path: Path) -> None:
    """The sweep at its place to the end of each clip: no drift, as loud as it was, and nothing of it beyond."""
    kinds = ((44100, "pcm_s16le", "a.mov"), (44100, "aac", "b.mp4"), (96000, "flac", "c.mkv"))
    clips: list[Path] = []
    for rate, codec, name in kinds:
        tone = saved(tmp_path / f"{name}.wav", sweep(0, round(2.5 * rate), rate), rate)
        words = ["-c:a", codec, "-b:a", "256k"]
        pictures = (bars(number, 320, 180) for number in range(75))
        clips.append(film_frames(tmp_path / name, pictures, sound=["-i", str(tone)], options=words))
        found = probe(clips[-1]).audio
        assert found
        assert (found.sample_rate, found.codec) == (rate, codec)
    _, finished = film_of(clips, bare(), tmp_path)
    sound = heard(finished.film.path)
    assert 0 <= len(sound) - 48000 * 19 // 2 < 1024, "the rest of the last AAC frame"
    for begin, (_, codec, _) in zip((1, 3.5, 6), kinds, strict=True):
        for at in (0.05, 0.7, 1.5, 2.3):
            assert sweep_error(sound, begin + at, 0.15, at) < 0.06, (codec, at)
    assert np.abs(sound[: 48000 - 1100]).max() < 0.01
    assert np.abs(sound[48000 * 17 // 2 + 1100 :]).max() < 0.01


TONES = {"FL": 400, "FR": 520, "FC": 680, "LFE": 60, "BL": 840, "BR": 1000}


@pytest.mark.parametrize("loud", [0.1, 0.9])
def test_six_channels_become_two_with_all_that_was_said(tmp_path: Path, loud: float) -> None:
    """Left is left, the middle is on both sides, what was behind is heard too (ITU-R BS.775: 3 dB below), nothing is
    cut off however loud it is.
    """
    times = np.arange(2 * 48000) / 48000
    six = np.stack([loud * np.sin(2 * np.pi * hertz * times) for hertz in TONES.values()], axis=1)
    tone = saved(tmp_path / "six.wav", six)
    pictures = (bars(number, 320, 180) for number in range(60))
    layout = ["-channel_layout", "5.1", "-i", str(tone)]
    clip = film_frames(tmp_path / "a.mkv", pictures, sound=layout)
    found = probe(clip).audio
    assert found
    assert found.channels == 6
    _, finished = film_of([clip], bare(change={"loudness": None}), tmp_path)
    sound = heard(finished.film.path, channels=2)[48000 + 12000 : 48000 + 84000]
    assert len(sound) == 72000
    levels = [{name: level_of(side, hertz) for name, hertz in TONES.items()} for side in sound.T]
    left, right = levels
    full = left["FL"]
    assert full > 0.4 * loud
    half = 0.5**0.5
    for side, near, far in ((left, "L", "R"), (right, "R", "L")):
        wanted = {f"F{near}": 1.0, f"F{far}": 0.0, "FC": half, f"B{near}": half, f"B{far}": 0.0, "LFE": 0.0}
        assert {name: round(level / full, 1) for name, level in side.items()} == {
            name: round(wanted[name], 1) for name in TONES
        }
        heard_at_all = sum((side[name] for name in TONES), 0.0)
        assert heard_at_all < 1
    rest = sound - sum(
        np.outer(np.sin(2 * np.pi * hertz * (times[:72000] + 0.25)), [left[name], right[name]])
        for name, hertz in TONES.items()
    )
    assert np.sqrt((rest**2).mean()) < 0.02 * loud, "distorted: peaks were cut off"


def level_of(sound: NDArray[np.float64], hertz: float) -> float:
    """How loud a tone is, 0 to 1; the sound lasts a whole number of its waves."""
    turning = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / 48000)
    return float(2 * np.abs((sound * turning).mean()))


# Colours -------------------------------------------------------------------------------------------------------------

PATCHES = ((0.5, 0.5, 0.5), (0.6, 0.25, 0.2), (0.2, 0.5, 0.25), (0.2, 0.3, 0.6), (0.75, 0.6, 0.45))
"""Colours as BT.709's screens show them, 0 to 1: grey, brick, grass, sky, skin."""

# Linear light of BT.709 in the primaries of others: ITU-R BT.2087, and worked out in the same way for P3 (EG 432-1).
TO_OTHERS = {
    "bt2020": ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)),
    "smpte432": ((0.8225, 0.1774, 0.0000), (0.0332, 0.9669, 0.0000), (0.0171, 0.0724, 0.9108)),
}


@pytest.mark.parametrize(("primaries", "matrix"), [("bt2020", "bt2020nc"), ("smpte432", "bt709")])
def test_colours_of_a_wider_range_stay_the_same_colours(tmp_path: Path, primaries: str, matrix: str) -> None:
    """SDR in ten bits with the primaries of BT.2020 or P3: taken for BT.709's, everything would be paler."""
    wide = [_curved(np.array(TO_OTHERS[primaries]) @ _straight(np.array(patch))) for patch in PATCHES]
    red, blue = (0.2627, 0.0593) if matrix == "bt2020nc" else (0.2126, 0.0722)
    planes = []
    for r, g, b in wide:
        luma = red * r + (1 - red - blue) * g + blue * b
        u, v = (b - luma) / 2 / (1 - blue), (r - luma) / 2 / (1 - red)
        planes.append((64 + 876 * luma, 512 + 896 * u, 512 + 896 * v))
    lumas, us, vs = (np.round(np.array(values)).astype("<u2") for values in zip(*planes, strict=True))
    frame = np.tile(np.repeat(lumas, 64), (180, 1)).tobytes()
    frame += b"".join(np.tile(np.repeat(values, 32), (90, 1)).tobytes() for values in (us, vs))
    clip = tmp_path / "wide.mp4"
    argv = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "320x180", "-r", "10", "-i", "pipe:0", "-c:v", "libx265"]
    argv += ["-x265-params", "log-level=none:lossless=1", "-color_primaries", primaries, "-color_trc", "bt709"]
    argv += ["-colorspace", matrix, "-color_range", "tv", "-tag:v", "hvc1", str(clip)]
    runner.write_pipe(argv, [frame] * 4, timeout=60)
    assert (probe(clip).primaries, probe(clip).matrix) == (primaries, matrix)
    _, finished = film_of([clip], bare(crf=12), tmp_path)
    (stream,) = [one for one in runner.ffprobe_json(finished.film.path)["streams"] if one["codec_type"] == "video"]
    said = {stream[name] for name in ("color_primaries", "color_transfer", "color_space")}
    assert said == {"bt709"}
    shown = coloured(finished.film.path)[35]
    found = [np.median(shown[60:120, 64 * n + 20 : 64 * n + 44].reshape(-1, 3), axis=0) for n in range(len(PATCHES))]
    assert np.abs(np.array(found) - 255 * np.array(PATCHES)).max() <= 4
    assert max(np.abs(np.array(wide) - np.array(PATCHES)).max(axis=1)) * 255 > 10, "the test could tell"


def _straight(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Codes as the light of a screen (ITU-R BT.1886: 2.4), by which ITU-R BT.2087 converts."""
    return code**2.4


def _curved(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return light ** (1 / 2.4)
