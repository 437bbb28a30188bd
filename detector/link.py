"""The connection to the hub: says hello, delivers the outbox, hands requests on, reconnects when it breaks.

Owns: the WebSocket and the rules of at-least-once delivery. Not here: what is in the outbox (`copy.journal`), how a
request is carried out (`insertions`, `copy.offload`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI, WebSocketException

from detector.copy.journal import Journal
from stinercut.errors import BadInput, StinercutError
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.protocol import (
    SPOKEN,
    Ack,
    CopyRequest,
    ErrorCode,
    Hello,
    Progress,
    ProtocolError,
    Refused,
    SampleRequest,
    Versions,
    Welcome,
    decode,
    encode,
    id_in,
    no_common_version,
    refusal,
)
from stinercut.protocol import (
    Message as WireMessage,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.protocol.older import frame_for

log = logging.getLogger("detector")

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
HEARTBEAT_S = 10.0
"""Seconds between pings. A pong that takes this long means a broken connection; a half-open one can last for hours."""
WELCOME_S = 10.0


class HubRefused(StinercutError):
    """The hub refuses this detector: wrong token, wrong version."""

    code = "HUB_REFUSED"


@dataclass(frozen=True)
class HubAddress:
    """Where the hub is, who this detector is, and which protocol versions it speaks."""

    url: str
    detector_id: str
    token: str | None
    versions: Versions = SPOKEN


def next_wait(wait: float) -> float:
    """The wait that follows a wait of `wait` seconds: twice as long, five seconds at most."""
    return min(wait * 2, LONGEST_WAIT_S)


class Link:
    """The link to the hub. `run` keeps it up until cancelled; the other methods may be called at any time.

    `on_request` must make a request durable before it returns, because the acknowledgement is sent right after.
    """

    def __init__(
        self, address: HubAddress, journal: Journal, on_request: Callable[[CopyRequest | SampleRequest], None]
    ) -> None:
        self._address = address
        self._journal = journal
        self._on_request = on_request
        self._news = asyncio.Event()
        self._progress: dict[str, Progress] = {}
        self._welcomed = False

    def wake(self) -> None:
        """Send what is new in the outbox."""
        self._news.set()

    def progress(self, message: Progress) -> None:
        """Report how far a copy is, once there is a connection. Only each insertion's latest report is kept."""
        self._progress[message.insertion_id] = message
        self._news.set()

    async def run(self) -> None:
        """Connect, deliver, listen, and connect again. Raises BadInput for an invalid hub address."""
        wait = FIRST_WAIT_S
        last_logged = ""
        while True:
            self._welcomed = False
            try:
                await self._one_connection()
                trouble = "it closed the connection"
            except InvalidURI as refused:
                raise BadInput(
                    Message.of(SetupCode.HUB_ADDRESS_WRONG, why=str(refused)),
                    file=self._address.url,
                    advice=Message.of(SetupCode.SET_HUB_URL),
                ) from None
            except HubRefused as refused:
                trouble, wait = refused.sentence(), LONGEST_WAIT_S
            except (OSError, WebSocketException) as broken:
                trouble = str(broken) or type(broken).__name__
            if self._welcomed:
                wait, last_logged = FIRST_WAIT_S, ""
            if trouble != last_logged:
                log.warning("No connection to the hub at %s: %s. Trying again.", self._address.url, trouble)
                last_logged = trouble
            await asyncio.sleep(wait)
            wait = next_wait(wait)

    async def _one_connection(self) -> None:
        async with connect(
            self._address.url,
            proxy=None,  # The hub is in the local network; a web proxy must not come in between.
            compression=None,
            max_size=MAX_FRAME_BYTES,
            ping_interval=HEARTBEAT_S,
            ping_timeout=HEARTBEAT_S,
            close_timeout=1,
        ) as socket:
            version = await self._greet(socket)
            self._welcomed = True
            log.info("Connected to the hub at %s.", self._address.url)
            sending = asyncio.create_task(self._deliver(socket, version))
            listening = asyncio.create_task(self._listen(socket))
            try:
                await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                listening.cancel()
                results = await asyncio.gather(sending, listening, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    raise result

    async def _greet(self, socket: ClientConnection) -> int:
        """Say hello. Returns the protocol version of this connection."""
        ours = self._address.versions
        await socket.send(
            encode(
                Hello(
                    detector_id=self._address.detector_id,
                    min_version=ours.lowest,
                    max_version=ours.highest,
                    token=self._address.token,
                )
            )
        )
        async with asyncio.timeout(WELCOME_S):
            try:
                answer = decode(await socket.recv()).body
            except ProtocolError as unclear:
                raise HubRefused(Message.of(SetupCode.ANSWER_OF_NO_HUB, why=unclear.what_parts)) from None
        if isinstance(answer, Refused):
            raise HubRefused(Message.of(SetupCode.HUB_REFUSED_DETECTOR, refusal=str(answer.code), why=answer.detail))
        if not isinstance(answer, Welcome):
            raise HubRefused(Message.of(SetupCode.HUB_ANSWERED_HELLO, answer=answer.type))
        theirs = Versions(answer.min_version, answer.max_version)
        if answer.version != ours.highest_common(theirs):
            if ours.highest_common(theirs) is None:
                raise HubRefused(no_common_version(theirs, ours))
            raise HubRefused(Message.of(SetupCode.HUB_CHOSE_VERSION, version=answer.version))
        return answer.version

    async def _deliver(self, socket: ClientConnection, version: int) -> None:
        """Send all unacknowledged messages, oldest first, then each new one as it comes."""
        sent = 0
        while True:
            self._news.clear()
            progress, self._progress = self._progress, {}
            for latest in progress.values():
                await socket.send(encode(latest))
            while waiting := self._journal.unacknowledged(after=sent):
                for message in waiting:
                    await socket.send(frame_for(version, message.frame))
                    sent = message.seq
            await self._news.wait()

    async def _listen(self, socket: ClientConnection) -> None:
        async for frame in socket:
            answer = self._heard(frame)
            if answer is not None:
                await socket.send(encode(answer))

    def _heard(self, frame: str | bytes) -> WireMessage | None:
        """Act on one frame. Returns the answer to send, if any."""
        try:
            envelope = decode(frame)
        except ProtocolError as unclear:
            log.warning("The hub sent something that is no message: %s", unclear.what)
            return refusal(id_in(frame), ErrorCode.BAD_MESSAGE, unclear.what)
        match envelope.body:
            case CopyRequest() | SampleRequest() as request:
                self._on_request(request)
                return Ack(of=envelope.id)
            case Ack(of=message_id):
                self._journal.acknowledged(message_id)
            case Refused(of=message_id, code=code, detail=detail):
                log.warning("The hub refused a message (%s): %s", code, detail)
                if message_id is not None:
                    self._journal.acknowledged(message_id)  # Sent again, it would be refused again.
            case other:
                detail = f"a detector takes no {other.type}"
                return Refused(of=envelope.id, code=ErrorCode.BAD_MESSAGE, detail=detail)
        return None
