"""How modules introduce themselves: a first sentence, what they own, what is elsewhere, and only names that exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.repository import REPOSITORY

PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
SHORT = 60
"""Lines. A module below this needs no second sentence where its first one says all."""
LOST = ("Lives here:", "Doesn't:")
"""How modules introduced themselves before."""


def introductions() -> dict[str, tuple[str, int]]:
    """Docstring and number of lines of each module, by path; migrations left out."""
    found: dict[str, tuple[str, int]] = {}
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            if "migrations" not in path.parts:
                text = path.read_text()
                name = path.relative_to(REPOSITORY).as_posix()
                found[name] = (ast.get_docstring(ast.parse(text)) or "", len(text.splitlines()))
    return found


def first_paragraph(introduction: str) -> str:
    return introduction.partition("\n\n")[0]


def is_whole(introduction: str) -> bool:
    words = " ".join(introduction.split())
    return "Owns:" in words and "Not here:" in words


def test_each_begins_with_a_sentence() -> None:
    wrong = [
        name for name, (text, _) in introductions().items() if not re.search(r"[.?:]$", first_paragraph(text) or "none")
    ]
    assert wrong == []


def test_each_says_what_it_owns_and_what_is_elsewhere() -> None:
    wrong = [
        name
        for name, (text, lines) in introductions().items()
        if lines > SHORT and not name.startswith("app/commands/") and not is_whole(text)
    ]
    assert wrong == []


def test_none_uses_the_words_of_before() -> None:
    assert [(name, word) for name, (text, _) in introductions().items() for word in LOST if word in text] == []


def exists(name: str) -> bool:
    """Whether a dotted name of our packages is a package, a module, or something in one."""
    path = REPOSITORY.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    holder, _, last = name.rpartition(".")
    module = REPOSITORY.joinpath(*holder.split("."))
    source = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
    return source.is_file() and bool(re.search(rf"\b{re.escape(last)}\b", source.read_text()))


def dotted(text: str) -> set[str]:
    """The dotted names in back-ticks that begin with one of our packages."""
    found = re.findall(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`", text)
    return {name for name in found if not name.endswith((".toml", ".db", ".json"))}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_modules_that_they_name_exist(package: str) -> None:
    missing = {
        (path.relative_to(REPOSITORY).as_posix(), name)
        for path in (REPOSITORY / package).rglob("*.py")
        for name in dotted(path.read_text())
        if not exists(name)
    }
    assert missing == set()


@pytest.mark.parametrize(("name", "there"), [("stinercut.films.film", True), ("stinercut.films.film.make_film", True)])
def test_a_name_that_exists_is_found(name: str, there: bool) -> None:
    assert exists(name) is there


@pytest.mark.parametrize("name", ["stinercut.media.film", "stinercut.films.film.no_such_thing", "hub.server"])
def test_a_name_that_does_not_exist_is_noticed(name: str) -> None:
    assert not exists(name)
    assert dotted(f"see `{name}`") == {name}


def test_paths_in_introductions_exist() -> None:
    wrong: list[tuple[str, str]] = []
    for name, (text, _) in introductions().items():
        for path in re.findall(r"\b(?:tests|docs|deploy|bench|scripts)/[\w/]+\.\w+", text):
            if not Path(REPOSITORY / path).exists():
                wrong.append((name, path))
    assert wrong == []
