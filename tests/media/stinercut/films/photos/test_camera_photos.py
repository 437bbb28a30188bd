"""What is handed out of a jump's photos: JPEG and PNG as they are, JPEGs of the others, nothing that is no photo."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from support import photographs
from support.footage import FIELDS, PLAIN, as_source, make_clip, small_template

from stinercut.errors import UnreadablePhoto
from stinercut.films.film import Finished, Production, finish_film, looked_into, owner_of, planned
from stinercut.films.photos.camera_photos import CameraPicture, PhotoFile, PhotoOpener, deliveries, picture_for_film
from stinercut.films.picture.segments import part_segment
from stinercut.films.plan.plan import Part, spread
from stinercut.films.publishing.outputs_note import published_with
from stinercut.input_limits import broken_by_size
from stinercut.storage.store import Store, hash_file, sync_file
from stinercut.video.stills import jpeg_still

FILM: dict[str, Any] = {"type": "video", "name": "film", "width": 320, "height": 180, "fps": 30, "preset": "ultrafast"}


class Jump:
    """A jump of one clip, whose outputs are made again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = folder / "films" / "jump" / "jump.mp4"
        self.store = Store(folder / "store")
        self.store.make()
        self.clips = looked_into([as_source(make_clip(folder / "a.mp4", seconds=0.5, sound=None))])
        self.cached: set[bool] = set()

    def photo(self, name: str, content: bytes) -> CameraPicture:
        """A photo as it lies in the store."""
        given = photo(self.folder, name, content)
        sync_file(given.path)
        return CameraPicture((replace(given, path=self.store.add_object(given.path, given.content_hash)),))

    def production(
        self, pictures: Sequence[CameraPicture], *outputs: dict[str, Any], after: Sequence[dict[str, Any]] = ()
    ) -> Production:
        template = small_template(change={"output": list(outputs), **with_main(after)})
        return planned(self.store, template, FIELDS, self.clips, pictures=pictures)

    def parts(
        self, pictures: Sequence[CameraPicture], *outputs: dict[str, Any], after: Sequence[dict[str, Any]] = ()
    ) -> list[tuple[Part, bool]]:
        """The parts of *the* film, made, and whether each was there already."""
        making = self.production(pictures, *outputs, after=after).films[0]
        return [(part, part_segment(making.shop, part).cached) for part in making.plan.parts]

    def made(
        self, pictures: Sequence[CameraPicture], *outputs: dict[str, Any], after: Sequence[dict[str, Any]] = ()
    ) -> Finished:
        production = self.production(pictures, *outputs, after=after)
        parts = [[part_segment(making.shop, part) for part in making.plan.parts] for making in production.films]
        self.cached = {segment.cached for film in parts for segment in film}
        return finish_film(production, parts, self.target)


def with_main(after: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The change of a template that puts these clips behind the others of its last track."""
    tracks = json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"]
    tracks[-1]["clips"] += after
    return {"timeline": {"tracks": tracks}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.make()
    return made


def photo(folder: Path, name: str, content: bytes) -> PhotoFile:
    path = folder / f"object-{abs(hash((name, content)))}"
    path.write_bytes(content)
    return PhotoFile(hash_file(path), path, name)


def one(folder: Path, name: str, content: bytes) -> CameraPicture:
    return CameraPicture((photo(folder, name, content),))


def test_what_telephones_show_is_handed_out_as_it_is_and_the_rest_as_jpeg(store: Store, tmp_path: Path) -> None:
    pictures = [
        one(tmp_path, "GOPR0001.JPG", photographs.jpeg()),
        one(tmp_path, "scan.png", photographs.png()),
        one(tmp_path, "IMG_0003.HEIC", photographs.heic()),
        one(tmp_path, "GOPR0004.GPR", photographs.raw((1600, 1200))),
    ]
    given = deliveries(store, pictures)
    assert [(each.name, each.is_made) for each in given.files] == [
        ("GOPR0001.jpg", False),
        ("scan.png", False),
        ("IMG_0003.jpg", True),
        ("GOPR0004.jpg", True),
    ]
    assert given.unshown == ()
    for each, picture, size in zip(given.files, pictures, [(640, 480)] * 3 + [(1600, 1200)], strict=True):
        if not each.is_made:
            assert each.path == picture.files[0].path
        with Image.open(each.path) as opened:
            opened.load()
            assert opened.size == size


def test_a_raw_and_a_jpeg_are_one_picture(store: Store, tmp_path: Path) -> None:
    jpeg, raw = (
        photo(tmp_path, "DJI_0001.JPG", photographs.jpeg()),
        photo(tmp_path, "DJI_0001.DNG", photographs.raw((1200, 900))),
    )
    assert [each.path for each in deliveries(store, [CameraPicture((jpeg, raw))]).files] == [jpeg.path]
    damaged = photo(tmp_path, "DJI_0001.JPG", b"\0" * 100)
    [given] = deliveries(store, [CameraPicture((damaged, raw))]).files
    with Image.open(given.path) as opened:
        assert opened.size == (1200, 900)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("GOPR0001.JPG", b"#EXTM3U\n/etc/passwd\n", "it is no photo"),
        ("GOPR0002.JPG", b"", "it is no photo"),
        ("bomb.png", photographs.png_bomb(), broken_by_size(60_000, 60_000)),
        ("IMG_0004.HEIC", photographs.heic()[:300], ""),
        ("clip.JPG", b"\0\0\0\x18ftypmp42" + b"\0" * 100, "it is no photo"),
    ],
)
def test_what_is_no_photo_or_too_large_is_named_and_not_handed_out(
    store: Store, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    good = one(tmp_path, "GOPR0009.JPG", photographs.jpeg())
    given = deliveries(store, [one(tmp_path, name, content), good])
    assert [each.name for each in given.files] == ["GOPR0009.jpg"]
    [said] = given.unshown
    assert said.startswith(f"{name}: ")
    assert why in said


def test_a_raw_that_nothing_can_be_made_of_is_handed_out_as_it_is_and_named(store: Store, tmp_path: Path) -> None:
    raw = one(tmp_path, "GOPR0004.GPR", photographs.raw(None))
    given = deliveries(store, [raw])
    assert [(each.name, each.path) for each in given.files] == [("GOPR0004.gpr", raw.files[0].path)]
    assert len(given.unshown) == 1


def test_a_name_that_is_taken_or_no_name_gets_one(store: Store, tmp_path: Path) -> None:
    names = ["GOPR0001.JPG", "gopr0001.jpg", "../../01.jpg", "…", "01.jpg"]
    pictures = [one(tmp_path, name, photographs.jpeg(seed=n)) for n, name in enumerate(names)]
    given = [each.name for each in deliveries(store, pictures, ["01.jpg"]).files]
    assert given == ["GOPR0001.jpg", "gopr0001-2.jpg", "01-2.jpg", "photo.jpg", "01-3.jpg"]


def test_a_photo_for_a_film_is_upright_and_made_once(store: Store, tmp_path: Path) -> None:
    turned = one(tmp_path, "GOPR0001.JPG", photographs.jpeg((640, 480), orientation=6))
    with PhotoOpener(store) as opener:
        made = picture_for_film(opener, turned)
        with Image.open(made) as opened:
            assert opened.size == (480, 640)
        before = made.stat().st_ino
        assert picture_for_film(opener, turned) == made
        assert made.stat().st_ino == before


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_raw_is_upright_by_what_it_says_beside_its_picture(store: Store, tmp_path: Path, order: str) -> None:
    with PhotoOpener(store) as opener:
        for orientation, size in ((1, (800, 600)), (6, (600, 800)), (8, (600, 800)), (9, (800, 600))):
            raw = photographs.turned_raw(orientation, order=order)
            with Image.open(opener.jpeg(photo(tmp_path, "GOPR0004.GPR", raw), 800)) as opened:
                assert opened.size == size


def test_a_photo_cut_short_shows_what_is_there(store: Store, tmp_path: Path) -> None:
    whole = photographs.jpeg((1600, 1200))
    with PhotoOpener(store) as opener:
        made = opener.jpeg(photo(tmp_path, "GOPR0001.JPG", whole[: len(whole) // 2]), 400)
        with Image.open(made) as opened:
            assert opened.size == (400, 300)


def test_a_photo_at_which_the_process_dies_costs_that_photo(store: Store, tmp_path: Path) -> None:
    good = photo(tmp_path, "GOPR0001.JPG", photographs.jpeg())
    with PhotoOpener(store) as opener:
        assert opener.look(good).kind == "JPEG"
        assert opener.process_id is not None
        process = psutil.Process(opener.process_id)
        process.kill()
        psutil.wait_procs([process])
        with pytest.raises(UnreadablePhoto, match="crashed"):
            opener.jpeg(good, 100)
        assert opener.jpeg(good, 100).is_file()
    assert not list((tmp_path / "store" / "partial").iterdir())


def test_a_photo_that_hangs_is_given_up(store: Store, tmp_path: Path) -> None:
    pipe = tmp_path / "object"
    os.mkfifo(pipe)
    with PhotoOpener(store, seconds=0.3) as opener, pytest.raises(UnreadablePhoto, match="takes too long"):
        opener.look(PhotoFile("0" * 32, pipe, "GOPR0001.JPG"))


class TestBesideAFilm:
    """The camera's photos stand beside the stills, in whatever template."""

    @pytest.fixture
    def jump(self, tmp_path: Path) -> Jump:
        return Jump(tmp_path)

    def test_beside_the_stills_and_a_photo_that_comes_later_encodes_nothing(self, jump: Jump) -> None:
        stills = {"type": "stills", "name": "photos", "count": 2, "height": 90}
        photos = [jump.photo("GOPR0001.JPG", photographs.jpeg()), jump.photo("IMG_0002.HEIC", photographs.heic())]
        done = jump.made(photos, FILM, stills)
        folder = jump.target.with_name("jump-photos")
        assert [path.name for path in done.photos_in(folder)] == ["01.jpg", "02.jpg", "GOPR0001.jpg", "IMG_0002.jpg"]
        [shown] = published_with(jump.target).photos
        assert [path.name for path in shown.photos] == ["01.jpg", "02.jpg", "GOPR0001.jpg", "IMG_0002.jpg"]
        assert (folder / "GOPR0001.jpg").samefile(photos[0].files[0].path)
        more = [jump.photo("bad.JPG", b"no photo"), jump.photo("GOPR0003.JPG", photographs.jpeg(seed=3))]
        done = jump.made([*photos, *more], FILM, stills)
        assert jump.cached == {True}
        assert [path.name for path in done.photos_in(folder)][2:] == ["GOPR0001.jpg", "IMG_0002.jpg", "GOPR0003.jpg"]
        assert done.unshown == ("bad.JPG: it is no photo",)

    def test_a_template_that_says_nothing_of_photos_loses_none(self, jump: Jump) -> None:
        photo = jump.photo("GOPR0001.JPG", photographs.jpeg())
        done = jump.made([photo], FILM)
        assert [path.name for path in done.photos_in(jump.target.with_name("jump-photos"))] == ["GOPR0001.jpg"]
        assert jump.made([], FILM).photos == ()

    def test_a_template_may_leave_them_out(self, jump: Jump) -> None:
        stills = {"type": "stills", "name": "photos", "count": 1, "height": 90, "camera": False}
        done = jump.made([jump.photo("GOPR0001.JPG", photographs.jpeg())], FILM, stills)
        assert [path.name for path in done.files] == ["01.jpg", "jump.mp4"]

    def test_they_are_in_one_output_only(self, jump: Jump) -> None:
        small, large = ({"type": "stills", "name": name, "count": 0} for name in ("small", "large"))
        done = jump.made([jump.photo("GOPR0001.JPG", photographs.jpeg())], FILM, small, large)
        assert [f"{path.parent.name}/{path.name}" for path in done.files[:-1]] == ["jump-small/GOPR0001.jpg"]


PHOTOS: dict[str, Any] = {"asset": {"type": "photos", "most": 2}, "length": 1, "transition": {"between": "crossfade"}}


class TestInAFilm:
    """A place of the timeline for the jump's photos."""

    @pytest.fixture
    def jump(self, tmp_path: Path) -> Jump:
        return Jump(tmp_path)

    def test_they_are_seen_one_after_the_other_in_their_place(self, jump: Jump, tmp_path: Path) -> None:
        sizes = [(640, 480), (480, 640), (640, 480), (640, 480)]
        photos = [jump.photo(f"GOPR000{n}.JPG", photographs.jpeg(size, n)) for n, size in enumerate(sizes)]
        without = jump.made(photos, FILM).film
        with_them = jump.made(photos, FILM, after=[PHOTOS]).film
        assert with_them.seconds == pytest.approx(without.seconds + 2 - 0.5, abs=0.05)
        picture = jpeg_still(with_them.path, at=with_them.seconds - 0.4, width=320)
        with Image.open(io.BytesIO(picture)) as opened:
            sky, left, right = (opened.convert("RGB").getpixel(at) for at in ((10, 90), (120, 90), (200, 90)))
        assert isinstance(sky, tuple)
        assert max(sky) < 30, "a photo is shown whole, on the template's background"
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[2] > 150 > right[2]

    def test_another_photo_encodes_itself_and_what_it_flows_into(self, jump: Jump) -> None:
        photos = [jump.photo(f"GOPR000{n}.JPG", photographs.jpeg(seed=n)) for n in (1, 2)]
        jump.made(photos[:1], FILM, after=[PHOTOS])
        again = jump.parts(photos, FILM, after=[PHOTOS])
        clip = [cached for part, cached in again if owner_of(part) is not None]
        assert clip == [True]
        assert sum(not cached for _, cached in again) <= 3

    def test_without_any_that_can_be_opened_nothing_stands_there(self, jump: Jump) -> None:
        without = jump.made([], FILM, after=[PHOTOS]).film
        assert without.frames == jump.made([jump.photo("bad.JPG", b"none")], FILM, after=[PHOTOS]).film.frames
        assert without.frames == jump.made([], FILM).film.frames

    def test_of_hundreds_some_are_shown_spread_over_all(self) -> None:
        keys = [str(number) for number in range(300)]
        assert spread(keys, 3) == ["50", "150", "250"]
        assert spread(keys[:3], 12) == keys[:3]

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"asset": {"type": "photos"}}, "photos need a length of 1 to 60 seconds"),
            ({"asset": {"type": "photos", "most": 61}, "length": 3}, "61"),
            ({"asset": {"type": "photos", "move": "fly"}, "length": 3}, "zoom-in"),
        ],
    )
    def test_what_is_wrong_with_the_place_is_said(self, wrong: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError, match=re.escape(said)):
            small_template(change=with_main([wrong]))
        with pytest.raises(ValueError, match="one clip"):
            small_template(change=with_main([PHOTOS, PHOTOS]))
