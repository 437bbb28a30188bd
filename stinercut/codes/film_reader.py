"""Looks for codes in a film: decides which frames, in which order, and when that is enough.

Owns: the passes and their limits. Not here: decoding frames (`stinercut.video.frames`), the verdict (`evidence`),
preprocessing (`image_variants`).

1. If the camera wrote about two key frames per second: zxing-cpp looks at the key frames from the start to WINDOW, and
   everything else stays undecoded. Other films: it looks at FAST_FPS frames per second. Both continue to WINDOW after
   the payload is confirmed, so that a second passenger is noticed.
2. If a payload was seen in one frame only: the moments after it, then those around it, densely.
3. If there is still no payload, in a short film: the frames between the key frames, if there are traces of a code; then
   the sharpest frames through a ladder of preprocessing, and codes laid flat (`rescue`), in which the frames vote. With
   traces: many frames, and zbar, too. Without traces: few frames, and only zxing-cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stinercut.codes.decoders import DecodedPicture, Decoders, Gray
from stinercut.codes.evidence import FileEvidence
from stinercut.codes.image_variants import adaptive, half, prepared, sharpness
from stinercut.codes.rescue.frame_votes import FrameVotes
from stinercut.errors import UnreadableVideo
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, in_a_row
from stinercut.video.frames import gray_frames, key_frames
from stinercut.video.mp4.tracks import VideoIndex, read_index
from stinercut.video.probe import Probe, probe

WINDOW: Final = 60.0
"""Seconds from the start that are looked at. People film the code early; aiming takes 5 to 10 s."""

FAST_FPS: Final = 4.0
FAST_WIDTH: Final = 1920
"""Wider film is scaled down: a code that fills a ninth of the picture's width keeps more than 3 pixels per module.
zxing-cpp takes 2 to 3 ms for such a frame, a tenth of the cost of decoding it.
"""

KEY_WIDTH: Final = 1280
"""The same for the first look at key frames, in which most codes are read."""

KEY_GAP: Final = 0.55
"""Seconds between key frames, at most, for looking at them alone. GoPros write one every 0.27 to 0.5 s."""

KEYS_A_SECOND: Final = 5.0
"""With more key frames than this, looking at key frames alone saves nothing."""

AFTER: Final = 0.6
AROUND: Final = 1.0
DENSE_FPS: Final = 15.0
"""After a single find: the seconds after it, then the seconds before and after it, that are looked at again, and the
frames per second. A code in a key frame is mostly in the next frames, too, and these cost least to decode.
"""

SHORT: Final = 20.0
"""Longer films than this many seconds get no heavy pass: nobody films a code that long."""

SHARPEST: Final = 20
"""Frames of the heavy pass when there are traces of a code: the sharpest one of each such part of the film's time."""

CONFIRMED_STEP: Final = 3
"""Of these, every so many are laid flat after a payload was confirmed, since a second passenger's code may follow."""

IN_VAIN: Final = 4
"""Frames whose codes are laid flat in vain before that is given up: half a second of a core each."""

SHARPEST_WITHOUT_TRACE: Final = 2
"""Frames of the heavy pass without traces of a code. Of 316 real photos of codes, zxing-cpp read 297 and found traces
of another 16; so a film without traces rarely holds a code, and should cost little.
"""


@dataclass(order=True, frozen=True)
class _Frame:
    sharpness: float
    moment: float
    picture: Gray = field(compare=False)


@dataclass
class FilmSearch:
    """The search in one film. After `run`, the codes are in `seen`."""

    path: Path
    decoders: Decoders
    seen: FileEvidence
    sharpest: dict[int, _Frame] = field(default_factory=dict[int, _Frame])
    """The frames for the heavy pass, by the part of the time that each is the sharpest of."""

    def run(self) -> float:
        """Search the film. Returns its length in seconds. Raises UnreadableVideo and OSError for an unreadable film."""
        index = read_index(self.path)
        if index is not None and _key_frames_suffice(index) and self._key_frame_pass(index):
            if not self._is_settled(index):
                self._look_between(index)
            return index.duration
        self.sharpest = {}
        film = probe(self.path)
        self._look_at_all(film)
        return film.duration

    # The way through the passes

    def _is_settled(self, film: VideoIndex) -> bool:
        """Whether the key frames suffice: a passenger, several, or nothing in a film that is too long for a code."""
        if self.seen.moments:
            return self.seen.confirmed or len(self.seen.moments) > 1
        return film.duration > SHORT

    def _look_between(self, film: VideoIndex) -> None:
        """Look at more frames, because the key frames were not enough."""
        if self.seen.moments:
            self._dense_pass(film)
        if self.seen.confirmed or film.duration > SHORT:
            return
        if self.seen.traces:
            self.sharpest = {}
            self._fast_pass(film)
        if not self.seen.confirmed:
            self._heavy_pass()

    def _look_at_all(self, film: Probe) -> None:
        """Search a film whose key frames are too far apart, not in its index, or damaged."""
        self._fast_pass(film)
        if self.seen.moments and not self.seen.confirmed:
            self._dense_pass(film)
        if not self.seen.confirmed and film.duration <= SHORT:
            self._heavy_pass()

    # The passes

    def _key_frame_pass(self, index: VideoIndex) -> bool:
        """Look at the key frames. False if some could not be decoded."""
        self.seen.apart = 0.999 / index.fps
        count = sum(key < min(index.duration, WINDOW) for key in index.keys)
        looked = 0
        try:
            for moment, picture in key_frames(self.path, index, count=count, width=KEY_WIDTH):
                looked += 1
                self._look(picture, moment, index.duration)
        except (UnreadableVideo, OSError):
            return False  # The next pass reports the fault of this film.
        return looked == count

    def _fast_pass(self, film: Probe | VideoIndex) -> None:
        """Look at FAST_FPS frames per second, and note it if the film ends too early."""
        self.seen.apart = 0.999 / float(film.fps)
        reached: float = 0.0
        broken: tuple[Message, ...] = ()
        fps = _at_most(FAST_FPS, film)
        try:
            frames = gray_frames(self.path, fps=fps, width=FAST_WIDTH, duration=WINDOW, index=_index_of(film))
            for number, (moment, picture) in enumerate(frames):
                reached = moment
                if not (self.seen.confirmed and number % 2):
                    self._look(picture, moment, film.duration)
        except (UnreadableVideo, OSError) as refused:
            broken = why(refused)
        # A frame lasts until the next one, and the picture may end a little before the sound.
        if broken or reached < min(film.duration, WINDOW) - 1.0 - 1.0 / fps:
            self.seen.cut_short = True
            end = Message.of(MessageCode.FILM_CUT_SHORT, reached=reached, seconds=film.duration)
            self.seen.notes += in_a_row(end, *broken)

    def _look(self, picture: Gray, moment: float, seconds: float) -> None:
        """Look at one frame of a film `seconds` long with zxing-cpp. The frame may be kept for the heavy pass."""
        self.seen.add(moment, self.decoders.look(picture))
        if seconds > SHORT or self.seen.confirmed:
            return
        frame = _Frame(sharpness(picture), moment, picture)
        part = int(SHARPEST * moment / max(seconds, 1e-3))
        if part not in self.sharpest or frame > self.sharpest[part]:
            self.sharpest[part] = frame

    def _dense_pass(self, film: Probe | VideoIndex) -> None:
        """Look again, densely, where a payload was seen once."""
        for lone in [next(iter(moments)) for moments in self.seen.moments.values()]:
            self._look_closely(film, lone, AFTER, FAST_WIDTH)
            if not self.seen.confirmed:
                # In full width: a code that was read once in a smaller picture is easier to read in the original size.
                start = max(0.0, lone - AROUND)
                self._look_closely(film, start, lone + AROUND - start, None)

    def _look_closely(self, film: Probe | VideoIndex, start: float, seconds: float, width: int | None) -> None:
        """Look at DENSE_FPS frames per second until a payload is confirmed."""
        fps = _at_most(DENSE_FPS, film)
        try:
            for moment, picture in gray_frames(
                self.path, fps=fps, width=width, start=start, duration=seconds, index=_index_of(film)
            ):
                self.seen.add(moment, self.decoders.look(picture))
                if self.seen.confirmed:
                    return
        except (UnreadableVideo, OSError) as refused:
            self.seen.notes.append(Message.of(MessageCode.AROUND_SECOND, second=start, why=why(refused)))

    def _heavy_pass(self) -> None:
        """Look at the sharpest frames in every way there is; without traces of a code only at few, and without zbar."""
        frames = sorted(self.sharpest.values(), reverse=True)
        if not self.seen.traces:
            self._ladder_pass(frames[:SHARPEST_WITHOUT_TRACE])
            if not self.seen.traces:
                self._flat_pass(frames[:SHARPEST_WITHOUT_TRACE])
                return
        for look in (self._flat_pass, self._ladder_pass, self._second_pass):
            if not self.seen.confirmed:
                look(frames)

    def _flat_pass(self, frames: list[_Frame]) -> None:
        """Lay the codes of frames flat, and let the frames vote; fewer of them after a payload is confirmed."""
        votes, read = FrameVotes(), self.decoders.flat_readers().first
        for number, frame in enumerate(frames):
            if self.seen.confirmed and number % CONFIRMED_STEP:
                continue
            if number >= IN_VAIN and not (votes.codes or self.seen.moments):
                return
            for moment, code in votes.look(frame.picture, frame.moment, read, quick=not self.seen.traces):
                self.seen.add(moment, DecodedPicture((code,)))

    def _ladder_pass(self, frames: list[_Frame]) -> None:
        """Look at frames on each rung of the ladder."""
        for frame in frames:
            for picture in prepared(frame.picture):
                self.seen.add(frame.moment, self.decoders.look(picture))
            if self.seen.confirmed:
                return

    def _second_pass(self, frames: list[_Frame]) -> None:
        """Look at frames with zbar."""
        for frame in frames:
            for picture in (frame.picture, half(frame.picture), adaptive(frame.picture)):
                self.seen.add(frame.moment, self.decoders.second_look(picture))
            if self.seen.confirmed or not self.decoders.has_second:
                return


def _key_frames_suffice(index: VideoIndex) -> bool:
    """Whether the key frames in the window are close enough together, and not too close."""
    end = min(index.duration, WINDOW)
    keys = [key for key in index.keys if key < end]
    gaps = [after - before for before, after in zip([0.0, *keys], [*keys, end], strict=True)]
    return max(gaps) <= KEY_GAP and len(keys) <= KEYS_A_SECOND * end + 1


def _index_of(film: Probe | VideoIndex) -> VideoIndex | None:
    return film if isinstance(film, VideoIndex) else None


def _at_most(fps: float, film: Probe | VideoIndex) -> float:
    """That rate, or the film's own if it is lower: a frame that is shown twice would agree with itself."""
    return min(fps, float(film.fps))


def why(refused: UnreadableVideo | OSError) -> tuple[Message, ...]:
    """The reason why a film can't be read."""
    if isinstance(refused, UnreadableVideo):
        return refused.what_parts
    return (Message.of(MessageCode.CANT_BE_READ, why=refused.strerror or str(refused)),)
