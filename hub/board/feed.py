"""The feed of the board: the `/ws/board` socket, and the changes that it pushes to browsers.

Owns: finding out what has changed in the catalog, pushing it to all watching browsers within a second, and the beats
that tell that everything pushed is still true. Not here: noticing that something has changed
(`hub.kit.catalog_watch`), the views (`hub.kit.views`). The frames: docs/board.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hub.cards.copy_progress import Live, ProgressSnapshot
from hub.cards.views import CardView, card_views
from hub.jumps.views import JumpView, announced_view, jump_views
from hub.kit.catalog_watch import CardNews, CatalogWatch
from hub.kit.security import is_from_elsewhere
from hub.kit.views import EventView, Links, event_view
from hub.language.reader_languages import text_reworded
from stinercut.cards.announced_jumps import AnnouncedJump, announced_jumps
from stinercut.catalog import events
from stinercut.catalog.models import Event, Insertion
from stinercut.catalog.moments import now_in
from stinercut.jumps import jumps, listing, unread_cards, waiting_files
from stinercut.language.messages import ENGLISH
from stinercut.protocol.close_codes import POLICY, TOO_SLOW, TRY_AGAIN

log = logging.getLogger("hub.board.feed")

LOOK_BACK = timedelta(minutes=5)
"""Steps and jumps carry the clock of the machine that wrote them; clocks may differ by this much."""
BEAT_EVERY_S = 5.0
"""The pause between two beats. A page that misses a few of them takes its view for old."""
JUMPS_IN_SNAPSHOT = 60
UNFINISHED_IN_SNAPSHOT = 200
"""How many unfinished jumps are in the snapshot, however old they are: a person may have to act on them."""
FRAMES_KEPT = 2000
"""How many frames may wait for a slow browser. If it falls further behind, its socket is closed, and it reconnects."""


class Snapshot(BaseModel):
    """The first frame: everything. `version` changes with the hub and its pages; a page that saw another one is old.

    `older`: where the list of jumps continues (`GET /api/jumps?before=`); None if there are no older jumps.
    """

    type: str = "snapshot"
    version: str
    cards: list[CardView]
    jumps: list[JumpView]
    older: str | None
    links: dict[str, str]


class CardFrame(BaseModel):
    """A card changed."""

    type: str = "card"
    card: CardView


class JumpFrame(BaseModel):
    """A jump changed."""

    type: str = "jump"
    jump: JumpView


class EventFrame(BaseModel):
    """Something happened."""

    type: str = "event"
    event: EventView


class Beat(BaseModel):
    """The catalog was read just now: everything sent so far is still true."""

    type: str = "beat"


@dataclass(frozen=True)
class _Seen:
    """How far the feed has read the catalog."""

    event_id: int
    steps: dict[str, tuple[datetime, int]] = field(default_factory=dict[str, tuple[datetime, int]])
    jumps: dict[str, datetime] = field(default_factory=dict[str, datetime])
    announced: dict[str, AnnouncedJump] = field(default_factory=dict[str, AnnouncedJump])


@dataclass(frozen=True)
class _Touched:
    """The insertions that the hub itself knows to have changed since the last look."""

    insertions: frozenset[str] = frozenset()
    every_card: bool = False


@dataclass(frozen=True)
class _Change:
    """The changes that one look found."""

    seen: _Seen
    events: list[EventView]
    cards: list[CardView]
    jumps: list[JumpView]


class Watcher:
    """One browser: its language, and the frames that wait for it."""

    def __init__(self, language: str = ENGLISH) -> None:
        self.language = language
        self.frames: asyncio.Queue[str | None] = asyncio.Queue(FRAMES_KEPT)

    def push(self, frame: str) -> bool:
        """Queue a frame; False when there is no room left."""
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            return False
        return True


class Feed:
    """Sends browsers what is new in the catalog. The watch tells when to look: at a change, or if `_has_more()`."""

    def __init__(
        self,
        live: Live,
        links: Links,
        watch: CatalogWatch,
        version: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = watch.catalog
        self._live = live
        self._links = links
        self._version = version
        self._clock = clock
        self._next_beat = clock()
        self._watchers: set[Watcher] = set()
        self._sent: dict[tuple[str, str], str] = {}
        self._seen: _Seen | None = None
        self._touched = _Touched()
        self._looking = asyncio.Lock()
        self._watch = watch
        watch.on_change("boards", self.act, lambda: bool(self._watchers), self._has_more)
        watch.on_card_news(self.hear)

    def hear(self, news: CardNews) -> None:
        """Note that an insertion, or any card that is in, has changed: the next look includes it."""
        insertion_id = news.insertion_id
        insertions = self._touched.insertions | ({insertion_id} if insertion_id is not None else set())
        self._touched = _Touched(insertions, self._touched.every_card or insertion_id is None)

    async def join(self, language: str = ENGLISH) -> Watcher:
        """Add a watcher that reads this language. Its first frame is the snapshot; all changes after that follow."""
        watcher = Watcher(language)
        async with self._looking:
            if not self._watchers:  # Changes since the last watcher left were sent to nobody: start from here.
                self._seen = None
                self._sent.clear()
            # First send pending changes to the others, so that no older view can come after the snapshot.
            await self._look()
            watcher.push(await asyncio.to_thread(self._snapshot, self._live.picture(), language))
            self._watchers.add(watcher)
        self._watch.wake()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Remove a watcher that is gone."""
        self._watchers.discard(watcher)

    async def act(self) -> None:
        """Send what is new. If that fails, no board freezes: every page reconnects and gets a new snapshot."""
        try:
            await self.turn()
        except SQLAlchemyError:
            raise  # The catalog is away; the watch tries again.
        except Exception:
            log.exception("News of the catalog can't be sent; every board reconnects and gets a new snapshot.")
            await self._restart()

    def _has_more(self) -> bool:
        """Whether there is something to send that the catalog doesn't show: a copy's progress, or a beat.

        A running copy counts always: if it stalls, it reports nothing, and its rate must disappear.
        """
        is_touched = bool(self._touched.insertions) or self._touched.every_card
        return is_touched or bool(self._live.picture().copying) or self._clock() >= self._next_beat

    async def turn(self) -> None:
        """Look once and send changes to the watchers."""
        async with self._looking:
            await self._look()
        self._beat()

    def _beat(self) -> None:
        if self._clock() >= self._next_beat:
            self._next_beat = self._clock() + BEAT_EVERY_S
            self._broadcast(Beat().model_dump_json())

    async def _look(self) -> None:
        """Look once and send changes to the watchers. Needs the lock."""
        picture = self._live.picture()
        touched, self._touched = self._touched, _Touched()
        # Include running copies each time: see `_has_more`.
        touched = _Touched(touched.insertions | picture.copying, touched.every_card)
        try:
            change = await asyncio.to_thread(self._find, self._seen, touched, picture)
        except BaseException:
            self._touched = _Touched(
                self._touched.insertions | touched.insertions, self._touched.every_card or touched.every_card
            )
            raise
        self._seen = change.seen
        for card in change.cards:
            self._tell("card", card.card, CardFrame(card=card).model_dump_json())
        for jump in change.jumps:
            self._tell("jump", jump.jump, JumpFrame(jump=jump).model_dump_json())
        for event in change.events:
            self._broadcast(EventFrame(event=event).model_dump_json())

    def _tell(self, kind: str, key: str, frame: str) -> None:
        if self._sent.get((kind, key)) == frame:
            return
        self._sent.pop((kind, key), None)
        self._sent[(kind, key)] = frame
        if len(self._sent) > FRAMES_KEPT:
            del self._sent[next(iter(self._sent))]
        self._broadcast(frame)

    def _broadcast(self, frame: str) -> None:
        """Send a frame to all watchers. Its words are made once for each language, not for each watcher."""
        worded = {language: _in_language(frame, language) for language in {each.language for each in self._watchers}}
        for slow in [watcher for watcher in self._watchers if not watcher.push(worded[watcher.language])]:
            log.warning("A browser is too slow to follow; its socket is closed, and it will reconnect.")
            self._let_go(slow)

    async def _restart(self) -> None:
        """Skip news that can't be sent: trying them over and over would hold back everything after them."""
        async with self._looking:
            self._seen = None
            self._sent.clear()
            for watcher in list(self._watchers):
                self._let_go(watcher)

    def _let_go(self, watcher: Watcher) -> None:
        """Close a browser's socket. The browser reconnects by itself and gets a new snapshot."""
        self._watchers.discard(watcher)
        while not watcher.frames.empty():
            watcher.frames.get_nowait()
        watcher.frames.put_nowait(None)

    def _snapshot(self, picture: ProgressSnapshot, language: str) -> str:
        with self._catalog.read() as session:
            newest = listing.newest(session, JUMPS_IN_SNAPSHOT)
            shown = {*newest.keys, *listing.unfinished(session, UNFINISHED_IN_SNAPSHOT)}
            snapshot = Snapshot(
                version=self._version,
                cards=card_views(session, picture),
                jumps=[
                    *(announced_view(self._links, jump) for jump in announced_jumps(session).values()),
                    *jump_views(session, self._links, shown),
                ],
                older=newest.older,
                links={"dagster": self._links.dagster},
            )
        return _in_language(snapshot.model_dump_json(), language)

    def _find(self, seen: _Seen | None, touched: _Touched, picture: ProgressSnapshot) -> _Change:
        """The changes since `seen`. If nothing changed, this costs three small queries."""
        with self._catalog.read() as session:
            recent = now_in(session) - LOOK_BACK
            steps = events.steps_reported_since(session, recent)
            changed = jumps.changed_since(session, recent)
            if seen is None:
                return _Change(_Seen(events.last_id(session), steps, changed, announced_jumps(session)), [], [], [])
            news = events.since(session, seen.event_id)
            announced = announced_jumps(session) if _may_announce(news) else seen.announced
            subjects = {key for key in steps.keys() | seen.steps.keys() if seen.steps.get(key) != steps.get(key)}
            subjects |= {key for key, moment in changed.items() if seen.jumps.get(key) != moment}
            subjects |= {key for event in news for key in (event.card_id, event.jump_key) if key is not None}
            subjects |= _cards(session, touched)
            subjects |= waiting_files.beside(session, _regrouped(news))
            subjects |= unread_cards.concerned(session, _heard_of(news))
            last = news[-1].event_id if news else seen.event_id
            return _Change(
                _Seen(last, steps, changed, announced),
                [event_view(event) for event in news],
                card_views(session, picture, subjects) if subjects else [],
                [
                    *self._announced_views(session, seen.announced, announced),
                    *(jump_views(session, self._links, subjects) if subjects else []),
                ],
            )

    def _announced_views(
        self, session: Session, before: Mapping[str, AnnouncedJump], now: Mapping[str, AnnouncedJump]
    ) -> list[JumpView]:
        """Jumps that are announced since, and those that are no more and have no row: there is no such jump."""
        over = before.keys() - now.keys()
        known = {view.jump for view in jump_views(session, self._links, over)} if over else set[str]()
        return [
            *(announced_view(self._links, jump) for key, jump in now.items() if key not in before),
            *(announced_view(self._links, before[key], is_over=True) for key in sorted(over - known)),
        ]


def _in_language(frame: str, language: str) -> str:
    return text_reworded(frame, language) if language != ENGLISH else frame


_ANNOUNCES = ("pipeline:qr_decoded", "card:identified", "card:read_again", "jump:decided")
"""Types of events after which other jumps may be announced than before."""


def _may_announce(news: Iterable[Event]) -> bool:
    return any(event.type in _ANNOUNCES for event in news)


_REGROUPED = ("jump:files_moved", "jump:decided", "jump:clip_left_out", "card:identified", "card:read_again")
"""Types of events after which the neighbours of the event's jump may lack more or fewer files than before."""


def _regrouped(news: Iterable[Event]) -> set[str]:
    """The jumps that these events moved files into or out of."""
    moved = [event for event in news if event.type in _REGROUPED]
    keys = {key for event in moved for key in (event.jump_key, event.data.get("to")) if key is not None}
    return keys.union(*(event.data.get("jumps", ()) for event in moved))


_CARD_GIVES = ("card:error", "card:file_list", "card:copy_error", "card:removed")
"""Types of events after which a card's jumps may lack more or fewer files than before."""


def _heard_of(news: Iterable[Event]) -> set[str]:
    """The cards of these events after which their jumps may lack more or fewer files."""
    return {event.card_id for event in news if event.type in _CARD_GIVES and event.card_id is not None}


def _cards(session: Session, touched: _Touched) -> set[str]:
    if not touched.insertions and not touched.every_card:
        return set()
    condition = Insertion.insertion_id.in_(touched.insertions)
    if touched.every_card:
        condition |= Insertion.removed_at.is_(None)
    return set(session.execute(select(Insertion.card_id).where(condition)).scalars())


async def serve_board(socket: WebSocket, feed: Feed, language: str = ENGLISH) -> None:
    """Serve one browser that reads this language, from connecting to closing. Its own messages are ignored."""
    if is_from_elsewhere(socket.headers):
        await socket.close(POLICY)
        return
    await socket.accept()
    try:
        watcher = await feed.join(language)
    except SQLAlchemyError:
        log.exception("A browser can't be shown the catalog now; it reconnects by itself.")
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(TRY_AGAIN)
        return
    listening = asyncio.create_task(_until_closed(socket))
    sending = asyncio.create_task(_send(socket, watcher))
    try:
        await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        feed.leave(watcher)
        await _end(listening, sending)


async def _until_closed(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _send(socket: WebSocket, watcher: Watcher) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while (frame := await watcher.frames.get()) is not None:
            await socket.send_text(frame)
        await socket.close(TOO_SLOW)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
