"""Opens the catalog of this installation for a command about people.

Owns: `writing`. Not here: what is written (`stinercut.people`).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.common.options import settings_from

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@contextmanager
def writing(data: Path | None) -> Generator[Session]:
    """A transaction of this installation's catalog, which is brought up to date first."""
    from stinercut.catalog import Catalog, migrate
    from stinercut.storage.data_folder import keep_private

    settings = settings_from(data)
    keep_private(settings)
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.write() as session:
            yield session
    finally:
        catalog.close()
