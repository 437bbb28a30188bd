"""Cuts, and timelines from and for editing programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import opentimelineio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stinercut.errors import BadInput
from stinercut.films.editor.otio import KnownClip, TimelineStretch, read_cut, write_timeline
from stinercut.jumps.cut import ClipTake, Cut, CutPiece, takes

otio = cast("Any", opentimelineio)
RATE = Fraction(30_000, 1001)
CLIPS = [
    KnownClip(7, 15.0, ("GX010007.MP4",)),
    KnownClip(8, 20.0, ("GX010008.MP4",)),
    KnownClip(9, 5.0, ("GX010009.MP4",)),
]
FILM = [
    TimelineStretch("title", Path("/films/title.mp4"), 0, 4, 4, Fraction(30)),
    TimelineStretch("GX010007.MP4", Path("/cards/Jürg's card #1/GX010007.MP4"), 0, 15, 15, RATE, 7),
    TimelineStretch("GX010008.MP4", Path("/cards/GX010008.MP4"), 2, 10, 20, RATE, 8),
]


@dataclass(frozen=True)
class File:
    card_file_id: int


class TestTakes:
    def test_without_a_cut_every_clip_is_shown_as_the_template_says(self) -> None:
        assert takes([File(1), File(2)], None) == (ClipTake(File(1)), ClipTake(File(2)))

    def test_a_cut_says_which_parts_in_which_order(self) -> None:
        cut = Cut((CutPiece(2, 1, 3), CutPiece(1, 0, 2), CutPiece(2, 5, 6)), frozenset({1, 2, 3}))
        shown = [(take.file.card_file_id, take.start, take.end) for take in takes([File(1), File(2), File(3)], cut)]
        assert shown == [(2, 1, 3), (1, 0, 2), (2, 5, 6)]

    def test_what_came_later_is_shown_and_what_is_gone_is_not(self) -> None:
        cut = Cut((CutPiece(2, 1, 3), CutPiece(1, 0, 2)), frozenset({1, 2}))
        assert takes([File(1), File(4)], cut) == (ClipTake(File(1), 0, 2), ClipTake(File(4)))

    def test_a_cut_that_shows_nothing_is_refused(self) -> None:
        with pytest.raises(BadInput, match="shows none of its clips"):
            takes([File(1)], Cut((CutPiece(2, 1, 3),), frozenset({1, 2})))

    @given(
        clips=st.sets(st.integers(1, 9)),
        decided=st.frozensets(st.integers(1, 9)),
        chosen=st.lists(st.integers(1, 9), max_size=12),
    )
    def test_nothing_is_lost_that_nobody_decided_about(
        self, clips: set[int], decided: frozenset[int], chosen: list[int]
    ) -> None:
        cut = Cut(tuple(CutPiece(one, 0, 1) for one in chosen if one in decided), decided)
        try:
            shown = [take.file.card_file_id for take in takes([File(one) for one in sorted(clips)], cut)]
        except BadInput:
            shown = []
        assert set(shown) == clips & (set(chosen) | (clips - decided)) - ((set(chosen) - decided) & decided)
        assert [one for one in shown if one in decided] == [one for one in chosen if one in decided & clips]


def _span(start: float, seconds: float) -> Any:
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start * 30, 30), otio.opentime.RationalTime(seconds * 30, 30)
    )


CHANGES: list[tuple[Callable[[Any], object], str]] = [
    (lambda track: setattr(track[1], "source_range", _span(14, 9)), "it is 15.00 s long"),
    (lambda track: setattr(track[1], "source_range", _span(3, 0)), "no length"),
    (lambda track: setattr(track[1], "source_range", _span(float("nan"), 1)), "no length"),
    (lambda track: track[1].metadata["stinercut"].update(card_file_id=99), "not one of this jump's clips"),
    (lambda track: track[1].effects.append(otio.schema.LinearTimeWarp(time_scalar=2)), "another speed"),
    (lambda track: track.append(otio.schema.Stack(name="nest")), "timeline within"),
]


class TestTimeline:
    def test_it_comes_back_as_it_went_out(self) -> None:
        cut = read_cut(write_timeline("Zoë Müller", Fraction(30), FILM), CLIPS)
        assert [piece.card_file_id for piece in cut.pieces] == [7, 8]
        assert cut.pieces[1].start == pytest.approx(2, abs=0.02)
        assert cut.pieces[1].end == pytest.approx(12, abs=0.04)
        assert cut.decided == {7, 8, 9}

    def test_an_editing_program_finds_the_files(self) -> None:
        timeline = otio.adapters.read_from_string(write_timeline("film", Fraction(30), FILM), "otio_json")
        video, sound = timeline.tracks
        urls = [clip.media_reference.target_url for clip in video]
        assert urls[1] == "file:///cards/J%C3%BCrg%27s%20card%20%231/GX010007.MP4"
        assert [clip.name for clip in sound if isinstance(clip, otio.schema.Clip)] == ["GX010007.MP4", "GX010008.MP4"]
        assert sound.duration().to_seconds() == pytest.approx(29, abs=0.1)
        assert video.duration().to_seconds() == pytest.approx(29, abs=0.1)

    def test_dissolves_go_out_and_come_back_without_taking_anything_off_the_clips(self) -> None:
        film = [
            FILM[0],
            TimelineStretch("a", Path("/x/GX010007.MP4"), 1, 8, 15, RATE, 7, blend=0.5),
            TimelineStretch("b", Path("/x/GX010008.MP4"), 2, 10, 20, RATE, 8, blend=1.0),
        ]
        text = write_timeline("film", Fraction(30), film)
        video = otio.adapters.read_from_string(text, "otio_json").tracks[0]
        assert [type(item).__name__ for item in video] == ["Clip", "Transition", "Clip", "Transition", "Clip"]
        assert video.duration().to_seconds() == pytest.approx(4 + 8 + 10 - 1.5, abs=0.1)
        pieces = read_cut(text, CLIPS).pieces
        assert [(piece.card_file_id, piece.start, piece.end) for piece in pieces] == [
            (7, pytest.approx(1, abs=0.04), pytest.approx(9, abs=0.06)),
            (8, pytest.approx(2, abs=0.04), pytest.approx(12, abs=0.06)),
        ]

    def test_a_person_moves_cuts_and_drops_clips(self) -> None:
        timeline = otio.adapters.read_from_string(write_timeline("film", Fraction(30), FILM), "otio_json")
        track = timeline.tracks[0]
        second = track[2].clone()
        second.source_range = otio.opentime.TimeRange(
            otio.opentime.RationalTime(450, 30), otio.opentime.RationalTime(60, 30)
        )
        track.insert(1, second)
        track.insert(1, otio.schema.Gap(duration=otio.opentime.RationalTime(30, 30)))
        del track[3]
        cut = read_cut(timeline.to_json_string(), CLIPS)
        assert [(piece.card_file_id, round(piece.start), round(piece.end)) for piece in cut.pieces] == [
            (8, 15, 17),
            (8, 2, 12),
        ]

    def test_without_our_ids_a_clip_is_known_by_its_file_and_its_timecode_does_not_matter(self) -> None:
        said = json.loads(write_timeline("film", Fraction(30), FILM[1:2]).replace("GX010007.MP4", "gx010007.mp4"))
        clip = said["tracks"]["children"][0]["children"][0]
        clip["metadata"] = {}
        reference = next(iter(clip["media_references"].values()))
        for shifted in (reference["available_range"], clip["source_range"]):
            shifted["start_time"]["value"] += 3600 * shifted["start_time"]["rate"]  # a camera's timecode: one hour
        assert read_cut(json.dumps(said), CLIPS).pieces[0].start == pytest.approx(0)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no OpenTimelineIO"),
            ("{}", "no OpenTimelineIO|not a timeline"),
            ('{"OTIO_SCHEMA": "Timeline.1", "tracks": 3}', "no OpenTimelineIO"),
            (otio.schema.Clip("alone").to_json_string(), "holds a 'Clip'"),
            (b"\xff\xfe\x00", "no OpenTimelineIO"),
            ("<xmeml version='5'/>", "no OpenTimelineIO"),
            (otio.schema.Timeline("nothing").to_json_string(), "none of this jump's clips"),
        ],
    )
    def test_what_is_no_timeline_is_refused_with_words(self, text: str | bytes, says: str) -> None:
        with pytest.raises(BadInput, match=says) as refused:
            read_cut(text, CLIPS, file="film.otio")
        assert refused.value.advice

    @pytest.mark.parametrize(("change", "says"), CHANGES)
    def test_what_a_cut_can_not_say_is_refused_with_words(self, change: Any, says: str) -> None:
        timeline = otio.adapters.read_from_string(write_timeline("film", Fraction(30), FILM), "otio_json")
        change(timeline.tracks[0])
        with pytest.raises(BadInput, match=says):
            read_cut(timeline.to_json_string(), CLIPS)

    def test_clips_on_two_tracks_are_refused(self) -> None:
        timeline = otio.adapters.read_from_string(write_timeline("film", Fraction(30), FILM), "otio_json")
        timeline.tracks.insert(1, timeline.tracks[0].clone())
        with pytest.raises(BadInput, match="2 video tracks"):
            read_cut(timeline.to_json_string(), CLIPS)
