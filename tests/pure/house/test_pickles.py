"""Nothing of ours reads what others can write as a pickle: reading one runs whatever stands in it."""

from __future__ import annotations

import ast
import tomllib
from typing import Any

import pytest
from support.repository import REPOSITORY as ROOT
from support.repository import nodes_of, parsed

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
READS_PICKLES = {"stinercut_assets/common/values/pickled_values.py"}
"""A restricted reader for what the release before has kept; whoever can write a pickle can run anything where it is
read."""

_PICKLING = frozenset({"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"})


def pickling_in(module: ast.Module) -> set[str]:
    """What of this module can read or write a pickle."""
    found: set[str] = set()
    for node in nodes_of(module):
        match node:
            case ast.Import(names=names):
                found |= {one.name for one in names if one.name.split(".")[0] in _PICKLING}
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] not in PACKAGES:
                found |= {one.name for one in names if "pickle" in one.name.lower()}
                found |= {module.split(".")[0]} & _PICKLING
            case ast.keyword(arg="allow_pickle"):
                found.add("allow_pickle")
            case ast.Attribute(attr=name) if "pickle" in name.lower() and not name.startswith("_"):
                found.add(name)
            case _:
                pass
    return found


def test_pickles_are_read_in_one_place() -> None:
    sources = {str(path.relative_to(ROOT)): path for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert {name for name, path in sources.items() if pickling_in(parsed(path))} == READS_PICKLES


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import cloudpickle as c",
        "numpy.load(path, allow_pickle=True)",
        "from dagster._core.storage.fs_io_manager import PickledObjectFilesystemIOManager as P",
        "import torch.serialization; x.read_pickle(path)",
    ],
)
def test_a_pickle_is_noticed(code: str) -> None:
    assert pickling_in(ast.parse(code))
