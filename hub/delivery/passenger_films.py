"""What a passenger's link shows: the films of its jumps, their other outputs and photos.

Owns: reading these from the catalog and the films folder. Not here: whether a link may be opened
(`stinercut.delivery.shares`), the page (`passenger_page`), sending files (`hub.films.files`).

Addresses on the page hold the link's token and a position, never a jump's key or a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.orm import Session

from stinercut.catalog.models import Film, Jump, Share
from stinercut.errors import StinercutError
from stinercut.films.publishing.outputs_note import Published, published_with
from stinercut.jumps import film_records
from stinercut.jumps.unread_cards import unread_cards
from stinercut.jumps.waiting_files import missing_of
from stinercut.templates import folder


@dataclass(frozen=True)
class PhotosShown:
    """An output of photos: its folder's name, and the file names of its photos."""

    folder: str
    photos: tuple[str, ...]


@dataclass(frozen=True)
class OtherFilmShown:
    """Another video output: its name in the template, its file name, whether it is higher than wide."""

    name: str
    file_name: str
    is_upright: bool


@dataclass(frozen=True)
class FilmShown:
    """A passenger's film at its place of the link. `file_name` is None until the film is ready."""

    position: int
    jump_key: str
    passenger: str
    file_name: str | None = None
    is_provisional: bool = False
    others: tuple[OtherFilmShown, ...] = ()
    photos: tuple[PhotosShown, ...] = ()

    @property
    def upright(self) -> OtherFilmShown | None:
        """The output for phones that are held upright."""
        return next((other for other in self.others if other.is_upright), None)


@dataclass(frozen=True)
class FilmShelf:
    """Where films and templates lie: the folder of films, the folders of templates."""

    films: Path
    templates: Sequence[Path]

    def films_of_share(self, session: Session, share: Share) -> list[FilmShown]:
        """The films of a link, in its order."""
        keys = [place.jump_key for place in share.jumps]
        made, unread = film_records.latest_films(session, keys), unread_cards(session, keys)
        shown: list[FilmShown] = []
        for place in share.jumps:
            jump = session.get_one(Jump, place.jump_key)
            film = self._shown(place.position, jump, made.get(place.jump_key))
            lacks = bool(missing_of(session, place.jump_key) or unread.get(place.jump_key))
            shown.append(replace(film, is_provisional=lacks and film.file_name is not None))
        return shown

    def _shown(self, position: int, jump: Jump, film: Film | None) -> FilmShown:
        passenger = jump.passenger_name or ""
        if film is None:
            return FilmShown(position, jump.jump_key, passenger)
        beside = published_with(self.films / film.file_name, film.outputs)
        upright = self._upright_outputs(film.template) if beside.films else frozenset[str]()
        return FilmShown(
            position=position,
            jump_key=jump.jump_key,
            passenger=passenger,
            file_name=Path(film.file_name).name,
            others=tuple(OtherFilmShown(one.name, one.path.name, one.name in upright) for one in beside.films),
            photos=_photos(beside),
        )

    def _upright_outputs(self, template: str) -> frozenset[str]:
        """The outputs of a template that are higher than wide; none for a template that can't be used any more."""
        try:
            outputs = folder.find(template, self.templates).document.films
        except StinercutError:
            return frozenset()
        return frozenset(output.name for output in outputs if output.height > output.width)


def _photos(beside: Published) -> tuple[PhotosShown, ...]:
    return tuple(PhotosShown(one.folder.name, tuple(photo.name for photo in one.photos)) for one in beside.photos)
