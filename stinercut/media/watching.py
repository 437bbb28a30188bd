"""Watches a whole film once: what decoding says, how loud it is, where the picture is black or stands still.

Lives here: one pass of ffmpeg over a film, and reading what its filters found. Doesn't: what is right (`checks`).
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from stinercut.errors import FfmpegFailed
from stinercut.media import ffmpeg as runner
from stinercut.media.encoding import Progress, share_of
from stinercut.media.sound import integrated

LONGEST_STILL = 4.0
LONGEST_BLACK = 2.0
"""Seconds of footage that may stand still or be black before somebody should look: a lens cap, a broken decoder."""

_EVERY = 5
"""Every fifth frame is looked at: nothing that lasts two seconds slips through, and it costs a fifth."""

_FROZEN = "-60dB"
"""How little two pictures differ that stand still; noise of a camera's sensor is above it."""

_NOTE = re.compile(r"^lavfi\.(black|freezedetect\.freeze)_(start|end)=([0-9.]+)", re.MULTILINE)

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Seen:
    """What was seen: frames that decode, what ffmpeg complained of, loudness in LUFS, spans in seconds."""

    frames: int
    said: str
    loudness: float
    black: Spans
    still: Spans


def watch(film: Path, frames: int, on_progress: Progress | None = None) -> Seen:
    """Decode all of a film that should have so many frames. Raises FfmpegFailed when nothing of it can be decoded."""
    counted = 0
    tell = share_of(frames, on_progress)

    def count(done: int) -> None:
        nonlocal counted
        counted = done
        if tell:
            tell(done)

    with tempfile.TemporaryDirectory(prefix="stinercut-check-") as name:
        folder = Path(name)
        log, seen, heard = (folder / f"{what}.txt" for what in ("said", "seen", "heard"))
        argv = _graph(film, seen, heard)
        try:
            runner.run(argv, timeout=120 + frames, on_frame=count, file=film, log=log)
            said = log.read_text(errors="replace").strip()
        except FfmpegFailed as failed:
            if not counted:
                raise
            said = failed.what
        notes = seen.read_text() if seen.is_file() else ""
        loudness = integrated(heard.read_text() if heard.is_file() else "")
    return Seen(counted, said, loudness, _spans(notes, "black"), _spans(notes, "freezedetect.freeze"))


def _graph(film: Path, seen: Path, heard: Path) -> list[str]:
    # By default the decoder hides most damage: of 20 films with 2000 wrong bytes each it complained of 16, so of all.
    source = ffmpeg.input(str(film.absolute()), err_detect="explode+aggressive")
    both = source["v:0"].filter_multi_output("split", 2)
    looked = (
        both[1]
        .filter("framestep", _EVERY)
        .filter("blackdetect", d=LONGEST_BLACK, pix_th=0.05)
        .filter("freezedetect", n=_FROZEN, d=LONGEST_STILL)
        .filter("metadata", mode="print", file=str(seen))
    )
    listened = (
        source["a:0"]
        .filter("ebur128", metadata=1)
        .filter("ametadata", mode="print", key="lavfi.r128.I", file=str(heard))
    )
    everything = ffmpeg.output(both[0], listened, "-", format="null", fps_mode="passthrough")
    other = ffmpeg.output(looked, "-", format="null", fps_mode="passthrough")
    argv: list[str] = ffmpeg.merge_outputs(everything, other).global_args("-xerror").compile()
    return argv


def _spans(notes: str, what: str) -> Spans:
    """From and to which second; what hasn't ended lasts until the film does."""
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
