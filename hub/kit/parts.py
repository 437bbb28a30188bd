"""Gives a route the part of the hub that it works with: `Annotated[FilmFiles, Depends(part(FilmFiles))]`.

Owns: `provide` and `part`, and reading or writing the catalog off the event loop. Not here: the parts (`hub.app` makes
and provides them, so no route imports it).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from stinercut.catalog import Catalog

P = TypeVar("P")
T = TypeVar("T")


def provide(app: FastAPI, *parts: object) -> None:
    """Add parts to an application, one of each class."""
    before: dict[type, object] = getattr(app.state, "parts", {})
    app.state.parts = {**before, **{type(item): item for item in parts}}


def part(kind: type[P]) -> Callable[[HTTPConnection], Awaitable[P]]:
    """A dependency that gives the application's part of this class."""

    # A coroutine, although it waits for nothing, because FastAPI runs plain functions in a thread.
    async def found(connection: HTTPConnection) -> P:
        return connection.app.state.parts[kind]

    return found


CatalogPart = Annotated[Catalog, Depends(part(Catalog))]


async def read(catalog: Catalog, query: Callable[[Session], T]) -> T:
    """Run a query off the event loop. Returns its answer."""

    def reading() -> T:
        with catalog.read() as session:
            return query(session)

    return await asyncio.to_thread(reading)


async def write(catalog: Catalog, decide: Callable[[Session], T]) -> T:
    """Run a change off the event loop. Returns its answer once the change is durable."""

    def writing() -> T:
        with catalog.write() as session:
            return decide(session)

    return await asyncio.to_thread(writing)
