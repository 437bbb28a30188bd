"""The OpenAPI description of our API, for programs and for the page `/api`; only this machine gets it.

Owns: `/api/openapi.json`, the names of operations in it, who may fetch it. Not here: the page
(`hub/kit/page/api.html`), summaries and examples, which are in each domain's routes and models.
"""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from hub.kit.parts import part
from stinercut.errors import NotFound
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.own_names import OwnNames, host_name, is_loopback

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")
"""Headers by which a proxy shows that it forwards somebody else's request."""


def operation_id(route: APIRoute) -> str:
    """The name of an operation for generated clients: its domain and its function."""
    return "_".join([*(str(tag) for tag in route.tags), route.name])


def description_of(app: FastAPI) -> dict[str, Any]:
    """An application's API as OpenAPI. HEAD is left out, since it is the same as GET and has the same name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate Operation ID")
        whole = app.openapi()
    paths = {
        path: {method: operation for method, operation in methods.items() if method != "head"}
        for path, methods in whole["paths"].items()
    }
    return {**whole, "paths": paths}


async def on_this_machine(request: Request, names: Annotated[OwnNames, Depends(part(OwnNames))]) -> None:
    """Raise NotFound unless the hub listens on loopback only, under a loopback name, and no proxy forwards."""
    name = host_name(request.headers.get("host", ""))
    is_own = name == "localhost" or name.endswith(".localhost") or is_loopback(name)
    if not (names.only_loopback and is_own) or any(header in request.headers for header in FORWARDED):
        raise NotFound(Message.of(RefusalCode.NO_SUCH_PAGE))


OnThisMachine = Depends(on_this_machine)

router = APIRouter(tags=["description"], dependencies=[OnThisMachine])


@router.get("/api/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """The API of this application, as OpenAPI."""
    return JSONResponse(description_of(request.app), headers={"cache-control": "no-cache"})
