"""Reads the clips of an `.otio` file that somebody gives us: which part of which file, one after the other.

Owns: reading OpenTimelineIO's JSON, whatever is in it; files are known by their names alone. Not here: which clips of a
jump these are (`stinercut.films.editor.otio`), writing a timeline (there too, with the library).

It is read without OpenTimelineIO's library, which ends the whole process for some damaged files (no `tracks`, deep
nesting).
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
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.language.template_codes import TemplateCode

LARGEST = 2_000_000
"""Bytes. The timeline of a film has 12 000; one of a thousand clips is still smaller than this."""

_SPEED = ("TimeEffect", "LinearTimeWarp", "FreezeFrame")
_REFERENCE = "SerializableObjectRef"
"""The kind of object that stands where another one is used again; it holds the id of the full object."""

Node = Mapping[str, object]


@dataclass(frozen=True)
class TimelineClip:
    """A clip: its name, its file's name, and its metadata. `begin` and `seconds`: the part of the file that is seen,
    counted from its first picture; `seconds` can be any number. `before` and `after`: for how many more seconds it is
    seen in its dissolves.
    """

    name: str
    file_name: str
    metadata: Node
    begin: float
    seconds: float
    before: float
    after: float


def read_tracks(text: str | bytes, file: str) -> list[list[TimelineClip]]:
    """The clips of each video track that is shown, without gaps. Raises BadInput, which names the fault and the
    clip.
    """
    timeline, shared = _parsed(text, file)
    reader = _Reader(file, shared)
    return [reader.clips(track) for track in reader.video_tracks(timeline)]


def with_files_beside(path: Path, folder: str) -> str | None:
    """The timeline with each whole path replaced by one in that folder next to it; None if it has no whole paths.

    Raises BadInput for a file that is no timeline.
    """
    found, changed = False, False

    def beside(node: dict[str, object]) -> dict[str, object]:
        nonlocal found, changed
        found = found or _kind(node) == "Timeline"
        url = node.get("target_url")
        if isinstance(url, str) and _is_whole(url):
            changed = True
            node["target_url"] = quote(f"{folder}/{_file_name(url)}")
        return node

    timeline: object = None
    try:
        timeline = json.loads(path.read_bytes().decode("utf-8-sig"), object_hook=beside)
    except (ValueError, RecursionError):
        found = False
    if not found:
        raise BadInput(Message.of(TemplateCode.NO_OTIO), file=path, advice=Message.of(RefusalCode.MAKE_FILM_AGAIN))
    return json.dumps(timeline, indent=4) if changed else None


def _is_whole(url: str) -> bool:
    """Whether a file is named with all its folders, as a URL or a path of any system."""
    return url.casefold().startswith("file:") or url.startswith("/") or PureWindowsPath(unquote(url)).anchor != ""


def _parsed(text: str | bytes, file: str) -> tuple[Node, dict[str, Node]]:
    if len(text) > LARGEST:
        raise BadInput(
            Message.of(RefusalCode.TIMELINE_LARGER, most=LARGEST // 1_000_000),
            file=file,
            advice=Message.of(RefusalCode.IS_IT_OTIO),
        )
    shared: dict[str, Node] = {}

    def kept(node: dict[str, object]) -> dict[str, object]:
        if isinstance(number := node.get("OTIO_REF_ID"), str):
            shared[number] = node
        return node

    try:
        found = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text, object_hook=kept)
    except (ValueError, RecursionError) as refused:
        raise BadInput(
            Message.of(TemplateCode.NO_OTIO_WHY, why=str(refused)),
            file=file,
            advice=Message.of(TemplateCode.EXPORT_OTIO),
        ) from None
    timeline = _as_object(found)
    kind = _kind(timeline)
    if kind != "Timeline":
        other = Message.of(TemplateCode.OTIO_HOLDS_OTHER, kind=repr(kind))
        what = other if kind else Message.of(TemplateCode.NO_OTIO)
        raise BadInput(what, file=file, advice=Message.of(TemplateCode.EXPORT_WHOLE_TIMELINE))
    return timeline, shared


@dataclass(frozen=True)
class _Reader:
    """Reads a file's objects. `shared`: objects that are used several times, by their ids."""

    file: str
    shared: Mapping[str, Node]

    def video_tracks(self, timeline: Node) -> Iterator[Node]:
        stack = self._object(timeline.get("tracks"))
        if _kind(stack) != "Stack" or not isinstance(stack.get("children"), list):
            raise BadInput(
                Message.of(TemplateCode.NO_OTIO_WHY, why=Message.of(TemplateCode.TIMELINE_WITHOUT_TRACKS)),
                file=self.file,
                advice=Message.of(TemplateCode.EXPORT_OTIO),
            )
        for track in self._objects(stack.get("children")):
            if _kind(track) == "Track" and track.get("kind", "Video") == "Video" and _is_enabled(track):
                yield track

    def clips(self, track: Node) -> list[TimelineClip]:
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

    def _clip(self, item: Node, reach: tuple[float, float]) -> TimelineClip:
        name = _text(item.get("name"))
        if _kind(item) != "Clip":
            raise BadInput(
                Message.of(TemplateCode.NESTED_TIMELINE, clip=repr(name)),
                file=self.file,
                advice=Message.of(TemplateCode.TAKE_CLIPS_OUT),
            )
        if any(self._changes_speed(effect) for effect in self._objects(item.get("effects"))):
            raise BadInput(
                Message.of(TemplateCode.CLIP_OF_OTHER_SPEED, clip=repr(name)),
                file=self.file,
                advice=Message.of(TemplateCode.SPEED_BACK),
            )
        reference = self._file_of(item)
        available = self._object(reference.get("available_range"))
        spoken = self._object(item.get("source_range")) or available
        begin, seconds = self._seconds(spoken.get("start_time")), self._seconds(spoken.get("duration"))
        first = self._seconds(available.get("start_time")) if available else 0.0
        if begin is None or seconds is None or first is None:
            raise BadInput(
                Message.of(TemplateCode.CLIP_WITHOUT_LENGTH, clip=repr(name)),
                file=self.file,
                advice=Message.of(TemplateCode.TRIM_CLIP_AGAIN),
            )
        file_name = _file_name(_text(reference.get("target_url")))
        return TimelineClip(name, file_name, self._object(item.get("metadata")), begin - first, seconds, *reach)

    def _file_of(self, clip: Node) -> Node:
        """A clip's reference to its file: the active one of several (`Clip.2`), or the only one (`Clip.1`)."""
        several = self._object(clip.get("media_references"))
        active = several.get(_text(clip.get("active_media_reference_key")))
        return self._object(active if several else clip.get("media_reference"))

    def _changes_speed(self, effect: Node) -> bool:
        kind = _kind(effect)
        return kind in _SPEED and not (kind == "LinearTimeWarp" and effect.get("time_scalar") == 1)

    def _reach(self, neighbour: Node, offset: str) -> float:
        """How far a dissolve reaches into the clip beyond its cut."""
        return max(0.0, self._seconds(neighbour.get(offset)) or 0.0) if _kind(neighbour) == "Transition" else 0.0

    def _seconds(self, time: object) -> float | None:
        node = self._object(time)
        value, rate = _number(node.get("value")), _number(node.get("rate"))
        if value is None or rate is None or rate <= 0:
            return None
        seconds = value / rate
        return seconds if math.isfinite(seconds) else None

    def _objects(self, node: object) -> list[Node]:
        return [self._object(item) for item in cast("list[object]", node)] if isinstance(node, list) else []

    def _object(self, node: object) -> Node:
        """The object, or the one that it refers to; empty if it is no object."""
        found = _as_object(node)
        return self.shared.get(_text(found.get("id")), {}) if _kind(found) == _REFERENCE else found


def _as_object(node: object) -> Node:
    return cast("Node", node) if isinstance(node, dict) else {}


def _kind(node: Node) -> str:
    """`Clip` of `Clip.2`."""
    return _text(node.get("OTIO_SCHEMA")).partition(".")[0]


def _is_enabled(node: Node) -> bool:
    return node.get("enabled", True) is not False


def _text(node: object) -> str:
    return node if isinstance(node, str) else ""


def _number(node: object) -> float | None:
    if isinstance(node, bool) or not isinstance(node, int | float):
        return None
    try:
        return float(node)
    except OverflowError:
        return None


def _file_name(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    return PurePosixPath(unquote(path).replace("\\", "/")).name
