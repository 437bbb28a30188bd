"""An output of photos: stills from the footage, and next to them the photos that the camera took.

Owns: which outputs of photos a template has for a jump, and the files of one. Not here: taking a still
(`stills_output`), which photos of a camera can be shown (`camera_photos`), publishing (`stinercut.films.film`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stinercut.errors import UnreadablePhoto
from stinercut.films.photos.camera_photos import CameraPicture, PhotoOpener, deliveries, picture_for_film
from stinercut.films.photos.stills_output import photo_name, take_photos
from stinercut.films.picture.segments import Workshop
from stinercut.films.plan.plan import FilmPlan, spread
from stinercut.films.publishing.placing import Arrival
from stinercut.storage.store import Store, sync_file
from stinercut.templates import Template
from stinercut.templates.timeline import Photos, StillsOutput

CAMERA_ONLY = StillsOutput(name="photos", count=0)
"""The output for templates that mention no photos: nobody loses photos because of the template."""


@dataclass(frozen=True)
class PhotoOutput:
    """An output of photos: the template's settings for its stills, and the camera's photos in it."""

    stills: StillsOutput
    pictures: tuple[CameraPicture, ...]


@dataclass(frozen=True)
class MadePhotos:
    """The files of an output, to be moved to their places; in words, which of the camera's photos can't be shown."""

    arrivals: tuple[Arrival, ...] = ()
    unshown: tuple[str, ...] = ()


def photos_for_film(store: Store, template: Template, pictures: Sequence[CameraPicture]) -> dict[str, Path]:
    """The photos that the template's film shows, as JPEGs, by key; photos that can't be opened are left out.

    No more are opened than the film shows: a burst has hundreds.
    """
    main = template.document.timeline.main
    most = max((clip.asset.most for clip in main if isinstance(clip.asset, Photos)), default=0)
    by_key = {picture.key: picture for picture in pictures}
    found: dict[str, Path] = {}
    if most:
        with PhotoOpener(store) as opener:
            for key in spread(list(by_key), most):
                with contextlib.suppress(UnreadablePhoto):
                    found[key] = picture_for_film(opener, by_key[key])
    return found


def photo_outputs(template: Template, pictures: Sequence[CameraPicture]) -> tuple[PhotoOutput, ...]:
    """The template's outputs of photos; for the camera's photos also one where the template has no such output.

    The camera's photos are in the first output that doesn't exclude them.
    """
    outputs = [output for output in template.outputs if isinstance(output, StillsOutput)]
    if not outputs and pictures:
        return (PhotoOutput(CAMERA_ONLY, tuple(pictures)),)
    first = next((output for output in outputs if output.camera), None)
    return tuple(PhotoOutput(output, tuple(pictures) if output is first else ()) for output in outputs)


def photo_folder(target: Path, output: StillsOutput) -> Path:
    """Where the photos of the film at `target` lie."""
    return target.with_name(f"{target.stem}-{output.name}")


def made_photos(shop: Workshop, plan: FilmPlan, output: PhotoOutput, folder: Path, target: Path) -> MadePhotos:
    """The files of an output of the film at `target`, made in `folder`, a new one. Raises what `take_photos` raises."""
    folder.mkdir()
    stills = take_photos(shop, plan, output.stills, folder) if output.stills.count else []
    for still in stills:
        sync_file(still)
    reserved = [photo_name(number) for number in range(1, output.stills.count + 1)]
    given = deliveries(shop.store, output.pictures, reserved)
    camera = [_linked(shop.store, photo.path, folder / photo.name) for photo in given.files]
    name = photo_folder(target, output.stills).name
    arrivals = tuple(Arrival(photo, f"{name}/{photo.name}") for photo in (*stills, *camera))
    return MadePhotos(arrivals, given.unshown)


def _linked(store: Store, photo: Path, target: Path) -> Path:
    """A hard link to a file of the store, so that hundreds of photos don't take up space twice.

    A copy where there are no hard links, and of somebody's own file, which they may still change. A symbolic link would
    not do: the folder of films may be moved to another machine.
    """
    if photo.is_relative_to(store.root):
        with contextlib.suppress(OSError):
            os.link(photo, target)
            return target
    shutil.copyfile(photo, target)
    sync_file(target)
    return target
