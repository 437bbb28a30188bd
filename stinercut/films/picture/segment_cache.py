"""The segment cache: takes segments from the store, or makes and validates them.

Owns: looking up a segment, deciding whether it is whole, removing a damaged one. Not here: encoding it (`encoding`),
what its key is made of (`segments`).
"""

from __future__ import annotations

import contextlib
import errno
import time
import wave
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from stinercut.errors import FfmpegFailed, HostNotReady
from stinercut.films.picture.encoding import EncodeProfile, Goal, Segment
from stinercut.films.picture.signal_check import mismatches
from stinercut.films.plan.progress import Progress, share_of
from stinercut.films.plan.timebase import BYTES_PER_SAMPLE, SAMPLE_RATE
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import Store
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here
from stinercut.video.mp4.tracks import SampleRun, read_track, write_track

_WAV_HEADER = 44


def note_of(video: Path) -> Path:
    """The path of a segment's note (`stinercut.films.checks.decode_proof`), which may not exist. The note is removed
    with the segment.
    """
    return video.with_suffix(".seen.json")


@dataclass(frozen=True)
class SegmentRequest:
    """A segment to get: its key, how it is encoded, and the clip that it shows, if any, to be named by errors."""

    key: str
    profile: EncodeProfile
    clip: Path | None


def cached_or_made(
    store: Store, wanted: SegmentRequest, encode: Callable[[Path, Path], int], on_progress: Progress | None
) -> Segment:
    """The segment from the store, or encoded by `encode` (video, audio; returns the required frames).

    Raises what `encode` raises, FfmpegFailed when its files break the contract, and HostNotReady when the disk is full.
    """
    key, profile = wanted.key, wanted.profile
    began = time.monotonic()
    video, audio = store.derived_path(key, ".mp4"), store.derived_path(key, ".wav")
    frames = _cached_frames(video, audio, profile) if store.used(video, audio) else None
    cached = frames is not None
    if frames is None:
        with store.alone(key):
            # Another run may have made it meanwhile.
            frames = _cached_frames(video, audio, profile)
            cached = frames is not None
            if frames is None:
                _remove(video, audio, note_of(video))
                with (
                    _room_on_the_disk(store),
                    store.deriving(key, ".mp4") as new_video,
                    store.deriving(key, ".wav") as new_audio,
                ):
                    frames = encode(new_video, new_audio)
                    _settle(new_video, profile)
                    _validate(Goal(profile, frames, new_video, new_audio), wanted.clip)
    if on_progress:
        on_progress(1.0)
    return Segment(key, video, audio, frames, profile.rate, time.monotonic() - began, cached)


@contextlib.contextmanager
def _room_on_the_disk(store: Store) -> Generator[None]:
    """Turn a full disk into HostNotReady for files that we write; ffmpeg reports a full disk itself."""
    try:
        yield
    except OSError as refused:
        if refused.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise HostNotReady(
            Message.of(MessageCode.DISK_FULL), file=store.root, advice=Message.of(MessageCode.FREE_SPACE_AND_AGAIN)
        ) from refused


def _cached_frames(video: Path, audio: Path, profile: EncodeProfile) -> int | None:
    """The frames of a segment that exists and is whole; None otherwise. Only headers are read."""
    frames = _frames_in(video, profile)
    samples = samples_in(audio)
    if frames is not None and samples == profile.samples(frames):
        return frames
    return None


def _settle(video: Path, profile: EncodeProfile) -> None:
    """Give a segment the delay of its profile. x264 omits it in films of one or two frames, and then other segments of
    the film would overlap this one by the delay.
    """
    track = read_track(video)
    if track is None or track.delay == profile.delay * profile.ticks:
        return
    settled = video.with_name(f"settled-{video.name}")
    try:
        write_track(settled, [SampleRun(track, 0, track.frames)], profile.format(track.record))
        settled.replace(video)
    except ValueError as refused:
        raise FfmpegFailed(
            Message.of(MessageCode.FRAMES_OUT_OF_ORDER, encoder=profile.encoder, why=str(refused)), file=video
        ) from None
    finally:
        settled.unlink(missing_ok=True)


def _validate(goal: Goal, clip: Path | None) -> None:
    """Raise FfmpegFailed unless both files follow the contract exactly. Checked here, where the clip can be named."""
    track = read_track(goal.video)
    wrong = mismatches(track, goal.profile) if track else []
    if wrong:
        raise FfmpegFailed(
            Message.of(MessageCode.PART_MADE_OTHERWISE, wrong=tuple(wrong)),
            file=clip or goal.video,
            advice=Message.of(MessageCode.LEAVE_OUT_AND_REPORT) if clip else Message.of(MessageCode.UPDATE_FFMPEG),
        )
    frames, samples = _frames_in(goal.video, goal.profile), samples_in(goal.audio)
    if (frames, samples) != (goal.frames, goal.samples):
        raise FfmpegFailed(
            Message.of(
                MessageCode.SEGMENT_OF_OTHER_LENGTH,
                frames=str(frames),
                samples=str(samples),
                due_frames=goal.frames,
                due_samples=goal.samples,
            ),
            file=clip or goal.video,
            advice=Message.of(MessageCode.AGAIN_THEN_CHECK_DISK),
        )


def _frames_in(video: Path, profile: EncodeProfile) -> int | None:
    """How many frames an encoded segment has; None when it is missing, damaged, cut short, or of another profile.

    Its index tells where every frame lies. ffprobe takes a hundred times as long and finds no more without decoding.
    """
    track = read_track(video)
    if track is None or track.end > video.stat().st_size or track.delay != profile.delay * profile.ticks:
        return None
    return None if mismatches(track, profile) else track.frames


def samples_in(audio: Path) -> int | None:
    """How many samples a segment's sound has; None when it is damaged, cut short, or not 48 kHz, stereo, 16 bits."""
    try:
        with wave.open(str(audio), "rb") as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            samples = sound.getnframes()
    except (OSError, EOFError, wave.Error):
        return None
    whole = audio.stat().st_size >= samples * BYTES_PER_SAMPLE + _WAV_HEADER
    return samples if whole and shape == (SAMPLE_RATE, 2, 2) else None


# Damage --------------------------------------------------------------------------------------------------------------


def decodes(video: Path, frames: int, log: Path, on_progress: Progress | None = None) -> bool:
    """Whether a video decodes to that many frames without a complaint of a strict decoder."""
    counted = 0
    tell = share_of(frames, on_progress)

    def count(done: int) -> None:
        nonlocal counted
        counted = done
        if tell:
            tell(done)

    # As strict as the check of the finished film.
    picture = made_here(video, "mov", err_detect="explode+aggressive")["v:0"]
    decoded = ffmpeg_graph.output(picture, "-", format="null", fps_mode="passthrough").global_args("-xerror")
    try:
        runner.run(decoded.compile(), timeout=120 + frames, on_frame=count, file=video, log=log)
    except FfmpegFailed:
        return False
    return counted == frames and not log.read_text(errors="replace").strip()


def remove(segment: Segment) -> None:
    """Remove a damaged segment, so that it is made again."""
    _remove(segment.video, segment.audio, note_of(segment.video))


def _remove(*files: Path) -> None:
    """Remove these files: the store never replaces an existing file."""
    for path in files:
        path.unlink(missing_ok=True)
