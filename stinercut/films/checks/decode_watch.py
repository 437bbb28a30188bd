"""Decodes a film and reports errors, black or frozen pictures, and loudness.

Owns: ffmpeg's decoding passes, and reading the reports of its filters. Not here: what is right (`checks`), which
pictures were decoded before (`decode_proof`).
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stinercut.errors import FfmpegFailed
from stinercut.films.plan.progress import Progress, share_of
from stinercut.films.sound.mix import integrated
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here

LONGEST_STILL = 4.0
LONGEST_BLACK = 2.0
"""Seconds of footage that may stand still or be black before somebody should look: a lens cap, a broken decoder."""

_EVERY = 5
"""Every fifth frame is looked at: nothing that lasts two seconds slips through, and it costs a fifth."""

_FROZEN = "-60dB"
"""Two pictures that differ by less stand still; noise of a camera's sensor is above it."""

_NOTE = re.compile(r"^lavfi\.(black|freezedetect\.freeze)_(start|end)=([0-9.]+)", re.MULTILINE)

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Pictures:
    """The findings in the pictures: frames that decode, ffmpeg's complaints (`said`), spans in seconds."""

    frames: int
    said: str
    black: Spans
    still: Spans


@dataclass(frozen=True)
class Heard:
    """The findings in the sound: how loud it is (LUFS), ffmpeg's complaints (`said`)."""

    loudness: float
    said: str


def watch(video: Path, frames: int, on_progress: Progress | None = None) -> Pictures:
    """Decode all pictures of a video that should have `frames` of them.

    Raises FfmpegFailed when none of them can be decoded, or when ffmpeg was stopped, which proves nothing about the
    pictures.
    """
    counted = 0
    tell = share_of(frames, on_progress)

    def count(done: int) -> None:
        nonlocal counted
        counted = done
        if tell:
            tell(done)

    with tempfile.TemporaryDirectory(prefix="stinercut-check-") as name:
        log, seen = Path(name, "said.txt"), Path(name, "seen.txt")
        try:
            runner.run(_looking(video, seen), timeout=120 + frames, on_frame=count, file=video, log=log)
            complaints = log.read_text(errors="replace").strip()
        except FfmpegFailed as failed:
            if not counted or isinstance(failed, runner.Stopped):
                raise
            complaints = failed.what
        notes = seen.read_text() if seen.is_file() else ""
    return Pictures(counted, complaints, _spans(notes, "black"), _spans(notes, "freezedetect.freeze"))


def listen(film: Path, seconds: float, on_progress: Progress | None = None) -> Heard:
    """Decode all sound of a film of that length. Raises FfmpegFailed when no sound can be decoded."""
    with tempfile.TemporaryDirectory(prefix="stinercut-check-") as name:
        log, heard = Path(name, "said.txt"), Path(name, "listened.txt")
        tell = share_of(seconds, on_progress)
        runner.run(_listening(film, heard), timeout=120 + seconds, on_second=tell, file=film, log=log)
        complaints = log.read_text(errors="replace").strip()
        return Heard(integrated(heard.read_text() if heard.is_file() else ""), complaints)


def begin_everywhere(film: Path) -> str:
    """Decode the key frames alone, as a player that seeks does. Returns ffmpeg's complaints. Raises FfmpegFailed."""
    with tempfile.TemporaryDirectory(prefix="stinercut-check-") as name:
        log = Path(name, "said.txt")
        picture = made_here(film, "mov", skip_frame="nokey", err_detect=_STRICT)["v:0"]
        decoded = ffmpeg_graph.output(picture, "-", format="null", fps_mode="passthrough").global_args("-xerror")
        runner.run(decoded.compile(), timeout=120, file=film, log=log)
        return log.read_text(errors="replace").strip()


_STRICT = "explode+aggressive"
"""By default the decoder hides most damage: of 20 films with 2000 wrong bytes each it complained about 16. With this
option it complained about all 20.
"""


def _looking(video: Path, seen: Path) -> list[str]:
    both = made_here(video, "mov", err_detect=_STRICT)["v:0"].filter_multi_output("split", 2)
    looked = (
        both[1]
        .filter("framestep", _EVERY)
        .filter("blackdetect", d=LONGEST_BLACK, pix_th=0.05)
        .filter("freezedetect", n=_FROZEN, d=LONGEST_STILL)
        .filter("metadata", mode="print", file=str(seen))
    )
    everything = ffmpeg_graph.output(both[0], "-", format="null", fps_mode="passthrough")
    other = ffmpeg_graph.output(looked, "-", format="null", fps_mode="passthrough")
    argv: list[str] = ffmpeg_graph.merged(everything, other).global_args("-xerror").compile()
    return argv


def _listening(film: Path, heard: Path) -> list[str]:
    sound = (
        made_here(film, "mov", err_detect=_STRICT)["a:0"]
        .filter("ebur128", metadata=1)
        .filter("ametadata", mode="print", key="lavfi.r128.I", file=str(heard))
    )
    argv: list[str] = ffmpeg_graph.output(sound, "-", format="null").global_args("-xerror").compile()
    return argv


def _spans(notes: str, what: str) -> Spans:
    """The spans of one kind, in seconds; a span without an end lasts to the end of the film."""
    spans: list[tuple[float, float]] = []
    begin: float | None = None
    for kind, edge, moment in _NOTE.findall(notes):
        if kind != what:
            continue
        if edge == "start":
            begin = float(moment)
        elif begin is not None:
            spans.append((begin, float(moment)))
            begin = None
    return (*spans, (begin, float("inf"))) if begin is not None else tuple(spans)
