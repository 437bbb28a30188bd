"""The checks of a finished film would catch a wrong one, and only a film that passed is ever to be seen."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.footage import as_source, make_clip, real_footage, small_template

from stinercut.errors import BadInput, UnreadableVideo, WrongFilm
from stinercut.media import ffmpeg as runner
from stinercut.media.checks import NAME_THRESHOLD, CheckResult, check_film, title_difference
from stinercut.media.film import FilmRefused, finish_film, make_film
from stinercut.media.join import join
from stinercut.media.probe import probe
from stinercut.media.segments import Segment, clip_segment, outro_segment, title_segment
from stinercut.media.titles import TitleFields
from stinercut.store import Store
from stinercut.templates import Template

DAY = date(2025, 6, 14)
RIGHT = TitleFields("Jana Nováková", DAY, "Klatovy")
TEMPLATE = small_template()
NAMES = {"duration_is_sum", "audio_as_long_as_video", "decodes_to_the_end", "right_name", "playable_in_browser"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def segments(store: Store, tmp_path_factory: pytest.TempPathFactory) -> list[Segment]:
    clip = make_clip(tmp_path_factory.mktemp("clips") / "a.mp4")
    return [
        title_segment(store, TEMPLATE, RIGHT),
        clip_segment(store, as_source(clip), TEMPLATE),
        outro_segment(store, TEMPLATE, RIGHT),
    ]


@pytest.fixture(scope="module")
def film(segments: list[Segment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("films") / "film.mp4"
    join(segments, target, title=RIGHT.passenger_name)
    return target


def failed(film: Path, segments: list[Segment], fields: TitleFields = RIGHT, template: Template = TEMPLATE) -> set[str]:
    return {check.name for check in check_film(film, segments, template, fields) if not check.passed}


def test_a_right_film_passes_every_check(film: Path, segments: list[Segment]) -> None:
    checks = check_film(film, segments, TEMPLATE, RIGHT)
    assert {check.name for check in checks} == NAMES
    assert [check for check in checks if not check.passed] == []
    assert all(check.detail and check.values for check in checks)


@pytest.mark.parametrize(
    "name",
    ["Jana Novákova", "Jána Nováková", "Jana Nowáková", "Jana Nováková.", "Jan Nováková", "jana Nováková", "Petr"],
)
def test_one_changed_letter_is_a_wrong_name(film: Path, segments: list[Segment], tmp_path: Path, name: str) -> None:
    """The metadata may say what it will: the picture itself is somebody else's."""
    wrong = TitleFields(name, DAY, RIGHT.place)
    relabelled = tmp_path / "relabelled.mp4"
    options = ["-c", "copy", "-movflags", "+faststart", "-metadata", f"title={name}", str(relabelled)]
    runner.run(["-i", str(film), *options], timeout=30)
    assert title_difference(relabelled, TEMPLATE, wrong) > 2 * NAME_THRESHOLD
    assert title_difference(relabelled, TEMPLATE, RIGHT) < NAME_THRESHOLD / 2
    assert failed(relabelled, segments, wrong) == {"right_name"}


def test_the_wrong_day_is_noticed_too(film: Path, segments: list[Segment]) -> None:
    assert failed(film, segments, TitleFields(RIGHT.passenger_name, date(2025, 6, 15), RIGHT.place)) == {"right_name"}


def test_the_title_of_a_strongly_compressed_film_is_still_read(store: Store, tmp_path: Path) -> None:
    """The worst encode that a template may ask for, on the worst picture that may lie behind the title."""
    noise = np.random.default_rng(1).integers(0, 120, (180, 320, 3), np.uint8)
    Image.fromarray(noise).resize((640, 360)).save(tmp_path / "noise.png")
    template = small_template(crf=40, preset="veryfast", width=640, height=360)
    title = template.title.model_copy(update={"background": "noise.png"})
    template = template.model_copy(update={"title": title, "folder": tmp_path})
    clip = clip_segment(store, as_source(make_clip(tmp_path / "a.mp4")), template)
    join([title_segment(store, template, RIGHT), clip], tmp_path / "film.mp4", title="x")
    assert title_difference(tmp_path / "film.mp4", template, RIGHT) < NAME_THRESHOLD
    other = TitleFields("Jana Novákova", DAY, RIGHT.place)
    assert title_difference(tmp_path / "film.mp4", template, other) > 2 * NAME_THRESHOLD


def test_wrong_metadata_is_a_wrong_name(segments: list[Segment], tmp_path: Path) -> None:
    join(segments, tmp_path / "film.mp4", title="Petr Svoboda")
    assert failed(tmp_path / "film.mp4", segments) == {"right_name"}


def remade(film: Path, target: Path, *options: str) -> Path:
    title = ("-metadata", f"title={RIGHT.passenger_name}")
    runner.run(["-i", str(film), "-c", "copy", "-movflags", "+faststart", *title, *options, str(target)], timeout=60)
    return target


def test_each_fault_is_caught_by_its_check(film: Path, segments: list[Segment], tmp_path: Path) -> None:
    short = remade(film, tmp_path / "short.mp4", "-t", "2.5")
    assert {"duration_is_sum", "decodes_to_the_end"} <= failed(short, segments)
    cut_sound = remade(film, tmp_path / "cut-sound.mp4", "-c:a", "aac", "-af", "atrim=end=2.5")
    assert "audio_as_long_as_video" in failed(cut_sound, segments)
    no_sound = remade(film, tmp_path / "no-sound.mp4", "-an")
    assert {"audio_as_long_as_video", "playable_in_browser", "decodes_to_the_end"} <= failed(no_sound, segments)
    index_last = remade(film, tmp_path / "index-last.mp4", "-movflags", "-faststart")
    assert failed(index_last, segments) == {"playable_in_browser"}
    mpeg4 = remade(film, tmp_path / "mpeg4.mp4", "-c:v", "mpeg4", "-q:v", "1")
    assert failed(mpeg4, segments) == {"playable_in_browser"}
    other_size = remade(film, tmp_path / "size.mp4", "-c:v", "libx264", "-vf", "scale=160:90")
    assert "playable_in_browser" in failed(other_size, segments)


def test_damage_inside_the_film_is_found_by_decoding(film: Path, segments: list[Segment], tmp_path: Path) -> None:
    damaged = bytearray(film.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 2000] = b"\xa5" * 2000
    (tmp_path / "damaged.mp4").write_bytes(damaged)
    assert failed(tmp_path / "damaged.mp4", segments) == {"decodes_to_the_end"}


def test_what_is_no_film_fails_every_check(segments: list[Segment], tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film" * 1000)
    assert failed(tmp_path / "film.mp4", segments) == NAMES


def test_a_film_is_made_checked_and_published(store: Store, tmp_path: Path) -> None:
    clips = [as_source(make_clip(tmp_path / f"{n}.mp4", seconds=0.4 + n / 10)) for n in range(2)]
    seen: list[tuple[str, float]] = []
    target = tmp_path / "films" / "jump" / "film.mp4"

    def tell(part: str, done: float) -> None:
        seen.append((part, done))

    made = make_film(store, clips, TEMPLATE, RIGHT, target, on_progress=tell)
    assert made.path == target
    assert made.frames == 30 + 12 + 15 + 30
    assert made.size == target.stat().st_size
    assert {check.name for check in made.checks if check.passed} == NAMES
    assert list(dict.fromkeys(part for part, _ in seen)) == ["title", "0.mp4", "1.mp4", "outro", "film"]
    assert seen[-1] == ("film", 1.0)
    assert [path.name for path in target.parent.iterdir()] == ["film.mp4"]


def test_a_wrong_film_is_not_published_and_the_old_one_stays(
    store: Store, segments: list[Segment], tmp_path: Path
) -> None:
    target = tmp_path / "film.mp4"
    old = finish_film(segments, TEMPLATE, RIGHT, target)
    before = target.read_bytes()
    with pytest.raises(FilmRefused, match="right_name") as refused:
        finish_film(segments, TEMPLATE, TitleFields("Petr Svoboda", DAY, RIGHT.place), target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert [check.name for check in refused.value.checks if not check.passed] == ["right_name"]
    assert isinstance(refused.value, WrongFilm)
    assert pickle.loads(pickle.dumps(refused.value)).what == refused.value.what
    assert isinstance(old.checks[0], CheckResult)


def test_a_bad_clip_gives_no_film(store: Store, tmp_path: Path) -> None:
    good, bad = make_clip(tmp_path / "good.mp4"), tmp_path / "bad.mp4"
    bad.write_bytes(good.read_bytes()[:20_000])
    target = tmp_path / "films" / "film.mp4"
    with pytest.raises(UnreadableVideo, match=r"bad\.mp4"):
        make_film(store, [as_source(good), as_source(bad)], TEMPLATE, RIGHT, target)
    assert not target.exists()
    with pytest.raises(BadInput, match="no clips"):
        make_film(store, [], TEMPLATE, RIGHT, target)


def test_a_film_of_real_gopro_footage(store: Store, tmp_path: Path) -> None:
    clips = [as_source(real_footage(name)) for name in ("karma.mp4", "max-heromode.mp4")]
    made = make_film(store, clips, TEMPLATE, RIGHT, tmp_path / "film.mp4")
    assert made.frames == 30 + 362 + 315 + 30
    assert probe(made.path).duration == pytest.approx(737 / 30, abs=1 / 30)
    assert all(check.passed for check in made.checks)
