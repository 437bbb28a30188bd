"""The passenger's page and its files, under `/f/TOKEN`: for whoever has the link, without an account.

Owns: these routes, and the order of what is asked of a link: known, open, PIN. Not here: the page (`passenger_page`),
links (`stinercut.delivery.shares`), which files may be fetched (`hub.films.files`).

Every address below a link asks the same questions, so a link that was revoked gives no more films.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import Field

from hub.delivery.passenger_films import FilmShelf, FilmShown
from hub.delivery.passenger_page import PassengerPage
from hub.films.files import FilmFiles
from hub.kit.parts import part
from stinercut.bounds import RowId, ShortText
from stinercut.catalog import Catalog
from stinercut.catalog.models import Share
from stinercut.delivery import shares
from stinercut.delivery.link_key import LinkKey
from stinercut.delivery.shares import PinAnswer, ShareState
from stinercut.errors import NotFound
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message
from stinercut.language.readers import reader_language

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
COOKIE: Final = "stinercut-link"
"""Holds the proof that this browser knew the PIN. It is sent to this link's own addresses only."""
_KEPT_S: Final = 30 * 24 * 3600
_UNKNOWN: Final = Message.of(DeliveryCode.LINK_UNKNOWN)
_CLOSED: Final = {
    ShareState.EXPIRED: Message.of(DeliveryCode.LINK_EXPIRED),
    ShareState.REVOKED: Message.of(DeliveryCode.LINK_REVOKED),
}
_REFUSED: Final = {
    PinAnswer.WRONG: Message.of(DeliveryCode.PIN_WRONG),
    PinAnswer.CLOSED: Message.of(DeliveryCode.PIN_CLOSED),
}


@dataclass(frozen=True)
class Opened:
    """A link that opens: its films, and until when."""

    share: Share
    films: tuple[FilmShown, ...]


class LinkClosed(Exception):
    """A link that opens nothing. `why` is for people, `status` the answer's."""

    def __init__(self, why: Message, status: int) -> None:
        self.why, self.status = why, status
        super().__init__(why.code)


class PinWanted(Exception):
    """A link with a PIN, and a browser that has not shown it."""


@dataclass(frozen=True)
class Passengers:
    """What passengers' pages work with."""

    catalog: Catalog
    key: LinkKey
    files: FilmFiles
    shelf: FilmShelf
    place: str
    language: str
    logo: Path | None

    def page(self, token: str, accepts: str) -> PassengerPage:
        """The page of a link in the language that the browser asks for."""
        language = reader_language(accepts, self.language)
        return PassengerPage(f"/f/{token}", language, self.place, self.logo is not None)

    def opened(self, token: str, proof: str) -> Opened:
        """The link's films. Raises LinkClosed and PinWanted."""
        with self.catalog.read() as session:
            share = shares.share_of_token(session, token)
            if share is None:
                raise LinkClosed(_UNKNOWN, 404)
            state = shares.state_of(share, self.catalog.clock())
            if state in _CLOSED:
                raise LinkClosed(_CLOSED[state], 410)
            if share.pin_mac is not None:
                right = self.key.pin_proof(token, share.pin_mac)
                if not hmac.compare_digest(right.encode(), proof.encode()):
                    raise PinWanted
            films = self.shelf.films_of_share(session, share)
        return Opened(share, tuple(films))

    def try_pin(self, token: str, pin: str) -> tuple[PinAnswer, str]:
        """The answer to a PIN, and the proof for the browser if it is right. Raises LinkClosed."""
        with self.catalog.write() as session:
            share = shares.share_of_token(session, token)
            if share is None:
                raise LinkClosed(_UNKNOWN, 404)
            if share.pin_mac is None:
                return PinAnswer.RIGHT, ""
            answer = shares.try_pin(session, self.key, share, pin)
            return answer, self.key.pin_proof(token, share.pin_mac) if answer is PinAnswer.RIGHT else ""

    def count_opening(self, share: Share) -> None:
        """Note that the page was opened."""
        with self.catalog.write() as session:
            shares.count_opening(session, share.share_id)

    def count_download(self, share: Share) -> None:
        """Note that a download began."""
        with self.catalog.write() as session:
            shares.count_download(session, share.share_id)


PassengersPart = Annotated[Passengers, Depends(part(Passengers))]


def _proof(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


Proof = Annotated[str, Depends(_proof)]


@router.api_route("/f/{token}", methods=["GET", "HEAD"])
async def page(request: Request, passengers: PassengersPart, token: Token, proof: Proof) -> Response:
    """The films of a link, or what stands between."""
    shown = passengers.page(token, request.headers.get("accept-language", ""))
    try:
        opened = await asyncio.to_thread(passengers.opened, token, proof)
    except LinkClosed as closed:
        return shown.closed(closed.why, closed.status)
    except PinWanted:
        return shown.pin()
    # A page that waits loads itself again and again: only who can see a film has opened it.
    if request.method == "GET" and any(film.file_name is not None for film in opened.films):
        await asyncio.to_thread(passengers.count_opening, opened.share)
    return shown.films(opened.films, opened.share.until)


@router.post("/f/{token}")
async def enter_pin(
    request: Request, passengers: PassengersPart, token: Token, pin: Annotated[str, Form(max_length=64)] = ""
) -> Response:
    """Take the PIN, and open the page."""
    shown = passengers.page(token, request.headers.get("accept-language", ""))
    try:
        answer, proof = await asyncio.to_thread(passengers.try_pin, token, pin.strip())
    except LinkClosed as closed:
        return shown.closed(closed.why, closed.status)
    if answer is not PinAnswer.RIGHT:
        return shown.pin(_REFUSED[answer])
    opened = RedirectResponse(f"/f/{token}", 303)
    is_https = request.url.scheme == "https"
    opened.set_cookie(COOKIE, proof, _KEPT_S, path=f"/f/{token}", httponly=True, samesite="lax", secure=is_https)
    return opened


@router.api_route("/f/{token}/logo", methods=["GET", "HEAD"])
async def logo(passengers: PassengersPart, token: Token) -> Response:
    """The dropzone's logo: no secret, but only links show it."""
    if passengers.logo is None or not passengers.logo.is_file():
        raise NotFound(_UNKNOWN)
    return FileResponse(passengers.logo, headers={"cache-control": "private, max-age=3600"})


@dataclass(frozen=True)
class VisitedFilm:
    """A film that whoever asks may see."""

    passengers: Passengers
    share: Share
    film: FilmShown
    begins: bool
    """Whether this request is the beginning of a download. A resumed one was counted before."""

    @property
    def files(self) -> FilmFiles:
        """The files of films."""
        return self.passengers.files

    def count_download(self) -> None:
        """Note that a download begins, if it does."""
        if self.begins:
            self.passengers.count_download(self.share)


def _visited_film(
    request: Request, passengers: PassengersPart, token: Token, proof: Proof, position: RowId
) -> VisitedFilm:
    """The film at that position of the link. Raises NotFound wherever the page would not show it."""
    try:
        opened = passengers.opened(token, proof)
    except (LinkClosed, PinWanted):
        raise NotFound(_UNKNOWN) from None
    film = next((film for film in opened.films if film.position == position), None)
    if film is None or film.file_name is None:
        raise NotFound(_UNKNOWN)
    begins = request.method == "GET" and request.headers.get("range", "bytes=0-").replace(" ", "") == "bytes=0-"
    return VisitedFilm(passengers, opened.share, film, begins)


VisitedFilmPart = Annotated[VisitedFilm, Depends(_visited_film)]


@router.api_route("/f/{token}/{position}/poster.jpg", methods=["GET", "HEAD"])
def poster(visited: VisitedFilmPart) -> Response:
    """The still picture of a film."""
    return visited.files.poster(visited.film.jump_key)


@router.api_route("/f/{token}/{position}/{name}.mp4", methods=["GET", "HEAD"])
def film(visited: VisitedFilmPart, name: ShortText, download: bool = False) -> Response:
    """A film or another video output, in ranges if asked for."""
    answer = visited.files.film(visited.film.jump_key, f"{name}.mp4", download)
    if download:
        visited.count_download()
    return answer


@router.api_route("/f/{token}/{position}/{photos}/{photo}.jpg", methods=["GET", "HEAD"])
def photo(visited: VisitedFilmPart, photos: ShortText, photo: ShortText) -> Response:
    """One photo."""
    return visited.files.photo(visited.film.jump_key, photos, f"{photo}.jpg")


@router.get("/f/{token}/{position}/{photos}.zip")
def all_photos(visited: VisitedFilmPart, photos: ShortText) -> Response:
    """All photos of an output as a ZIP."""
    answer = visited.files.all_photos(visited.film.jump_key, photos)
    visited.count_download()
    return answer
