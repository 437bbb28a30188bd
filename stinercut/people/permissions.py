"""Roles, and what each may do: a role is a set of permissions.

Owns: `Permission`, `AccountRole`, `PERMISSIONS_OF`. Not here: which address needs which permission
(the hub's table of routes), who has which role (`accounts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What somebody may do. API keys hold these names, so they stay."""

    BOARD_READ = "board.read"
    """Pages, their words, the live board, cards and their state."""
    JUMPS_READ = "jumps.read"
    FILMS_READ = "films.read"
    """Finished films, posters and photos."""
    FOOTAGE_READ = "footage.read"
    """Stills and clips of raw files, and what waits for a person."""
    REVIEW_DECIDE = "review.decide"
    RUNS_RETRY = "runs.retry"
    RUNS_RETRY_ALL = "runs.retry_all"
    """Many at once, and starting what is switched off."""
    CUTS_READ = "cuts.read"
    """Cuts and timelines for editing programs, which hold paths of the server."""
    CUTS_WRITE = "cuts.write"
    BOOKINGS_READ = "bookings.read"
    BOOKINGS_WRITE = "bookings.write"
    CODES_MAKE = "codes.make"
    TEMPLATES_READ = "templates.read"
    TEMPLATES_CHOOSE = "templates.choose"
    BACKFILLS_START = "backfills.start"
    SHARES_READ = "shares.read"
    SHARES_WRITE = "shares.write"
    DAGSTER_READ = "dagster.read"
    DAGSTER_WRITE = "dagster.write"
    SETTINGS_WRITE = "settings.write"
    PEOPLE_WRITE = "people.write"
    """Accounts, and keys of programs and detectors."""
    AUDIT_READ = "audit.read"


class AccountRole(StrEnum):
    """What an account is for."""

    SCREEN = "screen"
    """A screen in the hall: it only reads."""
    DESK = "desk"
    """The day's work, on a tablet that people share."""
    MANAGER = "manager"
    ADMIN = "admin"


_SCREEN: Final = frozenset({Permission.BOARD_READ, Permission.JUMPS_READ, Permission.FILMS_READ})
_DESK: Final = _SCREEN | {
    Permission.FOOTAGE_READ,
    Permission.REVIEW_DECIDE,
    Permission.RUNS_RETRY,
    Permission.BOOKINGS_READ,
    Permission.CODES_MAKE,
    Permission.TEMPLATES_READ,
    Permission.SHARES_READ,
    Permission.SHARES_WRITE,
}
_MANAGER: Final = _DESK | {
    Permission.RUNS_RETRY_ALL,
    Permission.CUTS_READ,
    Permission.CUTS_WRITE,
    Permission.BOOKINGS_WRITE,
    Permission.TEMPLATES_CHOOSE,
    Permission.BACKFILLS_START,
    Permission.DAGSTER_READ,
    Permission.AUDIT_READ,
}
ALL_PERMISSIONS: Final = frozenset(Permission)
PERMISSIONS_OF: Final[Mapping[AccountRole, frozenset[Permission]]] = {
    AccountRole.SCREEN: _SCREEN,
    AccountRole.DESK: _DESK,
    AccountRole.MANAGER: _MANAGER,
    AccountRole.ADMIN: ALL_PERMISSIONS,
}
