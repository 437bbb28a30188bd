"""`stinercut retry`: retries failed jumps and cards.

Owns: the command's options and output. Not here: the retry itself (`hub.runs`).
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from app.common.options import Data, Json, say, settings_from


def retry(
    subjects: Annotated[
        list[str] | None, typer.Argument(metavar="[JUMP]...", help="Keys of jumps, or ids of cards.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All jumps and cards whose run failed.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Retry jumps and cards whose run failed; only the missing parts are made. The board's button does the same.

    Needs the running hub (`stinercut up`). Names the jumps and cards that are already running or did not fail, and
    leaves them alone. Ends with 1 when nothing could be started. With --json: a list of id, run_id, problem and code.
    """
    from app.common.hub_client import ask
    from stinercut.errors import BadInput

    if everything == bool(subjects):
        raise BadInput("name the jumps, or use --all", advice="The board shows their keys, such as 2026-06-01_B-1.")
    settings = settings_from(data)
    asked = {"subjects": None if everything else subjects}
    # After a bad night there may be hundreds, and each is a run to launch.
    retried = ask(settings, "POST", "/api/retry", asked, patience=1800)["retried"]
    if as_json:
        say(json.dumps(retried))
    elif not retried:
        say("Nothing has failed.")
    else:
        for entry in retried:
            name, problem = entry["id"], entry["problem"]
            say(f"{name}: {problem}" if problem else f"{name} continues (run {entry['run_id']}).")
    if retried and all(entry["problem"] for entry in retried):
        raise typer.Exit(1)
