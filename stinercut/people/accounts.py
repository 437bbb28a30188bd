"""Accounts: who may sign in, in which role, with which password or PIN.

Owns: adding, finding, changing and disabling accounts, and checking a name with a password. Not here: sign-ins that
last (`logins`), hashes (`passwords`), what a role may do (`permissions`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import Account
from stinercut.catalog.moments import now_in
from stinercut.errors import BadInput, Conflict, NotFound
from stinercut.language.messages import Message
from stinercut.language.people_codes import PeopleCode
from stinercut.people import logins, passwords
from stinercut.people.permissions import AccountRole

LEAST_PASSWORD: Final = 10
"""Characters. Length is what counts (NIST SP 800-63B asks for 8 at least, and for no rules about kinds)."""
MOST_PASSWORD: Final = 200
"""A longer one only costs the hub time."""
PIN: Final = re.compile(r"[0-9]{4,8}")
MOST_NAME: Final = 80
"""As long as the name of who decides may be (`stinercut.bounds.Who`)."""


@dataclass(frozen=True)
class NewAccount:
    """An account to make. `password` None: somebody who only uses a PIN on the desk's tablet."""

    name: str
    role: AccountRole
    password: str | None = field(default=None, repr=False)


def folded(name: str) -> str:
    """The form in which names are compared: two that look alike are one."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def is_anybody(session: Session) -> bool:
    """Whether there is any account, a disabled one included."""
    return session.execute(select(Account.account_id).limit(1)).first() is not None


def all_accounts(session: Session) -> Sequence[Account]:
    """All accounts, by name."""
    return session.execute(select(Account).order_by(Account.folded_name)).scalars().all()


def add(session: Session, wanted: NewAccount) -> Account:
    """Make an account. Raises BadInput for a name or password that can't be used, Conflict for a name that is taken."""
    name = " ".join(wanted.name.split())
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        raise BadInput(Message.of(PeopleCode.ACCOUNT_NAME_FORM, most=MOST_NAME))
    if _named(session, name) is not None:
        raise Conflict(Message.of(PeopleCode.ACCOUNT_NAME_TAKEN, name=name))
    account = Account(name=name, folded_name=folded(name), role=wanted.role.value)
    if wanted.password is not None:
        account.password_hash = _password_hash(wanted.password)
    session.add(account)
    session.flush()
    return account


def require_account(session: Session, name: str) -> Account:
    """The account of that name. Raises NotFound."""
    account = _named(session, name)
    if account is None:
        raise NotFound(Message.of(PeopleCode.ACCOUNT_NOT_KNOWN))
    return account


def account_of_id(session: Session, account_id: int) -> Account:
    """The account with that number. Raises NotFound."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound(Message.of(PeopleCode.ACCOUNT_NOT_KNOWN))
    return account


def account_with(session: Session, name: str, password: str) -> Account | None:
    """The account that may sign in with this name and password. It takes as long whether the name exists or not."""
    account = _named(session, name)
    kept = account.password_hash if account is not None and account.disabled_at is None else None
    if not passwords.is_right(kept, password[:MOST_PASSWORD]) or account is None or kept is None:
        return None
    if passwords.is_outdated(kept):
        account.password_hash = passwords.hashed(password)
    return account


def has_pin(account: Account, pin: str) -> bool:
    """Whether this is the PIN of an account that may be used. It takes as long without one."""
    return passwords.is_right(account.pin_hash if account.disabled_at is None else None, pin[:MOST_PASSWORD])


def set_password(session: Session, account: Account, password: str) -> None:
    """Give an account another password, and end all its sign-ins. Raises BadInput."""
    account.password_hash = _password_hash(password)
    logins.end_all_of(session, account.account_id)


def set_pin(account: Account, pin: str | None) -> None:
    """Give an account a PIN for shared tablets, or take it away. Raises BadInput."""
    if pin is not None and not PIN.fullmatch(pin):
        raise BadInput(Message.of(PeopleCode.OWN_PIN_FORM))
    account.pin_hash = passwords.hashed(pin) if pin is not None else None


def set_role(session: Session, account: Account, role: AccountRole) -> None:
    """Give an account another role. Raises Conflict for the last admin."""
    if role is not AccountRole.ADMIN:
        _require_another_admin(session, account)
    account.role = role.value


def disable(session: Session, account: Account) -> None:
    """Let nobody sign in with it, and end all its sign-ins. Raises Conflict for the last admin."""
    _require_another_admin(session, account)
    account.disabled_at = account.disabled_at or now_in(session)
    logins.end_all_of(session, account.account_id)


def enable(account: Account) -> None:
    """Let it sign in again."""
    account.disabled_at = None


def _require_another_admin(session: Session, account: Account) -> None:
    admins = select(Account.account_id).where(Account.role == AccountRole.ADMIN.value, Account.disabled_at.is_(None))
    if set(session.execute(admins).scalars()) == {account.account_id}:
        raise Conflict(Message.of(PeopleCode.LAST_ADMIN))


def _named(session: Session, name: str) -> Account | None:
    return session.execute(select(Account).where(Account.folded_name == folded(name))).scalar_one_or_none()


def _password_hash(password: str) -> str:
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise BadInput(Message.of(PeopleCode.PASSWORD_FORM, least=LEAST_PASSWORD, most=MOST_PASSWORD))
    return passwords.hashed(password)
