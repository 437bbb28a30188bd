"""A film's plan as an editing program sees it, and back: nothing is lost on the way, however often."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stinercut.interchange import KnownClip, read_cut, write_timeline
from stinercut.media.editing import Source, stretches
from stinercut.media.plan import Content, Filmed, FilmPlan, Take, plan_film
from stinercut.templates.timeline import Document

RATE = Fraction(30)


def document(between: str) -> Document:
    """A template with that transition everywhere."""
    clips: list[dict[str, Any]] = [
        {"asset": {"type": "svg", "src": "title.svg"}, "length": 4, "transition": {"out": between}},
        {"asset": {"type": "footage"}, "transition": {"between": between, "out": between}},
        {"asset": {"type": "svg", "src": "outro.svg"}, "length": 3},
    ]
    return Document.model_validate({"name": "t", "timeline": {"tracks": [{"clips": clips}]}})


def source_of(seconds: list[float]) -> Any:
    def find(content: Content) -> Source:
        if isinstance(content, Filmed):
            number = int(content.take)
            return Source(f"{number}.MP4", Path(f"/x/{number}.MP4"), seconds[number], RATE, number)
        return Source("drawn", Path("/x/drawn.mp4"), 4, RATE)

    return find


def takes(seconds: list[float], cut: list[tuple[float, float]] | None = None) -> list[Take]:
    parts = cut or [(None, None)] * len(seconds)
    return [
        Take(str(n), f"{n}.MP4", length, RATE, *part)
        for n, (length, part) in enumerate(zip(seconds, parts, strict=True))
    ]


def plan(between: str, seconds: list[float], cut: list[tuple[float, float]] | None = None) -> FilmPlan:
    return plan_film(document(between), RATE, takes(seconds, cut), {})


def test_each_clip_is_one_stretch_and_the_sum_is_the_film() -> None:
    film = plan("crossfade", [5.0, 6.0])
    shown = stretches(film, source_of([5.0, 6.0]))
    assert [one.name for one in shown] == ["drawn", "0.MP4", "1.MP4", "drawn"]
    assert [one.blend for one in shown] == [0, 0.5, 0.5, 0.5]
    assert sum(one.seconds for one in shown) - 1.5 == film.seconds


@given(
    between=st.sampled_from(["cut", "fade", "crossfade"]),
    frames=st.lists(st.integers(2, 400), min_size=1, max_size=5),
)
def test_an_untouched_timeline_changes_no_frame_however_often_it_goes_round(between: str, frames: list[int]) -> None:
    seconds = [count / 30 for count in frames]
    known = [KnownClip(number, length, (f"{number}.MP4",)) for number, length in enumerate(seconds)]
    film = plan(between, seconds)
    again = film
    for _ in range(3):
        cut = read_cut(write_timeline("film", RATE, stretches(again, source_of(seconds))), known)
        assert [piece.card_file_id for piece in cut.pieces] == list(range(len(seconds)))
        again = plan(between, seconds, [(piece.start, piece.end) for piece in cut.pieces])
    assert again == film
