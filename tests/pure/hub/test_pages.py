"""The hub's pages without a browser: what they are made of fits together and comes from the hub alone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from hub import pages
from hub.app import create_app
from hub.pages import PAGES, by_path, page_files, whole_page
from stinercut.settings import Settings

FILES = page_files()
SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in FILES if file.suffix == ".js"}
MARKUP = {file.name: whole_page(file) for file in FILES if file.suffix == ".html"}
_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"\./([\w.]+)";$', re.MULTILINE)
_TOP_LEVEL = re.compile(r"^(export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def imports_of(script: str) -> dict[str, set[str]]:
    """Names by the module that they come from."""
    found = _IMPORT.findall(SCRIPTS[script])
    return {module: {name.strip() for name in names.split(",") if name.strip()} for names, module in found}


def modules_of(page: str) -> set[str]:
    """The modules that a page needs, those included that its modules need."""
    todo = re.findall(r'<script type="module" src="/([\w.]+)"', MARKUP[page])
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
    def test_every_page_begins_with_one(self):
        assert {page: len(re.findall(r"<script", text)) for page, text in MARKUP.items()} == dict.fromkeys(MARKUP, 1)
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
        """They are in the board's page alone."""
        there = set(re.findall(r'id="i-([a-z]+)"', MARKUP["index.html"]))
        text = "".join(SCRIPTS[script] for script in modules_of("index.html"))
        words = re.findall(r'^  [a-z_]+: \["[^"]+", "([a-z]+)"\],$', text, re.MULTILINE)
        assert len(words) == 14
        used = set(re.findall(r'icon\("([a-z]+)"', text)) | set(re.findall(r'href="#i-([a-z]+)"', MARKUP["index.html"]))
        assert used | set(words) <= there
        with_signs = {script for script, text in SCRIPTS.items() if "icon" in imports_of(script).get("dom.js", ())}
        assert not with_signs & set().union(*(modules_of(page) for page in MARKUP if page != "index.html"))


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
        assert found == {("codes.js", "DOMParser")}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, httpx.Response]:
    """What the hub answers for each page, script and style."""
    app = create_app(Settings(data=tmp_path_factory.mktemp("hub")))

    async def ask() -> dict[str, httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return {path: await client.get(f"/{path}") for path in PAGES}

    return asyncio.run(ask())


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
        needed = set(re.findall(r'(?:src|href)="/([\w.]+\.\w+)"', MARKUP[page])) | modules_of(page)
        assert {"common.css", "icon.svg"} < needed <= set(PAGES)

    @pytest.mark.parametrize("page", MARKUP)
    def test_pages_share_all_of_their_head_but_title_and_name(self, page: str, answers: dict[str, httpx.Response]):
        path = "" if page == "index.html" else page.removesuffix(".html")
        text, name = answers[path].text, path or "board"
        assert text == MARKUP[page]
        assert text.startswith('<!doctype html>\n<html lang="en">\n  <head>\n')
        assert text.endswith("  </body>\n</html>\n")
        assert re.findall(r'(?:src|href)="/([\w.]+)"', text.partition("</head>")[0]) == [
            "icon.svg", "common.css", f"{name}.css", f"{name}.js",
        ]  # fmt: skip
        assert len(re.findall(r"<title>[\w ·]+</title>", text)) == text.count("<title>") == 1

    @pytest.mark.parametrize("text", ["", "  <body>\n  </body>\n", "<title>Codes</title>\n<p>\n"])
    def test_a_page_of_another_form_is_refused(self, text: str, tmp_path: Path):
        file = tmp_path / "codes.html"
        file.write_text(text, "utf-8")
        with pytest.raises(ValueError, match=r"codes\.html does not begin with"):
            whole_page(file)

    def test_pages_lead_to_pages(self):
        for text in MARKUP.values():
            assert set(re.findall(r'<a [^>]*href="/(\w*)"', text)) <= set(PAGES)
