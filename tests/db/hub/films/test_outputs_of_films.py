"""What the hub shows next to a film: what the film's row names; for rows of before, what the note names."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update
from support.cataloguing import film, ready_jump
from support.hub_data import with_outputs

from hub.films.files import FilmFiles
from hub.jumps.views import FilmView, jump_views
from hub.kit.views import Links
from stinercut.catalog import Catalog
from stinercut.catalog.models import Film
from stinercut.errors import NotFound
from stinercut.jumps import film_records, jumps

KEY = "2026-06-01_B-1"
PHONE, PHOTO, ANOTHER = f"{KEY}-phone.mp4", f"{KEY}-photos/01.jpg", f"{KEY}-photos/02.jpg"


@pytest.fixture
def files(catalog: Catalog, tmp_path: Path) -> FilmFiles:
    """A film, and next to it more than its row is going to name; the note names all of it."""
    key, _ = ready_jump(catalog)
    assert key == KEY
    with catalog.write() as session:
        version = jumps.take_up(session, key, "run-1").version
        film_records.record_film(session, film(key, version))
    root = tmp_path / "films"
    path = root / KEY / f"{KEY}.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"film")
    with_outputs(path, [PHONE, PHOTO, ANOTHER])
    return FilmFiles(catalog, root)


def row_says(files: FilmFiles, outputs: list[str] | None) -> FilmView:
    """What browsers see of the film once its row says that."""
    with files.catalog.write() as session:
        session.execute(update(Film).values(outputs=outputs))
    with files.catalog.read() as session:
        [jump] = jump_views(session, Links("http://127.0.0.1:3000", files.root), [KEY])
    assert jump.film is not None
    return jump.film


def shown(view: FilmView) -> dict[str, int]:
    """Names of outputs, and how many files each has."""
    return {**{one.name: 1 for one in view.outputs}, **{one.name: one.number for one in view.photos}}


def test_the_row_says_what_was_published(files: FilmFiles) -> None:
    assert shown(row_says(files, [PHOTO])) == {"photos": 1}
    assert Path(files.photo(KEY, f"{KEY}-photos", "01.jpg").path).is_file()
    with pytest.raises(NotFound):
        files.photo(KEY, f"{KEY}-photos", "02.jpg")
    with pytest.raises(NotFound):
        files.film(KEY, PHONE, download=False)


def test_a_film_without_other_outputs_has_none_whatever_lies_there(files: FilmFiles) -> None:
    assert shown(row_says(files, [])) == {}


def test_the_note_speaks_for_a_row_of_before(files: FilmFiles) -> None:
    assert shown(row_says(files, None)) == {"phone": 1, "photos": 2}
    assert Path(files.film(KEY, PHONE, download=False).path).is_file()


def test_without_its_note_a_film_still_has_its_outputs(files: FilmFiles) -> None:
    (files.root / KEY / ".outputs.json").unlink()
    assert shown(row_says(files, [PHONE, PHOTO, ANOTHER])) == {"phone": 1, "photos": 2}


def test_what_a_person_took_away_is_not_shown(files: FilmFiles) -> None:
    (files.root / KEY / PHONE).unlink()
    assert shown(row_says(files, [PHONE, PHOTO])) == {"photos": 1}


@pytest.mark.parametrize(
    "name", [f"{KEY}-/../../../secret.jpg", f"../{KEY}-x.mp4", "/etc/passwd", f"{KEY}-photos/../x"]
)
def test_a_name_that_leads_elsewhere_is_passed_over(files: FilmFiles, name: str) -> None:
    for place in (files.root / "x", files.root.parent / "secret.jpg", files.root / f"{KEY}-x.mp4"):
        place.write_bytes(b"nobody's business")
    assert shown(row_says(files, [name])) == {}
