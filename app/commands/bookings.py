"""`stinercut bookings`: the office's list of who is to jump."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from app.options import Data, Json, say, settings_from
from stinercut.words import counted

group = typer.Typer(help="The list of bookings, to choose from where no code says who jumps.", no_args_is_help=True)


@group.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The list, as CSV in UTF-8.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Import a list of bookings; those known by date and number take what the list says now.

    The first line names the columns: passenger_name, booking_id, jump_date (YYYY-MM-DD), and tandem_master_id where
    there is one. A list with an error in it is refused as a whole. With --json: "new", "changed", "same".
    """
    from stinercut.catalog import Catalog, bookings, migrate
    from stinercut.identity.booking_list import read_bookings

    found = read_bookings(file)
    settings = settings_from(data)
    settings.data.mkdir(parents=True, exist_ok=True)
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.write() as session:
            done = bookings.import_list(session, found)
    finally:
        catalog.close()
    if as_json:
        say(json.dumps({"new": done.new, "changed": done.changed, "same": done.same}))
    else:
        say(f"{counted(len(found), 'booking')}: {done.new} new, {done.changed} changed, {done.same} as before.")
