"""docs/offload.md against the tests: every row of the crash matrix names tests that are there, and none is missing."""

from __future__ import annotations

import re

from support.repository import REPOSITORY

ROOT = REPOSITORY
PAGE = (ROOT / "docs" / "offload.md").read_text()
TESTS = ROOT / "tests" / "process" / "detector"
NAMED = set(re.findall(r"`(test_\w+\.py)::(\w+)`", PAGE))


def test_every_row_names_tests_that_are_there() -> None:
    texts = {file.name: file.read_text() for file in (ROOT / "tests").rglob("test_*.py")}
    for file, name in NAMED:
        assert re.search(rf"^(?:def|class) {name}\b", texts[file], re.M), f"{file}::{name}"


def test_every_test_of_the_matrix_has_its_row() -> None:
    written = {
        (file.name, name)
        for file in TESTS.rglob("test_crash_matrix_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }
    assert written - NAMED == set()
    assert len(written) > 30


def test_the_steps_of_a_copy_are_listed() -> None:
    steps = re.findall(r'^    "([a-z ]+)": _', (ROOT / "tests" / "support" / "dying_detector.py").read_text(), re.M)
    assert len(steps) == 11
    assert f"SIGKILL after each step: {', '.join(steps)} |" in PAGE
