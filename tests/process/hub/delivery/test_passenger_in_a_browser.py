"""The passenger's page in a real Chromium, as large as a phone: the code is scanned, the film plays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, expect
from support.browsers import chromium
from support.cataloguing import copy, entry, film, passenger, put_in, record
from support.footage import make_clip
from support.hubs import RunningHub

from stinercut.catalog import Catalog
from stinercut.jumps import film_records, jumps

PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def jump_of_anna(known: Catalog, booking: str) -> str:
    files = [entry(f"GX01000{n}.MP4", 1000 + n, minute=n, prefix=booking) for n in range(2)]
    put_in(known, f"in-{booking}", files, f"card-{booking}")
    copy(known, f"in-{booking}", files)
    [key] = record(known, f"in-{booking}", passenger("Anna Müller", booking), files[:1], files[1:])
    return key


def publish(hub: RunningHub, known: Catalog, key: str, folder: Path) -> None:
    clip = make_clip(folder / "film.mp4", seconds=2)
    path = hub.settings.films_dir / key / f"{key}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(clip.read_bytes())
    with known.write() as session:
        film_records.record_film(session, film(key, jumps.take_up(session, key, "run-1").version))


def scanned(browser: Browser, hub: RunningHub, share_id: int) -> str:
    """What a camera reads from the code on the desk's screen."""
    desk = browser.new_page(viewport={"width": 600, "height": 600})
    desk.goto(f"{hub.url}/api/shares/{share_id}/code.svg")
    picture = Image.open(io.BytesIO(desk.screenshot()))
    desk.close()
    [code] = zxingcpp.read_barcodes(picture)
    return code.text


def test_from_the_code_at_the_desk_to_the_film_in_the_hand(
    hub: RunningHub, known: Catalog, browser: Browser, tmp_path: Path
) -> None:
    anna = jump_of_anna(known, "P-1")
    share = httpx.post(f"{hub.url}/api/shares", json={"jumps": [anna], "who": "Kim", "pin": "4711"}).json()
    address = scanned(browser, hub, share["share_id"])
    assert address == share["address"]
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_label("Please enter the PIN").fill("0000")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("This PIN is wrong.")
    page.get_by_label("Please enter the PIN").fill("4711")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Anna Müller")).to_be_visible()
    expect(page.get_by_text("Your film is being made.")).to_be_visible()
    publish(hub, known, anna, tmp_path)
    page.reload()
    with page.expect_download() as fetching:
        page.get_by_role("link", name="Download the film").click()
    assert fetching.value.suggested_filename == "Anna Müller 2026-06-01.mp4"
    is_wider = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not is_wider
    context.close()


def test_the_film_plays_and_targets_fit_a_thumb(
    hub: RunningHub, known: Catalog, browser: Browser, tmp_path: Path
) -> None:
    anna = jump_of_anna(known, "P-2")
    publish(hub, known, anna, tmp_path)
    address = httpx.post(f"{hub.url}/api/shares", json={"jumps": [anna], "who": "Kim"}).json()["address"]
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(address)
    video = page.locator("video")
    video.evaluate("film => { film.muted = true; return film.play(); }")
    expect(video).to_have_js_property("ended", True)
    assert video.evaluate("film => film.videoWidth") > 0
    heights = [round(box["height"]) for link in page.locator("a.button").all() if (box := link.bounding_box())]
    assert min(heights) >= 44
    context.close()
