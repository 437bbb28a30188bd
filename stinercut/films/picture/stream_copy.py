"""Stream copy (smart rendering): copies the camera's own frames into a film where the template leaves them alone.

Owns: the decision which frames may be copied, and putting copied and encoded frames into one segment. Not here:
encoding the other frames (`segments`), the boxes (`stinercut.video.mp4.tracks`) and bits (`stinercut.video.mp4.h264`).

Only whole groups of frames that begin with an IDR picture are copied: no frame outside refers to them. The frames
encoded around them have parameter sets with another number. The film's configuration holds both kinds (ISO/IEC 14496-15
has room for 31), so the film is one plain `avc1` track. A frame is copied only if that is certainly right; otherwise it
is encoded and the reason is given in words.
"""

from __future__ import annotations

import itertools
import mmap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict

from stinercut.films.picture.encoding import EncodeProfile, Goal
from stinercut.films.picture.segment_cache import decodes
from stinercut.storage.store import Store, key_of, replace_file
from stinercut.video import encoders
from stinercut.video.mp4 import h264
from stinercut.video.mp4.h264 import Strange
from stinercut.video.mp4.tracks import Numbers, SampleRun, VideoTrack, read_track, write_track

COPYING = 1
"""Raise it whenever copying below changes: then every segment with copied frames is made again."""

_BT709 = (1, 1, 1)
_ON_TIME = 0.1
"""The part of a frame by which a frame may be early or late; putting footage on the film's grid tolerates more."""

_ASKED_EVERY = 256
"""Frames looked into between two calls of `go_on`, which may stop the work."""

_LEAST_SECONDS = 1.0
"""The shortest stretch worth copying: below that, the encoder's key frames around it cost more than copying saves."""


@dataclass(frozen=True)
class CopyFormat:
    """What all copied footage of one film shares: the camera's parameter sets, and whether it uses all 256 levels."""

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    """The sets are bytes, so they need base64 in the JSON that steps hand on."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    full_range: bool

    @property
    def free_number(self) -> int:
        """A number for the parameter sets of encoded frames that the camera doesn't use."""
        used = {h264.sequence(unit).number for unit in self.sps} | {h264.picture_set_number(unit) for unit in self.pps}
        return next(number for number in range(1, 32) if number not in used)


@dataclass(frozen=True)
class ShotPiece:
    """Frames `begin` up to `begin + frames` of a shot: copied, or to be encoded."""

    begin: int
    frames: int
    copied: bool

    @property
    def key_text(self) -> str:
        """The piece's text in keys of segments, whatever this class is called: with its name in the first release."""
        return f"Piece(begin={self.begin}, frames={self.frames}, copied={self.copied})"


@dataclass(frozen=True)
class StreamCopy:
    """A shot in pieces, in order and without gaps. Some of them are copied from `track`, in which frame `first` is the
    shot's first frame.
    """

    track: VideoTrack
    first: int
    pieces: tuple[ShotPiece, ...]

    @property
    def copied(self) -> int:
        """How many frames are copied."""
        return sum(piece.frames for piece in self.pieces if piece.copied)


# Whether -------------------------------------------------------------------------------------------------------------


def kind_of_film(clips: Iterable[Path], profile: EncodeProfile) -> CopyFormat | None:
    """The format that most footage of a film has, counted in frames; None when nothing can be copied.

    A film copies only one format: two cameras use the same numbers for different parameter sets. Only headers are read.
    """
    frames: Counter[CopyFormat] = Counter()
    for path in clips:
        track = read_track(path)
        kind = kind_of(track, profile) if track else "unusual"
        if track and isinstance(kind, CopyFormat):
            frames[kind] += track.frames
    return frames.most_common(1)[0][0] if frames else None


def kind_of(track: VideoTrack, profile: EncodeProfile) -> CopyFormat | str:
    """The format of this footage, or the reason why none of it can be copied into a film of that profile."""
    size = (profile.width, profile.height)
    reasons = (
        (profile.encoder != encoders.SOFTWARE, f"{profile.encoder} doesn't let its parameter sets be numbered"),
        (track.coding != b"avc1" or not track.record, "the clip is not H.264 with its parameter sets in front"),
        ((track.width, track.height) != size, "the clip has another size than the film"),
        (track.turned or not track.square, "a player turns, stretches or crops the clip"),
        (not np.array_equal(_frame_numbers(track, profile.rate), track.order), "the clip's frames aren't the film's"),
        (
            bool((track.order - np.arange(track.frames) + profile.delay < 0).any()),
            "the clip's frames wait longer for each other than the film's",
        ),
    )
    reason = next((words for wrong, words in reasons if wrong), "")
    return reason or _kind_of_sets(track, profile)


def _kind_of_sets(track: VideoTrack, profile: EncodeProfile) -> CopyFormat | str:
    """The format by the parameter sets and by the file's own header, or the reason why it can't be copied."""
    size = (profile.width, profile.height)
    try:
        configuration = h264.configuration(track.record)
        sequences = [h264.sequence(unit) for unit in configuration.sps]
    except Strange:
        return "the clip's parameter sets can't be read"
    kind = CopyFormat(configuration.sps, configuration.pps, sequences[0].full_range)
    odd_sets = configuration.length_size != 4 or len(configuration.sps) + len(configuration.pps) > 30
    reasons = (
        (odd_sets, "the clip's units have lengths of another size"),
        (configuration.level > profile.highest_level, "the clip asks for a decoder that few devices have"),
        (
            any((sps.width, sps.height) != size for sps in sequences),
            "the picture that is stored has another size than the film",
        ),
        (
            not all(sps.progressive and sps.plain and sps.shape == 1 for sps in sequences),
            "the clip is interlaced, or has other pixels than the film",
        ),
        (
            any(sps.colours != _BT709 or sps.full_range != kind.full_range for sps in sequences),
            "the clip's colours aren't said to be BT.709",
        ),
        (
            # If the frames declare full range, decoders believe them: GoPro writes the opposite into the file.
            track.colours not in (None, _BT709) or (bool(track.full_range) and not kind.full_range),
            "the clip's file and its frames say different things about their colours",
        ),
        (
            any(sps.chroma_location != h264.LEFT for sps in sequences),
            "the clip's colours lie elsewhere between its pixels than the film's",
        ),
    )
    return next((words for wrong, words in reasons if wrong), kind)


def copying_of(
    path: Path, shown: tuple[int, int], covered: Sequence[tuple[int, int]], kind: CopyFormat, profile: EncodeProfile
) -> StreamCopy | str:
    """The frames of a shot that can be copied, or the reason why none can.

    `shown`: the shot's first frame in the clip, and how many frames it has. `covered`: spans of the shot's frames with
    an overlay. Reads the clip's header.
    """
    track = read_track(path)
    if track is None:
        return "the clip's index is unusual"
    found = kind_of(track, profile)
    if isinstance(found, str):
        return found
    if found != kind:
        return "most of the film's footage is of another camera"
    first, frames = shown
    least = round(_LEAST_SECONDS * profile.rate)
    groups = _groups(track)
    spans = [_whole(groups, first + begin, first + end) for begin, end in _free(frames, covered)]
    copied = [(begin - first, end - first) for begin, end in spans if end - begin >= least]
    if not copied:
        return "nothing of it is left alone for long enough"
    return StreamCopy(track, first, tuple(_in_pieces(copied, frames)))


def _frame_numbers(track: VideoTrack, rate: Fraction) -> Numbers:
    """The number of each frame at the film's rate, counted from the first one; -1 for a frame that is early, late, or
    before the beginning. In the order of decoding.
    """
    first = int(track.shown.min())
    exact = (track.shown - first) * float(rate) / track.timescale
    near = np.rint(exact).astype(np.int64)
    return np.where((np.abs(exact - near) < _ON_TIME) & (first >= 0), near, -1)


def _groups(track: VideoTrack) -> list[int]:
    """The frames at which groups begin that can be taken out whole, and the end of the last group. Before each of these
    frames, exactly the frames shown earlier were decoded.
    """
    edges = [*map(int, np.flatnonzero(track.keys)), track.frames]
    furthest = np.maximum.accumulate(track.order)
    return [edge for edge in edges if edge == 0 or furthest[edge - 1] == edge - 1]


def _free(frames: int, covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans of `frames` frames that are not covered."""
    free: list[tuple[int, int]] = []
    at = 0
    for begin, end in sorted(covered):
        if begin > at:
            free.append((at, begin))
        at = max(at, end)
    return [*free, (at, frames)] if at < frames else free


def _whole(groups: Sequence[int], begin: int, end: int) -> tuple[int, int]:
    """The longest row of whole groups within frames `begin` up to `end`; empty if no whole group lies there."""
    inside = [edge for edge in groups if begin <= edge <= end]
    return (inside[0], inside[-1]) if inside else (begin, begin)


def _in_pieces(copied: Sequence[tuple[int, int]], frames: int) -> Iterable[ShotPiece]:
    at = 0
    for begin, end in copied:
        if begin > at:
            yield ShotPiece(at, begin - at, copied=False)
        yield ShotPiece(begin, end - begin, copied=True)
        at = end
    if at < frames:
        yield ShotPiece(at, frames - at, copied=False)


def may_be_copied(store: Store, content_hash: str) -> bool:
    """Whether no note forbids copying from that clip."""
    return not _note_of(store, content_hash).is_file()


def never_copy(store: Store, content_hash: str) -> None:
    """Note that this clip's own frames don't decode cleanly, so that it is encoded from now on."""
    replace_file(_note_of(store, content_hash), b"")


def _note_of(store: Store, content_hash: str) -> Path:
    return store.derived_path(key_of("never copied", COPYING, content_hash), ".note")


# Doing ---------------------------------------------------------------------------------------------------------------


def made_of_pieces(
    copying: StreamCopy,
    goal: Goal,
    folder: Path,
    encode: Callable[[ShotPiece, Path], None],
    go_on: Callable[[], None] = lambda: None,
) -> str:
    """Write the picture of a shot to `goal.video`: its pieces, copied or encoded by `encode` (a piece, the file).

    Returns the reason if that is impossible, and leaves no file; otherwise an empty text. `folder` is for temporary
    files. `go_on` is called now and then; raises what it and `encode` raise.
    """
    reason = why_not(copying, go_on)
    if reason:
        return reason
    encoded: list[Path] = []
    for number, piece in enumerate(copying.pieces):
        if not piece.copied:
            encoded.append(folder / f"piece-{number}.mp4")
            encode(piece, encoded[-1])
    try:
        _splice(goal.video, copying, encoded, goal.profile)
        if _seams_decode(goal, copying, folder):
            return ""
        refused = "a decoder complains about it"
    except (ValueError, Strange) as strange:
        refused = str(strange)
    goal.video.unlink(missing_ok=True)
    return f"copied and encoded frames don't go together ({refused})"


def _seams_decode(goal: Goal, copying: StreamCopy, folder: Path) -> bool:
    """Whether a decoder gets over every change from copied to encoded frames and back: the groups on both sides of each
    change are put into a separate video and decoded. Decoding everything would cost a tenth of encoding it; the check
    of the finished film does that.
    """
    track = read_track(goal.video)
    if track is None:
        return False
    keys = [*map(int, np.flatnonzero(track.keys)), track.frames]
    runs: list[SampleRun] = []
    for piece in copying.pieces:
        inside = [key for key in keys if piece.begin <= key <= piece.begin + piece.frames]
        groups = list(itertools.pairwise(inside))
        runs += [SampleRun(track, *group) for group in sorted({groups[0], groups[-1]})]
    seams = folder / "seams.mp4"
    write_track(seams, runs, goal.profile.format(track.record))
    return decodes(seams, sum(run.frames for run in runs), folder / "decoding.log")


def why_not(copying: StreamCopy, go_on: Callable[[], None] = lambda: None) -> str:
    """The reason against copying that is found within the frames themselves, or an empty text. Reads all of them."""
    camera = h264.configuration(copying.track.record)
    known = {*camera.sps, *camera.pps}
    with copying.track.path.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for begin, end in _ranges(copying):
            for number in range(begin, end):
                if number % _ASKED_EVERY == 0:
                    go_on()
                offset, size = int(copying.track.offsets[number]), int(copying.track.sizes[number])
                if offset + size > len(content):
                    return "the clip is cut short"
                wrong = _wrong_in(content[offset : offset + size], known, is_key=bool(copying.track.keys[number]))
                if wrong:
                    return wrong
    return ""


def _ranges(copying: StreamCopy) -> list[tuple[int, int]]:
    begins = [(copying.first + piece.begin, piece.frames) for piece in copying.pieces if piece.copied]
    return [(begin, begin + frames) for begin, frames in begins]


def _wrong_in(frame: bytes, known: set[bytes], *, is_key: bool) -> str:
    slices: list[int] = []
    try:
        for unit in h264.units(frame, 4):
            kind = h264.kind_of(unit)
            if kind in h264.SLICES:
                slices.append(kind)
            elif kind in (h264.SPS, h264.PPS):
                if unit not in known:
                    return "the parameter sets change within the clip"
            elif kind not in h264.HARMLESS:
                return f"there are units of type {kind} in the clip"
    except Strange:
        return "a frame of the clip is damaged"
    if not slices:
        return "a frame of the clip has no picture"
    if is_key and set(slices) != {h264.IDR}:
        return "a key frame of the clip is one that others look past (an open group)"
    return ""


def _splice(target: Path, copying: StreamCopy, encoded: Sequence[Path], profile: EncodeProfile) -> None:
    """Write the pieces into one video, in order: copied ones from the camera's clip, the others from `encoded`.

    Raises ValueError when an encoded piece has the wrong frames, Strange when parameter sets don't go together.
    """
    waiting = iter(encoded)
    runs = [
        SampleRun(copying.track, copying.first + piece.begin, copying.first + piece.begin + piece.frames)
        if piece.copied
        else _whole_run(next(waiting), piece.frames)
        for piece in copying.pieces
    ]
    together = h264.merged(h264.configuration(run.track.record) for run in runs)
    write_track(target, runs, profile.format(together.packed))


def _whole_run(path: Path, frames: int) -> SampleRun:
    track = read_track(path)
    if track is None or track.frames != frames:
        raise ValueError("a piece has other frames than were ordered")
    return SampleRun(track, 0, frames)
