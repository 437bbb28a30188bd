"""Decode proof: a note next to a segment with the findings of decoding it, so that it is not decoded twice.

Owns: the note, making it, and the digest by which a film is known to have the same pictures. Not here: how pictures are
watched (`decode_watch`), what is right (`checks`).

Decoding a film costs a tenth of encoding it, and a film's pictures are those of its segments, byte for byte. So each
segment is decoded once. Afterwards it is enough that the film's frames have the bytes that were decoded. Comparing
bytes finds more than a decoder does, which passes over some damage.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xxhash
from pydantic import TypeAdapter

from stinercut.errors import StoreDamaged
from stinercut.films.checks.decode_watch import Pictures, Spans, begin_everywhere, watch
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segment_cache import note_of
from stinercut.films.plan.progress import Progress, part_of
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import Store, replace_file
from stinercut.video.mp4.tracks import VideoTrack, read_track

ENCODING = 0.9
"""The share of making a segment that is encoding; the rest is decoding the result."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Proof:
    """A segment's pictures: how many decode, ffmpeg's complaints (`said`), where they are black or stand still (in
    seconds).

    `digest`: of the bytes of its frames, in the order of decoding.
    """

    digest: str
    frames: int
    said: str
    black: Spans
    still: Spans


_NOTES = TypeAdapter(Proof)


def proof_of(store: Store, segment: Segment, on_progress: Progress | None = None) -> Proof:
    """The note of a segment. A segment without a note is decoded now and its note is written.

    Raises StoreDamaged when the segment is missing, FfmpegFailed when none of its pictures decodes or ffmpeg was
    stopped.
    """
    note = note_of(segment.video)
    proof = _noted(note)
    if proof is None:
        proof = _decoded(segment, on_progress)
        replace_file(note, _NOTES.dump_json(proof))
    if on_progress:
        on_progress(1.0)
    return proof


def prove(store: Store, segments: Sequence[Segment], on_progress: Progress | None = None) -> None:
    """Make sure that each of these segments has a note. Raises as `proof_of` does."""
    whole, done = sum(segment.frames for segment in segments), 0
    for segment in segments:
        proof_of(store, segment, part_of(on_progress, done / whole, (done + segment.frames) / whole))
        done += segment.frames


def is_whole(store: Store, segment: Segment) -> bool:
    """Whether a segment decodes without a complaint, and its file still has the pictures that were decoded."""
    proof, track = proof_of(store, segment), read_track(segment.video)
    if proof.said or proof.frames != segment.frames or track is None:
        return False
    try:
        return digest_of(track, 0, track.frames) == proof.digest
    except StoreDamaged:
        return False


def pictures_of(film: Path, store: Store, segments: Sequence[Segment], on_progress: Progress | None = None) -> Pictures:
    """The findings about a film that should consist of these segments: their notes, as far as the film's frames have
    their bytes, and whether a player can begin at each of its key frames.

    Raises StoreDamaged when the film can't be read, and as `proof_of` does.
    """
    track = read_track(film)
    if track is None:
        raise StoreDamaged(
            Message.of(MessageCode.NO_FILM_READABLE), file=film, advice=Message.of(MessageCode.RENDER_JUMP_AGAIN)
        )
    whole, at = sum(segment.frames for segment in segments), 0
    complaints = [begin_everywhere(film)]
    frames, black, still = 0, list[tuple[float, float]](), list[tuple[float, float]]()
    for segment in segments:
        tell = part_of(on_progress, at / whole, (at + segment.frames) / whole)
        proof = proof_of(store, segment, tell)
        begin, seconds = float(at / segment.rate), segment.seconds
        at += segment.frames
        if proof.said:
            complaints.append(proof.said)
        elif at > track.frames or digest_of(track, at - segment.frames, at) != proof.digest:
            complaints.append(
                f"the pictures from {begin:.1f} to {begin + seconds:.1f} s are not those that were rendered"
            )
            continue
        frames += proof.frames
        black += [(begin + first, begin + min(last, seconds)) for first, last in proof.black]
        still += [(begin + first, begin + min(last, seconds)) for first, last in proof.still]
    if track.frames != whole:
        complaints.append(f"the film has {track.frames} pictures, its parts have {whole}")
    return Pictures(frames, "\n".join(line for line in complaints if line), tuple(black), tuple(still))


def _noted(note: Path) -> Proof | None:
    with contextlib.suppress(OSError, ValueError):
        return _NOTES.validate_json(note.read_bytes())
    return None


def _decoded(segment: Segment, on_progress: Progress | None) -> Proof:
    track = read_track(segment.video)
    if track is None:
        raise StoreDamaged(
            Message.of(MessageCode.SEGMENT_DAMAGED_OR_MISSING),
            file=segment.video,
            advice=Message.of(MessageCode.RENDER_JUMP_TO_MEND),
        )
    digest = digest_of(track, 0, track.frames)
    seen = watch(segment.video, segment.frames, on_progress)
    # JSON has no infinity.
    black, still = (
        tuple((begin, min(end, segment.seconds)) for begin, end in spans) for spans in (seen.black, seen.still)
    )
    return Proof(digest, seen.frames, seen.said, black, still)


def digest_of(track: VideoTrack, begin: int, end: int) -> str:
    """A digest of the bytes of a track's frames from `begin` to before `end` in the order of decoding (XXH3, 128 bits).

    Raises OSError, and StoreDamaged when the file ends before the frames that its index lists.
    """
    digest = xxhash.xxh3_128()
    with track.path.open("rb") as source:
        for offset, size in _stretches(track, begin, end):
            source.seek(offset)
            left = size
            while left:
                data = source.read(min(_CHUNK, left))
                if not data:
                    raise StoreDamaged(
                        Message.of(MessageCode.ENDS_WITHIN_FRAMES),
                        file=track.path,
                        advice=Message.of(MessageCode.RENDER_IT_AGAIN),
                    )
                digest.update(data)
                left -= len(data)
    return digest.hexdigest()


def _stretches(track: VideoTrack, begin: int, end: int) -> list[tuple[int, int]]:
    """Where these frames lie, as (offset, bytes); frames without a gap between them are one stretch."""
    out: list[tuple[int, int]] = []
    for offset, size in zip(track.offsets[begin:end].tolist(), track.sizes[begin:end].tolist(), strict=True):
        if out and sum(out[-1]) == offset:
            out[-1] = (out[-1][0], out[-1][1] + size)
        else:
            out.append((offset, size))
    return out
