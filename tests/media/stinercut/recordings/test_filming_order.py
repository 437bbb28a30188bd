"""The order in which files were filmed, and their day: one rule, whatever the order in which files are named."""

from __future__ import annotations

import itertools
import random
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.footage import make_clip

from app.commands.render import day_of_jump, shown_in_order
from stinercut.recordings.camera_names import count_in, read_name
from stinercut.recordings.filming_order import CardVideo, RecordedFile, first_day, in_order, in_order_on_card
from stinercut.video.probe import probe

MORNING = datetime(2026, 6, 2, 8, 0)


def ordered(*files: RecordedFile) -> list[str]:
    return [file.name for file in in_order(files, lambda file: file)]


def named(name: str, minutes: float | None = 0, folder: str = "DCIM/100GOPRO") -> RecordedFile:
    return RecordedFile.named(folder, name, None if minutes is None else MORNING + timedelta(minutes=minutes))


def test_chapters_of_one_time_come_in_their_order_before_the_next_recording() -> None:
    files = [named(name) for name in ("GX030123.MP4", "GX010124.MP4", "GX020123.MP4", "GX010123.MP4")]
    for given_ in itertools.permutations(files):
        assert ordered(*given_) == ["GX010123.MP4", "GX020123.MP4", "GX030123.MP4", "GX010124.MP4"]


@pytest.mark.parametrize(
    "names",
    [
        ["GOPR0007.MP4", "GP010007.MP4", "GP020007.MP4", "GOPR0008.MP4"],
        ["GX010007.MP4", "GH010008.MP4", "GX010009.MP4"],
        ["GHAA0001.MP4", "GHAA0002.MP4", "GHAA0003.MP4"],
        ["VID_20260602_080000_00_001.insv", "VID_20260602_080000_00_002.insv", "VID_20260602_081500_00_003.insv"],
        ["DJI_0009.MP4", "DJI_0010.MP4", "DJI_0011.MP4"],
        ["C0009.MP4", "C0010.MP4", "C0011.MP4"],
        ["IMG_9.MOV", "IMG_10.MOV"],
    ],
)
@pytest.mark.parametrize("minutes", [0, None], ids=["one time", "no time"])
def test_a_cameras_own_count_tells_where_times_do_not(names: list[str], minutes: float | None) -> None:
    for given_ in itertools.permutations([named(name, minutes) for name in names]):
        assert ordered(*given_) == names


def test_time_comes_before_the_count_and_a_new_folder_before_its_numbers() -> None:
    assert ordered(named("GX010009.MP4", 0), named("GX010002.MP4", 5)) == ["GX010009.MP4", "GX010002.MP4"]
    files = [named("GX010001.MP4", folder="DCIM/101GOPRO"), named("GX019999.MP4")]
    assert ordered(*files) == ["GX019999.MP4", "GX010001.MP4"]


def test_chapters_that_lie_in_two_folders_come_in_their_order() -> None:
    files = [named("GX020123.MP4", folder="/a"), named("GX010123.MP4", folder="/b")]
    assert ordered(*files) == ordered(*reversed(files)) == ["GX010123.MP4", "GX020123.MP4"]


def test_what_nothing_tells_apart_stays_as_it_was_given() -> None:
    for names in (["walk.mp4", "exit.mp4"], ["exit.mp4", "walk.mp4"]):
        assert ordered(*(named(name, None) for name in names)) == names
        assert ordered(*(named(name, 0) for name in names)) == names
    # One says a time and the other doesn't, and their names are two cameras'.
    assert ordered(named("GX010002.MP4", 3), named("DJI_0001.MP4", None)) == ["GX010002.MP4", "DJI_0001.MP4"]


@st.composite
def filmed(draw: st.DrawFn) -> list[RecordedFile]:
    """Files of a camera, with times that are often equal, or none with a time."""
    kind = draw(st.sampled_from(["GX{1:02d}{0:04d}.MP4", "GP{1:02d}{0:04d}.MP4"]))
    folders = st.sampled_from(["DCIM/100GOPRO", "DCIM/101GOPRO"])
    keys = st.tuples(folders, st.integers(1, 4), st.integers(1, 3))
    with_times = draw(st.booleans())
    out: list[RecordedFile] = []
    for folder, number, chapter in draw(st.lists(keys, max_size=12, unique=True)):
        minutes = draw(st.integers(0, 2)) if with_times else None
        out.append(named(kind.format(number, chapter), minutes, folder))
    return out


@given(filmed(), st.randoms(use_true_random=False))
def test_any_order_of_arguments_gives_the_same_film(files: list[RecordedFile], chance: random.Random) -> None:
    found = in_order(files, lambda file: file)
    mixed = chance.sample(files, len(files))
    key = [(file.recording, file.folder) for file in found]
    assert [one for one, _ in itertools.groupby(key)] == list(dict.fromkeys(key)), "a recording was torn apart"
    for _, chapters in itertools.groupby(found, key=lambda file: (file.recording, file.folder)):
        numbers = [file.chapter for file in chapters]
        assert numbers == sorted(numbers)
    assert in_order(mixed, lambda file: file) == found


@given(filmed(), st.randoms(use_true_random=False))
def test_a_card_gives_the_same_order(files: list[RecordedFile], chance: random.Random) -> None:
    card = [
        CardVideo(number, one.name, one.folder, one.recorded or MORNING, 1, one.recording, one.chapter)
        for number, one in enumerate(files)
    ]
    assert in_order_on_card(chance.sample(card, len(card))) == in_order_on_card(card)


def test_a_name_without_digits_has_no_count() -> None:
    assert count_in("walk.mp4") is None
    assert count_in("GX020123.MP4") == count_in("gopr0123.mp4") == ("GoPro", 123)
    assert read_name("GL010123.LRV").is_proxy


# Days ----------------------------------------------------------------------------------------------------------------


def clip(path: Path, *tags: str) -> Path:
    options = [word for tag in tags for word in ("-metadata", tag)]
    return make_clip(path, seconds=0.1, sound=None, options=("-movflags", "use_metadata_tags", *options))


@pytest.mark.parametrize(
    ("tags", "recorded"),
    [
        (
            ("creation_time=2026-06-01T22:00:00Z", "com.apple.quicktime.creationdate=2026-06-02T08:00:00+1000"),
            datetime(2026, 6, 2, 8, 0),
        ),
        (("com.apple.quicktime.creationdate=2026-06-02T08:00:00-0930",), datetime(2026, 6, 2, 8, 0)),
        (("creation_time=2026-06-02T08:00:00Z",), MORNING),  # GoPro's, which calls it UTC
        (("creation_time=2026-06-02T08:00:00+02:00",), MORNING),
        (("com.apple.quicktime.creationdate=yesterday", "creation_time=2026-06-02T08:00:00Z"), MORNING),
        (("creation_time=1970-01-01T00:00:00Z",), None),
        ((), None),
    ],
)
def test_a_clip_says_what_the_clock_on_the_wall_said(
    tmp_path: Path, tags: tuple[str, ...], recorded: datetime | None
) -> None:
    assert probe(clip(tmp_path / "IMG_0001.MOV", *tags)).recorded == recorded


def test_a_film_of_a_morning_in_sydney_is_of_that_day(tmp_path: Path) -> None:
    """By UTC the telephone's clip is of the day before, and before the camera's."""
    phone = ("creation_time=2026-06-01T22:30:00Z", "com.apple.quicktime.creationdate=2026-06-02T08:30:00+1000")
    later = clip(tmp_path / "IMG_0001.MOV", *phone)
    earlier = clip(tmp_path / "GX010001.MP4", "creation_time=2026-06-02T08:00:00Z")
    shown = shown_in_order([later, earlier], as_given=False)
    assert [one.file.source.name for one in shown] == ["GX010001.MP4", "IMG_0001.MOV"]
    assert day_of_jump(shown) == date(2026, 6, 2)
    assert day_of_jump(shown_in_order([later], as_given=False)) == date(2026, 6, 2)


def test_chapters_are_rendered_in_their_order_however_they_are_named(tmp_path: Path) -> None:
    same = "creation_time=2026-06-02T08:00:00Z"
    names = ["GX010123.MP4", "GX020123.MP4", "GX030123.MP4", "GX010124.MP4"]
    clips = [clip(tmp_path / name, same) for name in names]
    # Each look asks ffprobe for every clip; the rule itself is held for all orders above.
    for given_ in list(itertools.permutations(clips))[1::8]:
        assert [one.file.source.name for one in shown_in_order(list(given_), as_given=False)] == names
    assert [one.file.source.name for one in shown_in_order(clips[::-1], as_given=True)] == names[::-1]


def test_the_first_that_says_a_day_says_it() -> None:
    assert first_day([named("a.mp4", None), named("b.mp4", 0), named("c.mp4", 24 * 60)]) == date(2026, 6, 2)
    assert first_day([named("a.mp4", None)]) is None
