"""`stinercut qr`: makes and reads passengers' QR codes.

Owns: the command's options and output. Not here: codes (`stinercut.codes`).
"""

from __future__ import annotations

import json
import secrets
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Json, day_from, say, settings_from, size_from
from stinercut.errors import BadInput
from stinercut.text import counted

if TYPE_CHECKING:
    from stinercut.codes.payload import Payload
    from stinercut.codes.reading import Reading
    from stinercut.keyring import KeyRing

group = typer.Typer(help="Make and read the QR codes that say who jumps.", no_args_is_help=True)

_NAME = typer.Option("--passenger-name", help="The passenger's name, as it should appear in the film.")
_BOOKING = typer.Option("--booking-id", help="Number of the booking: letters, digits, - and _.")
_JUMP_DATE = typer.Option("--jump-date", parser=day_from, metavar="YYYY-MM-DD", help="Day of the jump.")
Name = Annotated[str, _NAME]
Booking = Annotated[str, _BOOKING]
JumpDate = Annotated[date, _JUMP_DATE]
Master = Annotated[str | None, typer.Option("--tandem-master-id", help="The tandem master's id. May be left out.")]


Email = Annotated[str | None, typer.Option("--email", help="Write this email address into the code as well.")]
Phone = Annotated[str | None, typer.Option("--phone", help="Write this telephone number into the code as well.")]
WithContact = Annotated[
    bool, typer.Option("--with-contact", help="Write the list's columns email and phone into the codes as well.")
]
Signed = Annotated[
    bool, typer.Option("--signed", help="Make the compact signed form, with the first key of $STINERCUT_QR_KEYS.")
]


@group.command("make")
def make(  # noqa: PLR0913, PLR0917 - each is an option
    output: Annotated[Path, typer.Option("--output", help="What to write: .png, .svg, or .pdf for a sheet to print.")],
    # Not `Name | None`: typer ignores an option that is inside a union.
    passenger_name: Annotated[str | None, _NAME] = None,
    booking_id: Annotated[str | None, _BOOKING] = None,
    jump_date: Annotated[date | None, _JUMP_DATE] = None,
    tandem_master_id: Master = None,
    bookings: Annotated[
        Path | None, typer.Option("--bookings", help="A CSV of bookings, for a .pdf with the codes of all of them.")
    ] = None,
    email: Email = None,
    phone: Phone = None,
    with_contact: WithContact = False,
    signed: Signed = False,
) -> None:
    """Make a passenger's code as a picture, to print or to show on a phone; or a sheet of codes for a list of bookings.

    Give the name, booking and date of one passenger, or --bookings with a CSV as for `stinercut qr sheet`.
    """
    given = {"--passenger-name": passenger_name, "--booking-id": booking_id, "--jump-date": jump_date}
    reach = {"--email": email, "--phone": phone}
    if bookings is not None:
        if too_much := [option for option, value in {**given, **reach}.items() if value is not None]:
            raise typer.BadParameter(f"{too_much[0]} is of one passenger; --bookings brings its own.")
        _write_sheet(bookings, output, signed, with_contact)
        return
    if passenger_name is None or booking_id is None or jump_date is None:
        missing = next(option for option, value in given.items() if value is None)
        raise typer.BadParameter(f"{missing} is missing; or give --bookings.")
    payload = _payload(passenger_name, booking_id, jump_date, tandem_master_id)
    _write_code(payload, output, _signing(signed), _contact(email, phone))


def _write_code(payload: Payload, output: Path, keys: KeyRing | None, contact: dict[str, str]) -> None:
    from stinercut.codes.making import write_picture

    if output.suffix.lower() == ".pdf":
        from stinercut.codes.sheet import SheetCode, write_sheet

        write_sheet([SheetCode(payload, contact)], output, keys)
    else:
        write_picture(payload, output, keys, contact)
    say(f"Written: {output}")


@group.command("sheet")
def sheet(
    bookings: Annotated[Path, typer.Argument(metavar="BOOKINGS.CSV", help="One row for each passenger.")],
    output: Annotated[Path, typer.Option("--output", help="The sheet to write: .pdf.")],
    with_contact: WithContact = False,
    signed: Signed = False,
) -> None:
    """Make a sheet of codes to print: A4, twelve a page, with name, booking and date below each.

    The first line of the CSV names the columns passenger_name, booking_id and jump_date (YYYY-MM-DD), and optionally
    tandem_master_id, email and phone. Commas, semicolons or tabs separate them, as Excel writes them. If any row is
    wrong, no sheet is written, and each wrong row is named with its line.
    """
    _write_sheet(bookings, output, signed, with_contact)


def _write_sheet(bookings: Path, output: Path, signed: bool, with_contact: bool) -> None:
    from stinercut.codes.sheet import SheetCode, write_sheet
    from stinercut.jumps.booking_list import read_list, require_whole

    booking_list = require_whole(read_list(bookings), bookings)
    if booking_list.assumed:
        say(f"{booking_list.assumed} on the sheet.")
    for row in booking_list.warnings:
        say(f"line {row.line}: check this: {row.what}")
    codes = [
        SheetCode(booking.payload, booking.contact.contact if with_contact else None)
        for booking in booking_list.bookings
    ]
    pages = write_sheet(codes, output, _signing(signed))
    say(f"Written: {output} ({counted(len(codes), 'code')}, {counted(pages, 'page')})")


def _contact(email: str | None, phone: str | None) -> dict[str, str]:
    """The contact to write into the code. Raises BadInput for an unusable one: nothing is left out silently here."""
    from stinercut.codes.extras import extras_of
    from stinercut.language.messages import worded

    checked = extras_of({"email": email, "phone": phone})
    if checked.problems:
        raise BadInput(
            worded(checked.problems[0]).removesuffix(" and was left out"), advice="Correct it, or leave it out."
        )
    return checked.extras.contact


@group.command("key")
def key(
    number: Annotated[int, typer.Option("--number", min=0, max=255, help="Its number; each key has its own.")] = 1,
) -> None:
    """Make a new key for signed codes, in the form of STINERCUT_QR_KEYS.

    Put it first to sign with it. Leave older keys behind it, so that codes printed with them are still accepted.
    """
    say(f"{number}:{secrets.token_hex(32)}")


@group.command("film")
def film(  # noqa: PLR0913, PLR0917 - each is an option
    passenger_name: Name,
    booking_id: Booking,
    jump_date: JumpDate,
    output: Annotated[Path, typer.Option("--output", help="The film to write: .mp4.")],
    tandem_master_id: Master = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Length of the film.")] = 4.0,
    size: Annotated[str, typer.Option("--size", help="Width x height in pixels.")] = "1280x720",
    signed: Signed = False,
    level: Annotated[
        str,
        typer.Option(
            "--level", help="How hard the code is to read: easy, dim, far, or moment (in the picture for 0.7 s)."
        ),
    ] = "easy",
) -> None:
    """Make a short film of a passenger's code, as if filmed by hand: to try reading it, or for the start of a card."""
    from stinercut.synthetic.difficulty import EASY, check_level

    check_level(level)
    keys = _signing(signed)
    payload = _payload(passenger_name, booking_id, jump_date, tandem_master_id)
    if output.suffix.lower() != ".mp4":
        raise BadInput("a film is written as .mp4", file=output, advice="Choose this ending.")
    target = output.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise BadInput(f"can't write there: {refused.strerror or refused}", file=output) from None
    if level == EASY:
        _film(payload, keys, target, size_from(size), seconds)
    else:
        _hard_film(payload, keys, target, size_from(size), seconds, level)
    say(f"Written: {output}")


def _film(payload: Payload, keys: KeyRing | None, target: Path, size: tuple[int, int], seconds: float) -> None:
    from stinercut.codes.making import qr_picture
    from stinercut.synthetic.qrfilm import film_pictures

    film_pictures([qr_picture(payload, keys=keys)], target, size=size, seconds=seconds)


def _hard_film(  # noqa: PLR0913, PLR0917 - what `_film` takes, and how hard
    payload: Payload, keys: KeyRing | None, target: Path, size: tuple[int, int], seconds: float, level: str
) -> None:
    from stinercut.synthetic.difficulty import make_harder

    with tempfile.TemporaryDirectory(prefix="stinercut-") as folder:
        easy = Path(folder) / "easy.mp4"
        _film(payload, keys, easy, size, seconds)
        make_harder(easy, target, level, size, seconds)


@group.command("read")
def read(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Films or pictures.")],
    as_json: Json = False,
) -> None:
    """Read the code in films or pictures.

    With --json, one object a line: "file", "payload" (or null), "extras" (further fields of the code: "email", "phone",
    "unknown"), "raw" (the code's text), "reason" (or null; otherwise no_qr_found, invalid_qr, two_payloads,
    not_confirmed, unreadable), "detail" (in words), "detail_parts" (as codes and values), "signed", "frame_time"
    (seconds into the film), "decoder", "seconds" (that reading took), "lost_decoders" (those that crashed or hung on
    this file).

    Exit code 0 when every file gave a payload, 1 otherwise.
    """
    from stinercut.codes.reader import read_file

    keys = settings_from().key_ring
    all_read = True
    for file in files:
        reading = read_file(file, keys)
        all_read = all_read and reading.payload is not None
        say(json.dumps(_as_fields(file, reading), ensure_ascii=False) if as_json else _as_sentence(file, reading))
    raise typer.Exit(0 if all_read else 1)


def _signing(signed: bool) -> KeyRing | None:
    """The keys to sign with; None for an unsigned code. Raises BadInput without any key."""
    if not signed:
        return None
    keys = settings_from().key_ring
    _ = keys.signer
    return keys


def _payload(name: str, booking_id: str, jump_date: date, master: str | None) -> Payload:
    from stinercut.codes.payload import make_payload

    return make_payload(name, booking_id, jump_date, master)


def _as_fields(file: Path, reading: Reading) -> dict[str, object]:
    fields = reading.model_dump(mode="json")
    fields |= {"seconds": round(reading.seconds, 3), "detail": reading.words}
    return {"file": str(file), **{name: fields[name] for name in _FIELDS}}


_FIELDS = (
    "payload",
    "extras",
    "raw",
    "reason",
    "detail",
    "detail_parts",
    "signed",
    "frame_time",
    "decoder",
    "seconds",
    "lost_decoders",
)


_IN_WORDS = {
    "no_qr_found": "no code found",
    "invalid_qr": "a code, but no passenger's",
    "two_payloads": "two different passengers",
    "not_confirmed": "a code that was seen only once, which is not enough",
    "unreadable": "can't be read",
}


def _as_sentence(file: Path, reading: Reading) -> str:
    detail = f" ({reading.words})" if reading.words else ""
    if reading.payload is not None:
        person = reading.payload
        return f"{file}: {person.passenger_name}, booking {person.booking_id}, {person.jump_date.isoformat()}{detail}"
    return f"{file}: {_IN_WORDS[str(reading.reason)]}{detail}"
