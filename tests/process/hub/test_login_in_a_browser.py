"""Signing in with a real browser on a narrow phone, without scripts, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browsers import chromium
from support.hubs import RunningHub, running_hub

from hub.kit.passes import FIRST_ADMIN_PATH, PassKind, issue
from stinercut.catalog import Catalog
from stinercut.clock import machine_clock
from stinercut.people import accounts
from stinercut.people.accounts import NewAccount
from stinercut.people.permissions import AccountRole

WORD = "correct horse battery"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    data: Path = tmp_path_factory.mktemp("login") / "data"
    with running_hub(data) as running:
        yield running


def phone(browser: Browser, language: str) -> Page:
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, java_script_enabled=False, locale=language, color_scheme="dark"
    )
    return context.new_page()


def fits(page: Page) -> bool:
    """Whether nothing of the page is wider than the window, measured by the browser."""
    boxes = [one.bounding_box() for one in page.locator("main *").all()]
    return all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360 for box in boxes if box)


def test_the_first_admin_is_made_and_signs_in_again(browser: Browser, hub: RunningHub):
    token = issue(hub.settings.local_secret_file.read_text(), PassKind.FIRST_ADMIN, machine_clock())
    page = phone(browser, "en-GB")
    page.goto(f"{hub.url}{FIRST_ADMIN_PATH}{token}")
    assert fits(page)
    page.get_by_label("Name").fill("Kim")
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Make the admin").click()
    expect(page).to_have_url(f"{hub.url}/")
    assert page.request.get(f"{hub.url}/api/me").json()["role"] == "admin"
    page.goto(f"{hub.url}{FIRST_ADMIN_PATH}{token}")
    expect(page.get_by_role("alert")).to_contain_text("no longer valid")


def test_a_page_leads_to_the_login_and_back(browser: Browser, hub: RunningHub):
    known = Catalog.open(hub.settings.catalog_url)
    with known.write() as session:
        accounts.add(session, NewAccount("Jo Österreicher", AccountRole.DESK, WORD))
    known.close()
    page = phone(browser, "de-AT")
    page.goto(f"{hub.url}/needs-you?jump=1")
    expect(page).to_have_url(f"{hub.url}/login?to=%2Fneeds-you%3Fjump%3D1")
    assert fits(page)
    page.get_by_label("Name").fill("jo österreicher")
    page.get_by_label("Passwort").fill("falsch falsch")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("alert")).to_have_text("Name oder Passwort ist falsch.")
    assert fits(page)
    page.get_by_label("Passwort").fill(WORD)
    page.get_by_label("Passwort").press("Enter")
    expect(page).to_have_url(f"{hub.url}/needs-you?jump=1")
    [cookie] = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("stinercut", True, "Lax")
