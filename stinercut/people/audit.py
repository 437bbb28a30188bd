"""The audit: who did or fetched what, when and from where.

Owns: noting, reading in pages, forgetting. Not here: which requests are noted (the hub), people's
decisions with their reasons (`stinercut.review.decisions`), the access log (`hub.kit.access_log`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from stinercut.catalog.models import AuditEntry
from stinercut.catalog.moments import now_in

KEPT: Final = timedelta(days=180)
MOST: Final = 200
"""The most entries in one page."""


@dataclass(frozen=True)
class Deed:
    """What somebody did. `action`: such as "login" or a route; `subject`: the jump, film or account it was done to."""

    who: str
    action: str
    subject: str = ""
    address: str = ""
    is_allowed: bool = True


def note(session: Session, deed: Deed) -> None:
    """Keep a deed. Texts are cut to the length of their columns."""
    session.add(
        AuditEntry(
            who=deed.who[:80],
            action=deed.action[:120],
            subject=deed.subject[:128],
            address=deed.address[:64],
            is_allowed=deed.is_allowed,
        )
    )


def page(session: Session, before: int | None = None, limit: int = 100, who: str = "") -> Sequence[AuditEntry]:
    """The newest entries first; `before`: only those with a smaller number, for the next page."""
    query = select(AuditEntry).order_by(AuditEntry.audit_id.desc()).limit(min(limit, MOST))
    if before is not None:
        query = query.where(AuditEntry.audit_id < before)
    if who:
        query = query.where(AuditEntry.who == who)
    return session.execute(query).scalars().all()


def forget(session: Session) -> int:
    """Delete entries that are older than `KEPT`. Returns how many."""
    old = AuditEntry.at < now_in(session) - KEPT
    number = session.execute(select(func.count()).select_from(AuditEntry).where(old)).scalar_one()
    session.execute(delete(AuditEntry).where(old))
    return number
