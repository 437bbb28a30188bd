"""The pickles in which the release before kept step values, read without running anything that stands in them.

Owns: which classes may stand in such a pickle, by the names that they had then, and their fields as plain values. Not
here: what these are made into (`step_values`). To be removed with the release after the next.

A pickle may name any function of Python and have it called. Here no class that it names is ever looked up: an object
becomes a stand-in that holds its fields; one of a class that is not listed ends the reading.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

from stinercut.errors import StinercutError

KINDS: Final = {
    "stinercut.catalog.identification.EarlyFile": "early_file",
    "stinercut.catalog.identification.FileReading": "file_reading",
    "stinercut.catalog.jumps.JumpFootage": "jump_footage",
    "stinercut_assets.production.Made": "step_product",
    "stinercut_assets.qr_identity.Identity": "identity",
    "stinercut_assets.session_clips.ClipWork": "clip_work",
    "stinercut_assets.session_clips.RenderedClip": "rendered_clip",
}
"""Classes of whole values, with the kinds that they are today."""

WITHIN: Final = frozenset(
    {
        *KINDS,
        "stinercut.catalog.jumps.FootageFile",
        "stinercut.cut.Cut",
        "stinercut.cut.Piece",
        "stinercut.identity.extras.Extras",
        "stinercut.identity.payload.Payload",
        "stinercut.identity.reading.Reading",
        "stinercut.media.encoding.Segment",
        "stinercut.media.plan.Blend",
        "stinercut.media.plan.Drawn",
        "stinercut.media.plan.Filmed",
        "stinercut.media.plan.Reel",
        "stinercut.media.plan.Shot",
        "stinercut.media.plan.Window",
        "stinercut.media.probe.AudioInfo",
        "stinercut.media.probe.Probe",
        "stinercut.media.segments.ClipSource",
        "stinercut.media.segments.FilmedClip",
        "stinercut.media.segments.Workshop",
        "stinercut.media.untouched.Kind",
        "stinercut.store.Store",
        "stinercut.templates.folder.Template",
        "stinercut.templates.merging.Fields",
        *(
            f"stinercut.templates.timeline.{name}"
            for name in (
                *("Clip", "Document", "Drawing", "Duck", "Footage", "Look", "MergeField", "Movie", "Photos"),
                *("Picture", "Soundtrack", "StillsOutput", "Text", "Timeline", "Track", "Transition", "Trim"),
                "VideoOutput",
            )
        ),
        "stinercut_assets.production.MadePart",
        "stinercut_assets.production.PartsToMake",
    }
)
"""Classes of which only the fields are needed."""


def _path(*parts: str) -> Path:
    return Path(*parts)


MADE_OF: Final[Mapping[str, Callable[..., Any]]] = {
    "datetime.date": date,
    "datetime.datetime": datetime,
    "fractions.Fraction": Fraction,
    "pathlib.PosixPath": _path,
    "pathlib.WindowsPath": _path,
    "stinercut.catalog.models.Role": str,
    "stinercut.identity.reading.Reason": str,
}
"""What is made of the arguments that a class was called with: Python's own classes, and enumerations' values."""


class NotOurPickle(StinercutError):
    """A pickle that no release of ours has written."""

    code = "NOT_OUR_PICKLE"


class StandIn:
    """An object of a pickle: what its class was called with, and the state that it had."""

    path = ""
    given: tuple[Any, ...]
    state: Any

    def __new__(cls, *given: Any) -> StandIn:
        self = object.__new__(cls)
        self.given, self.state = given, None
        return self

    def __init__(self, *given: Any) -> None:
        """All is done before."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _PickleReader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[StandIn]:
        path = f"{module}.{name}"
        if path not in WITHIN and path not in MADE_OF:
            raise pickle.UnpicklingError(f"{path} stands in it")
        # A class of its own for each mention: a pickle may write into what it names.
        return type("StandIn", (StandIn,), {"path": path})


def is_pickle(content: bytes) -> bool:
    """Whether this is a pickle and no JSON: by its first byte, which is that of no text."""
    return content[:1] == pickle.PROTO


def read_pickle(content: bytes) -> Any:
    """The value in it: plain; a pair of a kind's name and its fields, as plain values; or a list of these.

    Raises NotOurPickle, also for what is no whole pickle.
    """
    try:
        return _value(_PickleReader(io.BytesIO(content)).load())
    # Whatever comes of bytes that may say anything: each opcode has its own ways to fail.
    except Exception as refused:
        what = f"what a step kept is no value that an earlier version of Stinercut wrote ({refused})"
        raise NotOurPickle(what, advice="Run the step that made it again.") from refused


def _value(found: Any) -> Any:
    if isinstance(found, list):
        return [_value(one) for one in cast(list[Any], found)]
    if isinstance(found, StandIn):
        return KINDS[found.path], _plain(found)
    return _plain(found)


def _plain(found: Any) -> Any:
    match found:
        case StandIn():
            return _of_stand_in(found)
        case list():
            return [_plain(one) for one in cast(list[Any], found)]
        case tuple():
            return tuple(_plain(one) for one in cast(tuple[Any, ...], found))
        case dict():
            return {_plain(key): _plain(value) for key, value in cast(dict[Any, Any], found).items()}
        case None | str() | int() | float() | bytes() | set() | frozenset():
            return cast(Any, found)
        case _:
            raise TypeError(f"{type(found).__name__} stands in it")


def _of_stand_in(found: StandIn) -> Any:
    if found.path in MADE_OF:
        return MADE_OF[found.path](*(_plain(one) for one in found.given))
    state: dict[str, Any] = found.state
    if "__pydantic_fields_set__" in state:
        # Fields with their defaults are as if they had not been written: the template's rules tell these apart.
        state = {name: state["__dict__"][name] for name in state["__pydantic_fields_set__"]}
    return {name: _plain(value) for name, value in state.items()}
