"""Login sessions ("sign-ins"): a browser that is signed in, until it rests too long, gets too old, or is ended.

Owns: beginning, finding, listing and ending them, and who acts on a shared tablet by PIN. Not here: the cookie
(the hub), passwords (`accounts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from stinercut.catalog.models import Account, LoginSession
from stinercut.catalog.moments import now_in
from stinercut.errors import NotFound
from stinercut.language.messages import Message
from stinercut.language.people_codes import PeopleCode
from stinercut.people.permissions import AccountRole
from stinercut.people.tokens import new_token, token_hash

RESTS: Final = timedelta(hours=12)
"""A sign-in that nobody uses for so long is over: overnight."""
LASTS: Final = timedelta(days=7)
"""After this, a sign-in is over however much it is used."""
SCREEN_LASTS: Final = timedelta(days=180)
"""The same for screens, which only read, and where nobody stands to type: a season."""
ACTS: Final = timedelta(minutes=10)
"""So long a person acts on a shared tablet after the PIN, or after the last thing done."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is noted when a sign-in was last used."""
MOST_DEVICE: Final = 200


@dataclass(frozen=True)
class SignedIn:
    """A valid sign-in. `acting`: who gave a PIN on this tablet, if anybody; the rights stay those of the account."""

    login_id: int
    account_id: int
    name: str
    role: AccountRole
    acting: str | None
    is_seen_late: bool
    """Whether `note_seen` should be called."""


def begin(session: Session, account: Account, device: str) -> str:
    """Sign an account in. Returns the token, which is kept nowhere. `device`: the browser as it calls itself."""
    token, now = new_token(), now_in(session)
    lasts = SCREEN_LASTS if account.role == AccountRole.SCREEN else LASTS
    session.add(
        LoginSession(
            token_hash=token_hash(token),
            account_id=account.account_id,
            made_at=now,
            seen_at=now,
            until=now + lasts,
            device=device[:MOST_DEVICE],
        )
    )
    return token


def find(session: Session, token: str) -> SignedIn | None:
    """The sign-in of a token; None if it is unknown, ended or over, or if its account is disabled."""
    now = now_in(session)
    query = (
        select(LoginSession, Account)
        .join(Account, Account.account_id == LoginSession.account_id)
        .where(LoginSession.token_hash == token_hash(token), Account.disabled_at.is_(None))
    )
    found = session.execute(query).first()
    if found is None or not _is_valid(found[0], AccountRole(found[1].role), now):
        return None
    login, account = found
    return SignedIn(
        login_id=login.login_id,
        account_id=account.account_id,
        name=account.name,
        role=AccountRole(account.role),
        acting=_acting(session, login, now),
        is_seen_late=now - login.seen_at >= SEEN_EVERY,
    )


def note_seen(session: Session, login_id: int) -> None:
    """Note that a sign-in is used."""
    login = session.get(LoginSession, login_id)
    if login is not None:
        now = now_in(session)
        if login.acting_until is not None and login.acting_until > now:
            login.acting_until = now + ACTS
        login.seen_at = now


def act_as(session: Session, login_id: int, account: Account | None) -> None:
    """Let a person act on a shared tablet from now on, or (None) nobody but its account."""
    login = session.get(LoginSession, login_id)
    if login is not None:
        login.acting_account_id = account.account_id if account is not None else None
        login.acting_until = now_in(session) + ACTS if account is not None else None


def logins_of(session: Session, account_id: int) -> Sequence[LoginSession]:
    """The sign-ins of an account that are valid, the last used first."""
    now = now_in(session)
    query = select(LoginSession).where(LoginSession.account_id == account_id).order_by(LoginSession.seen_at.desc())
    account = session.get(Account, account_id)
    role = AccountRole(account.role) if account is not None else AccountRole.DESK
    return [login for login in session.execute(query).scalars() if _is_valid(login, role, now)]


def end(session: Session, account_id: int, login_id: int) -> None:
    """End one sign-in of an account. Raises NotFound."""
    login = session.get(LoginSession, login_id)
    if login is None or login.account_id != account_id:
        raise NotFound(Message.of(PeopleCode.LOGIN_NOT_KNOWN))
    session.delete(login)


def end_all_of(session: Session, account_id: int) -> None:
    """End all sign-ins of an account."""
    session.execute(delete(LoginSession).where(LoginSession.account_id == account_id))


def forget(session: Session) -> int:
    """Delete sign-ins that are over. Returns how many. A screen's may rest."""
    now = now_in(session)
    resting = select(Account.account_id).where(Account.role != AccountRole.SCREEN.value)
    over = or_(
        LoginSession.until <= now,
        (LoginSession.seen_at <= now - RESTS) & LoginSession.account_id.in_(resting),
    )
    gone = session.execute(select(LoginSession.login_id).where(over)).scalars().all()
    session.execute(delete(LoginSession).where(LoginSession.login_id.in_(gone)))
    return len(gone)


def _is_valid(login: LoginSession, role: AccountRole, now: datetime) -> bool:
    return now < login.until and (role is AccountRole.SCREEN or now < login.seen_at + RESTS)


def _acting(session: Session, login: LoginSession, now: datetime) -> str | None:
    if login.acting_account_id is None or login.acting_until is None or login.acting_until <= now:
        return None
    acting = session.get(Account, login.acting_account_id)
    return acting.name if acting is not None and acting.disabled_at is None else None
