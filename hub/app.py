"""The hub as a web application: routes, errors, start and end.

Owns: `create_app` and the wiring of the parts. Not here: what any of them does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import FastAPI, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.board.feed import Feed, serve_board
from hub.cards.copy_progress import Live
from hub.cards.detector_messages import Conversation
from hub.cards.import_queue import ImportQueue
from hub.cards.socket import Detectors
from hub.cards.views import CardView, card_views
from hub.codes.routes import add_codes
from hub.films.cut_routes import Cuts, add_cuts
from hub.films.files import FilmFiles
from hub.films.rerender import Renewal, add_renewal
from hub.jumps.views import JumpView, jump_views
from hub.kit.access_log import AccessFile, AccessLog
from hub.kit.catalog_watch import CatalogWatch
from hub.kit.dagster_client import Dagster
from hub.kit.request_body import bounded, is_bounded_by_its_route
from hub.kit.security import answer_headers, is_from_elsewhere
from hub.kit.validation_messages import in_words, technical
from hub.kit.version import HEALTHY
from hub.kit.views import Links
from hub.pages import VERSION, add_pages
from hub.review.bookings import add_bookings
from hub.review.routes import Review, add_review
from hub.review.stills import Frames
from hub.runs.automation import AutomationWatch, add_automation
from hub.runs.dagster_door import add_dagster_door
from hub.runs.pipeline import Pipeline, PipelineView
from hub.runs.routes import add_retrying
from stinercut.bounds import NO_NUL, JumpKey, ShortText
from stinercut.cards.import_folders import Imports
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.models import Jump
from stinercut.clock import machine_clock
from stinercut.errors import BadInput, Forbidden, HostNotReady, NotFound, StinercutError
from stinercut.failures import what_for_pages
from stinercut.jumps import listing
from stinercut.own_names import OwnNames, is_loopback, names_of_this_machine, own_names
from stinercut.protocol.close_codes import POLICY
from stinercut.settings import Settings
from stinercut.storage.store import Store

T = TypeVar("T")

log = logging.getLogger("hub")

READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing: no page of another site gains by them, and no body is read."""
DETECTOR_SOCKET = "/ws/detector"
EVENTS_KEPT = timedelta(days=30)
_TIDY_EVERY_S = 6 * 3600
_HTTP_WORDS = {
    400: "what was sent can't be read",
    404: "there is no such page",
    405: "this can't be asked for in that way",
}


class Cards(BaseModel):
    """The cards on the board."""

    cards: list[CardView]


class Jumps(BaseModel):
    """Jumps, newest first. `older`: what `before` is for the next ones; None where there are none."""

    jumps: list[JumpView]
    older: str | None


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
    review: Review
    cuts: Cuts
    renewal: Renewal
    automation: AutomationWatch

    @classmethod
    def open(cls, settings: Settings) -> Hub:
        """All parts over a migrated catalog."""
        catalog = Catalog.open(settings.catalog_url)
        live, links = Live(), Links(settings.dagster_address.rstrip("/"), settings.films_dir)
        store = Store(settings.store_dir)
        store.make()
        conversation = Conversation(catalog, store, settings.small_file_limit, settings.key_ring)
        token = settings.token.get_secret_value() if settings.token else None
        watch = CatalogWatch(catalog)
        detectors = Detectors(conversation, live, token, watch)
        feed = Feed(catalog, live, links, VERSION)
        imports = ImportQueue(Imports(catalog, store, settings.imports_dir))
        watch.on_card_news(feed.hear)
        watch.on_card_news(imports.hear)
        pipeline = Pipeline(catalog, Dagster.at(settings.dagster_endpoint, settings.dagster_key), links)
        films, reviewing = FilmFiles(catalog, settings.films_dir), Review(catalog, Frames(catalog, store))
        cuts = Cuts(catalog, store)
        shelf = (settings.templates_dir,)
        renewal = Renewal(catalog, pipeline.dagster, shelf, settings.template, settings.workers)
        automation = AutomationWatch(pipeline.dagster, settings.board_address)
        return cls(
            catalog, live, links, watch, feed, detectors, pipeline, films, imports, reviewing, cuts, renewal, automation
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.pipeline.dagster.close()
        self.catalog.close()


def create_app(settings: Settings) -> FastAPI:
    """The application. Its start migrates the catalog; raises HostNotReady when that can't be opened."""

    accesses = AccessFile(settings.logs_dir)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        await asyncio.to_thread(migrate, settings.catalog_url)
        hub = Hub.open(settings)
        app.state.hub = hub
        works = (hub.watch.run(), hub.feed.run(), hub.imports.run(), hub.automation.run(), _tidy(hub.catalog))
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await hub.close()
            accesses.close()

    app = FastAPI(title="Stinercut hub", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_Guard, names=hub_names(settings))
    app.add_middleware(AccessLog, note=accesses.note, clock=machine_clock)
    _add_error_answers(app)
    _add_pages(app)
    _add_api(app)
    add_retrying(app, lambda request: (_hub(request).pipeline, _hub(request).live))
    _add_films(app)
    add_review(app, lambda request: _hub(request).review)
    add_bookings(app, lambda request: _hub(request).review)
    add_cuts(app, lambda request: _hub(request).cuts)
    add_renewal(app, lambda request: _hub(request).renewal)
    add_automation(app, lambda request: _hub(request).automation)
    add_codes(app, settings.key_ring)
    add_dagster_door(app, settings.dagster_address.rstrip("/"), settings.dagster_key)
    _add_sockets(app)
    return app


def hub_names(settings: Settings) -> OwnNames:
    """The names that this hub answers to."""
    named = (*settings.hub_names.replace(",", " ").split(), settings.hub_public_url or "")
    return own_names(settings.host, named, () if is_loopback(settings.host) else names_of_this_machine())


def _hub(connection: Request | WebSocket) -> Hub:
    return connection.app.state.hub


async def _tidy(catalog: Catalog) -> None:
    """Forget old events now and then; the films' records stay."""

    def forget() -> int:
        with catalog.write() as session:
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


class _Guard:
    """Around every request: the names we answer to, the same-origin rule, the headers.

    Sockets have their own rules. That of detectors needs none about names: browsers are not let in there at all.
    """

    def __init__(self, app: ASGIApp, names: OwnNames) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] in ("http", "websocket") else ""
        if scope["type"] == "websocket" and scope["path"] != DETECTOR_SOCKET and not self._names.include(host):
            await send({"type": "websocket.close", "code": POLICY})
        elif scope["type"] == "http":
            await self._answer(Request(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        host = request.headers.get("host", "")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in answer_headers(host).items():
                    headers.setdefault(name, value)
            await send(message)

        if not self._names.include(host):
            advice = "If this name is right, the hub must know it: STINERCUT_HUB_NAMES."
            refused = _error_answer(Forbidden("this hub does not answer under that name", advice=advice))
            await refused(request.scope, receive, with_headers)
        elif request.method in READING:
            await self._app(request.scope, receive, with_headers)
        elif is_from_elsewhere(request.headers):
            refused = _error_answer(Forbidden("another site's page asked for this"))
            await refused(request.scope, receive, with_headers)
        else:
            has_own_limit = is_bounded_by_its_route(request.method, request.url.path)
            await self._app(request.scope, receive if has_own_limit else bounded(receive), with_headers)


def _error_answer(error: StinercutError, status: int | None = None) -> JSONResponse:
    what, advice = what_for_pages(error)
    return JSONResponse({"error": {"code": error.code, "what": what, "advice": advice}}, status or error.http_status)


def _asked(request: Request) -> str:
    """What was asked for, for the log: the route. A path may hold anything, names and whole books too."""
    return f"{request.method} {getattr(request.scope.get('route'), 'path', 'what is no route')}"


def _add_error_answers(app: FastAPI) -> None:
    async def ours(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, StinercutError)
        return _error_answer(error)

    async def http(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        kind = NotFound if error.status_code == 404 else BadInput
        answer = _error_answer(kind(_HTTP_WORDS.get(error.status_code, str(error.detail))), error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    async def gone(request: Request, _error: Exception) -> Response:
        log.debug("%s: whoever asked is gone", _asked(request))
        return Response(status_code=499)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        log.info("%s was refused: %s", _asked(request), technical(error.errors()))
        return _error_answer(in_words(error.errors()), 422)

    async def no_catalog(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s: the catalog does not answer", _asked(request), exc_info=error)
        advice = "Wait a moment, then try again; if it stays so, the hub's log says more."
        return _error_answer(HostNotReady("the hub does not reach its catalog", advice=advice))

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s failed", _asked(request), exc_info=error)
        return _error_answer(StinercutError("the hub could not do this", advice="Try again; its log says more."))

    app.add_exception_handler(StinercutError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, gone)
    for kind in (OperationalError, InterfaceError):
        app.add_exception_handler(kind, no_catalog)
    app.add_exception_handler(Exception, unexpected)


def _add_pages(app: FastAPI) -> None:
    add_pages(app)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return HEALTHY

    @app.get("/readyz")
    def readyz(request: Request) -> dict[str, str]:
        """That it can answer, not only that it lives: the catalog is read."""
        _read(_hub(request), lambda session: session.execute(select(Jump.jump_key).limit(1)).first())
        return {"status": "ready"}


def _add_api(app: FastAPI) -> None:
    @app.get("/api/cards")
    async def cards(request: Request) -> Cards:
        hub = _hub(request)
        picture = hub.live.picture()
        return Cards(cards=await asyncio.to_thread(_read, hub, lambda session: card_views(session, picture)))

    @app.get("/api/jumps")
    async def listed(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        q: Annotated[str, Query(max_length=128, pattern=NO_NUL)] = "",
        before: JumpKey | None = None,
    ) -> Jumps:
        hub = _hub(request)

        def query(session: Session) -> Jumps:
            page = listing.newest(session, limit, q, before)
            return Jumps(jumps=jump_views(session, hub.links, page.keys), older=page.older)

        return await asyncio.to_thread(_read, hub, query)

    @app.get("/api/jumps/{jump}")
    async def one_jump(request: Request, jump: JumpKey) -> JumpView:
        hub = _hub(request)
        found = await asyncio.to_thread(_read, hub, lambda session: jump_views(session, hub.links, [jump]))
        if not found:
            raise NotFound(f"no jump is known under {jump}")
        return found[0]

    @app.get("/api/pipeline/{subject}")
    async def pipeline(request: Request, subject: JumpKey) -> PipelineView:
        hub = _hub(request)
        return await hub.pipeline.view(subject, hub.live.picture())


def _read(hub: Hub, query: Callable[[Session], T]) -> T:
    with hub.catalog.read() as session:
        return query(session)


def _add_films(app: FastAPI) -> None:
    @app.api_route("/films/{jump}/poster.jpg", methods=["GET", "HEAD"])
    def poster(request: Request, jump: JumpKey) -> FileResponse:
        return _hub(request).films.poster(jump)

    @app.api_route("/films/{jump}/{film}.mp4", methods=["GET", "HEAD"])
    def film(request: Request, jump: JumpKey, film: ShortText, download: bool = False) -> FileResponse:
        return _hub(request).films.film(jump, f"{film}.mp4", download)

    @app.api_route("/films/{jump}/{photos}/{photo}.jpg", methods=["GET", "HEAD"])
    def photo(request: Request, jump: JumpKey, photos: ShortText, photo: ShortText) -> FileResponse:
        return _hub(request).films.photo(jump, photos, f"{photo}.jpg")

    @app.get("/films/{jump}/{photos}.zip")
    def all_photos(request: Request, jump: JumpKey, photos: ShortText) -> StreamingResponse:
        return _hub(request).films.all_photos(jump, photos)

    @app.api_route("/films/{jump}/{film}.otio", methods=["GET", "HEAD"])
    def timeline(request: Request, jump: JumpKey, film: ShortText) -> Response:
        return _hub(request).films.timeline(jump, f"{film}.otio")


def _add_sockets(app: FastAPI) -> None:
    @app.websocket(DETECTOR_SOCKET)
    async def detector(socket: WebSocket) -> None:
        await _hub(socket).detectors.serve(socket)

    @app.websocket("/ws/board")
    async def board(socket: WebSocket) -> None:
        await serve_board(socket, _hub(socket).feed)
