"""Every route of the hub is in the table with the permission that it needs, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

from hub.app import access_of, create_app
from hub.kit.access.route_permissions import ROUTES, SOCKET, RouteTable, Rule
from stinercut.people.permissions import PERMISSIONS_OF, AccountRole, Permission
from stinercut.settings import Settings


def routes_of_the_hub(folder: Path) -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(create_app(Settings(data=folder)).routes):
        route = context.original_route
        methods = getattr(route, "methods", None) or {SOCKET}
        yield from ((method, str(getattr(route, "path", route))) for method in methods)


def test_each_route_has_an_entry_of_its_own_and_each_entry_a_route(tmp_path: Path):
    table = access_of(Settings(data=tmp_path)).table
    there = set(routes_of_the_hub(tmp_path))
    missing = [f"{method} {path}" for method, path in there if table.need_of_route(method, path) is None]
    assert missing == [], "add a line to ROUTES in hub/kit/access/route_permissions.py"
    for method, path in there:
        like = re.sub(r"\{(\w+)\}", r"a\1", path)
        assert table.need_of_path(method, like) == table.need_of_route(method, path), "another entry hides it"
    assert set(ROUTES) <= {f"{method} {path}" for method, path in there}, "no such route any more"


def test_what_answers_everybody_is_listed_here_too():
    """Whoever opens a route to everybody says so twice."""
    assert {route for route, need in ROUTES.items() if need is Rule.OPEN} == {
        "GET /healthz", "GET /readyz", "GET /login", "POST /login", "GET /login.css", "GET /icon.svg",
        "GET /passenger.css",
    }  # fmt: skip
    own = {route for route, need in ROUTES.items() if need is Rule.OWN_RULE}
    assert {route.split()[1].split("/")[1] for route in own} == {"ws", "first-admin", "f"}


def test_each_permission_is_needed_somewhere_or_known_to_come():
    to_come = {Permission.SETTINGS_WRITE, Permission.DAGSTER_READ}
    assert {need for need in ROUTES.values() if isinstance(need, Permission)} == set(Permission) - to_come


@pytest.mark.parametrize("path", ["/api/secret", "/films/a/b/c/d.mp4", "/api/jumps/a/b", "/login/x", "/f/", "//login"])
def test_an_unlisted_path_has_no_entry(path: str, tmp_path: Path):
    assert access_of(Settings(data=tmp_path)).table.need_of_path("GET", path) is None


def test_a_change_is_no_reading():
    table = RouteTable({"GET /a": Rule.OPEN})
    assert table.need_of_path("HEAD", "/a") is Rule.OPEN
    assert table.need_of_path("POST", "/a") is None
    assert table.need_of_path(SOCKET, "/a") is None


def test_a_screen_changes_nothing():
    for route, need in ROUTES.items():
        if not route.startswith(("GET ", "SOCKET ")) and isinstance(need, Permission):
            assert need not in PERMISSIONS_OF[AccountRole.SCREEN], route
