"""Passwords and PINs: kept as argon2id hashes, and compared in a time that tells nothing.

Owns: hashing and checking. Not here: how long a password must be and whose it is (`accounts`), how often somebody may
try (the hub).
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
"""argon2id with the library's parameters: RFC 9106, the profile for little memory (64 MiB, three passes)."""


def hashed(password: str) -> str:
    """The form in which a password or PIN is kept, with its own salt and parameters. Takes about 50 ms."""
    return _HASHER.hash(password)


def is_right(kept: str | None, given: str) -> bool:
    """Whether this is the password.

    None (nobody of that name, or nobody with a password) takes as long as a wrong password, so that the time does not
    tell which names exist.
    """
    try:
        return _HASHER.verify(kept if kept is not None else _nobodys(), given) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a new hash would be made with other parameters."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return hashed("nobody has this password")
