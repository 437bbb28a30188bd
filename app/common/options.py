"""Options that several commands share, and the settings that follow from them.

Owns: their names and help, and how they combine with the environment. Not here: any command.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stinercut.errors import BadInput
from stinercut.storage.disk_names import require_text

if TYPE_CHECKING:  # pydantic takes a tenth of a second to load, and `--help` needs none of it.
    from stinercut.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder for catalog, footage, films and logs. Default: $STINERCUT_DATA, or a folder of your account.",
        show_default=False,
        file_okay=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


def settings_from(data: Path | None = None, **given: Any) -> Settings:
    """The environment's settings, overridden by those of the command line. Paths become absolute.

    An option that was left out is None and changes nothing. Raises BadInput, which names the setting.
    """
    from stinercut.settings import Settings

    chosen = {name: value for name, value in given.items() if value is not None}
    folder = data or Settings().data
    settings = Settings(data=_absolute(folder.expanduser()), **chosen)
    require_text(settings.data)
    settings.require_sound()
    return settings


def _absolute(folder: Path) -> Path:
    """The absolute path, without `..`. A link is kept, since machines of a fleet call the folder by the same path."""
    return folder.resolve() if ".." in folder.parts else folder.absolute()


def day_from(text: str) -> date:
    """A day from `2026-06-01`. Raises typer's error for an option, which shows how to write it."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is no day; write YYYY-MM-DD, such as 2026-06-01.")


def size_from(text: str) -> tuple[int, int]:
    """Width and height from `1280x720`. Raises BadInput: H.264 in 4:2:0 needs even numbers."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None:
        raise BadInput(f"{text!r} is no size", advice="Write width x height in pixels, such as 1280x720.")
    width, height = int(match[1]), int(match[2])
    if width % 2 or height % 2:
        raise BadInput(f"{text} has an odd number of pixels", advice="Both numbers must be even.")
    return width, height


def say(sentence: str) -> None:
    """Print a sentence for a person, at once. A terminal that is gone is no reason to stop the work."""
    with suppress(OSError):
        typer.echo(sentence)
        sys.stdout.flush()
