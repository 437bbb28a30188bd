"""The socket that detectors connect to: `/ws/detector`.

Owns: the hello, acknowledgements, copy requests, which detectors are connected. Not here: what a message means
(`detector_messages`), noticing when there are new files to request (`hub.kit.catalog_watch`).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastapi import WebSocket, WebSocketDisconnect
from sqlalchemy.exc import SQLAlchemyError

from hub.cards.copy_progress import Live
from hub.cards.detector_messages import Conversation, Request
from hub.kit.catalog_watch import CardNews, CatalogWatch
from stinercut.language.messages import Message, worded
from stinercut.language.refusal_codes import RefusalCode
from stinercut.people.keys import DETECTOR_KEY_BEGINS
from stinercut.protocol import (
    SPOKEN,
    Ack,
    CardError,
    CopyError,
    Envelope,
    ErrorCode,
    FileCopied,
    Hello,
    Inserted,
    Progress,
    ProtocolError,
    Refused,
    Removed,
    SampleRequest,
    Samples,
    Versions,
    Welcome,
    decode,
    encode,
    id_in,
    new_message_id,
    no_common_version,
    refusal,
)
from stinercut.protocol import Message as WireMessage
from stinercut.protocol.close_codes import POLICY, REPLACED, TRY_AGAIN

log = logging.getLogger("hub.cards.socket")

HELLO_S = 10.0
"""A connection without a hello is closed after this time."""
OUTBOX_FIRST_S = 0.5
"""After the hello a detector delivers its kept messages, such as "card is out". Asking again waits for them."""
_REQUESTS_REMEMBERED = 1000


DetectorKeys = Callable[[str, str], bool]
"""Whether the detector of this id may show this key."""


@dataclass
class _Connection:
    """One connected detector, and the protocol version of the connection.

    `asked` holds the insertion of each request, and whether it was a request for samples, in case it is refused. `own`:
    insertions that are known to be this detector's.
    """

    socket: WebSocket
    detector_id: str
    version: int
    asked: OrderedDict[str, tuple[str, bool]] = field(default_factory=OrderedDict[str, tuple[str, bool]])
    own: set[str] = field(default_factory=set[str])

    async def send(self, *messages: WireMessage) -> None:
        for message in messages:
            await self.socket.send_text(encode(message))

    async def ask(self, requests: Sequence[Request]) -> None:
        for request in requests:
            message_id = new_message_id()
            self.asked[message_id] = (request.insertion_id, isinstance(request, SampleRequest))
            while len(self.asked) > _REQUESTS_REMEMBERED:
                self.asked.popitem(last=False)
            await self.socket.send_text(encode(request, message_id))


class Detectors:
    """All connected detectors. The watch passes on their news of cards, and tells when to ask for new files."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of the hub
        self,
        conversation: Conversation,
        live: Live,
        token: str | None,
        watch: CatalogWatch,
        versions: Versions = SPOKEN,
        keys: DetectorKeys | None = None,
    ) -> None:
        self._conversation = conversation
        self._live = live
        self._token = token
        self._keys = keys
        self._versions = versions
        self._connections: dict[str, _Connection] = {}
        self._watch = watch
        self._is_card_in = False
        self._reports = self._reports_seen = (
            0  # Of cards that came or may have gone; and how many of them were looked up.
        )
        watch.on_change("detectors", self.ask_for_new, lambda: bool(self._connections) and self._is_card_in)

    @property
    def connected(self) -> frozenset[str]:
        """The ids of the connected detectors."""
        return frozenset(self._connections)

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its first frame to its end."""
        if "origin" in socket.headers:
            # Only browsers send an origin, and no page, not even ours, may use this socket.
            await socket.close(POLICY)
            return
        await socket.accept()
        try:
            connection = await self._greet(socket)
            if connection is not None:
                await self._stay(connection)
        except (WebSocketDisconnect, RuntimeError):
            return  # Starlette raises RuntimeError for sending into a connection that has just gone.
        except SQLAlchemyError as trouble:
            # The detector reconnects and sends unacknowledged messages again.
            log.exception("The catalog did not take a message: %s", type(trouble).__name__)
            await _close(socket, TRY_AGAIN)

    async def _greet(self, socket: WebSocket) -> _Connection | None:
        try:
            async with asyncio.timeout(HELLO_S):
                envelope = decode(await _frame(socket))
        except TimeoutError:
            await _refuse(socket, None, ErrorCode.BAD_MESSAGE, worded(Message.of(RefusalCode.FIRST_MESSAGE_HELLO)))
            return None
        except ProtocolError as unclear:
            await _refuse(socket, None, ErrorCode.BAD_MESSAGE, unclear.what)
            return None
        token = self._token
        if isinstance(envelope.body, Hello) and (envelope.body.token or "").startswith(DETECTOR_KEY_BEGINS):
            token = await self._token_for_key(envelope.body)
        problem = hello_problem(envelope.body, token, self._versions)
        if problem is not None or not isinstance(envelope.body, Hello):
            code, detail = problem or (ErrorCode.BAD_MESSAGE, "")
            address = socket.client.host if socket.client else "an unknown address"
            log.warning("A detector at %s was refused (%s): %s", address, code, detail)
            await _refuse(socket, envelope.id, code, detail)
            return None
        theirs = Versions(envelope.body.min_version, envelope.body.max_version)
        return _Connection(socket, envelope.body.detector_id, self._versions.highest_common(theirs) or 0)

    async def _token_for_key(self, hello: Hello) -> str | None:
        """The token that this hello must show: its own key if that is good for its id, else the hub's, or any other."""
        key = hello.token or ""
        if self._keys is not None and await asyncio.to_thread(self._keys, hello.detector_id, key):
            return key
        return self._token or f"not {key}"

    async def _stay(self, connection: _Connection) -> None:
        detector_id = connection.detector_id
        before = self._connections.get(detector_id)
        self._connections[detector_id] = connection
        if before is not None:
            log.warning("Detector %s connected again; its older connection ends.", detector_id)
            await _close(before.socket, REPLACED)
        self._live.connect(detector_id)
        self._watch.tell(CardNews(None))
        self._card_may_be_in()
        log.info("Detector %s is connected.", detector_id)
        asking = asyncio.create_task(self._ask_again(connection))
        try:
            await connection.send(
                Welcome(
                    version=connection.version,
                    min_version=self._versions.lowest,
                    max_version=self._versions.highest,
                )
            )
            while True:
                await self._heard(connection, await _frame(connection.socket))
        finally:
            asking.cancel()
            if self._connections.get(detector_id) is connection:
                del self._connections[detector_id]
                self._live.disconnect(detector_id)
                self._reports += 1
                self._watch.tell(CardNews(None))
                log.info("Detector %s is gone.", detector_id)

    async def _ask_again(self, connection: _Connection) -> None:
        try:
            await asyncio.sleep(OUTBOX_FIRST_S)
            await connection.ask(await asyncio.to_thread(self._conversation.asked_before, connection.detector_id))
            await self.ask_for_new()
        except (WebSocketDisconnect, RuntimeError):
            return
        except SQLAlchemyError:
            log.exception("The open requests could not be read from the catalog.")
            await _close(connection.socket, TRY_AGAIN)

    async def ask_for_new(self) -> None:
        """Ask the connected detectors for files that were not requested yet and may be requested now."""
        if not self._connections:
            return
        reports = self._reports
        requests = await asyncio.to_thread(self._conversation.next_requests, self.connected)
        if reports != self._reports_seen:
            is_card_in = await asyncio.to_thread(self._conversation.is_card_in, self.connected)
            if reports == self._reports:  # What a detector has reported meanwhile may be missing in it.
                self._is_card_in, self._reports_seen = is_card_in, reports
        for detector_id, wanted in requests.items():
            connection = self._connections.get(detector_id)
            if connection is None:
                continue  # It is gone by now; it is asked again when it reconnects.
            try:
                await connection.ask(wanted)
            except (WebSocketDisconnect, RuntimeError):
                continue

    def _card_may_be_in(self) -> None:
        """Listen for changes of the catalog from here on. Without a card in, there is nothing to ask for."""
        self._is_card_in = True
        self._reports += 1
        self._watch.wake()

    async def _heard(self, connection: _Connection, frame: str | bytes) -> None:
        try:
            envelope = decode(frame)
        except ProtocolError as unclear:
            await connection.send(refusal(id_in(frame), ErrorCode.BAD_MESSAGE, unclear.what))
            return
        match envelope.body:
            case Progress() as copy:
                if await self._is_own(connection, copy.insertion_id):
                    self._live.progress(connection.detector_id, copy.insertion_id, copy.file_id, copy.bytes_done)
                    self._watch.tell(CardNews(copy.insertion_id))
            case Ack(of=message_id):
                connection.asked.pop(message_id, None)
            case Refused() as refused:
                await self._was_refused(connection, refused)
            case _:
                await self._handle(connection, envelope)

    async def _is_own(self, connection: _Connection, insertion_id: str) -> bool:
        """Whether the insertion is the detector's own; progress of any other must be neither shown nor kept."""
        if insertion_id not in connection.own and await asyncio.to_thread(
            self._conversation.is_own, connection.detector_id, insertion_id
        ):
            connection.own.add(insertion_id)
        return insertion_id in connection.own

    async def _handle(self, connection: _Connection, envelope: Envelope) -> None:
        effects = await asyncio.to_thread(self._conversation.handle, connection.detector_id, envelope)
        if not isinstance(effects.reply, Refused) or effects.reply.code is ErrorCode.DEST_IO:
            self._note(envelope.body)
        await connection.send(effects.reply)
        await connection.ask(effects.requests)

    def _note(self, body: WireMessage) -> None:
        match body:
            case FileCopied():
                self._live.finished(body.insertion_id, body.file_id, body.size)
            case CopyError():
                self._live.finished(body.insertion_id, body.file_id, 0)
                self._reports += 1
            case Removed():
                self._live.removed(body.insertion_id)
                self._reports += 1
            case CardError():
                self._reports += 1
            case Inserted():
                self._card_may_be_in()
            case _:
                pass
        insertion_id = getattr(body, "insertion_id", None)
        if insertion_id is not None:
            self._watch.tell(CardNews(insertion_id, isinstance(body, FileCopied | CopyError | Samples)))

    async def _was_refused(self, connection: _Connection, refused: Refused) -> None:
        log.warning("Detector %s refused a message (%s): %s", connection.detector_id, refused.code, refused.detail)
        insertion_id, is_sample = connection.asked.pop(refused.of or "", (None, False))
        if insertion_id is not None and is_sample and refused.code is ErrorCode.BAD_MESSAGE:
            await asyncio.to_thread(self._conversation.no_samples, insertion_id)
            self._watch.tell(CardNews(insertion_id))
            await self.ask_for_new()
        elif insertion_id is not None and refused.code in (ErrorCode.STALE_INSERT, ErrorCode.UNKNOWN_ID):
            await asyncio.to_thread(self._conversation.card_is_out, insertion_id)
            self._reports += 1
            self._watch.tell(CardNews(insertion_id))


def hello_problem(body: WireMessage, token: str | None, versions: Versions = SPOKEN) -> tuple[ErrorCode, str] | None:
    """Why this first message is refused; None if it is accepted."""
    if not isinstance(body, Hello):
        return ErrorCode.BAD_MESSAGE, worded(Message.of(RefusalCode.FIRST_MESSAGE_NOT_HELLO, message=body.type))
    if token is not None and not hmac.compare_digest((body.token or "").encode(), token.encode()):
        return ErrorCode.BAD_TOKEN, worded(Message.of(RefusalCode.TOKEN_NOT_THE_HUBS))
    theirs = Versions(body.min_version, body.max_version)
    if versions.highest_common(theirs) is None:
        return ErrorCode.BAD_VERSION, worded(no_common_version(versions, theirs))
    return None


async def _frame(socket: WebSocket) -> str | bytes:
    """The next frame, text or not. Raises WebSocketDisconnect at the end."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str | None = message.get("text")
    return text if text is not None else message["bytes"]


async def _refuse(socket: WebSocket, of: str | None, code: ErrorCode, detail: str) -> None:
    await socket.send_text(encode(refusal(of, code, detail)))
    await _close(socket, POLICY)


async def _close(socket: WebSocket, code: int) -> None:
    try:
        await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):
        return
