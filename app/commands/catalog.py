"""`stinercut catalog`: copies the catalog to another database.

Owns: the command's options and output. Not here: the copy (`stinercut.catalog.database_copy`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Data, Json, say, settings_from
from stinercut.errors import BadInput, HostNotReady

if TYPE_CHECKING:
    from stinercut.settings import Settings

group = typer.Typer(help="The database of cards, jumps and films.", no_args_is_help=True)


@group.command("move")
def move(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="The new database: postgresql://USER:PASSWORD@HOST/DATABASE. Default: $STINERCUT_DATABASE_URL, into "
            "which the data folder's own catalog is copied.",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="The old database. Default: the catalog of the settings."),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Copy the catalog into an empty database, such as PostgreSQL for a fleet. The old one stays as it is.

    Stop `stinercut up` first. Afterwards set STINERCUT_DATABASE_URL to the same URL, unless --to came from there.
    With --json: the number of rows by table.
    """
    from app.common.running_note import running_stack
    from stinercut.catalog.database_copy import move as move_catalog

    settings = settings_from(data)
    if running := running_stack(settings):
        raise HostNotReady(
            f"`stinercut up` is running on this data folder (process {running.pid})",
            file=settings.data,
            advice="Stop it with Ctrl-C first: rows that it writes during the copy would be left behind.",
        )

    def tell(table: str, rows: int) -> None:
        if rows and not as_json:
            say(f"{rows:>9} rows of {table}")

    source, target = ends(settings, origin, to)
    copied = move_catalog(source, target, tell)
    if as_json:
        say(json.dumps(copied))
        return
    then = " Now set STINERCUT_DATABASE_URL to that URL, everywhere." if to else ""
    say(f"{sum(copied.values())} rows copied and counted.{then}")


def ends(settings: Settings, origin: str | None, to: str | None) -> tuple[str, str]:
    """Source and target of the copy, as URLs. Raises BadInput without a target."""
    if to is not None:
        return origin or settings.catalog_url, to
    if not settings.database_url:
        raise BadInput("the target is missing", advice="Write --to URL, or set STINERCUT_DATABASE_URL.")
    return origin or settings.own_catalog_url, settings.database_url
