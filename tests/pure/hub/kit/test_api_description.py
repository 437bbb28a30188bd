"""The description of the API: whole, with examples that are true, and for this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, TypeAdapter
from starlette.testclient import TestClient

from hub.app import ROUTERS, create_app
from hub.kit.api_description import description_of
from stinercut.settings import Settings

ADDRESSES = ("/api", "/api/openapi.json")
LOCAL = "http://127.0.0.1:8800"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(Settings(data=tmp_path, hub_names="hub.example"))


@pytest.fixture
def whole(app: FastAPI) -> dict[str, Any]:
    return description_of(app)


def operations(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def routes() -> list[APIRoute]:
    """All that is described."""
    found = [context.original_route for router in ROUTERS for context in iter_route_contexts(router.routes)]
    return [one for one in found if isinstance(one, APIRoute) and one.include_in_schema]


def models() -> dict[str, type[BaseModel]]:
    """What routes take and answer, as far as it is a model of ours."""
    found: dict[str, type[BaseModel]] = {}
    for route in routes():
        body = route.body_field.field_info.annotation if route.body_field is not None else None
        for kind in (route.response_model, body):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found[kind.__name__] = kind
    return found


def test_every_operation_says_what_it_does(whole: dict[str, Any]) -> None:
    said = dict(operations(whole))
    assert len(said) > 35
    assert [name for name, one in said.items() if not (one["summary"] and one["description"] and one["tags"])] == []
    names = [one["operationId"] for one in said.values()]
    assert sorted(names) == sorted(set(names))


def test_every_body_and_answer_has_an_example_that_is_one() -> None:
    assert {"Assign", "GroupView", "CutView", "JumpView", "Cards", "RetryRequest"} <= models().keys()
    for name, model in models().items():
        extra: Any = model.model_config.get("json_schema_extra") or {}
        examples = extra.get("examples", [])
        assert examples, name
        for one in examples:
            # As JSON, so that moments and the like are taken as they are sent.
            read = TypeAdapter(model).validate_json(TypeAdapter(Any).dump_json(one))
            assert set(one) <= set(model.model_fields), name
            assert read.model_dump(mode="json").keys() >= one.keys(), name


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("host", ["127.0.0.1:8800", "localhost:8800", "[::1]:8800"])
def test_this_machine_gets_it(app: FastAPI, address: str, host: str) -> None:
    assert TestClient(app, base_url=LOCAL).get(address, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "headers", [{"host": "hub.example"}, {"x-forwarded-for": "192.0.2.7"}, {"forwarded": "for=192.0.2.7"}]
)
def test_nobody_who_comes_through_a_proxy_gets_it(app: FastAPI, address: str, headers: dict[str, str]) -> None:
    answer = TestClient(app, base_url=LOCAL).get(address, headers=headers)
    assert answer.status_code == 404
    assert answer.json()["error"]["what"] == "there is no such page"


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("host", ["127.0.0.1:8800", "localhost", "192.0.2.1"])
def test_a_hub_that_listens_to_others_gives_it_to_nobody(tmp_path: Path, address: str, host: str) -> None:
    open_hub = create_app(Settings(data=tmp_path, host="0.0.0.0", access="open"))
    assert TestClient(open_hub, base_url=LOCAL).get(address, headers={"host": host}).status_code == 404


def test_the_page_asks_for_no_other_host(app: FastAPI) -> None:
    answer = TestClient(app, base_url=LOCAL).get("/api")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "//" not in answer.text.replace("</", "")
