"""Base45 (RFC 9285): bytes as the 45 characters that a QR code stores most densely.

Owns: encoding and decoding. Not here: the meaning of the bytes (`signing`).
"""

from __future__ import annotations

from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {char: value for value, char in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Three characters for two bytes, two for a single last byte; the lowest digit first (RFC 9285, section 4)."""
    out: list[str] = []
    for start in range(0, len(data), 2):
        group = data[start : start + 2]
        number = int.from_bytes(group, "big")
        for _ in range(len(group) + 1):
            number, digit = divmod(number, 45)
            out.append(ALPHABET[digit])
    return "".join(out)


def decode(text: str) -> bytes:
    """The bytes of a base45 text. Raises BadInput for a text that no bytes encode to; so no text has two meanings."""
    out = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        if len(group) == 1:
            raise BadInput(Message.of(MessageCode.BASE45_CUT_SHORT))
        length = len(group) - 1
        try:
            number = sum(_VALUES[char] * 45**place for place, char in enumerate(group))
        except KeyError as unknown:
            raise BadInput(Message.of(MessageCode.BASE45_CHARACTER, character=str(unknown))) from None
        if number >= 256**length:
            raise BadInput(Message.of(MessageCode.BASE45_TOO_MUCH, characters=repr(group)))
        out += number.to_bytes(length, "big")
    return bytes(out)
