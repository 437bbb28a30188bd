"""Prepares a start before the hub runs: gives the catalog this version's tables, removes killed processes' leftovers.

`python -m app.stack.prepare`; with `--dagster-home` it makes Dagster's folder too, which `stinercut up` does by itself.
Owns: what must be done once at each start. Not here: how (`stinercut.catalog`, `stinercut.storage.store`,
`dagster_home`).

This is a process of its own so that the supervisor, which lives as long as the stack, never loads a database library.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from app.stack.dagster_home import prepare_dagster_home, project_root
from stinercut.catalog import migrate
from stinercut.clock import machine_clock
from stinercut.errors import StinercutError
from stinercut.settings import Settings
from stinercut.storage.data_folder import keep_private
from stinercut.storage.store import sweep_partials

A_DAY = 86_400.0


def main() -> None:
    """Prepare everything. When it fails, the last line of output is the sentence that a person needs."""
    try:
        settings = Settings()
        keep_private(settings)
        migrate(settings.catalog_url)
        if settings.executor == "celery":
            announce_volume(settings)
        if "--dagster-home" in sys.argv[1:]:
            prepare_dagster_home(settings, project_root())
        sweep_partials((settings.store_dir, settings.films_dir), A_DAY, machine_clock())
    except StinercutError as refused:
        sys.exit(refused.sentence())


def announce_volume(settings: Settings) -> None:
    """Give the shared volume a name and tell it to the workers."""
    from app.fleet.registry import Fleet, unreachable
    from app.fleet.volume import name_volume

    volume = name_volume(settings)
    # If Redis is away now, each run announces the volume again.
    with suppress(*unreachable()):
        Fleet.of(settings).set_volume(volume)


if __name__ == "__main__":
    main()
