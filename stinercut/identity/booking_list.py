"""A list of bookings as the office's program writes it: CSV with a heading.

Lives here: the text's form, and what is wrong with it, line by line. Doesn't: what a booking may say (`payload`),
what is done with the list (`sheet`, the hub).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from stinercut.errors import BadInput
from stinercut.identity.payload import Payload, make_payload

REQUIRED: Final = ("passenger_name", "booking_id", "jump_date")
OPTIONAL: Final = ("tandem_master_id",)
MAX_CSV_BYTES: Final = 5_000_000


@dataclass(frozen=True)
class BadRow:
    """A row of a CSV file that makes no payload. `line` is where it begins, counted from 1."""

    line: int
    what: str


def read_bookings(file: Path) -> list[Payload]:
    """The bookings of a CSV file with a heading: passenger_name, booking_id, jump_date, and tandem_master_id if wanted.

    Commas, semicolons or tabs, UTF-8 with or without a byte order mark, other columns are left alone. Raises BadInput,
    naming every bad row with its line: a sheet with a passenger missing would be found out at the aeroplane.
    """
    return require_bookings(_text(file), file)


def require_bookings(text: str, file: Path | None = None) -> list[Payload]:
    """The bookings of a CSV text, as `read_bookings` has it: all of them, or BadInput for every row that is none."""
    bookings, bad = parse_bookings(text.removeprefix("\ufeff"))
    if bad:
        named = "; ".join(f"line {row.line}: {row.what}" for row in bad[:20])
        more = f"; and {len(bad) - 20} more" if len(bad) > 20 else ""
        raise BadInput(f"{named}{more}", file=file, advice="Correct these rows; nothing of the list was taken.")
    if not bookings:
        raise BadInput(
            "there are no bookings in it", file=file, advice="One row for each passenger, below the heading."
        )
    return bookings


def parse_bookings(text: str) -> tuple[list[Payload], list[BadRow]]:
    """The rows of a CSV text that are bookings, and those that aren't. A heading that can't be used is line 1."""
    heading = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count), strict=True)
    bookings: list[Payload] = []
    bad: list[BadRow] = []
    lines: dict[str, int] = {}
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        if problem := _problem_of_heading(names):
            return [], [BadRow(1, problem)]
        while True:
            line = rows.line_num + 1
            row = next(rows, None)
            if row is None:
                break
            if not any(cell.strip() for cell in row):
                continue
            try:
                booking = _booking(names, row)
                first = lines.setdefault(booking.jump_key, line)
                if first != line:
                    raise BadInput(f"booking {booking.booking_id} on {booking.jump_date} is in line {first} already")
            except BadInput as refused:
                bad.append(BadRow(line, refused.what))
            else:
                bookings.append(booking)
    except csv.Error as refused:
        bad.append(BadRow(rows.line_num, f"no CSV: {refused}"))
    return bookings, bad


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_CSV_BYTES:
            raise BadInput(
                f"the list is larger than {MAX_CSV_BYTES // 1_000_000} MB", file=file, advice="Import it in parts."
            )
        return file.read_bytes().decode("utf-8-sig")
    except OSError as refused:
        raise BadInput(f"can't be read: {refused.strerror or refused}", file=file, advice="Check the path.") from None
    except UnicodeDecodeError as refused:
        before = refused.object[: refused.start].count(b"\n") + 1
        raise BadInput(
            f"line {before}: the text is not UTF-8, so names can't be told for certain",
            file=file,
            advice="Save it as CSV UTF-8.",
        ) from None


def _problem_of_heading(names: Sequence[str]) -> str:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        return f"the heading lacks {', '.join(missing)}"
    twice = [name for name in (*REQUIRED, *OPTIONAL) if names.count(name) > 1]
    return f"the heading names {twice[0]} twice" if twice else ""


def _booking(names: Sequence[str], row: Sequence[str]) -> Payload:
    if len(row) != len(names):
        raise BadInput(f"{len(row)} fields where the heading has {len(names)}")
    fields = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
    try:
        jump_date = date.fromisoformat(fields["jump_date"])
        if jump_date.isoformat() != fields["jump_date"]:
            raise ValueError
    except ValueError:
        raise BadInput(f"the day of the jump, {fields['jump_date']!r}, is no date; write YYYY-MM-DD") from None
    master = fields.get("tandem_master_id") or None
    return make_payload(fields["passenger_name"], fields["booking_id"], jump_date, master)
