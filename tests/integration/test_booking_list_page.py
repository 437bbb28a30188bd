"""The list of bookings on the page /review, in a real Chromium: looked at first, then imported."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from support.browsers import chromium
from support.hubs import RunningHub

pytestmark = pytest.mark.slow

LIST = "sep=;\r\npassenger_name;booking_id;jump_date\r\n{name};W-1;2026-07-09\r\nJo 😀;W-2;2026-07-09\r\n"


@pytest.mark.parametrize("width", [360, 1280])
def test_a_list_is_looked_at_and_then_imported(hub: RunningHub, tmp_path: Path, width: int) -> None:
    name, file = f"Zoë {'Wide' if width > 400 else 'Narrow'}", tmp_path / "list.csv"
    file.write_bytes(LIST.format(name=name).encode())
    day = {"day": "2026-07-09"}

    def listed() -> list[str]:
        found = httpx.get(f"{hub.url}/api/bookings", params=day).json()["bookings"]
        return [one["passenger_name"] for one in found]

    before = listed()
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(f"{hub.url}/review")
        page.get_by_text("List of bookings").click()
        page.set_input_files("#csv", file)
        page.get_by_text("Import 1 booking").wait_for()
        assert "Line 4" in page.inner_text("#list-preview")
        assert "holds 😀" in page.inner_text("#list-preview")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert listed() == before
        page.get_by_text("Import 1 booking").click()
        page.get_by_text("Imported:").wait_for()
        assert page.inner_text("#list-preview").strip() == ""
    assert listed() == [name]
