"""The names that others hold on to: an installation's database and runs, its scripts, its detectors, its bookmarks.

They outlive any move of our modules. They stand in `stable_names.json`, one a line: whoever adds one adds its line,
whoever takes one away says there that it is gone, and thinks of who still uses it.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest
import typer.main
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.routing import BaseRoute, Route, WebSocketRoute
from support.repository import nodes_of, parsed

from app import detector_cli
from app.cli import cli
from app.engine.definitions import defs
from hub.app import create_app
from hub.pages import PAGES
from stinercut.catalog.models import Base
from stinercut.protocol import Message
from stinercut.settings import Settings
from stinercut_assets.cards.step_kinds import CARD_KINDS
from stinercut_assets.common.partitions import cards, jumps
from stinercut_assets.films.step_kinds import FILM_KINDS

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
LIST = Path(__file__).with_name("stable_names.json")
FROZEN: dict[str, list[str]] = json.loads(LIST.read_text("utf-8"))


def sources() -> Iterator[ast.Module]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield parsed(path)


def texts_like(pattern: str) -> set[str]:
    """Every text in the code that is wholly of this form."""
    nodes = (node for module in sources() for node in nodes_of(module) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str) and re.fullmatch(pattern, node.value)}


# ------------------------------------------------------------------------------------------------ Dagster


def assets() -> Iterable[str]:
    return (key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys())


def asset_checks() -> Iterable[str]:
    return (f"{key.asset_key.to_user_string()}: {key.name}" for key in defs.resolve_asset_graph().asset_check_keys)


def jobs() -> Iterable[str]:
    return (job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__"))


def steps() -> Iterable[str]:
    """The steps of runs: settings name them (STINERCUT_STEP_RETRIES), and a run is tried again from one on."""
    jobs = defs.resolve_all_job_defs()
    return {node.name for job in jobs for node in job.all_node_defs if isinstance(node, dg.OpDefinition)}


def sensors() -> Iterable[str]:
    return (sensor.name for sensor in defs.sensors or ())


def schedules() -> Iterable[str]:
    return (one.name for one in defs.schedules or () if isinstance(one, dg.ScheduleDefinition))


def partition_sets() -> Iterable[str]:
    return filter(None, (cards.name, jumps.name))


def run_tags() -> Iterable[str]:
    return texts_like(r"stinercut/[a-z_]+")


# ------------------------------------------------------------------------------------------------ the hub


def application(folder: Path) -> FastAPI:
    return create_app(Settings(data=folder))


def routes(folder: Path) -> Iterator[BaseRoute]:
    """Those of routers that are included, too."""
    return (context.original_route for context in iter_route_contexts(application(folder).routes))


def http_routes(folder: Path) -> Iterator[str]:
    """All but the files that pages ask for, which come with the page."""
    of_pages = {f"/{path}" for path, file in PAGES.items() if file.suffix != ".html"}
    for route in routes(folder):
        if isinstance(route, Route | APIRoute):
            if route.path not in of_pages:
                yield from (f"{method} {route.path}" for method in (route.methods or ()) if method != "HEAD")
        elif not isinstance(route, WebSocketRoute | APIWebSocketRoute):
            yield f"ANY {getattr(route, 'path', route)}"


def web_socket_paths(folder: Path) -> Iterator[str]:
    return (route.path for route in routes(folder) if isinstance(route, WebSocketRoute | APIWebSocketRoute))


# ------------------------------------------------------------------------------------------------ what is kept


def catalog_columns() -> Iterator[str]:
    for table in Base.metadata.tables.values():
        yield from (f"{table.name}.{column.name}" for column in table.columns)


def event_types() -> Iterator[str]:
    """What `events.append` is given; `*` stands for what is only known as it runs."""
    calls = (node for module in sources() for node in nodes_of(module) if isinstance(node, ast.Call))
    for call in calls:
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == "events.append":
            yield from _texts_of(call.args[1])


def _texts_of(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _texts_of(body)
            yield from _texts_of(other)
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        case _:
            yield f"*{ast.unparse(node)}"


def wire_messages() -> Iterator[str]:
    for kind in get_args(Message):
        model: type[BaseModel] = kind
        said = model.model_fields["type"].default
        yield from (f"{said}: {line}" for line in _fields_of(model))


def _fields_of(model: type[BaseModel], before: str = "", within: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    """The fields, and those of what a field holds; of a model that holds itself once."""
    for name, field in model.model_fields.items():
        yield before + name
        for held in _models_in(field.annotation):
            if held not in within:
                yield from _fields_of(held, f"{before}{name}.", (*within, held))


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models_in(part)


def step_values() -> Iterator[str]:
    """What a run that began before an update has kept for after it. A new version of a kind needs an upgrade to it."""
    for kind in (*CARD_KINDS, *FILM_KINDS):
        schema = kind.adapter.json_schema(mode="serialization")
        models = {**schema.get("$defs", {}), kind.type.__name__: schema}
        for name, model in models.items():
            yield from (f"{kind.name} {kind.version}: {name}.{field}" for field in model.get("properties", ()))


def settings() -> Iterable[str]:
    return {f"STINERCUT_{name.upper()}" for name in Settings.model_fields} | texts_like("STINERCUT(_[A-Z]+)+")


# ------------------------------------------------------------------------------------------------ what is typed


def executables() -> Iterator[str]:
    yield from PYPROJECT["project"]["scripts"]
    yield str(detector_cli.cli.info.name)


def commands() -> Iterator[str]:
    for tree in (cli, detector_cli.cli):
        yield from _commands_of(typer.main.get_command(tree), str(tree.info.name))


def _commands_of(command: Any, path: str) -> Iterator[str]:
    below_it: dict[str, Any] | None = getattr(command, "commands", None)
    if below_it is None:
        yield path
        return
    for name, below in below_it.items():
        yield from _commands_of(below, f"{path} {name}")


WHERE: dict[str, Callable[[], Iterable[str]]] = {
    "assets": assets,
    "asset checks": asset_checks,
    "jobs": jobs,
    "steps": steps,
    "sensors": sensors,
    "schedules": schedules,
    "partition sets": partition_sets,
    "run tags": run_tags,
    "columns of the catalog": catalog_columns,
    "event types": event_types,
    "fields of messages between detector and hub": wire_messages,
    "fields of values between steps": step_values,
    "settings": settings,
    "executables": executables,
    "commands": commands,
}
OF_THE_HUB: dict[str, Callable[[Path], Iterable[str]]] = {
    "HTTP routes": http_routes,
    "WebSocket paths": web_socket_paths,
}


def difference(what: str, frozen: Iterable[str], found: Iterable[str]) -> list[str]:
    """What must be said about names that vanished or appeared; nothing where all are as they were."""
    before, now = set(frozen), set(found)
    gone = [f"{name} is gone from the {what}: others still use it." for name in sorted(before - now)]
    new = [f"{name} is new among the {what}: add its line to {LIST.name}." for name in sorted(now - before)]
    return gone + new


@pytest.mark.parametrize("what", WHERE)
def test_names_that_others_use_stay(what: str) -> None:
    assert difference(what, FROZEN[what], WHERE[what]()) == []


@pytest.mark.parametrize("what", OF_THE_HUB)
def test_addresses_that_others_use_stay(what: str, tmp_path: Path) -> None:
    assert difference(what, FROZEN[what], OF_THE_HUB[what](tmp_path)) == []


def test_the_list_is_in_order_and_holds_nothing_else() -> None:
    assert FROZEN.keys() == WHERE.keys() | OF_THE_HUB.keys()
    assert {what: sorted(set(names)) for what, names in FROZEN.items()} == FROZEN
    assert [what for what, names in FROZEN.items() if not names] == [], "a list that is empty would hold for nothing"


def test_a_name_that_vanishes_or_appears_is_said() -> None:
    assert difference("jobs", ["a", "b"], ["b", "c"]) == [
        "a is gone from the jobs: others still use it.",
        "c is new among the jobs: add its line to stable_names.json.",
    ]
