"""Text search: finds what a person typed, the same way in every script and on both databases.

Owns: one condition. Not here: the searches (`stinercut.jumps.bookings`, `stinercut.jumps.listing`).
"""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import ColumnElement, func, or_, true
from sqlalchemy.orm import InstrumentedAttribute


def holds(text: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """The condition that one of these columns contains the text; an empty text is always contained.

    Case is ignored, in every script. Stored text is in NFC.
    """
    wanted = unicodedata.normalize("NFC", text).strip().lower()
    if not wanted:
        return true()
    return or_(*(func.lower(column).contains(wanted, autoescape=True) for column in columns))
