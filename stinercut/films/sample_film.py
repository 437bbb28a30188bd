"""Makes a sample film of a template with generated footage, so that people see it move before they use it.

Owns: that footage, and the template with one output. Not here: rendering (`film`), stills (`contact_sheet`).
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from stinercut.films.film import looked_into, make_film, planned
from stinercut.films.photos.camera_photos import CameraPicture, PhotoFile
from stinercut.films.picture.segments import ClipSource
from stinercut.films.plan.progress import Progress
from stinercut.storage.store import Store, hash_file
from stinercut.synthetic.photographs import make_photo
from stinercut.synthetic.scenes import make_clip
from stinercut.templates.folder import Template
from stinercut.templates.merging import Fields

_CLIPS = ((7, 5.0), (12, 4.0))
"""Seeds and seconds of the footage."""


_PHOTOS = (3, 4, 5)
"""Seeds of the photos."""


def _photo(folder: Path, seed: int) -> CameraPicture:
    path = folder / f"photo-{seed}.jpg"
    make_photo(path, seed, (1440, 1080), datetime(2026, 6, 1, 12, 0, seed))
    return CameraPicture((PhotoFile(hash_file(path), path, path.name),))


def sample_film(  # noqa: PLR0913 - what is to be seen
    template: Template,
    fields: Fields,
    target: Path,
    size: tuple[int, int] | None = None,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> None:
    """The template's film (or one of `size`) at `target`, of two short clips. Raises as rendering does."""
    film = template.film
    if size:
        film = film.model_copy(update={"width": size[0], "height": size[1]})
    only = Template(template.document.model_copy(update={"output": (film,)}), template.folder)
    with tempfile.TemporaryDirectory(prefix="stinercut-preview-") as folder:
        sources: list[ClipSource] = []
        for seed, seconds in _CLIPS:
            path = Path(folder) / f"clip-{seed}.mp4"
            make_clip(path, seed, seconds, (1280, 720))
            sources.append(ClipSource(hash_file(path), path, path.name))
        store, pictures = Store(Path(folder) / "store"), [_photo(Path(folder), seed) for seed in _PHOTOS]
        production = planned(store, only, fields, looked_into(sources), pictures=pictures)
        make_film(production, target, workers=workers, on_progress=on_progress)
