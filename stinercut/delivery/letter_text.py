"""The text of a letter to a passenger, in the passenger's language.

Owns: subject, body and headers of the e-mail. Not here: the queue (`letters`), the words (`stinercut.language`), the
mail server (`hub.delivery.mailer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Final

from stinercut.language.days import day_in_words
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message, worded

AUTOMATIC: Final = ("Auto-Submitted", "auto-generated")
"""So that no absence note is sent to us (RFC 3834)."""


@dataclass(frozen=True)
class Letterhead:
    """What all letters of a house have: the sender as in the setting, and the dropzone's name."""

    sender: str
    place: str = ""


@dataclass(frozen=True)
class LetterContent:
    """One letter: to whom, about which passengers' films, and the link with its last moment."""

    recipient: str
    passengers: tuple[str, ...]
    address: str
    until: datetime
    language: str


def email_of(content: LetterContent, head: Letterhead, written_at: datetime) -> EmailMessage:
    """The letter as an e-mail: plain text, which every program shows and no filter distrusts."""
    mail = EmailMessage()
    sender = address_of(head.sender)
    mail["Subject"] = worded(_subject(content), content.language)
    mail["From"] = sender
    mail["To"] = address_of(content.recipient)
    mail["Date"] = format_datetime(written_at)
    mail["Message-ID"] = make_msgid(domain=sender.domain)
    mail[AUTOMATIC[0]] = AUTOMATIC[1]
    mail.set_content("\n".join(_lines(content, head)) + "\n", cte="quoted-printable")
    mail["Content-Language"] = content.language  # After the content, which clears such headers.
    return mail


def address_of(text: str) -> Address:
    """An address as headers have it. `text`: `name@host`, or `Name <name@host>`. No line break gets into a header."""
    name, address = parseaddr(" ".join(text.split()))
    user, _, domain = address.rpartition("@")
    return Address(display_name=name, username=user, domain=domain)


def _subject(content: LetterContent) -> Message:
    if len(content.passengers) > 1:
        return Message.of(DeliveryCode.LETTER_SUBJECT_OF_GROUP)
    return Message.of(DeliveryCode.LETTER_SUBJECT)


def _lines(content: LetterContent, head: Letterhead) -> list[str]:
    said: tuple[Message | str, ...] = (
        Message.of(DeliveryCode.LETTER_GREETING, passengers=content.passengers),
        Message.of(DeliveryCode.LETTER_LINK_FOLLOWS),
        content.address,
        Message.of(DeliveryCode.LETTER_UNTIL, day=day_in_words(content.until.date(), content.language)),
        Message.of(DeliveryCode.LETTER_GOODBYE, place=head.place),
    )
    texts = [each if isinstance(each, str) else worded(each, content.language).strip() for each in said]
    return [line for text in texts for line in (text, "")][:-1]
