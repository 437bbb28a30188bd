"""Sends letters: those that people ask for, and those to passengers whose film is ready, if the house wants that.

Owns: `Mailer`, the background work that empties the queue. Not here: the queue's rules (`stinercut.delivery.letters`),
the mail server (`stinercut.delivery.mail_server`).

A letter is marked as sent only after the server took it. If the hub is killed in between, it is sent twice: better
than never.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from stinercut.catalog import Catalog
from stinercut.catalog.models import HandOutWay, Letter
from stinercut.delivery import hand_outs, letters, shares
from stinercut.delivery.letter_text import LetterContent, Letterhead, address_of, email_of
from stinercut.delivery.link_key import LinkKey
from stinercut.delivery.mail_server import LetterDelayed, LetterRefused, MailServer
from stinercut.delivery.shares import NewShare
from stinercut.errors import BadInput
from stinercut.jumps import jumps
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message
from stinercut.settings import Settings

log = logging.getLogger("hub.delivery.mailer")

BY_ITSELF: Final = "Stinercut"
"""Who hands out a film whose letter goes out by itself."""
_LOOK_EVERY_S: Final = 30.0
"""Seconds between looks for what is due, and for finished films. A letter that somebody asks for goes out at once."""


@dataclass(frozen=True)
class MailPlan:
    """What the house wants: through which server, from whom, how long links open, and whether films are announced by
    themselves.
    """

    server: MailServer
    head: Letterhead
    days: int
    language: str
    announces: bool

    @classmethod
    def of(cls, settings: Settings) -> MailPlan | None:
        """The plan of these settings; None if no mail server is set. Raises BadInput for settings that don't fit."""
        if settings.mail_url is None or not settings.mail_url.get_secret_value():
            return None
        sender = address_of(settings.mail_from)
        if not sender.username or not sender.domain:
            raise BadInput(Message.of(DeliveryCode.MAIL_SENDER_FORM))
        return cls(
            MailServer.at(settings.mail_url.get_secret_value()),
            Letterhead(settings.mail_from, settings.place),
            settings.share_days,
            settings.language,
            settings.mail_when_ready,
        )


@dataclass(frozen=True)
class Mailer:
    """The letters of a hub. `board`: the address of the hub for passengers."""

    catalog: Catalog
    key: LinkKey
    board: str
    plan: MailPlan | None
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def hurry(self) -> None:
        """Look for due letters now. From the hub's own loop."""
        self._asked.set()

    async def run(self) -> None:
        """Send what is due until cancelled. Without a mail server it does nothing."""
        while self.plan is not None:
            self._asked.clear()
            try:
                await asyncio.to_thread(self.work, self.plan)
            except SQLAlchemyError:
                log.exception("Letters could not be looked for; it is tried again later.")
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._asked.wait()
            except TimeoutError:
                continue

    def work(self, plan: MailPlan) -> None:
        """Announce finished films if the house wants it, and try each letter that is due once."""
        if plan.announces:
            self._announce(plan)
        with self.catalog.read() as session:
            waiting = [(letter.letter_id, self._content(session, letter)) for letter in letters.due(session)]
        for letter_id, content in waiting:
            self._send(plan, letter_id, content)

    def _announce(self, plan: MailPlan) -> None:
        with self.catalog.read() as session:
            found = letters.unannounced(session)
        for jump_key, email in found:
            with self.catalog.write() as session:
                share = shares.hand_over(session, self.key, NewShare((jump_key,), plan.days), BY_ITSELF)
                letters.enqueue(session, share, email, plan.language)
                hand_outs.note_hand_out(session, jump_key, HandOutWay.LETTER, BY_ITSELF)

    def _content(self, session: Session, letter: Letter) -> LetterContent:
        share = shares.require_share(session, letter.share_id)
        names = [jumps.require_jump(session, place.jump_key).passenger_name or "" for place in share.jumps]
        address = f"{self.board}/f/{self.key.token(share.salt)}"
        return LetterContent(letter.recipient, tuple(names), address, share.until, letter.language)

    def _send(self, plan: MailPlan, letter_id: int, content: LetterContent) -> None:
        mail = email_of(content, plan.head, self.catalog.clock())
        try:
            plan.server.send(mail)
        except LetterRefused as refused:
            log.warning("Letter %d was refused by the mail server.", letter_id)
            with self.catalog.write() as session:
                letters.note_refused(session, letter_id, refused.why)
        except LetterDelayed as delayed:
            log.warning("Letter %d was not taken by the mail server; it is tried again later.", letter_id)
            with self.catalog.write() as session:
                letters.note_failed_try(session, letter_id, delayed.why)
        else:
            with self.catalog.write() as session:
                letters.note_sent(session, letter_id)
