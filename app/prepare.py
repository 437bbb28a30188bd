"""Brings the catalog to this version's tables: `python -m app.prepare`, once before the hub starts.

A process of its own, so that the supervisor, which lives as long as the stack, never holds a database library.
"""

from __future__ import annotations

import sys

from stinercut.catalog import migrate
from stinercut.errors import StinercutError
from stinercut.settings import Settings


def main() -> None:
    """Migrate; the last line written is what a person needs to know when it fails."""
    try:
        migrate(Settings().catalog_url)
    except StinercutError as refused:
        sys.exit(refused.sentence())


if __name__ == "__main__":
    main()
