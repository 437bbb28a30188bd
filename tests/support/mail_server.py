"""A real SMTP server for tests, which keeps the letters that it takes.

Owns: starting and ending it (aiosmtpd), and what it refuses. Not here: what is in the letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from threading import Event, Thread
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

PATIENCE_S = 120.0
"""Only how long a test waits before it says that no letter came."""


@dataclass
class MailServerOfTests:
    """A mail server. `refuses`: its answer to a recipient, by address; all others are accepted."""

    port: int = 0
    refuses: dict[str, str] = field(default_factory=dict[str, str])
    taken: Queue[EmailMessage] = field(default_factory=Queue[EmailMessage])
    asked: Queue[str] = field(default_factory=Queue[str])
    """The recipients that were named, refused ones included."""

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """The answer to a recipient."""
        self.asked.put(address)
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a letter."""
        content: Any = envelope.content
        self.taken.put(message_from_bytes(content, policy=policy.default))
        return "250 taken"

    def letter(self) -> EmailMessage:
        """The next letter that it took."""
        return self.taken.get(timeout=PATIENCE_S)


@contextmanager
def mail_server(**refuses: str) -> Generator[MailServerOfTests]:
    """Start a mail server on loopback. `refuses`: answers by the part of an address before the @."""
    server = MailServerOfTests(refuses={f"{name}@example.org": answer for name, answer in refuses.items()})
    ready, loop = Event(), asyncio.new_event_loop()

    async def serve() -> None:
        listening = await loop.create_server(lambda: SMTP(server, hostname="mail.test"), "127.0.0.1", 0)
        server.port = int(listening.sockets[0].getsockname()[1])
        ready.set()
        try:
            await asyncio.Future[None]()
        finally:
            listening.close()

    task = loop.create_task(serve())
    thread = Thread(target=lambda: _run(loop, task), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(PATIENCE_S)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()
