"""Segments: every odd clip comes out exact and joinable, is kept, and is made again when the kept one is damaged."""

from __future__ import annotations

import errno
import json
import shutil
import wave
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.footage import FIELDS, PLAIN, make_clip, real_footage, rotated, small_template, whole_clip, workshop

from stinercut.errors import FfmpegFailed, HostNotReady, UnreadableVideo
from stinercut.films.picture.encoding import EncodeProfile, Segment
from stinercut.films.picture.footage import fit
from stinercut.films.picture.segments import Workshop, part_segment
from stinercut.films.plan.plan import Drawn, Filmed, Shot, Window
from stinercut.films.plan.timebase import sample_at
from stinercut.storage.store import Store, hash_file
from stinercut.templates import Fields, Template
from stinercut.templates.timeline import Look
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.frames import gray_frames
from stinercut.video.probe import probe

VFR = ("-vf", "select='if(lt(n,12),1,not(mod(n,7)))'", "-fps_mode", "vfr")
HLG = ("-pix_fmt", "yuv420p10le", "-color_trc", "arib-std-b67", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def samples(segment: Segment) -> NDArray[np.int16]:
    with wave.open(str(segment.audio)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (48000, 2, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), np.int16).reshape(-1, 2)


def video_stream(segment: Segment) -> dict[str, object]:
    (stream,) = runner.ffprobe_json(segment.video, count_packets=True)["streams"]
    return stream


def drawn(store: Store, template: Template, place: int, fields: Fields = FIELDS) -> Segment:
    """The segment of a drawing of the main track."""
    shop = Workshop(store, template, template.film, template.film.rate or Fraction(30), fields, {})
    return part_segment(shop, Shot(Drawn(place, 30), 0, 30))


def unmarked(background: str = "#000000", **output: object) -> Template:
    """The plain template without its mark, with bars of that colour."""
    tracks = json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"]
    return small_template(change={"timeline": {"tracks": tracks[1:], "background": background}}, folder=PLAIN, **output)


def odd_clip(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "turned":
        return rotated(make_clip(folder / "straight.mp4"), 90, path)
    if kind == "damaged sound":
        return make_clip(path, options=("-af", "aresample=48000,atrim=end=0.4"))
    makers: dict[str, dict[str, object]] = {
        "plain": {},
        "odd size": {"size": "161x91", "options": ("-pix_fmt", "yuv444p")},
        "portrait": {"size": "90x160"},
        "no sound": {"sound": None},
        "mono 44100": {"sound": "44100:1"},
        "ntsc": {"fps": "30000/1001", "seconds": 1.3},
        "slow motion": {"fps": "120", "seconds": 0.7},
        "ten frames": {"fps": "10"},
        "changing rate": {"options": VFR, "seconds": 2.0},
        "broad pixels": {"options": ("-vf", "setsar=2/1")},
        "hdr": {"options": HLG},
        "one frame": {"seconds": 0.034, "sound": None},
    }
    return make_clip(path, **makers[kind])  # type: ignore[arg-type]


KINDS = [
    "plain", "odd size", "portrait", "no sound", "mono 44100", "ntsc", "slow motion", "ten frames", "changing rate",
    "broad pixels", "hdr", "one frame", "turned", "damaged sound",
]  # fmt: skip


def test_every_kind_of_clip_comes_out_exact_and_alike(store: Store, tmp_path: Path) -> None:
    template = small_template()
    alike: set[object] = set()
    for kind in KINDS:
        clip = odd_clip(kind, tmp_path)
        segment = whole_clip(store, clip, template)
        stream = video_stream(segment)
        assert segment.frames == max(1, round(probe(clip).duration * 30)), kind
        assert int(str(stream["nb_read_packets"])) == segment.frames, kind
        assert Fraction(str(stream["duration"])) * 30 == pytest.approx(segment.frames, abs=0.001), kind
        assert len(samples(segment)) == segment.frames * 1600, kind
        assert not list((store.root / "partial").iterdir()), kind
        alike.add((stream["extradata_hash"], stream["time_base"], stream["width"], stream["height"], stream["pix_fmt"]))
    card = drawn(store, template, 0), drawn(store, template, 2)
    alike |= {
        (stream["extradata_hash"], stream["time_base"], stream["width"], stream["height"], stream["pix_fmt"])
        for stream in map(video_stream, card)
    }
    assert len(alike) == 1
    assert [segment.frames for segment in card] == [30, 30]


@pytest.mark.parametrize("sound", [None, "48000:2"])
def test_a_clip_that_changes_its_size_on_the_way(store: Store, tmp_path: Path, sound: str | None) -> None:
    """As browsers and screen recorders write."""
    parts = [make_clip(tmp_path / f"{size}.ts", size=size, sound=sound) for size in ("320x180", "640x360")]
    clip = tmp_path / "both.ts"
    clip.write_bytes(b"".join(part.read_bytes() for part in parts))
    segment = whole_clip(store, clip, small_template())
    assert len(samples(segment)) == segment.frames * 1600
    assert video_stream(segment)["width"] == 320


def test_a_portrait_clip_has_bars_and_is_not_stretched(store: Store, tmp_path: Path) -> None:
    for kind in ("portrait", "turned"):
        segment = whole_clip(store, odd_clip(kind, tmp_path), small_template())
        _, picture = next(gray_frames(segment.video, fps=1))
        assert picture[:, :100].max() < 30
        assert picture[:150, 220:].max() < 30  # above the watermark
        assert picture[:, 120:200].std() > 20


def test_picture_and_sound_stay_together(store: Store, tmp_path: Path) -> None:
    """A flash and a beep at 1.0 s; the sound at 44.1 kHz and beginning 0.25 s late in the file."""
    clip = tmp_path / "flash.mp4"
    picture = "color=black:size=160x90:rate=30000/1001:duration=2,drawbox=t=fill:c=white:enable='gte(t,1)'"
    sound = "aevalsrc='if(gte(t,0.75),sin(2*PI*880*t),0)':s=44100:d=1.75"
    argv = ["-f", "lavfi", "-i", picture, "-itsoffset", "0.25", "-f", "lavfi", "-i", sound]
    runner.run([*argv, "-c:v", "libx264", "-c:a", "aac", str(clip)], timeout=30)
    segment = whole_clip(store, clip, small_template(fps=30))
    flash = next(moment for moment, frame in gray_frames(segment.video, fps=30) if frame[:100].mean() > 120)
    beep = int(np.argmax(np.abs(samples(segment)[:, 0].astype(int)) > 3000)) / 48000
    assert flash == pytest.approx(1.0, abs=1 / 30)
    assert beep == pytest.approx(1.0, abs=0.025)


def flat_clip(
    folder: Path, colour: NDArray[np.int_], weights: tuple[float, float], pixels: str, colorspace: str | None
) -> Path:
    """Three frames of one colour, its bytes made by the formula itself (ITU-R BT.601 and BT.709): Y'CbCr 4:2:0."""
    red, blue = weights
    r, g, b = colour / 255
    luma = red * r + (1 - red - blue) * g + blue * b
    chroma = np.array([(b - luma) / 2 / (1 - blue), (r - luma) / 2 / (1 - red)])
    full = pixels.startswith("yuvj")
    y = round(255 * luma) if full else round(16 + 219 * luma)
    cb, cr = (round(128 + (255 if full else 224) * float(value)) for value in chroma)
    raw, clip = folder / "flat.yuv", folder / f"{pixels}-{colorspace}.mp4"
    raw.write_bytes((bytes([y]) * 14400 + bytes([cb]) * 3600 + bytes([cr]) * 3600) * 3)
    argv = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", "160x90", "-r", "10", "-i", str(raw), "-c:v", "libx264"]
    argv += ["-qp", "1", *(("-colorspace", colorspace) if colorspace else ()), str(clip)]
    runner.run(argv, timeout=30)
    return clip


def first_picture(segment: Segment) -> NDArray[np.int_]:
    """The first frame as a player shows it: rows of RGB."""
    argv = ["-i", str(segment.video), "-vf", "scale=in_color_matrix=bt709:in_range=tv", "-frames:v", "1"]
    argv += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = b"".join(runner.read_pipe(argv, timeout=30, chunk_bytes=1 << 20))
    return np.frombuffer(raw, np.uint8).reshape(180, 320, 3).astype(int)


@pytest.mark.parametrize("background", ["#c03020", "#808080"])
@pytest.mark.parametrize(
    ("size", "bars"), [("90x160", np.s_[:, :100]), ("90x160", np.s_[:, 220:]), ("160x40", np.s_[:48])]
)
def test_bars_and_fades_have_the_colour_that_the_template_says(
    store: Store, tmp_path: Path, background: str, size: str, bars: tuple[slice, ...]
) -> None:
    """As a player shows it: beside a title with the same background no edge must be seen."""
    template = unmarked(background, crf=12)
    wanted = np.array([int(background[place : place + 2], 16) for place in (1, 3, 5)])
    clip = make_clip(tmp_path / "clip.mp4", size=size, sound=None)
    shown = first_picture(whole_clip(store, clip, template))
    assert np.abs(shown[bars] - wanted).max() <= 4
    assert shown[60:120, 130:190].std() > 20, "the clip is in the middle"

    shop = workshop(store, template, clip)
    come = part_segment(shop, Shot(Filmed(hash_file(clip), Look(), 1.0), 0, 30, fade_in=10))
    assert np.abs(first_picture(come) - wanted).max() <= 4


def test_colours_survive_full_range_and_other_matrices(store: Store, tmp_path: Path) -> None:
    """GoPro files are full range; SD without a note is BT.601. An orange must stay this orange."""
    template = unmarked(crf=12)
    wanted = np.array([220, 120, 40])
    for red, blue, spaces in ((0.299, 0.114, "smpte170m"), (0.299, 0.114, None), (0.2126, 0.0722, "bt709")):
        for span, pixels in (("pc", "yuvj420p"), ("tv", "yuv420p")):
            clip = flat_clip(tmp_path, wanted, (red, blue), pixels, spaces)
            segment = whole_clip(store, clip, template)
            shown = np.median(first_picture(segment).reshape(-1, 3), axis=0)
            assert np.abs(shown - wanted).max() <= 4, (spaces, span, shown)


def test_the_watermark_is_on_the_clip(store: Store, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", sound=None)
    marked, bare = (whole_clip(store, clip, template) for template in (small_template(), unmarked()))
    (_, with_mark), (_, without) = (next(gray_frames(segment.video, fps=1)) for segment in (marked, bare))
    apart = np.abs(with_mark.astype(int) - without.astype(int))
    assert apart[160:, 240:].max() > 30
    assert apart[:120, :200].max() < 12


def test_what_was_made_is_kept_until_something_that_matters_changes(store: Store, tmp_path: Path) -> None:
    template = small_template()
    clip = make_clip(tmp_path / "a.mp4")
    shop = workshop(store, template, clip)
    footage = Filmed(hash_file(clip), Look(), 1.0)
    part = Shot(footage, 0, 30, windows=(Window(0, 0, 30),))
    first, second = (part_segment(shop, part) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert (second.key, second.frames, second.video) == (first.key, first.frames, first.video)
    clip.unlink()
    assert part_segment(shop, part).cached, "the clip itself is not needed any more"
    louder = replace(part, content=replace(footage, volume=0.3))
    assert part_segment(shop, louder).cached, "how loud it is belongs to the join"

    title = drawn(store, template, 0)
    assert drawn(store, template, 0).cached
    other = Fields("Jana Novakova", FIELDS.jump_date, FIELDS.place)
    assert drawn(store, template, 0, other).key != title.key
    assert drawn(store, template, 2, other).key == drawn(store, template, 2).key, "it has no fields"
    assert part_segment(replace(shop, fields=other), part).cached, "a clip doesn't depend on the title"
    coarser, warmer = small_template(crf=25), replace(footage, look=Look(saturation=1.2))
    for workplace, changed in (
        (replace(shop, template=coarser, output=coarser.film), part),
        (replace(shop, template=unmarked()), replace(part, windows=())),
        (shop, replace(part, begin=1, frames=29, windows=(Window(0, 0, 29),))),
        (shop, replace(part, content=warmer)),
    ):
        with pytest.raises((FfmpegFailed, UnreadableVideo), match="not there"):
            part_segment(workplace, changed)


@pytest.mark.parametrize("damage", ["cut video", "cut sound", "no sound", "empty video", "other sound"])
def test_a_damaged_kept_segment_is_made_anew(store: Store, tmp_path: Path, damage: str) -> None:
    template = small_template()
    clip = make_clip(tmp_path / "a.mp4")
    first = whole_clip(store, clip, template)
    whole = first.video.read_bytes(), first.audio.read_bytes()
    if damage == "no sound":
        first.audio.unlink()
    elif damage == "other sound":
        with wave.open(str(first.audio), "wb") as sound:
            sound.setparams((2, 2, 48000, 0, "NONE", ""))
            sound.writeframes(bytes(1600 * 4))
    else:
        path, keep = (first.audio, 0.7) if "sound" in damage else (first.video, 0.8 if "cut" in damage else 0)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    again = whole_clip(store, clip, template)
    assert not again.cached
    assert (again.video.read_bytes(), again.audio.read_bytes()) == whole, "the same input gives the same bytes"
    assert whole_clip(store, clip, template).cached


@pytest.mark.parametrize("keep", [0.3, 0.8])
def test_footage_that_ends_early_is_refused_not_shortened(store: Store, tmp_path: Path, keep: float) -> None:
    """Its index is in front, so that it looks whole; the pictures at its end are missing."""
    clip = make_clip(tmp_path / "a.mp4", seconds=3, options=("-movflags", "+faststart", "-g", "30"))
    clip.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * keep)])
    with pytest.raises((UnreadableVideo, FfmpegFailed)) as refused:
        whole_clip(store, clip, small_template())
    assert refused.value.file == str(clip)
    assert not list(store.root.glob("derived/*/*"))
    assert not list((store.root / "partial").iterdir())


def test_progress_goes_from_little_to_all(store: Store, tmp_path: Path) -> None:
    seen: list[float] = []
    clip = make_clip(tmp_path / "a.mp4", seconds=2)
    shop = workshop(store, small_template(), clip)
    part = Shot(Filmed(hash_file(clip), Look(), 1.0), 0, 60)
    part_segment(shop, part, on_progress=seen.append)
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] == 1.0
    part_segment(shop, part, on_progress=seen.append)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("fps", [24, 25, 50, 60])
def test_other_frame_rates_are_exact_too(store: Store, tmp_path: Path, fps: int) -> None:
    segment = whole_clip(store, make_clip(tmp_path / "a.mp4"), small_template(fps=fps))
    assert segment.frames == fps
    assert segment.seconds == 1.0
    assert len(samples(segment)) == 48000


def test_real_gopro_footage(store: Store) -> None:
    for name, frames in (("karma.mp4", 362), ("max-heromode.mp4", 315)):
        segment = whole_clip(store, real_footage(name), small_template())
        assert segment.frames == frames
        assert len(samples(segment)) == frames * 1600
        assert np.abs(samples(segment)).max() > 100, "its sound is there"


def test_sizes_are_fitted_even_and_within() -> None:
    assert fit(1920, 1080, 1920, 1080) == (1920, 1080)
    assert fit(854, 480, 1920, 1080) == (1920, 1080)
    assert fit(2704, 2028, 1920, 1080) == (1440, 1080)
    assert fit(1080, 1920, 1920, 1080) == (608, 1080)
    assert fit(4000, 3, 1920, 1080) == (1920, 2)


def test_places_in_the_sound_never_drift_at_ntsc_rates() -> None:
    rate = Fraction(30000, 1001)
    for frame in (0, 1, 2, 10, 107892, 10_000_000):
        assert abs(sample_at(rate, frame) - frame * 48000 * 1001 / 30000) <= 0.5


def test_levels_grow_with_size_and_rate() -> None:
    levels = [EncodeProfile(w, h, Fraction(f), 21, "veryfast").level for w, h, f in
              ((320, 180, 30), (1920, 1080, 30), (1920, 1080, 60), (3840, 2160, 30), (3840, 2160, 50), (3840, 2160, 60),
               (7680, 4320, 30))]  # fmt: skip
    assert levels == ["4.1", "4.1", "4.2", "5.1", "5.2", "5.2", "6.0"]


def test_a_drawing_that_is_saved_meanwhile_is_not_kept_under_the_old_ones_key(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "template"
    shutil.copytree(PLAIN, folder)
    template = small_template(folder=folder)
    shop = Workshop(store, template, template.film, Fraction(30), FIELDS, {})
    part = Shot(Drawn(0, 30), 0, 30)
    before = luma_of(part_segment(shop, part))
    shutil.rmtree(store.root / "derived")
    lock = Store.alone

    def saved_meanwhile(self: Store, key: str) -> AbstractContextManager[None]:
        """Between asking for the key and drawing."""
        drawing = folder / "title.svg"
        drawing.write_text(drawing.read_text().replace("#1c5a9e", "#ffffff"))
        return lock(self, key)

    monkeypatch.setattr(Store, "alone", saved_meanwhile)
    assert luma_of(part_segment(shop, part)) == before
    assert luma_of(part_segment(shop, part)) > before + 50, "the new one has a key of its own"


def luma_of(segment: Segment) -> float:
    """How bright its first picture is."""
    return float(next(gray_frames(segment.video, fps=1))[1].mean())


def test_pictures_that_find_no_room_are_a_full_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Image.Image, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(HostNotReady, match="the disk is full"):
        drawn(store, small_template(), 0)
    assert not list((store.root / "partial").iterdir())
