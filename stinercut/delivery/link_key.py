"""The installation's link key: what makes the tokens of passengers' links unguessable.

Owns: the file with the key, and what is derived from it: tokens, PINs, the proof that a browser knew a PIN. Not here:
the links (`shares`).

A link's token is derived from its row's salt and this key. So the desk can show the same link again, and a copy of the
database alone opens no film. Without the file all links are void: a new key is made, and films are handed out again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stinercut.errors import HostNotReady
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message
from stinercut.storage.secret_files import make_secret_file

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
TOKEN_BYTES: Final = 20
"""160 bits: no token can be found by trying."""


@dataclass(frozen=True)
class LinkKey:
    """The key, in memory."""

    secret: bytes = field(repr=False)

    def token(self, salt: bytes) -> str:
        """The token of a link: 27 characters that an address may hold."""
        return urlsafe_b64encode(self._mac("token", salt)[:TOKEN_BYTES]).rstrip(b"=").decode()

    def pin_mac(self, salt: bytes, pin: str) -> str:
        """The form in which a link's PIN is kept: 64 hexadecimal digits.

        A PIN has too few digits for any hash to protect it; without the key nobody can try them.
        """
        return self._mac("pin", salt + pin.encode()).hex()

    def pin_proof(self, token: str, pin_mac: str) -> str:
        """What a browser keeps that gave the right PIN. It is void with another PIN."""
        return self._mac("proof", f"{token} {pin_mac}".encode()).hex()

    def _mac(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self.secret, purpose.encode() + b"\0" + content, "sha256")


def token_hash(token: str) -> str:
    """The SHA-256 by which a token's row is found, 64 hexadecimal digits. It needs no salt: tokens are random."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_or_make_key(file: Path) -> LinkKey:
    """The key in that file, which is made if it is missing, readable for its owner alone.

    Several processes may ask at once: all get the same key. Raises HostNotReady if there is no such file and none can
    be made, or if it holds no key.
    """
    try:
        if not file.exists():
            make_secret_file(file, secrets.token_bytes(KEY_BYTES))
        secret = file.read_bytes()
    except OSError as refused:
        raise HostNotReady(
            Message.of(DeliveryCode.LINK_KEY_NOT_READABLE, why=refused.strerror or str(refused)), file=file
        ) from None
    if len(secret) != KEY_BYTES:
        advice = Message.of(DeliveryCode.LINK_KEY_ADVICE)
        raise HostNotReady(Message.of(DeliveryCode.LINK_KEY_DAMAGED), file=file, advice=advice)
    return LinkKey(secret)
