"""`stinercut backfill`: renders the films of a changed template again.

Owns: the command's options and output. Not here: starting the runs (`hub.films.rerender`).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any

import typer

from app.common.options import Data, Json, say, settings_from
from stinercut.text import counted

_SHOWN = 20


def backfill(  # noqa: PLR0913, PLR0917 - one parameter for each option
    stale: Annotated[
        bool, typer.Option("--stale", help="All finished films whose template has changed since they were made.")
    ] = False,
    jump: Annotated[
        list[str] | None, typer.Option("--jump", help="Only this jump, if its film is stale. May be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be made, and what it costs.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make films again after a change of their template. More urgent work goes first.

    Shows first how many films it concerns and about how long it takes; only the parts that the change touches are
    encoded again. Old films stay until the new ones are whole. You may start it again at any time: it skips films that
    are done or in progress. Needs the running hub (`stinercut up`). With --json: the films, the cost, and the
    backfill's id, and what came of the last one (`last`).
    """
    from app.common.hub_client import ask
    from stinercut.errors import BadInput

    if not stale and not jump:
        raise BadInput("which films is missing", advice="Use --stale for all of them, or --jump for one.")
    settings = settings_from(data)
    answer = ask(settings, "GET", "/api/stale")
    films = [film for film in answer["films"] if jump is None or film["jump"] in jump]
    to_do = [film for film in films if film["backfill"] is None]
    if not as_json:
        if last := answer.get("last"):  # A hub of the release before says nothing of it.
            say(last["outcome"])
        _tell(films, to_do, answer["problem"])
    started: dict[str, Any] = {"backfill": None, "jumps": []}
    if to_do and not dry_run and (yes or as_json or typer.confirm("Make them again?")):
        started = ask(settings, "POST", "/api/backfill", {"jumps": [film["jump"] for film in to_do]})
    if as_json:
        cost = {"minutes": round(_sum(to_do, "minutes"), 1), "encoded_seconds": round(_sum(to_do, "seconds"), 1)}
        say(json.dumps({"films": films, **cost, "problem": answer["problem"], "last": answer.get("last"), **started}))
    elif started["backfill"]:
        begun = counted(len(started["jumps"]), "film")
        say(f"Backfill {started['backfill']} makes {begun} again; the board shows the progress.")


def _tell(films: list[dict[str, Any]], to_do: list[dict[str, Any]], problem: str) -> None:
    if problem:
        say(f"This list may be incomplete: {problem}")
    if not films:
        say("No other film has an older template." if problem else "Every film has the template that it should have.")
        return
    for film in films[:_SHOWN]:
        busy = " (being made again)" if film["backfill"] else ""
        changed = ", ".join(film["changed"]) or "nothing visible or audible"
        say(f"  {film['jump']}  {film['template']}: {changed}{busy}")
    if len(films) > _SHOWN:
        say(f"  ... and {len(films) - _SHOWN} more")
    counts = Counter(film["template"] for film in films)
    per_template = ", ".join(f"{count} of {name}" for name, count in counts.items())
    busy = len(films) - len(to_do)
    say(f"{counted(len(films), 'film')} with an older template ({per_template}), {busy} being made again already.")
    if to_do:
        film, work = _minutes(_sum(to_do, "seconds") / 60), _minutes(_sum(to_do, "minutes"))
        say(f"Making {'it' if len(to_do) == 1 else 'them'} again encodes {film} of film: about {work} of work.")


def _sum(films: list[dict[str, Any]], what: str) -> float:
    return sum(film[what] for film in films)


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{round(minutes * 60)} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
