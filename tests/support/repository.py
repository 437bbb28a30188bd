"""Where the repository lies that is tested, and its modules as syntax trees.

Owns: that one path, so that a test may lie in any folder; reading and walking each module once for all rules that look
at all of them. Not here: the rules.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]


@cache
def parsed(file: Path) -> ast.Module:
    """The syntax tree of a module, which nobody changes."""
    return ast.parse(file.read_text("utf-8"))


@cache
def nodes_of(module: ast.Module) -> list[ast.AST]:
    """Every node of a module, as `ast.walk` finds them."""
    return list(ast.walk(module))
