"""`stinercut bookings`: imports the office's list of who is to jump.

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
"""Rows of each kind that are said; with --json all of them."""


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

    found = read_list(file, encoding)
    settings = settings_from(data)
    keep_private(settings)
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.write() as session:
            changes = bookings.planned_changes(session, found.bookings)
            if not dry_run:
                bookings.import_list(session, found.bookings)
    finally:
        catalog.close()
    if as_json:
        say(json.dumps(_as_fields(found, changes), ensure_ascii=False))
    else:
        for line in _as_sentences(found, changes, dry_run):
            say(line)
    if found.refused:
        raise typer.Exit(BadInput.exit_code)


def _as_fields(found: BookingList, changes: list[PlannedChange]) -> dict[str, object]:
    from stinercut.jumps import bookings

    done = bookings.counts(changes)
    return {
        "new": done.new,
        "changed": done.changed,
        "same": done.same,
        "refused": len(found.refused),
        "assumed": found.assumed,
        "refusals": [{"line": row.line, "what": row.what} for row in found.refused],
        "warnings": [{"line": row.line, "what": row.what} for row in found.warnings],
        "changes": [
            {
                "line": one.listed.line,
                "change": str(one.change),
                "booking": one.listed.payload.jump_key,
                "fields": {name: [before, after] for name, before, after in one.fields},
            }
            for one in changes
            if one.change is not bookings.Change.SAME
        ],
    }


def _as_sentences(found: BookingList, changes: list[PlannedChange], dry_run: bool) -> list[str]:
    """What is said to a person, the numbers last."""
    from stinercut.jumps import bookings

    out: list[str] = []
    if found.assumed:
        foreign = ", ".join([one.passenger_name for one in found.payloads if not one.passenger_name.isascii()][:5])
        out.append(f"{found.assumed}: {foreign or 'all are plain'}. If they are wrong, choose one with --encoding.")
    out += _first([_sentence(one) for one in changes if one.fields or (dry_run and one.change is bookings.Change.NEW)])
    out += _first([f"line {row.line}: check this: {row.what}" for row in found.warnings])
    out += _first([f"line {row.line}: not imported: {row.what}" for row in found.refused])
    done = bookings.counts(changes)
    would = "Nothing was imported. It would be: " if dry_run else ""
    refused = f", {len(found.refused)} not imported" if found.refused else ""
    counts = f"{done.new} new, {done.changed} changed, {done.same} unchanged{refused}"
    return [*out, f"{would}{counted(len(found.bookings), 'booking')}: {counts}."]


def _sentence(change: PlannedChange) -> str:
    said = change.listed.payload
    fields = ", ".join(f"{name} {before or 'none'} -> {after or 'none'}" for name, before, after in change.fields)
    return (
        f"{change.change}: {said.passenger_name} ({said.booking_id}, {said.jump_date}){': ' if fields else ''}{fields}"
    )


def _first(lines: list[str]) -> list[str]:
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return lines[:_SHOWN] + more
