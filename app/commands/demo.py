"""`stinercut demo`: shows the whole way from a card to a film once.

Owns: the command's options and output. Not here: the demo itself (`app.demo`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.card import Clips, Jumps, Seconds, Size
from app.common.options import size_from

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from app.demo.board import Board
    from app.demo.demo import Outcome, Wish
    from app.processes.supervisor import Supervisor
    from stinercut.settings import Settings

INTERRUPTED = 130
WIDTH_WITHOUT_TERMINAL = 140
"""Columns for the table without a terminal, whose width would count: enough for paths."""


def demo(  # noqa: PLR0913, PLR0917 - each is an option
    out: Annotated[Path, typer.Option("--out", help="Folder for the films; everything else goes there too.")],
    jumps: Jumps = 2,
    clips: Clips = 3,
    seconds: Seconds = 5.0,
    size: Size = "1280x720",
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Keep everything running afterwards until Ctrl-C, to look around.")
    ] = False,
) -> None:
    """Show the whole way: make a card of footage, put it in, and end with one film per jump in the --out folder.

    It runs the real parts on free ports with a data folder of its own, and leaves nothing running. The exit code is 0
    only if every jump has its film with the right name, and the film passed all checks.
    """
    from rich.console import Console

    from app.demo.demo import DemoFailed, Wish, card_maker, prepare
    from app.stack.dagster_home import project_root
    from app.stack.stack import run_stack
    from stinercut.synthetic.card import check_wish

    check_wish(jumps, clips, seconds, size_from(size))
    wish = Wish(out.absolute(), jumps, clips, seconds, size)
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    show = Show(Console(highlight=False, markup=False, width=width))
    settings, again = prepare(wish)
    if again:
        show.say("The card and the data of an earlier demonstration in this folder were cleared away.")
    show.say(
        f"Making a card with {jumps} jump(s) of {clips} clip(s) in {wish.card}, and starting everything meanwhile."
    )
    outcomes: list[Outcome] = []

    async def work(running: Supervisor) -> None:
        outcomes.append(await _go(running, wish, settings, show))
        if keep_running:
            show.say(f"Board: {settings.hub_address}   Dagster: {settings.dagster_address}   Ctrl-C stops everything.")
            await asyncio.Event().wait()

    with show:
        run_stack(settings, show.say, work, extra=[card_maker(wish, settings, project_root())])
    if not outcomes:
        show.say("Interrupted. Nothing is left running.")
        raise typer.Exit(INTERRUPTED)
    if outcomes[0].problems:
        raise DemoFailed("not every jump has its film:\n  " + "\n  ".join(outcomes[0].problems))


async def _go(running: Supervisor, wish: Wish, settings: Settings, show: Show) -> Outcome:
    from app.demo.demo import go

    outcome = await go(running, wish, settings, show.changed)
    show.end(outcome)
    return outcome


class Show:
    """The output during the demonstration: a line per change; on a terminal also a picture of all progress."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._console = console
        self._began = time.monotonic()
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Show:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, sentence: str) -> None:
        """Print one line, with the seconds since the start."""
        self._console.print(f"{time.monotonic() - self._began:6.1f} s  {sentence}", soft_wrap=True)

    def changed(self, board: Board, sentences: list[str]) -> None:
        """Print a change's sentences and draw the picture again."""
        for sentence in sentences:
            self.say(sentence)
        if self._live:
            self._live.update(picture(board))

    def end(self, outcome: Outcome) -> None:
        """Print the table of films."""
        if self._live:
            self._live.stop()
        if outcome.made:
            self._console.print(films_table(outcome))


def picture(board: Board) -> RenderableType:
    """The progress of each card and each jump, as bars."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for card in board.cards.values():
        copying = ", ".join(file.name for file in card.copying)
        doing = f"copying {copying}" if copying else card.message or card.state
        table.add_row(
            f"card {card.label}", ProgressBar(total=card.bytes.total or 1, completed=card.bytes.done, width=30), doing
        )
    for jump in board.jumps.values():
        running = ", ".join(f"{step.label} {step.progress:.0%}" for step in jump.steps if step.status == "running")
        who = jump.passenger or jump.jump
        table.add_row(who, ProgressBar(total=1, completed=jump.progress, width=30), running or jump.state)
    return table


def films_table(outcome: Outcome) -> RenderableType:
    """A table of the films: jump, passenger, film, length, seconds from card in to film."""
    from rich.table import Table

    table = Table()
    for name in ("jump", "passenger", "film"):
        table.add_column(name, overflow="fold")
    for name in ("length", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for made in outcome.made:
        film = made.film.relative_to(Path.cwd()) if made.film.is_relative_to(Path.cwd()) else made.film
        table.add_row(made.jump, made.passenger, str(film), f"{made.length:.1f} s", f"{made.after:.1f}")
    return table
