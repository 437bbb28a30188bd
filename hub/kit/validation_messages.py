"""Why a request is invalid, in words for people: the field, and what is wrong with it.

Owns: turning pydantic's errors into these words; pure. Not here: sending them (`hub.kit.errors`), what a name or a
booking may be (`stinercut.codes.payload`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stinercut.errors import BadInput

_FIELDS: Final = {
    "at": "the place in the clip",
    "before": "the jump that the list goes on after",
    "booking_id": "the booking",
    "bookings": "the list of bookings",
    "card_file_id": "the file",
    "confirmed_name": "the confirmed name",
    "day": "the day",
    "download": "the choice to download",
    "encoding": "the encoding",
    "file": "the name of the file",
    "file_id": "the file",
    "film": "the film",
    "file_ids": "the list of files",
    "into": "the jump to join",
    "jump": "the jump",
    "jump_date": "the day of the jump",
    "jumps": "the list of jumps",
    "limit": "the number of rows",
    "photo": "the photo",
    "photos": "the photos",
    "preview": "the choice to look at it first",
    "passenger_name": "the passenger's name",
    "q": "the text to look for",
    "subject": "the jump or card",
    "signed": "the choice to sign",
    "size": "the size of the picture",
    "subjects": "the list of jumps and cards",
    "tandem_master_id": "the tandem master's id",
    "template": "the template",
    "to": "the jump to move to",
    "who": "your name",
}
_CAUSES: Final = {
    "bool": "must be true or false",
    "date": "is no date; write YYYY-MM-DD",
    "extra_forbidden": "is not known here",
    "finite_number": "must be a number",
    "float": "must be a number",
    "greater_than_equal": "must be {ge:.10g} or more",
    "int": "must be a whole number",
    "less_than_equal": "must be {le:.10g} or less",
    "list": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "is empty",
    "string": "must be a text",
    "string_pattern_mismatch": "holds a character that it can't have",
    "string_unicode": "holds a character that is none",
    "too_long": "has more than {max_length} entries",
    "too_short": "is empty",
}
"""The words by pydantic's name of the error, or by its beginning; the longest key that fits counts."""


def in_words(errors: Sequence[Mapping[str, Any]]) -> BadInput:
    """The first of pydantic's errors about a request, in words for people."""
    first = errors[0]
    fields = [part for part in first["loc"][1:] if isinstance(part, str)]
    if not fields or first["type"] == "json_invalid":
        return BadInput("what was sent can't be read", advice="Load the page again; programs send JSON.")
    what = f"{_field(first['loc'][1:], fields[-1])} {_cause(first)}"
    is_unsaid = first["type"] in ("missing", "string_too_short")
    advice = "Write your name first: it is kept with the decision." if fields[-1] == "who" and is_unsaid else ""
    return BadInput(what, advice=advice)


def technical(errors: Sequence[Mapping[str, Any]]) -> str:
    """All errors for the log, without the values that were sent, since there may be names in them."""
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']} ({error['type']})" for error in errors
    )


def _field(place: Sequence[str | int], name: str) -> str:
    words = _FIELDS.get(name, f"the field {name}")
    row = next((part for part in place if isinstance(part, int)), None)
    return words if row is None else f"{words} in row {row + 1}"


def _cause(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    fits = max((begin for begin in _CAUSES if kind.startswith(begin)), key=len, default=None)
    return _CAUSES[fits].format_map(error.get("ctx", {})) if fits else "can't be used"
