"""`stinercut up`: runs everything on this machine until Ctrl-C.

Owns: the command's options and output. Not here: the processes (`app.stack`, `app.processes`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Data, say, settings_from

if TYPE_CHECKING:
    from app.processes.supervisor import Supervisor
    from stinercut.settings import Settings


def up(  # noqa: PLR0913, PLR0917 - each is an option
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1, which only this machine can reach.")
    ] = None,
    hub_port: Annotated[int | None, typer.Option(help="Port of the board. Default: 8800.")] = None,
    dagster_port: Annotated[int | None, typer.Option(help="Port of Dagster's pages. Default: 3000.")] = None,
    code_port: Annotated[int | None, typer.Option(help="Port between Dagster's parts. Default: 4266.")] = None,
    detector: Annotated[bool, typer.Option(help="Watch for cards in this machine.")] = True,
    worker: Annotated[
        bool, typer.Option(help="With STINERCUT_EXECUTOR=celery: make films on this machine too.")
    ] = True,
) -> None:
    """Run everything on this machine until Ctrl-C: the board, the pipeline and the card detection.

    It checks the machine first and names every obstacle before anything starts. Then it prints the two addresses to
    open. A part that stops is started again. Ctrl-C stops all parts; a second Ctrl-C stops them at once.
    """
    from app.stack.stack import run_stack

    settings = settings_from(data, host=host, hub_port=hub_port, dagster_port=dagster_port, code_port=code_port)
    say(f"Starting. Data folder: {settings.data}")
    run_stack(settings, say, lambda running: _announce(running, settings), detector=detector, worker=worker)
    say("Stopped.")


async def _announce(running: Supervisor, settings: Settings) -> None:
    """Once both addresses answer, show them and start switched-off sensors; then leave the rest to the supervisor."""
    await running.ready()
    say(f"Board:   {settings.hub_address}")
    say(f"Dagster: {settings.dagster_address}")
    await asyncio.to_thread(say_how_to_begin, settings)
    say(f"Logs:    {settings.logs_dir}")
    await asyncio.to_thread(start_again, settings)
    say("Put a card in, or try `stinercut card insert FOLDER`. Ctrl-C stops everything.")
    await asyncio.Event().wait()


def say_how_to_begin(settings: Settings) -> None:
    """Where nobody can sign in yet, show the address that makes the first admin."""
    from hub.people.first_admin import how_to_begin

    sentence = how_to_begin(settings)
    if sentence is not None:
        say(sentence)


def start_again(settings: Settings) -> None:
    """Start the sensors that somebody switched off on Dagster's pages, which no restart does, and name them."""
    from app.common.hub_client import ask
    from stinercut.errors import StinercutError
    from stinercut.runs.automation import in_words

    try:
        started: list[str] = ask(settings, "POST", "/api/automation/start")["started"]
    except StinercutError as silent:
        say(f"Can't tell whether all sensors run: {silent.sentence()}")
        return
    if started:
        say(f"{in_words(started)} Started again.")
