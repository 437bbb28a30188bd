"""The hub says things by codes: no module of it puts an English sentence together for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())

WORDS = re.compile(r"\b[A-Za-z']+,? [a-z']+,? [a-z']+,? [a-z']+\b")
"""Four words in a row, on one line."""
NOT_FOR_PAGES = ("log.", "example", "Field", "FastAPI")
"""Calls whose texts are for the log, or for the description of the API."""
ALLOWED = {
    "hub/pages.py: X and X would both be served under /X": "for whoever adds a page",
    "hub/pages.py: X does not begin with a line for its title, and its body": "for whoever adds a page",
    "hub/films/rerender.py: X with a changed template": "a backfill's title in Dagster",
}


def sentences(code: str) -> Iterator[str]:
    """The texts of a module that are no documentation and no log; `X` stands for a value."""
    tree = ast.parse(code)
    passed_over = {id(part) for node in ast.walk(tree) for one in _not_shown(node) for part in ast.walk(one)}
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.JoinedStr):
            passed_over |= {id(part) for part in ast.walk(node)}
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if "\n" not in text and WORDS.search(text):
            yield text


def _not_shown(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Constant()):
            yield node
        case ast.Call(func=called) if ast.unparse(called).startswith(NOT_FOR_PAGES):
            yield node
        case ast.keyword(arg="summary" | "description"):
            yield node
        case _:
            pass


def test_the_hub_has_no_sentences() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {text}"
        for path in (ROOT / "hub").rglob("*.py")
        if path.name != "examples.py"
        for text in sentences(path.read_text("utf-8"))
    }
    unforeseen = [one for one in sorted(found) if not one.startswith(tuple(ALLOWED))]
    assert unforeseen == [], "words belong into stinercut/language/words/en.json: docs/messages.md"
    assert [one for one in ALLOWED if not any(text.startswith(one) for text in found)] == [], "allowed, and gone"


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ('raise NotFound(f"jump {key} has no film")', ["jump X has no film"]),
        ('said = "You can pull it out."', ["You can pull it out."]),
        ('"""A card and how far it is."""', []),
        ('log.info("Detector %s is gone for good.", one)', []),
        ('@router.get("/x", summary="How far a jump is")\ndef f(): ...', []),
        ('QUERY = "\\nquery of many words here"', []),
        ('name = f"{day} {name}.mp4"', []),
    ],
)
def test_a_sentence_is_found_where_it_is_for_people(code: str, texts: list[str]) -> None:
    assert list(sentences(code)) == texts
