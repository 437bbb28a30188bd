"""A template drops an output: its files go when the new film is whole, never before, and never anybody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.footage import FIELDS, PLAIN, as_source, make_clip, small_template

from stinercut.errors import BadInput
from stinercut.films.dropped_outputs import clear
from stinercut.films.film import (
    Finished,
    FinishedFilm,
    Production,
    finish_film,
    looked_into,
    make_film,
    planned,
)
from stinercut.films.photos.photo_output import photo_folder
from stinercut.films.picture.segments import FilmedClip, part_segment
from stinercut.films.publishing.outputs_note import NOTE
from stinercut.films.publishing.placing import Arrival, place
from stinercut.films.targets import beside
from stinercut.jumps.cut import ClipTake
from stinercut.storage.store import Store

FILM: dict[str, Any] = {"type": "video", "name": "film", "width": 320, "height": 180, "fps": 30, "preset": "ultrafast"}
PHONE = {**FILM, "name": "phone", "width": 90, "height": 160}
PHOTOS = {"type": "stills", "name": "photos", "count": 2, "height": 90}
ALL = (FILM, PHONE, PHOTOS)


class Jump:
    """A jump's folder of films, and publishing films with these outputs there.

    `rendered` makes them as the pipeline does. The others only put files in place, as publishing does at its end: what
    is looked at here comes before and after that.
    """

    def __init__(self, folder: Path) -> None:
        self.target = folder / "films" / "jump" / "jump.mp4"
        self.store = Store(folder / "store")
        self.clips: tuple[ClipTake[FilmedClip], ...] = looked_into(
            [as_source(make_clip(folder / "a.mp4", seconds=0.5, sound=None))]
        )

    def production(self, *outputs: dict[str, Any]) -> Production:
        return planned(self.store, small_template(change={"output": list(outputs)}), FIELDS, self.clips)

    def rendered(self, *outputs: dict[str, Any], before: Callable[[], None]) -> Finished:
        """Everything but the clearing. `before` is called when all is made, and nothing of it has its name yet."""
        production = self.production(*outputs)
        parts = [[part_segment(making.shop, part) for part in making.plan.parts] for making in production.films]
        return finish_film(production, parts, self.target, before_publishing=before)

    def published(self, *outputs: dict[str, Any]) -> Finished:
        """The same without rendering."""
        production = self.production(*outputs)
        photos = [output.stills for output in production.photos]
        folders = [photo_folder(self.target, output) for output in photos]
        names = [
            f"{folder.name}/{number:02d}.jpg"
            for folder, output in zip(folders, photos, strict=True)
            for number in range(1, output.count + 1)
        ]
        paths = [self.target, *(beside(self.target, making.name) for making in production.films[1:])]
        names += [path.name for path in reversed(paths)]
        folder = self.target.parent
        coming = folder / ".coming"
        coming.mkdir(parents=True, exist_ok=True)
        for number, _ in enumerate(names):
            (coming / str(number)).write_bytes(b"new")
        kept = place(
            folder,
            [Arrival(coming / str(number), name) for number, name in enumerate(names)],
            [one.name for one in folders],
        )
        coming.rmdir()
        films = [FinishedFilm(path.stem, path, 2.5, 75, 4, ()) for path in paths]
        return Finished(tuple(films), tuple(folders), tuple(folder / name for name in names), tuple(kept))

    def made(self, *outputs: dict[str, Any]) -> list[str]:
        """The names of the files that went."""
        return [path.name for path in clear(self.store, self.published(*outputs))]

    @property
    def files(self) -> list[str]:
        folder = self.target.parent
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def jump(tmp_path: Path) -> Jump:
    return Jump(tmp_path)


WHOLE = [NOTE, "jump-phone.mp4", "jump-photos/01.jpg", "jump-photos/02.jpg", "jump.mp4"]


def test_what_a_template_drops_goes_when_the_new_film_is_whole_and_not_before(jump: Jump) -> None:
    seen: list[list[str]] = []

    def look() -> None:
        seen.append([name for name in jump.files if ".partial" not in name])

    clear(jump.store, jump.rendered(*ALL, before=look))
    assert jump.files == WHOLE
    (jump.target.parent / "jump-photos" / "me.jpg").write_bytes(b"from the ground")
    finished = jump.rendered(FILM, {**PHOTOS, "count": 1}, before=look)
    assert seen == [[], sorted([*WHOLE, "jump-photos/me.jpg"])], "the old film until the new one has its names"
    assert "jump-phone.mp4" in jump.files
    assert [path.name for path in clear(jump.store, finished)] == ["jump-phone.mp4"]
    assert jump.files == [NOTE, "jump-photos/01.jpg", "jump-photos/me.jpg", "jump.mp4"]


def test_the_same_outputs_again_and_a_folder_that_is_empty(jump: Jump) -> None:
    assert jump.made(*ALL) == []
    assert jump.files == WHOLE
    assert jump.made(*ALL) == []
    assert jump.made(FILM, PHONE) == ["01.jpg", "02.jpg"]
    assert not (jump.target.parent / "jump-photos").exists()
    assert jump.made(FILM) == ["jump-phone.mp4"]
    assert jump.files == [NOTE, "jump.mp4"]


def test_what_somebody_put_there_stays(jump: Jump) -> None:
    folder = jump.target.parent
    folder.mkdir(parents=True)
    (folder / "jump-vertical.mp4").write_bytes(b"a friend's")
    jump.made(*ALL)
    (folder / "jump-phone.mp4").write_bytes(b"cut by hand")
    (folder / "jump-photos" / "me.jpg").write_bytes(b"from the ground")
    (folder / "notes.txt").write_text("call back")
    assert jump.made(FILM) == ["01.jpg", "02.jpg"]
    kept = ["jump-phone.mp4", "jump-photos/me.jpg", "jump-vertical.mp4", "jump.mp4", "notes.txt"]
    assert jump.files == [NOTE, *kept]
    jump.made(*ALL)
    (folder / NOTE).write_text("{")
    assert jump.made(FILM) == [], "nothing is known to be ours"


def test_what_was_not_cleared_is_cleared_with_the_next_film(jump: Jump) -> None:
    jump.published(*ALL)  # and the machine went off before anything was cleared
    assert jump.files == WHOLE
    assert jump.made(FILM) == ["jump-phone.mp4", "01.jpg", "02.jpg"]
    jump.made(*ALL)
    jump.published(FILM)
    assert jump.made(FILM) == ["jump-phone.mp4", "01.jpg", "02.jpg"]


def test_a_note_that_leads_out_of_the_folder_is_not_followed(jump: Jump, tmp_path: Path) -> None:
    jump.made(FILM)
    outside = tmp_path / "films" / "other.mp4"
    outside.write_bytes(b"x")
    mark = [1, outside.stat().st_mtime_ns]
    said = f'{{"ours": {{"../other.mp4": {mark}, "{outside}": {mark}}}, "new": {{"../other.mp4": {mark}}}}}'
    (jump.target.parent / NOTE).write_text(said)
    assert jump.made(FILM) == []
    assert outside.exists()
    (jump.target.parent / "jump-phone.mp4").symlink_to(outside)
    assert jump.made(FILM) == []
    assert outside.exists()


def test_no_output_takes_the_place_of_what_the_film_is_made_of(jump: Jump, tmp_path: Path) -> None:
    production, clip = jump.production(*ALL), jump.clips[0].file.source.path
    folder = jump.target.parent
    (folder / "jump-photos").mkdir(parents=True)
    for name in ("jump.mp4", "jump-phone.mp4", "jump-photos/02.jpg"):
        (folder / name).symlink_to(clip)
        with pytest.raises(BadInput, match="this is one of the clips") as refused:
            finish_film(production, [], jump.target)
        assert refused.value.file == str(folder / name)
        with pytest.raises(BadInput, match="this is one of the clips"):
            make_film(production, jump.target)
        (folder / name).unlink()
    (folder / "jump-phone.mp4").symlink_to(PLAIN / "title.svg")
    with pytest.raises(BadInput, match="this is a file of the template"):
        make_film(production, jump.target)
    assert clip.is_file()
