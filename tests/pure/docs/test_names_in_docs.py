"""What documents name is there: paths, modules, rooms, links between pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.named_modules import is_there
from support.repository import REPOSITORY

OUTSIDE_OF_DOCS = ("README.md", "CONTRIBUTING.md", "bench/README.md")
PAGES = [*sorted((REPOSITORY / "docs").glob("*.md")), *(REPOSITORY / name for name in OUTSIDE_OF_DOCS)]
SET_UP = [
    *(
        REPOSITORY / name
        for name in ("dagster.yaml", "workspace.yaml", "docker-compose.yml", "Makefile", "constraints.txt")
    ),
    *sorted(path for folder in ("deploy", "scripts") for path in (REPOSITORY / folder).rglob("*") if path.is_file()),
]
"""Files that start what we made, or say in a comment where it is."""
PACKAGES = sorted(path.parent.name for path in REPOSITORY.glob("*/__init__.py"))
FOLDERS = (*PACKAGES, "tests", "docs", "bench", "deploy", "scripts")
TAGS = {
    tag for tags in json.loads((REPOSITORY / "tests/pure/house/stable_names.json").read_text()).values() for tag in tags
}
"""Dagster's tags look like paths."""
TO_BE_MADE = r"/uploads/|/clip_overview\.py$|words/de\.json$"
"""Examples of what somebody adds."""
_PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
_MODULE = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`")
_BARE = re.compile(r"`(\w+\.py)`")
_COMMENTED_PATH = re.compile(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})/[\w./-]*\w\.(?:py|js|md|json|txt))\b")
_STARTED = re.compile(rf"(?:-m|module:)[\s\",]+((?:{'|'.join(PACKAGES)})(?:\.\w+)*)")
_LINK = re.compile(r"\]\(([^)#:\s]+)?(?:#([\w-]+))?\)")


def missing_in(text: str) -> list[str]:
    """The paths and modules of ours that a text names and that are not there."""
    text = re.sub(r"/\n\s*", "/", text)  # A path that is broken over two lines is a path.
    names = {path.name for package in FOLDERS for path in (REPOSITORY / package).rglob("*.py")}
    said = [path for path in _PATH.findall(text) if "*" not in path and path not in TAGS]
    paths = [path for path in said if not (REPOSITORY / path).exists() and not re.search(TO_BE_MADE, path)]
    dotted = [name for name in _MODULE.findall(text) if not name.endswith((".local", ".toml", ".py"))]
    modules = [name for name in dotted if not is_there(name)]
    return paths + modules + [name for name in _BARE.findall(text) if name not in names]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert missing_in(page.read_text()) == []
    assert [module for module in _STARTED.findall(page.read_text()) if not is_there(module)] == []


@pytest.mark.parametrize(
    "text",
    [
        "`stinercut/media/film.py`",
        "`stinercut.media.film`",
        "`hub.app.no_such_thing`",
        "see `untouched.py`",
        "`stinercut/\nplaces.py`",
    ],
)
def test_a_name_that_is_gone_is_noticed(text: str) -> None:
    assert len(missing_in(text)) == 1


def gone_from(text: str) -> list[str]:
    """The paths that a set-up file names and the modules that it starts, as far as they are not there."""
    paths = [path for path in _COMMENTED_PATH.findall(text) if not (REPOSITORY / path).exists()]
    return paths + [module for module in _STARTED.findall(text) if not is_there(module)]


@pytest.mark.parametrize("file", SET_UP, ids=lambda path: path.name)
def test_what_the_set_up_names_and_starts_is_there(file: Path) -> None:
    assert gone_from(file.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        '["python", "-m", "app.dagster_child", "webserver"]',
        "python -m app.prepare --dagster-home",
        "module: app.schedule_storage",
        "# (app/pools.py).",
    ],
)
def test_a_set_up_that_starts_what_is_gone_is_noticed(text: str) -> None:
    assert len(gone_from(text)) == 1


def test_the_questions_of_a_newcomer_are_ten_and_answered_with_files() -> None:
    section = (REPOSITORY / "CONTRIBUTING.md").read_text().partition("## Ten questions")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| ") and "?" in row]
    assert len(rows) == 10
    assert [row for row in rows if not re.search(r"`[\w./]+(?:\.\w+|/)`", row.split("|")[2])] == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and MkDocs give the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong: list[str] = []
    for path, anchor in _LINK.findall(page.read_text()):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            wrong.append(f"{path}#{anchor}")
    assert wrong == []


def test_the_drawn_house_has_every_room() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text().partition("## Processes")[0]
    rooms = {
        path.parent.name
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("__init__.py")
        if "migrations" not in path.parts
    }
    assert sorted(room for room in rooms if f"{room}/" not in text) == []
