"""The payload of a passenger's QR code: schema version 1, strict, as JSON or in the compact signed form.

Owns: what counts as an identity, and the text of a printed code. Not here: pictures (`making`, `decoders`), making and
checking a signature (`signing`), which names can be shown (`stinercut.drawing.name_rule`). The identity in a text must
pass the schema completely, or it is no identity; nothing is repaired or guessed. The other fields (`extras`) decide
nothing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal, NoReturn, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from stinercut.bounds import FIRST_YEAR, LAST_YEAR, is_in_range
from stinercut.codes import extras, signing
from stinercut.codes.extras import HeardExtras
from stinercut.drawing import name_rule
from stinercut.drawing.name_rule import MAX_NAME
from stinercut.errors import BadInput
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, worded

RESERVED_BOOKING = "unidentified"
"""In partition keys of jumps without an identity, this word follows the date; so no booking may begin with it."""

_FIELDS = {
    "v": Message.of(MessageCode.FIELD_VERSION),
    "passenger_name": Message.of(MessageCode.FIELD_PASSENGER_NAME),
    "booking_id": Message.of(MessageCode.FIELD_BOOKING),
    "jump_date": Message.of(MessageCode.FIELD_JUMP_DATE),
    "tandem_master_id": Message.of(MessageCode.FIELD_TANDEM_MASTER),
}
_DATE_FORM = Message.of(MessageCode.FAULT_DATE_FORM)
_NOT_1 = Message.of(MessageCode.FAULT_NOT_1)
_LENGTH = Message.of(MessageCode.FAULT_LENGTH, most=MAX_NAME)
_CAUSES = {
    "date_type": _DATE_FORM,
    "extra_forbidden": Message.of(MessageCode.FAULT_NOT_KNOWN),
    "literal_error": _NOT_1,
    "missing": Message.of(MessageCode.FAULT_MISSING),
    "model_type": Message.of(MessageCode.FAULT_NO_RECORD),
    "string_pattern_mismatch": Message.of(MessageCode.FAULT_IDENTIFIER),
    "string_too_long": _LENGTH,
    "string_too_short": _LENGTH,
    "string_type": Message.of(MessageCode.FAULT_NOT_TEXT),
    "string_unicode": Message.of(MessageCode.FAULT_HALF_CHARACTER),
}
"""Words by pydantic's name for the error; our own checks bring their own words."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"


class _Fault(ValueError):
    """A fault that our own checks find in a field."""

    def __init__(self, fault: Message) -> None:
        super().__init__(worded(fault))
        self.fault = fault


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
            raise _Fault(_NOT_1)
        return value

    @field_validator("booking_id")
    @classmethod
    def _is_not_reserved(cls, booking: str) -> str:
        if booking.lower().startswith(RESERVED_BOOKING):
            raise _Fault(Message.of(MessageCode.FAULT_RESERVED, begin=RESERVED_BOOKING))
        return booking

    @field_validator("passenger_name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if problem := name_rule.problem_of(name):
            raise _Fault(problem)
        return name

    @field_validator("jump_date", mode="before")
    @classmethod
    def _is_an_iso_date(cls, value: object) -> object:
        if isinstance(value, str):
            if not _DATE.fullmatch(value):
                raise _Fault(_DATE_FORM)
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise _Fault(Message.of(MessageCode.FAULT_NO_DAY)) from None
        return value

    @field_validator("jump_date")
    @classmethod
    def _is_a_day_to_count_with(cls, day: date) -> date:
        if not is_in_range(day):
            raise _Fault(Message.of(MessageCode.FAULT_YEAR, first=FIRST_YEAR, last=LAST_YEAR))
        return day

    @property
    def jump_key(self) -> str:
        """The partition key of this jump: `<jump_date>_<booking_id>`, without the name."""
        return f"{self.jump_date.isoformat()}_{self.booking_id}"

    def text(self, contact: Mapping[str, str] | None = None) -> str:
        """The text of the code: ASCII JSON. `contact`: email and phone, if the code should hold them.

        It is ASCII (with `\\u` escapes), because decoders guess other encodings: with raw UTF-8, plain pyzbar turned 9
        of 20 names with diacritics into other names inside valid JSON.
        """
        fields = {**self.model_dump(mode="json", exclude_none=True), **(contact or {})}
        return json.dumps(fields, ensure_ascii=True, separators=(",", ":"))

    def signed_text(self, keys: KeyRing) -> str:
        """The text of a signed code: it has fewer modules, and one frame is enough. Raises BadInput without a key."""
        return signing.sign(self.model_dump(), keys.signer)


def make_payload(passenger_name: str, booking_id: str, jump_date: date, tandem_master_id: str | None = None) -> Payload:
    """A payload from values that a person typed: the name is normalised to NFC and trimmed. Raises BadInput."""
    fields: dict[str, Any] = {
        "passenger_name": unicodedata.normalize("NFC", passenger_name).strip(),
        "booking_id": booking_id.strip(),
        "jump_date": jump_date,
        "tandem_master_id": tandem_master_id,
    }
    try:
        return Payload(**fields)
    except ValidationError as refused:
        raise BadInput(first_problem(refused)) from None


@dataclass(frozen=True)
class SaidByCode:
    """The content of a code's text: the payload, and its extras. Two codes name the same passenger if their payloads
    are equal, whatever their extras are.
    """

    payload: Payload
    besides: HeardExtras


def parse_payload(text: str, keys: KeyRing = NO_KEYS) -> Payload:
    """The identity in a code's text, of either form. Raises BadInput as `parse_code` does."""
    return parse_code(text, keys).payload


def parse_code(text: str, keys: KeyRing = NO_KEYS) -> SaidByCode:
    """The content of a code's text, of either form. Raises BadInput with the reason if it holds no identity.

    A text that begins like a signed code must be a valid signed code: a wrong signature is never ignored. A signed code
    has no extras.
    """
    fields = signing.verified(text, keys) if signing.is_signed(text) else _json_fields(text)
    try:
        payload = Payload.model_validate({name: value for name, value in fields.items() if name in _FIELDS})
    except ValidationError as refused:
        raise BadInput(first_problem(refused)) from None
    if keys.only_signed and not signing.is_signed(text):
        raise BadInput(Message.of(MessageCode.ONLY_SIGNED_TAKEN))
    unknown = {name: value for name, value in fields.items() if name not in (*_FIELDS, *extras.FIELDS)}
    return SaidByCode(payload, extras.extras_of(fields, unknown))


_SAYS_WHO: Final = ("passenger_name", "booking_id", "jump_date")
"""A JSON object without a version is a passenger record of version 1 if it has all of these fields."""


def _json_fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except RecursionError:
        raise not_ours(Message.of(MessageCode.NESTED_TOO_DEEP)) from None
    except ValueError as refused:
        raise not_ours(
            refused.why if isinstance(refused, _NotOurs) else Message.of(MessageCode.HOLDS_NO_JSON)
        ) from None
    if not isinstance(fields, dict) or not ("v" in fields or all(name in fields for name in _SAYS_WHO)):
        raise not_ours(Message.of(MessageCode.HOLDS_NO_PASSENGER))
    return cast("dict[str, Any]", fields)


def not_ours(why: Message) -> BadInput:
    """The message about a QR code that is not one of ours."""
    return BadInput(Message.of(MessageCode.CODE_NOT_OURS, why=why))


class _NotOurs(ValueError):
    def __init__(self, why: Message) -> None:
        super().__init__(worded(why))
        self.why = why


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _NotOurs(Message.of(MessageCode.FIELD_GIVEN_TWICE))
    return fields


def _no_constants(name: str) -> NoReturn:
    raise _NotOurs(Message.of(MessageCode.CONSTANT_NOT_JSON, constant=name))


def first_problem(refused: ValidationError) -> Message:
    """The first fault that pydantic found in a payload."""
    first = refused.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"][-1:])
    return Message.of(MessageCode.FIELD_AT_FAULT, field=_FIELDS.get(field) or _unknown(field), fault=_fault(first))


def _unknown(field: str) -> Message:
    return Message.of(MessageCode.FIELD_UNKNOWN, name=field) if field else Message.of(MessageCode.FIELD_NONE)


def _fault(found: ErrorDetails) -> Message:
    own = found.get("ctx", {}).get("error")
    if isinstance(own, _Fault):
        return own.fault
    return _CAUSES.get(found["type"]) or Message.of(MessageCode.FAULT_AS_SAID, fault=found["msg"])
