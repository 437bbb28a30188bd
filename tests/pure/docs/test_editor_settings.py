"""Settings of editors, hooks and the devcontainer: they agree with the linters, with each other and with the files."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.repository import REPOSITORY

from stinercut.settings import Settings

PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
VSCODE: dict[str, Any] = json.loads((REPOSITORY / ".vscode" / "settings.json").read_text())
DEVCONTAINER: dict[str, Any] = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
HOOKS: dict[str, Any] = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
MAKEFILE = (REPOSITORY / "Makefile").read_text()
LINE_LENGTH: int = PYPROJECT["tool"]["ruff"]["line-length"]
CHECKED: list[str] = PYPROJECT["tool"]["pyright"]["include"]


def editorconfig() -> configparser.ConfigParser:
    read = configparser.ConfigParser()
    read.read_string("[top]\n" + (REPOSITORY / ".editorconfig").read_text())
    return read


def text_files() -> list[Path]:
    """What people write here; not what programs made (fonts' coverage, data of tests)."""
    folders = (*PYPROJECT["tool"]["importlinter"]["root_packages"], "tests", "bench", "docs", "scripts")
    kinds = {".py", ".js", ".css", ".html", ".md"}
    return [path for folder in folders for path in (REPOSITORY / folder).rglob("*") if path.suffix in kinds]


def test_editors_and_linters_have_one_length_of_line() -> None:
    assert editorconfig()["*"]["max_line_length"] == str(LINE_LENGTH)
    assert VSCODE["editor.rulers"] == [LINE_LENGTH]


def test_editors_check_types_as_the_linter_does_with_the_same_python() -> None:
    assert VSCODE["python.analysis.typeCheckingMode"] == PYPROJECT["tool"]["pyright"]["typeCheckingMode"]
    venv = PYPROJECT["tool"]["pyright"]["venv"]
    assert VSCODE["python.defaultInterpreterPath"] == f"${{workspaceFolder}}/{venv}/bin/python"


def test_files_are_as_the_editors_are_told_to_leave_them() -> None:
    asked = editorconfig()["*"]
    assert (asked["end_of_line"], asked["insert_final_newline"], asked["charset"]) == ("lf", "true", "utf-8")
    assert asked["trim_trailing_whitespace"] == "true"
    files = text_files()
    assert len(files) > 500
    assert [str(path) for path in files if faults(path.read_bytes())] == []


def faults(content: bytes) -> list[str]:
    """How a file differs from what .editorconfig asks for."""
    content.decode("utf-8")
    found = ["a line ends with CR LF"] if b"\r\n" in content else []
    if content and not content.endswith(b"\n"):
        found.append("its last line has no end")
    if re.search(rb"[ \t]+$", content, re.MULTILINE):
        found.append("a line ends with spaces")
    return found


@pytest.mark.parametrize("content", [b"a\r\n", b"a", b"a \n", b"a\t\nb\n"])
def test_a_file_that_is_otherwise_is_noticed(content: bytes) -> None:
    assert len(faults(content)) == 1


def test_the_devcontainer_has_a_python_that_is_new_enough_and_the_ports_of_the_stack() -> None:
    python = re.search(r":(\d+)\.(\d+)-(bookworm|trixie)$", DEVCONTAINER["image"])
    needed = re.fullmatch(r">=(\d+)\.(\d+)", PYPROJECT["project"]["requires-python"])
    assert python
    assert needed
    assert (int(python[1]), int(python[2])) >= (int(needed[1]), int(needed[2]))
    fields = Settings.model_fields
    assert DEVCONTAINER["forwardPorts"] == [fields["hub_port"].default, fields["dagster_port"].default]
    assert set(DEVCONTAINER["portsAttributes"]) == {str(port) for port in DEVCONTAINER["forwardPorts"]}
    make, target = DEVCONTAINER["postCreateCommand"].split()
    assert make == "make"
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def test_hooks_are_our_own_tools_and_fetch_nothing() -> None:
    assert [repo["repo"] for repo in HOOKS["repos"]] == ["local"]
    for hook in HOOKS["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")
        for word in hook["entry"].split():
            assert not word.startswith("tests/") or (REPOSITORY / word).is_file()


def test_the_hook_for_types_takes_what_the_linter_takes() -> None:
    [pyright] = [hook for hook in HOOKS["repos"][0]["hooks"] if hook["id"] == "pyright"]
    assert [name for name in CHECKED if not re.search(pyright["files"], f"{name}/module.py")] == []
    assert not re.search(pyright["files"], "tests/conftest.py")
