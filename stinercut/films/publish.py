"""Publishes a jump's film, and next to it what belongs to it: its picture, its timeline, its photos.

Owns: the order of these steps, and that no failure in the others keeps the film from being published. Not here: joining
and checking it (`film`), the files for an editing program (`editor.export`), which files already there are ours
(`publishing.placing`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from stinercut.films.dropped_outputs import clear
from stinercut.films.editor.export import hand_over
from stinercut.films.film import Finished, FinishedFilm, Production, finish_film, poster_second
from stinercut.films.picture.encoding import Segment
from stinercut.films.plan.progress import Progress
from stinercut.films.publishing.outputs_note import POSTER, PhotoSet
from stinercut.storage.store import replace_file
from stinercut.video.stills import jpeg_still

Thing = TypeVar("Thing")

_STILLS_AT = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class PublishRequest:
    """The film to publish at `target`. `segments`: for each film of the production, the segments of its parts.

    `card_file_ids`: the clips' ids in the catalog by content hash, for the timeline.
    """

    production: Production
    segments: Sequence[Sequence[Segment]]
    target: Path
    card_file_ids: Mapping[str, int]


@dataclass(frozen=True)
class PublishedFilm:
    """A published film and the files next to it. `poster` and `timeline` only if they could be made.

    `wrong`: in words, what could not be made with the film.
    """

    finished: Finished
    poster: bytes | None
    timeline: Path | None
    photos: tuple[PhotoSet, ...]
    wrong: tuple[str, ...]
    stills: tuple[tuple[str, bytes], ...] = ()
    """Pictures of it with their moments in words (`with_stills`)."""


def publish(
    request: PublishRequest,
    log: logging.Logger,
    *,
    on_progress: Progress | None = None,
    before_publishing: Callable[[], None] | None = None,
) -> PublishedFilm:
    """Publish a film, then make what belongs to it. Raises what `finish_film` raises.

    Any failure after the film is published goes to `log` only: a film without its picture is still a film.
    """
    production, target = request.production, request.target
    finished = finish_film(
        production, request.segments, target, on_progress=on_progress, before_publishing=before_publishing
    )
    film, extras = finished.film, _Extras(log)
    poster = extras.made("Its picture", lambda: _poster(film, production))
    exported = extras.made(
        "Its timeline", lambda: hand_over(production, request.segments[0], film.path, request.card_file_ids)
    )
    gone = extras.made("Clearing what its template dropped", lambda: clear(production.store, finished))
    photos = extras.made("Its photos", lambda: _photos(finished))
    _tell(log, gone or (), (*finished.kept, *(exported.kept if exported else ())))
    timeline = exported.timeline if exported else None
    return PublishedFilm(finished, poster, timeline, photos or (), tuple(extras.wrong))


def with_stills(published: PublishedFilm, log: logging.Logger) -> PublishedFilm:
    """The same film with a few pictures of it, if they can be taken. Nobody who waits for the film needs them."""
    extras = _Extras(log)
    stills = extras.made("Its stills", lambda: _stills(published.finished.film))
    return replace(published, stills=stills or (), wrong=(*published.wrong, *extras.wrong))


@dataclass
class _Extras:
    """Makes the files that belong to a published film; `wrong` names those that could not be made."""

    log: logging.Logger
    wrong: list[str] = field(default_factory=list[str])

    def made(self, what: str, make: Callable[[], Thing]) -> Thing | None:
        """The result of `make`; None if it raises anything."""
        try:
            return make()
        except Exception as refused:
            self.log.warning("%s: %s", what, refused, exc_info=True)
            self.wrong.append(f"{what}: {refused}")
            return None


def _tell(log: logging.Logger, gone: Sequence[Path], kept: Sequence[Path]) -> None:
    """Log which files were removed, and which files of somebody else were kept under another name."""
    if gone:
        log.info("Outputs that the template no longer has: %s", ", ".join(path.name for path in gone))
    for path in kept:
        log.warning("Somebody's own file lay in the place of an output. It is kept: %s", path)


def _poster(film: FinishedFilm, production: Production) -> bytes:
    """The picture that stands for the film, published next to it."""
    poster = jpeg_still(film.path, at=poster_second(production), width=960)
    replace_file(film.path.with_name(POSTER), poster)
    return poster


def _stills(film: FinishedFilm) -> tuple[tuple[str, bytes], ...]:
    """A few pictures of the finished film, from its beginning to its end."""
    moments = [film.seconds * share for share in _STILLS_AT]
    return tuple((f"{moment:.1f} s", jpeg_still(film.path, at=moment, width=320)) for moment in moments)


def _photos(finished: Finished) -> tuple[PhotoSet, ...]:
    sets: list[PhotoSet] = []
    for folder in finished.photos:
        photos = tuple(finished.photos_in(folder))
        sets.append(PhotoSet(folder.name, folder, photos, sum(photo.stat().st_size for photo in photos)))
    return tuple(sets)
