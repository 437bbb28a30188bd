"""The tables of people: accounts, login sessions, keys of programs and detectors, the audit.

Owns: columns and keys. Not here: queries and rules (`stinercut.people`).

    account 1-n login_session
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class Account(Base):
    """Somebody who may sign in, or who has a PIN on a shared tablet. Never deleted: its name stands in the audit."""

    __tablename__ = "account"
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(80))
    folded_name: Mapped[str] = mapped_column(String(400), unique=True)
    """The name as it is compared."""
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    pin_hash: Mapped[str | None] = mapped_column(String(255))
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcMoment)


class LoginSession(Base):
    """A browser that is signed in."""

    __tablename__ = "login_session"
    login_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.account_id"), index=True)
    made_at: Mapped[datetime] = mapped_column(UtcMoment)
    seen_at: Mapped[datetime] = mapped_column(UtcMoment)
    until: Mapped[datetime] = mapped_column(UtcMoment)
    device: Mapped[str] = mapped_column(String(200))
    acting_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.account_id"))
    """Who gave a PIN on this tablet."""
    acting_until: Mapped[datetime | None] = mapped_column(UtcMoment)


class ApiKey(Base):
    """A program's key."""

    __tablename__ = "api_key"
    api_key_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(80))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    permissions: Mapped[list[str]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcMoment)


class DetectorKey(Base):
    """A detector's key, good for its id alone."""

    __tablename__ = "detector_key"
    detector_key_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    detector_id: Mapped[str] = mapped_column(String(64), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcMoment)


class AuditEntry(Base):
    """One deed."""

    __tablename__ = "audit_entry"
    audit_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, index=True)
    who: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(120))
    subject: Mapped[str] = mapped_column(String(128))
    address: Mapped[str] = mapped_column(String(64))
    is_allowed: Mapped[bool] = mapped_column(Boolean)
