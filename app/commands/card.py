"""`stinercut card`: makes synthetic cards to try things with.

Owns: the command's options and output. Not here: making the footage (`stinercut.synthetic`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Data, Json, say, settings_from, size_from
from stinercut.text import counted

if TYPE_CHECKING:
    from app.common.running_note import Running
    from stinercut.settings import Settings
    from stinercut.synthetic.card import CardMade

group = typer.Typer(
    help="Make a card of footage for a trial; let a folder count as a card that was put in.", no_args_is_help=True
)

Jumps = Annotated[int, typer.Option("--jumps", help="Number of jumps on the card.")]
Clips = Annotated[int, typer.Option("--clips", help="How many clips each jump has, besides the film of its code.")]
Seconds = Annotated[float, typer.Option("--seconds", help="Length of each clip.")]
Photos = Annotated[int, typer.Option("--photos", help="Number of photos of each jump, after its clips.")]
Size = Annotated[str, typer.Option("--size", help="Width x height of the footage in pixels.")]


@group.command("make")
def make(  # noqa: PLR0913, PLR0917 - each is an option
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to make: new, empty, or a card made here before.")
    ],
    jumps: Jumps = 2,
    clips: Clips = 3,
    seconds: Seconds = 5.0,
    size: Size = "1280x720",
    photos: Photos = 0,
    as_json: Json = False,
) -> None:
    """Make a folder like a GoPro's card after a morning of jumps.

    Each jump has a short film of the passenger's QR code, filmed as by hand, and moving clips with sound, no two alike.
    Names, chapters, proxies and times are like a GoPro's. With --photos, photos follow each jump's clips. A card that
    was made here before gets only the missing jumps.

    With --json: one line for each file that it makes, {"file", "done", "total"}, then one line {"card", "jumps":
    [{"jump", "passenger", "booking_id", "qr_file", "clips", "photos"}]}.
    """
    from stinercut.synthetic.card import make_card

    def tell(name: str, done: int, total: int) -> None:
        if as_json:
            say(json.dumps({"file": name, "done": done, "total": total}))
        else:
            say(f"Made {name} ({done} of {total})")

    card = make_card(folder.absolute(), jumps, clips, seconds, size_from(size), photos=photos, on_file=tell)
    if as_json:
        say(json.dumps(_as_fields(card), ensure_ascii=False))
        return
    for jump in card.jumps:
        shot = f", {counted(len(jump.photos), 'photo')}" if jump.photos else ""
        names = ", ".join(jump.clips)
        say(f"{jump.payload.jump_key}  {jump.payload.passenger_name}: {jump.qr_file} (code), {names}{shot}")
    say(f"Put it in with: stinercut card insert {folder}")


def _as_fields(card: CardMade) -> dict[str, object]:
    jumps = [
        {
            "jump": jump.payload.jump_key,
            "passenger": jump.payload.passenger_name,
            "booking_id": jump.payload.booking_id,
            "qr_file": jump.qr_file,
            "clips": jump.clips,
            "photos": jump.photos,
        }
        for jump in card.jumps
    ]
    return {"card": str(card.folder), "jumps": jumps}


@group.command("insert")
def insert(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that counts as a card.")],
    eject: Annotated[bool, typer.Option("--eject", help="Take the card out again instead.")] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="Name of the detector that should see it. Default: that of the running `stinercut up`, else as "
            "`stinercut detector` has it ($STINERCUT_DETECTOR_ID, or its settings file).",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Let a folder count as a card that was put in. Nothing in the folder changes.

    If you insert it again, that counts as taking the card out and putting it in again. It also works while nothing
    runs: `stinercut up` then sees the card as soon as it starts on the same data folder.
    """
    from detector.sources.cards import eject_folder, insert_folder
    from stinercut.storage.data_folder import follow_folder

    settings, running = _its_detector(name, data)
    follow_folder(settings.data)
    if eject:
        eject_folder(settings, folder)
        say(f"{folder} is out.")
        return
    insert_folder(settings, folder)
    say(f"{folder} is in. {_who_sees_it(settings, running)}")


def _its_detector(name: str | None, data: Path | None) -> tuple[Settings, Running | None]:
    """The settings of the detector that should see a card, and the stack that runs on its data folder."""
    import os

    from app.commands.detector import detector_settings
    from app.common.running_note import running_stack

    here = settings_from(data)
    if name is None and not os.environ.get("STINERCUT_DETECTOR_ID"):
        running = running_stack(here)
        if running is not None and running.detector:
            return settings_from(data, detector_id=running.detector_id), running
    settings = detector_settings({"id": name, "data": data})
    return settings, running_stack(settings)


def _who_sees_it(settings: Settings, running: Running | None) -> str:
    """Which detector sees a card that was put in for it, and when."""
    if running is not None and running.detector and running.detector_id == settings.detector_id:
        return f"Watch it on the board: {running.hub}"
    if not settings.is_hubs_own_detector:
        return f"The detector {settings.detector_id} sees it, at once if it runs (data folder {settings.data})."
    if running is not None:
        return "But the running stack has no detector. Start one with `stinercut detector`."
    return f"It will be seen as soon as `stinercut up` runs (data folder {settings.data})."
