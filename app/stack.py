"""Which processes `stinercut up` consists of, and what must lie ready for them.

Lives here: every child's command line, environment, log and place in the order. Doesn't: keeping them running
(`supervisor`), whether the machine can take them (`doctor`), Dagster's instance folder (`home`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from app.asked import run_until_asked
from app.children import Address, Child
from app.doctor import installed_parts, machine_checks, place_checks, require_all_parts
from app.doctor_fleet import fleet_checks
from app.findings import can_write, demand, look_at
from app.home import prepare_dagster_home, project_root
from app.lock import sole_use
from app.supervisor import Say, Supervisor
from hub.passes import new_secret
from stinercut.data_folder import keep_private
from stinercut.secrets import without_secrets
from stinercut.settings import Settings, reachable

LOOPBACK = "127.0.0.1"
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
    """Run all processes for as long as some work takes; returns what it gave, None when asked to end by a signal.

    Checks before anything starts that this machine can do it, and that no other stack has the data folder. Nothing is
    left running after. `worker`: in a fleet, whether this machine makes films as well. Raises HostNotReady,
    MissingProgram, and what `work` raises.
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


def environment(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """What every child gets: the given environment, with the settings in it replaced by these."""
    ours = {f"STINERCUT_{name.upper()}" for name in Settings.model_fields}
    kept = {name: value for name, value in given.items() if name.upper() not in ours}
    without_secret = settings.model_copy(update={"dagster_secret": None})
    return {
        # With glibc's default of eight arenas per core, the threads of Dagster's servers hold far more than they use.
        "MALLOC_ARENA_MAX": "2",
        **kept,
        **without_secret.environment(),
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONUNBUFFERED": "1",
        "STINERCUT_CODE_HOST": LOOPBACK,
    }


_FOR_CARDS = ("database_url", "qr_keys")
_FOR_STEPS = (*_FOR_CARDS, "dagster_database_url", "broker_url", "result_url")
NEEDS: Final[Mapping[str, Collection[str]]] = {
    "the catalog's set-up": ("database_url", "broker_url"),
    "the code server": _FOR_STEPS,
    "the Dagster webserver": ("dagster_database_url", "dagster_secret"),
    "the Dagster daemon": ("dagster_database_url",),
    "the hub": (*_FOR_CARDS, "token", "dagster_secret"),
    "the detector": ("token",),
    "the film worker": _FOR_STEPS,
    "the step worker": _FOR_STEPS,
}
"""The secrets that each process gets; who is not named here gets none."""


def with_its_secrets(child: Child) -> Child:
    """The process with an environment that holds no secret but its own."""
    kept = NEEDS.get(child.name, ())
    env = without_secrets(child.env, kept)
    if "qr_keys" not in kept:
        env.pop("STINERCUT_QR_REQUIRE_SIGNED", None)  # Without keys it is a setting that can't be right.
    return replace(child, env=env)


def children(settings: Settings, root: Path, *, detector: bool = True, worker: bool = True) -> list[Child]:
    """All processes of a stack, in the order in which they are started."""
    env = environment(settings, os.environ)
    # A new one at each start, for these two alone: other programs of this machine can't ask Dagster for anything.
    knows_secret = {**env, "STINERCUT_DAGSTER_SECRET": settings.dagster_key or new_secret()}
    workspace = ("-w", str(root / "workspace.yaml"))

    def child(
        name: str,
        log: str,
        *argv: str,
        at: Address | None = None,
        after: tuple[str, ...] = (),
        once: bool = False,
    ) -> Child:
        command = (sys.executable, "-m", *argv)
        return Child(name, command, env, settings.logs_dir / f"{log}.log", root, at, after, once)

    code = (
        "app.dagster_child",
        "code",
        "api",
        "grpc",
        "-m",
        "app.definitions",
        "-h",
        LOOPBACK,
        "-p",
        str(settings.code_port),
    )
    web = ("app.dagster_child", "webserver", "-h", settings.dagster_host, "-p", str(settings.dagster_port), *workspace)
    # At its default level the daemon writes two lines per sensor every five seconds; its pages tell the same.
    daemon = ("app.dagster_child", "daemon", "run", "--log-level", "warning", *workspace)
    webserver_at = Address(reachable(settings.dagster_host), settings.dagster_port, "/server_info")
    hub_at = Address(reachable(settings.host), settings.hub_port, "/healthz")
    webserver = child("the Dagster webserver", "webserver", *web, at=webserver_at)
    hub = child("the hub", "hub", "hub", at=hub_at, after=("the catalog's set-up",))
    everything = [
        child("the catalog's set-up", "catalog", "app.prepare", once=True),
        child("the code server", "code-server", *code, at=Address(LOOPBACK, settings.code_port)),
        replace(webserver, env=knows_secret),
        child("the Dagster daemon", "daemon", *daemon),
        replace(hub, env=knows_secret),
    ]
    if detector:
        everything.append(child("the detector", "detector", "detector", after=("the hub",)))
    if worker and settings.executor == "celery":
        from app.worker import nodes

        prepared = ("the catalog's set-up", "the code server")
        everything += [replace(node, after=prepared) for node in nodes(settings, root, env)]
    return [with_its_secrets(one) for one in everything]
