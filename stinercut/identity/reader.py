"""From a file to a reading: which frames are looked at, in which order, and when that is enough.

Lives here: the cascade, its limits, and the verdict over everything that was seen. Doesn't: decoders (`decoders`),
frames (`stinercut.media.frames`), the schema (`payload`), what a reading means for a card (`stinercut.sessions`).

The cascade for a film:
1. The key frames from the start to WINDOW through zxing-cpp, where a camera wrote about two a second: everything else
   stays undecoded. Other films: FAST_FPS frames a second. Both go on to WINDOW after the payload is confirmed, so that
   a second passenger is noticed.
2. A payload seen in one frame only: the moments around it, densely.
3. Still none, in a short film: the frames between the key frames, if there are traces of a code or the film is very
   short; then the sharpest frames through a ladder of preprocessing: many frames, and zbar too, when there are traces,
   few and zxing-cpp only when there are none.

The verdict: a signed payload counts when it was read once. One without a signature counts when two frames of a film
agree; in a still picture two different looks must: looks differ in the decoder or in the preprocessing (two scales, for
example). A code with a wrong signature spoils the file, whatever else is in it.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from stinercut.errors import BadInput, UnreadableVideo
from stinercut.identity.decoders import Code, Gray, Look, Zbar, ZbarLost, zxing
from stinercut.identity.payload import Payload, parse_payload
from stinercut.identity.reading import Reading, Reason
from stinercut.identity.signing import is_signed
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.media.frames import gray_frames, key_frames
from stinercut.media.index import VideoIndex, read_index
from stinercut.media.probe import Probe, probe

WINDOW: Final = 60.0
"""Seconds from the start that are looked at. The code is filmed early; aiming takes 5 to 10 s."""

FAST_FPS: Final = 4.0
FAST_WIDTH: Final = 1920
"""Wider film is scaled down: a code that fills a ninth of the picture's width keeps more than 3 pixels a module.
zxing-cpp takes 2 to 3 ms for such a frame, a tenth of what decoding it costs."""

KEY_WIDTH: Final = 1280
"""The same for the first look at key frames, which most codes are read in."""

ENOUGH_FPS: Final = 2.9
"""With so many key frames a second (GoPros: 2 to 3.7) the frames between them are looked at only if there are traces of
a code: FAST_FPS would hardly look at more."""

KEY_GAP: Final = 0.55
"""Seconds between key frames, at most, for looking at them alone. GoPros write one every 0.27 to 0.5 s."""

KEYS_A_SECOND: Final = 5.0
"""More key frames than this are no saving: all of them would be looked at."""

VERY_SHORT: Final = 10.0
"""Films up to this length, in seconds, are looked at between few key frames even without a trace of a code."""

AROUND: Final = 1.0
DENSE_FPS: Final = 15.0
"""How far around a lone find, in seconds each way, and how densely it is looked at again."""

SHORT: Final = 20.0
"""Longer films than this many seconds get no heavy pass: nobody films a code that long."""

SHARPEST: Final = 20
"""Frames of the heavy pass when there are traces of a code."""

SHARPEST_WITHOUT_TRACE: Final = 6
"""Frames of the heavy pass when there are none. Of 316 real photos of codes, zxing-cpp read 297 and left traces of
another 16; so a film without traces rarely holds a code, and should cost little."""

RAW_LIMIT: Final = 1000
"""Characters of a foreign code that are kept; a QR code holds up to 4296."""

SMALL_SIDE: Final = 800
"""Pictures whose longer side is below this are tried at double size too."""

MAX_PICTURE_BYTES: Final = 100_000_000

_PICTURE_HEADS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*")


@dataclass
class _Seen:
    """Everything that was seen in one file so far. A moment is a frame's time, or the number of a look at a picture."""

    keys: KeyRing = NO_KEYS
    moments: dict[Payload, dict[float, Code]] = field(default_factory=dict[Payload, dict[float, Code]])
    signed: set[Payload] = field(default_factory=set[Payload])
    foreign: dict[str, str] = field(default_factory=dict[str, str])
    """Text of a code that is no identity, and why it is none."""
    damaged: bool = False
    """Whether a code was found that could not be decoded."""
    cut_short: bool = False
    apart: float = 0.0
    """Seconds between two frames of the film, a little less: moments that are closer may be one and the same frame."""
    notes: list[str] = field(default_factory=list[str])

    def add(self, moment: float, look: Look) -> None:
        self.damaged = self.damaged or look.damaged
        for code in look.codes:
            payload, why = _identity(code, self.keys)
            if payload is None:
                self.foreign.setdefault(code.text, why)
            else:
                self._support(self.moments.setdefault(payload, {}), moment, code)
                if is_signed(code.text):
                    self.signed.add(payload)

    def _support(self, moments: dict[float, Code], moment: float, code: Code) -> None:
        """One frame that two passes looked at is no second opinion."""
        if all(abs(moment - other) > self.apart for other in moments):
            moments[moment] = code

    @property
    def traces(self) -> bool:
        return self.damaged or bool(self.moments)

    @property
    def confirmed(self) -> bool:
        return any(self.is_enough(payload) for payload in self.moments)

    def is_enough(self, payload: Payload) -> bool:
        return payload in self.signed or len(self.moments[payload]) > 1

    @property
    def forged(self) -> str:
        """A text that claims to be signed and isn't, or no longer; empty if there is none."""
        return next((text for text in self.foreign if is_signed(text)), "")


def read_file(path: Path, keys: KeyRing = NO_KEYS) -> Reading:
    """What a file says, film or picture, chosen by its first bytes. Never raises for what is in it."""
    try:
        with path.open("rb") as source:
            head = source.read(16)
    except OSError as refused:
        return Reading(reason=Reason.UNREADABLE, detail=f"can't be opened: {refused.strerror or refused}")
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return read_picture(path, keys) if is_webp or head.startswith(_PICTURE_HEADS) else read_film(path, keys)


def read_picture(path: Path, keys: KeyRing = NO_KEYS) -> Reading:
    """What a still picture says. Never raises for what is in it."""
    began = time.monotonic()
    picture = _load(path)
    if isinstance(picture, str):
        return _unreadable(picture, began)
    seen = _Seen(keys)
    with Zbar() as zbar:
        for number, look in enumerate(_picture_looks(picture, zbar, seen)):
            seen.add(number, look)
            if seen.confirmed:
                break
    return _verdict(seen, began, film_seconds=None)


def read_film(path: Path, keys: KeyRing = NO_KEYS) -> Reading:
    """What the first WINDOW seconds of a film say. Never raises for what is in it; MissingProgram without ffmpeg."""
    began = time.monotonic()
    seen = _Seen(keys)
    index = read_index(path)
    sharpest = _key_frame_pass(path, index, seen) if index is not None and _key_frames_suffice(index) else None
    if index is not None and sharpest is not None:
        film = index
        if not _settled(seen, film):
            _look_between(path, film, sharpest, seen)
    else:
        try:
            film = probe(path)
        except (UnreadableVideo, OSError) as refused:
            return _unreadable(_what(refused), began)
        _look_at_all(path, film, seen)
    if seen.cut_short and not seen.moments and not seen.foreign:
        # There may have been a code in the part that is lost.
        return _unreadable(_join(*seen.notes), began)
    return _verdict(seen, began, film_seconds=film.duration)


def _settled(seen: _Seen, film: VideoIndex) -> bool:
    """Whether a film's key frames say enough: a passenger, more than one, or nothing in a film too long for a code."""
    if seen.moments:
        return seen.confirmed or len(seen.moments) > 1
    return film.duration > SHORT


# Passes over a film


@dataclass(order=True, frozen=True)
class _Frame:
    sharpness: float
    moment: float
    picture: Gray = field(compare=False)


def _key_frames_suffice(index: VideoIndex) -> bool:
    """Whether the key frames lie close enough together, to the end of what is looked at, and not too close."""
    end = min(index.duration, WINDOW)
    keys = [key for key in index.keys if key < end]
    gaps = [after - before for before, after in zip([0.0, *keys], [*keys, end], strict=True)]
    return max(gaps) <= KEY_GAP and len(keys) <= KEYS_A_SECOND * end + 1


def _key_frame_pass(path: Path, index: VideoIndex, seen: _Seen) -> list[_Frame] | None:
    """Look at the key frames; gives the sharpest, best first. None when some could not be decoded."""
    seen.apart = 0.999 / index.fps
    count = sum(key < min(index.duration, WINDOW) for key in index.keys)
    sharpest: list[_Frame] = []
    looked = 0
    try:
        for moment, picture in key_frames(path, index, count=count, width=KEY_WIDTH):
            looked += 1
            _look(picture, moment, index.duration, sharpest, seen)
    except (UnreadableVideo, OSError):
        return None  # The next pass says what is wrong with this film.
    return sorted(sharpest, reverse=True) if looked == count else None


def _look(picture: Gray, moment: float, seconds: float, sharpest: list[_Frame], seen: _Seen) -> None:
    """One frame of a film `seconds` long through zxing-cpp; it may be kept for the heavy pass."""
    seen.add(moment, zxing(picture))
    if seconds <= SHORT and not seen.confirmed:
        _keep_sharpest(sharpest, _Frame(_sharpness(picture), moment, picture))


def _look_between(path: Path, film: VideoIndex, sharpest: list[_Frame], seen: _Seen) -> None:
    """The key frames, of which `sharpest` are the best, were not enough."""
    if seen.moments:
        _dense_pass(path, film, seen)
    if seen.confirmed or film.duration > SHORT:
        return
    few = len(film.keys) < ENOUGH_FPS * film.duration
    if seen.traces or (few and film.duration <= VERY_SHORT):
        sharpest = _fast_pass(path, film, seen)
    if not seen.confirmed:
        _heavy_pass(sharpest, seen)


def _look_at_all(path: Path, film: Probe, seen: _Seen) -> None:
    """A film whose key frames are too far apart, or can't be told from its index, or are damaged."""
    sharpest = _fast_pass(path, film, seen)
    if seen.moments and not seen.confirmed:
        _dense_pass(path, film, seen)
    if not seen.confirmed and film.duration <= SHORT:
        _heavy_pass(sharpest, seen)


def _fast_pass(path: Path, film: Probe | VideoIndex, seen: _Seen) -> list[_Frame]:
    """Look at FAST_FPS frames a second and note a film that ends too early; gives the sharpest frames, best first."""
    seen.apart = 0.999 / float(film.fps)
    sharpest: list[_Frame] = []
    reached, broken = 0.0, ""
    fps = _at_most(FAST_FPS, film)
    try:
        frames = gray_frames(path, fps=fps, width=FAST_WIDTH, duration=WINDOW, index=_index_of(film))
        for number, (moment, picture) in enumerate(frames):
            reached = moment
            if not (seen.confirmed and number % 2):
                _look(picture, moment, film.duration, sharpest, seen)
    except (UnreadableVideo, OSError) as refused:
        broken = _what(refused)
    # A frame lasts until the next one, and the picture may end a little before the sound.
    if broken or reached < min(film.duration, WINDOW) - 1.0 - 1.0 / fps:
        seen.cut_short = True
        seen.notes.append(
            _join(f"cut short or damaged: no picture after {reached:.1f} of {film.duration:.1f} s", broken)
        )
    return sorted(sharpest, reverse=True)


def _index_of(film: Probe | VideoIndex) -> VideoIndex | None:
    return film if isinstance(film, VideoIndex) else None


def _at_most(fps: float, film: Probe | VideoIndex) -> float:
    """Never more frames than were filmed: one frame shown twice would agree with itself."""
    return min(fps, float(film.fps))


def _keep_sharpest(heap: list[_Frame], frame: _Frame) -> None:
    if len(heap) < SHARPEST:
        heapq.heappush(heap, frame)
    else:
        heapq.heappushpop(heap, frame)


def _sharpness(picture: Gray) -> float:
    """Variance of the Laplacian at quarter size: cheap, and enough to order the frames of one film."""
    height, width = picture.shape
    small = cv2.resize(picture, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).var())


def _dense_pass(path: Path, film: Probe | VideoIndex, seen: _Seen) -> None:
    fps = _at_most(DENSE_FPS, film)
    for lone in [next(iter(moments)) for moments in seen.moments.values()]:
        start = max(0.0, lone - AROUND)
        try:
            # In full width: what was read once, scaled down, is read more easily as it was filmed.
            for moment, picture in gray_frames(path, fps=fps, start=start, duration=2 * AROUND, index=_index_of(film)):
                seen.add(moment, zxing(picture))
        except (UnreadableVideo, OSError) as refused:
            seen.notes.append(f"around {lone:.1f} s: {_what(refused)}")


def _heavy_pass(frames: list[_Frame], seen: _Seen) -> None:
    for frame in frames if seen.traces else frames[:SHARPEST_WITHOUT_TRACE]:
        for rung in LADDER.values():
            prepared = rung(frame.picture)
            if prepared is not None:
                seen.add(frame.moment, zxing(prepared))
        if seen.confirmed:
            return
    if not seen.traces:
        return
    with Zbar() as zbar:
        for frame in frames:
            for look in _zbar_looks(frame.picture, zbar, seen):
                seen.add(frame.moment, look)
            if seen.confirmed or zbar.lost:
                return


# Looks at one picture


def _half(picture: Gray) -> Gray:
    height, width = picture.shape
    return _gray(cv2.resize(picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA))


def _double(picture: Gray) -> Gray | None:
    height, width = picture.shape
    if max(height, width) >= SMALL_SIDE:
        return None
    return _gray(cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC))


def _clahe(picture: Gray) -> Gray:
    return _gray(cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(picture))


def _unsharp(picture: Gray) -> Gray:
    return _gray(cv2.addWeighted(picture, 2.5, cv2.GaussianBlur(picture, (0, 0), 3), -1.5, 0))


def _adaptive(picture: Gray) -> Gray:
    return _gray(cv2.adaptiveThreshold(picture, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 51, 5))


def _gray(picture: object) -> Gray:
    return cast("Gray", picture)


LADDER: Final[dict[str, Callable[[Gray], Gray | None]]] = {
    "half size": _half,
    "double size": _double,
    "CLAHE": _clahe,
    "unsharp": _unsharp,
    "adaptive threshold": _adaptive,
}
"""Preprocessing in the order of gain per millisecond, measured on 602 real photos. None: not for this picture."""


def _picture_looks(picture: Gray, zbar: Zbar, seen: _Seen) -> Iterator[Look]:
    yield zxing(picture)
    for rung in LADDER.values():
        prepared = rung(picture)
        if prepared is not None:
            yield zxing(prepared)
    yield from _zbar_looks(picture, zbar, seen)


def _zbar_looks(picture: Gray, zbar: Zbar, seen: _Seen) -> Iterator[Look]:
    for prepared in (picture, _half(picture), _adaptive(picture)):
        try:
            yield zbar.look(prepared)
        except ZbarLost as lost:
            seen.notes.append(str(lost))
            return


def _load(path: Path) -> Gray | str:
    """The picture in gray, what is transparent as white; or why there is none."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            return "too large for a picture of a code"
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except OSError as refused:
        return f"can't be opened: {refused.strerror or refused}"
    except cv2.error as refused:
        return f"the picture can't be decoded: {refused.err}"
    if picture is None:
        return "not a picture, or a damaged one"
    return _flatten(np.asarray(picture))


def _flatten(picture: np.ndarray) -> Gray:
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    elif picture.dtype != np.uint8:
        picture = cv2.normalize(picture, picture.copy(), 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 4:
        opaque = picture[:, :, 3:].astype(np.float32) / 255
        picture = (picture[:, :, :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    if picture.shape[2] == 3:
        return _gray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    return np.ascontiguousarray(picture[:, :, 0])


# The verdict


def _identity(code: Code, keys: KeyRing) -> tuple[Payload | None, str]:
    if not code.exact:
        return None, "a QR code that is not one of ours: its text is not UTF-8"
    try:
        return parse_payload(code.text, keys), ""
    except BadInput as refused:
        return None, refused.what


def _verdict(seen: _Seen, began: float, *, film_seconds: float | None) -> Reading:
    """One reading from all that was seen. Any two different payloads, confirmed or not, are refused."""
    return _judged(seen, timed=film_seconds is not None).model_copy(
        update={"film_seconds": film_seconds, "seconds": time.monotonic() - began}
    )


def _judged(seen: _Seen, *, timed: bool) -> Reading:
    notes = "; ".join(seen.notes)
    if len(seen.moments) > 1:
        names = [f"{each.passenger_name} ({each.booking_id}, {each.jump_date})" for each in seen.moments]
        raw = "\n".join(next(iter(moments.values())).text for moments in seen.moments.values())
        detail = _join(f"codes of {len(names)} passengers in one file: {', '.join(names)}", notes)
        return Reading(reason=Reason.TWO_PAYLOADS, raw=_clip(raw), detail=detail)
    if seen.moments and not seen.forged:
        payload, moments = next(iter(seen.moments.items()))
        first = min(moments)
        code = moments[first]
        frame_time = first if timed else None
        if not seen.is_enough(payload):
            detail = _join("a passenger's code was read once, and nothing agreed with it", notes)
            return Reading(reason=Reason.NOT_CONFIRMED, raw=_clip(code.text), detail=detail, decoder=code.decoder)
        return Reading(
            payload=payload,
            raw=_clip(code.text),
            detail=notes,
            decoder=code.decoder,
            signed=payload in seen.signed,
            frame_time=frame_time,
        )
    if seen.foreign:
        text = seen.forged or next(iter(seen.foreign))
        more = f"{len(seen.foreign)} different codes" if len(seen.foreign) > 1 else ""
        return Reading(reason=Reason.INVALID_QR, raw=_clip(text), detail=_join(seen.foreign[text], more, notes))
    if seen.damaged:
        detail = _join("a QR code was seen but could not be read: too small, blurred, covered or damaged", notes)
        return Reading(reason=Reason.INVALID_QR, detail=detail)
    return Reading(reason=Reason.NO_QR_FOUND, detail=notes)


def _what(refused: UnreadableVideo | OSError) -> str:
    if isinstance(refused, UnreadableVideo):
        return refused.what
    return f"can't be read: {refused.strerror or refused}"


def _unreadable(why: str, began: float) -> Reading:
    return Reading(reason=Reason.UNREADABLE, detail=why, seconds=time.monotonic() - began)


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _clip(text: str) -> str:
    """A text that any database takes and no page chokes on: without NUL, not endless."""
    return text.replace("\x00", "\u2400")[:RAW_LIMIT]
