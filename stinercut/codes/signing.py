"""The compact signed form of a code: who may print codes that are believed in one frame.

Owns: fields to text and back, with the signature in between. Not here: what the fields may say (`payload`), keys
(`stinercut.keyring`). `docs/qr-format.md` describes the form for those who print codes, with test vectors.

    text = "SJ1:" + base45(key number (1 byte) + body + tag (10 bytes))
    tag  = the first 10 bytes of HMAC-SHA256(key, "SJ1:" + key number + body)
    body = CBOR array, deterministic: [passenger_name, booking_id, days since 1970-01-01, tandem_master_id if any]

The pattern is that of the EU health certificate (prefix, base45, CBOR); the tag is one of the 80 bits that RFC 2104
(section 5) names as the least, since every byte more costs modules, and larger modules are what makes codes readable.
"""

from __future__ import annotations

import hmac
from datetime import date, timedelta
from typing import Any, Final

import cbor2

from stinercut.codes import base45
from stinercut.errors import BadInput
from stinercut.keyring import Key, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

PREFIX: Final = "SJ1:"
"""Stinercut jump, form 1. Another form gets another prefix, so that no reader ever mistakes one for the other."""

TAG_BYTES: Final = 10
_EPOCH: Final = date(1970, 1, 1)
_LONGEST: Final = 1000
"""Characters; the longest payload that the schema allows takes under 650."""


def is_signed(text: str) -> bool:
    """Whether a text claims to be of the signed form. If so it counts as that or as nothing."""
    return text.startswith(PREFIX)


def sign(fields: dict[str, Any], key: Key) -> str:
    """The text of a code. `fields` are those of a payload: name, booking, date, master's id or None."""
    jump_date: date = fields["jump_date"]
    body = [fields["passenger_name"], fields["booking_id"], (jump_date - _EPOCH).days]
    if fields["tandem_master_id"] is not None:
        body.append(fields["tandem_master_id"])
    signed = bytes([key.number]) + cbor2.dumps(body, canonical=True)
    return PREFIX + base45.encode(signed + _tag(key, signed))


def verified(text: str, keys: KeyRing) -> dict[str, Any]:
    """The fields of a signed text. Raises BadInput, saying why; no CBOR is decoded before its tag fits."""
    data = _bytes(text)
    signed, tag = data[:-TAG_BYTES], data[-TAG_BYTES:]
    key = keys.get(signed[0])
    if key is None:
        known = tuple(one.number for one in keys.keys) or Message.of(MessageCode.NO_KEYS_KNOWN)
        raise _not_taken(Message.of(MessageCode.SIGNED_WITH_UNKNOWN_KEY, key=signed[0], known=known))
    if not hmac.compare_digest(tag, _tag(key, signed)):
        raise _not_taken(Message.of(MessageCode.SIGNATURE_WRONG))
    return _fields(signed[1:])


def _not_taken(*why: Message) -> BadInput:
    return BadInput(Message.of(MessageCode.SIGNED_CODE_NOT_TAKEN, why=why))


def _bytes(text: str) -> bytes:
    if len(text) > _LONGEST:
        raise _not_taken(Message.of(MessageCode.LONGER_THAN_ANY))
    try:
        data = base45.decode(text.removeprefix(PREFIX))
    except BadInput as refused:
        raise _not_taken(*refused.what_parts) from None
    if len(data) < 1 + 1 + TAG_BYTES:
        raise _not_taken(Message.of(MessageCode.CUT_SHORT))
    return data


def _tag(key: Key, signed: bytes) -> bytes:
    return hmac.digest(key.secret, PREFIX.encode() + signed, "sha256")[:TAG_BYTES]


def _fields(body: bytes) -> dict[str, Any]:
    """What an authentic body says, as fields for the schema. Whoever has the key may still print nonsense."""
    try:
        said: Any = cbor2.loads(body)
        # Only what we would write ourselves: one body, one meaning, and nothing hidden behind it.
        is_ours = isinstance(said, list) and cbor2.dumps(said, canonical=True) == body
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError):
        is_ours, said = False, None
    if not is_ours or len(said) not in (3, 4) or type(said[2]) is not int:
        raise _not_taken(Message.of(MessageCode.SIGNED_CONTENT_NOT_OURS))
    try:
        jump_date = _EPOCH + timedelta(days=said[2])
    except OverflowError:
        raise _not_taken(Message.of(MessageCode.DAYS_ARE_NO_DATE, days=said[2])) from None
    fields: dict[str, Any] = {"v": 1, "passenger_name": said[0], "booking_id": said[1], "jump_date": jump_date}
    return {**fields, "tandem_master_id": said[3]} if len(said) == 4 else fields
