"""`stinercut worker`: works for a fleet on this machine, until Ctrl-C or SIGTERM.

Owns: the command's options and output. Not here: the worker's processes (`app.stack.worker`), the fleet (`app.fleet`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Data, say, settings_from
from stinercut.errors import BadInput
from stinercut.text import counted

if TYPE_CHECKING:
    from app.processes.supervisor import Supervisor
    from stinercut.settings import Settings


def worker(  # noqa: PLR0913, PLR0917 - each is an option
    data: Data = None,
    queues: Annotated[
        str, typer.Option(help="Which steps to take: `ffmpeg` (rendering), `steps` (all others), or both with a comma.")
    ] = "ffmpeg,steps",
    slots: Annotated[
        int | None, typer.Option(min=1, help="Number of renderings at once. Default: $STINERCUT_WORKERS, or all cores.")
    ] = None,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds for running steps to end after SIGTERM; then other workers take them.")
    ] = 60.0,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Write the log to this terminal instead of the data folder.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only check whether a worker of this machine takes steps of its --queues.")
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="With --check: only check whether it runs, without asking Redis.")
    ] = False,
) -> None:
    """Make films for a fleet: take steps from Redis until Ctrl-C. One per machine.

    Needs the shared volume as its data folder, and the environment of the stack: STINERCUT_BROKER_URL,
    STINERCUT_DATABASE_URL, STINERCUT_DAGSTER_DATABASE_URL. docs/deploy.md explains each.

    For health checks: the exit code of --check tells whether the worker is ready, with --local whether it is alive.
    A worker is not ready while Redis is away. Starting it again would not help
    then, so let only --local decide about a restart.
    """
    from app.stack.worker import alive_here, as_member, ready_here, run_worker

    chosen = [name.strip() for name in queues.split(",") if name.strip()]
    settings = settings_from(data, workers=slots)
    if local and not check:
        raise BadInput("--local goes with --check", advice="Write `stinercut worker --check --local`.")
    if check:
        well = alive_here(settings.data, chosen) if local else ready_here(as_member(settings), chosen)
        raise typer.Exit(0 if well else 1)
    say(f"Starting. Data folder: {settings.data}")
    member = as_member(settings)

    async def announce(running: Supervisor) -> None:
        await _announce(running, member, chosen)

    run_worker(member, say, announce, queues=chosen, grace=grace, stdout=stdout)
    say("Stopped.")


async def _announce(running: Supervisor, settings: Settings, queues: list[str]) -> None:
    from app.stack.worker import ready_here

    await running.ready()
    while not await asyncio.to_thread(ready_here, settings, queues):
        await asyncio.sleep(0.5)
    say(f"Working: {counted(settings.workers, 'rendering')} at once. Ctrl-C ends it; steps in work are finished first.")
    await asyncio.Event().wait()
