"""The keys for signed codes: this installation signs with one of them and accepts all of them.

Owns: `KeyRing` and its form in the setting `STINERCUT_QR_KEYS`. Not here: reading settings (`settings`), signing and
checking (`stinercut.codes.signing`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode

MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 64
"""HMAC-SHA256 takes keys of any length. Keys below 16 bytes can be guessed; keys above its block of 64 are hashed."""

_PAIR = re.compile(r"([0-9]{1,3}):([0-9A-Fa-f]*)")
_ADVICE: Final = Message.of(SetupCode.QR_KEYS_FORM)


@dataclass(frozen=True)
class Key:
    """One key. `number` (0 to 255) is part of every code that it signs."""

    number: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyRing:
    """The keys of an installation: the first signs, all of them verify.

    `only_signed`: whether codes without a signature are refused.
    """

    keys: tuple[Key, ...] = ()
    only_signed: bool = False

    @property
    def signer(self) -> Key:
        """The key that signs. Raises BadInput if the ring has no key."""
        if not self.keys:
            raise BadInput(Message.of(SetupCode.NO_KEY_TO_SIGN), advice=(Message.of(SetupCode.SET_QR_KEYS), _ADVICE))
        return self.keys[0]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the accepted codes; the order of keys doesn't matter.

        It reveals no more of a key than any code that was signed with it.
        """
        rows = sorted(f"{key.number}:{key.secret.hex()}" for key in self.keys)
        ring = ",".join(rows) + (";only signed" if self.only_signed else "")
        return hashlib.sha256(ring.encode()).hexdigest()[:16]

    def get(self, number: int) -> Key | None:
        """The key of this number."""
        return next((key for key in self.keys if key.number == number), None)

    @classmethod
    def parse(cls, text: str, *, only_signed: bool = False) -> KeyRing:
        """The ring of a setting: `2:9f86d0..., 1:60303a...`. Raises BadInput, whose message never contains a key."""
        keys = tuple(_key(pair.strip()) for pair in text.split(",")) if text.strip() else ()
        numbers = [key.number for key in keys]
        for number in numbers:
            if numbers.count(number) > 1:
                raise BadInput(
                    Message.of(SetupCode.QR_KEY_TWICE, key=number), advice=Message.of(SetupCode.OWN_NUMBER_EACH)
                )
        if only_signed and not keys:
            raise BadInput(
                Message.of(SetupCode.SIGNED_WITHOUT_KEYS),
                advice=(Message.of(SetupCode.SET_QR_KEYS_TOO), _ADVICE),
            )
        return cls(keys, only_signed)


NO_KEYS = KeyRing()
"""Without keys: every signed code is refused, unsigned ones are accepted."""


def _key(pair: str) -> Key:
    match = _PAIR.fullmatch(pair)
    if match is None:
        raise BadInput(Message.of(SetupCode.QR_KEYS_NO_PAIR), advice=_ADVICE)
    number, digits = int(match[1]), match[2]
    if number > 255:
        raise BadInput(Message.of(SetupCode.QR_KEY_NUMBER, key=number), advice=Message.of(SetupCode.QR_KEY_NUMBERS))
    if len(digits) % 2 or not MIN_KEY_BYTES <= len(digits) // 2 <= MAX_KEY_BYTES:
        raise BadInput(
            Message.of(SetupCode.QR_KEY_DIGITS, key=number, digits=len(digits)),
            advice=(Message.of(SetupCode.QR_KEY_LENGTH, least=2 * MIN_KEY_BYTES, most=2 * MAX_KEY_BYTES), _ADVICE),
        )
    return Key(number, bytes.fromhex(digits))
