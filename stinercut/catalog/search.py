"""Text search: finds what a person typed, alike in every script and on both databases.

Owns: one condition. Not here: what is searched (`stinercut.jumps.bookings`, `stinercut.jumps.listing`).
"""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import ColumnElement, func, or_, true
from sqlalchemy.orm import InstrumentedAttribute


def holds(text: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """The condition that one of these columns holds the text; no text is in all of them.

    Capital or small letters are alike, in every script. What is stored is in NFC.
    """
    wanted = unicodedata.normalize("NFC", text).strip().lower()
    if not wanted:
        return true()
    return or_(*(func.lower(column).contains(wanted, autoescape=True) for column in columns))
