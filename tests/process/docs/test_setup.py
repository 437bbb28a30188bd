"""The set-up and what CI runs, as far as they can be tried without changing this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.repository import REPOSITORY

ROOT = REPOSITORY


def setup(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "setup", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_setup_refuses_what_it_does_not_know() -> None:
    refused = setup("--all")
    assert refused.returncode == 2
    assert "usage: scripts/setup [--dev]" in refused.stderr


def test_setup_says_that_python_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    refused = setup(PYTHON=str(old))
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed" in refused.stderr
    assert "Python 3.9.2" in refused.stderr


def only(folder: Path, *programs: str) -> str:
    """A PATH on which there is nothing but these programs."""
    for program in programs:
        found = shutil.which(program)
        assert found, program
        (folder / program).symlink_to(found)
    return str(folder)


SHELL_TOOLS = ("sh", "dirname", "date", "tr", "sed", "grep", "head", "find", "id")


def test_setup_without_apt_names_what_is_missing(tmp_path: Path) -> None:
    refused = setup(PATH=only(tmp_path, *SHELL_TOOLS), PYTHON=sys.executable)
    assert refused.returncode == 1
    assert "this system has no apt" in refused.stderr
    assert "ffmpeg" in refused.stderr


def test_setup_without_sudo_says_what_root_must_type(tmp_path: Path) -> None:
    (tmp_path / "apt-get").symlink_to("/bin/false")
    path = only(tmp_path, *(tool for tool in SHELL_TOOLS if tool != "id"))
    # The tests may run as root, who needs no sudo.
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    refused = setup(PATH=path, PYTHON=sys.executable)
    assert refused.returncode == 1
    assert "As root: apt-get install --no-install-recommends ffmpeg" in refused.stderr


def test_make_test_sets_up_then_lints_then_tests() -> None:
    # These tests are run by `make test` themselves, and a make within a make would print its folders too.
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    dry = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True, env=alone)
    assert dry.stdout.splitlines() == [
        "scripts/setup --dev",
        ".venv/bin/ruff check .",
        ".venv/bin/ruff format --check .",
        ".venv/bin/pyright",
        "TZ=Pacific/Auckland .venv/bin/pytest -n 2 --dist worksteal --clock +395"
        " --ignore=tests/pure/house --ignore=tests/pure/docs"
        " --db sqlite -m 'not slow and not long' tests/pure tests/db",
        ".venv/bin/pytest -n 3 --dist worksteal -m 'not long'",
    ]


def test_make_alone_explains_every_target() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "up", "test", "quick", "lint", "format", "setup", "clean"):
        assert f"make {target} " in said


def ci_run(folder: Path, recipe: str) -> subprocess.CompletedProcess[str]:
    """`.ci/run` in a checkout whose `make test` is this recipe."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "Makefile").write_text(f"test:\n\t@{recipe}\n")
    return subprocess.run(
        [folder / ".ci" / "run"],
        cwd="/",
        env={**os.environ, "CI": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_ci_passes_success_on(tmp_path: Path) -> None:
    ran = ci_run(tmp_path, "echo '=== 12 passed in 3.21s ==='")
    assert ran.returncode == 0
    assert ran.stdout.splitlines() == ["=== 12 passed in 3.21s ==="]


def test_ci_passes_failure_on_and_ends_with_the_closing_line(tmp_path: Path) -> None:
    ran = ci_run(tmp_path, "echo '=== 1 failed, 11 passed in 3.21s ==='; echo afterwards; exit 1")
    assert ran.returncode != 0
    assert ran.stdout.splitlines()[-1] == "=== 1 failed, 11 passed in 3.21s ==="


def test_ci_fails_when_a_linter_does(tmp_path: Path) -> None:
    ran = ci_run(tmp_path, "echo 'Found 3 errors.'; exit 1")
    assert ran.returncode != 0
    assert ran.stdout.splitlines() == ["Found 3 errors."]
