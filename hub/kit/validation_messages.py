"""Why a request is invalid, in words for people: the field, and what is wrong with it.

Owns: turning pydantic's errors into these words; pure. Not here: sending them (`hub.kit.errors`), what a name or a
booking may be (`stinercut.codes.payload`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode

_FIELDS: Final = {
    "at": Message.of(RefusalCode.ASKED_AT),
    "before": Message.of(RefusalCode.ASKED_BEFORE),
    "booking_id": Message.of(MessageCode.FIELD_BOOKING),
    "bookings": Message.of(RefusalCode.ASKED_BOOKINGS),
    "card_file_id": Message.of(RefusalCode.ASKED_FILE),
    "confirmed_name": Message.of(RefusalCode.ASKED_CONFIRMED_NAME),
    "day": Message.of(RefusalCode.ASKED_DAY),
    "download": Message.of(RefusalCode.ASKED_DOWNLOAD),
    "encoding": Message.of(RefusalCode.ASKED_ENCODING),
    "file": Message.of(RefusalCode.ASKED_FILE_NAME),
    "file_id": Message.of(RefusalCode.ASKED_FILE),
    "film": Message.of(RefusalCode.ASKED_FILM),
    "file_ids": Message.of(RefusalCode.ASKED_FILES),
    "into": Message.of(RefusalCode.ASKED_INTO),
    "jump": Message.of(RefusalCode.ASKED_JUMP),
    "jump_date": Message.of(MessageCode.FIELD_JUMP_DATE),
    "jumps": Message.of(RefusalCode.ASKED_JUMPS),
    "limit": Message.of(RefusalCode.ASKED_LIMIT),
    "photo": Message.of(RefusalCode.ASKED_PHOTO),
    "photos": Message.of(RefusalCode.ASKED_PHOTOS),
    "preview": Message.of(RefusalCode.ASKED_PREVIEW),
    "passenger_name": Message.of(MessageCode.FIELD_PASSENGER_NAME),
    "q": Message.of(RefusalCode.ASKED_SEARCH),
    "subject": Message.of(RefusalCode.ASKED_SUBJECT),
    "signed": Message.of(RefusalCode.ASKED_SIGNED),
    "size": Message.of(RefusalCode.ASKED_SIZE),
    "subjects": Message.of(RefusalCode.ASKED_SUBJECTS),
    "tandem_master_id": Message.of(MessageCode.FIELD_TANDEM_MASTER),
    "template": Message.of(RefusalCode.ASKED_TEMPLATE),
    "to": Message.of(RefusalCode.ASKED_TO),
    "who": Message.of(RefusalCode.ASKED_WHO),
}
_CAUSES: Final = {
    "bool": Message.of(RefusalCode.FAULT_NOT_TRUE_OR_FALSE),
    "date": Message.of(RefusalCode.FAULT_NO_DATE),
    "extra_forbidden": Message.of(MessageCode.FAULT_NOT_KNOWN),
    "finite_number": Message.of(RefusalCode.FAULT_NO_NUMBER),
    "float": Message.of(RefusalCode.FAULT_NO_NUMBER),
    "int": Message.of(RefusalCode.FAULT_NO_WHOLE_NUMBER),
    "list": Message.of(RefusalCode.FAULT_NO_LIST),
    "missing": Message.of(MessageCode.FAULT_MISSING),
    "string_too_short": Message.of(RefusalCode.FAULT_EMPTY),
    "string": Message.of(MessageCode.FAULT_NOT_TEXT),
    "string_pattern_mismatch": Message.of(RefusalCode.FAULT_CHARACTER_NOT_TAKEN),
    "string_unicode": Message.of(RefusalCode.FAULT_NO_CHARACTER),
    "too_short": Message.of(RefusalCode.FAULT_EMPTY),
}
"""The words by pydantic's name of the error, or by its beginning; the longest key that fits counts."""

_BOUNDS: Final = ("greater_than_equal", "less_than_equal", "literal_error", "string_too_long", "too_long")
"""Those that say what would fit."""


def in_words(errors: Sequence[Mapping[str, Any]]) -> BadInput:
    """The first of pydantic's errors about a request, in words for people."""
    first = errors[0]
    fields = [part for part in first["loc"][1:] if isinstance(part, str)]
    if not fields or first["type"] == "json_invalid":
        unreadable = Message.of(RefusalCode.SENT_NOT_READABLE)
        return BadInput(unreadable, advice=Message.of(RefusalCode.LOAD_AGAIN))
    what = Message.of(MessageCode.FIELD_AT_FAULT, field=_field(first["loc"][1:], fields[-1]), fault=_cause(first))
    wants_name = fields[-1] == "who" and first["type"] in ("missing", "string_too_short")
    return BadInput(what, advice=Message.of(RefusalCode.WRITE_YOUR_NAME) if wants_name else "")


def technical(errors: Sequence[Mapping[str, Any]]) -> str:
    """All errors for the log, without the values that were sent, since there may be names in them."""
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']} ({error['type']})" for error in errors
    )


def _field(place: Sequence[str | int], name: str) -> Message:
    field = _FIELDS.get(name) or Message.of(MessageCode.FIELD_UNKNOWN, name=name)
    row = next((part for part in place if isinstance(part, int)), None)
    return field if row is None else Message.of(RefusalCode.FIELD_IN_ROW, field=field, row=row + 1)


def _cause(error: Mapping[str, Any]) -> Message:
    kind = error["type"]
    fits = max((begin for begin in (*_CAUSES, *_BOUNDS) if kind.startswith(begin)), key=len, default=None)
    if fits is None:
        return Message.of(RefusalCode.FAULT_NOT_USABLE)
    return _CAUSES.get(fits) or _bound(fits, error.get("ctx", {}))


def _bound(kind: str, said: Mapping[str, Any]) -> Message:
    match kind:
        case "greater_than_equal":
            return Message.of(RefusalCode.FAULT_TOO_SMALL, least=said["ge"])
        case "less_than_equal":
            return Message.of(RefusalCode.FAULT_TOO_LARGE, most=said["le"])
        case "literal_error":
            return Message.of(RefusalCode.FAULT_NOT_ONE_OF, expected=said["expected"])
        case "string_too_long":
            return Message.of(RefusalCode.FAULT_TOO_LONG, most=said["max_length"])
        case _:
            return Message.of(RefusalCode.FAULT_TOO_MANY, most=said["max_length"])
