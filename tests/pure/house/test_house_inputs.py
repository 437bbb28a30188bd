"""A rule of the house, checked: what ffmpeg opens is opened in one place, under whitelists."""

from __future__ import annotations

import ast
import tomllib

import pytest
from support.repository import REPOSITORY, nodes_of, parsed

ROOT = REPOSITORY
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]

OPENERS = {
    "stinercut/video/ffmpeg_graph.py": "ffmpeg-python's own inputs, for the next one alone",
    "stinercut/video/ffmpeg_inputs.py": "files from outside and our own, each under a whitelist",
    "stinercut/video/encoders.py": "a trial of an encoder with what ffmpeg generates",
    "app/doctor/machine.py": "the same",
}


def opens_inputs(module: ast.Module) -> bool:
    """Whether a module makes an input of ffmpeg: `graph_input(...)`, `ffmpeg.input(...)`, or a word `-i`."""
    for node in nodes_of(module):
        match node:
            case ast.Attribute(attr="graph_input"):
                return True
            case ast.ImportFrom(names=names) if any(name.name == "graph_input" for name in names):
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="ffmpeg"), attr="input")):
                return True
            case ast.ImportFrom(module="ffmpeg", names=names) if any(name.name == "input" for name in names):
                return True
            case ast.Constant(value="-i"):
                return True
            case _:
                pass
    return False


def inputs_without_whitelists(module: ast.Module) -> list[ast.Call]:
    """Inputs of ffmpeg that are files and are not told what they may be."""
    calls = [
        node
        for node in nodes_of(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "graph_input"
    ]
    return [call for call in calls if not _generates(call) and not any(word.arg is None for word in call.keywords)]


def _generates(call: ast.Call) -> bool:
    formats = [word.value for word in call.keywords if word.arg == "f"]
    return any(isinstance(one, ast.Constant) and one.value in ("lavfi", "rawvideo") for one in formats)


def test_ffmpeg_opens_files_in_one_place() -> None:
    paths = {str(path.relative_to(ROOT)): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    modules = {name: parsed(path) for name, path in paths.items()}
    assert {name for name, module in modules.items() if opens_inputs(module)} == set(OPENERS)
    assert inputs_without_whitelists(modules["stinercut/video/ffmpeg_inputs.py"]) == []
    for name in set(OPENERS) - {"stinercut/video/ffmpeg_inputs.py", "stinercut/video/ffmpeg_graph.py"}:
        words = [node.value for node in nodes_of(modules[name]) if isinstance(node, ast.Constant)]
        assert words.count("-i") == words.count("lavfi"), name


@pytest.mark.parametrize(
    "code",
    [
        "from stinercut.video.ffmpeg_graph import graph_input",
        "ffmpeg_graph.graph_input(x)",
        "ffmpeg.input(x)",
        "run(['-i', x])",
        "from ffmpeg import input",
    ],
)
def test_an_opened_input_is_noticed(code: str) -> None:
    assert opens_inputs(ast.parse(code))


def test_an_input_without_whitelists_is_noticed() -> None:
    assert inputs_without_whitelists(ast.parse("graph_input(x, f='mov')"))
    assert not inputs_without_whitelists(ast.parse("graph_input('sine', f='lavfi')\ngraph_input(x, **own, t=1)"))
