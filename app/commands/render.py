"""`stinercut render`: makes a film from clips and photos, without Dagster, catalog or cards.

Owns: the command's options and output. Not here: making films (`stinercut.films`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import unicodedata
from collections.abc import Callable, Generator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.common.options import Data, Json, day_from, say, settings_from
from stinercut.clock import local_day, machine_clock
from stinercut.drawing import name_rule
from stinercut.errors import BadInput, UnreadablePhoto
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.recordings.photo_names import is_photo
from stinercut.storage.disk_names import require_text

if TYPE_CHECKING:
    from stinercut.films.film import Finished
    from stinercut.films.photos.camera_photos import CameraPicture
    from stinercut.films.picture.segments import FilmedClip
    from stinercut.jumps.cut import ClipTake
    from stinercut.recordings.filming_order import RecordedFile

INTERRUPTED = 130


def render(  # noqa: PLR0913, PLR0917 - each is an option
    files: Annotated[
        list[Path], typer.Argument(metavar="CLIP|PHOTO...", help="The clips of the film, and photos that go with it.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The film to write: .mp4. Other outputs go next to it.")
    ],
    name: Annotated[str, typer.Option("--name", help="The passenger's name, as the film should show it.")],
    template: Annotated[
        str, typer.Option("--template", help="A template's folder, or the name of one that is installed.")
    ] = "classic",
    jump_date: Annotated[
        date | None,
        typer.Option(
            "--date", parser=day_from, metavar="YYYY-MM-DD", help="Day of the jump. Default: the day of the first clip."
        ),
    ] = None,
    place: Annotated[str, typer.Option("--place", help="Name of the place. Default: $STINERCUT_PLACE.")] = "",
    booking: Annotated[str, typer.Option("--booking-id", help="Number of the booking.")] = "",
    master: Annotated[str, typer.Option("--tandem-master", help="Who flew the tandem.")] = "",
    as_given: Annotated[
        bool, typer.Option("--as-given", help="Show the clips in the order given here, not in the order of filming.")
    ] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Number of segments made at once.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a film of clips, in all outputs of a template. Parts that were rendered before are not rendered again.

    Photos (JPG, HEIC, raws, PNG) join the template's photos, and appear in the film if the template shows photos.

    A file appears in its place only when it is whole and checked. Ctrl-C leaves no process and no partial file.
    Stinercut replaces only its own files; other files in the way are kept under another name.

    With --json, it prints one object at the end: "films" (name, file, seconds, frames, bytes, checks), "photos"
    (folders), "kept" (files that were in the way) and "unshown" (photos that can't be shown, and why).
    """
    from stinercut.films.film import Cancelled, make_film, planned
    from stinercut.films.targets import require_apart
    from stinercut.storage.store import Store
    from stinercut.templates import Fields, folder
    from stinercut.video import encoders

    settings = settings_from(data, workers=workers)
    target = _target(output)
    chosen = folder.load(folder.meant_by(template, (settings.templates_dir,)))
    clips, photos = [file for file in files if not is_photo(file.name)], [file for file in files if is_photo(file.name)]
    require_apart(chosen, files, target)
    shown = shown_in_order(clips, as_given)
    day = jump_date or day_of_jump(shown)
    fields = Fields(_named(name), day, place or settings.place, booking, master)
    store = Store(settings.store_dir)
    encoder = encoders.chosen(settings.encoder, encoders.note_of(store.root)).encoder
    production = planned(store, chosen, fields, shown, encoder=encoder, pictures=pictures_in_order(photos, as_given))
    try:
        with _ends_like_ctrl_c(), _progress(not as_json) as on_progress:
            finished = make_film(production, target, workers=settings.workers, on_progress=on_progress)
    except (KeyboardInterrupt, Cancelled):
        typer.echo("Interrupted. What was rendered is kept; no film was written.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        say(json.dumps(_as_fields(finished), ensure_ascii=False, indent=2))
    else:
        _tell(finished)


def _target(output: Path) -> Path:
    if output.suffix.lower() != ".mp4":
        raise BadInput("a film is written as .mp4", file=output, advice="Choose this ending.")
    target = output.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise BadInput(f"can't write there: {refused.strerror or refused}", file=output) from None
    if not os.access(target.parent, os.W_OK):
        raise BadInput("this folder can't be written to", file=target.parent, advice="Choose another one.")
    return target


def _named(name: str) -> str:
    if not name.strip():
        raise BadInput("a film needs a passenger's name", advice="Give it with --name.")
    named = unicodedata.normalize("NFC", name).strip()
    if problem := name_rule.problem_of(named):
        fault = Message.of(
            MessageCode.FIELD_AT_FAULT, field=Message.of(MessageCode.FIELD_PASSENGER_NAME), fault=problem
        )
        raise BadInput(fault, advice="Write it otherwise.")
    return named


def shown_in_order(clips: list[Path], as_given: bool) -> list[ClipTake[FilmedClip]]:
    """The clips with their probes, in the order of filming as far as it is known."""
    from stinercut.films.film import looked_into
    from stinercut.films.picture.segments import ClipSource
    from stinercut.recordings.filming_order import in_order
    from stinercut.storage.store import hash_file
    from stinercut.video.probe import probe

    for clip in clips:
        require_text(clip.absolute())
        probe(clip)  # Refuses what is no clip before gigabytes are hashed.
    shown = looked_into([ClipSource(hash_file(clip), clip.absolute(), clip.name) for clip in clips])
    return list(shown) if as_given else in_order(shown, _recorded_file)


def pictures_in_order(photos: list[Path], as_given: bool) -> tuple[CameraPicture, ...]:
    """The photos as pictures, in the camera's order as far as their names tell it."""
    from stinercut.films.photos.camera_photos import PhotoFile, in_pictures
    from stinercut.recordings.filming_order import RecordedFile, in_order
    from stinercut.storage.store import hash_file

    for photo in photos:
        require_text(photo.absolute())
        if not photo.is_file():
            raise UnreadablePhoto("the file is not there", file=photo, advice="Check its name.")
    absolute = [photo.absolute() for photo in photos]
    ordered = (
        absolute
        if as_given
        else in_order(absolute, lambda photo: RecordedFile.named(str(photo.parent), photo.name, None))
    )
    return in_pictures(
        (str(photo.with_suffix("")).casefold(), PhotoFile(hash_file(photo), photo, photo.name)) for photo in ordered
    )


def _recorded_file(shown: ClipTake[FilmedClip]) -> RecordedFile:
    from stinercut.recordings.filming_order import RecordedFile

    source = shown.file.source
    return RecordedFile.named(str(source.path.parent), source.name, shown.file.probe.recorded)


def day_of_jump(shown: list[ClipTake[FilmedClip]]) -> date:
    from stinercut.recordings.filming_order import first_day

    return first_day([_recorded_file(take) for take in shown]) or local_day(machine_clock())


@contextlib.contextmanager
def _ends_like_ctrl_c() -> Generator[None]:
    """While the block runs, SIGTERM cleans up as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _progress(wanted: bool) -> Generator[Callable[[float], None]]:
    """Show progress: a bar on a terminal, a line for each tenth elsewhere, nothing for programs."""
    if not wanted:
        yield lambda _: None
        return
    if not sys.stdout.isatty():
        yield _lines()
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("Rendering", total=1.0)
        yield lambda done: bar.update(task, completed=done)


def _lines() -> Callable[[float], None]:
    told = 0

    def tell(done: float) -> None:
        nonlocal told
        if int(done * 10) > told:
            told = int(done * 10)
            say(f"{told * 10:3d} %")

    return tell


def _as_fields(finished: Finished) -> dict[str, object]:
    return {
        "films": [
            {
                "name": film.name,
                "file": str(film.path),
                "seconds": round(film.seconds, 3),
                "frames": film.frames,
                "bytes": film.size,
                "checks": [
                    {
                        "name": check.name,
                        "passed": check.passed,
                        "detail": check.detail,
                        "detail_parts": [part.as_json() for part in check.said],
                    }
                    for check in film.checks
                ],
            }
            for film in finished.films
        ],
        "photos": [str(folder) for folder in finished.photos],
        "kept": [str(path) for path in finished.kept],
        "unshown": list(finished.unshown),
    }


def _tell(finished: Finished) -> None:
    for film in finished.films:
        say(f"Written: {film.path} ({film.seconds:.1f} s, {film.size / 1e6:.1f} MB)")
        for check in film.checks:
            if not check.passed:
                say(f"    look at it: {check.detail}")
    for folder in finished.photos:
        say(f"Written: {folder} ({len(finished.photos_in(folder))} photos)")
    for path in finished.kept:
        say(f"Kept: {path}, which was in the way")
    for why in finished.unshown:
        say(f"Not shown: {why}")
