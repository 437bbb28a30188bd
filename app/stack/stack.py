"""The processes of `stinercut up`, and everything that must be ready before they start.

Owns: every child's command line, log and place in the order. Not here: their environment (`environment`), keeping them
running (`app.processes.supervisor`), whether the machine can run them (`app.doctor.machine`), Dagster's instance
folder (`dagster_home`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from app.common.checks import can_write, demand, look_at
from app.common.running_note import sole_use
from app.doctor.fleet import fleet_checks
from app.doctor.machine import installed_parts, machine_checks, place_checks, require_all_parts
from app.processes.children import Child, ReadyAddress
from app.processes.signals import run_until_asked
from app.processes.supervisor import Say, Supervisor
from app.stack.dagster_home import prepare_dagster_home, project_root
from app.stack.environment import LOOPBACK, environment, with_its_secrets
from app.stack.worker import nodes
from hub.kit.passes import new_secret
from stinercut.settings import Settings, reachable
from stinercut.storage.data_folder import keep_private

T = TypeVar("T")


def run_stack(  # noqa: PLR0913 - each is a choice of its own
    settings: Settings,
    say: Say,
    work: Callable[[Supervisor], Awaitable[T]],
    *,
    detector: bool = True,
    worker: bool = True,
    extra: Sequence[Child] = (),
) -> T | None:
    """Run all processes while some work lasts. Returns its result, or None when a signal asked for the end.

    Before anything starts, checks that this machine can do it and that no other stack has the data folder. Leaves
    nothing running. `worker`: in a fleet, whether this machine makes films as well. Raises HostNotReady,
    MissingProgram, and the errors of `work`.
    """
    require_all_parts(installed_parts())
    root = project_root()
    can_write(settings.data)
    keep_private(settings)
    with sole_use(settings, detector=detector):
        checks = [*machine_checks(), *place_checks(settings), *fleet_checks(settings)]
        demand(look_at(checks, installed_parts()))
        prepare_dagster_home(settings, root)
        everything = [*children(settings, root, detector=detector, worker=worker), *extra]
        return run_until_asked(Supervisor(everything, say).run(work))


def children(settings: Settings, root: Path, *, detector: bool = True, worker: bool = True) -> list[Child]:
    """All processes of a stack, in the order of their start."""
    env = environment(settings, os.environ)
    # The secret is new at each start and known to hub and webserver only, so no other program can use Dagster.
    knows_secret = {**env, "STINERCUT_DAGSTER_SECRET": settings.dagster_key or new_secret()}
    workspace = ("-w", str(root / "workspace.yaml"))

    def child(
        name: str,
        log: str,
        *argv: str,
        at: ReadyAddress | None = None,
        after: tuple[str, ...] = (),
        once: bool = False,
    ) -> Child:
        command = (sys.executable, "-m", *argv)
        return Child(name, command, env, settings.logs_dir / f"{log}.log", root, at, after, once)

    code = (
        "app.engine.dagster_child",
        "code",
        "api",
        "grpc",
        "-m",
        "app.engine.definitions",
        "-h",
        LOOPBACK,
        "-p",
        str(settings.code_port),
    )
    web = (
        "app.engine.dagster_child",
        "webserver",
        "-h",
        settings.dagster_host,
        "-p",
        str(settings.dagster_port),
        *workspace,
    )
    # At its default level the daemon logs two lines per sensor every five seconds; Dagster's pages show the same.
    daemon = ("app.engine.dagster_child", "daemon", "run", "--log-level", "warning", *workspace)
    webserver_at = ReadyAddress(reachable(settings.dagster_host), settings.dagster_port, "/server_info")
    hub_at = ReadyAddress(reachable(settings.host), settings.hub_port, "/healthz")
    webserver = child("the Dagster webserver", "webserver", *web, at=webserver_at)
    hub = child("the hub", "hub", "hub", at=hub_at, after=("the catalog's set-up",))
    everything = [
        child("the catalog's set-up", "catalog", "app.stack.prepare", once=True),
        child("the code server", "code-server", *code, at=ReadyAddress(LOOPBACK, settings.code_port)),
        replace(webserver, env=knows_secret),
        child("the Dagster daemon", "daemon", *daemon),
        replace(hub, env=knows_secret),
        child("the early reader", "early-reader", "app.codes.early_reader", after=("the catalog's set-up",)),
    ]
    if detector:
        everything.append(child("the detector", "detector", "detector", after=("the hub",)))
    if worker and settings.executor == "celery":
        prepared = ("the catalog's set-up", "the code server")
        everything += [replace(node, after=prepared) for node in nodes(settings, root, env)]
    return [with_its_secrets(process) for process in everything]
