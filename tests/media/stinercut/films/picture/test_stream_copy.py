"""Copying the camera's frames: bit for bit where nothing lies over them, and not at all where it isn't surely right."""

from __future__ import annotations

import dataclasses
import itertools
import json
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from support.footage import FIELDS, PLAIN, as_source, make_clip, real_footage, small_template

from stinercut.films.film import looked_into, make_film, planned
from stinercut.films.picture import encoding, footage, stream_copy
from stinercut.films.picture.encoding import EncodeProfile, Goal
from stinercut.films.picture.segments import copying_of_part
from stinercut.films.picture.stream_copy import (
    CopyFormat,
    ShotPiece,
    StreamCopy,
    copying_of,
    kind_of,
    kind_of_film,
    made_of_pieces,
)
from stinercut.storage.store import Store
from stinercut.templates.timeline import Look
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.mp4 import h264
from stinercut.video.mp4.tracks import Format, SampleRun, read_track, write_track
from stinercut.video.probe import probe

TAGS = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
CLOSED = ("-g", "10", "-bf", "0", *TAGS)
REORDERED = ("-preset", "veryfast", "-g", "10", "-bf", "3", *TAGS)
PROFILE = EncodeProfile(160, 96, Fraction(30), 21, "veryfast")


def camera(path: Path, *options: str, seconds: float = 4.0, fps: str = "30", size: str = "160x96") -> Path:
    """A clip as a camera writes it, in whole groups of a third of a second unless told otherwise."""
    return make_clip(path, size, seconds, fps, None, options or CLOSED)


def hashes(video: Path) -> list[str]:
    """A hash of each frame as it is decoded."""
    argv = ["-i", str(video), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framehash", "-hash", "md5", "pipe:1"]
    said = b"".join(runner.read_pipe(argv, timeout=60, chunk_bytes=1 << 16)).decode()
    return [line.split(",")[-1].strip() for line in said.splitlines() if not line.startswith("#")]


def likeness(video: Path, clip: Path, first: int, frames: int) -> list[float]:
    """SSIM of each frame of the video with the clip's, from frame `first` on."""
    graph = (
        f"[0:v]scale=in_range=auto:out_range=tv,format=yuv420p[a];[1:v]trim=start_frame={first}:"
        f"end_frame={first + frames},setpts=PTS-STARTPTS,scale=in_range=auto:out_range=tv,format=yuv420p[b];"
        "[a][b]ssim=f=-"
    )
    words = ["ffmpeg", "-v", "error", "-i", str(video), "-i", str(clip), "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return [float(line.split("All:")[1].split()[0]) for line in said.splitlines()]


def packets(video: Path) -> tuple[list[int], list[int]]:
    """When frames are shown (sorted) and when they are decoded (as they come), in ticks."""
    words = ["ffprobe", "-v", "error", "-show_entries", "packet=pts,dts", "-of", "csv=p=0", str(video)]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    pairs = [tuple(map(int, line.split(",")[:2])) for line in lines]
    return sorted(shown for shown, _ in pairs), [decoded for _, decoded in pairs]


def with_kind(clip: Path, profile: EncodeProfile = PROFILE) -> tuple[CopyFormat, EncodeProfile]:
    """The clip's kind, and the profile of a film that copies from it."""
    kind = kind_of_film([clip], profile)
    assert kind is not None
    return kind, dataclasses.replace(profile, full_range=kind.full_range, set_number=kind.free_number)


def spliced(
    clip: Path, shown: tuple[int, int], covered: list[tuple[int, int]], folder: Path, profile: EncodeProfile
) -> tuple[str, StreamCopy, Path]:
    """A shot of the clip put together: why not, what was to be copied, and the video."""
    kind, profile = with_kind(clip, profile)
    copying = copying_of(clip, shown, covered, kind, profile)
    assert isinstance(copying, StreamCopy), copying
    goal = Goal(profile, shown[1], folder / "spliced.mp4", folder / "none.wav")

    def encode(piece: ShotPiece, target: Path) -> None:
        part = Goal(profile, piece.frames, target, goal.audio)
        source = footage.FootageSource(clip, probe(clip), shown[0] + piece.begin, piece.frames)
        frame = footage.Frame(profile.width, profile.height, profile.rate)
        picture = footage.picture_of(footage.opened(source, profile.rate), source, frame, Look(), None)
        encoding.encode(encoding.picture_alone(picture, part), part, file=clip, on_progress=None)

    return made_of_pieces(copying, goal, folder, encode), copying, goal.video


def require_exact(clip: Path, copying: StreamCopy, video: Path, shown: tuple[int, int], ticks: int) -> None:
    """Copied frames are the camera's, bit for bit; the others look like them; all of them come in an even row."""
    first, frames = shown
    filmed, made = hashes(clip), hashes(video)
    assert len(made) == frames
    for piece in copying.pieces:
        if piece.copied:
            begin, end = piece.begin, piece.begin + piece.frames
            assert made[begin:end] == filmed[first + begin : first + end]
    assert min(likeness(video, clip, first, frames)) > 0.93
    when, decoded = packets(video)
    assert when == list(range(0, frames * ticks, ticks))
    assert {later - sooner for sooner, later in itertools.pairwise(decoded)} == {ticks}


@pytest.mark.parametrize("options", [CLOSED, REORDERED], ids=["in order", "frames that wait for others"])
def test_whole_groups_are_copied_and_the_edges_encoded(tmp_path: Path, options: tuple[str, ...]) -> None:
    clip = camera(tmp_path / "clip.mp4", *options)
    shown = (13, 100)
    reason, copying, video = spliced(clip, shown, [(50, 55)], tmp_path, PROFILE)
    assert reason == ""
    assert [(piece.begin, piece.frames, piece.copied) for piece in copying.pieces] == [
        (0, 7, False),
        (7, 40, True),
        (47, 10, False),
        (57, 40, True),
        (97, 3, False),
    ]
    require_exact(clip, copying, video, shown, PROFILE.ticks)


def test_a_real_camera_is_copied(tmp_path: Path) -> None:
    clip = real_footage("max-heromode.mp4")
    profile = EncodeProfile(848, 480, Fraction(30_000, 1001), 21, "veryfast")
    shown = (5, 48)
    reason, copying, video = spliced(clip, shown, [], tmp_path, profile)
    assert (reason, copying.copied) == ("", 40)
    require_exact(clip, copying, video, shown, profile.ticks)


@pytest.mark.parametrize("levels", ["tv", "pc"])
def test_a_film_holds_both_and_passes_its_checks(tmp_path: Path, levels: str) -> None:
    pixels = ("-pix_fmt", "yuvj420p") if levels == "pc" else ()
    clips = [
        camera(tmp_path / f"{name}.mp4", *CLOSED, "-color_range", levels, *pixels, size="320x180", seconds=seconds)
        for name, seconds in (("a", 3), ("b", 2))
    ]
    mark = [{"clips": [{"asset": {"type": "text", "text": "MARK"}, "start": 1, "length": 0.5}]}]
    main = json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"][-1:]
    template = small_template(change={"timeline": {"tracks": mark + main}}, fps="source", preset="veryfast")
    it = planned(Store(tmp_path / "store"), template, FIELDS, looked_into([as_source(clip) for clip in clips]))
    plan, shop = it.films[0].plan, it.films[0].shop
    copied = [copying_of_part(shop, part) for part in plan.parts]
    assert [one.copied if one else 0 for one in copied] == [0, 30 + 40, 60, 0]
    finished = make_film(it, tmp_path / "film.mp4")
    assert [check.name for check in finished.checks if not check.passed] == []
    film = hashes(finished.film.path)
    first, second = hashes(clips[0]), hashes(clips[1])
    assert film[30:60] == first[:30]
    assert film[80:120] == first[50:]
    assert film[120:180] == second
    track = read_track(finished.film.path)
    assert track is not None
    assert h264.numbers(h264.configuration(track.record)) == ([1, 0], [1, 0])
    sets = [h264.sequence(unit) for unit in h264.configuration(track.record).sps]
    assert {one.full_range for one in sets} == {levels == "pc"}
    whole = finished.film.path.read_bytes()
    inside = (
        h264.kind_of(unit)
        for offset, size in zip(track.offsets, track.sizes, strict=True)
        for unit in h264.units(whole[offset : offset + size], 4)
    )
    assert not {h264.SPS, h264.PPS} & set(inside)


def test_a_real_camera_that_stores_another_size_is_encoded() -> None:
    clip = read_track(real_footage("karma.mp4"))
    assert clip is not None
    assert "size" in str(kind_of(clip, EncodeProfile(854, 480, Fraction(30_000, 1001), 21, "veryfast")))


@pytest.mark.parametrize(
    ("options", "film", "why"),
    [
        (CLOSED, {"width": 320}, "size"),
        (CLOSED, {"rate": Fraction(25)}, "frames"),
        (CLOSED, {"encoder": "h264_nvenc"}, "h264_nvenc"),
        (("-g", "10", *TAGS[:-2], "-color_range", "tv", "-colorspace", "smpte170m"), {}, "colours"),
        (("-g", "10"), {}, "colours"),
        ((*CLOSED, "-pix_fmt", "yuv422p"), {}, "pixels"),
        ((*CLOSED, "-flags", "+ilme+ildct"), {}, "interlaced"),
        ((*CLOSED, "-aspect", "4:3"), {}, "stretches"),
        ((*CLOSED, "-c:v", "libx265", "-x265-params", "log-level=none"), {}, "H.264"),
        ((*REORDERED, "-bf", "3"), {"preset": "ultrafast"}, "wait"),
    ],
    ids=["size", "rate", "encoder", "matrix", "untagged", "4:2:2", "interlaced", "stretched", "hevc", "reordered"],
)
def test_what_isnt_surely_right_is_encoded(
    tmp_path: Path, options: tuple[str, ...], film: dict[str, object], why: str
) -> None:
    track = read_track(camera(tmp_path / "clip.mp4", *options, seconds=0.5))
    assert track is not None
    reason = kind_of(track, dataclasses.replace(PROFILE, **film))
    assert isinstance(reason, str)
    assert why in reason


def test_uneven_frames_and_turned_pictures_are_encoded(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4", seconds=1)
    late = tmp_path / "late.mp4"
    runner.run(["-i", str(clip), "-c", "copy", "-bsf:v", "setts=ts=TS+200*gt(N\\,20)", str(late)], timeout=30)
    turned = tmp_path / "turned.mp4"
    runner.run(["-i", str(clip), "-c", "copy", "-metadata:s:v:0", "rotate=90", str(turned)], timeout=30)
    for path, why in ((late, "frames"), (turned, "turns")):
        track = read_track(path)
        assert track is not None
        assert why in str(kind_of(track, PROFILE))


def test_nothing_is_copied_where_an_overlay_leaves_no_second(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4")
    kind, profile = with_kind(clip)
    assert "long enough" in str(copying_of(clip, (0, 120), [(0, 50), (79, 120)], kind, profile))
    assert isinstance(copying_of(clip, (0, 120), [(0, 50), (80, 120)], kind, profile), StreamCopy)


def test_a_clip_shown_past_its_end_has_its_last_frame_encoded(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4", seconds=2)
    reason, copying, video = spliced(clip, (0, 62), [], tmp_path, PROFILE)
    assert reason == ""
    assert [(piece.frames, piece.copied) for piece in copying.pieces] == [(60, True), (2, False)]
    assert hashes(video)[:60] == hashes(clip)


def test_one_camera_of_several_is_copied(tmp_path: Path) -> None:
    short = camera(tmp_path / "a.mp4", seconds=1)
    other = camera(tmp_path / "b.mp4", "-preset", "veryfast", "-bf", "0", "-g", "10", *TAGS, seconds=2)
    kind = kind_of_film([short, other, tmp_path / "missing.mp4"], PROFILE)
    track = read_track(other)
    assert track is not None
    assert kind == kind_of(track, PROFILE)
    assert "another camera" in str(copying_of(short, (0, 30), [], kind, PROFILE)) if kind else False


@pytest.mark.parametrize(
    "options",
    [(*REORDERED, "-x264-params", "open-gop=1"), ("-bf", "0", "-g", "10", *TAGS, "-x264-params", "intra-refresh=1")],
    ids=["open groups", "pictures that are made anew bit by bit"],
)
def test_key_frames_that_others_look_past_are_found_within_the_frames(tmp_path: Path, options: tuple[str, ...]) -> None:
    """By its index such a clip is cut into whole groups; only its frames show that its key frames are not ones."""
    clip = camera(tmp_path / "clip.mp4", *options)
    kind, profile = with_kind(clip)
    copying = copying_of(clip, (0, 120), [], kind, profile)
    assert isinstance(copying, StreamCopy)
    assert "open group" in stream_copy.why_not(copying)
    reason, _, video = spliced(clip, (0, 120), [], tmp_path, PROFILE)
    assert "open group" in reason
    assert not video.exists()


def test_a_clip_that_few_devices_decode_is_encoded(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4", *CLOSED, "-level", "6.1", seconds=0.5)
    track = read_track(clip)
    assert track is not None
    assert "few devices" in str(kind_of(track, PROFILE))


def test_damaged_footage_is_encoded(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4", size="320x180")
    track = read_track(clip)
    assert track is not None
    content = bytearray(clip.read_bytes())
    at = int(track.offsets[55])
    content[at + 30 : at + 60] = bytes(30)
    clip.write_bytes(content)
    main = json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"][-1:]
    template = small_template(change={"timeline": {"tracks": main}}, fps="source")
    it = planned(Store(tmp_path / "store"), template, FIELDS, looked_into([as_source(clip)]))
    shop, part = it.films[0].shop, it.films[0].plan.parts[1]
    assert copying_of_part(shop, part) is not None
    finished = make_film(it, tmp_path / "film.mp4")
    assert [check.name for check in finished.checks if not check.passed] == []
    assert copying_of_part(shop, part) is None
    again = planned(Store(tmp_path / "store"), template, FIELDS, looked_into([as_source(clip)]))
    assert again.films[0].shop.kind is None


def test_damage_at_a_seam_and_changing_parameter_sets_are_found(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4")
    track = read_track(clip)
    assert track is not None
    content = bytearray(clip.read_bytes())
    at = int(track.offsets[115])
    content[at + 8 : at + int(track.sizes[115])] = bytes(int(track.sizes[115]) - 8)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    reason, _, video = spliced(damaged, (0, 120), [], tmp_path, PROFILE)
    assert "complains" in reason
    assert not video.exists()
    other = camera(tmp_path / "other.mp4", "-preset", "veryfast", "-bf", "0", "-g", "10", *TAGS)
    both = tmp_path / "both.mp4"
    listed = tmp_path / "list.ffconcat"
    listed.write_text(f"ffconcat version 1.0\nfile '{clip}'\nfile '{other}'\n")
    runner.run(["-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", str(both)], timeout=30)
    assert "parameter sets change" in spliced(both, (0, 240), [], tmp_path, PROFILE)[0]


def test_configurations_go_together_or_are_refused(tmp_path: Path) -> None:
    records: list[h264.Configuration] = []
    for number, name in ((0, "a"), (3, "b"), (0, "c")):
        preset = "veryfast" if name == "c" else "ultrafast"
        params = ("-x264-params", f"sps-id={number}") if number else ()
        track = read_track(camera(tmp_path / f"{name}.mp4", "-preset", preset, *TAGS, *params, seconds=0.2))
        assert track is not None
        records.append(h264.configuration(track.record))
        assert records[-1].packed == track.record
    both = h264.merged(records[:2])
    assert h264.numbers(both) == ([0, 3], [0, 3])
    assert h264.configuration(both.packed) == both
    with pytest.raises(h264.Strange):
        h264.merged(records)


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4", *REORDERED, seconds=1)
    track = read_track(clip)
    assert track is not None
    copy = tmp_path / "copy.mp4"
    write_track(copy, [SampleRun(track, 0, 30)], Format(160, 96, 15_360, 512, 2, track.record, full_range=False))
    again = read_track(copy)
    assert again is not None
    assert (again.frames, again.length, again.delay, list(again.order)) == (30, 30 * 512, 1024, list(track.order))
    assert hashes(copy) == hashes(clip)
    with pytest.raises(ValueError, match="order"):
        write_track(copy, [SampleRun(track, 0, 2)], Format(160, 96, 15_360, 512, 2, track.record, full_range=False))


def test_a_damaged_file_has_no_track(tmp_path: Path) -> None:
    clip = camera(tmp_path / "clip.mp4", seconds=0.5)
    whole = clip.read_bytes()
    for cut in range(0, len(whole), max(1, len(whole) // 40)):
        clip.write_bytes(whole[:cut])
        assert read_track(clip) is None
