"""The child processes that a supervisor keeps: what each one is, when it is ready, how long it is waited for.

Owns: their description, asking one whether it answers, how patient a supervisor is. Not here: keeping them running
(`supervisor`), which ones there are (`app.stack.stack`, `app.stack.worker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReadyAddress:
    """Where a child answers once it is ready: with 200 on `path`, or, without a path, by taking a connection."""

    host: str
    port: int
    path: str | None = None


@dataclass(frozen=True)
class Child:
    """One process to run. `name` stands in sentences ("The hub stopped") and in `after` of others."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path | None
    """Where what it says goes; None: where what this process says goes."""
    cwd: Path | None = None
    answers_at: ReadyAddress | None = None
    after: tuple[str, ...] = ()
    once: bool = False
    """Runs to its end, which must be exit code 0, and is then ready; never restarted."""


@dataclass(frozen=True)
class Policy:
    """How patient a supervisor is; all in seconds except `deaths`."""

    grace: float = 5.0
    """Between asking to end and killing. Dagster's code server may take all of 5 s."""
    deaths: int = 5
    """So many deaths within `death_window` and the whole stack is given up."""
    death_window: float = 90.0
    first_pause: float = 0.2
    """Before the first restart; doubles with every further death in the window."""
    longest_pause: float = 8.0
    answer_within: float = 120.0
    ask_deeper: bool = True
    """Whether what the children started is asked to end with them. Without it they end it themselves, in the grace."""


async def answers(address: ReadyAddress, patience: float = 5.0) -> bool:
    """Whether a child answers at this address now."""
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                if address.path is None:
                    return True
                request = f"GET {address.path} HTTP/1.1\r\nHost: {address.host}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status = await reader.readline()
                return status.split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()
    except OSError:
        return False


def pause_before_restart(deaths: int, policy: Policy) -> float:
    """Seconds to wait after that many deaths in the window: doubling, with an upper end."""
    return min(policy.first_pause * 2 ** (deaths - 1), policy.longest_pause)
