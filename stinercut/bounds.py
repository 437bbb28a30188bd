"""Bounds of text and numbers that come from outside: a page, a program, a detector.

Owns: the types that models of requests and messages are made of. Not here: what a name, a booking or a message may say
(`stinercut.codes.payload`, `stinercut.protocol`), the size of a whole body (`hub.kit.request_body`).

A bound is what the catalog can hold, or far above what anybody means. A test walks over all models and finds the text,
list or number that has none.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field

NO_NUL: Final = r"^[^\x00]*$"
"""No name holds one, and PostgreSQL takes it in no text."""

LARGEST_INTEGER: Final = 2**31 - 1
"""What a column for numbers holds on PostgreSQL."""
LARGEST_SIZE: Final = 2**63 - 1
"""Bytes: what a column for sizes holds on both databases."""

FIRST_YEAR: Final = 1601
LAST_YEAR: Final = 2999
"""Beyond every clock of a camera (FAT ends in 2107) and of a computer that lost its time (NTFS counts from 1601, and a
file without a time has that one), and far enough from where Python's dates end that zones and days can be added."""

ShortText = Annotated[str, Field(max_length=255, pattern=NO_NUL)]
"""A line: a label, a file's name, what a person typed into a field."""
Who = Annotated[str, Field(max_length=80, pattern=NO_NUL)]
"""Who decides."""
JumpKey = Annotated[str, Field(max_length=128, pattern=NO_NUL)]
"""Of a jump or a card, as far as the catalog's keys go."""
TypedId = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
"""A booking's or a person's id as it was typed; what one may be is said where it is used, in its own words."""
RowId = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
"""A row's number: a larger one could not even be looked for."""
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Size = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]
"""Bytes."""


def is_in_range(moment: date) -> bool:
    """Whether a day or a time is one that can be written down and counted with, in every zone."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR


def _in_range(moment: datetime) -> datetime:
    if not is_in_range(moment):
        raise ValueError(f"is no time between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


ClockTime = Annotated[datetime, AfterValidator(_in_range)]
"""A moment or a wall clock's time."""
