"""Files from outside: read as what they are by their first bytes, within limits, and never as a list of other files."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image
from pydantic import TypeAdapter
from support.footage import as_source, make_clip
from support.templating import own_template

from stinercut import input_limits
from stinercut.codes.reader import read_file
from stinercut.codes.reading import Reason
from stinercut.errors import FfmpegFailed, UnreadableVideo
from stinercut.films.film import looked_into
from stinercut.films.template_check import problems
from stinercut.storage.store import Store, hash_file, key_of, replace_file
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.containers import container_of
from stinercut.video.ffmpeg_inputs import Entry, from_outside, in_a_row
from stinercut.video.frames import gray_frames
from stinercut.video.mp4.tracks import read_index, read_track
from stinercut.video.probe import Probe, kept_probe, probe
from stinercut.video.stills import jpeg_still

# ------------------------------------------------------------------------------------- texts that name other files

HOSTILE = {
    "DASH": """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
        profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" mediaPresentationDuration="PT2S">
        <Period duration="PT2S"><AdaptationSet mimeType="video/mp4">
        <Representation id="0" mimeType="video/mp4" bandwidth="1000"><BaseURL>{other}</BaseURL>
        <SegmentBase/></Representation></AdaptationSet></Period></MPD>""",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{other}'\n",
    "a list of files": "file '{other}'\n",
    "SDP": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n",
    "IMF": """<?xml version="1.0"?>
        <CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2013"><Id>urn:uuid:1</Id>
        </CompositionPlaylist>""",
    "XSPF": '<?xml version="1.0"?><playlist version="1"><trackList><track>{other}</track></trackList></playlist>',
    "PLS": "[playlist]\nFile1={other}\n",
    "a list of addresses": "http://127.0.0.1/film.mp4\n",
}


TAG = b"ID3\4\0\0\0\0\0\x0a" + bytes(10)
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "a mark in front": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "blanks in front": lambda text: b" \r\n\t" * 500 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "behind a tag": lambda text: TAG + text.encode(),
    "behind two tags": lambda text: TAG + TAG + text.encode(),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
}
"""How else the same texts are written."""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another passenger's film."""
    path = tmp_path_factory.mktemp("films") / "other.mp4"
    return make_clip(path, seconds=2.0, options=("-movflags", "+faststart"))


def still_of(path: Path) -> bytes:
    return jpeg_still(path, 0, 64)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_text_that_names_other_files_is_refused_by_its_name(tmp_path: Path, other: Path, kind: str) -> None:
    path = tmp_path / "GX010023.MP4"
    path.write_text(HOSTILE[kind].format(other=other))
    for look in (probe, runner.ffprobe_json, runner.packet_times, from_outside, still_of):
        with pytest.raises(UnreadableVideo, match=kind) as refused:
            look(path)
        assert "neither video nor music" in refused.value.what
    assert list(gray_frames_or_none(path)) == []
    assert read_index(path) is None
    assert read_track(path) is None
    assert read_file(path).reason is Reason.UNREADABLE
    with pytest.raises(UnreadableVideo):
        looked_into([as_source(path)])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_such_a_text_is_refused_by_its_name_however_it_is_written(tmp_path: Path, other: Path, spelling: str) -> None:
    path = tmp_path / "GX010023.MP4"
    for kind in ("DASH", "HLS", "ffconcat"):
        path.write_bytes(SPELLINGS[spelling](HOSTILE[kind].format(other=other)))
        with pytest.raises(UnreadableVideo, match=rf"{kind}.*neither video nor music"):
            container_of(path)


def test_packed_and_long_winded_ones_are_no_video_either(tmp_path: Path, other: Path) -> None:
    text, path = HOSTILE["DASH"].format(other=other).encode(), tmp_path / "GX010023.MP4"
    for content, what in ((gzip.compress(text), "a packed file"), (b"\n" * 10_000 + text, "a text")):
        path.write_bytes(content)
        with pytest.raises(UnreadableVideo, match=what):
            container_of(path)


def test_tags_without_end_are_not_followed(tmp_path: Path, other: Path) -> None:
    """What comes behind many tags is not looked at, and read as music or not at all."""
    path = tmp_path / "tune.mp3"
    path.write_bytes(TAG * 100 + HOSTILE["ffconcat"].format(other=other).encode())
    assert container_of(path).demuxer == "mp3"
    with pytest.raises(UnreadableVideo) as refused:
        runner.ffprobe_json(path)
    assert "@ 0x" not in refused.value.what


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """Opening a pipe waits for somebody who writes into it."""
    path = tmp_path / "GX010023.MP4"
    os.mkfifo(path)
    for look in (container_of, probe):
        with pytest.raises(UnreadableVideo, match=r"pipe|not there"):
            look(path)
    assert read_file(path).reason is Reason.UNREADABLE
    assert read_index(path) is None
    assert read_track(path) is None


def gray_frames_or_none(path: Path) -> Iterator[object]:
    try:
        yield from gray_frames(path, fps=2)
    except UnreadableVideo:
        return


def test_what_a_probe_said_before_is_not_believed(tmp_path: Path, other: Path) -> None:
    """An older version took the text for the film that it names, and kept that."""
    store, path = Store(tmp_path / "store"), tmp_path / "GX010023.MP4"
    path.write_text(HOSTILE["DASH"].format(other=other))
    kept = store.derived_path(key_of("probe", 3, hash_file(path), runner.build()), ".json")
    replace_file(kept, TypeAdapter(Probe).dump_json(probe(other)))
    with pytest.raises(UnreadableVideo, match="DASH"):
        kept_probe(store, hash_file(path), path)


def test_templates_take_no_lists_either(tmp_path: Path, other: Path) -> None:
    clips = [
        {"asset": {"type": "video", "src": "opener.mp4"}},
        {"asset": {"type": "svg", "src": "title.svg"}, "length": 2},
        {"asset": {"type": "footage"}},
    ]
    template = own_template(
        tmp_path / "own", timeline__soundtrack={"src": "tune.mp3"}, timeline__tracks__0__clips=clips
    )
    for name in ("tune.mp3", "opener.mp4"):
        (template / name).write_text(HOSTILE["HLS"].format(other=other))
    said = [problem.sentence() for problem in problems(template)]
    assert len(said) == 2, said
    assert "tune.mp3: this is not music that can be read: the file is a playlist (HLS" in said[0]
    assert "opener.mp4: this is not a video that can be read: the file is a playlist (HLS" in said[1]


# ------------------------------------------------------------------------------------- containers that name other files


def test_tracks_in_other_files_are_not_followed(tmp_path: Path, other: Path) -> None:
    """An MP4 may say that its frames lie elsewhere (ISO/IEC 14496-12, 8.7.2; QuickTime writes aliases)."""
    plain = other.read_bytes()
    path = tmp_path / "GX010023.MP4"
    path.write_bytes(with_alias(plain, other))
    follow = ["-enable_drefs", "1", "-use_absolute_path", "1", "-i", str(path), "-map", "0:v"]
    runner.run([*follow, "-c", "copy", "-f", "null", "-"], timeout=30)  # ffmpeg would, if it were told to
    with pytest.raises(UnreadableVideo):
        list(gray_frames(path, fps=2))
    with pytest.raises(UnreadableVideo):
        jpeg_still(path, 0, 64)


def with_alias(data: bytes, other: Path) -> bytes:
    """The index of that film alone (it stands in front), its tracks said to lie in the other file."""
    ftyp, moov = (data[begin:end] for begin, end in boxes_of(data)[:2])
    return ftyp + rewritten(moov, alias_to(other))


def boxes_of(data: bytes, at: int = 0) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    while at < len(data):
        out.append((at, at + int.from_bytes(data[at : at + 4])))
        at = out[-1][1]
    return out


def rewritten(box: bytes, dref: bytes) -> bytes:
    kind = box[4:8]
    if kind == b"dref":
        return dref
    if kind not in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        return box
    inside = b"".join(rewritten(box[begin:end], dref) for begin, end in boxes_of(box, 8))
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def alias_to(other: Path) -> bytes:
    """A `dref` with one QuickTime alias to a path, as ffmpeg's mov.c reads it."""
    path = str(other).encode()
    path += b"\0" * (len(path) % 2)
    entry = struct.pack(">4sI", b"alis", 0) + bytes(10) + b"\1v".ljust(28, b"\0") + bytes(12)
    entry += b"\1n".ljust(64, b"\0") + bytes(16) + struct.pack(">hh", -1, -1) + bytes(16)
    entry += struct.pack(">HH", 2, len(path)) + path + struct.pack(">hH", -1, 0)
    body = struct.pack(">II", 0, 1) + struct.pack(">I", 4 + len(entry)) + entry
    return struct.pack(">I4s", 8 + len(body), b"dref") + body


def test_a_list_of_our_own_brings_no_other_list(tmp_path: Path, other: Path) -> None:
    part, listed = tmp_path / "part.mp4", tmp_path / "both.ffconcat"
    for kind in ("HLS", "ffconcat", "DASH"):
        part.write_bytes(other.read_bytes())
        both = in_a_row([Entry(other), Entry(part)], listed)["v:0"]
        argv = both.output("-", format="null", vcodec="copy").global_args("-xerror").compile()
        runner.run(argv, timeout=30)
        part.write_text(HOSTILE[kind].format(other=other))
        with pytest.raises(UnreadableVideo):
            in_a_row([Entry(other), Entry(part)], listed)
        if kind != "ffconcat":  # Even a list that became one only after that is not followed.
            with pytest.raises(FfmpegFailed):
                runner.run(argv, timeout=30)


# ------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["-i.mp4", "concat:a.mp4", "file:a.mp4", "a%d%03d.mp4", "it's.mp4", "a|b,c;d[e].mp4"])
def test_a_name_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = make_clip(tmp_path / "plain.mp4").rename(tmp_path / name).relative_to(tmp_path)
    assert probe(path).duration == pytest.approx(1.0)
    assert len(list(gray_frames(path, fps=2))) == 2
    assert jpeg_still(path, 0.5, 64)
    both = in_a_row([Entry(path, begin=0.5), Entry(path, end=0.5)], tmp_path / "list.ffconcat")
    runner.run(both["v:0"].output("-", format="null", vcodec="copy").compile(), timeout=30)


def test_a_line_break_in_a_name_writes_no_line_of_a_list(tmp_path: Path, other: Path) -> None:
    path = tmp_path / f"a.mp4'\nfile '{other.name}"
    path.write_bytes(other.read_bytes())
    assert probe(path).duration == pytest.approx(2.0)
    listed = tmp_path / "list.ffconcat"
    row = in_a_row([Entry(path)], listed)["v:0"]
    runner.run(row.output("-", format="null", vcodec="copy").compile(), timeout=30)
    assert len(listed.read_text().splitlines()) == 2
    assert other.name not in listed.read_text()


# ------------------------------------------------------------------------------------- what comes in, and what doesn't


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("a.mov", ()),
        ("a.3gp", ("-c:a", "aac")),
        ("a.mkv", ()),
        ("a.webm", ("-c:v", "libvpx", "-c:a", "libopus")),
        ("a.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le")),
        ("a.mts", ("-mpegts_m2ts_mode", "1", "-c:a", "ac3")),
        ("a.ts", ()),
        ("a.mpg", ("-c:v", "mpeg2video", "-c:a", "mp2", "-f", "vob")),
        ("a.mxf", ("-c:v", "mpeg2video", "-c:a", "pcm_s16le")),
        ("a.flv", ("-ar", "44100")),
        ("a.wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
        ("a.ogv", ("-c:v", "libtheora", "-c:a", "libvorbis")),
    ],
)
def test_what_cameras_and_phones_write_is_read(tmp_path: Path, name: str, coded: tuple[str, ...]) -> None:
    clip = make_clip(tmp_path / name, size="320x180", fps="25", options=coded)
    disguised = clip.rename(tmp_path / "GX010001.MP4")
    found = probe(disguised)
    assert (found.width, found.height) == (320, 180)
    assert found.duration == pytest.approx(1.0, abs=0.1)
    assert found.audio is not None
    assert len(list(gray_frames(disguised, fps=2))) >= 1


@pytest.mark.parametrize(
    ("name", "coded", "demuxer"),
    [
        ("a.mp3", ("-c:a", "libmp3lame"), "mp3"),
        ("b.mp3", ("-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0"), "mp3"),
        ("a.m4a", ("-c:a", "aac"), "mov"),
        ("a.aac", ("-c:a", "aac"), "aac"),
        ("a.flac", ("-c:a", "flac"), "flac"),
        ("a.wav", (), "wav"),
        ("a.ogg", ("-c:a", "libvorbis"), "ogg"),
        ("a.opus", ("-c:a", "libopus"), "ogg"),
        ("a.aiff", (), "aiff"),
    ],
)
def test_music_is_read(tmp_path: Path, name: str, coded: tuple[str, ...], demuxer: str) -> None:
    path = tmp_path / name
    runner.run(["-f", "lavfi", "-i", "sine=duration=1", "-metadata", "title=x", *coded, str(path)], timeout=30)
    assert container_of(path).demuxer == demuxer
    assert [one["codec_type"] for one in runner.ffprobe_json(path)["streams"]] == ["audio"]


def test_music_behind_a_large_cover_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    runner.run(["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "flac", str(path)], timeout=30)
    tag = 200_000
    length = bytes(tag >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\4\0\0" + length + bytes(tag) + path.read_bytes())
    assert container_of(path).demuxer == "flac"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_picture_is_no_video(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "GX010001.MP4"
    Image.new("RGB", (64, 36)).save(path, format=kind)
    with pytest.raises(UnreadableVideo, match="a picture, neither video nor music"):
        probe(path)


def test_a_photo_of_an_iphone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.MOV"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(1000))
    with pytest.raises(UnreadableVideo, match="a picture"):
        probe(path)


STARTS = (b"", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"#EXTM3U\n", b"ID3\4\0\0", b"\xff\xfe")


@given(start=some.sampled_from(STARTS), rest=some.binary(max_size=2000))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_told_apart(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "GX010001.MP4"
    path.write_bytes(start + rest)
    read_index(path)
    read_track(path)
    try:
        told = container_of(path).options
    except UnreadableVideo:
        return
    assert told["protocol_whitelist"] == "file,pipe"
    assert told["format_whitelist"] == told["f"] != "concat"


@given(places=some.lists(some.tuples(some.integers(0, 6000), some.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_header_is_refused_or_read(tmp_path: Path, places: list[tuple[int, int]]) -> None:
    whole = tmp_path / "whole.mp4"
    if not whole.is_file():
        make_clip(whole, options=("-movflags", "+faststart"))
    data = bytearray(whole.read_bytes())
    for place, value in places:
        data[place % len(data)] = value
    path = tmp_path / "GX010001.MP4"
    path.write_bytes(data)
    read_index(path)
    read_track(path)
    try:
        found = probe(path)
    except UnreadableVideo:
        return
    assert not input_limits.broken_by_length(found.duration, found.size)


# ------------------------------------------------------------------------------------- ceilings


def test_what_no_camera_writes_is_refused(tmp_path: Path) -> None:
    for name, source, options, why in (
        ("wide.mkv", "color=s=16400x64:d=0.1", ("-c:v", "ffv1"), "16400 x 64 pixels"),
        ("stretched.mp4", "color=s=320x180:d=0.1,setsar=100", (), "32000 x 180 pixels"),
        ("fast.mp4", "color=s=64x36:r=2000:d=0.1", (), "2000 frames a second"),
        ("long.mkv", "color=s=64x36:r=1:d=2,setpts=36000*N/TB", ("-fps_mode", "passthrough"), "36001 s, which its"),
    ):
        path = tmp_path / name
        runner.run(["-f", "lavfi", "-i", source, *options, str(path)], timeout=60)
        with pytest.raises(UnreadableVideo, match=why):
            probe(path)
        with pytest.raises(UnreadableVideo, match=why):
            jpeg_still(path, 0, 64)
        # Codes are read off pixels as they are stored.
        assert (read_file(path).reason is Reason.UNREADABLE) is (name != "stretched.mp4")


def test_a_picture_that_comes_after_days_is_refused(tmp_path: Path) -> None:
    """An edit list puts the picture behind the sound by so many seconds."""
    clip, path = make_clip(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    apart = ["-itsoffset", "100000", "-i", str(clip), "-i", str(clip), "-map", "0:v", "-map", "1:a", "-c", "copy"]
    runner.run([*apart, str(path)], timeout=30)
    with pytest.raises(UnreadableVideo, match="it says to last 28 hours"):
        probe(path)


def test_more_frames_than_any_camera_writes_are_refused(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4", sound=None).read_bytes()
    at = data.index(b"stts")
    path = tmp_path / "b.mp4"
    path.write_bytes(data[: at + 12] + struct.pack(">I", 10**9) + data[at + 16 :])
    with pytest.raises(UnreadableVideo, match="1000000000 frames"):
        probe(path)


def test_packets_without_end_are_not_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4")
    monkeypatch.setattr(input_limits, "MOST_FRAMES", 20)
    with pytest.raises(UnreadableVideo, match="to have 21 frames"):
        runner.packet_times(path)


ORDINARY = ((7680, 4320, 60), (5312, 4648, 30), (12288, 6144, 30), (3840, 2160, 240), (1920, 1080, 960))


def test_the_ceilings_leave_room_for_every_camera() -> None:
    for width, height, fps in ORDINARY:
        assert not input_limits.broken_by_size(width, height)
        assert not input_limits.broken_by_rate(fps, width, height)
    assert input_limits.broken_by_size(12_000, 10_000)
    assert input_limits.broken_by_rate(300, 12_000, 8_000)
    assert input_limits.broken_by_length(100_000, 10**11)
    assert input_limits.broken_by_length(600, 1000)
    assert not input_limits.broken_by_length(60, 1000)
    assert not input_limits.broken_by_length(12 * 3600, 4 * 10**9)
    assert not input_limits.broken_by_frames(10 * 3600 * 240)


def test_an_index_of_billions_of_frames_takes_no_memory(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4", sound=None).read_bytes()
    at = data.index(b"stsz")
    path = tmp_path / "b.mp4"
    path.write_bytes(data[: at + 8] + struct.pack(">II", 100, 2**32 - 1) + data[at + 16 :])
    assert read_track(path) is None


def test_boxes_beside_each_other_without_end(tmp_path: Path) -> None:
    """The index comes last, behind more empty boxes than anybody writes."""
    ftyp, moov, mdat = b"", b"", b""
    data = make_clip(tmp_path / "a.mp4", sound=None).read_bytes()
    for begin, end in boxes_of(data):
        kind, box = data[begin + 4 : begin + 8], data[begin:end]
        ftyp, moov, mdat = (box if kind == name else kept for name, kept in zip(KINDS, (ftyp, moov, mdat), strict=True))
    path = tmp_path / "b.mp4"
    for count, is_read in ((100, True), (20_000, False)):
        path.write_bytes(ftyp + mdat + struct.pack(">I4s", 8, b"free") * count + moov)
        assert (read_track(path) is not None) is is_read


KINDS = (b"ftyp", b"moov", b"mdat")


def test_boxes_within_boxes_without_end(tmp_path: Path) -> None:
    inside = b""
    for _ in range(3000):
        inside = struct.pack(">I4s", 8 + len(inside), b"mdia") + inside
    moov = struct.pack(">I4s", 16 + len(inside), b"moov") + struct.pack(">I4s", 8 + len(inside), b"trak") + inside
    path = tmp_path / "a.mp4"
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0) + moov)
    assert read_index(path) is None
    assert read_track(path) is None


def test_ffmpeg_takes_no_more_memory_than_it_may() -> None:
    with pytest.raises(FfmpegFailed, match="not enough memory"):
        runner.run(
            ["-f", "lavfi", "-i", "color=s=16000x12000:d=1", "-pix_fmt", "rgba64le", "-f", "null", "-"], timeout=60
        )
    seen: list[tuple[int, int]] = []

    def look(_frames: int) -> None:
        (child,) = (one for one in psutil.Process().children() if one.name().startswith("ffmpeg"))
        seen.append(child.rlimit(psutil.RLIMIT_DATA))

    endless = ["-re", "-f", "lavfi", "-i", "color=s=64x36:d=1", "-f", "null", "-"]
    runner.run(endless, timeout=60, on_frame=lambda done: look(done) if not seen else None)
    assert seen == [(input_limits.memory_of_ffmpeg(), input_limits.memory_of_ffmpeg())]
    assert input_limits.memory_of_ffmpeg() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
