"""Probes a video file: its length, size as shown, frame rate, sound, and when it was filmed.

Owns: reading a file's header and refusing files that can't become part of a film. Not here: decoding (`frames`,
`stinercut.films.picture.segments`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter

from stinercut import input_limits
from stinercut.errors import UnreadableVideo
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import Store, key_of, replace_file
from stinercut.video import ffmpeg_runner as runner

Rate = Annotated[Fraction, BeforeValidator(Fraction), PlainSerializer(str)]
"""Frames per second, exactly; in JSON as text such as 30000/1001."""

_KEPT = 7
"""Raise it whenever `Probe` gets other values for the same file."""

_NO_CODEC = ("", "none", "unknown")

_IMAGE_CODECS = ("mjpeg", "png", "bmp", "gif", "webp", "jpeg2000", "tiff")
_FEW_FRAMES = ("", "1")
"""A stream of images is a film only if its frames are counted and more than one (a camera's Motion-JPEG)."""

_AGAIN = Message.of(MessageCode.COPY_AGAIN_OR_LEAVE_OUT)


@dataclass(frozen=True)
class AudioInfo:
    """The first audio stream that can be read: codec name, samples per second, channels.

    `stream` is its number among the audio streams.
    """

    codec: str
    sample_rate: int
    channels: int
    stream: int = 0


@dataclass(frozen=True)
class Probe:
    """A video. `duration` in seconds; `width` x `height` in pixels as a player shows them.

    Rotation and pixel shape are applied to the size. `rotation` in degrees clockwise, 0 to 359. `recorded` is the wall
    clock's time without a zone; None if the file has no time. `matrix`, `transfer` and `primaries` are ffmpeg's names
    for the encoding of colours. `video_start`: seconds from the file's beginning (where sound may begin already) to its
    first picture. `interlaced`: each frame is two fields.
    `stream` is the number of the picture's stream among all streams of the file: it is not always the first video
    stream, which may be a thumbnail. `pixels` and `chroma_location` are ffmpeg's names for the pixel format and the
    position of its colour samples.
    """

    duration: float
    width: int
    height: int
    fps: Rate
    rotation: int
    video_codec: str
    audio: AudioInfo | None
    size: int
    recorded: datetime | None
    matrix: str = ""
    transfer: str = ""
    video_start: float = 0.0
    interlaced: bool = False
    primaries: str = ""
    stream: int = 0
    pixels: str = ""
    chroma_location: str = ""


_PROBES = TypeAdapter(Probe)


def probe(path: Path) -> Probe:
    """Probe a video. Raises UnreadableVideo with the reason for anything that is no complete video."""
    if not path.is_file():
        raise UnreadableVideo(
            Message.of(MessageCode.FILE_NOT_THERE), file=path, advice=Message.of(MessageCode.CHECK_PATH_OR_CARD)
        )
    size = path.stat().st_size
    if size == 0:
        raise UnreadableVideo(Message.of(MessageCode.FILE_EMPTY), file=path, advice=_AGAIN)
    try:
        return _probed(path, size, runner.ffprobe_json(path))
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ):  # A damaged header may contain anything.
        raise UnreadableVideo(Message.of(MessageCode.VIDEO_HEADER_DAMAGED), file=path, advice=_AGAIN) from None


def _probed(path: Path, size: int, found: dict[str, Any]) -> Probe:
    """The values of the header. Raises UnreadableVideo, and whatever follows from texts that are no numbers."""
    container: dict[str, Any] = found.get("format", {})
    stream = _video_stream(found, path)
    duration = _duration(path, stream, container)
    if duration <= 0:
        raise UnreadableVideo(Message.of(MessageCode.VIDEO_WITHOUT_LENGTH), file=path, advice=_AGAIN)
    rotation = _rotation(stream)
    width, height = _shown_size(stream, rotation)
    if width < 2 or height < 2:
        raise UnreadableVideo(Message.of(MessageCode.VIDEO_WITHOUT_SIZE), file=path, advice=_AGAIN)
    fps = _rate(stream)
    stored = int(stream.get("width") or 0), int(stream.get("height") or 0)
    video_start = _video_start(stream, container)
    _require_within_limits(path, size, video_start + duration, float(fps), (stored, (width, height)))
    frames = max(int(stream.get("nb_frames") or 0), float(fps) * duration)
    _require(path, input_limits.broken_by_frames(frames))
    return Probe(
        duration=duration,
        width=width,
        height=height,
        fps=fps,
        rotation=rotation,
        video_codec=str(stream.get("codec_name", "")),
        audio=_audio(found),
        size=size,
        recorded=_recorded(stream, container),
        matrix=str(stream.get("color_space", "")),
        transfer=str(stream.get("color_transfer", "")),
        video_start=video_start,
        interlaced=stream.get("field_order") in ("tt", "bb", "tb", "bt"),
        primaries=str(stream.get("color_primaries", "")),
        stream=int(stream["index"]),
        pixels=str(stream.get("pix_fmt", "")),
        chroma_location=str(stream.get("chroma_location", "")),
    )


def _require_within_limits(
    path: Path, size: int, duration: float, fps: float, pictures: tuple[tuple[int, int], ...]
) -> None:
    """Raise UnreadableVideo for a film that no camera writes. `pictures`: its size as stored, and as shown."""
    broken = [input_limits.broken_by_length(duration, size)]
    broken += [input_limits.broken_by_size(*shape) or input_limits.broken_by_rate(fps, *shape) for shape in pictures]
    _require(path, next(filter(None, broken), ""))


def _require(path: Path, why: str) -> None:
    """Raise UnreadableVideo if there is a reason."""
    if why:
        raise UnreadableVideo(why, file=path, advice=Message.of(MessageCode.LEAVE_OUT_OR_EXPORT))


def kept_probe(store: Store, content_hash: str, path: Path) -> Probe:
    """`probe`, run only once for each content: the result is kept in the store."""
    kept = store.derived_path(key_of("probe", _KEPT, content_hash, runner.build()), ".json")
    with contextlib.suppress(OSError, ValueError, TypeError):
        return _PROBES.validate_json(kept.read_bytes())
    probed = probe(path)
    replace_file(kept, _PROBES.dump_json(probed))
    return probed


def _video_stream(found: dict[str, Any], path: Path) -> dict[str, Any]:
    streams: list[dict[str, Any]] = found.get("streams", [])
    stream = picture_stream(streams)
    if stream is None:
        what = (
            Message.of(MessageCode.SOUND_WITHOUT_PICTURE) if streams else Message.of(MessageCode.NO_VIDEO_OR_CUT_SHORT)
        )
        raise UnreadableVideo(what, file=path, advice=Message.of(MessageCode.LEAVE_IT_OUT))
    return stream


def picture_stream(streams: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The stream that is a file's picture, among its streams in ffprobe's list; None without a picture.

    Cover art is never chosen. A thumbnail that isn't marked as such (a single image) is chosen only if there is no
    video. Of several videos the file's default is chosen, then the largest, then the first.
    """
    videos = [stream for stream in streams if stream.get("codec_type") == "video" and not _is_marked_thumbnail(stream)]
    return max(videos, key=_rank_as_picture, default=None)


def _is_marked_thumbnail(stream: dict[str, Any]) -> bool:
    disposition = stream.get("disposition", {})
    return bool(disposition.get("attached_pic") or disposition.get("timed_thumbnails"))


def _rank_as_picture(stream: dict[str, Any]) -> tuple[bool, bool, bool, int]:
    """The rank of a stream: more is better, and `max` keeps the first of equals."""
    can_decode = str(stream.get("codec_name") or "") not in _NO_CODEC
    is_image = stream.get("codec_name") in _IMAGE_CODECS and str(stream.get("nb_frames", "")) in _FEW_FRAMES
    area = int(stream.get("width") or 0) * int(stream.get("height") or 0)
    return can_decode, not is_image, bool(stream.get("disposition", {}).get("default")), area


def _duration(path: Path, stream: dict[str, Any], container: dict[str, Any]) -> float:
    """Seconds of picture. If only the container has a length, it may be the sound's; a recorder that died, or a
    browser, writes no length at all. In both cases the file is read.
    """
    for seconds in (stream.get("duration"), _tagged_duration(stream)):
        with contextlib.suppress(TypeError, ValueError):
            return float(seconds)  # pyright: ignore[reportArgumentType] - None is among what is suppressed
    with contextlib.suppress(KeyError, TypeError, ValueError):
        whole = float(container["duration"])
        return min(whole, _read_duration(path, stream) or whole)
    return _read_duration(path, stream)


def _read_duration(path: Path, stream: dict[str, Any]) -> float:
    """Seconds from the first picture to the end of the last one, by the times of all packets; 0 without any times."""
    times = [shown for shown, _ in runner.packet_times(path, str(stream["index"]))]
    return float((max(times) - min(times)) * Fraction(stream["time_base"]) + 1 / _rate(stream)) if times else 0.0


def _rate(stream: dict[str, Any]) -> Fraction:
    """Frames per second: the mean, or if that is impossible, the rate of which all times are multiples."""
    rates = [rate for name in ("avg_frame_rate", "r_frame_rate") if (rate := _fraction(stream.get(name)))]
    return next((rate for rate in rates if rate <= input_limits.MOST_FPS), rates[0] if rates else Fraction(30))


def _tagged_duration(stream: dict[str, Any]) -> float | None:
    """Seconds of picture by Matroska's tag: hours, minutes and seconds from the file's beginning to the end of the last
    picture. mkvmerge, which names itself in another tag, counts from the first picture.
    """
    tags = {str(name).upper(): str(value) for name, value in stream.get("tags", {}).items()}
    duration = next((text for name, text in tags.items() if name == "DURATION" or name.startswith("DURATION-")), "")
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = duration.split(":")
        end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        from_first = any(name.startswith("_STATISTICS_WRITING_APP") for name in tags)
        length = end if from_first else end - float(stream.get("start_time") or 0)
        return length if length > 0 else None
    return None


def _rotation(stream: dict[str, Any]) -> int:
    for extra in stream.get("side_data_list", []):
        if "rotation" in extra:
            return -int(float(extra["rotation"])) % 360
    return int(float(stream.get("tags", {}).get("rotate", 0))) % 360


def _shown_size(stream: dict[str, Any], rotation: int) -> tuple[int, int]:
    width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
    pixel = _fraction(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or Fraction(1)
    width = round(width * pixel)
    return (height, width) if rotation % 180 == 90 else (width, height)


def _fraction(text: object) -> Fraction | None:
    """A positive fraction such as `30000/1001`; None for `0/0` and the like."""
    try:
        value = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _video_start(stream: dict[str, Any], container: dict[str, Any]) -> float:
    """Seconds from the file's beginning, as ffmpeg counts it, to the first picture."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return max(0.0, float(stream["start_time"]) - float(container["start_time"]))
    return 0.0


def _audio(found: dict[str, Any]) -> AudioInfo | None:
    streams = [stream for stream in found.get("streams", []) if stream.get("codec_type") == "audio"]
    for number, stream in enumerate(streams):
        rate, channels = int(stream.get("sample_rate") or 0), int(stream.get("channels") or 0)
        codec = str(stream.get("codec_name", ""))
        if rate and channels and codec not in _NO_CODEC:
            return AudioInfo(codec, rate, channels, number)
    return None


def _recorded(stream: dict[str, Any], container: dict[str, Any]) -> datetime | None:
    """The wall clock's time. Apple writes local time with its zone, next to the time in UTC; GoPro writes local time
    and calls it UTC.
    """
    for name in ("com.apple.quicktime.creationdate", "creation_time"):
        for holder in (container, stream):
            text = str(holder.get("tags", {}).get(name) or "")
            with contextlib.suppress(ValueError):
                if text and not text.startswith(("1904", "1970")):  # a clock that was never set
                    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
    return None
