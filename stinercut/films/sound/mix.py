"""The sound mix of a film: its own sound, music that ducks under speech, and loudness.

Owns: joining the parts' sound, ducking, mixing, loudness. Not here: encoding it (`stinercut.films.join`), the sound of
a part (`stinercut.films.picture.footage`, `stinercut.films.picture.segments`). All sound is PCM at 48 kHz, 16 bits,
stereo, and exactly as long as the picture.

Sound is processed in pieces of ten seconds, so a long film costs disk space (0.2 MB per second) and no memory.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stinercut.errors import BadInput, FfmpegFailed, StinercutError, StoreDamaged, UnreadableVideo
from stinercut.films.picture.encoding import Segment
from stinercut.films.plan.progress import Progress, part_of, share_of
from stinercut.films.plan.timebase import BYTES_PER_SAMPLE, SAMPLE_RATE, sample_at
from stinercut.films.sound.chapters import SoundStretch, continue_sound
from stinercut.films.sound.speech import STEP, speech_steps
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.templates.timeline import Duck, Soundtrack
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import from_outside, made_here

SILENT = -45.0
"""LUFS below which a film's sound is only microphone noise: it is not made louder."""

PEAK = 10 ** (-1.0 / 20)
"""The highest true peak, -1 dBTP (EBU R 128)."""

_SURELY_BELOW = 10 ** (-4.0 / 20)
"""A sample peak below which no true peak reaches `PEAK`: between samples a signal rises by less than 3 dB."""

_CLOSE_ENOUGH = 0.3
_MOST_TRIES = 3
_PIECE = 10 * SAMPLE_RATE
_SECONDS = 120.0

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Music:
    """A template's soundtrack and where its file lies."""

    soundtrack: Soundtrack
    path: Path


def film_sound(  # noqa: PLR0913, PLR0917 - what a film's sound is made of
    parts: Sequence[tuple[Segment, float]],
    music: Music | None,
    loudness: float | None,
    folder: Path,
    runs: Sequence[SoundStretch] = (),
    on_progress: Progress | None = None,
) -> Path:
    """The whole sound of a film as a WAV in `folder`. `parts`: segments with their volumes, in order.

    `loudness` in LUFS; None leaves it as it is. `runs`: the clips that the film shows, so that chapters are joined.
    Raises BadInput for music that can't be read, StoreDamaged for a segment that is too short, FfmpegFailed.
    """
    mixed = folder / "mixed.wav"
    filmed = folder / "filmed.wav"
    own = filmed if music else mixed
    samples = _length(parts)
    first, second, third, last = (part_of(on_progress, begin, begin + 0.25) for begin in (0, 0.25, 0.5, 0.75))
    _write(own, _filmed(parts), share_of(samples, first))
    continue_sound(own, runs)
    if music:
        tune = _decoded(music, samples, folder / "music.wav", second)
        _write(mixed, _over(filmed, tune, music.soundtrack, samples), share_of(samples, third))
    return mixed if loudness is None else _levelled(mixed, loudness, folder, last)


# The parts' own sound ------------------------------------------------------------------------------------------------


def _length(parts: Sequence[tuple[Segment, float]]) -> int:
    rate = parts[0][0].rate
    return sample_at(rate, sum(segment.frames for segment, _ in parts))


def _filmed(parts: Sequence[tuple[Segment, float]]) -> Iterator[Samples]:
    """The sound of all parts. Each part gives the samples from its first frame to the end of its last one."""
    at = 0
    for segment, volume in parts:
        count = sample_at(segment.rate, at + segment.frames) - sample_at(segment.rate, at)
        at += segment.frames
        read = 0
        for piece in _pieces(segment.audio, count):
            read += len(piece)
            yield piece if volume == 1 else _rounded(piece.astype(np.float32) * volume)
        if read != count:
            raise StoreDamaged(
                Message.of(MessageCode.SOUND_TOO_SHORT),
                file=segment.audio,
                advice=Message.of(MessageCode.RENDER_JUMP_TO_MEND),
            )


def _pieces(path: Path, most: int | None = None) -> Iterator[Samples]:
    """A WAV's samples (N x 2), ten seconds at a time, `most` of them in all."""
    try:
        with wave.open(str(path), "rb") as sound:
            left = sound.getnframes() if most is None else most
            while left > 0:
                data = sound.readframes(min(_PIECE, left))
                if not data:
                    return
                left -= len(data) // BYTES_PER_SAMPLE
                yield np.frombuffer(data, np.int16).reshape(-1, 2)
    except (OSError, EOFError, wave.Error):
        raise StoreDamaged(
            Message.of(MessageCode.SOUND_UNREADABLE),
            file=path,
            advice=Message.of(MessageCode.RENDER_JUMP_TO_MEND),
        ) from None


def _write(path: Path, pieces: Iterator[Samples], tell: Callable[[float], None] | None = None) -> None:
    """Write a WAV of these pieces. `tell` gets the number of samples so far."""
    done = 0
    with wave.open(str(path), "wb") as sound:
        sound.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        for piece in pieces:
            sound.writeframesraw(piece.tobytes())
            done += len(piece)
            if tell:
                tell(done)


def _rounded(sound: NDArray[np.floating[Any]]) -> Samples:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


# Music ---------------------------------------------------------------------------------------------------------------


def _decoded(music: Music, samples: int, target: Path, on_progress: Progress | None) -> Path:
    """The soundtrack, repeated and faded, exactly as long as the film."""
    seconds = samples / SAMPLE_RATE
    fade = min(music.soundtrack.fade, seconds / 2)
    tune = (
        _opened(music, stream_loop=-1, t=f"{seconds + 1:.3f}")["a:0"]
        .filter("aresample", SAMPLE_RATE)
        .filter("aformat", sample_fmts="flt", channel_layouts="stereo")
        .filter("asetpts", "N/SR/TB")
        .filter("apad")
        .filter("atrim", end_sample=samples)
    )
    if fade:
        length = round(fade * SAMPLE_RATE)
        tune = tune.filter("afade", t="in", ss=0, ns=length).filter("afade", t="out", ss=samples - length, ns=length)
    out = ffmpeg_graph.output(tune, str(target), acodec="pcm_s16le", fflags="+bitexact")
    try:
        tell = share_of(seconds, on_progress)
        runner.run(out.compile(), timeout=_SECONDS + seconds, on_second=tell, file=music.path, told=True)
    except runner.Stopped:
        raise
    except FfmpegFailed as failed:
        raise _unreadable(music, failed) from None
    return target


def _opened(music: Music, **options: Any) -> Any:
    try:
        return from_outside(music.path, **options)
    except UnreadableVideo as refused:
        raise _unreadable(music, refused) from None


def _unreadable(music: Music, why: StinercutError) -> BadInput:
    return BadInput(
        Message.of(MessageCode.MUSIC_UNREADABLE, why=why.what_parts),
        file=music.path,
        advice=Message.of(MessageCode.SAVE_MUSIC_AGAIN),
    )


def _over(filmed: Path, tune: Path, soundtrack: Soundtrack, samples: int) -> Iterator[Samples]:
    """Mix both, with the music as loud as it should be at each moment."""
    gains = _gains(filmed, soundtrack.duck, samples)
    step = round(SAMPLE_RATE * STEP)
    at = 0
    for below, above in zip(_pieces(filmed), _pieces(tune), strict=True):
        places = np.arange(at, at + len(below), dtype=np.float32) / step
        gain = np.interp(places, np.arange(len(gains)), gains).astype(np.float32) * soundtrack.volume
        yield _rounded(below.astype(np.float32) + above.astype(np.float32) * gain[:, None])
        at += len(below)


def _gains(filmed: Path, duck: Duck | None, samples: int) -> NDArray[np.float32]:
    """The gain of the music for each step: lower while somebody speaks, eased as the template asks."""
    steps = int(samples / (SAMPLE_RATE * STEP)) + 2
    if duck is None:
        return np.ones(steps, np.float32)
    wanted = np.ones(steps, np.float32)
    spoken = speech_steps(_pieces(filmed))[:steps]
    wanted[: len(spoken)][spoken] = duck.to
    return eased(wanted, duck)


def eased(wanted: NDArray[np.float32], duck: Duck) -> NDArray[np.float32]:
    """The wanted gains, followed as a hand on a fader would: `attack` seconds down, `release` seconds up.

    The music goes down early, so that it is already quiet at the first word.
    """
    reach = 1.0 - duck.to
    if reach <= 0:
        return wanted
    down, up = reach * STEP / duck.attack, reach * STEP / duck.release
    gains = wanted.astype(np.float64)
    for index in range(len(gains) - 2, -1, -1):
        gains[index] = min(gains[index], gains[index + 1] + down)
    for index in range(1, len(gains)):
        gains[index] = min(gains[index], gains[index - 1] + up)
    return gains.astype(np.float32)


# Loudness ------------------------------------------------------------------------------------------------------------


def _levelled(mixed: Path, target: float, folder: Path, on_progress: Progress | None) -> Path:
    """The sound at that loudness: one linear gain for all of it, and a limiter where peaks would be cut.

    The limiter takes away some loudness, so the loudness is measured again after it.
    """
    loudness = loudness_of(mixed, part_of(on_progress, 0.0, 0.4))
    if loudness < SILENT:
        return mixed
    peak = _sample_peak(mixed)
    gain = target - loudness
    if peak * _factor(gain) < _SURELY_BELOW:
        return mixed if abs(gain) < 0.05 else _amplified(mixed, gain, folder / "levelled.wav", on_progress)
    for number in range(_MOST_TRIES):
        limited = folder / f"limited-{number}.wav"
        reached = _limited(mixed, gain, limited, part_of(on_progress, 0.4 + 0.2 * number, 0.6 + 0.2 * number))
        if abs(reached - target) <= _CLOSE_ENOUGH:
            break
        gain += target - reached
    return limited  # pyright: ignore[reportPossiblyUnboundVariable] - there is at least one try


def loudness_of(sound: Path, on_progress: Progress | None = None) -> float:
    """Integrated loudness in LUFS (EBU R 128), as low as -70 for silence. Reads anything with a sound track.

    `on_progress` gets true shares for PCM only.
    """
    measured = from_outside(sound)["a:0"].filter("ebur128", metadata=1)
    with tempfile.TemporaryDirectory(prefix="stinercut-loudness-") as folder:
        heard = Path(folder) / "heard.txt"
        with_log = measured.filter("ametadata", mode="print", key="lavfi.r128.I", file=str(heard))
        argv = ffmpeg_graph.output(with_log, "-", format="null").compile()
        tell = share_of(_seconds(sound), on_progress)
        runner.run(argv, timeout=_SECONDS + _seconds(sound), on_second=tell, file=sound)
        return integrated(heard.read_text() if heard.is_file() else "")


def integrated(printed: str) -> float:
    """The last integrated loudness that `ametadata` printed; -70, the lowest, where it printed none."""
    found = [line.partition("=")[2] for line in printed.splitlines() if line.startswith("lavfi.r128.I=")]
    return max(-70.0, float(found[-1])) if found and found[-1] not in ("-inf", "nan") else -70.0


def _amplified(mixed: Path, gain: float, target: Path, on_progress: Progress | None) -> Path:
    tell = share_of(_samples(mixed), part_of(on_progress, 0.4, 1.0))
    _write(target, (_rounded(piece.astype(np.float32) * _factor(gain)) for piece in _pieces(mixed)), tell)
    return target


def _limited(mixed: Path, gain: float, target: Path, on_progress: Progress | None) -> float:
    """Amplify, and limit everything above the highest true peak. Returns the resulting loudness.

    The limiter works at four times the sample rate, so that it sees the peaks between samples.
    """
    sound = (
        made_here(mixed, "wav")["a:0"]
        .filter("aformat", sample_fmts="dbl")
        .filter("volume", f"{gain:.3f}dB")
        .filter("aresample", 4 * SAMPLE_RATE)
        .filter("alimiter", limit=round(PEAK, 4), attack=5, release=50, level="disabled", latency=1)
        .filter("aresample", SAMPLE_RATE)
        .filter("atrim", end_sample=_samples(mixed))
    )
    out = ffmpeg_graph.output(sound, str(target), acodec="pcm_s16le", fflags="+bitexact")
    tell = share_of(_seconds(mixed), part_of(on_progress, 0.0, 0.5))
    runner.run(out.compile(), timeout=_SECONDS + _seconds(mixed), on_second=tell, file=mixed, told=True)
    return loudness_of(target, part_of(on_progress, 0.5, 1.0))


def _sample_peak(sound: Path) -> float:
    """The largest sample, 0 to 1."""
    return max((float(np.abs(piece.astype(np.int32)).max()) for piece in _pieces(sound)), default=0.0) / 32768


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _samples(sound: Path) -> int:
    with wave.open(str(sound), "rb") as opened:
        return opened.getnframes()


def _seconds(sound: Path) -> float:
    """Seconds of sound, from the file's size as if it were PCM. It is for time limits: other formats get less."""
    return sound.stat().st_size / (SAMPLE_RATE * BYTES_PER_SAMPLE)
