"""Host names to which our servers answer: the protection against DNS rebinding.

Owns: `OwnNames`, the rule for the hub and for Dagster's webserver; pure except `names_of_this_machine`. Not here: other
headers (`hub.kit.security`), the answers.

A page elsewhere can make its own name lead to our address (DNS rebinding). A browser would then take us for that page's
site, and the page could read all our answers. An ending such as `.local` or `.lan` is no protection, nor is a bare
name: on a shared network anybody can answer for them.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST = re.compile(r"^[A-Za-z0-9._\-:\[\]%]{1,255}$", re.ASCII)


@dataclass(frozen=True)
class OwnNames:
    """The names to which a server answers. Use `own_names` to make them.

    `only_loopback`: it listens where only this machine reaches it, so no other address leads to it.
    """

    only_loopback: bool
    names: frozenset[str]

    def include(self, host: str) -> bool:
        """Whether a Host header (or an Origin's host and port) means us.

        Addresses do if we listen on them: nobody can make an address lead elsewhere. Names do if they are listed; so
        does `localhost`, which resolvers keep on the machine that asks.
        """
        name = host_name(host)
        if name in self.names or name == "localhost" or name.endswith(".localhost"):
            return True
        return is_loopback(name) if self.only_loopback else _is_address(name)


def own_names(listens_on: str, named: Iterable[str], machine: Iterable[str] = ()) -> OwnNames:
    """The names of a server that listens on this address.

    `named`: names, addresses and URLs from settings; empty ones are ignored. `machine`: names of this machine; a server
    on loopback ignores them, since they lead to other addresses.
    """
    only_loopback = is_loopback(listens_on)
    also = () if only_loopback else tuple(machine)
    found = (host_name(_without_scheme(text)) for text in (listens_on, *named, *also))
    return OwnNames(only_loopback, frozenset(filter(None, found)))


def host_name(host: str) -> str:
    """The name or address in a Host header, in lower case and without its port; empty for an invalid header."""
    if not _HOST.match(host):
        return ""
    bare_ipv6 = host.count(":") > 1 and not host.startswith("[")
    try:
        return (urlsplit(f"//[{host}]" if bare_ipv6 else f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def names_of_this_machine() -> tuple[str, ...]:
    """This machine's host name, and its full name if that begins with it. Asks the resolver, which may take seconds.

    The full name may come from a name server of the network, which must not be able to choose any name for us. The name
    under `.local` is left out: every machine of the network may answer for it.
    """
    own = socket.gethostname().lower()
    full = socket.getfqdn(own).lower()
    return (own, full) if full.startswith(f"{own}.") else (own,)


def _without_scheme(text: str) -> str:
    """The part of a URL that a Host header would hold; a name or an address stays as it is."""
    return text.partition("://")[2].partition("/")[0] if "://" in text else text


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
