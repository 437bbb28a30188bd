"""Reads a list of bookings as the office's program or Excel writes it: CSV with a heading.

Owns: the file's encoding and form, and its faults, line by line. Not here: the values of a booking
(`stinercut.codes.payload`, `stinercut.codes.extras`), using the list (`stinercut.codes.sheet`,
`stinercut.jumps.bookings`).

A wrong row is reported with its line, and the other rows are taken. A whole file is refused only if it has no text, no
heading, or no row that is a booking.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from stinercut.codes.extras import FIELDS as CONTACT
from stinercut.codes.extras import Extras, extras_of
from stinercut.codes.payload import Payload, make_payload
from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded, in_a_row, worded
from stinercut.text_encodings import text_of

MAX_LINES: Final = 100_000
"""A large dropzone's bookings of some years. More lines would keep the hub busy for many seconds."""
REQUIRED: Final = ("passenger_name", "booking_id", "jump_date")
OPTIONAL: Final = ("tandem_master_id", *CONTACT)
MAX_CSV_BYTES: Final = 5_000_000
_SEPARATORS: Final = ",;\t|"
_MOST_RESTARTS: Final = 200
"""Broken rows after which reading restarts at the next line, at most. A file with more of them is no list."""

_MISSING: Final = {
    "passenger_name": Message.of(MessageCode.FIELD_PASSENGER_NAME),
    "booking_id": Message.of(MessageCode.FIELD_BOOKING),
    "jump_date": Message.of(MessageCode.FIELD_JUMP_DATE),
}
_SEP_LINE: Final = re.compile(r'"?sep=([^"\r\n])"?[,;\t|]*\r?\n', re.IGNORECASE)
"""The first line with which Excel names the separator."""


@dataclass(frozen=True)
class BadRow:
    """A remark about a row. `line` is where the row begins, counted from 1."""

    line: int
    said: Message

    @property
    def what(self) -> str:
        """The same in words."""
        return worded(self.said)


@dataclass(frozen=True)
class ListedBooking:
    """A row that is a booking."""

    line: int
    payload: Payload
    contact: Extras


@dataclass(frozen=True)
class BookingList:
    """A list: its bookings, the refused rows, warnings, and the assumed encoding (empty if the file declares it)."""

    bookings: tuple[ListedBooking, ...]
    refused: tuple[BadRow, ...] = ()
    warnings: tuple[BadRow, ...] = ()
    assumed_parts: tuple[Message, ...] = ()

    @property
    def assumed(self) -> str:
        """The assumption, in words."""
        return all_worded(self.assumed_parts)

    @property
    def payloads(self) -> list[Payload]:
        """The payloads of the bookings, row by row."""
        return [booking.payload for booking in self.bookings]


def read_list(file: Path, encoding: str | None = None) -> BookingList:
    """The list in a file: columns passenger_name, booking_id, jump_date; optionally tandem_master_id, email, phone.

    Separated by commas, semicolons, tabs or bars; other columns are ignored. Raises BadInput for an unusable file.
    """
    try:
        if file.stat().st_size > MAX_CSV_BYTES:
            too_large = Message.of(MessageCode.LIST_LARGER, most=MAX_CSV_BYTES // 1_000_000)
            raise BadInput(too_large, file=file, advice=Message.of(MessageCode.IMPORT_IN_PARTS))
        data = file.read_bytes()
    except OSError as refused:
        why = Message.of(MessageCode.CANT_BE_READ, why=refused.strerror or str(refused))
        raise BadInput(why, file=file, advice=Message.of(MessageCode.CHECK_PATH)) from None
    return parse_list(data, encoding, file)


def parse_list(data: bytes, encoding: str | None = None, file: Path | None = None) -> BookingList:
    """The list in a file's bytes, as in `read_list`. `encoding`: one of `text_encodings.ENCODINGS`, or None to detect
    it.
    """
    text, assumed = text_of(data, encoding, file)
    reading = _Reading()
    reading.read(text)
    if not reading.bookings:
        if reading.refused:
            raise BadInput(said_of(reading.refused), file=file, advice=Message.of(MessageCode.CORRECT_ROWS))
        empty = Message.of(MessageCode.NO_BOOKINGS_IN_LIST)
        raise BadInput(empty, file=file, advice=Message.of(MessageCode.ONE_ROW_EACH))
    return BookingList(tuple(reading.bookings), tuple(reading.refused), tuple(reading.warnings), assumed)


def require_whole(found: BookingList, file: Path | None = None) -> BookingList:
    """The list; raises BadInput if a row was refused. Otherwise a sheet might lack a passenger, and nobody would notice
    before the aeroplane.
    """
    if found.refused:
        advice = Message.of(MessageCode.CORRECT_ROWS_NOTHING_TAKEN)
        raise BadInput(said_of(found.refused), file=file, advice=advice)
    return found


def said_of(rows: Sequence[BadRow], most: int = 20) -> tuple[Message, ...]:
    """These rows in one sentence."""
    named = tuple(Message.of(MessageCode.ROW_AT_FAULT, line=row.line, fault=row.said) for row in rows[:most])
    if len(rows) > most:
        return (Message.of(MessageCode.ROWS_AND_MORE, rows=named, more=len(rows) - most),)
    return in_a_row(*named)


@dataclass
class _Reading:
    """A list while it is read."""

    bookings: list[ListedBooking] = field(default_factory=list[ListedBooking])
    refused: list[BadRow] = field(default_factory=list[BadRow])
    warnings: list[BadRow] = field(default_factory=list[BadRow])
    lines: dict[str, int] = field(default_factory=dict[str, int])
    """The line of each jump key's first row."""

    def read(self, text: str) -> None:
        """Read all rows of a CSV text. A fault of the heading is reported with its line."""
        text = text.removeprefix("\ufeff")
        if text.count("\n") + text.count("\r") > 2 * MAX_LINES:
            self.refused.append(BadRow(1, Message.of(MessageCode.LIST_TOO_LONG, most=f"{MAX_LINES:,}")))
            return
        named = _SEP_LINE.match(text)
        begin = named.end() if named else 0
        rows = _rows(text[begin:], named[1] if named else _separator(text), 1 if named else 0)
        names: list[str] | None = None
        for line, row in rows:
            if isinstance(row, csv.Error):
                self.refused.append(BadRow(line, Message.of(MessageCode.NO_CSV, why=str(row))))
            elif not any(cell.strip() for cell in row):
                continue
            elif names is None:
                names = _names(row)
                if problem := _problem_of_heading(names):
                    self.refused.append(BadRow(line, problem))
                    return
            else:
                self._take(line, names, row)
        if names is None and not self.refused:
            self.refused.append(BadRow(1, _lacking(REQUIRED)))

    def _take(self, line: int, names: Sequence[str], row: Sequence[str]) -> None:
        try:
            fields = _fields(names, row)
            payload = _payload(fields)
            first = self.lines.setdefault(payload.jump_key, line)
            if first != line:
                raise BadInput(_listed_already(payload, first))
        except BadInput as refused:
            self.refused += [BadRow(line, problem) for problem in refused.what_parts]
            return
        contact = extras_of(fields)
        self.bookings.append(ListedBooking(line, payload, contact.extras))
        doubts = (*contact.problems, damage_in(payload.passenger_name))
        self.warnings += [BadRow(line, doubt) for doubt in doubts if doubt is not None]


def _listed_already(payload: Payload, line: int) -> Message:
    day = payload.jump_date.isoformat()
    return Message.of(MessageCode.BOOKING_IN_LINE_ALREADY, booking=payload.booking_id, day=day, line=line)


def _rows(text: str, separator: str, before: int) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Each row, or the error in it, with the line where it begins. After an error reading restarts at the next line,
    since a quote that is never closed would swallow the later rows. `before`: lines that were removed before `text`.
    """
    lines = list(io.StringIO(text, newline=""))
    begin, restarts = 0, 0
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = begin + reader.line_num
        try:
            yield before + line + 1, next(reader)
        except StopIteration:
            return
        except csv.Error as refused:
            yield before + line + 1, refused
            if restarts < _MOST_RESTARTS:
                begin, restarts = line + 1, restarts + 1
                reader = csv.reader(itertools.islice(lines, begin, None), delimiter=separator, strict=True)


def _separator(text: str) -> str:
    """The separator with which the heading has the most known names; a comma may be part of a quoted name."""

    def known(separator: str) -> int:
        first = next((row for _, row in _rows(text, separator, 0) if not isinstance(row, csv.Error) and any(row)), [])
        return sum(name in (*REQUIRED, *OPTIONAL) for name in _names(first))

    return max(_SEPARATORS, key=known)


def _names(row: Sequence[str]) -> list[str]:
    """A heading's names, normalised, without the empty ones that spreadsheets leave at its end."""
    names = [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in row]
    while names and not names[-1]:
        names.pop()
    return names


def _problem_of_heading(names: Sequence[str]) -> Message | None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        return _lacking(missing)
    twice = next((name for name in (*REQUIRED, *OPTIONAL) if names.count(name) > 1), None)
    return None if twice is None else Message.of(MessageCode.HEADING_NAMES_TWICE, column=twice)


def _lacking(columns: Sequence[str]) -> Message:
    return Message.of(MessageCode.HEADING_LACKS, columns=tuple(columns))


def _fields(names: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """A row's cells by name. At a row's end spreadsheets omit separators of empty cells, or add some."""
    cells = [cell.strip() for cell in row]
    while len(cells) > len(names) and not cells[-1]:
        cells.pop()
    if len(cells) > len(names):
        raise BadInput(Message.of(MessageCode.MORE_FIELDS_THAN_HEADING, fields=len(cells), columns=len(names)))
    return dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=True))


def _payload(fields: dict[str, str]) -> Payload:
    for name in REQUIRED:
        if not fields[name]:
            raise BadInput(Message.of(MessageCode.FIELD_MISSING, field=_MISSING[name]))
    try:
        jump_date = date.fromisoformat(fields["jump_date"])
        if jump_date.isoformat() != fields["jump_date"]:
            raise ValueError
    except ValueError:
        raise BadInput(Message.of(MessageCode.DAY_IS_NO_DATE, day=repr(fields["jump_date"]))) from None
    master = fields.get("tandem_master_id") or None
    return make_payload(fields["passenger_name"], fields["booking_id"], jump_date, master)


def damage_in(name: str) -> Message | None:
    """Signs, in words, that a name was damaged before: UTF-8 read in another encoding, lost letters."""
    for encoding in ("cp1252", "latin-1", "cp1250"):
        try:
            meant = name.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        if meant != name:
            return Message.of(MessageCode.NAME_IN_WRONG_ENCODING, name=repr(name), meant=repr(meant))
    return Message.of(MessageCode.NAME_WITH_QUESTION_MARK, name=repr(name)) if "?" in name else None
