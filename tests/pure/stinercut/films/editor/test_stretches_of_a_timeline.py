"""A film's plan as an editing program sees it, and back: nothing is lost on the way, however often."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import opentimelineio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stinercut.films.editor.otio import KnownClip, read_cut, write_timeline
from stinercut.films.editor.stretches import TimelineFile, stretches
from stinercut.films.plan.plan import ClipInput, Content, Filmed, FilmPlan, plan_film
from stinercut.jumps.cut import Cut
from stinercut.templates.timeline import Document

otio = cast("Any", opentimelineio)
RATE = Fraction(30)
NTSC, FAST = Fraction(30_000, 1001), Fraction(60_000, 1001)


def document(between: str) -> Document:
    """A template with that transition everywhere."""
    clips: list[dict[str, Any]] = [
        {"asset": {"type": "svg", "src": "title.svg"}, "length": 4, "transition": {"out": between}},
        {"asset": {"type": "footage"}, "transition": {"between": between, "out": between}},
        {"asset": {"type": "svg", "src": "outro.svg"}, "length": 3},
    ]
    return Document.model_validate({"name": "t", "timeline": {"tracks": [{"clips": clips}]}})


def source_of(seconds: list[float], rate: Fraction = RATE) -> Any:
    def find(content: Content) -> TimelineFile:
        if isinstance(content, Filmed):
            number = int(content.take)
            return TimelineFile(f"{number}.MP4", Path(f"/x/{number}.MP4"), seconds[number], rate, number)
        return TimelineFile("drawn", Path("/x/drawn.mp4"), 4, RATE)

    return find


def takes(seconds: list[float], cut: list[tuple[float, float]] | None = None) -> list[ClipInput]:
    parts = cut or [(None, None)] * len(seconds)
    return [
        ClipInput(str(n), f"{n}.MP4", length, RATE, *part)
        for n, (length, part) in enumerate(zip(seconds, parts, strict=True))
    ]


def plan(
    between: str, seconds: list[float], cut: list[tuple[float, float]] | None = None, rate: Fraction = RATE
) -> FilmPlan:
    return plan_film(document(between), rate, takes(seconds, cut), {})


def test_each_clip_is_one_stretch_and_the_sum_is_the_film() -> None:
    film = plan("crossfade", [5.0, 6.0])
    shown = stretches(film, source_of([5.0, 6.0]))
    assert [one.name for one in shown] == ["drawn", "0.MP4", "1.MP4", "drawn"]
    assert [one.blend for one in shown] == [0, 0.5, 0.5, 0.5]
    assert sum(one.seconds for one in shown) - 1.5 == film.seconds


@pytest.mark.parametrize(
    ("clips", "film_rate"),
    [
        (RATE, RATE),
        (Fraction(25), RATE),
        (FAST, RATE),
        (NTSC, RATE),
        (RATE, NTSC),
        (Fraction(50), FAST),
        (Fraction(24_000, 1001), Fraction(25)),
        (Fraction(240_000, 1001), FAST),
    ],
)
@given(
    between=st.sampled_from(["cut", "fade", "crossfade"]),
    frames=st.lists(st.integers(2, 400), min_size=1, max_size=5),
)
def test_an_untouched_timeline_changes_no_frame_however_often_it_goes_round(
    clips: Fraction, film_rate: Fraction, between: str, frames: list[int]
) -> None:
    seconds = [float(count / clips) for count in frames]
    known = [KnownClip(number, length, (f"{number}.MP4",)) for number, length in enumerate(seconds)]
    film = plan(between, seconds, rate=film_rate)
    again, cuts = film, list[Cut]()
    for _ in range(3):
        shown = stretches(again, source_of(seconds, clips))
        cuts.append(read_cut(write_timeline("film", film_rate, shown), known))
        assert [piece.card_file_id for piece in cuts[-1].pieces] == list(range(len(seconds)))
        again = plan(between, seconds, [(piece.start, piece.end) for piece in cuts[-1].pieces], film_rate)
        assert again == film
    assert cuts[0] == cuts[1] == cuts[2]


def test_the_timeline_is_as_long_as_the_film_whatever_the_clips_rates_are() -> None:
    film = plan("crossfade", [5.0, 6.3, 2.04])
    text = write_timeline("film", RATE, stretches(film, source_of([5.0, 6.3, 2.04], Fraction(25))))
    timeline = otio.adapters.read_from_string(text, "otio_json")
    assert [track.duration().to_seconds() * 30 for track in timeline.tracks] == [film.frames] * 2
