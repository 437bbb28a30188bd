"""Tests near a change: those whose imports reach a file that differs from main, run by `make near`.

Owns: the import graph of packages and tests, and the choice. Not here: running the tests (pytest, started here), which
tests there are. A file that is no module counts as a change of every module of its folder; documents and set-up have
their own tests.

    python tests/support/near.py            what differs from main
    python tests/support/near.py HEAD~3     what differs from another commit
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ABOUT_DOCUMENTS: Final = ("tests/pure/docs", "tests/process/docs", "tests/pure/house")
"""Tests of files that are no code (documents, the set-up, names), and of rules for all code."""

Graph = Mapping[str, Iterable[str]]
"""File -> files that it imports, as paths below the root."""


def sources(root: Path) -> dict[str, str]:
    """The Python files of packages and tests by the dotted name that imports them; packages by their `__init__`."""
    packages = sorted(path.parent for path in root.glob("*/__init__.py"))
    named = {path: path.relative_to(root) for package in packages for path in package.rglob("*.py")}
    named |= {path: path.relative_to(root / "tests") for path in (root / "tests").rglob("*.py")}
    dotted = {path: ".".join(name.with_suffix("").parts) for path, name in named.items()}
    return {name.removesuffix(".__init__"): path.relative_to(root).as_posix() for path, name in dotted.items()}


def imported(module: ast.Module, known: Mapping[str, str]) -> set[str]:
    """The files that a module imports, wherever in it, and the packages that these lie in."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    whole = {".".join(name.split(".")[:end]) for name in names for end in range(1, name.count(".") + 2)}
    return {known[name] for name in whole if name in known}


def import_graph(root: Path) -> dict[str, set[str]]:
    """Of all Python files below the root. A test imports the fixtures of the `conftest.py` above it."""
    known = sources(root)
    graph = {file: imported(ast.parse((root / file).read_text()), known) for file in known.values()}
    for file in graph:
        above = (f"{folder.as_posix()}/conftest.py" for folder in Path(file).parents)
        graph[file] |= {fixtures for fixtures in above if fixtures in graph and fixtures != file}
    return graph


def reaching(graph: Graph, changed: Iterable[str]) -> set[str]:
    """The files whose imports reach one of these, and these."""
    importers: dict[str, set[str]] = defaultdict(set)
    for file, others in graph.items():
        for other in others:
            importers[other].add(file)
    found: set[str] = set()
    waiting = list(changed)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += importers[file]
    return found


def near(graph: Graph, changed: Iterable[str]) -> list[str]:
    """The tests to run after these files changed, as paths below the root."""
    modules: set[str] = set()
    others = False
    for file in changed:
        if file in graph:
            modules.add(file)
        else:
            folder = file.rpartition("/")[0]
            beside = {module for module in graph if _holder(module) == _nearest(folder, graph)}
            modules |= beside
            others = others or not beside
    tests = {file for file in reaching(graph, modules) if Path(file).name.startswith("test_")}
    chosen = tests | (set(ABOUT_DOCUMENTS) if modules or others else set())
    return sorted(path for path in chosen if not any(path.startswith(f"{room}/") for room in ABOUT_DOCUMENTS))


def _holder(module: str) -> str:
    return module.rpartition("/")[0]


def _nearest(folder: str, graph: Graph) -> str | None:
    """The package that a file of data lies in."""
    while folder:
        if f"{folder}/__init__.py" in graph:
            return folder
        folder = folder.rpartition("/")[0]
    return None


def changed_since(root: Path, ref: str) -> list[str]:
    """The files that differ from a commit, new ones too."""

    def git(*words: str) -> list[str]:
        done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
        return [name for name in done.stdout.split("\0") if name]

    begin = git("merge-base", "HEAD", ref)[0].strip()
    return sorted({*git("diff", "--name-only", "-z", begin), *git("ls-files", "--others", "--exclude-standard", "-z")})


def main(arguments: list[str]) -> int:
    """Run the tests near what changed; pytest's exit code."""
    changed = changed_since(ROOT, arguments[0] if arguments else "main")
    tests = near(import_graph(ROOT), changed)
    if not tests:
        sys.stdout.write("Nothing differs: no test to run.\n")
        return 0
    sys.stdout.write(f"{len(changed)} files differ; near them: {len(tests)} files and folders of tests.\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-m", "not long", *tests]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
