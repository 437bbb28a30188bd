"""The payload of a passenger's QR code: schema version 1, strict, as JSON or in the compact signed form.

Lives here: what counts as an identity, and the text that goes into a printed code. Doesn't: pictures (`making`,
`decoders`), how a signature is made and checked (`signing`). A text either passes the schema as a whole or it is no
identity; nothing is repaired or guessed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal, NoReturn, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from stinercut.errors import BadInput
from stinercut.identity import signing
from stinercut.keyring import NO_KEYS, KeyRing

MAX_NAME = 80
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset({"\u200c", "\u200d"})
"""Zero-width (non-)joiners are format characters, but Persian and Indic names are misspelt without them."""
_BLANKS = frozenset({"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"})
"""Unicode counts these among letters and symbols, but they print as nothing: a film would carry an empty name."""

RESERVED_BOOKING = "unidentified"
"""Partition keys of jumps without an identity begin with it after the date; no booking may look like one."""

_FIELDS = {
    "v": "the version",
    "passenger_name": "the passenger's name",
    "booking_id": "the booking",
    "jump_date": "the day of the jump",
    "tandem_master_id": "the tandem master's id",
}
_CAUSES = {
    "date_type": "must be written YYYY-MM-DD",
    "extra_forbidden": "is not known here",
    "literal_error": "must be the number 1",
    "missing": "is missing",
    "model_type": "is no passenger record",
    "string_pattern_mismatch": "must be 1 to 32 letters A-Z, digits, '-' and '_', beginning with a letter or digit",
    "string_too_long": f"must be 1 to {MAX_NAME} characters",
    "string_too_short": f"must be 1 to {MAX_NAME} characters",
    "string_type": "must be a text",
}
"""By pydantic's name for the error; our own checks say theirs themselves."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"


class Payload(BaseModel):
    """One passenger's jump, as printed into a code.

    `booking_id` is letters, digits, `-` and `_` (it becomes part of a partition key). `jump_date` is an ISO date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = 1
    """Version of this schema."""
    passenger_name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    booking_id: Annotated[str, Field(pattern=_IDENTIFIER)]
    jump_date: date
    tandem_master_id: Annotated[str, Field(pattern=_IDENTIFIER)] | None = None

    @field_validator("v", mode="before")
    @classmethod
    def _is_an_integer(cls, value: object) -> object:
        # To Python, and so to a Literal, `true` and `1.0` equal 1.
        if type(value) is not int:
            raise ValueError("must be the number 1")
        return value

    @field_validator("booking_id")
    @classmethod
    def _is_not_reserved(cls, booking: str) -> str:
        if booking.lower().startswith(RESERVED_BOOKING):
            raise ValueError(f"must not begin with '{RESERVED_BOOKING}', which names jumps that nobody is known for")
        return booking

    @field_validator("passenger_name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if name != unicodedata.normalize("NFC", name):
            raise ValueError("must be in Unicode normal form C")
        if name != name.strip():
            raise ValueError("must not begin or end with a space")
        for char in name:
            if char == "\ufffd":
                raise ValueError("holds U+FFFD: the text was damaged on its way")
            if char in _BLANKS or (unicodedata.category(char) in _FORBIDDEN_CATEGORIES and char not in _JOINERS):
                raise ValueError(f"holds the invisible character U+{ord(char):04X}")
        if not any(unicodedata.category(char)[0] == "L" for char in name):
            raise ValueError("holds no letter")
        return name

    @field_validator("jump_date", mode="before")
    @classmethod
    def _is_an_iso_date(cls, value: object) -> object:
        if isinstance(value, str):
            if not _DATE.fullmatch(value):
                raise ValueError("must be written YYYY-MM-DD")
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise ValueError("is no day of the calendar") from None
        return value

    @property
    def jump_key(self) -> str:
        """The partition key of this jump: `<jump_date>_<booking_id>`, without the name."""
        return f"{self.jump_date.isoformat()}_{self.booking_id}"

    def text(self) -> str:
        """What goes into the code: ASCII JSON.

        ASCII (with `\\u` escapes) because decoders guess at other encodings: with raw UTF-8 plain pyzbar turned 9 of
        20 names with diacritics into other names inside valid JSON.
        """
        return json.dumps(self.model_dump(mode="json", exclude_none=True), ensure_ascii=True, separators=(",", ":"))

    def signed_text(self, keys: KeyRing) -> str:
        """What goes into a signed code: fewer modules, and believed in one frame. Raises BadInput without a key."""
        return signing.sign(self.model_dump(), keys.signer)


def make_payload(passenger_name: str, booking_id: str, jump_date: date, tandem_master_id: str | None = None) -> Payload:
    """A payload from what a person typed: the name is brought into NFC and trimmed. Raises BadInput."""
    fields: dict[str, Any] = {
        "passenger_name": unicodedata.normalize("NFC", passenger_name).strip(),
        "booking_id": booking_id.strip(),
        "jump_date": jump_date,
        "tandem_master_id": tandem_master_id,
    }
    try:
        return Payload(**fields)
    except ValidationError as refused:
        raise BadInput(_first_problem(refused)) from None


def parse_payload(text: str, keys: KeyRing = NO_KEYS) -> Payload:
    """The identity in a code's text, of either form. Raises BadInput, saying why this is none.

    What begins like a signed code is one or is nothing: a wrong signature is never passed over.
    """
    fields = signing.verified(text, keys) if signing.is_signed(text) else _json_fields(text)
    try:
        payload = Payload.model_validate(fields)
    except ValidationError as refused:
        raise BadInput(_first_problem(refused)) from None
    if keys.only_signed and not signing.is_signed(text):
        raise BadInput("a passenger's code without a signature, and only signed ones are accepted here")
    return payload


def _json_fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except RecursionError:
        raise BadInput("a QR code that is not one of ours: nested too deep") from None
    except ValueError as refused:
        why = str(refused) if isinstance(refused, _NotOurs) else "it holds no JSON"
        raise BadInput(f"a QR code that is not one of ours: {why}") from None
    if not isinstance(fields, dict) or "v" not in fields:
        raise BadInput("a QR code that is not one of ours: it holds no passenger record")
    return cast("dict[str, Any]", fields)


class _NotOurs(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _NotOurs("a field is given twice")
    return fields


def _no_constants(name: str) -> NoReturn:
    raise _NotOurs(f"{name} is no JSON")


def _first_problem(refused: ValidationError) -> str:
    first = refused.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    words = _FIELDS.get(field, f"the field {field}" if field else "what it holds")
    return f"{words} {_CAUSES.get(first['type'], first['msg'].removeprefix('Value error, '))}"
