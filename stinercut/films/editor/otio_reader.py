"""An `.otio` file that somebody gives us, as the clips of its tracks: which part of which file, one after the other.

Owns: reading the JSON of OpenTimelineIO, whatever is in it, and calling its files by their names alone. Not here:
what its clips are to us (`stinercut.films.editor.otio`), writing one (there too, with the library).

It is read without the library: that ends the whole process for some damaged files (no `tracks`, a deep nest).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import cast
from urllib.parse import quote, unquote, urlsplit

from stinercut.errors import BadInput

LARGEST = 2_000_000
"""Bytes. A film's has 12 000; one of a thousand clips is smaller than this."""

_SPEED = ("TimeEffect", "LinearTimeWarp", "FreezeFrame")
_REFERENCE = "SerializableObjectRef"
"""What stands where an object is used again: the id under which it is told in full."""

Said = Mapping[str, object]


@dataclass(frozen=True)
class TimelineClip:
    """A clip: its name, its file's name, and its metadata. What is seen of the file, from its first picture on, in
    seconds; `seconds` can be anything. `before` and `after`: for how much longer it is seen in its dissolves.
    """

    name: str
    file_name: str
    metadata: Said
    begin: float
    seconds: float
    before: float
    after: float


def read_tracks(text: str | bytes, file: str) -> list[list[TimelineClip]]:
    """The clips of each video track that is shown, without gaps. Raises BadInput, saying what can't be and in which
    clip.
    """
    timeline, shared = _parsed(text, file)
    reader = _Reader(file, shared)
    return [reader.clips(track) for track in reader.video_tracks(timeline)]


def with_files_beside(path: Path, folder: str) -> str | None:
    """A timeline in which files that are named by a whole path are in that folder beside it; None where none is.

    Raises BadInput for what is no timeline.
    """
    found, changed = False, False

    def beside(said: dict[str, object]) -> dict[str, object]:
        nonlocal found, changed
        found = found or _kind(said) == "Timeline"
        url = said.get("target_url")
        if isinstance(url, str) and _is_whole(url):
            changed = True
            said["target_url"] = quote(f"{folder}/{_file_name(url)}")
        return said

    timeline: object = None
    try:
        timeline = json.loads(path.read_bytes().decode("utf-8-sig"), object_hook=beside)
    except (ValueError, RecursionError):
        found = False
    if not found:
        raise BadInput("this is no OpenTimelineIO file", file=path, advice="Make the film again.")
    return json.dumps(timeline, indent=4) if changed else None


def _is_whole(url: str) -> bool:
    """Whether a file is named with all its folders, as a URL or a path of any system."""
    return url.casefold().startswith("file:") or url.startswith("/") or PureWindowsPath(unquote(url)).anchor != ""


def _parsed(text: str | bytes, file: str) -> tuple[Said, dict[str, Said]]:
    if len(text) > LARGEST:
        raise BadInput(
            f"the timeline is larger than {LARGEST // 1_000_000} MB", file=file, advice="Is it an .otio file?"
        )
    shared: dict[str, Said] = {}

    def kept(said: dict[str, object]) -> dict[str, object]:
        if isinstance(number := said.get("OTIO_REF_ID"), str):
            shared[number] = said
        return said

    try:
        found = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text, object_hook=kept)
    except (ValueError, RecursionError) as refused:
        raise BadInput(
            f"this is no OpenTimelineIO file: {refused}", file=file, advice="Export it from the program as .otio."
        ) from None
    timeline = _as_object(found)
    kind = _kind(timeline)
    if kind != "Timeline":
        what = f"the file holds a {kind!r}, not a timeline" if kind else "this is no OpenTimelineIO file"
        raise BadInput(what, file=file, advice="Export the whole timeline as .otio.")
    return timeline, shared


@dataclass(frozen=True)
class _Reader:
    """Reads a file's objects. `shared`: those that are used several times, by their ids."""

    file: str
    shared: Mapping[str, Said]

    def video_tracks(self, timeline: Said) -> Iterator[Said]:
        stack = self._object(timeline.get("tracks"))
        if _kind(stack) != "Stack" or not isinstance(stack.get("children"), list):
            raise BadInput(
                "this is no OpenTimelineIO file: its timeline has no tracks",
                file=self.file,
                advice="Export it from the program as .otio.",
            )
        for track in self._objects(stack.get("children")):
            if _kind(track) == "Track" and track.get("kind", "Video") == "Video" and _is_enabled(track):
                yield track

    def clips(self, track: Said) -> list[TimelineClip]:
        items = self._objects(track.get("children"))
        out: list[TimelineClip] = []
        for number, item in enumerate(items):
            if _kind(item) in ("Gap", "Transition") or not _is_enabled(item):
                continue
            before = items[number - 1] if number else {}
            after = items[number + 1] if number + 1 < len(items) else {}
            reach = (self._reach(before, "in_offset"), self._reach(after, "out_offset"))
            out.append(self._clip(item, reach))
        return out

    def _clip(self, item: Said, reach: tuple[float, float]) -> TimelineClip:
        name = _text(item.get("name"))
        if _kind(item) != "Clip":
            raise BadInput(
                f"{name!r} is a timeline within the timeline", file=self.file, advice="Take its clips out of it."
            )
        if any(self._changes_speed(effect) for effect in self._objects(item.get("effects"))):
            raise BadInput(
                f"{name!r} is played at another speed, and a cut can't say that",
                file=self.file,
                advice="Set its speed back to 100 % and export again.",
            )
        reference = self._file_of(item)
        available = self._object(reference.get("available_range"))
        spoken = self._object(item.get("source_range")) or available
        begin, seconds = self._seconds(spoken.get("start_time")), self._seconds(spoken.get("duration"))
        first = self._seconds(available.get("start_time")) if available else 0.0
        if begin is None or seconds is None or first is None:
            raise BadInput(
                f"{name!r} has no length in the timeline", file=self.file, advice="Take it out, or trim it anew."
            )
        file_name = _file_name(_text(reference.get("target_url")))
        return TimelineClip(name, file_name, self._object(item.get("metadata")), begin - first, seconds, *reach)

    def _file_of(self, clip: Said) -> Said:
        """What a clip says of its file: the one of several that is in use (`Clip.2`), or the only one (`Clip.1`)."""
        several = self._object(clip.get("media_references"))
        active = several.get(_text(clip.get("active_media_reference_key")))
        return self._object(active if several else clip.get("media_reference"))

    def _changes_speed(self, effect: Said) -> bool:
        kind = _kind(effect)
        return kind in _SPEED and not (kind == "LinearTimeWarp" and effect.get("time_scalar") == 1)

    def _reach(self, neighbour: Said, offset: str) -> float:
        """How far a dissolve reaches into the clip beyond its cut."""
        return max(0.0, self._seconds(neighbour.get(offset)) or 0.0) if _kind(neighbour) == "Transition" else 0.0

    def _seconds(self, time: object) -> float | None:
        said = self._object(time)
        value, rate = _number(said.get("value")), _number(said.get("rate"))
        if value is None or rate is None or rate <= 0:
            return None
        seconds = value / rate
        return seconds if math.isfinite(seconds) else None

    def _objects(self, said: object) -> list[Said]:
        return [self._object(one) for one in cast("list[object]", said)] if isinstance(said, list) else []

    def _object(self, said: object) -> Said:
        """What was said there, or in the place that it refers to; empty where there is no object."""
        found = _as_object(said)
        return self.shared.get(_text(found.get("id")), {}) if _kind(found) == _REFERENCE else found


def _as_object(said: object) -> Said:
    return cast("Said", said) if isinstance(said, dict) else {}


def _kind(said: Said) -> str:
    """`Clip` of `Clip.2`."""
    return _text(said.get("OTIO_SCHEMA")).partition(".")[0]


def _is_enabled(said: Said) -> bool:
    return said.get("enabled", True) is not False


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""


def _number(said: object) -> float | None:
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    try:
        return float(said)
    except OverflowError:
        return None


def _file_name(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    return PurePosixPath(unquote(path).replace("\\", "/")).name
