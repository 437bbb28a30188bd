"""Errors that people read hold messages, which become words in the reader's language, and no English sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from support.repository import REPOSITORY, nodes_of, parsed

PACKAGES = ("stinercut", "stinercut_assets", "hub", "detector")
IN_ENGLISH = {
    "stinercut/bad_settings.py": "a setting that can't be used: told in the terminal, before anything runs",
    "stinercut/synthetic": "footage made by code: for tests and demonstrations, and told on the command line only",
}
"""Folders and modules whose errors may have English sentences, and why."""


def class_bases(modules: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The names of all classes, with the names of what they inherit from."""
    found = (node for module in modules for node in nodes_of(module) if isinstance(node, ast.ClassDef))
    return {node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases} for node in found}


def errors_of_ours(bases: dict[str, set[str]]) -> set[str]:
    """`StinercutError` and all classes below it."""
    ours = {"StinercutError"}
    while more := {name for name, above in bases.items() if above & ours} - ours:
        ours |= more
    return ours


def english(node: ast.expr, sentences: set[str]) -> bool:
    """Whether an expression may be a sentence written here. `sentences`: names of variables that hold one."""
    match node:
        case ast.Constant(value=str(text)):
            return bool(text)
        case ast.JoinedStr():
            return True
        case ast.Name(id=name):
            return name in sentences
        case ast.BinOp(left=one, right=other) | ast.IfExp(body=one, orelse=other):
            return english(one, sentences) or english(other, sentences)
        case ast.BoolOp(values=values):
            return any(english(value, sentences) for value in values)
        case _:
            return False


def sentences_in(scope: ast.AST) -> set[str]:
    """The names of variables that are given a sentence in this scope."""
    given = (node for node in ast.walk(scope) if isinstance(node, ast.Assign))
    return {
        target.id
        for node in given
        if english(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def errors_in_english(module: ast.Module, ours: set[str]) -> Iterator[int]:
    """The lines where one of our errors gets a sentence as `what` or `advice`."""
    scopes = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in scopes:
        known = sentences_in(scope) | {
            name
            for node in module.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for name in _names(node)
            if english(node.value, set())
        }
        for node in ast.walk(scope):
            match node:
                case ast.Call(func=ast.Name(id=name), args=given, keywords=named) if name in ours:
                    said = [*given[:1], *(one.value for one in named if one.arg in ("what", "advice"))]
                    if any(english(value, known) for value in said):
                        yield node.lineno
                case _:
                    pass


def _names(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def is_exempt(path: Path) -> bool:
    return any(path.is_relative_to(REPOSITORY / folder) for folder in IN_ENGLISH)


def test_errors_hold_messages_and_no_sentences() -> None:
    paths = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    ours = errors_of_ours(class_bases(parsed(path) for path in paths))
    assert {"BadInput", "DrawingTooCostly"} <= ours
    found = {
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in paths
        if not is_exempt(path)
        for line in errors_in_english(parsed(path), ours)
    }
    assert found == set()


def test_every_exemption_is_needed() -> None:
    for folder in IN_ENGLISH:
        place = REPOSITORY / folder
        paths = [place] if place.is_file() else list(place.rglob("*.py"))
        assert any(True for path in paths for _ in errors_in_english(parsed(path), {"BadInput", "HostNotReady"}))


@pytest.mark.parametrize(
    "body",
    [
        'raise BadInput("no such card")',
        'raise BadInput(f"no card {name}", file=path)',
        'raise BadInput(said, advice="Try again.")',
        'raise BadInput(said, advice=f"Choose {one}." if one else other)',
        'what = f"no card {name}"\n    raise BadInput(what)',
        "raise BadInput(_ADVICE)",
        'problems.append(BadInput("no" + " card"))',
        'raise BadInput(why or "no card")',
    ],
)
def test_a_sentence_is_noticed(body: str) -> None:
    module = ast.parse(
        f'_ADVICE: Final = "Look."\ndef check(name, said, path, problems, one, other, why):\n    {body}\n'
    )
    assert list(errors_in_english(module, {"BadInput"})) != []


def test_a_message_is_no_sentence() -> None:
    module = ast.parse(
        "def check(path):\n    raise BadInput(Message.of(MessageCode.A), file='x', advice=refused.advice_parts)"
    )
    assert list(errors_in_english(module, {"BadInput"})) == []
