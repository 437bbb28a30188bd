"""The hub as a web application: makes its parts, includes its routers, starts and ends its background work.

Owns: `create_app`, `ROUTERS`, and the wiring of the parts. Not here: the parts themselves, errors (`hub.kit.errors`),
the rules for all requests (`hub.kit.guard`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.exc import SQLAlchemyError

import hub.board.routes
import hub.cards.routes
import hub.codes.routes
import hub.delivery.passenger_routes
import hub.delivery.routes
import hub.films.routes
import hub.jumps.routes
import hub.kit.api_description
import hub.kit.health
import hub.language.reader_languages
import hub.pages
import hub.people.routes
import hub.review.routes
import hub.runs.routes
from hub.board.feed import Feed
from hub.cards.copy_progress import Live
from hub.cards.detector_messages import Conversation
from hub.cards.import_queue import ImportQueue
from hub.cards.routes import DETECTOR_SOCKET
from hub.cards.socket import Detectors
from hub.codes.routes import CodeDrawing
from hub.delivery.mailer import Mailer, MailPlan
from hub.delivery.passenger_films import FilmShelf
from hub.delivery.passenger_routes import Passengers
from hub.delivery.routes import Desk
from hub.films.cuts import Cuts
from hub.films.files import FilmFiles
from hub.films.rerender import Renewal
from hub.kit.access.gate import Access, Gate, require_listed
from hub.kit.access.route_permissions import RouteTable
from hub.kit.access_log import AccessFile, AccessLog
from hub.kit.api_description import operation_id
from hub.kit.catalog_watch import CatalogWatch
from hub.kit.dagster_client import Dagster
from hub.kit.errors import add_error_answers
from hub.kit.guard import Guard
from hub.kit.parts import provide
from hub.kit.views import Links
from hub.language.reader_languages import HouseLanguage, ReaderWords
from hub.pages import FORMER, PAGES, VERSION
from hub.people.routes import SignIns
from hub.review.stills import Frames
from hub.runs.automation import AutomationWatch
from hub.runs.dagster_door import DagsterDoor
from hub.runs.pipeline import Pipeline
from stinercut import __version__
from stinercut.cards.import_folders import Imports
from stinercut.catalog import Catalog, events, migrate
from stinercut.clock import machine_clock
from stinercut.delivery.link_key import read_or_make_key
from stinercut.own_names import OwnNames, is_loopback, names_of_this_machine, own_names
from stinercut.people import audit, keys, logins
from stinercut.settings import Settings
from stinercut.storage.secret_files import local_secret_or_new
from stinercut.storage.store import Store

log = logging.getLogger("hub")

EVENTS_KEPT = timedelta(days=30)
_TIDY_EVERY_S = 6 * 3600

ROUTERS: Final[tuple[APIRouter, ...]] = (
    hub.pages.router,
    hub.kit.health.router,
    hub.kit.api_description.router,
    hub.language.reader_languages.router,
    hub.cards.routes.router,
    hub.jumps.routes.router,
    hub.films.routes.router,
    hub.review.routes.router,
    hub.codes.routes.router,
    hub.delivery.routes.router,
    hub.delivery.passenger_routes.router,
    hub.people.routes.router,
    hub.runs.routes.router,
    hub.board.routes.router,
)
"""The routers of all routes. The rules for all of them are in `hub.kit.guard`."""


@dataclass(frozen=True)
class Hub:
    """The parts, wired up."""

    catalog: Catalog
    live: Live
    links: Links
    watch: CatalogWatch
    feed: Feed
    detectors: Detectors
    pipeline: Pipeline
    films: FilmFiles
    imports: ImportQueue
    frames: Frames
    cuts: Cuts
    renewal: Renewal
    automation: AutomationWatch
    mailer: Mailer
    desk: Desk
    passengers: Passengers

    @classmethod
    def open(cls, settings: Settings) -> Hub:
        """Make all parts, over a migrated catalog."""
        catalog = Catalog.open(settings.catalog_url)
        live, links = Live(), Links(settings.dagster_address.rstrip("/"), settings.films_dir)
        store = Store(settings.store_dir)
        store.make()
        conversation = Conversation(catalog, store, settings.small_file_limit, settings.key_ring)
        token = settings.token.get_secret_value() if settings.token else None
        watch = CatalogWatch(catalog)
        detectors = Detectors(conversation, live, token, watch, keys=partial(_is_key, catalog))
        feed = Feed(live, links, watch, VERSION)
        imports = ImportQueue(Imports(catalog, store, settings.imports_dir))
        watch.on_card_news(imports.hear)
        pipeline = Pipeline(catalog, Dagster.at(settings.dagster_endpoint, settings.dagster_key), links)
        films, frames = FilmFiles(catalog, settings.films_dir), Frames(catalog, store)
        cuts = Cuts(catalog, store)
        shelf = (settings.templates_dir,)
        renewal = Renewal(catalog, pipeline.dagster, shelf, settings.template, settings.workers)
        automation = AutomationWatch(pipeline.dagster, settings.board_address)
        key = read_or_make_key(settings.link_key_file)
        local_secret_or_new(settings.local_secret_file)
        mailer = Mailer(catalog, key, settings.board_address, MailPlan.of(settings))
        desk = Desk(catalog, key, mailer, settings.board_address, settings.share_days, settings.language)
        passengers = Passengers(
            catalog,
            key,
            films,
            FilmShelf(settings.films_dir, shelf),
            settings.place,
            settings.language,
            settings.logo,
        )
        return cls(
            catalog=catalog,
            live=live,
            links=links,
            watch=watch,
            feed=feed,
            detectors=detectors,
            pipeline=pipeline,
            films=films,
            imports=imports,
            frames=frames,
            cuts=cuts,
            renewal=renewal,
            automation=automation,
            mailer=mailer,
            desk=desk,
            passengers=passengers,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.pipeline.dagster.close()
        self.catalog.close()


def create_app(settings: Settings) -> FastAPI:
    """The application. Its start migrates the catalog, and raises HostNotReady if the catalog can't be opened."""

    accesses = AccessFile(settings.logs_dir)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        await asyncio.to_thread(migrate, settings.catalog_url)
        parts = Hub.open(settings)
        provide(app, *(getattr(parts, field.name) for field in fields(parts)))
        works = (
            parts.watch.run(),
            parts.imports.run(),
            parts.automation.run(),
            parts.mailer.run(),
            _tidy(parts.catalog),
        )
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await parts.close()
            accesses.close()

    names = hub_names(settings)
    app = FastAPI(
        title="Stinercut hub",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=operation_id,
        dependencies=[Depends(require_listed)],
    )
    door = DagsterDoor(settings.dagster_address.rstrip("/"), settings.dagster_key)
    house = HouseLanguage(settings.language)
    access = access_of(settings)
    provide(app, names, house, CodeDrawing(settings.key_ring), door, access, SignIns(house, settings.place))
    app.add_middleware(Gate, access=access)
    app.add_middleware(Guard, names=names, detectors_path=DETECTOR_SOCKET)
    app.add_middleware(ReaderWords, house=house)
    app.add_middleware(AccessLog, note=accesses.note, clock=machine_clock)
    add_error_answers(app, house.of)
    for router in ROUTERS:
        app.include_router(router)
    return app


def access_of(settings: Settings) -> Access:
    """Who is let in, by the settings."""
    return Access(
        table=RouteTable.with_pages(f"/{path}" for path in (*PAGES, *FORMER)),
        secret_file=settings.local_secret_file,
        is_open=settings.access == "open",
        is_open_without_accounts=is_loopback(settings.host),
    )


def hub_names(settings: Settings) -> OwnNames:
    """The host names that this hub answers to."""
    named = (*settings.hub_names.replace(",", " ").split(), settings.hub_public_url or "")
    return own_names(settings.host, named, () if is_loopback(settings.host) else names_of_this_machine())


def _is_key(catalog: Catalog, detector_id: str, key: str) -> bool:
    with catalog.read() as session:
        return keys.is_key_of_detector(session, detector_id, key)


async def _tidy(catalog: Catalog) -> None:
    """Delete old events now and then; the films' records stay."""

    def forget() -> int:
        with catalog.write() as session:
            logins.forget(session)
            audit.forget(session)
            return events.forget(session, catalog.clock() - EVENTS_KEPT)

    while True:
        try:
            gone = await asyncio.to_thread(forget)
        except SQLAlchemyError:
            log.exception("Old events could not be forgotten; it is tried again later.")
        else:
            if gone:
                log.info("Forgot %d events older than %d days.", gone, EVENTS_KEPT.days)
        await asyncio.sleep(_TIDY_EVERY_S)
