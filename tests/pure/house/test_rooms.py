"""Rooms stay small and in order: modules in a folder, lines in a module, no circle of files or folders, names once."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.repository import REPOSITORY, nodes_of, parsed

PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
MODULES_IN_A_ROOM = 15
LINES_OF_A_MODULE = 500
DOMAINS = ("cards", "jumps", "films", "review", "codes", "runs")
"""Each is a folder in every layer that has anything of it, under this name."""
LAYERS = {
    "stinercut": DOMAINS,
    "hub": DOMAINS,
    "stinercut_assets": ("cards", "films"),
    "sensors": ("cards", "films", "runs"),
}

Graph = Mapping[str, Iterable[str]]


def modules() -> dict[str, Path]:
    """All modules by dotted name, packages and migrations left out."""
    found = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    named = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts): path for path in found}
    return {name: path for name, path in named.items() if path.name != "__init__.py" and "migrations" not in path.parts}


def imports(module: ast.Module, known: Iterable[str]) -> set[str]:
    """Those of the known modules that a module imports, wherever in it."""
    names: set[str] = set()
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return names & set(known)


def import_graph() -> dict[str, set[str]]:
    """Module -> modules of ours that it imports."""
    known = modules()
    return {name: imports(parsed(path), known) for name, path in known.items()}


def by_room(graph: Graph) -> dict[str, set[str]]:
    """The same between folders. A package's own modules, beside its folders, count as rooms of their own."""
    packages = set(PACKAGES)

    def room(module: str) -> str:
        parent = module.rpartition(".")[0]
        return module if parent in packages or parent == "stinercut.films" else parent

    rooms: dict[str, set[str]] = defaultdict(set)
    for module, others in graph.items():
        rooms[room(module)] |= {room(other) for other in others} - {room(module)}
    return rooms


def circle(graph: Graph) -> list[str]:
    """A circle of the graph in order, its first member once more at the end; empty without a circle."""
    done: set[str] = set()

    def follow(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            if found := follow(other, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := follow(node, []))), [])


def test_no_room_has_more_modules_than_one_takes_in_at_a_glance() -> None:
    rooms: dict[Path, int] = defaultdict(int)
    for path in modules().values():
        rooms[path.parent.relative_to(REPOSITORY)] += 1
    for folder in (REPOSITORY / "hub").rglob("*/"):
        scripts = len(list(folder.glob("*.js")))
        if scripts:
            rooms[folder.relative_to(REPOSITORY)] += scripts
    assert {str(room): number for room, number in rooms.items() if number > MODULES_IN_A_ROOM} == {}


def test_no_module_is_longer_than_one_reads_at_once() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_MODULE} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(import_graph()) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(by_room(import_graph())) == []


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c", "b"]),
        ({"a": ["a"]}, ["a", "a"]),
    ],
)
def test_a_circle_is_noticed(graph: Graph, found: list[str]) -> None:
    assert circle(graph) == found


def test_an_import_is_noticed_wherever_it_stands() -> None:
    code = "import a.b\nfrom c import d\ndef f():\n    from e.f import g\n"
    assert imports(ast.parse(code), ["a.b", "c.d", "e.f", "h"]) == {"a.b", "c.d", "e.f"}


@pytest.mark.parametrize("layer", LAYERS)
def test_domains_have_their_folders(layer: str) -> None:
    assert [domain for domain in LAYERS[layer] if not (REPOSITORY / layer / domain / "__init__.py").is_file()] == []


def test_a_class_name_stands_for_one_thing() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for name, path in modules().items():
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(name)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
