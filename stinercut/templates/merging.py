"""Fills in merge fields: a template's text becomes one passenger's text.

Owns: the values, writing out a date, removing separators of an empty field. Not here: which fields a template has
(`timeline`), drawing the text (`stinercut.drawing`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.templates.timeline import FIELD, Document

_SEPARATOR = r"[ \u00a0\u2009]*[·•|/,;–—-][ \u00a0\u2009]*"


@dataclass(frozen=True)
class Fields:
    """The values that a film shows about a jump. Only the name and the day are always known."""

    passenger_name: str
    jump_date: date
    place: str = ""
    booking_id: str = ""
    tandem_master: str = ""


def merged(text: str, fields: Fields, document: Document) -> str:
    """A template's text with the fields filled in; an empty field is removed together with its separator.

    Values are inserted unchanged: braces in a name are only characters. The text's fields were checked when the
    template was read.
    """
    values = values_of(fields, document)
    for name, value in values.items():
        if not value:
            text = _without(text, name)
    return FIELD.sub(lambda found: values[found[1]], text).strip()


def values_of(fields: Fields, document: Document) -> dict[str, str]:
    """The text of every field of this template. Letters and accents are composed (NFC), as fonts expect."""
    values = {
        "passenger_name": fields.passenger_name,
        "jump_date": date_text(fields.jump_date, document.date_style, document.language),
        "place": fields.place,
        "booking_id": fields.booking_id,
        "tandem_master": fields.tandem_master,
        **{field.find: field.replace for field in document.merge},
    }
    return {name: unicodedata.normalize("NFC", value).strip() for name, value in values.items()}


def date_text(day: date, style: str, language: str) -> str:
    """A day as people write it: `long` 14 June 2025, `numeric` 14/06/2025 (in German 14.06.2025), `iso` 2025-06-14."""
    if style == "iso":
        return day.isoformat()
    from babel.dates import format_date, format_skeleton

    locale = _locale(language)
    if style == "numeric":
        return format_skeleton("yMMdd", day, locale=locale)
    return format_date(day, "long", locale=locale)


def require_language(code: str) -> None:
    """Raise BadInput for a code that names no language."""
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(_locale(code))
    except (UnknownLocaleError, ValueError):
        raise BadInput(
            Message.of(TemplateCode.LANGUAGE_NOT_KNOWN, language=code),
            advice=Message.of(TemplateCode.WRITE_LANGUAGE),
        ) from None


def _locale(language: str) -> str:
    # Plain "en" means international English, with the day before the month, not American English.
    return "en_001" if language == "en" else language


def _without(text: str, name: str) -> str:
    """The text without that field and the separator before it (or after it, if the field comes first)."""
    field = rf"\{{\{{\s*{name}\s*\}}\}}"
    text = re.sub(rf"^\s*{field}(?:{_SEPARATOR})?", "", text)
    return re.sub(rf"(?:{_SEPARATOR})?{field}", "", text)
