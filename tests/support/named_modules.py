"""Dotted names in documents: tells whether they are a package, a module, or a name in one.

Owns: the look at the sources, without importing them. Not here: which names a document holds (tests of documents).
"""

from __future__ import annotations

import ast
from pathlib import Path

from support.repository import REPOSITORY


def defined(source: Path) -> set[str]:
    """The names at a module's top level, imported ones too."""
    names: set[str] = set()
    for node in ast.parse(source.read_text()).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(names=imported):
                names |= {one.asname or one.name for one in imported}
            case _:
                pass
    return names


def is_there(module: str) -> bool:
    """Whether a dotted name is a package, a module, or a name in one, however deep."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        path = REPOSITORY.joinpath(*parts[:end])
        source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if path.is_dir() or source.is_file():
            rest = parts[end:]
            return not rest or (source.is_file() and rest[0] in defined(source))
    return False
