"""The metadata of a finished film on Dagster's page: its picture, its outputs and parts as tables, its figures.

Owns: that metadata, and which step made each part of the film. Not here: making the film (`stinercut.films.publish`),
how tables and pictures look (`stinercut_assets.common.metadata`).
"""

from collections.abc import Sequence

import dagster as dg

from stinercut.films.film import FinishedFilm, owner_of
from stinercut.films.picture.encoding import Segment
from stinercut.films.publish import PublishedFilm
from stinercut.films.publishing.outputs_note import PhotoSet
from stinercut_assets.common.metadata import gallery, picture, table
from stinercut_assets.films.production import FilmOrder, StepProduct

Row = dict[str, str | int | float | bool | None]


def as_metadata(published: PublishedFilm) -> dict[str, dg.MetadataValue | str | int | float]:
    """Everything to show about the film itself, and what went wrong apart from it."""
    finished, film = published.finished, published.finished.film
    wrong = [*published.wrong, *(f"A photo can't be shown: {photo}" for photo in finished.unshown)]
    return {
        "film": dg.MetadataValue.path(film.path),
        **({"timeline": dg.MetadataValue.path(published.timeline)} if published.timeline else {}),
        **({"title": picture(published.poster, "title")} if published.poster else {}),
        **({"went wrong": "\n".join(wrong)} if wrong else {}),
        "stills": gallery(published.stills),
        "outputs": table([*map(_film_row, finished.films), *map(_photo_row, published.photos)]),
        "seconds": round(film.seconds, 3),
        "frames": film.frames,
        "MB": round(film.size / 1e6, 1),
    }


def _film_row(film: FinishedFilm) -> Row:
    return {
        "output": film.name,
        "file": film.path.name,
        "seconds": round(film.seconds, 2),
        "MB": round(film.size / 1e6, 1),
    }


def _photo_row(photos: PhotoSet) -> Row:
    number, size = len(photos.photos), round(photos.size / 1e6, 1)
    return {"output": f"{number} photos", "file": photos.folder.name, "seconds": None, "MB": size}


def as_made(order: FilmOrder, steps: Sequence[StepProduct]) -> list[list[Segment]]:
    """The segments of all films, as the steps that made them reported them.

    Most are made by other steps and only found in the store here, so they look cached and free of cost.
    """
    theirs = {part.segment.key: part.segment for step in steps for part in step.parts}
    return [
        [theirs.get(segment.key, segment) if segment.cached else segment for segment in film] for film in order.segments
    ]


def part_rows(order: FilmOrder, made: Sequence[Sequence[Segment]]) -> list[Row]:
    """A row for each part of each film: whose clip it shows, and what it cost."""
    names = {take.file.source.content_hash: take.file.source.name for take in order.production.clips}
    return [
        {
            "output": film.name,
            "part": names.get(owner_of(part) or "", "drawing"),
            "seconds": round(segment.seconds, 2),
            "seconds_spent": round(segment.seconds_spent, 2),
            "kept": segment.cached,
        }
        for film, segments in zip(order.production.films, made, strict=True)
        for part, segment in zip(film.plan.parts, segments, strict=True)
    ]
