"""What keeps strangers' pages out: the same-origin rule, the headers of every answer.

Owns: pure decisions over headers. Not here: the names a hub answers to (`stinercut.own_names`), the detectors' token
(`detectors`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_HOST = re.compile(r"^[A-Za-z0-9.\-:\[\]]{1,255}$")


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from our own page, or from a program: browsers always say where one comes from."""
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:  # Brackets that are never closed, say.
        return False


def answer_headers(host: str) -> dict[str, str]:
    """The headers of every answer. Scripts, styles and pictures come from the hub alone, and nobody may frame it."""
    # Older Safari doesn't count a WebSocket of the same host as 'self'.
    sockets = f" ws://{host} wss://{host}" if _HOST.match(host) else ""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        f"connect-src 'self'{sockets}",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
    }
