"""Extras of a code or a list, besides the passenger: how to reach them, and fields that are not known here.

Owns: which email addresses and telephone numbers are usable, how much of unknown fields is kept. Not here: the
passenger (`payload`), keeping extras (`stinercut.jumps.bookings`).

Extras decide nothing about a film. An unusable address is left out and reported; the name stays valid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

MAX_EMAIL: Final = 254
"""Characters: the limit of a mail's envelope (RFC 5321, 4.5.3.1.3)."""

MAX_PHONE: Final = 32
"""Characters. International numbers have up to 15 digits (E.164), written with signs and spaces between."""

MAX_UNKNOWN: Final = 1000
"""Characters of JSON that are kept of unknown fields."""

FIELDS: Final = ("email", "phone")
EMAIL_LEFT_OUT: Final = Message.of(MessageCode.EMAIL_LEFT_OUT)
PHONE_LEFT_OUT: Final = Message.of(MessageCode.PHONE_LEFT_OUT)

_EMAIL: Final = re.compile(r"[^\s@,;<>()\[\]\\\"\x00-\x20\x7f]{1,64}@[^\s@,;<>()\[\]\\\"\x00-\x20\x7f]+\.[^\W_]{2,63}")
_PHONE: Final = re.compile(r"\+?[0-9 ()/.\-]+")


class Extras(BaseModel):
    """The extras of a code or a row. `unknown` is the JSON text of an object with the fields that are not known
    here.
    """

    model_config = ConfigDict(frozen=True)

    email: str | None = None
    phone: str | None = None
    unknown: str = ""

    @property
    def contact(self) -> dict[str, str]:
        """Email and telephone as they go into a code; only those that are known."""
        both = {"email": self.email, "phone": self.phone}
        return {name: value for name, value in both.items() if value is not None}


@dataclass(frozen=True)
class HeardExtras:
    """Usable extras, and remarks about unusable ones."""

    extras: Extras
    problems: tuple[Message, ...] = ()


def extras_of(fields: Mapping[str, Any], unknown: Mapping[str, Any] | None = None) -> HeardExtras:
    """The usable values of `email` and `phone`, and the unknown fields as JSON of limited length. Never raises."""
    problems: list[Message] = []
    email, phone = (fields.get(name) for name in FIELDS)
    usable = Extras(
        email=_usable(email, _is_email, EMAIL_LEFT_OUT, problems),
        # Some programs write telephone numbers as JSON numbers.
        phone=_usable(str(phone) if type(phone) is int else phone, _is_phone, PHONE_LEFT_OUT, problems),
        unknown=_bounded(unknown or {}, problems),
    )
    return HeardExtras(usable, tuple(problems))


def _usable(value: object, fits: Any, problem: Message, problems: list[Message]) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and fits(value.strip()):
        return value.strip()
    problems.append(problem)
    return None


def usable_email(text: str) -> str | None:
    """The address without spaces around it; None if no mail can be sent to it."""
    return text.strip() if _is_email(text.strip()) else None


def _is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL and text.isprintable() and _EMAIL.fullmatch(text) is not None


def _is_phone(text: str) -> bool:
    return len(text) <= MAX_PHONE and _PHONE.fullmatch(text) is not None and 3 <= sum(map(str.isdigit, text)) <= 15


def _bounded(unknown: Mapping[str, Any], problems: list[Message]) -> str:
    """Unknown fields as ASCII JSON, which every database takes; empty without such fields, or if it is too long."""
    if not unknown:
        return ""
    try:
        text = json.dumps(unknown, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (ValueError, RecursionError):
        text = " " * (MAX_UNKNOWN + 1)
    if len(text) <= MAX_UNKNOWN:
        return text
    problems.append(Message.of(MessageCode.OTHER_FIELDS_LEFT_OUT))
    return ""
