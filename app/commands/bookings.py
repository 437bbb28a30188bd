"""`stinercut bookings`: imports the office's list of passengers.

Owns: the command's options and output. Not here: the list's form (`stinercut.jumps.booking_list`), keeping it
(`stinercut.jumps.bookings`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Data, Json, say, settings_from
from stinercut.text import counted

if TYPE_CHECKING:
    from stinercut.jumps.booking_list import BookingList
    from stinercut.jumps.bookings import PlannedChange

group = typer.Typer(help="The list of bookings, to choose from when no code names the passenger.", no_args_is_help=True)

_SHOWN = 20
"""How many rows of each kind are shown; --json shows all."""


@group.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The list, as CSV.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change; keep nothing.")] = False,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="The file's encoding, such as windows-1250. Default: detected.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Import a list of bookings. A booking with a known date and number gets the values of the new list.

    The first line names the columns: passenger_name, booking_id, jump_date (YYYY-MM-DD), and optionally
    tandem_master_id, email and phone. Commas, semicolons or tabs separate them, as Excel writes them. A wrong row is
    named with its line, and the others are imported; then the exit code is 3. With --json: "new", "changed", "same",
    "refused" (numbers), "assumed", and lists "refusals", "warnings" and "changes".
    """
    from stinercut.catalog import Catalog, migrate
    from stinercut.errors import BadInput
    from stinercut.jumps import bookings
    from stinercut.jumps.booking_list import read_list
    from stinercut.storage.data_folder import keep_private

    booking_list = read_list(file, encoding)
    settings = settings_from(data)
    keep_private(settings)
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.write() as session:
            changes = bookings.planned_changes(session, booking_list.bookings)
            if not dry_run:
                bookings.import_list(session, booking_list.bookings)
    finally:
        catalog.close()
    if as_json:
        say(json.dumps(_as_fields(booking_list, changes), ensure_ascii=False))
    else:
        for line in _as_sentences(booking_list, changes, dry_run):
            say(line)
    if booking_list.refused:
        raise typer.Exit(BadInput.exit_code)


def _as_fields(booking_list: BookingList, changes: list[PlannedChange]) -> dict[str, object]:
    from stinercut.jumps import bookings

    done = bookings.counts(changes)
    return {
        "new": done.new,
        "changed": done.changed,
        "same": done.same,
        "refused": len(booking_list.refused),
        "assumed": booking_list.assumed,
        "refusals": [{"line": row.line, "what": row.what} for row in booking_list.refused],
        "warnings": [{"line": row.line, "what": row.what} for row in booking_list.warnings],
        "changes": [
            {
                "line": change.listed.line,
                "change": str(change.change),
                "booking": change.listed.payload.jump_key,
                "fields": {name: [before, after] for name, before, after in change.fields},
            }
            for change in changes
            if change.change is not bookings.Change.SAME
        ],
    }


def _as_sentences(booking_list: BookingList, changes: list[PlannedChange], dry_run: bool) -> list[str]:
    """The report for a person, the numbers last."""
    from stinercut.jumps import bookings

    out: list[str] = []
    if booking_list.assumed:
        foreign = ", ".join(
            [name for payload in booking_list.payloads if not (name := payload.passenger_name).isascii()][:5]
        )
        out.append(
            f"{booking_list.assumed}: {foreign or 'all are plain'}. If they are wrong, choose one with --encoding."
        )
    shown = [change for change in changes if change.fields or (dry_run and change.change is bookings.Change.NEW)]
    out += _first([_sentence(change) for change in shown])
    out += _first([f"line {row.line}: check this: {row.what}" for row in booking_list.warnings])
    out += _first([f"line {row.line}: not imported: {row.what}" for row in booking_list.refused])
    done = bookings.counts(changes)
    would = "Nothing was imported. It would be: " if dry_run else ""
    refused = f", {len(booking_list.refused)} not imported" if booking_list.refused else ""
    counts = f"{done.new} new, {done.changed} changed, {done.same} unchanged{refused}"
    return [*out, f"{would}{counted(len(booking_list.bookings), 'booking')}: {counts}."]


def _sentence(change: PlannedChange) -> str:
    person = change.listed.payload
    fields = ", ".join(f"{name} {before or 'none'} -> {after or 'none'}" for name, before, after in change.fields)
    who = f"{person.passenger_name} ({person.booking_id}, {person.jump_date})"
    return f"{change.change}: {who}{': ' if fields else ''}{fields}"


def _first(lines: list[str]) -> list[str]:
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return lines[:_SHOWN] + more
