"""Random tokens that open something: made once, shown once, kept only as a hash.

Owns: making a token and its hash. Not here: what each opens (`logins`, `keys`).
"""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, in 43 characters that an address, a cookie or a header may hold."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """The SHA-256 by which a token's row is found, 64 hexadecimal digits. It needs no salt: tokens are random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
