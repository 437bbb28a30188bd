"""`make near` chooses the tests whose imports reach what changed, and no fewer."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.near import ABOUT_DOCUMENTS, changed_since, import_graph, near, reaching
from support.repository import REPOSITORY

GRAPH = import_graph(REPOSITORY)


def test_a_module_of_few_users_has_few_tests() -> None:
    chosen = near(GRAPH, ["detector/sources/windows.py"])
    assert "tests/pure/stinercut/films/plan/test_plan.py" not in chosen
    assert set(ABOUT_DOCUMENTS) <= set(chosen)


def test_what_everything_uses_has_nearly_all() -> None:
    tests = [file for file in GRAPH if Path(file).name.startswith("test_")]
    assert len(near(GRAPH, ["stinercut/errors.py"])) > 0.8 * len(tests)


def test_the_way_leads_through_packages_and_support() -> None:
    assert "tests/db/stinercut/catalog/test_engine.py" in near(GRAPH, ["stinercut/catalog/engine.py"])
    found = reaching(GRAPH, ["stinercut/video/ffmpeg_runner.py"])
    assert {"tests/support/footage.py", "tests/media/stinercut/films/test_golden_films.py"} <= found


def test_fixtures_are_imports() -> None:
    assert "tests/process/hub/test_hub_server.py" in near(GRAPH, ["tests/process/conftest.py"])


def test_a_file_of_data_is_a_change_of_its_room() -> None:
    page = near(GRAPH, ["hub/board/page/board.js"])
    assert "tests/db/hub/board/test_board_feed.py" in page
    assert near(GRAPH, ["README.md"]) == sorted(ABOUT_DOCUMENTS)
    assert near(GRAPH, []) == []


def test_what_differs_is_what_was_changed_added_and_committed(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    for name in ("kept", "changed", "committed"):
        (tmp_path / name).write_text("1")
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "work")
    (tmp_path / "committed").write_text("2")
    git("commit", "-am", "second")
    (tmp_path / "changed").write_text("2")
    (tmp_path / "ä new one").write_text("1")
    assert changed_since(tmp_path, "main") == ["changed", "committed", "ä new one"]
