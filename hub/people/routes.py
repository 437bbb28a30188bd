"""People over HTTP: signing in and out, oneself, the first admin, accounts, the audit.

Owns: these routes, and how often somebody may try. Not here: the pages (`login_page`), who may do what
(`hub.kit.access`), the rules (`stinercut.people`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.kit.access.attempts import Attempts
from hub.kit.access.gate import Access, cookie_name
from hub.kit.access.subject import SubjectPart
from hub.kit.parts import CatalogPart, part, read, write
from hub.kit.passes import FIRST_ADMIN_PATH, inside
from hub.kit.views import example
from hub.language.reader_languages import HouseLanguage
from hub.people import first_admin
from hub.people.login_page import LoginPage
from stinercut.bounds import RowId, ShortText
from stinercut.catalog import Catalog
from stinercut.catalog.models import Account
from stinercut.errors import Forbidden, NotFound, StinercutError
from stinercut.language.messages import Message
from stinercut.language.people_codes import PeopleCode
from stinercut.people import accounts, audit, logins
from stinercut.people.accounts import MOST_PASSWORD, NewAccount
from stinercut.people.audit import Deed
from stinercut.people.permissions import AccountRole
from stinercut.storage.secret_files import local_secret

router = APIRouter(tags=["people"])

Typed = Annotated[str, Form(max_length=MOST_PASSWORD)]
To = Annotated[str, Form(max_length=1500)]
_SEASON_S: Final = 180 * 24 * 3600
"""How long a browser keeps the cookie. The sign-in itself ends earlier (`stinercut.people.logins`)."""
_HASHES_AT_ONCE: Final = 2
"""Each takes 64 MiB."""


ACCOUNT: Final = {
    "account_id": 1,
    "name": "Kim",
    "role": "desk",
    "has_password": True,
    "has_pin": False,
    "is_disabled": False,
}
DEED: Final = {
    "audit_id": 7,
    "at": "2026-06-01T08:00:00Z",
    "who": "Kim",
    "action": "GET /films/{jump}/{film}.mp4",
    "subject": "2026-06-01_B-1",
    "address": "192.168.1.20",
    "is_allowed": True,
}
"""Examples for the description of the API."""


@dataclass(frozen=True)
class SignIns:
    """What signing in works with."""

    house: HouseLanguage
    place: str
    attempts: Attempts = field(default_factory=Attempts)
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHES_AT_ONCE))

    def page(self, request: Request) -> LoginPage:
        """The login page in the reader's language."""
        return LoginPage(self.house.of(request.headers), self.place)


SignInsPart = Annotated[SignIns, Depends(part(SignIns))]
AccessPart = Annotated[Access, Depends(part(Access))]


class Me(BaseModel):
    """Who asks. `kind`: account, api_key, or machine where access is open."""

    model_config = example(
        {"kind": "account", "name": "Kim", "role": "desk", "acting": None, "permissions": ["jumps.read"]}
    )

    kind: str
    name: str
    role: str
    acting: str | None
    permissions: list[str]


class LoginView(BaseModel):
    """A browser that is signed in. `is_this`: the one that asks."""

    login_id: int
    device: str
    made_at: datetime
    seen_at: datetime
    is_this: bool


class LoginViews(BaseModel):
    """One's own sign-ins, the last used first."""

    model_config = example(
        {
            "logins": [
                {
                    "login_id": 1,
                    "device": "Firefox",
                    "made_at": "2026-06-01T08:00:00Z",
                    "seen_at": "2026-06-01T09:00:00Z",
                    "is_this": True,
                }
            ]
        }
    )

    logins: list[LoginView]


class PasswordChange(BaseModel):
    """The present password, and the next one."""

    model_config = ConfigDict(extra="forbid") | example(
        {"present": "correct horse battery", "next": "correct horse staple"}
    )

    present: Annotated[SecretStr, Field(max_length=MOST_PASSWORD)]
    next: Annotated[SecretStr, Field(max_length=MOST_PASSWORD)]


class AccountView(BaseModel):
    """An account, without its secrets."""

    model_config = example(ACCOUNT)

    account_id: int
    name: str
    role: str
    has_password: bool
    has_pin: bool
    is_disabled: bool


class AccountViews(BaseModel):
    """All accounts, by name."""

    model_config = example({"accounts": [ACCOUNT]})

    accounts: list[AccountView]


class AccountWish(BaseModel):
    """An account to make."""

    model_config = ConfigDict(extra="forbid") | example({"name": "Kim", "role": "desk", "password": "correct horse"})

    name: ShortText
    role: AccountRole
    password: Annotated[SecretStr, Field(max_length=MOST_PASSWORD)] | None = None


class AuditView(BaseModel):
    """Who did what."""

    model_config = example(DEED)

    audit_id: int
    at: datetime
    who: str
    action: str
    subject: str
    address: str
    is_allowed: bool


class AuditViews(BaseModel):
    """A page of the audit, newest first. `before` asks for the next page; None at the end."""

    model_config = example({"entries": [DEED], "before": None})

    entries: list[AuditView]
    before: int | None


# ------------------------------------------------------------------------------------------------ in and out


@router.api_route("/login", methods=["GET", "HEAD"], include_in_schema=False)
async def login_page(
    request: Request, sign_ins: SignInsPart, to: Annotated[str, Query(max_length=1500)] = "/"
) -> Response:
    """The form."""
    return sign_ins.page(request).login(inside(to))


@router.post("/login", include_in_schema=False)
async def login(  # noqa: PLR0913, PLR0917 - three fields of a form
    request: Request, sign_ins: SignInsPart, catalog: CatalogPart, name: Typed = "", password: Typed = "", to: To = "/"
) -> Response:
    """Sign in, and open the page that was asked for."""
    page, address, now = sign_ins.page(request), _address(request), catalog.clock()
    folded = accounts.folded(name)
    if not sign_ins.attempts.may_try(folded, address, now):
        return page.login(inside(to), name, Message.of(PeopleCode.TOO_MANY_TRIES), 429)
    device = request.headers.get("user-agent", "")
    # Counted before it is known: tries that come at the same time can't slip through.
    sign_ins.attempts.note_failure(folded, address, now)
    async with sign_ins.hashing:
        token = await asyncio.to_thread(_sign_in, catalog, name, password, device, address)
    if token is None:
        return page.login(inside(to), name, Message.of(PeopleCode.WRONG_NAME_OR_PASSWORD), 403)
    sign_ins.attempts.forgive(folded, address)
    return _with_cookie(request, RedirectResponse(inside(to), 303), token)


@router.post("/logout", include_in_schema=False)
async def logout(request: Request, subject: SubjectPart, catalog: CatalogPart) -> Response:
    """End this browser's sign-in."""
    account_id, login_id = subject.account_id, subject.login_id
    if account_id is not None and login_id is not None:
        await write(catalog, lambda session: logins.end(session, account_id, login_id))
    answer = RedirectResponse("/login", 303, headers={"clear-site-data": '"cache", "storage"'})
    name = cookie_name(request)
    answer.delete_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="lax")
    return answer


@router.api_route(FIRST_ADMIN_PATH + "{token}", methods=["GET", "HEAD"], include_in_schema=False)
async def first_admin_page(
    request: Request, sign_ins: SignInsPart, access: AccessPart, catalog: CatalogPart, token: ShortText
) -> Response:
    """The form, while there is no account."""
    page = sign_ins.page(request)
    if await _is_closed(access, catalog, token):
        return page.closed(Message.of(PeopleCode.FIRST_ADMIN_CLOSED), 410)
    return page.first_admin(FIRST_ADMIN_PATH + token)


@router.post(FIRST_ADMIN_PATH + "{token}", include_in_schema=False)
async def make_first_admin(  # noqa: PLR0913, PLR0917 - two fields of a form
    request: Request,
    sign_ins: SignInsPart,
    access: AccessPart,
    catalog: CatalogPart,
    token: ShortText,
    name: Typed = "",
    password: Typed = "",
) -> Response:
    """Make the admin, and sign in. Of two at the same time, one makes it."""
    page, device = sign_ins.page(request), request.headers.get("user-agent", "")
    if await _is_closed(access, catalog, token):
        return page.closed(Message.of(PeopleCode.FIRST_ADMIN_CLOSED), 410)

    def make() -> str | None:
        with catalog.write() as session:
            if accounts.is_anybody(session):
                return None
            account = accounts.add(session, NewAccount(name, AccountRole.ADMIN, password))
            audit.note(session, Deed(account.name, "first admin", account.name, _address(request)))
            return logins.begin(session, account, device)

    try:
        async with sign_ins.hashing:
            made = await asyncio.to_thread(make)
    except StinercutError as refused:
        return page.first_admin(FIRST_ADMIN_PATH + token, name, refused.what_parts[0], refused.http_status)
    if made is None:
        return page.closed(Message.of(PeopleCode.FIRST_ADMIN_CLOSED), 410)
    return _with_cookie(request, RedirectResponse("/", 303), made)


async def _is_closed(access: Access, catalog: Catalog, token: str) -> bool:
    secret = await asyncio.to_thread(local_secret, access.secret_file)
    if not first_admin.is_valid(secret, token, catalog.clock()):
        return True
    return await read(catalog, accounts.is_anybody)


def _sign_in(catalog: Catalog, name: str, password: str, device: str, address: str) -> str | None:
    with catalog.write() as session:
        account = accounts.account_with(session, name, password)
        # A wrong name may be a password in the wrong field: it is not kept.
        who = account.name if account is not None else ""
        audit.note(session, Deed(who, "login", who, address, is_allowed=account is not None))
        return logins.begin(session, account, device) if account is not None else None


def _with_cookie(request: Request, answer: Response, token: str) -> Response:
    name = cookie_name(request)
    answer.set_cookie(
        name, token, _SEASON_S, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="lax"
    )
    answer.headers["cache-control"] = "no-store"
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


# ------------------------------------------------------------------------------------------------ oneself


@router.get("/api/me", summary="Who asks, and what they may do")
async def me(subject: SubjectPart) -> Me:
    """Pages show only what their reader may do."""
    return Me(
        kind=subject.kind,
        name=subject.name,
        role=subject.role,
        acting=subject.acting,
        permissions=sorted(subject.permissions),
    )


@router.get("/api/me/logins", summary="Where one is signed in")
async def my_logins(subject: SubjectPart, catalog: CatalogPart) -> LoginViews:
    """Empty for programs."""
    account_id = subject.account_id
    if account_id is None:
        return LoginViews(logins=[])
    found = await read(catalog, lambda session: logins.logins_of(session, account_id))
    return LoginViews(
        logins=[
            LoginView(
                login_id=login.login_id,
                device=login.device,
                made_at=login.made_at,
                seen_at=login.seen_at,
                is_this=login.login_id == subject.login_id,
            )
            for login in found
        ]
    )


@router.delete("/api/me/logins/{login_id}", status_code=204, summary="End one of one's own sign-ins")
async def end_login(subject: SubjectPart, catalog: CatalogPart, login_id: RowId) -> None:
    """That browser has to sign in again."""
    account_id = subject.account_id
    if account_id is None:
        raise NotFound(Message.of(PeopleCode.LOGIN_NOT_KNOWN))
    await write(catalog, lambda session: logins.end(session, account_id, login_id))


@router.post("/api/me/password", status_code=204, summary="Change one's own password")
async def change_password(
    subject: SubjectPart, catalog: CatalogPart, sign_ins: SignInsPart, change: PasswordChange, request: Request
) -> None:
    """All of one's sign-ins end, this one too."""
    account_id, address, now = subject.account_id, _address(request), catalog.clock()
    name = accounts.folded(subject.name)
    if account_id is None or not sign_ins.attempts.may_try(name, address, now):
        raise Forbidden(Message.of(PeopleCode.TOO_MANY_TRIES))
    sign_ins.attempts.note_failure(name, address, now)

    def set_it() -> bool:
        with catalog.write() as session:
            account = accounts.account_with(session, subject.name, change.present.get_secret_value())
            if account is not None:
                accounts.set_password(session, account, change.next.get_secret_value())
            return account is not None

    async with sign_ins.hashing:
        if not await asyncio.to_thread(set_it):
            raise Forbidden(Message.of(PeopleCode.WRONG_NAME_OR_PASSWORD))
    sign_ins.attempts.forgive(name, address)


# ------------------------------------------------------------------------------------------------ people


@router.get("/api/accounts", summary="All accounts")
async def all_accounts(catalog: CatalogPart) -> AccountViews:
    """By name."""
    found = await read(catalog, accounts.all_accounts)
    return AccountViews(accounts=[_account_view(account) for account in found])


@router.post("/api/accounts", status_code=201, summary="Make an account")
async def add_account(catalog: CatalogPart, sign_ins: SignInsPart, wish: AccountWish) -> AccountView:
    """Without a password it only serves for a PIN."""
    password = wish.password.get_secret_value() if wish.password is not None else None
    async with sign_ins.hashing:
        added = await write(catalog, lambda session: accounts.add(session, NewAccount(wish.name, wish.role, password)))
    return _account_view(added)


@router.post("/api/accounts/{account_id}/disable", summary="Let an account sign in no more")
async def disable_account(catalog: CatalogPart, account_id: RowId) -> AccountView:
    """All its sign-ins end."""

    def decide() -> AccountView:
        with catalog.write() as session:
            account = accounts.account_of_id(session, account_id)
            accounts.disable(session, account)
            return _account_view(account)

    return await asyncio.to_thread(decide)


def _account_view(account: Account) -> AccountView:
    return AccountView(
        account_id=account.account_id,
        name=account.name,
        role=account.role,
        has_password=account.password_hash is not None,
        has_pin=account.pin_hash is not None,
        is_disabled=account.disabled_at is not None,
    )


@router.get("/api/audit", summary="Who did or fetched what")
async def audit_page(
    catalog: CatalogPart, before: RowId | None = None, limit: Annotated[int, Query(ge=1, le=audit.MOST)] = 100
) -> AuditViews:
    """Newest first."""
    found = await read(catalog, lambda session: audit.page(session, before, limit))
    entries = [
        AuditView(
            audit_id=entry.audit_id,
            at=entry.at,
            who=entry.who,
            action=entry.action,
            subject=entry.subject,
            address=entry.address,
            is_allowed=entry.is_allowed,
        )
        for entry in found
    ]
    return AuditViews(entries=entries, before=entries[-1].audit_id if len(entries) == limit else None)
