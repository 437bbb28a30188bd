"""The checks of a finished film would catch a wrong one, and only a film that passed is ever to be seen."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.footage import FIELDS, PLAIN, as_source, make_clip, real_footage, small_template

from stinercut.drawing import bidi, text_check
from stinercut.errors import BadInput, UnreadableVideo, WrongFilm
from stinercut.films.checks.checks import CHECKS, NAME_THRESHOLD, CheckResult, check_film, title_difference
from stinercut.films.film import FilmRefused, Production, finish_film, looked_into, make_film, planned
from stinercut.films.join import Joinable, join
from stinercut.films.picture.segments import Segment, Workshop, part_segment
from stinercut.films.plan.plan import FilmPlan
from stinercut.films.publishing.outputs_note import NOTE
from stinercut.storage.store import Store
from stinercut.templates import Fields
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.probe import probe

DAY = date(2025, 6, 14)
RIGHT = FIELDS
TEMPLATE = small_template()
NAMES = set(CHECKS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def production(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Production:
    clip = make_clip(tmp_path_factory.mktemp("clips") / "a.mp4")
    return planned(store, TEMPLATE, RIGHT, looked_into([as_source(clip)]))


@pytest.fixture(scope="module")
def segments(production: Production) -> list[Segment]:
    (making,) = production.films
    return [part_segment(making.shop, part) for part in making.plan.parts]


@pytest.fixture(scope="module")
def film(segments: list[Segment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return joined(segments, tmp_path_factory.mktemp("films") / "film.mp4", RIGHT.passenger_name)


def joined(segments: list[Segment], target: Path, title: str) -> Path:
    join([Joinable(segment) for segment in segments], target, title=title)
    return target


def shop_of(production: Production, fields: Fields = RIGHT) -> tuple[Workshop, FilmPlan]:
    """What the film should be, for other fields than it was made with."""
    (making,) = production.films
    return replace(making.shop, fields=fields), making.plan


def checked(film: Path, production: Production, fields: Fields = RIGHT) -> list[CheckResult]:
    """All checks, by the segments that the film should consist of."""
    (making,) = production.films
    segments = [part_segment(making.shop, part) for part in making.plan.parts]
    return check_film(film, *shop_of(production, fields), segments)


def failed(film: Path, production: Production, fields: Fields = RIGHT) -> set[str]:
    return {check.name for check in checked(film, production, fields) if not check.passed}


def test_a_right_film_passes_every_check(film: Path, production: Production) -> None:
    checks = checked(film, production)
    assert {check.name for check in checks} == NAMES
    assert [check for check in checks if not check.passed] == []
    assert all(check.values for check in checks)
    said = {check.name: check.detail for check in checks}
    assert said["duration_is_sum"] == "3.000 s and 90 frames; the parts have 3.000 s and 90 frames"
    assert said["audio_as_long_as_video"] == "picture 3.000 s, sound 3.000 s, sound begins +0.000 s"
    assert said["decodes_to_the_end"] == "90 of 90 frames decode"
    assert said["right_name"] == f"the title shows {RIGHT.passenger_name!r}"


@pytest.mark.parametrize(
    "name",
    ["Jana Novákova", "Jána Nováková", "Jana Nowáková", "Jana Nováková.", "Jan Nováková", "jana Nováková", "Petr"],
)
def test_one_changed_letter_is_a_wrong_name(film: Path, production: Production, tmp_path: Path, name: str) -> None:
    """The metadata may say what it will: the picture itself is somebody else's."""
    wrong = Fields(name, DAY, RIGHT.place)
    relabelled = tmp_path / "relabelled.mp4"
    options = ["-c", "copy", "-movflags", "+faststart", "-metadata", f"title={name}", str(relabelled)]
    runner.run(["-i", str(film), *options], timeout=30)
    assert title_difference(relabelled, *shop_of(production, wrong)) > 2 * NAME_THRESHOLD
    assert title_difference(relabelled, *shop_of(production)) < NAME_THRESHOLD / 2
    assert failed(relabelled, production, wrong) == {"right_name"}


def test_the_wrong_day_is_noticed_too(film: Path, production: Production) -> None:
    assert failed(film, production, Fields(RIGHT.passenger_name, date(2025, 6, 15), RIGHT.place)) == {"right_name"}


def test_the_title_of_a_strongly_compressed_film_is_still_read(store: Store, tmp_path: Path) -> None:
    """The worst encode that a template may ask for, on the worst picture that may lie behind the title."""
    noise = np.random.default_rng(1).integers(0, 120, (180, 320, 3), np.uint8)
    for file in PLAIN.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    Image.fromarray(noise).resize((640, 360)).save(tmp_path / "noise.png")
    title = (PLAIN / "title.svg").read_text()
    ground = '<image href="noise.png" width="1920" height="1080"/>'
    (tmp_path / "title.svg").write_text(title.replace('<rect width="1920" height="1080" fill="#1c5a9e"/>', ground))
    template = small_template(folder=tmp_path, crf=40, preset="veryfast", width=640, height=360)
    clips = looked_into([as_source(make_clip(tmp_path / "a.mp4"))])
    (making,) = planned(store, template, RIGHT, clips).films
    segments = [part_segment(making.shop, part) for part in making.plan.parts]
    film = joined(segments, tmp_path / "film.mp4", "x")
    assert title_difference(film, making.shop, making.plan) < NAME_THRESHOLD
    other = replace(making.shop, fields=Fields("Jana Novákova", DAY, RIGHT.place))
    assert title_difference(film, other, making.plan) > 2 * NAME_THRESHOLD


def test_wrong_metadata_is_a_wrong_name(segments: list[Segment], production: Production, tmp_path: Path) -> None:
    assert failed(joined(segments, tmp_path / "film.mp4", "Petr Svoboda"), production) == {"right_name"}


def remade(film: Path, target: Path, *options: str) -> Path:
    title = ("-metadata", f"title={RIGHT.passenger_name}")
    runner.run(["-i", str(film), "-c", "copy", "-movflags", "+faststart", *title, *options, str(target)], timeout=60)
    return target


def test_each_fault_is_caught_by_its_check(film: Path, production: Production, tmp_path: Path) -> None:
    short = remade(film, tmp_path / "short.mp4", "-t", "2.5")
    assert {"duration_is_sum", "decodes_to_the_end"} <= failed(short, production)
    cut_sound = remade(film, tmp_path / "cut-sound.mp4", "-c:a", "aac", "-af", "atrim=end=2.5")
    assert "audio_as_long_as_video" in failed(cut_sound, production)
    no_sound = remade(film, tmp_path / "no-sound.mp4", "-an")
    assert {"audio_as_long_as_video", "playable_in_browser", "decodes_to_the_end"} <= failed(no_sound, production)
    index_last = remade(film, tmp_path / "index-last.mp4", "-movflags", "-faststart")
    assert failed(index_last, production) == {"playable_in_browser"}
    mpeg4 = remade(film, tmp_path / "mpeg4.mp4", "-c:v", "mpeg4", "-q:v", "1")
    assert failed(mpeg4, production) == {"playable_in_browser", "decodes_to_the_end"}, "not what was rendered"
    high_level = remade(film, tmp_path / "level.mp4", "-bsf:v", "h264_metadata=level=6.1")
    assert failed(high_level, production) == {"playable_in_browser"}
    other_size = remade(film, tmp_path / "size.mp4", "-c:v", "libx264", "-vf", "scale=160:90")
    assert "playable_in_browser" in failed(other_size, production)


def test_damage_inside_the_film_is_found_by_decoding(film: Path, production: Production, tmp_path: Path) -> None:
    damaged = bytearray(film.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 2000] = b"\xa5" * 2000
    (tmp_path / "damaged.mp4").write_bytes(damaged)
    assert failed(tmp_path / "damaged.mp4", production) == {"decodes_to_the_end"}


def test_what_is_no_film_fails_every_check(production: Production, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film" * 1000)
    assert failed(tmp_path / "film.mp4", production) == NAMES


def test_a_gap_between_two_pictures_is_noticed(film: Path, production: Production, tmp_path: Path) -> None:
    gap = remade(film, tmp_path / "gap.mp4", "-bsf:v", "setts=ts=TS+gte(N\\,40)*200")
    assert "no_gap_at_a_join" in failed(gap, production)


def test_black_and_still_footage_is_told_but_not_held_back(store: Store, tmp_path: Path) -> None:
    """Somebody filmed with the cap on; that is no reason to keep the film from the passenger."""
    black = make_clip(tmp_path / "black.mp4", seconds=5.5, options=("-vf", "drawbox=t=fill:c=black"))
    made = make_film(planned(store, TEMPLATE, RIGHT, looked_into([as_source(black)])), tmp_path / "film.mp4")
    (told,) = [check for check in made.checks if not check.passed]
    assert (told.name, told.blocking) == ("picture_moves", False)
    assert "black" in told.detail
    assert "stands still" in told.detail


def test_a_film_is_made_checked_and_published(store: Store, tmp_path: Path) -> None:
    clips = looked_into([as_source(make_clip(tmp_path / f"{n}.mp4", seconds=0.4 + n / 10)) for n in range(2)])
    seen: list[float] = []
    target = tmp_path / "films" / "jump" / "film.mp4"
    finished = make_film(planned(store, TEMPLATE, RIGHT, clips), target, workers=2, on_progress=seen.append)
    made = finished.film
    assert made.path == target
    assert made.frames == 30 + 12 + 15 + 30
    assert made.size == target.stat().st_size
    assert {check.name for check in made.checks if check.passed} == NAMES
    assert seen[-1] == 1.0
    assert {path.name for path in target.parent.iterdir()} == {"film.mp4", NOTE}


def test_a_film_whose_title_only_we_would_draw_so_is_not_published(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in our drawing is in the film and in the picture that it is compared with, and not in a second one."""
    name, clips = "שרה (Sarah) Cohen", looked_into([as_source(make_clip(tmp_path / "a.mp4"))])
    production = planned(store, TEMPLATE, Fields(name, DAY, RIGHT.place), clips)
    text_check.difference.cache_clear()
    with monkeypatch.context() as without_rule_n0:
        without_rule_n0.setattr(bidi, "_bracket_pairs", lambda _chars, _kinds: [])
        with pytest.raises(FilmRefused, match="a second engine draws") as refused:
            make_film(production, tmp_path / "film.mp4")
        assert [check.name for check in refused.value.checks if not check.passed] == ["right_name"]
    text_check.difference.cache_clear()
    assert not (tmp_path / "film.mp4").exists()


def test_a_wrong_film_is_not_published_and_the_old_one_stays(
    production: Production, segments: list[Segment], tmp_path: Path
) -> None:
    target = tmp_path / "film.mp4"
    old = finish_film(production, [segments], target)
    before = target.read_bytes()
    (making,) = production.films
    wrong = Fields("Petr Svoboda", DAY, RIGHT.place)
    mixed = replace(production, films=(replace(making, shop=replace(making.shop, fields=wrong)),))
    with pytest.raises(FilmRefused, match="right_name") as refused:
        finish_film(mixed, [segments], target)
    assert target.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", NOTE}
    assert [check.name for check in refused.value.checks if not check.passed] == ["right_name"]
    assert isinstance(refused.value, WrongFilm)
    assert pickle.loads(pickle.dumps(refused.value)).what == refused.value.what
    assert isinstance(old.checks[0], CheckResult)


def test_a_bad_clip_gives_no_film(store: Store, tmp_path: Path) -> None:
    good, bad = make_clip(tmp_path / "good.mp4"), tmp_path / "bad.mp4"
    bad.write_bytes(good.read_bytes()[:20_000])
    with pytest.raises(UnreadableVideo, match=r"bad\.mp4"):
        looked_into([as_source(good), as_source(bad)])
    # Its index is in front: only reading it to its end shows that it is cut.
    cut = make_clip(tmp_path / "cut.mp4", seconds=3, options=("-movflags", "+faststart", "-g", "30"))
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * 0.6)])
    target = tmp_path / "films" / "film.mp4"
    clips = looked_into([as_source(good), as_source(cut), as_source(good)])
    for workers in (1, 3):
        with pytest.raises(UnreadableVideo, match=r"cut\.mp4"):
            make_film(planned(store, TEMPLATE, RIGHT, clips), target, workers=workers)
    assert not target.exists()
    with pytest.raises(BadInput, match="no clips"):
        planned(store, TEMPLATE, RIGHT, [])


def test_a_film_of_real_gopro_footage(store: Store, tmp_path: Path) -> None:
    clips = looked_into([as_source(real_footage(name)) for name in ("karma.mp4", "max-heromode.mp4")])
    made = make_film(planned(store, TEMPLATE, RIGHT, clips), tmp_path / "film.mp4").film
    assert made.frames == 30 + 362 + 315 + 30
    assert probe(made.path).duration == pytest.approx(737 / 30, abs=1 / 30)
    assert all(check.passed for check in made.checks)
