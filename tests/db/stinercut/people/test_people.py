"""Accounts, sign-ins, keys and the audit, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from stinercut.catalog import Catalog
from stinercut.catalog.models import Account, ApiKey, LoginSession
from stinercut.errors import BadInput, Conflict, NotFound
from stinercut.people import accounts, audit, keys, logins
from stinercut.people.accounts import NewAccount
from stinercut.people.audit import Deed
from stinercut.people.permissions import AccountRole, Permission

WORD = "correct horse battery"


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def people(catalog_url: str, hands: Hands) -> Iterator[Catalog]:
    opened = Catalog.open(catalog_url, hands)
    yield opened
    opened.close()


def made(people: Catalog, name: str = "Kim", role: AccountRole = AccountRole.DESK, password: str | None = WORD) -> int:
    with people.write() as session:
        return accounts.add(session, NewAccount(name, role, password)).account_id


def signed_in(people: Catalog, account_id: int) -> str:
    with people.write() as session:
        return logins.begin(session, accounts.account_of_id(session, account_id), "Firefox")


def name_of(people: Catalog, token: str) -> str | None:
    with people.read() as session:
        found = logins.find(session, token)
        return found.name if found is not None else None


class TestAccounts:
    def test_a_name_is_one_however_it_is_written(self, people: Catalog):
        made(people, "Anna  Müller")
        with people.write() as session:
            assert accounts.account_with(session, "anna MÜLLER ", WORD) is not None
            assert accounts.account_with(session, "anna müller", WORD + "x") is None
            assert accounts.account_with(session, "nobody", WORD) is None
            with pytest.raises(Conflict):
                accounts.add(session, NewAccount("ANNA MÜLLER", AccountRole.DESK))

    @pytest.mark.parametrize(("name", "password"), [("", WORD), ("x" * 81, WORD), ("a\x00b", WORD), ("Jo", "short")])
    def test_what_can_be_no_account_is_refused(self, people: Catalog, name: str, password: str):
        with people.write() as session, pytest.raises(BadInput):
            accounts.add(session, NewAccount(name, AccountRole.DESK, password))

    def test_the_password_is_nowhere_in_the_row(self, people: Catalog):
        made(people)
        with people.read() as session:
            row = session.execute(select(Account)).scalar_one()
            assert WORD not in str(vars(row))

    def test_who_has_only_a_pin_signs_in_nowhere(self, people: Catalog):
        account_id = made(people, password=None)
        with people.write() as session:
            account = accounts.account_of_id(session, account_id)
            assert accounts.account_with(session, "Kim", "") is None
            assert not accounts.has_pin(account, "")
            accounts.set_pin(account, "4711")
            assert accounts.has_pin(account, "4711")
            assert not accounts.has_pin(account, "4712")
            with pytest.raises(BadInput):
                accounts.set_pin(account, "47a1")

    def test_there_is_always_an_admin(self, people: Catalog):
        first, second = made(people, "A", AccountRole.ADMIN), made(people, "B", AccountRole.ADMIN)
        with people.write() as session:
            accounts.disable(session, accounts.account_of_id(session, first))
            assert accounts.account_with(session, "A", WORD) is None
            last = accounts.account_of_id(session, second)
            with pytest.raises(Conflict):
                accounts.disable(session, last)
            with pytest.raises(Conflict):
                accounts.set_role(session, last, AccountRole.DESK)


class TestLogins:
    def test_a_sign_in_is_found_by_its_token_alone(self, people: Catalog):
        token = signed_in(people, made(people))
        assert name_of(people, token) == "Kim"
        for other in (token[:-1], token + "x", token.swapcase(), "", "\ud800"):
            assert name_of(people, other) is None
        with people.read() as session:
            assert token not in str(vars(session.execute(select(LoginSession)).scalar_one()))

    def test_it_ends_when_it_rests_and_at_last_anyhow(self, people: Catalog, hands: Hands):
        token = signed_in(people, made(people))
        hands.now += logins.RESTS - timedelta(seconds=1)
        assert name_of(people, token) == "Kim"
        hands.now += timedelta(seconds=1)
        assert name_of(people, token) is None
        token = signed_in(people, 1)
        while hands.now < datetime(2026, 6, 8, 8, tzinfo=UTC):
            with people.write() as session:
                found = logins.find(session, token)
                assert found is not None
                logins.note_seen(session, found.login_id)
            hands.now += timedelta(hours=6)
        hands.now += logins.LASTS
        assert name_of(people, token) is None
        with people.write() as session:
            assert logins.forget(session) == 2

    def test_a_screen_may_rest(self, people: Catalog, hands: Hands):
        token = signed_in(people, made(people, "Hall", AccountRole.SCREEN))
        hands.now += timedelta(days=60)
        assert name_of(people, token) == "Hall"
        with people.write() as session:
            assert logins.forget(session) == 0
        hands.now += logins.SCREEN_LASTS
        assert name_of(people, token) is None

    def test_one_is_ended_by_its_owner_alone(self, people: Catalog):
        kim, jo = made(people), made(people, "Jo")
        here, there = signed_in(people, kim), signed_in(people, kim)
        with people.write() as session:
            login = logins.find(session, there)
            assert login is not None
            with pytest.raises(NotFound):
                logins.end(session, jo, login.login_id)
            logins.end(session, kim, login.login_id)
            assert len(logins.logins_of(session, kim)) == 1
        assert (name_of(people, here), name_of(people, there)) == ("Kim", None)

    @pytest.mark.parametrize("how", ["password", "disabled"])
    def test_all_end_with_another_password_and_with_the_account(self, people: Catalog, how: str):
        made(people, "A", AccountRole.ADMIN)
        kim = made(people)
        token = signed_in(people, kim)
        with people.write() as session:
            account = accounts.account_of_id(session, kim)
            if how == "password":
                accounts.set_password(session, account, WORD + " staple")
            else:
                accounts.disable(session, account)
        assert name_of(people, token) is None

    def test_a_person_acts_on_the_tablet_for_a_while(self, people: Catalog, hands: Hands):
        token, jo = signed_in(people, made(people, "Tablet")), made(people, "Jo", AccountRole.ADMIN, None)
        with people.write() as session:
            login = logins.find(session, token)
            assert login is not None
            logins.act_as(session, login.login_id, accounts.account_of_id(session, jo))
            acting = logins.find(session, token)
            assert acting is not None
            assert (acting.name, acting.acting, acting.role) == ("Tablet", "Jo", AccountRole.DESK), (
                "a PIN gives no rights"
            )
        hands.now += logins.ACTS
        with people.read() as session:
            acting = logins.find(session, token)
            assert acting is not None
            assert acting.acting is None


class TestKeys:
    def test_a_programs_key_permits_what_it_names_until_it_is_revoked(self, people: Catalog):
        with people.write() as session:
            key = keys.make_api_key(session, "office", [Permission.BOOKINGS_WRITE])
            found = keys.find_api_key(session, key)
            assert found is not None
            assert keys.permissions_of(found) == {Permission.BOOKINGS_WRITE}
            assert key not in str(vars(found))
            keys.revoke_api_key(session, found.api_key_id)
            assert keys.find_api_key(session, key) is None
            assert keys.find_api_key(session, key[:-1]) is None
            with pytest.raises(BadInput):
                keys.make_api_key(session, "nothing", [])

    def test_a_permission_of_another_release_counts_for_nothing(self):
        assert keys.permissions_of(ApiKey(permissions=["fly", "films.read"])) == {Permission.FILMS_READ}

    def test_a_detectors_key_is_good_for_its_id_alone(self, people: Catalog):
        with people.write() as session:
            key = keys.make_detector_key(session, "hangar")
            assert keys.is_key_of_detector(session, "hangar", key)
            assert not keys.is_key_of_detector(session, "other", key)
            [row] = keys.detector_keys(session)
            keys.revoke_detector_key(session, row.detector_key_id)
            assert not keys.is_key_of_detector(session, "hangar", key)
            with pytest.raises(BadInput):
                keys.make_detector_key(session, "no id")
            with pytest.raises(NotFound):
                keys.revoke_detector_key(session, 99)


def test_the_audit_is_read_in_pages_and_forgotten_in_time(people: Catalog, hands: Hands):
    with people.write() as session:
        for number in range(5):
            audit.note(session, Deed("Kim", "login", f"{number}" * 200, "10.0.0.7"))
        audit.note(session, Deed("Jo", "login", is_allowed=False))
    with people.read() as session:
        first = audit.page(session, limit=2)
        assert [(entry.who, entry.is_allowed) for entry in first] == [("Jo", False), ("Kim", True)]
        rest = audit.page(session, before=first[-1].audit_id, limit=100)
        assert len(rest) == 4
        assert len(rest[0].subject) == 128
        assert [entry.who for entry in audit.page(session, who="Jo")] == ["Jo"]
    hands.now += audit.KEPT + timedelta(days=1)
    with people.write() as session:
        assert audit.forget(session) == 6
        assert audit.forget(session) == 0
