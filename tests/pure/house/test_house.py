"""The rules of the house, checked: who imports whom, what each extra brings, what is pinned, what a wheel holds."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from pydantic import Field, TypeAdapter
from support.bounded import openapi_of, unbounded
from support.repository import REPOSITORY, nodes_of, parsed

from hub.app import create_app
from stinercut.protocol import Envelope
from stinercut.settings import Settings

ROOT = REPOSITORY
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
CONTRACTS: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]

# ------------------------------------------------------------------------------------------------ who imports whom


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_the_contracts_and_the_distribution_know_every_package() -> None:
    here = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert here == set(PACKAGES)
    assert {name.rstrip("*") for name in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]} == here


# ------------------------------------------------------------------------------------------------ who starts processes

STARTERS = {
    "stinercut/video/ffmpeg_runner.py": "ffmpeg and ffprobe",
    "stinercut/codes/decoders.py": "a decoder that may crash, kept apart",
    "stinercut/films/photos/camera_photos.py": "what opens photos, which may crash, kept apart",
    "stinercut/drawing/svg_renderer.py": "drawing an SVG, which may never end",
    "app/processes/supervisor.py": "the processes of `stinercut up`",
    "app/processes/guard_start.py": "the guard that ends them when the supervisor is killed",
    "app/commands/detector.py": "systemctl, when a person asks for it",
}
STARTING = {"create_subprocess_exec", "create_subprocess_shell", "popen", "system", "run_async", "posix_spawn"}


def starts_processes(module: ast.Module) -> bool:
    """Whether a module imports subprocess or calls what else starts a program (ffmpeg-python: run, probe)."""
    for node in nodes_of(module):
        match node:
            case ast.Import(names=names) if any(name.name == "subprocess" for name in names):
                return True
            case ast.ImportFrom(module="subprocess"):
                return True
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in STARTING:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name("ffmpeg"), attr="run" | "probe")):
                return True
            case _:
                pass
    return False


def test_processes_are_started_in_few_known_places() -> None:
    modules = {str(path.relative_to(ROOT)): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    found = {name for name, path in modules.items() if starts_processes(parsed(path))}
    assert found == set(STARTERS)


@pytest.mark.parametrize("code", ["import subprocess", "from subprocess import run", "ffmpeg.run(x)", "os.system('x')"])
def test_a_started_process_is_noticed(code: str) -> None:
    assert starts_processes(ast.parse(code))


# ------------------------------------------------------------------------------------------------ who locks files

LOCKING = {"fcntl", "msvcrt", "filelock", "portalocker"}


def locks_files(module: ast.Module) -> bool:
    """Whether a module imports what locks files."""
    imports = [node for node in nodes_of(module) if isinstance(node, ast.Import)]
    froms = [node.module for node in nodes_of(module) if isinstance(node, ast.ImportFrom)]
    return bool(LOCKING & {*(name.name for node in imports for name in node.names), *froms})


def test_files_are_locked_in_one_place() -> None:
    modules = {str(path.relative_to(ROOT)): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    found = {name for name, path in modules.items() if locks_files(parsed(path))}
    assert found == {"stinercut/storage/locks.py"}


@pytest.mark.parametrize("code", ["import fcntl", "from filelock import FileLock", "def one():\n    import msvcrt"])
def test_a_lock_elsewhere_is_noticed(code: str) -> None:
    assert locks_files(ast.parse(code))


# ------------------------------------------------------------------------------------------------ what is bounded


def test_all_that_comes_from_a_page_or_a_program_has_a_bound(tmp_path: Path) -> None:
    whole = openapi_of(create_app(Settings(data=tmp_path)))
    found: list[str] = []
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            asked = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", ()):
                found += unbounded(parameter["schema"], whole, f"{asked} {parameter['name']}")
            for content in operation.get("requestBody", {}).get("content", {}).values():
                found += unbounded(content["schema"], whole, f"{asked} body")
    assert found == []


def test_all_that_comes_from_a_detector_or_the_hub_has_a_bound() -> None:
    schema = TypeAdapter(Envelope).json_schema()
    assert list(unbounded(schema, schema)) == []


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (str, ": a text"),
        (Annotated[str, Field(pattern="^a+$")], ": a text"),
        (list[bool], ": a list"),
        (Annotated[list[str], Field(max_length=1)], "[]: a text"),
        (dict[str, bool], ": a table"),
        (Any, ": anything"),
        (Annotated[int, Field(ge=0)], ": a number"),
        (float | None, ": a number"),
    ],
)
def test_what_has_no_bound_is_noticed(kind: Any, what: str) -> None:
    schema = TypeAdapter(kind).json_schema()
    assert list(unbounded(schema, schema)) == [what]


# ------------------------------------------------------------------------------------------------ who reads the clock

CLOCK = "stinercut/clock.py"
"""The one place that reads the machine's clock."""
CLOCK_EDGES = {
    "stinercut/catalog/engine.py": "the clock of a catalog that is opened without another one",
    "stinercut/catalog/moments.py": "the clock of engines that are not a catalog's: migrations",
    "stinercut/video/encoders.py": "how old the note of this machine's encoders is",
    "stinercut/synthetic/card.py": "a card is filmed today where nobody says when",
    "stinercut_assets/upkeep/time_zone.py": "the machine's distance from UTC",
    "detector/copy/offload.py": "the clock of a detector",
    "hub/app.py": "when a request came, for the access log",
    "hub/runs/dagster_door.py": "how old a pass to Dagster's pages may be",
    "app/engine/dagster_guard.py": "how old a pass to Dagster's pages may be",
    "app/commands/render.py": "the day of a film whose clips don't say theirs",
    "app/doctor/detector.py": "this machine's clock beside the hub's",
    "app/fleet/registry.py": "when a run's process sent its heartbeat",
    "app/engine/daemon_health.py": "how long ago a heartbeat was",
    "app/stack/prepare.py": "how old leftovers are when the stack starts",
    "app/fleet/worker_node.py": "since when a worker lives",
}
"""Who may take the machine's clock, and for what. Rules and queries are given a moment, or a clock."""
MOMENTS = {"now", "today", "utcnow", "time", "time_ns", "localtime", "gmtime", "ctime", "current_timestamp"}
TELLERS = {"datetime", "date", "time", "func", "dt"}


def reads_the_clock(module: ast.Module) -> bool:
    """Whether a module asks Python or the database for the present moment."""
    for node in nodes_of(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(teller) | ast.Attribute(attr=teller), attr=attr)) if (
                teller in TELLERS and attr in MOMENTS
            ):
                # `time.localtime(x)` converts a moment; without one it asks for it. `datetime.now(UTC)` asks always.
                if attr in ("now", "utcnow") or not node.args:
                    return True
            case ast.ImportFrom(module="time", names=names) if any(name.name in MOMENTS for name in names):
                return True
            case ast.Constant(value=str(text)) if "current_timestamp" in text.lower():
                return True
            case _:
                pass
    return False


def takes_the_machines_clock(module: ast.Module) -> bool:
    return any(isinstance(node, ast.alias) and node.name == "machine_clock" for node in nodes_of(module))


def test_the_clock_is_read_in_one_place_and_taken_at_known_edges() -> None:
    paths = {str(path.relative_to(ROOT)): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    modules = {name: parsed(path) for name, path in paths.items()}
    assert {name for name, module in modules.items() if reads_the_clock(module)} == {CLOCK}
    assert {name for name, module in modules.items() if takes_the_machines_clock(module)} == set(CLOCK_EDGES)


@pytest.mark.parametrize(
    "code",
    [
        *("datetime.now(UTC)", "dt.datetime.now()", "date.today()", "time.time()", "from time import time"),
        *("time.localtime()", "func.now()", "text('SELECT CURRENT_TIMESTAMP')"),
    ],
)
def test_a_look_at_the_clock_is_noticed(code: str) -> None:
    assert reads_the_clock(ast.parse(code))


@pytest.mark.parametrize("code", ["time.monotonic()", "datetime.fromtimestamp(x)", "time.localtime(x)", "clock()"])
def test_other_times_are_no_look_at_the_clock(code: str) -> None:
    assert not reads_the_clock(ast.parse(code))


# ------------------------------------------------------------------------------------------------ what is installed


def requirements_of(extras: Iterable[str]) -> list[Requirement]:
    """What pyproject.toml asks for with these extras; extras of our own that an extra names are followed."""
    optional: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
    found = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
    for extra in extras:
        for requirement in map(Requirement, optional[extra]):
            if requirement.name == PYPROJECT["project"]["name"]:
                found += requirements_of(requirement.extras)
            else:
                found.append(requirement)
    return found


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether a distribution that was asked for with these extras needs this one of its requirements here."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def closure_of(*extras: str) -> set[NormalizedName]:
    """Every distribution that `pip install .[extras]` brings on this platform, from what is installed here."""
    seen: set[tuple[NormalizedName, frozenset[str]]] = set()
    waiting = requirements_of(extras)
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        needs = map(Requirement, metadata.requires(requirement.name) or [])
        waiting += [needed for needed in needs if applies(needed, requirement.extras)]
    return {name for name, _ in seen}


HEAVY = ("dagster", "opencv", "numpy", "pillow", "sqlalchemy", "psycopg2", "alembic", "fastapi")


def heavy(names: Iterable[str]) -> set[str]:
    return {start for start in HEAVY for name in names if name.startswith(start)}


def test_the_detector_extra_brings_no_pipeline_no_pictures_and_no_database() -> None:
    assert heavy(closure_of("detector")) == set()
    assert {"watchfiles", "websockets", "pydantic-core"} <= closure_of("detector")


def test_the_whole_does_bring_them() -> None:
    # Otherwise the test above would pass because nothing is followed.
    assert heavy(closure_of("all")) == set(HEAVY)


# ------------------------------------------------------------------------------------------------ what is pinned

NOT_IN_THE_CLOSURE = {"setuptools"}
"""Pinned, and not found from here: the build backend."""


def pins() -> dict[NormalizedName, Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    read = [Requirement(line) for line in lines if line]
    assert len({canonicalize_name(one.name) for one in read}) == len(read), "a distribution is pinned twice"
    return {canonicalize_name(one.name): one for one in read}


def test_constraints_pin_one_version_each_and_name_no_place() -> None:
    for pin in pins().values():
        assert pin.url is None
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin
        assert "*" not in str(pin.specifier), pin
    text = (ROOT / "constraints.txt").read_text()
    assert "//" not in text
    assert not [line for line in text.splitlines() if line.startswith("-")], "options belong to pip's configuration"


def pins_here() -> dict[NormalizedName, Requirement]:
    """What is pinned for this platform and this Python."""
    return {name: pin for name, pin in pins().items() if pin.marker is None or pin.marker.evaluate()}


def test_constraints_hold_the_whole_closure_and_nothing_else() -> None:
    assert set(pins_here()) - NOT_IN_THE_CLOSURE == closure_of("all", "dev")


def test_what_is_installed_is_what_is_pinned() -> None:
    here = {name: pin for name, pin in pins_here().items() if name not in NOT_IN_THE_CLOSURE}
    pinned = {name: next(iter(pin.specifier)).version for name, pin in here.items()}
    assert {name: metadata.version(name) for name in pinned} == pinned
