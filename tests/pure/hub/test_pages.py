"""The hub's pages without a browser: what they are made of fits together and comes from the hub alone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from hub import pages
from hub.app import create_app
from hub.pages import FORMER, HEAD, PAGES, by_path, page_files, whole_page
from stinercut.settings import Settings

FILES = page_files()
SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in FILES if file.suffix == ".js"}
MARKUP = {file.name: whole_page(file) for file in FILES if file.suffix == ".html"}
_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"\./([\w.-]+)";$', re.MULTILINE)
_TOP_LEVEL = re.compile(r"^(export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def imports_of(script: str) -> dict[str, set[str]]:
    """Names by the module that they come from."""
    found = _IMPORT.findall(SCRIPTS[script])
    return {module: {name.strip() for name in names.split(",") if name.strip()} for names, module in found}


def modules_of(page: str) -> set[str]:
    """The modules that a page needs, those included that its modules need."""
    todo = re.findall(r'<script type="module" src="/page/\w+/([\w.-]+)"', MARKUP[page])
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += imports_of(name)
    return found


def exported(script: str) -> set[str]:
    return {name for export, name in _TOP_LEVEL.findall(SCRIPTS[script]) if export}


class TestModules:
    def test_every_page_begins_with_the_shells_and_its_own(self):
        assert {page: len(re.findall(r"<script", text)) for page, text in MARKUP.items()} == dict.fromkeys(MARKUP, 2)
        assert set().union(*map(modules_of, MARKUP)) == set(SCRIPTS)

    @pytest.mark.parametrize("script", SCRIPTS)
    def test_what_is_imported_is_exported_there_and_used(self, script: str):
        text = SCRIPTS[script]
        assert len(_IMPORT.findall(text)) == len(re.findall(r"^import\b", text, re.MULTILINE)) == text.count("import ")
        for module, names in imports_of(script).items():
            assert names <= exported(module), module
            assert all(len(re.findall(rf"\b{name}\b", text)) > 1 for name in names), module

    def test_what_is_exported_is_imported_somewhere(self):
        wanted = [
            (module, name) for script in SCRIPTS for module, names in imports_of(script).items() for name in names
        ]
        assert {(script, name) for script in SCRIPTS for name in exported(script)} == set(wanted)

    def test_no_name_stands_in_two_of_them(self):
        """What two pages need is in one place; and whoever looks for a name finds one."""
        names = [name for text in SCRIPTS.values() for _, name in _TOP_LEVEL.findall(text)]
        assert sorted(names) == sorted(set(names))

    @pytest.mark.parametrize("page", MARKUP)
    def test_they_find_what_they_look_for(self, page: str):
        ids = set(re.findall(r'\bid="([\w-]+)"', MARKUP[page]))
        for script in modules_of(page):
            assert set(re.findall(r'\bat\("([\w-]+)"\)', SCRIPTS[script])) <= ids, script

    def test_every_sign_that_is_used_is_there(self):
        there = set(re.findall(r'id="i-([a-z]+)"', HEAD.read_text("utf-8")))
        text = "".join(SCRIPTS.values())
        words = re.findall(r'^  [a-z_]+: \["[^"]+", "([a-z]+)"\],$', text, re.MULTILINE)
        assert len(words) == 14
        in_markup = set(re.findall(r'href="#i-([a-z]+)"', "".join(MARKUP.values())))
        assert in_markup | set(re.findall(r'icon\("([a-z]+)"', text)) | set(words) <= there


class TestSafety:
    """The pages must work without anything from elsewhere, and never take data for markup."""

    def test_nothing_from_elsewhere(self):
        for file in FILES:
            addresses = set(re.findall(r"https?://[^\s\"'`)]+", file.read_text(encoding="utf-8")))
            assert addresses <= {"http://www.w3.org/2000/svg"}, file.name

    @pytest.mark.parametrize("page", MARKUP)
    def test_nothing_inline_that_the_policy_forbids(self, page: str):
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", MARKUP[page]) == []

    def test_data_never_becomes_markup(self):
        """But for one thing: the hub's own drawing of a code."""
        found = {
            (script, word)
            for script, text in SCRIPTS.items()
            for word in re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", text
            )
        }
        assert found == {("bookings.js", "DOMParser")}


def asked(folder: Path, *asked_for: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    """What the hub answers for these paths with these headers."""
    app = create_app(Settings(data=folder))

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path, headers=headers) for path, headers in asked_for]

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, httpx.Response]:
    """What the hub answers for each page, script and style."""
    found = asked(tmp_path_factory.mktemp("hub"), *((f"/{path}", {}) for path in PAGES))
    return dict(zip(PAGES, found, strict=True))


class TestServing:
    def test_no_file_lies_where_it_is_not_served(self):
        hub = Path(pages.__file__).parent
        assert {file for file in hub.rglob("*") if file.suffix in pages.TYPES} == set(FILES)

    def test_two_files_for_one_path_are_noticed(self):
        with pytest.raises(ValueError, match=r"under /words\.js"):
            by_path([Path("a/words.js"), Path("b/words.js")])

    def test_every_file_is_served_as_what_it_is(self, answers: dict[str, httpx.Response]):
        kinds = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        assert set(PAGES.values()) == set(FILES)
        for path, file in PAGES.items():
            assert answers[path].status_code == 200, path
            assert answers[path].headers["content-type"].split(";")[0] == kinds[file.suffix], path
            assert "script-src 'self'" in answers[path].headers["content-security-policy"], path

    @pytest.mark.parametrize("page", MARKUP)
    def test_all_that_a_page_needs_is_there(self, page: str):
        needed = set(re.findall(r'(?:src|href)="/(?:page/\w+/)?([\w.-]+\.\w+)"', MARKUP[page])) | modules_of(page)
        assert {"common.css", "icon.svg"} < needed <= set(PAGES)

    @pytest.mark.parametrize("page", MARKUP)
    def test_pages_share_all_of_their_head_but_title_and_name(self, page: str, answers: dict[str, httpx.Response]):
        path = "" if page == "index.html" else page.removesuffix(".html")
        text, name = answers[path].text, path or "board"
        assert text == MARKUP[page]
        assert text.startswith('<!doctype html>\n<html lang="en">\n  <head>\n')
        assert text.endswith("  </body>\n</html>\n")
        assert re.findall(r'(?:src|href)="/(?:page/\w+/)?([\w.-]+)"', text.partition("</head>")[0]) == [
            "icon.svg", "common.css", f"{name}.css", "shell.js", f"{name}.js",
        ]  # fmt: skip
        here = re.findall(r'<a href="/([\w-]*)" aria-current="page">', text)
        assert here == ([] if page == "api.html" else [path])
        assert len(re.findall(r"<title>[\w ·]+</title>", text)) == text.count("<title>") == 1

    @pytest.mark.parametrize("text", ["", "<p>\n", "<title>Codes</title>\n", "<title>Codes</title>\n<body><p>\n"])
    def test_a_page_of_another_form_is_refused(self, text: str, tmp_path: Path):
        file = tmp_path / "codes.html"
        file.write_text(text, "utf-8")
        with pytest.raises(ValueError, match=r"codes\.html does not begin with"):
            whole_page(file)

    def test_pages_lead_to_pages(self):
        for text in MARKUP.values():
            assert set(re.findall(r'<a [^>]*href="/([\w-]*)"', text)) <= set(PAGES)

    def test_former_addresses_lead_to_the_pages_of_now(self, tmp_path: Path):
        found = asked(tmp_path, *((f"/{path}?jump=2026-06-01_B-1", {}) for path in FORMER))
        assert [one.status_code for one in found] == [308] * len(FORMER)
        assert [one.headers["location"] for one in found] == [f"/{now}?jump=2026-06-01_B-1" for now in FORMER.values()]
        assert set(FORMER.values()) <= set(PAGES)


LIMIT = 100_000
"""Bytes of scripts and styles of all pages, compressed."""


class TestCost:
    """A page is compressed, and what a browser has already is not sent again."""

    def test_scripts_and_styles_of_all_pages_are_small(self, tmp_path: Path):
        paths = [path for path, file in PAGES.items() if file.suffix in {".js", ".css"}]
        found = asked(tmp_path, *((f"/{path}", {"accept-encoding": "gzip"}) for path in paths))
        assert {one.headers["content-encoding"] for one in found} == {"gzip"}
        assert [one.text for one in found] == [PAGES[path].read_text("utf-8") for path in paths]
        assert 10_000 < sum(int(one.headers["content-length"]) for one in found) < LIMIT

    @pytest.mark.parametrize(
        ("offer", "form"),
        [
            ("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip; q=1.0", "gzip"), ("gzip;q=0", None),
            ("gzip;q=0.000", None), ("br", None), ("identity", None), ("", None),
        ],
    )  # fmt: skip
    def test_only_a_browser_that_takes_gzip_gets_it(self, offer: str, form: str | None, tmp_path: Path):
        [found] = asked(tmp_path, ("/common.css", {"accept-encoding": offer}))
        assert found.headers.get("content-encoding") == form
        assert found.text == PAGES["common.css"].read_text("utf-8")
        assert found.headers["vary"] == "Accept-Encoding"

    def test_a_browser_that_has_the_bytes_gets_none(self, tmp_path: Path):
        [first] = asked(tmp_path, ("/", {}))
        mark = first.headers["etag"]
        again, weak, other = asked(
            tmp_path,
            ("/", {"if-none-match": mark}),
            ("/", {"if-none-match": f'"older", W/{mark}'}),
            ("/", {"if-none-match": '"older"'}),
        )
        assert [(one.status_code, one.content) for one in (again, weak)] == [(304, b"")] * 2
        assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")

    def test_what_a_page_asks_for_is_kept_for_good(self, tmp_path: Path):
        needed = re.findall(r'(?:src|href)="(/page/[\w./-]+)"', MARKUP["index.html"])
        found = asked(tmp_path, *((path, {}) for path in needed))
        assert len(found) == 4
        assert {one.headers["cache-control"] for one in found} == {"public, max-age=31536000, immutable"}
        assert [one.text for one in found] == [PAGES[path.rpartition("/")[2]].read_text("utf-8") for path in needed]

    def test_a_page_of_another_version_gets_what_there_is_and_does_not_keep_it(self, tmp_path: Path):
        old, page, none = asked(tmp_path, ("/page/0/board.js", {}), ("/page/0/looks", {}), ("/page/0/x.js", {}))
        assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
        assert (page.status_code, none.status_code) == (404, 404)
