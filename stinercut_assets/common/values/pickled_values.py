"""Reads the pickles in which the previous release kept step values, without running anything in them.

Owns: which classes may appear in such a pickle, by their names in that release, and their fields as plain values. Not
here: turning these into today's values (`step_values`). Remove this module with the release after the next.

A pickle may name any function of Python and have it called. Here no class that it names is ever looked up: an object
becomes a stand-in that holds its fields, and an object of an unlisted class ends the reading.
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
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

KINDS: Final = {
    "stinercut.catalog.identification.EarlyFile": "early_file",
    "stinercut.catalog.identification.FileReading": "file_reading",
    "stinercut.catalog.jumps.JumpFootage": "jump_footage",
    "stinercut_assets.production.Made": "step_product",
    "stinercut_assets.qr_identity.Identity": "identity",
    "stinercut_assets.session_clips.ClipWork": "clip_work",
    "stinercut_assets.session_clips.RenderedClip": "rendered_clip",
}
"""The classes of whole values, with the names of their kinds today."""

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
"""Classes that may appear inside a value; only their fields are needed."""


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
"""What to call with the arguments of a pickled call: Python's own classes, and for enumerations their values' type."""


class NotOurPickle(StinercutError):
    """A pickle that no release of ours has written."""

    code = "NOT_OUR_PICKLE"


class StandIn:
    """An object of a pickle: the arguments that its class was called with, and its state."""

    path = ""
    given: tuple[Any, ...]
    state: Any

    def __new__(cls, *given: Any) -> StandIn:
        self = object.__new__(cls)
        self.given, self.state = given, None
        return self

    def __init__(self, *given: Any) -> None:
        """Do nothing: `__new__` has done it all."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _PickleReader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[StandIn]:
        path = f"{module}.{name}"
        if path not in WITHIN and path not in MADE_OF:
            raise pickle.UnpicklingError(f"{path} stands in it")
        # A new class for each mention, because a pickle may write into the class that it names.
        return type("StandIn", (StandIn,), {"path": path})


def is_pickle(content: bytes) -> bool:
    """Whether this is a pickle and not JSON, by its first byte, which no text begins with."""
    return content[:1] == pickle.PROTO


def read_pickle(content: bytes) -> Any:
    """The value in a pickle: a plain value, a pair of a kind's name and its plain fields, or a list of these.

    Raises NotOurPickle, also for an incomplete pickle.
    """
    try:
        return _value(_PickleReader(io.BytesIO(content)).load())
    # Any exception, because the bytes can be anything and each opcode has its own ways to fail.
    except Exception as refused:
        what = Message.of(MessageCode.KEPT_PICKLE_NOT_OURS, why=str(refused))
        raise NotOurPickle(what, advice=Message.of(MessageCode.RUN_ITS_STEP_AGAIN)) from refused


def _value(loaded: Any) -> Any:
    if isinstance(loaded, list):
        return [_value(item) for item in cast(list[Any], loaded)]
    if isinstance(loaded, StandIn):
        return KINDS[loaded.path], _plain(loaded)
    return _plain(loaded)


def _plain(loaded: Any) -> Any:
    match loaded:
        case StandIn():
            return _of_stand_in(loaded)
        case list():
            return [_plain(item) for item in cast(list[Any], loaded)]
        case tuple():
            return tuple(_plain(item) for item in cast(tuple[Any, ...], loaded))
        case dict():
            return {_plain(key): _plain(value) for key, value in cast(dict[Any, Any], loaded).items()}
        case None | str() | int() | float() | bytes() | set() | frozenset():
            return cast(Any, loaded)
        case _:
            raise TypeError(f"{type(loaded).__name__} stands in it")


def _of_stand_in(stand_in: StandIn) -> Any:
    if stand_in.path in MADE_OF:
        return MADE_OF[stand_in.path](*(_plain(argument) for argument in stand_in.given))
    state: dict[str, Any] = stand_in.state
    if "__pydantic_fields_set__" in state:
        # Leave out fields that only had their defaults: the template's rules tell them from written ones.
        state = {name: state["__dict__"][name] for name in state["__pydantic_fields_set__"]}
    return {name: _plain(value) for name, value in state.items()}
