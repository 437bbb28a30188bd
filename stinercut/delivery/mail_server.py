"""The mail server: its address as a setting, and sending one letter through it.

Owns: which servers' answers are final, and that a password never leaves unencrypted. Not here: the queue (`letters`),
when letters are sent (`hub.delivery.mailer`).
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

from stinercut.errors import BadInput
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message
from stinercut.own_names import is_loopback

PATIENCE_S: Final = 30.0
"""Seconds for the server's answer to each command. Large servers look up the sender before they greet."""
_PORTS: Final = {"smtp": 587, "smtps": 465}
_SAID: Final = 300
"""Characters that are kept of a server's answer."""


class LetterRefused(Exception):
    """The server will never take this letter. `why` is for people."""

    def __init__(self, why: Message) -> None:
        self.why = why
        super().__init__(str(why.code))


class LetterDelayed(Exception):
    """The server did not take the letter this time. `why` is for people."""

    def __init__(self, why: Message) -> None:
        self.why = why
        super().__init__(str(why.code))


@dataclass(frozen=True)
class MailServer:
    """Where letters are handed in. `encrypted`: from the first byte on (smtps); otherwise STARTTLS comes first."""

    host: str
    port: int
    encrypted: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def at(cls, address: str) -> MailServer:
        """The server of the setting `mail_url`. Raises BadInput, which doesn't repeat the address and its password."""
        try:
            parts = urlsplit(address)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise BadInput(Message.of(DeliveryCode.MAIL_ADDRESS_FORM)) from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise BadInput(Message.of(DeliveryCode.MAIL_ADDRESS_FORM))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port, parts.scheme == "smtps", user, password)

    def send(self, mail: EmailMessage) -> None:
        """Hand in one letter. Raises LetterRefused and LetterDelayed."""
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(mail)
        except smtplib.SMTPAuthenticationError:
            raise LetterDelayed(Message.of(DeliveryCode.LETTER_LOGIN_REFUSED)) from None
        except smtplib.SMTPRecipientsRefused as refused:
            # One letter has one recipient.
            raise _answered(*next(iter(refused.recipients.values()))) from None
        except smtplib.SMTPNotSupportedError as refused:
            raise LetterRefused(Message.of(DeliveryCode.LETTER_REFUSED, answer=_words(str(refused)))) from None
        except smtplib.SMTPResponseException as refused:
            raise _answered(refused.smtp_code, refused.smtp_error) from None
        except OSError as silent:  # smtplib's own errors are of this class, too.
            why = _words(silent.strerror or str(silent))
            raise LetterDelayed(Message.of(DeliveryCode.LETTER_SERVER_SILENT, why=why)) from None

    def _connected(self) -> smtplib.SMTP:
        if self.encrypted:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE_S, context=ssl.create_default_context())
        server = smtplib.SMTP(self.host, self.port, timeout=PATIENCE_S)
        try:
            server.ehlo()
            # A relay on this machine needs no encryption; anywhere else, letters and passwords do.
            if server.has_extn("starttls") or not is_loopback(self.host):
                server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
        return server


def _answered(code: int, answer: bytes | str) -> LetterRefused | LetterDelayed:
    """A server's answer as an error: 5xx is final (RFC 5321, 4.2.1)."""
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    if 500 <= code < 600:
        return LetterRefused(Message.of(DeliveryCode.LETTER_REFUSED, answer=_words(f"{code} {text}")))
    return LetterDelayed(Message.of(DeliveryCode.LETTER_SERVER_SILENT, why=_words(f"{code} {text}")))


def _words(said: str) -> str:
    """A server's words for a row and a page: one line of printable characters, not longer than needed."""
    return "".join(letter if letter.isprintable() else " " for letter in said)[:_SAID].strip()
