"""Module docstrings: one plain first sentence, what the module owns, and names of modules that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.repository import REPOSITORY, parsed

PACKAGES = ("stinercut", "stinercut_assets", "sensors", "detector", "app", "hub")
FIRST_LINE_LIMIT = 120
MIGRATIONS = REPOSITORY / "stinercut" / "catalog" / "migrations" / "versions"
FORMER_FORM = ("Lives here", "Doesn't:")

UNCLEAR_PHRASES = {
    r"\banew\b": "write: again, or from scratch",
    r"\b(?:is|are) none\b": "write: invalid, missing, without, or: is not a ...",
    r"\bgone on\b": "write: continued, or resumed",
    r"\bgo(?:es)? on with\b": "write: continues, or resumes",
}
"""Words that a reader has to read twice, and what to write for them: in prose as in messages, in all packages."""


def modules() -> list[Path]:
    found = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    return [path for path in found if MIGRATIONS not in path.parents]


def is_ours(name: str, folder: Path) -> bool:
    """Whether a back-ticked name of a module leads to one: a neighbour in the same folder, or a path from the top."""
    places = [REPOSITORY / name.replace(".", "/")]
    if "." not in name:
        places.append(folder / name)
    return any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)


def faults(docstring: str, path: Path) -> list[str]:
    """What is wrong with a module's docstring, in words."""
    lines = docstring.splitlines() or [""]
    found: list[str] = []
    if not lines[0].endswith(".") or len(lines[0]) > FIRST_LINE_LIMIT or (len(lines) > 1 and lines[1]):
        found.append("its first line is no sentence of its own")
    found.extend(f"it still says {former!r}" for former in FORMER_FORM if former in docstring)
    if path.name != "__init__.py" and "Owns:" not in docstring:
        found.append("it does not say what it owns")
    elsewhere = docstring.partition("Not here:")[2].partition("\n\n")[0]
    for named in re.findall(r"\(([^()]*)\)", elsewhere):
        names = re.findall(r"`([a-z_0-9]+(?:\.[a-z_0-9]+)*)`(?! of each)", named)
        found.extend(f"it names `{name}`, which is no module" for name in names if not is_a_name(name, path))
    return found


def is_a_name(name: str, path: Path) -> bool:
    """Whether a name is a module of ours, or none of ours at all: dotted, and of no package here."""
    return is_ours(name, path.parent) or ("." in name and name.partition(".")[0] not in PACKAGES)


def test_every_module_opens_plainly_and_names_modules_that_exist() -> None:
    found = {
        str(path.relative_to(REPOSITORY)): wrong
        for path in modules()
        if path.read_text() and (wrong := faults(ast.get_docstring(parsed(path)) or "", path))
    }
    assert found == {}


@pytest.mark.parametrize(
    "docstring",
    [
        "",
        "A line without its end",
        "A sentence.\nAnd more of it.\n\nOwns: a thing.",
        "A sentence.\n\nLives here: a thing. Owns: it.",
        "A sentence.",
        "A sentence.\n\nOwns: a thing. Not here: another (`keeping`).",
        "A sentence.\n\nOwns: a thing. Not here: another (`stinercut.media.keeping`).",
    ],
)
def test_a_docstring_of_another_form_is_noticed(docstring: str) -> None:
    assert faults(docstring, REPOSITORY / "stinercut" / "clock.py") != []


def unclear(text: str) -> list[str]:
    """The phrases in a text that have to be read twice, each with its line and what to write."""
    flat = re.sub(r"\s+", " ", text)
    broken = [(pattern, advice) for pattern, advice in UNCLEAR_PHRASES.items() if re.search(pattern, flat)]
    out: list[str] = []
    for pattern, advice in broken:
        lines = [number for number, line in enumerate(text.splitlines(), 1) if re.search(pattern, line)]
        out += [f"line {number}: {advice}" for number in lines or ("?",)]
    return out


def test_no_message_has_to_be_read_twice() -> None:
    assert unclear((REPOSITORY / "stinercut" / "language" / "words" / "en.json").read_text()) == []


def test_no_phrase_has_to_be_read_twice() -> None:
    assert {
        str(path.relative_to(REPOSITORY)): wrong for path in modules() if (wrong := unclear(path.read_text()))
    } == {}


@pytest.mark.parametrize(
    "line",
    [
        "every segment is then made anew",
        "raises BadInput for an address that is none",
        "empty where there are none",
        "half a copy is gone on with",
        "a person goes on with it",
        "whether to go on\nwith it",
    ],
)
def test_a_phrase_that_has_to_be_read_twice_is_noticed(line: str) -> None:
    assert unclear(f"a line before\n{line}") != []


def test_plain_words_are_no_such_phrase() -> None:
    assert unclear("nobody goes on without a name; none are made; renewed for each one in turn") == []
