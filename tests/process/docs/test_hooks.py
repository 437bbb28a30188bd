"""The hooks of pre-commit, run by pre-commit itself in a repository made for it.

Owns: that they find what the linters find, and fetch nothing. Not here: what stands in their file
(`tests/pure/docs/test_editor_settings.py`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import REPOSITORY

IN_ORDER = '"""A module."""\n\nanswer: int = 42\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with our hooks and settings, and one module in order."""
    copy = tmp_path / "checkout"
    (copy / "app").mkdir(parents=True)
    for name in (".pre-commit-config.yaml", "pyproject.toml", ".gitignore"):
        shutil.copy(REPOSITORY / name, copy)
    (copy / ".venv").symlink_to(sys.prefix)
    (copy / "app" / "module.py").write_text(IN_ORDER)
    subprocess.run(["git", "init", "--quiet", "."], cwd=copy, check=True)
    return copy


def hook(name: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run one, on what is staged. No proxy answers, so nothing could be fetched."""
    subprocess.run(["git", "add", "app"], cwd=checkout, check=True)
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "PRE_COMMIT_HOME": str(checkout.parent / "hooks")}
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", name],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("ruff", "import os\n", "files were modified by this hook"),
        ("ruff-format", "answer  =  42\n", "files were modified by this hook"),
        ("pyright", 'answer: int = "42"\n', "reportAssignmentType"),
    ],
)
def test_a_hook_notices_what_its_linter_notices(checkout: Path, name: str, wrong: str, said: str) -> None:
    passed = hook(name, checkout)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    (checkout / "app" / "module.py").write_text(wrong)
    failed = hook(name, checkout)
    assert failed.returncode == 1
    assert said in failed.stdout
