"""What keeps strangers' pages out: the same-origin rule, the headers of every answer.

Owns: pure decisions over headers. Not here: the names a hub answers to (`stinercut.own_names`), the detectors' token
(`hub.cards.socket`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_HOST = re.compile(r"^[A-Za-z0-9.\-:\[\]]{1,255}$")


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from our own page, or from a program: browsers always say where one comes from."""
    # All of them: who says it twice must not have the one looked at and the other believed.
    origins = [value for name, value in headers.items() if name == "origin"]
    try:
        return all(urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != "" for origin in origins)
    except ValueError:  # Brackets that are never closed, say.
        return False


def is_page_visit(headers: Mapping[str, str]) -> bool:
    """Whether a browser opens a page of its own with this request: no part of another page, no frame, no script's.

    Browsers tell by Sec-Fetch-* only where nobody listens in (HTTPS, this machine); else what they accept tells.
    """
    if headers.get("sec-fetch-mode", "navigate") != "navigate":
        return False
    return headers.get("sec-fetch-dest", "document") == "document" and "text/html" in headers.get("accept", "")


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another site's page, or one on another port, asked for this."""
    return headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} or not is_same_origin(headers)


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
