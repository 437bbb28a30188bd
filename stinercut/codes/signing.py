"""The compact signed form of a code: a signed code needs to be read in only one frame.

Owns: turning fields into signed text and back. Not here: the rules for the fields (`payload`), keys
(`stinercut.keyring`). `docs/qr-format.md` describes the form for people who print codes, with test vectors.

    text = "SJ1:" + base45(key number (1 byte) + body + tag (10 bytes))
    tag  = the first 10 bytes of HMAC-SHA256(key, "SJ1:" + key number + body)
    body = CBOR array, deterministic: [passenger_name, booking_id, days since 1970-01-01, tandem_master_id if any]

The pattern is that of the EU health certificate (prefix, base45, CBOR). The tag has 80 bits, the least that RFC 2104
(section 5) recommends: every additional byte costs modules, and larger modules make codes readable.
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
"""Stinercut jump, form 1. Another form gets another prefix, so that no reader mistakes one for the other."""

TAG_BYTES: Final = 10
_EPOCH: Final = date(1970, 1, 1)
_LONGEST: Final = 1000
"""Characters; the longest payload that the schema allows takes under 650."""


def is_signed(text: str) -> bool:
    """Whether a text claims to have the signed form. If so, it is valid in that form or not at all."""
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
    """The fields of a signed text. Raises BadInput with the reason. CBOR is decoded only after the tag was verified."""
    data = _bytes(text)
    signed, tag = data[:-TAG_BYTES], data[-TAG_BYTES:]
    key = keys.get(signed[0])
    if key is None:
        known = tuple(key.number for key in keys.keys) or Message.of(MessageCode.NO_KEYS_KNOWN)
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
    """The fields of an authentic body, for the schema to check. A holder of the key may still print nonsense."""
    try:
        content: Any = cbor2.loads(body)
        # Only the exact bytes that we would write: so a body has one meaning, and nothing is hidden after it.
        is_ours = isinstance(content, list) and cbor2.dumps(content, canonical=True) == body
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError):
        is_ours, content = False, None
    if not is_ours or len(content) not in (3, 4) or type(content[2]) is not int:
        raise _not_taken(Message.of(MessageCode.SIGNED_CONTENT_NOT_OURS))
    try:
        jump_date = _EPOCH + timedelta(days=content[2])
    except OverflowError:
        raise _not_taken(Message.of(MessageCode.DAYS_ARE_NO_DATE, days=content[2])) from None
    fields: dict[str, Any] = {"v": 1, "passenger_name": content[0], "booking_id": content[1], "jump_date": jump_date}
    return {**fields, "tandem_master_id": content[3]} if len(content) == 4 else fields
