"""Small videos of every odd kind, made by ffmpeg on the spot, and where the real footage lies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from PIL import Image

from stinercut.films.film import looked_into, planned
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segments import ClipSource, Workshop, part_segment
from stinercut.storage.store import Store, hash_file
from stinercut.templates import Fields, Template
from stinercut.templates.timeline import Document
from stinercut.video import ffmpeg_runner as runner

FIELDS = Fields("Jana Nováková", date(2025, 6, 14), "Klatovy")

SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate={rate}:duration={seconds}")


def make_clip(  # noqa: PLR0917
    path: Path,
    size: str = "160x90",
    seconds: float = 1.0,
    fps: str = "30",
    sound: str | None = "48000:2",
    options: tuple[str, ...] = (),
) -> Path:
    """A moving test picture with a tone (`rate:channels`, None for no sound). `options` go before the output name.

    Each kind is made once and copied: a process of ffmpeg takes a tenth of a second to load its libraries alone.
    """
    path.write_bytes(_clip(path.suffix, size, seconds, fps, sound, options))
    return path


@cache
def _clip(  # noqa: PLR0917
    suffix: str, size: str, seconds: float, fps: str, sound: str | None, options: tuple[str, ...]
) -> bytes:
    argv = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}:duration={seconds}"]
    if sound:
        rate, channels = sound.split(":")
        argv += [word.format(rate=rate, seconds=seconds) for word in SINE]
        argv += ["-c:a", "aac", "-ac", channels]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options]
    with TemporaryDirectory() as folder:
        made = Path(folder) / f"clip{suffix}"
        runner.run([*argv, str(made)], timeout=60)
        return made.read_bytes()


def rotated(path: Path, degrees: int, target: Path) -> Path:
    """The same video with a note to turn it, counter-clockwise."""
    argv = ["-i", str(path), "-map", "0", "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", str(target)]
    runner.run(argv, timeout=60)
    return target


def with_cover_first(clip: Path, target: Path) -> Path:
    """The same MP4 with cover art, a red JPEG, that ffmpeg finds before the tracks: it becomes its stream 0."""
    behind = target.with_suffix(".behind.mp4")
    runner.run([*_with_red_picture(clip), "-map", "0:v", "-map", "0:a?", "-map", "1", *COVER, str(behind)], timeout=60)
    data = behind.read_bytes()
    begin = data.index(b"moov") - 4
    size = int.from_bytes(data[begin : begin + 4])
    moov = data[begin + 8 : begin + size]
    assert begin + size == len(data), "the index lies at the end, so no offset changes"
    inside = [moov[at : at + length] for at, length in _boxes_in(moov)]
    inside.sort(key=lambda box: {b"mvhd": 0, b"udta": 1}.get(box[4:8], 2))
    target.write_bytes(data[: begin + 8] + b"".join(inside))
    behind.unlink()
    return target


COVER = ("-c", "copy", "-disposition:v:1", "attached_pic")


def with_thumbnail_first(clip: Path, target: Path) -> Path:
    """The same video behind a track of its own with one red JPEG, which nothing marks as a thumbnail."""
    runner.run([*_with_red_picture(clip), "-map", "1", "-map", "0", "-c", "copy", str(target)], timeout=60)
    return target


def _with_red_picture(clip: Path) -> list[str]:
    picture = clip.with_suffix(".jpg")
    Image.new("RGB", (64, 36), "red").save(picture)
    return ["-i", str(clip), "-i", str(picture)]


def _boxes_in(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each box begins, and its length."""
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        yield at, length
        at += length


def never_finalised(clip: Path, target: Path) -> Path:
    """The same video in Matroska or WebM as a recorder leaves it that died, or a browser: written to a pipe, which
    can't be gone back in to note a length or an index.
    """
    kind = "webm" if target.suffix == ".webm" else "matroska"
    argv = ["-i", str(clip), "-map", "0", "-c", "copy", "-map_metadata:s", "-1", "-f", kind, "pipe:1"]
    target.write_bytes(b"".join(runner.read_pipe(argv, timeout=60, chunk_bytes=1 << 16)))
    return target


def as_source(path: Path) -> ClipSource:
    """A clip as the store knows it."""
    return ClipSource(hash_file(path), path, path.name)


PLAIN = Path(__file__).parent / "plain"
"""A template whose title and outro last a second and don't move."""


def small_template(*, change: Mapping[str, Any] | None = None, folder: Path = PLAIN, **output: object) -> Template:
    """The plain template at 320x180. `output` changes its film, `change` its document: `{"timeline": {...}}`."""
    said = json.loads((folder / "template.json").read_text())
    said["output"][0] |= output
    return Template(Document.model_validate(_merged(said, change or {})), folder)


def _merged(said: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`said` with the changes, dictionary by dictionary."""
    out = dict(said)
    for name, value in change.items():
        out[name] = _merged(out.get(name) or {}, value) if isinstance(value, Mapping) else value
    return out


def workshop(store: Store, template: Template, *clips: Path, fields: Fields = FIELDS) -> Workshop:
    """What the first output's parts are made with; the clips' keys are the hashes of their content."""
    return planned(store, template, fields, looked_into([as_source(clip) for clip in clips])).films[0].shop


def whole_clip(store: Store, clip: Path, template: Template) -> Segment:
    """The segment of a clip as a film of it alone shows it between cuts."""
    making = planned(store, template, FIELDS, looked_into([as_source(clip)])).films[0]
    (part,) = making.parts_of(hash_file(clip))
    return part_segment(making.shop, part)


def real_footage(name: str) -> Path:
    """A file of the real footage; skips the test where it isn't there."""
    beside = Path(__file__).parents[2].parent / "shared" / "footage"
    path = Path(os.environ.get("STINERCUT_TEST_FOOTAGE", beside)) / "gopro" / name
    if not path.is_file():
        pytest.skip(f"real footage {name} is not here (set STINERCUT_TEST_FOOTAGE)")
    return path
