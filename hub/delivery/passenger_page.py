"""The passenger's page as HTML: made on the server, works without scripts, in the passenger's language.

Owns: filling the markup (`markup/`), the headers of the page. Not here: what is shown (`passenger_films`), the words
(`stinercut.language`), the routes (`passenger_routes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.delivery.passenger_films import FilmShown, OtherFilmShown, PhotosShown
from stinercut.language.days import day_in_words
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message, worded

_MARKUP: Final = Environment(
    loader=PackageLoader("hub.delivery", "markup"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_HEADERS: Final = {
    "cache-control": "private, no-store",
    "x-robots-tag": "noindex, nofollow, noarchive",
    # The form for the PIN is this page's own, and browsers tell where it comes from only under this policy.
    "referrer-policy": "same-origin",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


_WORDS: Final = {
    "film_being_made": Message.of(DeliveryCode.FILM_BEING_MADE),
    "film_comes_by_itself": Message.of(DeliveryCode.FILM_COMES_BY_ITSELF),
    "film_provisional": Message.of(DeliveryCode.FILM_PROVISIONAL),
    "download_film": Message.of(DeliveryCode.DOWNLOAD_FILM),
    "photos_heading": Message.of(DeliveryCode.PHOTOS_HEADING),
    "pin_wanted": Message.of(DeliveryCode.PIN_WANTED),
    "pin_open": Message.of(DeliveryCode.PIN_OPEN),
    "ask_dropzone": Message.of(DeliveryCode.ASK_DROPZONE),
}
"""The words of the markup that need no values: `words.pin_open`."""


def _download(other: OtherFilmShown) -> Message:
    if other.is_upright:
        return Message.of(DeliveryCode.DOWNLOAD_UPRIGHT_FILM)
    return Message.of(DeliveryCode.DOWNLOAD_OTHER_FILM, name=other.name)


@dataclass(frozen=True)
class PassengerPage:
    """What all pages of a link have. `here`: the link's own path; `place`: the dropzone."""

    here: str
    language: str
    place: str
    has_logo: bool

    def films(self, films: Sequence[FilmShown], until: datetime) -> HTMLResponse:
        """The films of the link, those that are being made included."""
        is_group = len(films) > 1
        last = Message.of(DeliveryCode.AVAILABLE_UNTIL, day=day_in_words(until.date(), self.language))
        return self._page(
            "passenger_films.html.jinja",
            title=self._word(Message.of(DeliveryCode.FILMS_OF_GROUP)) if is_group else self._heading(films[0]),
            films=[self._film(film) for film in films],
            until=self._word(last),
            waits=any(film.file_name is None for film in films),
        )

    def pin(self, problem: Message | None = None) -> HTMLResponse:
        """The form for the PIN. It tells nothing of the films."""
        return self._page(
            "passenger_pin.html.jinja",
            status=200 if problem is None else 403,
            title=self.place or self._word(Message.of(DeliveryCode.FILMS_OF_GROUP)),
            problem=self._word(problem) if problem is not None else "",
        )

    def closed(self, why: Message, status: int) -> HTMLResponse:
        """A link that opens nothing: unknown (404), over or withdrawn (410)."""
        return self._page("passenger_closed.html.jinja", status=status, title=self._word(why))

    def _film(self, film: FilmShown) -> dict[str, Any]:
        at = f"{self.here}/{film.position}"
        return {
            "position": film.position,
            "heading": self._heading(film),
            "file_name": film.file_name,
            "is_provisional": film.is_provisional,
            "at": at,
            "upright": film.upright,
            "others": [{"file_name": one.file_name, "label": self._word(_download(one))} for one in film.others],
            "photos": [self._photos(at, photos) for photos in film.photos],
        }

    def _photos(self, at: str, photos: PhotosShown) -> dict[str, Any]:
        return {
            "at": f"{at}/{quote(photos.folder)}",
            "pictures": [name for name in photos.photos if name.lower().endswith(".jpg")],
            "label": self._word(Message.of(DeliveryCode.DOWNLOAD_PHOTOS, number=len(photos.photos))),
        }

    def _heading(self, film: FilmShown) -> str:
        return self._word(Message.of(DeliveryCode.FILM_OF_PASSENGER, passenger=film.passenger))

    def _word(self, said: Message) -> str:
        return worded(said, self.language)

    def _page(self, name: str, *, status: int = 200, waits: bool = False, **values: Any) -> HTMLResponse:
        text = _MARKUP.get_template(name).render(
            **values,
            waits=waits,
            here=self.here,
            language=self.language,
            place=self.place,
            logo=self.has_logo,
            words={code: self._word(said) for code, said in _WORDS.items()},
        )
        return HTMLResponse(text, status, headers=_HEADERS)
