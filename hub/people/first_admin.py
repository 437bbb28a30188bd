"""The one-time address that makes the first admin, for a hub that nobody can sign in to yet.

Owns: making the address, and checking its token. Not here: the page (`login_page`), who prints the address
(`hub.__main__`, `stinercut up`).

The token is signed with the installation's own secret, so whoever starts the hub can make one, and it is good for an
hour. It is single-use, since it opens nothing once there is an account.
"""

from __future__ import annotations

from datetime import datetime

from hub.kit.passes import FIRST_ADMIN_PATH, PassKind, issue, read
from stinercut.catalog import Catalog
from stinercut.language.messages import Message, worded
from stinercut.language.people_codes import PeopleCode
from stinercut.own_names import is_loopback
from stinercut.people import accounts
from stinercut.settings import Settings
from stinercut.storage.secret_files import local_secret_or_new


def how_to_begin(settings: Settings) -> str | None:
    """The sentence for the terminal, in the house's language; None where the hub is open, or has an account."""
    address = first_admin_address(settings)
    return worded(Message.of(PeopleCode.MAKE_FIRST_ADMIN, address=address), settings.language) if address else None


def first_admin_address(settings: Settings, now: datetime | None = None) -> str | None:
    """The address; None where the hub is open, or has an account. The catalog is migrated."""
    if settings.access == "open" or is_loopback(settings.host):
        return None
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.read() as session:
            if accounts.is_anybody(session):
                return None
    finally:
        catalog.close()
    token = issue(local_secret_or_new(settings.local_secret_file), PassKind.FIRST_ADMIN, now or catalog.clock())
    return f"{settings.board_address}{FIRST_ADMIN_PATH}{token}"


def is_valid(secret: str | None, token: str, now: datetime) -> bool:
    """Whether the token is this installation's, and not too old."""
    return secret is not None and read(secret, PassKind.FIRST_ADMIN, token, now) is not None
