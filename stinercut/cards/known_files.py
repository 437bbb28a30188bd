"""Decides whether a file on a card is already known: the rule, as pure functions.

Owns: the key made of metadata, which costs nothing, and the verdict that follows from it. Not here: the queries and the
consequences of a verdict (`manifests`), the sample that settles a doubt (`stinercut.storage.file_samples`).

There are three keys, each more expensive and more certain than the one before:

1. Metadata: name (NFC, case-folded), size, and the wall-clock time that the camera wrote, floored to two seconds. FAT
   stores local time and exFAT may carry an offset, so that the same file can come back shifted by whole quarters of an
   hour; with such a shift of up to 26 hours it is *probably* the same file.
2. In doubt: size and a sample of the content.
3. Always: the hash of the whole content, computed while copying.

The two possible errors are not equal. A needless read costs seconds, a false skip loses a film. So metadata alone
decide only if nothing contradicts them: same card, same folder, same name, size and time, and a credible time. Counters
restart after a format and clocks after a flat battery: a file dated 2016 may well be another one than the last file of
that name, size and date.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

QUARTER_S = 15 * 60
FAR_S = 26 * 3600
"""Zones lie between -12 and +14 hours: no change of zone shifts a clock by more."""
BELIEVED_FOR = timedelta(days=180)
"""Footage is copied within days after filming. A date further from its import comes from a wrong clock."""


def folded(text: str) -> str:
    """A name for comparison: drivers differ in the case of short names and in the Unicode form of long ones."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def floored(moment: datetime) -> datetime:
    """A wall-clock time floored to an even second: FAT stores steps of two, another driver may show an odd one."""
    if not (moment.second & 1 or moment.microsecond or moment.tzinfo):
        return moment
    return moment.replace(second=moment.second & ~1, microsecond=0, tzinfo=None)


class SeenFile(NamedTuple):
    """A file that was seen before, with the values that the rule needs (a tuple, since there are thousands)."""

    card_file_id: int
    card_id: str
    folder: str
    name: str
    size: int
    modified: datetime
    content_hash: str | None
    """Of the object in the store; None if the file was never imported, or if the store has lost it."""
    imported_at: datetime | None
    same_as: int | None = None
    """The row of the same file, of which this row is another finding."""


class Facts(NamedTuple):
    """A file of a manifest: where it is, and its metadata."""

    card_id: str
    folder: str
    name: str
    size: int
    modified: datetime


class FileVerdict(StrEnum):
    """The verdict on a file by its metadata."""

    KNOWN = "known"
    PROBABLE = "probable"
    NEW = "new"


class Judgement(NamedTuple):
    """A verdict, and the files on which it rests."""

    verdict: FileVerdict
    exact: SeenFile | None = None
    """The row of the same card, folder, name, size and time: the same file, unless a sample proves otherwise."""
    candidates: tuple[SeenFile, ...] = ()
    """For a probable file: the files with which its content must be compared."""


NEVER_SEEN = Judgement(FileVerdict.NEW)


def is_quarter_shift(one: datetime, other: datetime) -> bool:
    """Whether two wall-clock times are equal or differ as a change of zone or daylight saving would make them."""
    seconds = abs(round((floored(one) - floored(other)).total_seconds()))
    return seconds <= FAR_S and seconds % QUARTER_S == 0


def is_believed(modified: datetime, imported_at: datetime) -> bool:
    """Whether a date can come from a correct clock, judged by the time of the import."""
    age = imported_at.astimezone(UTC).replace(tzinfo=None) - modified
    return -timedelta(seconds=FAR_S) <= age <= BELIEVED_FOR


def judge(file: Facts, alike: Sequence[SeenFile]) -> Judgement:
    """The verdict on a file, given the files of the same name and size that were seen before, on any card."""
    if not alike:
        return NEVER_SEEN
    when = floored(file.modified)
    here: list[SeenFile] = []
    candidates: list[SeenFile] = []
    for seen in alike:
        same_time = floored(seen.modified) == when
        in_folder = seen.folder == file.folder or folded(seen.folder) == folded(file.folder)
        if same_time and seen.card_id == file.card_id and in_folder:
            here.append(seen)
        if seen.content_hash is not None and (same_time or is_quarter_shift(seen.modified, when)):
            candidates.append(seen)
    exact = here[0] if here else None
    if _settles(here):
        return Judgement(FileVerdict.KNOWN, exact)
    if candidates:
        return Judgement(FileVerdict.PROBABLE, exact, tuple(candidates))
    return Judgement(FileVerdict.NEW, exact)


def _settles(here: Sequence[SeenFile]) -> bool:
    """Whether it is only one file, imported, with a credible date."""
    if len(here) != 1 or here[0].content_hash is None or here[0].imported_at is None:
        return False
    return is_believed(here[0].modified, here[0].imported_at)
