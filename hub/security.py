"""What keeps strangers' pages out: the names a hub answers to, the same-origin rule, the headers of every answer.

Lives here: pure decisions over headers. Doesn't: the detectors' token (`detectors`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST = re.compile(r"^[A-Za-z0-9.\-:\[\]]{1,255}$")
_LOCAL = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
"""Ends of names that mean something inside a house only: nobody outside can have one registered."""


def is_own_name(host: str, names: Collection[str] = ()) -> bool:
    """Whether a request's Host header means this hub: an address, a name of this house, or one of `names`.

    A page elsewhere can have its own name lead to our address (DNS rebinding); to a browser we would then be the site
    that this page is of, and it could read whatever we answer.
    """
    name = _host_name(host)
    if name in {one.lower() for one in names} or name == "localhost" or name.endswith(_LOCAL):
        return True
    if name and "." not in name and ":" not in name:
        return True  # A bare name is looked up in this house alone.
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """The name or address in a Host header, without its port; empty where there is none to tell."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from our own page, or from a program: browsers always say where one comes from."""
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:  # Brackets that are never closed, say.
        return False


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
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
