"""Bounds of text and numbers that come from outside: a page, a program, a detector.

Owns: the types for models of requests and messages. Not here: the rules for a name, a booking or a message
(`stinercut.codes.payload`, `stinercut.protocol`), the size of a whole body (`hub.kit.request_body`).

A bound is the limit of the catalog, or far above any real value. A test checks all models for texts, lists and numbers
without a bound.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field

NO_NUL: Final = r"^[^\x00]*$"
"""No name holds a NUL, and PostgreSQL accepts it in no text."""

LARGEST_INTEGER: Final = 2**31 - 1
"""The limit of a column for numbers on PostgreSQL."""
LARGEST_SIZE: Final = 2**63 - 1
"""Bytes: the limit of a column for sizes on both databases."""

FIRST_YEAR: Final = 1601
LAST_YEAR: Final = 2999
"""These years are beyond every camera's clock (FAT ends in 2107) and every computer that lost its time (NTFS counts
from 1601, and a file without a time has that year). They are far enough from the ends of Python's dates to add zones
and days.
"""

ShortText = Annotated[str, Field(max_length=255, pattern=NO_NUL)]
"""A line: a label, a file's name, what a person typed into a field."""
Who = Annotated[str, Field(max_length=80, pattern=NO_NUL)]
"""The name of a person who decides."""
JumpKey = Annotated[str, Field(max_length=128, pattern=NO_NUL)]
"""The key of a jump or a card, as long as the catalog's keys may be."""
TypedId = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
"""A booking's or a person's id as it was typed. Where it is used, the id's own rule gives a better message."""
RowId = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
"""A row's number: the database could not even look for a larger one."""
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Size = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]
"""Bytes."""


def is_in_range(moment: date) -> bool:
    """Whether a day or a time can be stored and used for calculations, in every zone."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR


def _in_range(moment: datetime) -> datetime:
    if not is_in_range(moment):
        raise ValueError(f"is no time between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


ClockTime = Annotated[datetime, AfterValidator(_in_range)]
"""A moment or a wall clock's time."""
