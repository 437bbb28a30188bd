"""Chooses the encoder for films: a hardware encoder of the machine if it really works, otherwise x264.

Owns: the trial, its kept result, each encoder's options, falling back to software. Not here: encoding a film
(`stinercut.films.picture.encoding`), starting ffmpeg (`ffmpeg_runner`). ffmpeg's list of encoders proves nothing:
Debian's ffmpeg lists all of them, and none opens without its hardware. So each encodes three frames, and the result is
checked.

An encoder has ffmpeg's name, followed by a colon and its device if it needs one: `h264_vaapi:/dev/dri/renderD128`. All
parts of a film are made by one encoder: it is part of each segment's key, and the join refuses decoder configurations
that don't go together.
"""

from __future__ import annotations

import contextlib
import functools
import json
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from stinercut.clock import Clock, machine_clock
from stinercut.errors import FfmpegFailed
from stinercut.storage.store import replace_file
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.mp4.tracks import read_track

Work = TypeVar("Work")
Result = TypeVar("Result")

SOFTWARE = "libx264"
HARDWARE = ("h264_nvenc", "h264_qsv", "h264_videotoolbox", "h264_vaapi", "h264_amf", "h264_v4l2m2m")
"""In the order of preference."""

_VAAPI = "h264_vaapi"
_TRIAL_FRAMES = 3
_TRIAL_SIZE = (640, 360)
_TRIAL_SECONDS = 30.0

_BELIEVED_S = 24 * 3600.0
"""How long a result is believed: a driver may be updated, or a graphics card be put in."""

_BITS_PER_PIXEL = 0.12
"""For encoders that have no quality setting, only a bit rate: 7.5 Mbit/s at 1080p30."""


class EncoderFailed(FfmpegFailed):
    """A hardware encoder failed in the middle of a film. Then the whole film is made with software.

    `what` begins with the encoder's name.
    """


@dataclass(frozen=True)
class Trial:
    """The result of trying an encoder. `why`: the reason why it can't be used; empty if it can."""

    encoder: str
    why: str = ""

    @property
    def works(self) -> bool:
        """Whether the encoder can be used."""
        return not self.why


@dataclass(frozen=True)
class Choice:
    """The encoder in use, the reason for it, and all trials."""

    encoder: str
    reason: str
    trials: tuple[Trial, ...]


def note_of(root: Path) -> Path:
    """The file with this machine's trials, in a folder that several machines may share."""
    return root / "encoders" / f"{platform.node() or 'this-machine'}.json"


def chosen(wish: str, note: Path) -> Choice:
    """The encoder for new films. `wish`: `auto`, `software`, or an encoder's name. `note`: the file with the trials.

    If the wished encoder doesn't work, the choice is software, with the reason. Raises MissingProgram without ffmpeg.
    """
    if wish in ("software", SOFTWARE):
        return Choice(SOFTWARE, "chosen by a setting", ())
    trials = remembered(note)
    allowed = [trial for trial in trials if wish == "auto" or wish in (trial.encoder, name_of(trial.encoder))]
    for trial in allowed:
        if trial.works:
            return Choice(trial.encoder, "it works here", trials)
    if wish == "auto":
        return Choice(SOFTWARE, "no encoder of the hardware works here", trials)
    why = allowed[0].why if allowed else "nothing of that name is known"
    return Choice(SOFTWARE, f"{wish} can't be used: {why}", trials)


# The answers ---------------------------------------------------------------------------------------------------------


def remembered(note: Path, clock: Clock = machine_clock) -> tuple[Trial, ...]:
    """The trials of all hardware encoders, made again when ffmpeg or the devices have changed, or after a day."""
    here = [runner.build(), *_devices()]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        if kept["here"] == here and 0 <= clock().timestamp() - float(kept["at"]) < _BELIEVED_S:
            return tuple(Trial(**trial) for trial in kept["trials"])
    trials = tuple(tried(encoder) for encoder in candidates())
    _keep(note, here, trials, clock())
    return trials


def with_software_fallback(
    store_root: Path, work: Work, in_software: Callable[[Work], Work], make: Callable[[Work], Result]
) -> Result:
    """The result of `make` for this work. If the hardware encoder fails, everything is made again in software: a film
    never has two encoders. The encoder is distrusted from then on, unless the software fails as well.
    """
    try:
        return make(work)
    except EncoderFailed as failed:
        made = make(in_software(work))
        distrust(note_of(store_root), failed)
        return made


def distrust(note: Path, failed: EncoderFailed, clock: Clock = machine_clock) -> None:
    """Try an encoder again that failed in the middle of a film. If that fails too, it isn't used on this machine for a
    day. If it works, it was only overloaded for a moment, or something else was to blame.
    """
    here = [runner.build(), *_devices()]
    known = (
        tried(trial.encoder) if failed.what.startswith(f"{trial.encoder}: ") else trial
        for trial in remembered(note, clock)
    )
    _keep(note, here, tuple(known), clock())


def _keep(note: Path, here: Sequence[str], trials: Sequence[Trial], moment: datetime) -> None:
    kept = {"here": list(here), "at": moment.timestamp(), "trials": [asdict(trial) for trial in trials]}
    # If it can't be written, the trials cost a second each time, but films are still made.
    with contextlib.suppress(OSError):
        replace_file(note, json.dumps(kept, indent=1).encode())


def _devices() -> list[str]:
    """The names of devices that an encoder may need."""
    return sorted(
        str(path) for pattern in ("dri/renderD*", "nvidia[0-9]*", "video1[0-9]") for path in Path("/dev").glob(pattern)
    )


def candidates() -> list[str]:
    """Every encoder to try, with its device where it needs one."""
    nodes = sorted(Path("/dev").glob("dri/renderD*"))
    found: list[str] = []
    for name in HARDWARE:
        found += [f"{name}:{node}" for node in nodes] or [name] if name == _VAAPI else [name]
    return found


def tried(encoder: str) -> Trial:
    """Encode three frames with an encoder, and check that they exist."""
    if name_of(encoder) not in _in_this_build(runner.build()):
        return Trial(encoder, "this ffmpeg was built without it")
    if encoder == _VAAPI:
        return Trial(encoder, "there is no device /dev/dri/renderD*")
    width, height = _TRIAL_SIZE
    picture = ["-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=30"]
    with tempfile.TemporaryDirectory(prefix="stinercut-encoder-") as folder:
        target = Path(folder) / "trial.mp4"
        words = [*device_words(encoder), *picture, "-vf", ",".join(filters(encoder)), "-c:v", name_of(encoder)]
        for key, value in options(encoder, crf=23, size=_TRIAL_SIZE, rate=Fraction(30), group=2).items():
            words += [f"-{key}", str(value)]
        try:
            runner.run([*words, "-frames:v", str(_TRIAL_FRAMES), str(target)], timeout=_TRIAL_SECONDS)
        except FfmpegFailed as failed:
            return Trial(encoder, _short(failed.what))
        track = read_track(target)
        if track is None or track.frames != _TRIAL_FRAMES or track.coding != b"avc1":
            return Trial(encoder, "it wrote something else than three frames of H.264")
    return Trial(encoder)


@functools.lru_cache(maxsize=4)
def _in_this_build(_build: str) -> frozenset[str]:
    """The encoders that this ffmpeg lists: others need no trial."""
    listed = b"".join(runner.read_pipe(["-encoders"], timeout=_TRIAL_SECONDS, chunk_bytes=1 << 16)).decode()
    return frozenset(word for line in listed.splitlines() for word in line.split()[1:2])


def _short(message: str) -> str:
    """ffmpeg's first message, without its prefixes."""
    first = message.removeprefix("ffmpeg failed: ").split(" / ")[0]
    return first.split("] ", 1)[-1].strip().rstrip(".") or "it doesn't open"


# How each is asked ---------------------------------------------------------------------------------------------------


def name_of(encoder: str) -> str:
    """ffmpeg's name of an encoder, without the device."""
    return encoder.split(":", 1)[0]


def device_words(encoder: str) -> list[str]:
    """The first words of ffmpeg's command line for an encoder."""
    if name_of(encoder) != _VAAPI:
        return []
    device = encoder.partition(":")[2]
    return ["-vaapi_device", device] if device else []


def filters(encoder: str) -> list[str]:
    """The filters that prepare pictures for this encoder."""
    if name_of(encoder) == _VAAPI:
        return ["format=nv12", "hwupload"]
    return ["format=yuv420p" if name_of(encoder) != "h264_qsv" else "format=nv12"]


def options(encoder: str, *, crf: int, size: tuple[int, int], rate: Fraction, group: int) -> dict[str, object]:
    """ffmpeg's options for a hardware encoder: closed groups of that length, no frames that wait for others, and a
    quality like x264's at that crf if the encoder has a quality setting.
    """
    name = name_of(encoder)
    shared: dict[str, object] = {"g": group, "bf": 0}
    high = {"profile:v": "high"}
    bits = round(size[0] * size[1] * float(rate) * _BITS_PER_PIXEL)
    own: dict[str, dict[str, object]] = {
        "h264_nvenc": {**high, "preset": "p4", "rc": "vbr", "cq": crf + 2, "b:v": 0, "forced-idr": 1, "strict_gop": 1},
        "h264_qsv": {**high, "preset": "medium", "global_quality": crf + 2, "idr_interval": 0},
        "h264_videotoolbox": {**high, "b:v": bits},
        _VAAPI: {**high, "rc_mode": "CQP", "qp": crf + 2},
        "h264_amf": {**high, "quality": "balanced", "rc": "cqp", "qp_i": crf, "qp_p": crf + 2},
        "h264_v4l2m2m": {"b:v": bits},
    }
    return {**shared, **own.get(name, {})}
