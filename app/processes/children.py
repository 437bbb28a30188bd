"""Describes the child processes of a supervisor: their commands, when each is ready, how long to wait for it.

Owns: their description, asking one whether it answers, how patient a supervisor is. Not here: keeping them running
(`supervisor`), which children there are (`app.stack.stack`, `app.stack.worker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReadyAddress:
    """Where a child answers once it is ready: with status 200 on `path`, or without a path by taking a connection."""

    host: str
    port: int
    path: str | None = None


@dataclass(frozen=True)
class Child:
    """One process to run. `name` is used in sentences ("The hub stopped") and in `after` of other children."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path | None
    """The file for its output; None means this process's own output."""
    cwd: Path | None = None
    answers_at: ReadyAddress | None = None
    after: tuple[str, ...] = ()
    once: bool = False
    """It runs once and is ready after exit code 0; any other exit code is a failure. It is never restarted."""


@dataclass(frozen=True)
class Policy:
    """How patient a supervisor is. Numbers are seconds, except `deaths`."""

    grace: float = 5.0
    """From asking a child to end until killing it. Dagster's code server may take all of 5 s."""
    deaths: int = 5
    """After this many deaths of a child within `death_window` the whole stack is given up."""
    death_window: float = 90.0
    first_pause: float = 0.2
    """The pause before the first restart; it doubles with every further death in the window."""
    longest_pause: float = 8.0
    answer_within: float = 120.0
    ask_deeper: bool = True
    """Whether to ask the children's own children to end too. If not, the children end them within the grace."""


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
    """Seconds to wait after that many deaths in the window: it doubles each time, up to a limit."""
    return min(policy.first_pause * 2 ** (deaths - 1), policy.longest_pause)
