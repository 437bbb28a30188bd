"""Links for passengers ("shares"): whoever has the link sees the films of its jumps, and nothing else.

Owns: making, finding and revoking links, their PINs, counting what was opened. Not here: the key behind the tokens
(`link_key`), the passenger's page (`hub.delivery.passenger_routes`), letters (`letters`), who got their film
(`hand_outs`).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import JumpState, Share, ShareJump
from stinercut.catalog.moments import now_in
from stinercut.delivery.link_key import SALT_BYTES, LinkKey, token_hash
from stinercut.errors import BadInput, Conflict, NotFound
from stinercut.jumps import jumps
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message

MAX_JUMPS: Final = 50
"""The most jumps behind one link: a large group."""
PIN: Final = re.compile(r"[0-9]{4,8}")
PIN_TRIES: Final = 5
"""So many wrong PINs in a row close a link for `PIN_CLOSED_FOR`: trying all of four digits then takes three weeks."""
PIN_CLOSED_FOR: Final = timedelta(minutes=15)


class ShareState(StrEnum):
    """Whether a link opens anything."""

    OPEN = "open"
    EXPIRED = "expired"
    REVOKED = "revoked"


class PinAnswer(StrEnum):
    """What became of a PIN that somebody gave."""

    RIGHT = "right"
    WRONG = "wrong"
    CLOSED = "closed"
    """Too many wrong ones came before; this one was not looked at."""


@dataclass(frozen=True)
class NewShare:
    """A link to make: `days` it opens, from now on. `pin` of 4 to 8 digits, or None."""

    jump_keys: tuple[str, ...]
    days: int
    pin: str | None = None


def state_of(share: Share, now: datetime) -> ShareState:
    """Whether the link opens anything at that moment."""
    if share.revoked_at is not None:
        return ShareState.REVOKED
    return ShareState.OPEN if now < share.until else ShareState.EXPIRED


# ------------------------------------------------------------------------------------------------ the desk


def hand_over(session: Session, key: LinkKey, wanted: NewShare, who: str) -> Share:
    """The link to these jumps' films: the one that is out already and has the same PIN, or a new one.

    A link that is out is prolonged to the wanted days, and never shortened. Raises NotFound for an unknown jump,
    BadInput for a PIN of another form, or jumps without a passenger.
    """
    for jump_key in wanted.jump_keys:
        _require_shareable(session, jump_key)
    if not 0 < len(wanted.jump_keys) <= MAX_JUMPS:
        raise BadInput(Message.of(DeliveryCode.SHARE_WITHOUT_JUMPS, most=MAX_JUMPS))
    if wanted.pin is not None and not PIN.fullmatch(wanted.pin):
        raise BadInput(Message.of(DeliveryCode.PIN_FORM))
    until = now_in(session) + timedelta(days=wanted.days)
    share = _same_as(session, key, wanted)
    if share is None:
        share = _new(session, key, wanted, until, who)
        _tell(session, "made", share)
    share.until = max(share.until, until)
    return share


def revoke(session: Session, share_id: int) -> Share:
    """End a link at once. Raises NotFound, and Conflict if it opens nothing any more."""
    share = require_share(session, share_id)
    if state_of(share, now_in(session)) is not ShareState.OPEN:
        raise Conflict(Message.of(DeliveryCode.SHARE_IS_OVER))
    share.revoked_at = now_in(session)
    _tell(session, "revoked", share)
    return share


def require_share(session: Session, share_id: int) -> Share:
    """The link with that number. Raises NotFound."""
    share = session.get(Share, share_id)
    if share is None:
        raise NotFound(Message.of(DeliveryCode.SHARE_NOT_KNOWN))
    return share


def links_that_are_out(session: Session, limit: int = 500) -> Sequence[Share]:
    """The links that open something now, the last ones to end last."""
    query = select(Share).where(Share.revoked_at.is_(None), Share.until > now_in(session))
    return session.execute(query.order_by(Share.until, Share.share_id).limit(limit)).scalars().all()


def links_of(session: Session, jump_key: str) -> Sequence[Share]:
    """All links to a jump's film, also those that are over; the newest first."""
    query = select(Share).join(ShareJump).where(ShareJump.jump_key == jump_key)
    return session.execute(query.order_by(Share.share_id.desc())).scalars().all()


# ------------------------------------------------------------------------------------------------ the passenger


def share_of_token(session: Session, token: str) -> Share | None:
    """The link with that token, whatever its state; None for a token that was never given out."""
    return session.execute(select(Share).where(Share.token_hash == token_hash(token))).scalar_one_or_none()


def jump_at(share: Share, position: int) -> str | None:
    """The key of the jump at that place of the link, from 1."""
    return next((place.jump_key for place in share.jumps if place.position == position), None)


def try_pin(session: Session, key: LinkKey, share: Share, pin: str) -> PinAnswer:
    """Compare a PIN with the link's own, and count wrong ones."""
    now = now_in(session)
    if share.pin_closed_until is not None and now < share.pin_closed_until:
        return PinAnswer.CLOSED
    if hmac.compare_digest(key.pin_mac(share.salt, pin), share.pin_mac or ""):
        share.pin_failures, share.pin_closed_until = 0, None
        return PinAnswer.RIGHT
    share.pin_failures += 1
    if share.pin_failures < PIN_TRIES:
        return PinAnswer.WRONG
    share.pin_failures, share.pin_closed_until = 0, now + PIN_CLOSED_FOR
    return PinAnswer.CLOSED


def count_opening(session: Session, share_id: int) -> None:
    """Note that somebody opened the link's page."""
    share = require_share(session, share_id)
    share.opened, share.opened_at = share.opened + 1, now_in(session)
    _tell(session, "opened", share)


def count_download(session: Session, share_id: int) -> None:
    """Note that somebody began to fetch a film or its photos."""
    share = require_share(session, share_id)
    share.downloads += 1
    _tell(session, "downloaded", share)


# ------------------------------------------------------------------------------------------------ inside


def _require_shareable(session: Session, jump_key: str) -> None:
    jump = jumps.require_jump(session, jump_key)
    if jump.booking_id is None or jump.state == JumpState.GONE:
        raise BadInput(Message.of(DeliveryCode.SHARE_OF_NOBODY, jump=jump_key))


def _same_as(session: Session, key: LinkKey, wanted: NewShare) -> Share | None:
    """The link that is out to exactly these jumps with exactly this PIN."""
    out = links_of(session, wanted.jump_keys[0])
    now = now_in(session)
    for share in out:
        if state_of(share, now) is not ShareState.OPEN:
            continue
        if tuple(place.jump_key for place in share.jumps) != wanted.jump_keys:
            continue
        if share.pin_mac == (key.pin_mac(share.salt, wanted.pin) if wanted.pin is not None else None):
            return share
    return None


def _new(session: Session, key: LinkKey, wanted: NewShare, until: datetime, who: str) -> Share:
    salt = secrets.token_bytes(SALT_BYTES)
    share = Share(
        salt=salt,
        token_hash=token_hash(key.token(salt)),
        made_at=now_in(session),
        made_by=who,
        until=until,
        pin_mac=key.pin_mac(salt, wanted.pin) if wanted.pin is not None else None,
        jumps=[ShareJump(position=number, jump_key=jump) for number, jump in enumerate(wanted.jump_keys, 1)],
    )
    session.add(share)
    session.flush()
    return share


def _tell(session: Session, what: str, share: Share) -> None:
    for place in share.jumps:
        events.append(session, f"share:{what}", jump_key=place.jump_key, share_id=share.share_id)
