"""Small videos of every odd kind, made by ffmpeg on the spot, and where the real footage lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stinercut.media import ffmpeg as runner
from stinercut.media.segments import ClipSource
from stinercut.store import hash_file
from stinercut.templates import Template, bundled

SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate={rate}:duration={seconds}")


def make_clip(  # noqa: PLR0917
    path: Path,
    size: str = "160x90",
    seconds: float = 1.0,
    fps: str = "30",
    sound: str | None = "48000:2",
    options: tuple[str, ...] = (),
) -> Path:
    """A moving test picture with a tone (`rate:channels`, None for no sound). `options` go before the output name."""
    argv = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}:duration={seconds}"]
    if sound:
        rate, channels = sound.split(":")
        argv += [word.format(rate=rate, seconds=seconds) for word in SINE]
        argv += ["-c:a", "aac", "-ac", channels]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options, str(path)]
    runner.run(argv, timeout=60)
    return path


def rotated(path: Path, degrees: int, target: Path) -> Path:
    """The same video with a note to turn it, counter-clockwise."""
    argv = ["-i", str(path), "-map", "0", "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", str(target)]
    runner.run(argv, timeout=60)
    return target


def as_source(path: Path) -> ClipSource:
    """A clip as the store knows it."""
    return ClipSource(hash_file(path), path, path.name)


def small_template(**output: object) -> Template:
    """The bundled template at 320x180 with a title and an outro of one second."""
    classic = bundled()
    small = {"width": 320, "height": 180, "preset": "ultrafast", **output}
    return classic.model_copy(
        update={
            "output": classic.output.model_copy(update=small),
            "title": classic.title.model_copy(update={"seconds": 1.0}),
            "outro": classic.outro.model_copy(update={"seconds": 1.0}),
        }
    )


def real_footage(name: str) -> Path:
    """A file of the real footage; skips the test where it isn't there."""
    beside = Path(__file__).parents[2].parent / "shared" / "footage"
    path = Path(os.environ.get("STINERCUT_TEST_FOOTAGE", beside)) / "gopro" / name
    if not path.is_file():
        pytest.skip(f"real footage {name} is not here (set STINERCUT_TEST_FOOTAGE)")
    return path
