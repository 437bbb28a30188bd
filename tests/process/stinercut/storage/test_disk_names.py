"""Names of folders and files: ffmpeg takes what a file system does, and what can't have its name is refused before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url
from support import warm
from support.footage import PLAIN, make_clip
from support.golden import saved, sweep

from stinercut.codes.payload import Payload
from stinercut.codes.sheet import SheetCode, write_sheet
from stinercut.errors import BadInput
from stinercut.films.publishing.outputs_note import NOTE
from stinercut.settings import Settings
from stinercut.storage.disk_names import fitted, longest_name

FOLDERS = [
    "take %d",  # ffmpeg takes a name with one such sign for the names of many pictures
    "50% %d 'quotes' [x];ü",
    pytest.param('100%03d?#&\\ "a":b,c=d~{} %%', marks=pytest.mark.skipif(os.name == "nt", reason="no such names")),
    pytest.param("two\nlines", marks=pytest.mark.skipif(os.name == "nt", reason="no such names")),
]


def render(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return warm.run("-m", "app.cli", "render", "--data", str(data), *words)


def template_in(folder: Path) -> Path:
    """A template that uses all kinds of files: drawings, a movie, a table of colours, music, photos."""
    shutil.copytree(PLAIN, folder)
    said = json.loads((folder / "template.json").read_text())
    make_clip(folder / "opener.mp4", "320x180", 0.3)
    saved(folder / "music.wav", sweep(0, 48000))
    corners = [f"{red} {green} {blue}" for blue in (0, 1) for green in (0, 1) for red in (0, 1)]
    (folder / "look.cube").write_text("LUT_3D_SIZE 2\n" + "\n".join(corners) + "\n")
    tracks = said["timeline"]["tracks"]
    footage = next(clip for track in tracks for clip in track["clips"] if clip["asset"]["type"] == "footage")
    footage["asset"]["look"] = {"lut": "look.cube"}
    tracks[-1]["clips"].insert(1, {"asset": {"type": "video", "src": "opener.mp4"}})
    said["timeline"]["soundtrack"] = {"src": "music.wav"}
    said["output"].append({"type": "stills", "name": "photos", "count": 2})
    (folder / "template.json").write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize("name", FOLDERS, ids=["number", "quotes", "signs", "line break"])
def test_a_film_is_made_whatever_its_folders_are_called(tmp_path: Path, name: str) -> None:
    """Everything lies below such a folder: data, footage in two chapters, template and film."""
    folder = tmp_path / name
    folder.mkdir()
    template = template_in(folder / "template")
    clips = [make_clip(folder / f"GX0{number}0001.MP4", seconds=1.0) for number in (1, 2)]
    film = folder / "film %d.mp4"
    words = ("--name", "Zoë", "--template", str(template), *map(str, clips), "-o", str(film), "--json")
    done = render(*words, data=folder / "data")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert all(check["passed"] for check in said["films"][0]["checks"] if check["name"] != "picture_moves")
    assert film.is_file()
    assert sorted(path.name for path in (folder / "film %d-photos").iterdir()) == ["01.jpg", "02.jpg"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=40))
def test_the_catalog_lies_in_the_data_folder_whatever_that_is_called(name: str) -> None:
    data = Path("/somewhere", f"x{name}")
    assert make_url(Settings(data=data).catalog_url).database == str(data / "catalog.db")


def test_names_that_are_no_text_are_refused_at_the_door(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"not \xff UTF-8")
    folder.mkdir()
    clip, template = make_clip(tmp_path / "a.mp4", seconds=0.3), str(PLAIN)
    inside = shutil.copy(clip, folder / "a.mp4")
    shutil.copytree(PLAIN, folder / "template")
    for where, words, data in (
        ("film.mp4", ("--template", template, str(clip), "-o", str(folder / "film.mp4")), tmp_path / "data"),
        ("a.mp4", ("--template", template, str(inside), "-o", str(tmp_path / "film.mp4")), tmp_path / "data"),
        ("data", ("--template", template, str(clip), "-o", str(tmp_path / "film.mp4")), folder / "data"),
        ("template", ("--template", str(folder / "template"), str(clip), "-o", "film.mp4"), tmp_path / "data"),
    ):
        done = render("--name", "Zoë", *words, data=data)
        assert done.returncode == 3, done.stderr
        assert f"not \\xff UTF-8/{where}: this name is not text in UTF-8" in done.stderr, where
    assert not (tmp_path / "film.mp4").exists()


LONGEST = longest_name(Path(__file__).parent)


def named_of(length: int) -> str:
    """A film's name of so many bytes."""
    return "é" * ((length - 5) // 2) + "x" * (1 + (length - 5) % 2) + ".mp4"


def test_a_film_may_have_the_longest_name_there_is(tmp_path: Path) -> None:
    clip, film = make_clip(tmp_path / "a.mp4", seconds=0.3), tmp_path / "out" / named_of(LONGEST)
    film.parent.mkdir()
    film.write_bytes(b"somebody's")
    words = ("--name", "A", "--template", str(PLAIN), str(clip), "-o", str(film))
    done = render(*words, data=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    (kept,) = (path for path in film.parent.iterdir() if path.name.endswith(" (kept).mp4"))
    assert kept.read_bytes() == b"somebody's"
    assert len(os.fsencode(kept.name)) in (LONGEST, LONGEST - 1)
    assert {path.name for path in film.parent.iterdir()} == {film.name, kept.name, NOTE}
    assert "Kept" not in render(*words, data=tmp_path / "data").stdout


def test_a_name_that_is_too_long_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    template = template_in(tmp_path / "template")  # with photos beside the film, in a folder `<film>-photos`
    clip = make_clip(tmp_path / "a.mp4", seconds=0.3)
    for which, film in ((PLAIN, named_of(LONGEST + 1)), (template, named_of(LONGEST - 2))):
        words = ("--name", "A", "--template", str(which), str(clip), "-o", str(tmp_path / "out" / film))
        done = render(*words, data=tmp_path / "data")
        assert done.returncode == 3, done.stderr
        assert f"this name is too long: {LONGEST + 1} bytes, and {LONGEST} fit" in done.stderr
    assert not (tmp_path / "data" / "store" / "derived").exists()


def test_a_sheet_of_codes_may_have_the_longest_name_too(tmp_path: Path) -> None:
    code = SheetCode(Payload(passenger_name="Zoë", booking_id="B-1", jump_date=date(2026, 6, 1)))
    sheet = tmp_path / ("é" * ((LONGEST - 4) // 2) + "x" * ((LONGEST - 4) % 2) + ".pdf")
    write_sheet([code], sheet)
    assert [path.name for path in tmp_path.iterdir()] == [sheet.name]
    with pytest.raises(BadInput, match="this name is too long"):
        write_sheet([code], tmp_path / f"x{sheet.name}")


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=300), st.sampled_from([" (kept).mp4", ""])
)
def test_a_name_that_is_fitted_fits_and_is_text(stem: str, rest: str) -> None:
    name = fitted(stem, rest, Path(__file__).parent)
    assert len(name.encode()) <= LONGEST
    assert name.endswith(rest)
    assert stem.startswith(name.removesuffix(rest))
    assert name == stem + rest or len(name.encode()) > LONGEST - 4
