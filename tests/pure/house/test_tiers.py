"""A test lies in the tier of what it uses.

Owns: which modules and fixtures the tiers pure and db may use, and that a forbidden process is refused. Not here: the
tiers themselves (`tests/support/tiers.py`).
"""

from __future__ import annotations

import ast

import pytest
from support.tiers import TESTS, TIERS, TierGuard, may_start, tier_of

SERVERS_AND_PROCESSES = {
    *("subprocess", "multiprocessing", "support.servers", "support.hubs", "support.commands", "support.decoders"),
    *(
        "support.stacks",
        "support.plugs",
        "support.slow_card",
        "support.desk",
        "support.warm",
        "support.relay",
        "support.browsers",
    ),
    *("support.dying_detector", "support.dying_hub", "support.footage", "support.golden", "support.fake_ffmpeg"),
}
CATALOG_FIXTURES = {"catalog", "catalog_url", "postgres_url", "migrated_database"}
SERVER_FIXTURES = {"hub", "known", "redis", "redis_server", "fleet_settings"}


def misplaced(tier: str, code: str) -> set[str]:
    """What a file of this tier imports or is given, and may not have."""
    module = ast.parse(code)
    nodes = list(ast.walk(module))
    imported = {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    own = {one.name for one in functions}
    given = {argument.arg for one in functions if _is_given_fixtures(one) for argument in one.args.args} - own
    forbidden = SERVER_FIXTURES | (CATALOG_FIXTURES if tier == "pure" else set[str]())
    return (imported & SERVERS_AND_PROCESSES) | (given & forbidden)


def _is_given_fixtures(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = " ".join(ast.unparse(one) for one in function.decorator_list)
    return function.name.startswith("test") or "fixture" in decorators


def test_every_test_lies_in_a_tier() -> None:
    assert {tier_of(path) for path in TESTS.rglob("test_*.py")} == set(TIERS)


def test_tests_that_are_pure_or_of_the_catalog_use_nothing_else() -> None:
    files = [path for tier in ("pure", "db") for path in (TESTS / tier).rglob("test_*.py")]
    found = {str(path.relative_to(TESTS)): misplaced(tier_of(path) or "", path.read_text()) for path in files}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("tier", "code", "what"),
    [
        ("pure", "import subprocess", "subprocess"),
        ("db", "from support.footage import make_clip", "support.footage"),
        ("pure", "def test_it(catalog): ...", "catalog"),
        ("db", "@pytest.fixture\ndef card(hub): ...", "hub"),
    ],
)
def test_a_test_in_the_wrong_tier_is_noticed(tier: str, code: str, what: str) -> None:
    assert misplaced(tier, code) == {what}


def test_a_catalog_of_the_files_own_and_of_the_tier_are_taken() -> None:
    assert misplaced("db", "def test_it(catalog): ...") == set()
    assert misplaced("pure", "@pytest.fixture\ndef hub(): ...\ndef test_it(hub): ...") == set()


def test_a_process_of_another_tier_is_refused_and_told_of() -> None:
    guard = TierGuard()
    guard.begin("pure")
    with pytest.raises(AssertionError, match=r"a test in tests/pure may not start .*python"):
        guard.heard("subprocess.Popen", ("python", ["python", "-c", ""], None, None))
    assert len(guard.end()) == 1


def test_what_each_tier_may_start() -> None:
    assert not may_start("pure", ["true"])
    assert may_start("db", ["/usr/lib/postgresql/15/bin/initdb", "-D", "x"])
    assert not may_start("db", ["ffmpeg"])
    assert may_start("process", ["python", "-m", "hub"])
