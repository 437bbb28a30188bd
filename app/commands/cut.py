"""`stinercut cut`: exports a film's timeline to an editing program, and imports it as the jump's cut.

Owns: the command's options and output. Not here: the timeline's format (`stinercut.films.editor`), keeping the cut
(`stinercut.review.wishes`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from app.common.options import Data, Json, say, settings_from

group = typer.Typer(help="Choose which parts of its clips a jump's film shows.", no_args_is_help=True)

JumpKey = Annotated[str, typer.Argument(metavar="JUMP", help="The jump, as the board names it: 2026-06-01_B-1.")]
Who = Annotated[str, typer.Option("--who", help="Your name: it is kept with the decision.", envvar="USER")]


@group.command("show")
def show(jump: JumpKey, data: Data = None, as_json: Json = False) -> None:
    """Show which clips a jump's film has, and where its timeline for editing programs is."""
    from app.common.hub_client import ask, path_of

    settings = settings_from(data)
    _tell(ask(settings, "GET", path_of("api", "jumps", jump, "cut")), as_json)
    timeline = settings.films_dir / jump / f"{jump}.otio"
    if timeline.is_file() and not as_json:
        say(f"Timeline: {timeline}")


@group.command("import")
def import_timeline(
    jump: JumpKey,
    file: Annotated[Path, typer.Argument(metavar="FILE.otio", help="The timeline, as the editing program exports it.")],
    who: Who,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Import a timeline as the jump's cut. The film is made again, encoding only the parts that the cut changed.

    Order, in points and out points are taken over. Speed changes, titles made in the editing program and several video
    tracks are refused; other effects are ignored.
    """
    from app.common.hub_client import ask, path_of
    from stinercut.errors import BadInput

    try:
        text = file.read_bytes()
    except OSError as refused:
        raise BadInput(f"can't be read: {refused.strerror}", file=file, advice="Check the path.") from None
    query = urlencode({"who": who, "file": file.name})
    _tell(ask(settings_from(data), "PUT", f"{path_of('api', 'jumps', jump, 'cut')}?{query}", text), as_json)


@group.command("drop")
def drop(jump: JumpKey, who: Who, data: Data = None, as_json: Json = False) -> None:
    """Drop a jump's cut: the template decides again what its film shows."""
    from app.common.hub_client import ask, path_of

    path = f"{path_of('api', 'jumps', jump, 'cut')}?{urlencode({'who': who})}"
    _tell(ask(settings_from(data), "DELETE", path), as_json)


def _tell(cut: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say(json.dumps(cut))
        return
    say(f"{cut['jump']} shows {'what a person cut' if cut['by_hand'] else 'its clips as the template says'}:")
    for piece in cut["pieces"]:
        whole = piece["start"] is None
        say(f"  {piece['name']}" + ("" if whole else f"  from {piece['start']:.2f} s to {piece['end']:.2f} s"))
