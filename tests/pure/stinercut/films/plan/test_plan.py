"""The plan of a film: frames add up, all footage is used once, transitions fit however short clips are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stinercut.errors import BadInput
from stinercut.films.plan.plan import Blend, ClipInput, Drawn, Filmed, FilmPlan, Reel, Shot, plan_film, source_rate
from stinercut.templates.timeline import RATES, Document

NTSC = Fraction(30000, 1001)


def document(
    *, footage: dict[str, Any] | None = None, main: Sequence[dict[str, Any]] = (), over: Sequence[dict[str, Any]] = ()
) -> Document:
    """A template: an intro, the footage, an outro; `main` in place of these."""
    clips = main or (
        {"asset": {"type": "svg", "src": "intro.svg"}, "length": 2},
        {"asset": {"type": "footage"}, **(footage or {})},
        {"asset": {"type": "image", "src": "end.png"}, "length": 1},
    )
    tracks = [{"clips": list(over)}] if over else []
    return Document.model_validate({"name": "test", "timeline": {"tracks": [*tracks, {"clips": list(clips)}]}})


def takes(*seconds: float, rate: Fraction = Fraction(30)) -> list[ClipInput]:
    return [ClipInput(f"k{number}", f"{9 - number}.mp4", length, rate) for number, length in enumerate(seconds)]


def shown(plan: FilmPlan) -> Counter[tuple[str, int]]:
    """How often each frame of the footage is in the film."""
    return Counter(
        (shot.content.take, frame)
        for part in plan.parts
        for shot in part.shots
        if isinstance(shot.content, Filmed)
        for frame in range(shot.begin, shot.begin + shot.frames)
    )


def order(plan: FilmPlan) -> list[str]:
    """The takes in the order in which they come."""
    found = [shot.content.take for part in plan.parts for shot in part.shots if isinstance(shot.content, Filmed)]
    return list(dict.fromkeys(found))


CHANGES = st.sampled_from(["cut", "fade", "crossfade"])
LENGTHS = st.lists(st.one_of(st.floats(0.01, 0.3), st.floats(0.3, 8)), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    LENGTHS,
    st.sampled_from([*RATES.values()]),
    st.tuples(CHANGES, CHANGES, CHANGES, CHANGES),
    st.floats(0.1, 3),
    st.tuples(st.sampled_from(["footage", "film"]), st.floats(0, 20), st.none() | st.floats(0.1, 20)),
)
def test_any_film_adds_up(
    lengths: list[float],
    rate: Fraction,
    changes: tuple[str, ...],
    seconds: float,
    overlay: tuple[str, float, float | None],
) -> None:
    into, out, between, cards = changes
    change = {"in": into, "out": out, "between": between, "seconds": seconds}
    over, start, length = overlay
    card = {"in": cards, "out": cards, "seconds": 0.5}
    what = document(
        main=(
            {"asset": {"type": "svg", "src": "intro.svg"}, "length": 2, "transition": card},
            {"asset": {"type": "video", "src": "own.mp4"}, "transition": card},
            {"asset": {"type": "footage"}, "transition": change},
            {"asset": {"type": "image", "src": "end.png"}, "length": 1},
        ),
        over=[{"asset": {"type": "text", "text": "x"}, "over": over, "start": start, "length": length}],
    )
    footage = takes(*lengths)
    plan = plan_film(what, rate, footage, {"own.mp4": 1.5})
    # Every frame of every clip is used exactly once, also where it flows into another one.
    whole = {(take.key, frame) for take in footage for frame in range(max(1, round(take.seconds * rate)))}
    assert shown(plan) == Counter(whole)
    # The film is the sum of what is shown, less what is shown together.
    together = sum(part.frames for part in plan.parts if isinstance(part, Blend))
    cards_frames = round(2 * rate) + round(Fraction(3, 2) * rate) + round(rate)
    assert plan.frames == len(whole) + cards_frames - together
    assert all(part.frames > 0 for part in plan.parts)
    for at, part in plan.placed():
        for shot in part.shots:
            assert shot.frames == part.frames
            assert shot.fade_in + shot.fade_out <= shot.frames
            assert isinstance(part, Shot) or not (shot.fade_in or shot.fade_out)
            for window in shot.windows:
                assert 0 <= window.begin < window.end <= shot.frames
                assert over == "film" or isinstance(shot.content, Filmed)
        assert at >= 0


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.floats(0, 3), st.floats(0.1, 6))
def test_an_overlay_is_seen_exactly_as_long_as_it_says(lengths: list[float], start: float, length: float) -> None:
    what = document(over=[{"asset": {"type": "text", "text": "x"}, "over": "film", "start": start, "length": length}])
    plan = plan_film(what, Fraction(25), takes(*lengths), {})
    seen = [
        at + frame
        for at, part in plan.placed()
        for shot in part.shots
        for window in shot.windows
        for frame in range(window.begin, window.end)
    ]
    first = round(start * 25)
    assert seen == list(range(first, min(first + round(length * 25), plan.frames)))


def test_an_overlay_over_the_whole_part_makes_the_same_part_wherever_it_stands() -> None:
    mark = {"asset": {"type": "text", "text": "x"}}
    plan = plan_film(document(over=[mark]), Fraction(30), takes(1, 1, 2), {})
    shots = [shot for part in plan.parts for shot in part.shots if isinstance(shot.content, Filmed)]
    assert [shot.windows[0].end for shot in shots] == [30, 30, 60]
    other = plan_film(document(over=[mark]), Fraction(30), takes(1, 1, 2, 5), {})
    assert set(plan.parts[:-1]) < set(other.parts)


def test_a_crossfade_is_a_part_of_its_own_and_a_changed_neighbour_costs_nothing_else() -> None:
    fade = {"transition": {"between": "crossfade", "seconds": 0.5}}
    clips = takes(4, 3, 5)
    plan = plan_film(document(footage=fade), Fraction(30), clips, {})
    assert [part.frames for part in plan.parts] == [60, 105, 15, 60, 15, 135, 30]
    blends = [part for part in plan.parts if isinstance(part, Blend)]
    assert [(one.before.begin, one.after.begin) for one in blends] == [(105, 0), (75, 0)]
    changed = plan_film(document(footage=fade), Fraction(30), [clips[0], ClipInput("new", "n", 6, NTSC), clips[2]], {})
    new = set(changed.parts) - set(plan.parts)
    assert sorted(part.frames for part in new) == [15, 15, 150], "the new clip, and how it comes and goes"


def test_the_first_and_the_last_clip_differ_from_others_only_in_their_fades() -> None:
    fade = {"transition": {"in": "fade", "out": "fade", "between": "cut", "seconds": 0.5}}
    plan = plan_film(document(footage=fade), Fraction(30), takes(4, 3, 5), {})
    filmed = [part for part in plan.parts if isinstance(part, Shot) and isinstance(part.content, Filmed)]
    assert [(one.frames, one.fade_in, one.fade_out) for one in filmed] == [
        (15, 15, 0), (105, 0, 0), (90, 0, 0), (135, 0, 0), (15, 0, 15),
    ]  # fmt: skip


def test_clips_too_short_for_a_transition_are_cut() -> None:
    fade = {"transition": {"in": "crossfade", "out": "fade", "between": "crossfade", "seconds": 3}}
    plan = plan_film(document(footage=fade), Fraction(30), takes(0.034, 0.1, 0.2), {})
    assert shown(plan).total() == 1 + 3 + 6
    assert [part.frames for part in plan.parts] == [60, 1, 3, 3, 3, 30]


def test_trimming_and_the_longest_of_a_clip() -> None:
    def filmed(footage: dict[str, Any], *given: ClipInput) -> list[tuple[int, int]]:
        plan = plan_film(document(footage={"asset": {"type": "footage", **footage}}), Fraction(30), given, {})
        return [(part.begin, part.frames) for part in plan.parts
                if isinstance(part, Shot) and isinstance(part.content, Filmed)]  # fmt: skip

    (ten,) = takes(10)
    assert filmed({"trim": {"start": 1, "end": 2.5}}, ten) == [(30, 195)]
    assert filmed({"trim": {"start": 8, "end": 8}}, ten) == [(240, 1)], "something of every clip is shown"
    assert filmed({"trim": {"start": 60}}, ten) == [(299, 1)]
    assert filmed({"longest": 4, "keep": "start"}, ten) == [(0, 120)]
    assert filmed({"longest": 4}, ten) == [(90, 120)]
    assert filmed({"longest": 4, "keep": "end", "trim": {"end": 1}}, ten) == [(150, 120)]
    assert filmed({"longest": 40}, ten) == [(0, 300)]
    cut = ClipInput("k", "n", 10, Fraction(30), begin=2, end=3.5)
    assert filmed({"longest": 1, "trim": {"start": 5}}, cut) == [(60, 45)], "a person's cut wins over the template"
    assert filmed({}, ClipInput("k", "n", 10, Fraction(30), begin=9, end=30)) == [(270, 30)]


def test_the_order_of_clips() -> None:
    clips = takes(1, 1, 1)
    orders = {name: order(plan_film(document(footage={"asset": {"type": "footage", "order": name}}),
                                    Fraction(30), clips, {})) for name in ("recorded", "name", "reversed")}  # fmt: skip
    assert orders == {"recorded": ["k0", "k1", "k2"], "name": ["k2", "k1", "k0"], "reversed": ["k2", "k1", "k0"]}


def test_contents_of_the_parts() -> None:
    look = {"type": "footage", "look": {"contrast": 1.2}, "volume": 0.5}
    plan = plan_film(
        document(main=[
            {"asset": {"type": "video", "src": "own.mp4", "volume": 0.2}},
            {"asset": {"type": "svg", "src": "a.svg"}, "length": 3},
            {"asset": look},
            {"asset": {"type": "image", "src": "b.png"}, "length": 1},
        ]), NTSC, takes(1), {"own.mp4": 2.0},
    )  # fmt: skip
    assert [type(part.content) for part in plan.parts if isinstance(part, Shot)] == [Reel, Drawn, Filmed, Drawn]
    assert [part.volume for part in plan.parts] == [0.2, 1.0, 0.5, 1.0]
    assert [part.frames for part in plan.parts] == [60, 90, 30, 30]
    assert plan.seconds == pytest.approx(210 * 1001 / 30000)


def test_no_clips_no_film() -> None:
    with pytest.raises(BadInput, match="no clips"):
        plan_film(document(), Fraction(30), [], {})


def test_the_rate_that_follows_the_footage() -> None:
    assert source_rate([]) == 30
    assert source_rate([NTSC, Fraction(25), Fraction(25)]) == 25
    assert source_rate([NTSC, Fraction(25)]) == NTSC
    assert source_rate([Fraction(120000, 1001)]) == Fraction(60000, 1001)
    assert source_rate([Fraction(240)]) == 60
    assert source_rate([Fraction(2983, 100)]) == NTSC
    assert source_rate([Fraction(15)]) == 30
