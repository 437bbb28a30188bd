"""The rules of the house that other programs check: what a contract notices, what git and a wheel hold.

Owns: what is tried on a copy of the packages, or asked from git, pip and import-linter. Not here: the rules that are
read from the files alone (`tests/pure/house/test_house.py`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from support.repository import REPOSITORY

ROOT = REPOSITORY
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
CONTRACTS: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]

VIOLATIONS = {
    "Imports run downwards only": ("stinercut", "import app"),
    "The library stands on floors": ("stinercut/video", "import stinercut.jumps.cut"),
    "A film is planned, then made, then checked": ("stinercut/films/plan", "import stinercut.films.picture.segments"),
    "Domains of the hub know the kit, and few each other": ("hub/kit", "import hub.cards.views"),
    "Domains of assets know what is common, not each other": (
        "stinercut_assets/cards",
        "import stinercut_assets.films.production",
    ),
    "Domains of sensors know what is common, not each other": ("sensors/cards", "import sensors.films.ready_jumps"),
    "The detector's parts know the card, not each other": ("detector/copy", "import detector.sources.cards"),
    "Commands start what runs, and nothing that runs knows them": ("app/engine", "import app.stack.stack"),
    "The library knows nothing of Dagster, FastAPI or the command line": ("stinercut", "import typer"),
    "The hub asks Dagster over GraphQL, never by import": ("hub", "import numpy"),
    "The detector stays light": ("detector", "import sqlalchemy"),
    "One place runs ffmpeg": ("stinercut/films/sound", "import ffmpeg"),
}
"""Per contract a room and an import there that breaks it."""


def test_every_contract_notices_its_violation(tmp_path: Path) -> None:
    copy_packages(tmp_path)
    for number, (room, statement) in enumerate(VIOLATIONS.values()):
        (tmp_path / room / f"violation{number}.py").write_text(statement + "\n")
    linted = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(VIOLATIONS) == {contract["name"] for contract in CONTRACTS}
    assert [name for name in VIOLATIONS if f"{name} BROKEN" not in linted.stdout] == [], linted.stdout + linted.stderr


def repository_files() -> list[Path]:
    """What git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_package_index() -> None:
    # Asked from pip, so that this file doesn't name them either.
    asked = "from pip._internal.models.index import PyPI; print(PyPI.netloc, PyPI.file_storage_domain)"
    hosts = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, text=True).stdout.split()
    assert len(hosts) == 2
    files = repository_files()
    assert ROOT / "pyproject.toml" in files
    assert [path for path in files for host in hosts if host.encode() in path.read_bytes()] == []


def copy_packages(target: Path) -> None:
    """The packages and what their distribution is made from, as in a fresh clone."""
    for path in repository_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / relative)


def test_a_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """An editable install finds files that a real one would lack: migrations, templates, the page."""
    source = tmp_path / "source"
    copy_packages(source)
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "wheels"]
    subprocess.run([sys.executable, "-m", *build, str(source)], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
    wanted = {str(path.relative_to(ROOT)) for path in repository_files() if path.relative_to(ROOT).parts[0] in PACKAGES}
    assert wanted - held == set()
