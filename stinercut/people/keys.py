"""Keys of programs (API keys) and of detectors: shown once, kept as hashes, revocable one by one.

Owns: making, finding, listing and revoking them. Not here: who asks with one (the hub).

A program's key holds permissions. A detector's key holds the id of its detector, and is good for no other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import ApiKey, DetectorKey
from stinercut.catalog.moments import now_in
from stinercut.errors import BadInput, NotFound
from stinercut.language.messages import Message
from stinercut.language.people_codes import PeopleCode
from stinercut.people.permissions import Permission
from stinercut.people.tokens import new_token, token_hash

API_KEY_BEGINS: Final = "sk_"
DETECTOR_KEY_BEGINS: Final = "dk_"
_DETECTOR_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_NAME: Final = 80


def make_api_key(session: Session, name: str, permissions: Collection[Permission]) -> str:
    """A key for a program. Returns it; it is kept nowhere. Raises BadInput without a name or permission."""
    name = name.strip()
    if not 0 < len(name) <= MOST_NAME or not name.isprintable() or not permissions:
        raise BadInput(Message.of(PeopleCode.KEY_FORM, most=MOST_NAME))
    key = API_KEY_BEGINS + new_token()
    names = sorted(permission.value for permission in permissions)
    session.add(ApiKey(name=name, key_hash=token_hash(key), permissions=names))
    return key


def find_api_key(session: Session, key: str) -> ApiKey | None:
    """The key, unless it is unknown or revoked."""
    query = select(ApiKey).where(ApiKey.key_hash == token_hash(key), ApiKey.revoked_at.is_(None))
    return session.execute(query).scalar_one_or_none()


def permissions_of(key: ApiKey) -> frozenset[Permission]:
    """What a key permits. Names of another release count for nothing."""
    known = {permission.value for permission in Permission}
    return frozenset(Permission(name) for name in key.permissions if name in known)


def api_keys(session: Session) -> Sequence[ApiKey]:
    """All keys of programs, in the order in which they were made."""
    return session.execute(select(ApiKey).order_by(ApiKey.api_key_id)).scalars().all()


def revoke_api_key(session: Session, api_key_id: int) -> ApiKey:
    """End a key at once. Raises NotFound."""
    key = session.get(ApiKey, api_key_id)
    if key is None:
        raise NotFound(Message.of(PeopleCode.KEY_NOT_KNOWN))
    key.revoked_at = key.revoked_at or now_in(session)
    return key


def make_detector_key(session: Session, detector_id: str) -> str:
    """A key for the detector of that id. Returns it. Raises BadInput for an id that no detector may have.

    Its earlier keys go on until they are revoked, so the new one can be put in its place without a gap.
    """
    if not _DETECTOR_ID.fullmatch(detector_id):
        raise BadInput(Message.of(PeopleCode.DETECTOR_ID_FORM))
    key = DETECTOR_KEY_BEGINS + new_token()
    session.add(DetectorKey(detector_id=detector_id, key_hash=token_hash(key)))
    return key


def is_key_of_detector(session: Session, detector_id: str, key: str) -> bool:
    """Whether this key lets in the detector of that id."""
    query = select(DetectorKey.detector_key_id).where(
        DetectorKey.key_hash == token_hash(key),
        DetectorKey.detector_id == detector_id,
        DetectorKey.revoked_at.is_(None),
    )
    return session.execute(query).first() is not None


def detector_keys(session: Session) -> Sequence[DetectorKey]:
    """All keys of detectors, by detector."""
    query = select(DetectorKey).order_by(DetectorKey.detector_id, DetectorKey.detector_key_id)
    return session.execute(query).scalars().all()


def revoke_detector_key(session: Session, detector_key_id: int) -> DetectorKey:
    """End a detector's key at once. Raises NotFound."""
    key = session.get(DetectorKey, detector_key_id)
    if key is None:
        raise NotFound(Message.of(PeopleCode.KEY_NOT_KNOWN))
    key.revoked_at = key.revoked_at or now_in(session)
    return key
