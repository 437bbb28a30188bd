"""Films and their posters, as files over HTTP.

Lives here: finding the file that a film's row names, and nothing else below the films folder. Doesn't: making them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fastapi.responses import FileResponse
from sqlalchemy import select

from stinercut.catalog import Catalog, films, jumps
from stinercut.catalog.models import Film, Jump
from stinercut.errors import NotFound

POSTER = "poster.jpg"
TIMELINE = ".otio"
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Films:
    """The films below one folder."""

    catalog: Catalog
    root: Path

    def film(self, jump_key: str, name: str, download: bool) -> FileResponse:
        """A film, in ranges if asked for; with `download` under a name that a person recognises. Raises NotFound."""
        with self.catalog.read() as session:
            rows = session.execute(
                select(Film)
                .join(Jump, Jump.jump_key == Film.jump_key)
                .where(Film.jump_key == jump_key, films.is_shown())
                .order_by(Film.film_id.desc())
            ).scalars()
            film = next((row for row in rows if PurePosixPath(row.file_name).name == name), None)
            if film is None:
                raise NotFound(f"jump {jump_key} has no film {name}")
            file_name = download_name(film.passenger_name, jumps.require_jump(session, jump_key).jump_date.isoformat())
        path = self._inside(film.file_name)
        # Made anew, a film keeps its name; the browser must ask whether its copy is still the one.
        headers = {"cache-control": "private, no-cache"}
        if download:
            return FileResponse(path, media_type="video/mp4", headers=headers, filename=file_name)
        return FileResponse(path, media_type="video/mp4", headers=headers)

    def timeline(self, jump_key: str, name: str) -> FileResponse:
        """The timeline beside a jump's film, for editing programs. Raises NotFound."""
        with self.catalog.read() as session:
            film = films.latest_film(session, jump_key)
        wanted = PurePosixPath(film.file_name).with_suffix(TIMELINE) if film is not None else None
        if wanted is None or wanted.name != name:
            raise NotFound(f"jump {jump_key} has no timeline {name}")
        headers = {"cache-control": "private, no-cache"}
        return FileResponse(self._inside(str(wanted)), media_type="application/json", headers=headers, filename=name)

    def poster(self, jump_key: str) -> FileResponse:
        """The still picture of a jump's film. Raises NotFound."""
        with self.catalog.read() as session:
            film = films.latest_film(session, jump_key)
        if film is None:
            raise NotFound(f"jump {jump_key} has no film")
        path = self._inside(str(PurePosixPath(film.file_name).with_name(POSTER)))
        return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "private, no-cache"})

    def _inside(self, relative: str) -> Path:
        root = self.root.resolve()
        path = (root / relative).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise NotFound("that file is not among the films", file=relative, advice="Make the film again.")
        return path


def download_name(passenger: str, jump_date: str) -> str:
    """What a film is called on a passenger's own machine: name and date, whatever the name holds."""
    name = _NOT_IN_FILE_NAMES.sub(" ", passenger)
    return f"{' '.join(name.split()).strip('. ') or 'film'} {jump_date}.mp4"
