"""The answers that a page offers, pressed in a real Chromium: what waits for a person, and a jump that failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import dagster as dg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from support.browsers import chromium
from support.cataloguing import copy, entry, film, passenger, put_in, record, row_ids
from support.hubs import RunningHub

from stinercut.catalog import Catalog
from stinercut.errors import UnreadableVideo
from stinercut.failures import reason_of
from stinercut.films.publishing.outputs_note import NOTE, NOTES, OutputsNote, mark_of
from stinercut.jumps import film_records, jumps
from stinercut.review import file_groups
from stinercut.runs.failure_rows import failures_of_steps
from stinercut_assets.common.reporting import Planned, Reporter

FILES = Planned("files", "Check the files")
PHONE_WIDTH = 360


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a telephone whose person has given no name yet."""
    context = browser.new_context(viewport={"width": PHONE_WIDTH, "height": 740})
    yield context.new_page()
    context.close()


def test_what_a_film_lacks_is_one_press_away_from_being_in_it(hub: RunningHub, known: Catalog, page: Page) -> None:
    files = [entry(f"GX01000{n}.MP4", 1000 + n, minute=n, prefix="w") for n in range(1, 5)]
    put_in(known, "in-w", files, "card-w")
    copy(known, "in-w", files)
    [key] = record(known, "in-w", passenger("Ștefan Țurcanu", "W-1"), files[:1], files[1:2])
    record(known, "in-w", None, [], files[2:], "GX010003.MP4 could not be read and may hold another passenger's code")
    with known.write() as session:
        version = jumps.take_up(session, key, "run-w").version
        film_records.record_film(session, film(key, version, "run-w", name="Ștefan Țurcanu"))

    page.goto(hub.url)
    tile = page.locator(f"article.jump[data-jump='{key}']")
    expect(tile).to_contain_text("Provisional film")
    expect(tile).to_contain_text("2 more files of card GOPRO wait for a person: GX010003.MP4, GX010004.MP4.")
    expect(page.locator("article.card")).to_contain_text("2 of its videos and photos have no passenger")
    tile.get_by_role("link", name="Say whose they are").click()
    group = page.locator("article.group")
    expect(group).to_contain_text("Right after Ștefan Țurcanu’s clips on card GOPRO.")
    group.get_by_role("button", name="They are Ștefan Țurcanu’s").click()
    page.locator("#me-name").fill("Jo")
    page.locator("#me-name").press("Enter")
    expect(page.locator("#notes")).to_contain_text("They are Ștefan Țurcanu’s now")
    with known.read() as session:
        assert [place.card_file_id for place in jumps.require_jump(session, key).files] == row_ids(known, "in-w", files)
    page.goto(hub.url)
    expect(tile).to_contain_text("Up next")


def test_a_clip_that_an_error_names_is_one_press_away_from_being_left_out(
    hub: RunningHub, known: Catalog, page: Page
) -> None:
    files = [entry(f"GX02000{n}.MP4", 2000 + n, minute=n, prefix="x") for n in range(1, 4)]
    put_in(known, "in-x", files, "card-x")
    copy(known, "in-x", files)
    [key] = record(known, "in-x", passenger("Zoë Müller", "X-1"), files[:1], files[1:])
    broken = row_ids(known, "in-x", files)[2]
    with known.write() as session:
        jumps.take_up(session, key, "run-x")
    with suppress(dg.Failure), Reporter(known, key, "run-x").doing(FILES) as doing:
        doing.at_fault = [broken]
        raise UnreadableVideo("the video is cut short", advice="Leave the clip out.")
    with known.write() as session:
        found = failures_of_steps(session, key)
        jumps.record_failure(session, key, "run-x", reason_of(found), found)

    page.goto(hub.url)
    page.get_by_role("link", name="needs a person").click()
    group = page.locator("article.group", has_text="Zoë Müller")
    expect(group.locator(".actions button").first).to_have_text("Leave this clip out")
    page.goto(hub.url)
    tile = page.locator(f"article.jump[data-jump='{key}']")
    expect(tile.get_by_text("the video is cut short")).to_have_count(1)
    expect(tile.get_by_role("button", name="Try again")).to_have_count(0)
    tile.get_by_role("button", name="Leave this clip out").click()
    page.locator("#sure-who").fill("Jo")
    page.locator("#sure-who").press("Enter")
    expect(tile).to_contain_text("Up next")
    with known.read() as session:
        roles = {place.card_file_id: place.role for place in jumps.require_jump(session, key).files}
        assert roles[broken] == "left_out"
        assert [row.who for row in file_groups.decisions_on(session, [key])[key]] == ["Jo"]


LETTERS_80 = f"{'W' * 40} {'i' * 39}"
FINGER = 44
"""Pixels that a finger needs, each way."""

TOO_SMALL = f"""() => [...document.querySelectorAll("a, button, summary, select, input:not([type=file])")]
  .filter((one) => one.checkVisibility() && !one.closest("label"))
  .filter((one) => one.getBoundingClientRect().height < {FINGER} - 0.5)
  .map((one) => one.outerHTML)"""

BROKEN_WORDS = """(words) => {
  const lines = (one) => { const all = document.createRange(); all.selectNodeContents(one); return all; };
  return words.filter((one) => lines(one).getClientRects().length > 1).map((one) => one.textContent);
}"""


def test_all_of_a_jump_is_readable_on_a_telephone_and_large_enough_for_a_finger(
    hub: RunningHub, known: Catalog, page: Page
) -> None:
    files = [entry(f"GX03000{n}.MP4", 3000 + n, minute=n, prefix="y") for n in range(1, 4)]
    put_in(known, "in-y", files, "card-y")
    copy(known, "in-y", files)
    [key] = record(known, "in-y", passenger(LETTERS_80, "Y-1"), files[:1], files[1:2])
    record(known, "in-y", None, [], files[2:], "GX030003.MP4 could not be read and may hold another passenger's code")
    made = film(key, "", "run-y", name=LETTERS_80)
    made.checks = [
        {"name": "duration_is_sum", "passed": True, "detail": "13.000 s, 390 frames; the parts have 13.000 s"}
    ]
    with known.write() as session:
        made.version = jumps.take_up(session, key, "run-y").version
        film_records.record_film(session, made)

    page.goto(hub.url)
    tile = page.locator(f"article.jump[data-jump='{key}']")
    expect(tile.locator(".pill")).to_have_text("Provisional film")
    tile.locator("summary").first.click()
    words = tile.locator(".pairs li > span:not(.far)")
    expect(words).to_have_text(["GX030001.MP4", "GX030002.MP4", "duration is sum"])
    assert words.evaluate_all(BROKEN_WORDS) == []
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH

    page.goto(f"{hub.url}/needs-you")
    page.get_by_role("button", name="It belongs to another jump").first.click()
    offered = page.locator("#whither-list button")
    expect(offered.filter(has_text=LETTERS_80)).to_have_count(1)
    right = page.locator("#whither").evaluate("(dialog) => dialog.getBoundingClientRect().right")
    edges = offered.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")
    assert all(edge <= right for edge in edges)


def test_a_name_that_is_read_from_the_right_turns_nothing_around_it(
    hub: RunningHub, known: Catalog, page: Page
) -> None:
    name = "\u0645\u062d\u0645\u062f (Mohamed)"
    files = [entry(f"GX04000{n}.MP4", 4000 + n, minute=n, prefix="z") for n in range(1, 4)]
    put_in(known, "in-z", files, "card-z")
    copy(known, "in-z", files)
    [key] = record(known, "in-z", passenger(name, "Z-1"), files[:1], files[1:2])
    [group] = record(known, "in-z", None, [], files[2:], "GX040003.MP4 could not be read")

    page.goto(hub.url)
    shown = page.locator(f"article.jump[data-jump='{key}'] .name")
    expect(shown).to_have_text(name)
    assert shown.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    page.goto(f"{hub.url}/needs-you?jump={group}")
    expect(page.get_by_role("button", name=f"They are \u2068{name}\u2069’s")).to_be_visible()


def test_a_link_to_a_jump_that_is_gone_says_so_and_leads_on(hub: RunningHub, page: Page) -> None:
    page.goto(f"{hub.url}/needs-you?jump=2026-06-01_GONE")
    expect(page.locator("#groups")).to_have_text("This jump is not known, or it was joined with another one.")
    page.get_by_role("link", name="show all that wait").click()
    expect(page).to_have_url(f"{hub.url}/needs-you")


def test_a_day_without_bookings_leads_to_their_import(hub: RunningHub, page: Page) -> None:
    page.goto(f"{hub.url}/bookings")
    page.locator("#day").fill("2031-01-01")
    page.get_by_role("link", name="Import the office’s list").click()
    expect(page.get_by_text("Choose a file")).to_be_visible()


def test_every_page_has_the_bar_which_leads_to_all_pages_and_counts_what_needs_a_person(
    hub: RunningHub, known: Catalog, page: Page
) -> None:
    files = [entry("GX060001.MP4", 6001, minute=1, prefix="u")]
    put_in(known, "in-u", files, "card-u")
    copy(known, "in-u", files)
    record(known, "in-u", None, [], files, "no code was found")
    with known.read() as session:
        number = str(len(file_groups.needing_a_person(session)))

    page.goto(hub.url)
    bar = page.get_by_role("navigation", name="Pages")
    for name, address in (("Needs you", "needs-you"), ("Bookings", "bookings"), ("Looks", "looks"), ("Today", "")):
        bar.get_by_role("link", name=name).click()
        expect(page).to_have_url(f"{hub.url}/{address}")
        expect(bar.locator("[aria-current=page]")).to_contain_text(name)
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(bar.locator("#waiting")).to_have_text(number)
        assert page.evaluate(TOO_SMALL) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    expect(page.locator("#summary")).to_contain_text(f"{number} need")
    page.goto(f"{hub.url}/looks")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier(hub: RunningHub, known: Catalog, browser: Browser, scheme: Literal["light", "dark"]):
    """None that axe finds, with jumps of each kind on the pages."""
    prefix = scheme[0]
    files = [entry(f"GX07000{n}.MP4", ord(prefix) * 100 + n, minute=n, prefix=prefix) for n in range(1, 5)]
    put_in(known, f"in-{prefix}", files, f"card-{prefix}")
    copy(known, f"in-{prefix}", files)
    [key] = record(known, f"in-{prefix}", passenger("Zoë Müller", f"{prefix}-1"), files[:1], files[1:2])
    record(known, f"in-{prefix}", passenger("Li Wei", f"{prefix}-2"), [], files[3:])
    record(known, f"in-{prefix}", None, [], files[2:3], "no code was found")
    with known.write() as session:
        version = jumps.take_up(session, key, f"run-{prefix}").version
        film_records.record_film(session, film(key, version, f"run-{prefix}", name="Zoë Müller"))

    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    shown = {"": "article.jump", "needs-you": "article.group", "bookings": "#bookings li", "looks": "#shelf li"}
    for address, what in shown.items():
        page.goto(f"{hub.url}/{address}")
        expect(page.locator(what).first).to_be_visible()
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], address
    context.close()


def test_a_whole_film_is_a_line_below_all_that_is_not_ready_and_unfolds(
    hub: RunningHub, known: Catalog, page: Page
) -> None:
    keys = list[str]()
    for letter in ("q", "r"):
        files = [entry(f"GX08000{n}.MP4", ord(letter) * 100 + n, minute=n, prefix=letter) for n in range(1, 3)]
        put_in(known, f"in-{letter}", files, f"card-{letter}")
        copy(known, f"in-{letter}", files)
        keys += record(known, f"in-{letter}", passenger(f"Name {letter}", f"{letter}-1"), files[:1], files[1:])
    done, open_one = keys
    with known.write() as session:
        version = jumps.take_up(session, done, "run-q").version
        film_records.record_film(session, film(done, version, "run-q", name="Name q"))

    page.goto(hub.url)
    line, tile = page.locator(f"[data-line='{done}']"), page.locator(f"article.jump[data-jump='{done}']")
    expect(line).to_contain_text("q-1")
    expect(tile).to_have_count(0)
    above = page.locator(f"article.jump[data-jump='{open_one}']").bounding_box()
    below = line.bounding_box()
    assert above
    assert below
    assert above["y"] < below["y"]
    more = line.get_by_role("button", name="More about Name q")
    more.press("Enter")
    expect(tile).to_contain_text("Film is ready")
    less = line.get_by_role("button", name="Less about Name q")
    expect(less).to_be_focused()
    less.press("Enter")
    expect(tile).to_have_count(0)
    page.goto("about:blank")
    page.goto(f"{hub.url}/#jump={done}")
    expect(tile).to_be_focused()


def publish_photos(folder: Path, key: str, number: int) -> None:
    """So many photos beside the jump's film, as the publishing of a film leaves them."""
    (folder / f"{key}-photos").mkdir(parents=True)
    names = [f"{key}-photos/GOPR{place:04d}.JPG" for place in range(number)]
    for name in names:
        (folder / name).write_bytes(b"a photo")
    ours = {name: mark for name in names if (mark := mark_of(folder / name)) is not None}
    (folder / NOTE).write_bytes(NOTES.dump_json(OutputsNote(ours, {})))


def test_a_burst_of_photos_does_not_stand_between_a_film_and_its_passengers_name(
    hub: RunningHub, known: Catalog, page: Page
) -> None:
    files = [entry(f"GX05000{n}.MP4", 5000 + n, minute=n, prefix="v") for n in range(1, 3)]
    put_in(known, "in-v", files, "card-v")
    copy(known, "in-v", files)
    [key] = record(known, "in-v", passenger("Burst", "V-1"), files[:1], files[1:])
    publish_photos(hub.settings.films_dir / key, key, 150)
    with known.write() as session:
        film_records.record_film(
            session, film(key, jumps.take_up(session, key, "run-v").version, "run-v", name="Burst")
        )

    page.goto(hub.url)
    page.get_by_role("button", name="More about Burst").click()
    tile = page.locator(f"article.jump[data-jump='{key}']")
    links = tile.get_by_role("link", name="of Burst")
    expect(tile.get_by_text("photos · 150")).to_be_visible()
    expect(links).to_have_count(0)
    tile.get_by_text("photos · 150").click()
    expect(links.first).to_be_visible()


def test_the_page_of_the_api_lists_what_programs_can_ask_by_domain(hub: RunningHub, page: Page) -> None:
    page.goto(f"{hub.url}/api")
    expect(page.get_by_role("heading", name="jumps")).to_be_visible()
    operation = page.locator("#review_assign")
    expect(operation).to_contain_text("POST/api/review/jumps/{jump}/assignSay whose jump it is")
    operation.locator("summary").click()
    expect(operation.locator("pre").first).to_contain_text('"passenger_name": "Anna Müller"')
    expect(page.get_by_role("alert")).to_be_hidden()
