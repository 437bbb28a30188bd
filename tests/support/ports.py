"""Ports of this machine that nobody else gets while the tests run.

Owns: `own_port` and `own_ports`. Not here: which ports are free for an installation (`app.doctor.machine`).

A port that was found free and let go may be somebody else's before our server binds it. So each one stays bound here,
without listening: who connects is refused, the system gives it to nobody who asks for any port, and a server that sets
SO_REUSEADDR, as all of ours do, may listen on it, again and again.
"""

from __future__ import annotations

import socket
from typing import Final

_BOUND: Final[list[socket.socket]] = []
"""The sockets that keep ports until this process ends."""


def own_port() -> int:
    """A port on which nobody listens, and only we will."""
    (port,) = own_ports(1)
    return port


def own_ports(count: int) -> list[int]:
    """Several such ports."""
    bound = [socket.socket() for _ in range(count)]
    for one in bound:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
    _BOUND.extend(bound)
    return [int(one.getsockname()[1]) for one in bound]
