"""Cards made by code: as a GoPro leaves them, readable, repeatable, extensible."""

from __future__ import annotations

import hashlib
import re
import shutil
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from stinercut.codes.reader import read_film
from stinercut.codes.reading import Reason
from stinercut.errors import BadInput
from stinercut.synthetic.card import PASSENGERS, CardMade, make_card
from stinercut.synthetic.scenes import make_clip
from stinercut.video.frames import gray_frames
from stinercut.video.probe import probe
from stinercut.video.stills import jpeg_still

SIZE = (320, 180)
START = datetime(2026, 5, 1, 8, 30)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> CardMade:
    said: list[tuple[str, int, int]] = []
    folder = tmp_path_factory.mktemp("cards") / "card"
    made = make_card(folder, 2, 3, 0.5, SIZE, start=START, seed=5, on_file=lambda *each: said.append(each))
    assert [done for _, done, _ in said] == list(range(1, 9))
    assert {total for _, _, total in said} == {8}
    assert {name for name, _, _ in said} == set(made.made)
    return made


def snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def videos(card: CardMade) -> list[Path]:
    return [card.folder / "DCIM" / "100GOPRO" / name for jump in card.jumps for name in jump.files]


def test_names_as_a_gopro_gives_them(card: CardMade) -> None:
    names = {str(path.relative_to(card.folder)) for path in card.folder.rglob("*") if path.is_file()}
    main = [path.name for path in videos(card)]
    assert main == [
        f"GX{n}.MP4" for n in ("010001", "010002", "010003", "020003", "010004", "010005", "010006", "020006")
    ]
    for name in main:
        stem = f"DCIM/100GOPRO/{name[:8]}"
        names -= {f"{stem}.MP4", f"{stem}.THM", f"DCIM/100GOPRO/GL{name[2:8]}.LRV"}
    assert names == {"MISC/version.txt", "MISC/jump-0001.json", "MISC/jump-0002.json"}


def test_times_as_fat_stores_them(card: CardMade) -> None:
    times = [datetime.fromtimestamp(path.stat().st_mtime) for path in videos(card)]
    assert times[0] == START
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert all(moment.second % 2 == 0 and moment.microsecond == 0 for moment in times)
    first, second = (jump.takeoff for jump in card.jumps)
    assert second - first == timedelta(minutes=50)
    assert times[3] - times[0] < timedelta(minutes=45)
    for path in videos(card):
        for other in (path.with_suffix(".THM"), path.with_name(f"GL{path.name[2:8]}.LRV")):
            assert other.stat().st_mtime_ns == path.stat().st_mtime_ns


def test_codes_and_clips_read_as_what_they_are(card: CardMade) -> None:
    folder = card.folder / "DCIM" / "100GOPRO"
    for jump in card.jumps:
        assert not jump.payload.passenger_name.isascii()
        assert jump.payload.jump_date == START.date()
        assert read_film(folder / jump.qr_file).payload == jump.payload
        assert read_film(folder / f"GL{jump.qr_file[2:8]}.LRV").payload == jump.payload
        assert read_film(folder / jump.clips[0]).reason is Reason.NO_QR_FOUND
    assert len({jump.payload.jump_key for jump in card.jumps}) == len(card.jumps)


def test_properties_of_a_gopro_file(card: CardMade) -> None:
    for path in videos(card)[:2]:
        film = probe(path)
        assert (film.width, film.height) == SIZE
        assert film.fps == Fraction(30000, 1001)
        assert film.video_codec == "h264"
        assert film.audio is not None
        assert (film.audio.codec, film.audio.sample_rate, film.audio.channels) == ("aac", 48000, 2)
        assert film.matrix == "bt709"
    assert probe(videos(card)[1]).duration == pytest.approx(0.5, abs=0.05)
    thumbnail = cv2.imread(str(videos(card)[1].with_suffix(".THM")))
    assert thumbnail is not None
    assert thumbnail.shape == (90, 160, 3)


def test_clips_move_and_no_two_are_alike(card: CardMade) -> None:
    clips = [path for path in videos(card) if path.name not in {jump.qr_file for jump in card.jumps}]
    firsts = [next(gray_frames(path, fps=10))[1].astype(int) for path in clips]
    for index, first in enumerate(firsts):
        frames = [picture.astype(int) for _, picture in gray_frames(clips[index], fps=10)]
        assert np.abs(frames[0] - frames[-1]).mean() > 2
        for other in firsts[index + 1 :]:
            assert np.abs(first - other).mean() > 2


def test_a_second_chapter_goes_on_where_the_first_ended(card: CardMade) -> None:
    first, second = videos(card)[2:4]
    last = [picture.astype(int) for _, picture in gray_frames(first, fps=29)][-1]
    following, *_, end = (picture.astype(int) for _, picture in gray_frames(second, fps=29))
    assert np.abs(last - following).mean() < np.abs(following - end).mean()


def test_more_jumps_leave_what_is_there_untouched(card: CardMade, tmp_path: Path) -> None:
    folder = tmp_path / "card"
    shutil.copytree(card.folder, folder)
    before = snapshot(folder)
    grown = make_card(folder, 3, 1, 0.5, SIZE)
    after = snapshot(folder)
    assert {name: after[name] for name in before} == before
    assert grown.made == ("GX010007.MP4", "GX010008.MP4")
    assert grown.jumps[:2] == card.jumps
    assert grown.jumps[2].takeoff == START + timedelta(minutes=100)
    assert grown.jumps[2].payload not in {jump.payload for jump in card.jumps}
    assert len(after) - len(before) == 7
    assert make_card(folder, 3, 1, 0.5, SIZE).made == ()
    assert snapshot(folder) == after


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_card(tmp_path / name, 1, 1, 0.5, SIZE, start=START, seed=seed)
    a, b, c = (snapshot(tmp_path / name) for name in "abc")
    footage = [name for name in a if name.startswith("DCIM")]
    assert {name: a[name] for name in footage} == {name: b[name] for name in footage}
    assert all(a[name][0] != c[name][0] for name in footage)


def test_an_interrupted_card_is_finished_by_making_it_again(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(_name: str, done: int, _total: int) -> None:
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        make_card(tmp_path / "card", 2, 1, 0.5, SIZE, start=START, seed=5, on_file=stop)
    assert not (tmp_path / "card" / ".making").exists()
    make_card(tmp_path / "card", 2, 1, 0.5, SIZE, start=START, seed=5)
    make_card(tmp_path / "whole", 2, 1, 0.5, SIZE, start=START, seed=5)
    one, other = snapshot(tmp_path / "card"), snapshot(tmp_path / "whole")
    footage = [name for name in other if name.startswith("DCIM")]
    assert [name for name in one if name.startswith("DCIM")] == footage
    assert all(one[name] == other[name] for name in footage)


def test_a_card_begins_this_morning_unless_told(tmp_path: Path) -> None:
    made = make_card(tmp_path / "card", 1, 1, 0.3, SIZE, first_jump=7)
    assert made.jumps[0].takeoff.date() == date.today()
    assert made.jumps[0].payload.jump_date == date.today()
    assert made.jumps[0].number == 7


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("dear")
    (tmp_path / "gopro" / "MISC").mkdir(parents=True)
    (tmp_path / "gopro" / "MISC" / "version.txt").write_text('{"info version":"2.0","camera type":"HERO9 Black",}')
    (tmp_path / "file").write_text("")
    before = snapshot(tmp_path)
    for name in ("full", "gopro", "file"):
        with pytest.raises(BadInput, match=re.escape(str(tmp_path / name))):
            make_card(tmp_path / name, 1, 1, 0.5, SIZE)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ((0, 1, 1.0, SIZE), "jumps"),
        ((41, 1, 1.0, SIZE), "jumps"),
        ((1, 0, 1.0, SIZE), "clips"),
        ((1, 1, 0.0, SIZE), "length"),
        ((1, 1, float("nan"), SIZE), "length"),
        ((1, 1, 1e6, SIZE), "length"),
        ((1, 1, 1.0, (321, 180)), "even"),
        ((1, 1, 1.0, (10, 10)), "pixels a side"),
        ((1, 1, 1.0, (99998, 180)), "pixels a side"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_made(
    tmp_path: Path, asked: tuple[int, int, float, tuple[int, int]], word: str
) -> None:
    with pytest.raises(BadInput, match=word):
        make_card(tmp_path / "card", *asked)
    assert list(tmp_path.iterdir()) == []


def test_portrait_and_other_rates(tmp_path: Path) -> None:
    make_clip(tmp_path / "tall.mp4", 1, 0.5, (180, 320), fps=Fraction(60000, 1001))
    film = probe(tmp_path / "tall.mp4")
    assert (film.width, film.height, film.fps) == (180, 320, Fraction(60000, 1001))
    assert jpeg_still(tmp_path / "tall.mp4", 0.2, 180)


def test_passengers_are_a_trial_for_decoders_and_fonts() -> None:
    assert len(set(PASSENGERS)) >= 20
    assert not any(name.isascii() for name in PASSENGERS)


def test_photos_follow_the_clips_and_the_numbers_go_on(tmp_path: Path) -> None:
    made = make_card(tmp_path / "card", 2, 1, 0.5, SIZE, start=START, seed=5, photos=2)
    assert [jump.photos for jump in made.jumps] == [("GOPR0003.JPG", "GOPR0004.JPG"), ("GOPR0007.JPG", "GOPR0008.JPG")]
    paths = [made.folder / "DCIM" / "100GOPRO" / name for jump in made.jumps for name in jump.photos]
    assert len({path.read_bytes() for path in paths}) == 4
    for path in paths:
        with Image.open(path) as opened:
            opened.load()
            assert (opened.format, opened.size) == ("JPEG", SIZE)
    clip = made.folder / "DCIM" / "100GOPRO" / made.jumps[0].clips[-1]
    assert paths[0].stat().st_mtime > clip.stat().st_mtime
    again = make_card(tmp_path / "card", 2, 1, 0.5, SIZE, photos=2)
    assert (again.made, again.jumps) == ((), made.jumps)
    with pytest.raises(BadInput, match="201 photos"):
        make_card(tmp_path / "other", 1, 1, 0.5, SIZE, photos=201)
