"""Describes problems of a `template.json` for people: the field, counted from 1, and what to write instead.

Owns: turning the model's errors into messages; the advice of a field is its description, as editors show it.
 Not here: the model (`timeline`), reading files (`folder`).
"""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said, worded
from stinercut.language.refusal_codes import RefusalCode
from stinercut.language.template_codes import TemplateCode
from stinercut.templates.timeline import Document, PartRefused

_PLURALS = {"tracks": "track", "clips": "clip", "output": "output", "merge": "merge"}
"""Lists, and the word for one of their items."""

_COMPARE = Message.of(TemplateCode.COMPARE_TEMPLATES)
_Loc = tuple[int | str, ...]


def problems_of(refused: ValidationError, file: Path) -> list[BadInput]:
    """Every problem that the model found, each once, in the order of the file."""
    out: dict[str, BadInput] = {}
    errors = refused.errors(include_url=False)
    for error in errors:
        if error["type"] == "too_short" and any(_lies_within(other["loc"], error["loc"]) for other in errors):
            continue  # the list only lacks items because its items are wrong
        what, advice = _described(error)
        out.setdefault(worded(what), BadInput(what, file=file, advice=advice))
    return list(out.values())


def _lies_within(loc: _Loc, outer: _Loc) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def place_of(loc: _Loc) -> str:
    """A place in the file, counted from 1: `timeline, track 2, clip 1, length`."""
    words: list[str] = []
    kind: Any = Document
    for part in loc:
        if isinstance(part, int):
            words[-1] = f"{_PLURALS.get(words[-1], words[-1])} {part + 1}"
            kind = _item(kind)
        elif (info := _field(kind, part)) is not None:
            words.append(_written(part, info))
            kind = info.annotation
        elif (chosen := _tagged(kind, part)) is not None:
            kind = chosen  # the assumed kind of asset or output, which is not in the file itself
        else:
            words.append(part)
    return ", ".join(words) or "the template"


def _described(error: Any) -> tuple[Message, Said]:
    loc: _Loc = error["loc"]
    kind = error["type"]
    where, advice = place_of(loc), _advice(loc)
    if kind == "extra_forbidden":
        there = tuple(_names(_owner(loc)))
        unknown = Message.of(TemplateCode.TEMPLATE_FIELD_UNKNOWN, where=where)
        return unknown, Message.of(TemplateCode.THERE_ARE, names=there) if there else _COMPARE
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        types_ = tuple(_tags(_kind_at(loc)))
        unknown = Message.of(TemplateCode.TEMPLATE_TYPE_UNKNOWN, where=where)
        return unknown, Message.of(TemplateCode.WRITE_ONE_OF, names=types_)
    if kind == "missing":
        return Message.of(TemplateCode.TEMPLATE_FIELD_MISSING, where=where), advice
    why, found = _fault(kind, error.get("ctx", {})), error.get("input")
    if not isinstance(found, str | int | float | None) or len(str(found)) >= 80:
        return Message.of(TemplateCode.TEMPLATE_FIELD_WRONG, where=where, why=why), advice
    as_json = json.dumps(found, ensure_ascii=False)
    return Message.of(TemplateCode.TEMPLATE_FIELD_SAYS, where=where, why=why, found=as_json), advice


_FAULTS: Final = {
    "bool": Message.of(RefusalCode.FAULT_NOT_TRUE_OR_FALSE),
    "finite": Message.of(RefusalCode.FAULT_NO_NUMBER),
    "float": Message.of(RefusalCode.FAULT_NO_NUMBER),
    "int": Message.of(RefusalCode.FAULT_NO_WHOLE_NUMBER),
    "model": Message.of(TemplateCode.MUST_BE_OBJECT),
    "string_type": Message.of(MessageCode.FAULT_NOT_TEXT),
    "tuple": Message.of(RefusalCode.FAULT_NO_LIST),
}
"""What is wrong with a value, by pydantic's name of the error or its beginning."""


def _fault(kind: str, about: Any) -> Message:
    """What is wrong with a value: our own reason, or pydantic's name of the error and its bounds."""
    if isinstance(refused := about.get("error"), PartRefused):
        return refused.said
    if kind == "literal_error":
        return Message.of(RefusalCode.FAULT_NOT_ONE_OF, expected=about["expected"])
    fits = (fault for begin, fault in _FAULTS.items() if kind.startswith(begin))
    return _beyond_bound(kind, about) or next(fits, Message.of(TemplateCode.THAT_NOT_USABLE))


def _beyond_bound(kind: str, about: Any) -> Message | None:
    match kind:
        case "greater_than_equal":
            return Message.of(RefusalCode.FAULT_TOO_SMALL, least=about["ge"])
        case "less_than_equal":
            return Message.of(RefusalCode.FAULT_TOO_LARGE, most=about["le"])
        case "string_too_long":
            return Message.of(RefusalCode.FAULT_TOO_LONG, most=about["max_length"])
        case "too_long":
            return Message.of(RefusalCode.FAULT_TOO_MANY, most=about["max_length"])
        case "too_short":
            return Message.of(TemplateCode.TOO_FEW_ENTRIES, least=about["min_length"])
        case _:
            return None


def _advice(loc: _Loc) -> Said:
    """What to write instead: the field's description, searched from the innermost place outwards."""
    for depth in range(len(loc), 0, -1):
        part = loc[depth - 1]
        info = _field(_kind_at(loc[: depth - 1]), part) if isinstance(part, str) else None
        if info is not None and (description := _description(info)):
            return description
    return _COMPARE


def _description(info: FieldInfo) -> str | None:
    if info.description:
        return info.description
    for kind in typing.get_args(info.annotation):
        for extra in typing.get_args(kind)[1:]:
            if isinstance(extra, FieldInfo) and extra.description:
                return extra.description
    return None


def _names(kind: Any) -> list[str]:
    models = [alternative for alternative in _alternatives(kind) if _is_model(alternative)]
    if len(models) != 1:
        return []
    return [_written(name, info) for name, info in models[0].model_fields.items() if name != "schema_"]


def _written(name: str, info: FieldInfo) -> str:
    return info.alias or name


def _owner(loc: _Loc) -> Any:
    return _kind_at(loc[:-1])


def _kind_at(loc: _Loc) -> Any:
    kind: Any = Document
    for part in loc:
        if isinstance(part, int):
            kind = _item(kind)
        elif (info := _field(kind, part)) is not None:
            kind = info.annotation
        elif (chosen := _tagged(kind, part)) is not None:
            kind = chosen
        else:
            return None
    return kind


def _field(kind: Any, name: int | str) -> FieldInfo | None:
    for model in _alternatives(kind):
        if _is_model(model):
            for own, info in model.model_fields.items():
                if name in (own, info.alias):
                    return info
    return None


def _tagged(kind: Any, tag: str) -> Any:
    for model in _alternatives(kind):
        if _is_model(model) and tag in _tags(model):
            return model
    return None


def _tags(kind: Any) -> list[str]:
    out: list[str] = []
    for model in _alternatives(kind):
        if _is_model(model) and "type" in model.model_fields:
            out += [str(tag) for tag in typing.get_args(model.model_fields["type"].annotation)]
    return out


def _item(kind: Any) -> Any:
    """The kind of a list's items in the model."""
    for alternative in _alternatives(kind):
        if typing.get_origin(alternative) is tuple:
            return typing.get_args(alternative)[0]
    return None


def _alternatives(kind: Any) -> list[Any]:
    """The kinds that a field may hold: the members of unions, without their annotations."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return [alternative for member in typing.get_args(kind) for alternative in _alternatives(member)]
    return [kind]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
