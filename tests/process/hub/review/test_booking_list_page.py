"""The list of bookings on the page /review, in a real Chromium: looked at first, then imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Route
from support.browsers import chromium
from support.hubs import RunningHub

pytestmark = pytest.mark.slow

LIST = "sep=;\r\npassenger_name;booking_id;jump_date\r\n{name};W-1;2026-07-09\r\nJo 😀;W-2;2026-07-09\r\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("width", [360, 1280])
def test_a_list_is_looked_at_and_then_imported(hub: RunningHub, browser: Browser, tmp_path: Path, width: int) -> None:
    name, file = f"Zoë {'Wide' if width > 400 else 'Narrow'}", tmp_path / "list.csv"
    file.write_bytes(LIST.format(name=name).encode())
    day = {"day": "2026-07-09"}

    def listed() -> list[str]:
        found = httpx.get(f"{hub.url}/api/bookings", params=day).json()["bookings"]
        return [one["passenger_name"] for one in found]

    before = listed()
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{hub.url}/review")
    page.get_by_text("List of bookings").click()
    page.set_input_files("#csv", file)
    page.get_by_text("Import 1 booking").wait_for()
    assert "Line 4" in page.inner_text("#list-preview")
    assert "holds 😀" in page.inner_text("#list-preview")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert listed() == before
    page.get_by_text("Import 1 booking").dblclick()  # a second tap would find that it is listed already
    page.get_by_text("Imported:").wait_for()
    page.wait_for_load_state("networkidle")
    assert "0 unchanged, 1 not imported" in page.inner_text("#list-said")
    assert page.inner_text("#list-preview").strip() == ""
    page.close()
    assert listed() == [name]


def test_what_is_shown_is_of_the_file_chosen_last_and_it_is_imported_once(
    hub: RunningHub, browser: Browser, tmp_path: Path
) -> None:
    for number in (1, 2):
        rows = "".join(f"Kim;R-{number}-{row};2026-07-10\r\n" for row in range(number))
        (tmp_path / f"{number}.csv").write_text(f"passenger_name;booking_id;jump_date\r\n{rows}")
    held: list[Route] = []
    imports: list[str] = []

    def on_the_way(route: Route) -> None:
        if "preview=false" in route.request.url:
            imports.append(route.request.url)
        if held:
            route.continue_()
        else:
            held.append(route)

    page = browser.new_page()
    page.route("**/api/bookings?preview=*", on_the_way)
    page.goto(f"{hub.url}/review")
    page.get_by_text("List of bookings").click()
    with page.expect_request("**/api/bookings?preview=*"):
        page.set_input_files("#csv", tmp_path / "1.csv")
    page.set_input_files("#csv", tmp_path / "2.csv")
    page.get_by_text("Import 2 bookings").wait_for()
    with page.expect_response("**/api/bookings?preview=*"):
        held[0].continue_()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.inner_text("#list-preview .numbers").startswith("2.csv: 2 new")
    page.get_by_text("Import 2 bookings").dblclick()
    page.get_by_text("Imported: 2 new").wait_for()
    assert page.inner_text("#list-preview").strip() == ""
    page.close()
    assert len(imports) == 1
