"""The rules that keep other sites' pages out: the same-origin rule, and the headers of every answer.

Owns: pure decisions over headers. Not here: the names a hub answers to (`stinercut.own_names`), the detectors' token
(`hub.cards.socket`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_HOST = re.compile(r"^[A-Za-z0-9.\-:\[\]]{1,255}$")


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from our own page or from a program. Browsers always send the origin."""
    # Check all Origin headers: if there are two, a server must not check one and trust the other.
    origins = [value for name, value in headers.items() if name == "origin"]
    try:
        return all(urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != "" for origin in origins)
    except ValueError:  # Such as brackets that are never closed.
        return False


def is_page_visit(headers: Mapping[str, str]) -> bool:
    """Whether a browser opens a whole page with this request, and not a part of a page, a frame or a script's data.

    Browsers tell this by Sec-Fetch-* only on safe connections (HTTPS, this machine); otherwise by what they accept.
    """
    if headers.get("sec-fetch-mode", "navigate") != "navigate":
        return False
    return headers.get("sec-fetch-dest", "document") == "document" and "text/html" in headers.get("accept", "")


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether the request comes from another site's page, or from a page on another port."""
    return headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} or not is_same_origin(headers)


def answer_headers(host: str) -> dict[str, str]:
    """The headers of every answer: scripts, styles and pictures only from the hub, and no frames around its pages."""
    # For older Safari, a WebSocket of the same host is not 'self'.
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


def headers_of_kind(path: str, scheme: str) -> dict[str, str]:
    """Headers that depend on what is asked for: no copy of the API's answers is kept, and HTTPS stays HTTPS."""
    found = {"cache-control": "no-store"} if path.startswith("/api/") else {}
    return found | ({"strict-transport-security": "max-age=31536000"} if scheme == "https" else {})
