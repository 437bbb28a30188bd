"""An output of photos: stills out of the footage, and beside them the photos that the camera took.

Owns: which outputs of photos a template has for a jump, and the files of one. Not here: taking a still
(`stills_output`), what can be shown of a camera's photo (`camera_photos`), publishing (`stinercut.films.film`).
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
"""Where a template says nothing of photos: nobody's photos are lost for it."""


@dataclass(frozen=True)
class PhotoOutput:
    """An output of photos, and the camera's photos that stand in it."""

    said: StillsOutput
    pictures: tuple[CameraPicture, ...]


@dataclass(frozen=True)
class MadePhotos:
    """The files of an output on their way to their places; in words, what of the camera's photos can't be shown."""

    arrivals: tuple[Arrival, ...] = ()
    unshown: tuple[str, ...] = ()


def photos_for_film(store: Store, template: Template, pictures: Sequence[CameraPicture]) -> dict[str, Path]:
    """The photos that the template's film shows, as it shows them, by key; without those that can't be opened.

    Only as many are opened as are shown: a burst has hundreds.
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
    """The outputs of photos: those that the template says, and one for the camera's photos where it says none.

    The camera's photos are in the first of them that doesn't leave them out.
    """
    said = [one for one in template.outputs if isinstance(one, StillsOutput)]
    if not said and pictures:
        return (PhotoOutput(CAMERA_ONLY, tuple(pictures)),)
    first = next((one for one in said if one.camera), None)
    return tuple(PhotoOutput(one, tuple(pictures) if one is first else ()) for one in said)


def photo_folder(target: Path, output: StillsOutput) -> Path:
    """Where the photos of the film at `target` lie."""
    return target.with_name(f"{target.stem}-{output.name}")


def made_photos(shop: Workshop, plan: FilmPlan, output: PhotoOutput, folder: Path, target: Path) -> MadePhotos:
    """The files of an output of the film at `target`, made in `folder`, a new one. Raises what `take_photos` raises."""
    folder.mkdir()
    stills = take_photos(shop, plan, output.said, folder) if output.said.count else []
    for still in stills:
        sync_file(still)
    reserved = [photo_name(number) for number in range(1, output.said.count + 1)]
    given = deliveries(shop.store, output.pictures, reserved)
    camera = [_beside(shop.store, one.path, folder / one.name) for one in given.files]
    name = photo_folder(target, output.said).name
    arrivals = tuple(Arrival(photo, f"{name}/{photo.name}") for photo in (*stills, *camera))
    return MadePhotos(arrivals, given.unshown)


def _beside(store: Store, photo: Path, target: Path) -> Path:
    """A file of the store under another name: hundreds of photos take no room twice.

    Copied where there are no hard links, and where it is somebody's own file, which stays theirs to change. A pointer
    would not do: the folder of films may be carried away.
    """
    if photo.is_relative_to(store.root):
        with contextlib.suppress(OSError):
            os.link(photo, target)
            return target
    shutil.copyfile(photo, target)
    sync_file(target)
    return target
