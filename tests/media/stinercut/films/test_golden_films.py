"""Golden films: odd footage whose pictures and sound are compared with what they should be, not only their lengths.

Every frame of the synthetic footage carries its number, in bars that survive the encoder; its sound is a sweep, so
that each moment sounds otherwise. What a film should show is worked out here, never taken from the renderer.
"""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.footage import FIELDS, PLAIN, as_source, make_clip, real_footage, small_template
from support.golden import (
    BLACK,
    WHITE,
    Frames,
    bare,
    bars,
    decoded,
    film_frames,
    film_of,
    golden_store,
    heard,
    numbered,
    numbers,
    sweep_error,
)

from stinercut.errors import BadInput
from stinercut.films.checks.checks import NAME_THRESHOLD, title_difference
from stinercut.films.film import FilmRefused, looked_into, make_film, planned
from stinercut.films.picture.segments import part_segment
from stinercut.films.plan.plan import Blend, Filmed, Shot
from stinercut.storage.store import Store, hash_file
from stinercut.templates.timeline import Look
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.probe import probe

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("rate", ["30", "30000/1001", "25", "60000/1001"])
def test_every_frame_of_every_clip_comes_once_and_in_order(tmp_path: Path, rate: str) -> None:
    lengths = (41, 7, 58)
    clips = [numbered(tmp_path / f"{n}.mov", frames, rate, first=100 * n) for n, frames in enumerate(lengths)]
    production, finished = film_of(clips, bare(fps="source"), tmp_path)
    assert production.films[0].plan.rate == Fraction(rate)
    title = round(Fraction(rate))
    shown = numbers(decoded(finished.film.path))[title:-title]
    assert shown == [100 * n + frame for n, frames in enumerate(lengths) for frame in range(frames)]
    sound = heard(finished.film.path)
    at = title
    for n, frames in enumerate(lengths):
        if frames > 30:
            begin = float(at / Fraction(rate))
            middle = float(frames / Fraction(rate)) / 2
            source = float(100 * n / Fraction(rate)) + middle
            assert sweep_error(sound, begin + middle - 0.05, 0.1, source - 0.05) < 0.1, n
        at += frames


def test_the_last_frames_of_a_clip_are_its_last_wherever_reading_begins(tmp_path: Path) -> None:
    """Read from its beginning, from a later second, and where the picture begins after the sound."""
    plain = numbered(tmp_path / "a.mov", 160)
    late = tmp_path / "late.mov"
    both = ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy"]
    runner.run(["-itsoffset", "0.021", "-i", str(plain), "-i", str(plain), *both, str(late)], timeout=30)
    for clip in (plain, late):
        shown = looked_into([as_source(clip)])
        shop = planned(Store(tmp_path / "store"), bare(), FIELDS, shown).films[0].shop
        for begin in (0, 40, 100, 150, 158):
            part = Shot(Filmed(hash_file(clip), Look(), 1.0), begin, 160 - begin)
            assert numbers(decoded(part_segment(shop, part).video)) == list(range(begin, 160)), (clip.name, begin)


def test_chapters_of_one_recording_follow_each_other_without_a_seam(tmp_path: Path) -> None:
    """The last frame of a chapter is followed by the first of the next, and the sound goes on within it."""
    chapters = [numbered(tmp_path / f"GX0{n}.mov", 45, "30000/1001", first=45 * n) for n in range(3)]
    _, finished = film_of(chapters, bare(fps=29.97), tmp_path)
    assert numbers(decoded(finished.film.path))[30:-30] == list(range(135))
    sound = heard(finished.film.path)
    begin = 30 * 1001 / 30000
    for seam in (1, 2):
        at = 45 * seam * 1001 / 30000
        assert sweep_error(sound, begin + at - 0.05, 0.1, at - 0.05) < 0.1


def test_twice_the_rate_gives_every_other_frame_in_every_part(tmp_path: Path) -> None:
    """60 to 30 frames a second, in a body and two blends: which frames are taken must not depend on the part."""
    clips = [numbered(tmp_path / f"{n}.mov", 120, "60000/1001", first=128 * n) for n in range(3)]
    change = {"between": "crossfade", "seconds": 0.4}
    template = bare(footage={"transition": change}, fps=29.97)
    production, finished = film_of(clips, template, tmp_path)
    (making,) = production.films
    names = [hash_file(clip) for clip in clips]
    frames = decoded(finished.film.path)
    for at, part in making.plan.placed():
        if isinstance(part, Shot) and isinstance(part.content, Filmed):
            first = numbers(frames[at : at + 1])[0]
            assert first % 2 == 0
            assert numbers(frames[at : at + part.frames]) == list(range(first, first + 2 * part.frames, 2))
        if isinstance(part, Blend):
            assert part.frames == 12
            shots = [footage_of(shot) for shot in part.shots]
            going, coming = (
                np.stack([bars(128 * clip + 2 * number, 320, 180)[90] for number in range(begin, begin + 12)])
                for clip, begin in ((int(names.index(take)), begin) for take, begin in shots)
            )
            require_blended(frames[at : at + 12, 90], going, coming)
    assert sum(part.frames for part in making.plan.parts) == 30 + 180 - 24 + 30


def footage_of(shot: Shot) -> tuple[str, int]:
    """The clip that a shot shows, and its first frame."""
    assert isinstance(shot.content, Filmed)
    return shot.content.take, shot.begin


def require_blended(shown: NDArray[np.uint8], going: NDArray[np.uint8], coming: NDArray[np.uint8]) -> None:
    """Row by row, one picture flows into the other: what both show stays, the rest passes over evenly.

    The lowest bar is black in every frame with an even number: a frame beside the right one would light it up.
    """
    full = (np.array([going, coming]) - BLACK) * (255 / (WHITE - BLACK))
    middles = [round((bit + 0.5) * 320 / 10) for bit in range(10)]
    for number, row in enumerate(shown[:, middles].astype(float)):
        one, other = full[:, number, middles]
        share = (number + 0.5) / len(shown)
        assert np.abs(row - ((1 - share) * one + share * other)).max() < 20, number
        assert row[0] < 12, number


def test_a_crossfade_goes_from_one_to_the_other(tmp_path: Path) -> None:
    white = make_clip(tmp_path / "w.mp4", seconds=2, options=("-vf", "drawbox=t=fill:c=white"))
    black = make_clip(tmp_path / "b.mp4", seconds=2, options=("-vf", "drawbox=t=fill:c=black"))
    template = bare(footage={"transition": {"between": "crossfade", "seconds": 0.5}})
    _, finished = film_of([white, black], template, tmp_path)
    light = decoded(finished.film.path)[:, 60:120, 100:200].mean(axis=(1, 2))
    blend = light[30 + 45 : 30 + 60]
    assert np.all(light[32:74] > 225)
    assert np.all(light[92:130] < 25)
    assert np.all(np.diff(blend) < 0)
    assert np.abs(blend - np.linspace(255, 17, 15)).max() < 8


def test_fades_trims_and_the_overlays_window(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "w.mp4", seconds=3, sound=None, options=("-vf", "drawbox=t=fill:c=gray"))
    mark = {"asset": {"type": "text", "text": "IIIIIIII"}, "height": 0.3, "opacity": 1, "position": "center",
            "start": 0.5, "length": 1.0}  # fmt: skip
    footage = {
        "asset": {"type": "footage", "trim": {"start": 0.5, "end": 0.5}},
        "transition": {"in": "fade", "out": "fade", "seconds": 0.4},
    }
    tracks = [{"clips": [mark]}, {"clips": [
        {"asset": {"type": "svg", "src": "title.svg"}, "length": 1}, footage,
    ]}]  # fmt: skip
    template = small_template(change={"timeline": {"tracks": tracks, "background": "#ffffff"}})
    _, finished = film_of([clip], template, tmp_path)
    frames = decoded(finished.film.path)[30:]
    assert len(frames) == 60
    corner, middle = frames[:, :20, :20].mean(axis=(1, 2)), frames[:, 70:110, 100:220].max(axis=(1, 2)).astype(int)
    assert corner[0] > 225
    assert np.all(np.diff(corner[:12]) <= 1)
    assert np.all(np.abs(corner[12:48] - 126) < 6)
    assert corner[-1] > 200
    seen = middle > 200
    assert list(np.flatnonzero(seen[13:47]) + 13) == list(range(15, 45))


def test_what_lies_over_the_whole_film_lies_over_its_title_too(tmp_path: Path) -> None:
    """A mark in the corner, and a large pale one across the name: the name is still read, and told from others."""
    clip = make_clip(tmp_path / "a.mp4", sound=None)
    overlays: list[dict[str, Any]] = [
        {"asset": {"type": "text", "text": "SKYDIVE"}, "over": "film", "position": "center", "height": 0.2,
         "opacity": 0.6},
        {"asset": {"type": "text", "text": "CORNER"}, "over": "film", "position": "topLeft", "opacity": 1},
        {"asset": {"type": "text", "text": "LATER"}, "over": "film", "position": "bottom", "start": 1.5},
    ]  # fmt: skip
    tracks = [{"clips": overlays}, json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"][-1]]
    template = small_template(change={"timeline": {"tracks": tracks}}, preset="veryfast")
    production, finished = film_of([clip], template, tmp_path)
    (making,) = production.films
    assert title_difference(finished.film.path, making.shop, making.plan) < NAME_THRESHOLD / 2
    wrong = replace(making.shop, fields=replace(FIELDS, passenger_name="Jana Novákova"))
    assert title_difference(finished.film.path, wrong, making.plan) > 2 * NAME_THRESHOLD
    frames = decoded(finished.film.path)
    corner = frames[:, 5:16, 5:60].max(axis=(1, 2))
    assert corner[15] > 200
    assert corner[45] > 200


def test_a_name_that_cant_be_seen_is_no_right_name(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", sound=None)
    Image.new("RGB", (320, 180), "#406080").save(tmp_path / "board.png")
    for file in PLAIN.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    board = {"asset": {"type": "image", "src": "board.png"}, "over": "film", "height": 1, "opacity": 1, "margin": 0}
    tracks = [{"clips": [board]}, json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"][-1]]
    template = small_template(folder=tmp_path, change={"timeline": {"tracks": tracks}})
    shown = looked_into([as_source(clip)])
    with pytest.raises(FilmRefused, match="hides the name on the title"):
        make_film(planned(Store(tmp_path / "store"), template, FIELDS, shown), tmp_path / "film.mp4")


def test_a_look_does_to_colours_what_it_says(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "g.mp4", sound=None, options=("-vf", "drawbox=t=fill:c=0x406080", "-crf", "5"))

    def colour(look: dict[str, Any], files: dict[str, str] | None = None) -> NDArray[np.float64]:
        folder = tmp_path / "template"
        folder.mkdir(exist_ok=True)
        for file in PLAIN.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        template = replace(bare(footage={"asset": {"type": "footage", "look": look}}, crf=12), folder=folder)
        making = planned(Store(tmp_path / "store"), template, FIELDS, looked_into([as_source(clip)])).films[0]
        (part,) = making.parts_of(hash_file(clip))
        video = part_segment(making.shop, part).video
        argv = ["-i", str(video), "-vf", "scale=in_color_matrix=bt709:in_range=tv", "-frames:v", "1", "-f", "rawvideo"]
        data = b"".join(runner.read_pipe([*argv, "-pix_fmt", "rgb24", "-"], timeout=30, chunk_bytes=1 << 20))
        return np.median(np.frombuffer(data, np.uint8).reshape(-1, 3), axis=0)

    plain = colour({})
    assert np.abs(plain - [0x40, 0x60, 0x80]).max() <= 4
    assert np.abs(colour({"brightness": 1.4}) - plain * 1.4).max() <= 4
    assert np.abs(colour({"contrast": 1.5}) - ((plain - 127.5) * 1.5 + 127.5)).max() <= 4
    assert np.ptp(colour({"saturation": 0})) <= 3
    swap = "LUT_3D_SIZE 2\n" + "\n".join(f"{b} {g} {r}" for b in (0, 1) for g in (0, 1) for r in (0, 1)) + "\n"
    assert np.abs(colour({"lut": "swap.cube"}, {"swap.cube": swap}) - plain[::-1]).max() <= 4


def test_a_broken_table_of_colours_is_the_templates_fault_and_not_the_clips(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", sound=None)
    folder = tmp_path / "template"
    folder.mkdir()
    for file in PLAIN.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "look.cube").write_text("LUT_3D_SIZE 17\n0 0 0\n")
    footage = {"asset": {"type": "footage", "look": {"lut": "look.cube"}}}
    template = replace(bare(footage=footage), folder=folder)
    with pytest.raises(BadInput, match=r"no whole \.cube table") as refused:
        planned(Store(tmp_path / "store"), template, FIELDS, looked_into([as_source(clip)]))
    assert refused.value.file == str(folder / "look.cube")


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_hdr_comes_out_as_bright_as_it_was_meant(tmp_path: Path, transfer: str) -> None:
    """A grey ramp in ten bits: black stays black, HDR's white (203 nits) becomes a light grey, the rest lies between.

    Codes of white and of a middle grey (26 nits) are those of ITU-R BT.2408: 75 % and 38 % in HLG, 58 % and 38 % in PQ.
    """
    white, grey = (0.75, 0.38) if transfer == "arib-std-b67" else (0.58, 0.38)
    raw = tmp_path / "hdr.yuv"
    luma = np.repeat(np.array([0.0, grey, white, 1.0]) * 876 + 64, 80).round().astype("<u2")
    one = np.tile(luma, (180, 1)).tobytes() + np.full(320 * 180 // 2, 512, "<u2").tobytes()
    raw.write_bytes(one * 5)
    argv = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "320x180", "-r", "10", "-i", str(raw), "-c:v", "libx265"]
    argv += ["-x265-params", "log-level=none:lossless=1", "-color_trc", transfer, "-color_primaries", "bt2020"]
    clip = tmp_path / "hdr.mp4"
    runner.run([*argv, "-colorspace", "bt2020nc", "-color_range", "tv", "-tag:v", "hvc1", str(clip)], timeout=60)
    assert probe(clip).transfer == transfer
    _, finished = film_of([clip], bare(crf=12), tmp_path)
    shown = decoded(finished.film.path)[40]
    black, middle, bright, brightest = (float(np.median(shown[:, x : x + 40])) for x in (20, 100, 180, 260))
    assert black <= 20
    assert 75 <= middle <= 125
    assert 190 <= bright <= 225
    assert bright < brightest


def test_interlaced_footage_has_no_comb(tmp_path: Path) -> None:
    """A bar that moves between two fields: woven together they make a comb, whose rows differ from their neighbours."""

    def field(number: int) -> Frames:
        picture = np.full((180, 320), BLACK, np.uint8)
        picture[:, number * 6 : number * 6 + 61] = WHITE
        return picture

    woven = [field(2 * number) for number in range(20)]
    for number, frame in enumerate(woven):
        frame[1::2] = field(2 * number + 1)[1::2]
    options = ["-vf", "setfield=tff", "-qp", "8", "-flags", "+ildct+ilme", "-x264-params", "interlaced=1"]
    clip = film_frames(tmp_path / "i.mp4", woven, "25", options=options)
    assert probe(clip).interlaced

    def comb(frames: Frames) -> float:
        rows = frames[:, 40:140].astype(float)
        return float(np.abs(rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2).mean())

    _, finished = film_of([clip], bare(fps=25), tmp_path)
    shown = decoded(finished.film.path)[25:-25]
    assert len(shown) == 20
    assert comb(shown) < comb(decoded(clip)) / 10


def test_late_and_odd_sound(tmp_path: Path) -> None:
    """Sound that begins 0.5 s after the picture, and a picture that begins 0.4 s after the sound."""
    picture = numbered(tmp_path / "a.mov", 60)
    late, early = tmp_path / "late.mov", tmp_path / "early.mov"
    both = ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy"]
    runner.run(["-i", str(picture), "-itsoffset", "0.5", "-i", str(picture), *both, str(late)], timeout=30)
    runner.run(["-itsoffset", "0.4", "-i", str(picture), "-i", str(picture), *both, str(early)], timeout=30)
    _, finished = film_of([late, early], bare(), tmp_path)
    assert numbers(decoded(finished.film.path))[30:-30] == [*range(60), *range(60)]
    sound = heard(finished.film.path)
    assert np.abs(sound[48000 : 48000 + 23500]).max() < 0.01
    assert sweep_error(sound, 1.6, 0.2, 0.1) < 0.1, "late"
    assert sweep_error(sound, 3.2, 0.2, 0.6) < 0.1, "the sound before the first picture is not in the film"


def test_several_outputs_at_once(tmp_path: Path) -> None:
    """An upright film that crops, a small one at another rate, and photos; all of the same clips."""
    clips = [numbered(tmp_path / "a.mov", 60), make_clip(tmp_path / "b.mp4", size="320x180", seconds=2)]
    outputs = [
        {"type": "video", "name": "film", "width": 320, "height": 180, "fps": 30, "preset": "ultrafast"},
        {
            "type": "video",
            "name": "phone",
            "width": 90,
            "height": 160,
            "fps": 30,
            "fit": "cover",
            "preset": "ultrafast",
        },
        {"type": "video", "name": "small", "width": 160, "height": 90, "fps": 24, "preset": "ultrafast"},
        {"type": "stills", "name": "photos", "count": 4, "height": 90},
    ]
    template = small_template(change={"output": outputs})
    _, finished = film_of(clips, template, tmp_path)
    assert [film.name for film in finished.films] == ["film", "phone", "small"]
    assert [film.path.name for film in finished.films] == ["film.mp4", "film-phone.mp4", "film-small.mp4"]
    assert [(probe(film.path).width, film.frames) for film in finished.films] == [(320, 180), (90, 180), (160, 144)]
    upright = decoded(finished.films[1].path, (90, 160))[40]
    assert min(upright[:10].max(), upright[-10:].max()) > 200, "no bars above and below"
    (folder,) = finished.photos
    photos = sorted(path.name for path in folder.iterdir())
    assert photos == ["01.jpg", "02.jpg", "03.jpg", "04.jpg"]
    assert all(probe_size(folder / name) == (160, 90) for name in photos)
    shown = looked_into([as_source(clip) for clip in clips])
    again = make_film(planned(golden_store(tmp_path), template, FIELDS, shown), tmp_path / "film.mp4")
    assert again.photos == finished.photos


def probe_size(photo: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(photo) as opened:
        return opened.size


def test_real_footage_is_what_ffmpeg_alone_makes_of_it(tmp_path: Path) -> None:
    """A stretch from the middle of a GoPro's recording against a reference that was read from its beginning."""
    clip = real_footage("karma.mp4")
    template = bare(footage={"asset": {"type": "footage", "trim": {"start": 5.5, "end": 4.5}}}, fps=29.97, crf=14)
    _, finished = film_of([clip], template, tmp_path)
    shown = decoded(finished.film.path)[30:-30]
    rate = "30000/1001"
    chain = (
        f"setpts=PTS-STARTPTS,fps={rate}:start_time=0,scale=320:180:flags=bicubic:out_range=tv:out_color_matrix=bt709"
    )
    argv = ["-i", str(clip), "-map", "0:v:0", "-vf", f"{chain},format=yuv420p,extractplanes=y", "-f", "rawvideo", "-"]
    data = b"".join(runner.read_pipe(argv, timeout=60, chunk_bytes=1 << 20))
    wanted = np.frombuffer(data, np.uint8).reshape(-1, 180, 320)
    first = round(5.5 * NTSC)
    reference = wanted[first : first + len(shown)]
    assert len(shown) == round(probe(clip).duration * NTSC) - first - round(4.5 * NTSC)
    noise = ((shown[:, :, :].astype(float) - reference) ** 2).mean(axis=(1, 2))
    quality = 10 * np.log10(255**2 / np.maximum(noise, 1e-6))
    assert quality.min() > 33, "PSNR in dB of the worst frame; a frame beside it has less"
    beside = ((shown[1:].astype(float) - reference[:-1]) ** 2).mean(axis=(1, 2))
    assert np.median(beside) > 2 * np.median(noise)


def test_wave_files_of_segments_are_read_by_anything(tmp_path: Path) -> None:
    production, _ = film_of([numbered(tmp_path / "a.mov", 30, "30000/1001")], bare(fps=29.97), tmp_path)
    (making,) = production.films
    segment = part_segment(making.shop, making.plan.parts[1])
    with wave.open(str(segment.audio)) as sound:
        assert sound.getnframes() == 48048
