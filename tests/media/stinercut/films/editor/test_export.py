"""What lies beside a film for editing programs, and what of it is never touched."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any, cast

import opentimelineio
import pytest
from PIL import Image
from support.footage import FIELDS, PLAIN, make_clip, small_template

from stinercut.films.editor.export import hand_over
from stinercut.films.editor.otio import KnownClip, read_cut
from stinercut.films.film import Production, looked_into, planned
from stinercut.films.picture.segments import ClipSource, part_segment
from stinercut.films.plan.plan import Blend, Drawn
from stinercut.jumps.cut import ClipTake
from stinercut.storage.store import Store, hash_file, sync_file
from stinercut.templates import Template

otio = cast("Any", opentimelineio)
FLOWING = {"in": "crossfade", "out": "crossfade", "between": "crossfade"}
TRACK: list[dict[str, Any]] = [
    {"asset": {"type": "svg", "src": "title.svg"}, "length": 1},
    {"asset": {"type": "image", "src": "splash.png"}, "length": 1, "transition": FLOWING},
    {"asset": {"type": "video", "src": "intro.mp4"}},
    {"asset": {"type": "footage"}, "transition": FLOWING},
    {"asset": {"type": "svg", "src": "outro.svg"}, "length": 1},
]


class Jump:
    """A film of two clips in the store, in a template with a splash and a piece of film of somebody's own."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "store")
        self.template = _template(folder / "template")
        self.film = folder / "films" / "jump" / "jump.mp4"
        self.clips = [self._stored(folder, number, fps) for number, fps in enumerate(("25", "30"))]

    def _stored(self, folder: Path, number: int, fps: str) -> ClipSource:
        partial = make_clip(folder / f"{number}.mp4", seconds=1.6, fps=fps)
        sync_file(partial)
        content_hash = hash_file(partial)
        return ClipSource(content_hash, self.store.add_object(partial, content_hash), "GX010001.MP4")

    def production(self) -> Production:
        return planned(self.store, self.template, FIELDS, looked_into(self.clips))

    def handed_over(self) -> list[str]:
        """Hand over; the names of what was kept."""
        production = self.production()
        (making,) = production.films
        segments = [part_segment(making.shop, part) for part in making.plan.parts]
        ids = {clip.content_hash: number for number, clip in enumerate(self.clips, 7)}
        done = hand_over(production, segments, self.film, ids)
        assert done.timeline == self.film.with_suffix(".otio")
        return sorted(path.name for path in done.kept)

    @property
    def beside(self) -> list[str]:
        return sorted(path.name for path in self.film.with_name("clips").iterdir())


def _template(folder: Path) -> Template:
    folder.mkdir()
    for drawing in PLAIN.glob("*.svg"):
        shutil.copyfile(drawing, folder / drawing.name)
    shutil.copyfile(PLAIN / "template.json", folder / "template.json")
    Image.new("RGB", (64, 36), (200, 40, 40)).save(folder / "splash.png")
    make_clip(folder / "intro.mp4", seconds=1.0)
    return small_template(folder=folder, change={"timeline": {"tracks": [{"clips": TRACK}]}})


@pytest.fixture
def jump(tmp_path: Path) -> Jump:
    return Jump(tmp_path)


SHOWN = ["GX010001 (2).MP4", "GX010001.MP4", "intro.mp4", "outro.mp4", "splash.mp4", "title.mp4"]


def test_the_timeline_names_files_that_are_there_and_comes_back_as_the_same_film(jump: Jump) -> None:
    (making,) = jump.production().films
    splash = [part for part in making.plan.parts for shot in part.shots if shot.content == Drawn(1, 30)]
    assert [type(part) for part in splash] == [Blend, Blend], "nothing of it stands alone"
    assert jump.handed_over() == []
    assert jump.beside == SHOWN
    text = jump.film.with_suffix(".otio").read_text()
    video = otio.adapters.read_from_string(text, "otio_json").tracks[0]
    assert video.duration().to_seconds() * 30 == making.plan.frames
    urls = [clip.media_reference.target_url for clip in video if isinstance(clip, otio.schema.Clip)]
    names = ["title.mp4", "splash.mp4", "intro.mp4", "GX010001.MP4", "GX010001%20%282%29.MP4", "outro.mp4"]
    assert urls == [f"clips/{name}" for name in names], "beside it, and no folder of the machine is named"
    clips = {number: shown.file for number, shown in enumerate(looked_into(jump.clips), 7)}
    cut = read_cut(text, [KnownClip(number, clip.probe.duration, ()) for number, clip in clips.items()])
    shown = [ClipTake(clips[piece.card_file_id], piece.start, piece.end) for piece in cut.pieces]
    again = planned(jump.store, jump.template, FIELDS, shown).films[0]
    assert again.plan == making.plan
    assert all(part_segment(again.shop, part).cached for part in again.plan.parts)


def test_only_files_of_the_store_become_read_only(jump: Jump) -> None:
    intro = jump.template.path("intro.mp4")
    intro.chmod(0o644)
    jump.handed_over()
    assert stat.S_IMODE(intro.stat().st_mode) == 0o644
    clips = jump.film.with_name("clips")
    assert clips.joinpath("intro.mp4").is_symlink()
    assert clips.joinpath("intro.mp4").samefile(intro)
    intro.write_bytes(intro.read_bytes() + b"\0")  # it is still somebody's to change
    footage = clips / "GX010001.MP4"
    assert footage.samefile(jump.clips[0].path)
    assert not stat.S_IMODE(footage.stat().st_mode) & 0o222


def test_what_people_do_in_that_folder_stays(jump: Jump) -> None:
    jump.handed_over()
    clips = jump.film.with_name("clips")
    (clips / "my-cut.otio").write_text("mine")
    (clips / "title.mp4").write_bytes(b"another title")
    jump.film.with_suffix(".otio").write_text("my export")
    (jump.film.parent / ".clips.partial").mkdir()
    assert jump.handed_over() == ["jump (kept).otio", "title (kept).mp4"]
    assert jump.beside == sorted([*SHOWN, "my-cut.otio", "title (kept).mp4"])
    assert (clips / "my-cut.otio").read_text() == "mine"
    assert (clips / "title (kept).mp4").read_bytes() == b"another title"
    assert (jump.film.parent / "jump (kept).otio").read_text() == "my export"
    jump.clips.pop()
    assert jump.handed_over() == []
    assert jump.beside == sorted([*SHOWN[1:], "my-cut.otio", "title (kept).mp4"]), "ours that are shown no more go"
    assert sorted(path.name for path in jump.film.parent.iterdir() if path.name.startswith(".")) == [
        ".clips.partial",
        ".outputs.json",
    ]
