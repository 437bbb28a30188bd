"""docs/glossary.md against the code: every word is there once and names a place that exists.

Owns: the rows of its tables. Not here: links and paths of all pages (`test_names_in_docs`).
"""

from __future__ import annotations

import json
import re

import pytest
from support.named_modules import is_there
from support.repository import REPOSITORY

PAGE = (REPOSITORY / "docs" / "glossary.md").read_text()
STABLE: dict[str, list[str]] = json.loads((REPOSITORY / "tests/pure/house/stable_names.json").read_text())
TABLES = {column.partition(".")[0] for column in STABLE["columns of the catalog"]}
_ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+) \| (.+) \|$", re.M)
_NAMED = re.compile(r"(table |asset |job )?`([^`]+)`")

WORDS, SECOND_MEANINGS = (_ROW.findall(part) for part in PAGE.split("## Words with a second meaning"))


def exists(kind: str, name: str) -> bool:
    """Whether a table, asset, job, path, module, or a name in a module is there."""
    match kind:
        case "table ":
            return name in TABLES
        case "asset ":
            return name in STABLE["assets"]
        case "job ":
            return name in STABLE["jobs"]
        case _:
            return (REPOSITORY / name).exists() if "/" in name else is_there(name)


def gone(place: str) -> list[str]:
    """The names in a row's last column that lead nowhere; the whole column where it names nothing."""
    named = _NAMED.findall(place)
    return [name for kind, name in named if not exists(kind, name)] if named else [place]


def test_the_glossary_has_a_row_for_each_word_in_order() -> None:
    words = [word for word, _, _ in WORDS]
    assert len(words) > 80
    assert words == sorted(set(words))
    assert {word for word, _, _ in SECOND_MEANINGS} - set(words) <= {"guard", "import"}


def test_every_row_names_places_that_are_there() -> None:
    assert {word: names for word, _, place in WORDS if (names := gone(place))} == {}


@pytest.mark.parametrize(
    "place",
    [
        "nowhere",
        "`stinercut.media.film`",
        "`stinercut.jumps.cut.Cuts`",
        "`hub/web/`",
        "table `cards`",
        "asset `films`",
        "`stinercut.jumps.cut.Cut`, job `make_film`",
    ],
)
def test_a_place_that_is_gone_is_noticed(place: str) -> None:
    assert len(gone(place)) == 1
