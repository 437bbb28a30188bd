"""The detector's engine and the hub's conversation in one thread; the wire between them is in a test's hand.

Owns: `Engine`: real insertions, copies, journal, store, conversation and catalog; no sockets, no watching for
cards, no waiting for time to pass. Not here: what happens when
(`tests/process/detector/copy/test_offload_machine.py`). Copies run in threads as always; a `Hold` stops one at a
place, so that anything can happen there.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from unittest import mock

from sqlalchemy import select

from detector.card.events import CardEvent, CardIn, CardOut
from detector.copy import verify
from detector.copy.destination import Destination
from detector.copy.failures import Copied
from detector.copy.journal import Journal
from detector.copy.offload import OffloadContext
from detector.copy.partials import Partials, partial_prefix
from detector.copy.verify import Verifier
from detector.insertions import Insertions
from hub.cards.detector_messages import Conversation
from stinercut.catalog import Catalog
from stinercut.catalog.models import Card, Insertion
from stinercut.protocol import Ack, CardLabel, CopyRequest, Message, Refused, SampleRequest, decode, encode
from stinercut.settings import Settings
from stinercut.storage.store import Store
from support.invariant import Cards

DETECTOR = "det"
CHUNK = 100
SMALL = 1000
"""Files below this many bytes are small; only large ones are held."""
PATIENCE_S = 120.0
STEPS_OF_REST = 25
"""How many turns of the loop without any event count as quiet."""
_SMALLER = {
    "detector.copy.copying.CHUNK": CHUNK,
    "detector.copy.copying.KEEP_FROM": 4 * CHUNK,
    "detector.copy.copying.CHECKPOINT_BYTES": 7 * CHUNK,
    "detector.copy.offload.REMOVAL_S": 0.005,
    "detector.hanging.threads.GRACE_S": 0.005,
    "detector.copy.offload.TURN_S": 0.001,
}


class Hold:
    """Stops the thread of one large file at a place: "chunk 3", "before publishing", "behind publishing"."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._place = ""
        self._here = False

    def arm(self, place: str) -> None:
        """Stop the next large file that comes to this place."""
        with self._changed:
            self._place = place

    @property
    def is_holding(self) -> bool:
        """Whether a thread is stopped."""
        return self._here

    def release(self) -> None:
        """Let the thread continue, and stop no other."""
        with self._changed:
            self._place, self._here = "", False
            self._changed.notify_all()

    def passes(self, place: str) -> None:
        """Called in the copying threads."""
        with self._changed:
            if place != self._place or self._here:
                return
            self._here, self._place = True, ""
            assert self._changed.wait_for(lambda: not self._here, PATIENCE_S)


@dataclass
class _Life:
    """One run of the detector, from its start to its end."""

    journal: Journal
    insertions: Insertions
    events: asyncio.Queue[CardEvent]
    work: asyncio.Task[None]


@dataclass
class Engine:
    """One detector and one hub."""

    settings: Settings
    cards: Cards = field(default_factory=Cards)
    hold: Hold = field(default_factory=Hold)
    catalog: Catalog = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    connected: bool = False
    fault: tuple[str, int] = ("", 0)
    """Of the next message but so many: "lost", or "unanswered" once the hub has committed. Then the connection ends."""
    history: list[str] = field(default_factory=list[str])
    """All frames that the hub ever got."""
    asked: list[CopyRequest | SampleRequest] = field(default_factory=list[CopyRequest | SampleRequest])
    """All requests that the detector ever got."""
    _in: dict[str, str] = field(default_factory=dict[str, str])
    _life: _Life | None = None
    _sent: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        Store(self.settings.store_dir).make()
        self.catalog = Catalog.open(self.settings.catalog_url)
        self.loop = asyncio.new_event_loop()
        for place, value in _SMALLER.items():
            self._stack.enter_context(mock.patch(place, value))
        settle = verify.settle

        def held_settle(store: Store, partial: Path, copied: Copied, should_stop: Callable[[], bool]) -> None:
            if copied.size >= SMALL:
                self.hold.passes("before publishing")
            settle(store, partial, copied, should_stop)
            if copied.size >= SMALL:
                self.hold.passes("behind publishing")

        self._stack.enter_context(mock.patch("detector.copy.verify.settle", held_settle))

    def close(self) -> None:
        """End everything."""
        self.hold.release()
        if self.is_alive:
            self.end()
        self.catalog.close()
        self.loop.close()
        self._stack.close()

    # ---- the detector --------------------------------------------------------------------------------------------

    @property
    def is_alive(self) -> bool:
        """Whether the detector runs."""
        return self._life is not None

    def start(self) -> None:
        """Start the detector, with the cards that are in."""
        self.loop.run_until_complete(self._start())
        for label, _key in list(self._in.items()):
            self._in.pop(label)
            self.put_in(label)

    async def _start(self) -> None:
        store = Store(self.settings.store_dir)
        journal = Journal(self.settings.detector_dir / "journal.db")
        partials = Partials(journal, store, partial_prefix(DETECTOR))
        partials.clear()
        around = OffloadContext(
            journal=journal,
            store=store,
            partials=partials,
            verifier=Verifier(store),
            wake=lambda: None,
            progress=lambda _message: None,
            on_chunk=lambda done: self.hold.passes(f"chunk {done // CHUNK}") if done > SMALL else None,
            require_store=Destination.at(store.root).require,
        )
        insertions = Insertions(around, SMALL, journal.start_over())
        events: asyncio.Queue[CardEvent] = asyncio.Queue()
        self._life = _Life(journal, insertions, events, asyncio.create_task(insertions.follow(events)))
        self.connected = False

    def end(self) -> None:
        """End the detector in order. A thread that is held is released."""
        life, self._life = self._life, None
        assert life is not None
        self.connected = False
        life.work.cancel()
        self.hold.release()
        self.loop.run_until_complete(asyncio.wait({life.work}))
        assert life.work.cancelled(), life.work.exception()
        for thread in _working():
            thread.join(PATIENCE_S)
        self.loop.run_until_complete(asyncio.sleep(0))
        life.journal.close()

    def kill(self) -> None:
        """As SIGKILL does: what is on the disk at this moment is all that is left.

        The files are set aside as they are now, the engine is ended, and what it tidied up is undone.
        """
        data, aside = self.settings.data, self.settings.data.with_name("aside")
        shutil.copytree(data, aside)
        self.end()
        shutil.rmtree(data)
        aside.rename(data)

    def root(self, label: str) -> Path:
        """The folder where a card is mounted while it is in."""
        return self.settings.data.parent / "cards" / label

    def put_in(self, label: str) -> None:
        """Put a card in."""
        self._in[label] = uuid.uuid4().hex
        if self._life is not None:
            card = CardLabel(card_id=f"card-{label}", label=label, kind="volume")
            self._life.events.put_nowait(CardIn(self._in[label], card, self.root(label)))

    def take_out(self, label: str) -> None:
        """Take a card out: the detector hears that it is out."""
        key = self._in.pop(label)
        if self._life is not None:
            self._life.events.put_nowait(CardOut(key))

    # ---- the wire ------------------------------------------------------------------------------------------------

    def _conversation(self) -> Conversation:
        return Conversation(self.catalog, Store(self.settings.store_dir), small_file_limit=1 << 40)

    def connect(self) -> None:
        """Connect (again): the detector sends unacknowledged messages, then the hub asks for what it has not got."""
        self.connected, self._sent = True, 0
        self.loop.run_until_complete(self._quiet())
        if self.connected:
            conversation = self._conversation()
            requests = conversation.asked_before(DETECTOR)
            requests += conversation.next_requests([DETECTOR]).get(DETECTOR, ())
            self.loop.run_until_complete(self._asks(requests))

    async def _asks(self, requests: tuple[CopyRequest | SampleRequest, ...]) -> None:
        for request in requests:
            self._ask(request)

    def _ask(self, request: CopyRequest | SampleRequest) -> None:
        assert self._life is not None
        self.asked.append(request)
        body = _over_the_wire(request)
        assert isinstance(body, CopyRequest | SampleRequest)
        self._life.insertions.requested(body)

    def ask_again(self, request: CopyRequest | SampleRequest) -> None:
        """Let the hub repeat a request, perhaps about a card that has long been out."""
        self.loop.run_until_complete(self._asks((request,)))

    def hear_again(self, frame: str) -> None:
        """Let a message reach the hub once more; its answer is lost."""
        self._conversation().handle(DETECTOR, decode(frame))

    def _deliver(self) -> bool:
        """Deliver waiting messages. Returns whether there were any."""
        if not self.connected or self._life is None:
            return False
        waiting = self._life.journal.unacknowledged(after=self._sent)
        for message in waiting:
            self._sent = message.seq
            fault = self._next_fault()
            if fault == "lost":
                self.connected = False
                return True
            self.history.append(message.frame)
            effects = self._conversation().handle(DETECTOR, decode(message.frame))
            if fault:
                self.connected = False
                return True
            reply = _over_the_wire(effects.reply)
            assert isinstance(reply, Ack), reply
            self._life.journal.acknowledged(reply.of)
            for request in effects.requests:
                self._ask(request)
        return bool(waiting)

    def _next_fault(self) -> str:
        fault, later = self.fault
        if fault and later:
            self.fault = (fault, later - 1)
            return ""
        self.fault = ("", 0)
        return fault

    def open_insertions(self) -> list[str]:
        """The labels of the cards that are in by the hub's knowledge, one for each insertion."""
        with self.catalog.read() as session:
            is_in = select(Card.label).join(Insertion).where(Insertion.removed_at.is_(None)).order_by(Card.label)
            return list(session.execute(is_in).scalars())

    # ---- rest ----------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """Run until nothing moves any more, except what is held."""
        self.loop.run_until_complete(self._quiet())

    async def _quiet(self) -> None:
        rested = 0
        async with asyncio.timeout(PATIENCE_S):
            while rested < STEPS_OF_REST:
                moved = self._deliver()
                busy = len(_working()) > self.hold.is_holding
                rested = 0 if moved or busy else rested + 1
                await asyncio.sleep(0.0005 if busy else 0)
                if self._life is not None and self._life.work.done():
                    self._life.work.result()


def _working() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "detector-work"]


def _over_the_wire(body: Message) -> Ack | Refused | CopyRequest | SampleRequest | Message:
    return decode(encode(body)).body
