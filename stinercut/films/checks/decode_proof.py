"""Decode proof: a note next to a segment of what its decoding showed, so that it is not decoded twice.

Owns: the note, making it, and the digest by which a film is known to have the same pictures. Not here: how pictures are
watched (`decode_watch`), what is right (`checks`).

Decoding a film costs a tenth of encoding it, and its pictures are those of its segments, byte for byte. So a segment is
decoded once, and afterwards it is enough that the film's frames have the bytes that were decoded. That finds more than
a decoder does, which passes over some damage.
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
from stinercut.storage.store import Store, replace_file
from stinercut.video.mp4.tracks import VideoTrack, read_track

ENCODING = 0.9
"""Which share of making a segment is encoding it; seeing what came out is the rest."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Proof:
    """A segment's pictures: how many decode, what decoding said of them, where they are black or stand still (seconds).

    `digest`: of the bytes of its frames, in the order of decoding.
    """

    digest: str
    frames: int
    said: str
    black: Spans
    still: Spans


_NOTES = TypeAdapter(Proof)


def proof_of(store: Store, segment: Segment, on_progress: Progress | None = None) -> Proof:
    """What is noted of a segment; it is decoded, and noted, where nothing is.

    Raises StoreDamaged when it isn't there, FfmpegFailed when nothing of it decodes or ffmpeg was stopped.
    """
    note = note_of(segment.video)
    found = _noted(note)
    if found is None:
        found = _decoded(segment, on_progress)
        replace_file(note, _NOTES.dump_json(found))
    if on_progress:
        on_progress(1.0)
    return found


def prove(store: Store, segments: Sequence[Segment], on_progress: Progress | None = None) -> None:
    """See that there is a note about each of these segments. Raises as `proof_of` does."""
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
    """What is seen in a film that should consist of these segments: all that is noted of them, as far as its frames
    have their bytes, and that a player can begin at each of its key frames.

    Raises StoreDamaged when it can't be read, and as `proof_of` does.
    """
    track = read_track(film)
    if track is None:
        raise StoreDamaged("this is no film that can be read", file=film, advice="Render this jump again.")
    whole, at = sum(segment.frames for segment in segments), 0
    said = [begin_everywhere(film)]
    frames, black, still = 0, list[tuple[float, float]](), list[tuple[float, float]]()
    for segment in segments:
        tell = part_of(on_progress, at / whole, (at + segment.frames) / whole)
        proof = proof_of(store, segment, tell)
        begin, seconds = float(at / segment.rate), segment.seconds
        at += segment.frames
        if proof.said:
            said.append(proof.said)
        elif at > track.frames or digest_of(track, at - segment.frames, at) != proof.digest:
            said.append(f"the pictures from {begin:.1f} to {begin + seconds:.1f} s are not those that were rendered")
            continue
        frames += proof.frames
        black += [(begin + first, begin + min(last, seconds)) for first, last in proof.black]
        still += [(begin + first, begin + min(last, seconds)) for first, last in proof.still]
    if track.frames != whole:
        said.append(f"the film has {track.frames} pictures, its parts have {whole}")
    return Pictures(frames, "\n".join(line for line in said if line), tuple(black), tuple(still))


def _noted(note: Path) -> Proof | None:
    with contextlib.suppress(OSError, ValueError):
        return _NOTES.validate_json(note.read_bytes())
    return None


def _decoded(segment: Segment, on_progress: Progress | None) -> Proof:
    track = read_track(segment.video)
    if track is None:
        raise StoreDamaged(
            "a segment is damaged or missing", file=segment.video, advice="Render this jump again: it is made anew."
        )
    digest = digest_of(track, 0, track.frames)
    seen = watch(segment.video, segment.frames, on_progress)
    # JSON knows no endless spans.
    black, still = (
        tuple((begin, min(end, segment.seconds)) for begin, end in spans) for spans in (seen.black, seen.still)
    )
    return Proof(digest, seen.frames, seen.said, black, still)


def digest_of(track: VideoTrack, begin: int, end: int) -> str:
    """Of the bytes of a track's frames from one place in the order of decoding to before another one (XXH3, 128 bits).

    Raises OSError, and StoreDamaged when the file is shorter than its index says.
    """
    digest = xxhash.xxh3_128()
    with track.path.open("rb") as source:
        for offset, size in _stretches(track, begin, end):
            source.seek(offset)
            left = size
            while left:
                data = source.read(min(_CHUNK, left))
                if not data:
                    raise StoreDamaged("the file ends within its frames", file=track.path, advice="Render it again.")
                digest.update(data)
                left -= len(data)
    return digest.hexdigest()


def _stretches(track: VideoTrack, begin: int, end: int) -> list[tuple[int, int]]:
    """Where these frames lie, those that follow each other taken together: (offset, bytes)."""
    out: list[tuple[int, int]] = []
    for offset, size in zip(track.offsets[begin:end].tolist(), track.sizes[begin:end].tolist(), strict=True):
        if out and sum(out[-1]) == offset:
            out[-1] = (out[-1][0], out[-1][1] + size)
        else:
            out.append((offset, size))
    return out
