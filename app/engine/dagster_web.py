"""Dagster's webserver as `app.engine.dagster_child` starts it: Dagster's own command, with our guard around it.

Owns: putting the two together, with the hub's limits on connections. Not here: the guard's rules (`dagster_guard`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from dagster_webserver import cli
from starlette.applications import Starlette

from app.engine.dagster_guard import DagsterGuard, Rules
from hub.kit.connections import BoundedProtocol
from hub.kit.passes import LEAST_SECRET
from stinercut.errors import HostNotReady
from stinercut.own_names import OwnNames, is_loopback, names_of_this_machine, own_names
from stinercut.settings import Settings


def guarded_command(settings: Settings) -> Callable[[], None]:
    """Dagster's command with the guard around its application. Raises HostNotReady without a secret for the guard."""
    rules, make = rules_of(settings), cli.create_app_from_workspace_process_context  # pyright: ignore[reportPrivateImportUsage]

    def make_guarded(*given: Any, **named: Any) -> Starlette:
        app = make(*given, **named)
        app.add_middleware(DagsterGuard, rules=rules)
        return app

    # Dagster's command has no setting for this. If Dagster renames the function, the read above fails, and no webserver
    # runs unguarded.
    cli.create_app_from_workspace_process_context = make_guarded  # pyright: ignore[reportPrivateImportUsage]
    uvicorn.run = partial(uvicorn.run, http=BoundedProtocol)
    return cli.main


def rules_of(settings: Settings) -> Rules:
    """The guard's rules in this installation. Raises HostNotReady without a secret that is hard to guess."""
    secret = settings.dagster_key
    if secret is None or len(secret) < LEAST_SECRET:
        raise HostNotReady(
            f"STINERCUT_DAGSTER_SECRET has {len(secret or '')} letters, and Dagster's webserver needs a secret",
            advice=f"Set it to the same {LEAST_SECRET} letters and digits or more here and for the hub.",
        )
    return Rules(secret, names_of(settings), settings.board_address, f"stinercut-dagster-{settings.dagster_port}")


def names_of(settings: Settings) -> OwnNames:
    """The host names that the webserver answers to, including those of the settings for hub and browsers."""
    listens_on = settings.dagster_host
    named = (settings.dagster_public_url or "", settings.dagster_url or "")
    return own_names(listens_on, named, () if is_loopback(listens_on) else names_of_this_machine())
