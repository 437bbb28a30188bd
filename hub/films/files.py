"""Films, the outputs published with them, and their posters, as files over HTTP.

Owns: finding the files that a film's row names (for films of before: the note next to the film), and no others in the
films folder. Not here: making them, packing photos (`zip_stream`). A browser's names are only compared with these.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from fastapi.responses import FileResponse, Response, StreamingResponse
from sqlalchemy import select

from hub.films.zip_stream import zipped
from stinercut.catalog import Catalog
from stinercut.catalog.models import Film, Jump
from stinercut.errors import NotFound
from stinercut.films.editor.otio_reader import with_files_beside
from stinercut.films.publishing.outputs_note import CLIPS, POSTER, TIMELINE, PhotoSet, Published, published_with
from stinercut.jumps import film_records, jumps
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode

_SHOWN_IN_BROWSERS = {".jpg": "image/jpeg", ".png": "image/png"}
_HEADERS = {"cache-control": "private, no-cache"}
"""A film that is made again keeps its name, so the browser must ask whether its copy is still current."""
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')


@dataclass(frozen=True)
class FilmFiles:
    """The films in one folder."""

    catalog: Catalog
    root: Path

    def film(self, jump_key: str, name: str, download: bool) -> FileResponse:
        """A film or another video output, in ranges if asked for. With `download` it has a name that a person
        recognises. Raises NotFound.
        """
        with self.catalog.read() as session:
            rows = session.execute(
                select(Film)
                .join(Jump, Jump.jump_key == Film.jump_key)
                .where(Film.jump_key == jump_key, film_records.is_shown())
                .order_by(Film.film_id.desc())
            ).scalars()
            film = next((row for row in rows if PurePosixPath(row.file_name).name == name), None)
        if film is not None:
            return self._video(self._inside(film.file_name), film, download)
        film, others = self._others(jump_key)
        other = next((output for output in others.films if output.path.name == name), None)
        if film is None or other is None:
            raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_OUTPUT, jump=jump_key, film=name))
        return self._video(self._inside(self._below(other.path)), film, download, other.name)

    def photo(self, jump_key: str, folder: str, name: str) -> FileResponse:
        """A photo that was published with a jump's film. Raises NotFound."""
        _, photos = self._photos(jump_key, folder)
        photo = next((path for path in photos.photos if path.name == name), None)
        if photo is None:
            raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_PHOTO, jump=jump_key, photo=f"{folder}/{name}"))
        kind = _SHOWN_IN_BROWSERS.get(photo.suffix.lower())
        path = self._inside(self._below(photo))
        if kind is None:  # A raw that could not be developed: a file to keep, not to look at.
            return FileResponse(path, media_type="application/octet-stream", headers=_HEADERS, filename=photo.name)
        return FileResponse(path, media_type=kind, headers=_HEADERS)

    def all_photos(self, jump_key: str, folder: str) -> StreamingResponse:
        """The photos of one output as a ZIP, packed while it is sent. Raises NotFound."""
        film, photos = self._photos(jump_key, folder)
        files = [(path.name, self._inside(self._below(path))) for path in photos.photos]
        name = quote(self._download_name(film, photos.name, ".zip"), safe="")
        headers = {**_HEADERS, "content-disposition": f"attachment; filename*=utf-8''{name}"}
        return StreamingResponse(zipped(files), media_type="application/zip", headers=headers)

    def timeline(self, jump_key: str, name: str) -> Response:
        """A film's timeline for editing programs. Raises NotFound, and BadInput for a file that is no timeline.

        Timelines of older versions name their files by absolute paths of this machine; they are sent in today's form.
        """
        with self.catalog.read() as session:
            film = film_records.latest_film(session, jump_key)
        wanted = PurePosixPath(film.file_name).with_suffix(TIMELINE) if film is not None else None
        if wanted is None or wanted.name != name:
            raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_TIMELINE, jump=jump_key, timeline=name))
        path = self._inside(str(wanted))
        mended = with_files_beside(path, CLIPS)
        if mended is None:
            return FileResponse(path, media_type="application/json", headers=_HEADERS, filename=name)
        named = {**_HEADERS, "content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}
        return Response(mended, media_type="application/json", headers=named)

    def poster(self, jump_key: str) -> FileResponse:
        """The still picture of a jump's film. Raises NotFound."""
        with self.catalog.read() as session:
            film = film_records.latest_film(session, jump_key)
        if film is None:
            raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_FILM, jump=jump_key))
        path = self._inside(str(PurePosixPath(film.file_name).with_name(POSTER)))
        return FileResponse(path, media_type="image/jpeg", headers=_HEADERS)

    def _video(self, path: Path, film: Film, download: bool, output: str = "") -> FileResponse:
        if not download:
            return FileResponse(path, media_type="video/mp4", headers=_HEADERS)
        return FileResponse(
            path, media_type="video/mp4", headers=_HEADERS, filename=self._download_name(film, output, ".mp4")
        )

    def _download_name(self, film: Film, output: str, ending: str) -> str:
        with self.catalog.read() as session:
            jump_date = jumps.require_jump(session, film.jump_key).jump_date
        return download_name(film.passenger_name, f"{jump_date.isoformat()} {output}".strip(), ending)

    def _others(self, jump_key: str) -> tuple[Film | None, Published]:
        """The film of a jump that is shown, and the outputs published with it."""
        with self.catalog.read() as session:
            film = film_records.latest_film(session, jump_key)
        return film, published_with(self.root / film.file_name, film.outputs) if film is not None else Published()

    def _photos(self, jump_key: str, folder: str) -> tuple[Film, PhotoSet]:
        film, others = self._others(jump_key)
        photos = next((output for output in others.photos if output.folder.name == folder), None)
        if film is None or photos is None:
            raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_PHOTOS, jump=jump_key, photos=folder))
        return film, photos

    def _below(self, path: Path) -> str:
        return os.path.relpath(path, self.root)

    def _inside(self, relative: str) -> Path:
        root = self.root.resolve()
        path = (root / relative).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise NotFound(
                Message.of(RefusalCode.NOT_AMONG_FILMS),
                file=relative,
                advice=Message.of(RefusalCode.MAKE_FILM_AGAIN),
            )
        return path


def download_name(passenger: str, rest: str, ending: str = ".mp4") -> str:
    """A file name for a passenger's own machine: the passenger's name in safe letters, then `rest` (such as a date)."""
    name = _NOT_IN_FILE_NAMES.sub(" ", passenger)
    return f"{' '.join(name.split()).strip('. ') or 'film'} {rest}{ending}"
