"""Photos out of the footage, in the film's colours."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from support.footage import FIELDS, PLAIN, as_source, make_clip, small_template

from stinercut.films.film import looked_into, planned
from stinercut.films.photos.stills_output import take_photos
from stinercut.films.picture.segments import part_segment
from stinercut.storage.store import Store


def test_photos_have_the_looks_table_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "it's [1]: a, template"
    shutil.copytree(PLAIN, folder)
    (folder / "red.cube").write_text("LUT_3D_SIZE 2\n" + "1 0 0\n" * 8)
    look = {"asset": {"type": "footage", "look": {"lut": "red.cube"}}}
    title = {"asset": {"type": "svg", "src": "title.svg"}, "length": 1}
    photos = {"type": "stills", "name": "photos", "count": 2, "height": 90}
    film = {"type": "video", "width": 160, "height": 90, "fps": 30, "preset": "ultrafast"}
    change = {"timeline": {"tracks": [{"clips": [title, look]}]}, "output": [film, photos]}
    template = small_template(folder=folder, change=change)
    clips = looked_into([as_source(make_clip(tmp_path / "a.mp4", seconds=0.5))])
    production = planned(Store(tmp_path / "store"), template, FIELDS, clips)
    for _ in range(2):
        target = tmp_path / "out"
        target.mkdir()
        taken = take_photos(production.films[0].shop, production.films[0].plan, production.photos[0].stills, target)
        assert [path.name for path in taken] == ["01.jpg", "02.jpg"]
        with Image.open(taken[0]) as photo:
            assert np.abs(np.asarray(photo.convert("RGB")).astype(int) - (255, 0, 0)).max() < 12
        shutil.rmtree(target)


def test_clips_without_sound_flow_into_each_other(tmp_path: Path) -> None:
    """Two silences are the same to ffmpeg-python, which takes nothing twice."""
    between = {"asset": {"type": "footage"}, "transition": {"between": "crossfade"}}
    title = {"asset": {"type": "svg", "src": "title.svg"}, "length": 1}
    template = small_template(change={"timeline": {"tracks": [{"clips": [title, between]}]}})
    sources = [as_source(make_clip(tmp_path / f"{n}.mp4", seconds=1 + n, sound=None)) for n in range(2)]
    making = planned(Store(tmp_path / "store"), template, FIELDS, looked_into(sources)).films[0]
    (blend,) = [part for part in making.plan.parts if len(part.shots) == 2]
    assert part_segment(making.shop, blend).frames == 15
