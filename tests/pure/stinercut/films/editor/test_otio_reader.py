"""Whatever `.otio` file somebody gives us: a cut, or a sentence that says what is wrong. Never anything else."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import opentimelineio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stinercut.errors import BadInput
from stinercut.films.editor.otio import KnownClip, TimelineStretch, read_cut, write_timeline

otio = cast("Any", opentimelineio)
CLIPS = [KnownClip(7, 15.0, ("GX010007.MP4",)), KnownClip(8, 20.0, ("GX010008.MP4",))]
FILM = [
    TimelineStretch("title", Path("/films/title.mp4"), 0, 4, 4, Fraction(30)),
    TimelineStretch("GX010007.MP4", Path("/cards/GX010007.MP4"), 0, 15, 15, Fraction(25), 7),
    TimelineStretch("GX010008.MP4", Path("/cards/GX010008.MP4"), 2, 10, 20, Fraction(30), 8, blend=0.5),
]
TEXT = write_timeline("film", Fraction(30), FILM)


def changed(**change: object) -> str:
    """The timeline with another clip in the place of the first filmed one."""
    said = json.loads(TEXT)
    clip = said["tracks"]["children"][0]["children"][1]
    clip.update(change)
    return json.dumps(said)


REFERENCE = {"DEFAULT_MEDIA": {"OTIO_SCHEMA": "ExternalReference.1", "target_url": "file:///x/GX010007.MP4"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed(source_range=None, media_references=REFERENCE), "'GX010007.MP4' has no length"),
        (changed(source_range=None, media_references={}), "'GX010007.MP4' has no length"),
        (changed(source_range={"start_time": {"value": 1e308, "rate": 1e-308}}), "'GX010007.MP4' has no length"),
        (changed(source_range={"duration": 3, "start_time": []}), "'GX010007.MP4' has no length"),
        (changed(metadata={"stinercut": "film"}, media_references={}), "'GX010007.MP4' is not one of this"),
        (changed(metadata={"stinercut": {"card_file_id": True}}, media_references={}), "is not one of this"),
        (
            changed(metadata={}, media_references={"DEFAULT_MEDIA": {"target_url": "http://["}}),
            "'\\[' is not one of|not one of",
        ),
        (changed(name="\ud800", metadata={}, media_references={}), "'\\\\ud800' is not one of this"),
        ('{"OTIO_SCHEMA": "Timeline.1", "tracks": null}', "no tracks"),
        ('{"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1"}}', "no tracks"),
        ("[" * 1_000_000, "no OpenTimelineIO"),
        ('{"OTIO_SCHEMA": "Timeline.1", "tracks":' * 40_000, "no OpenTimelineIO"),
        ("1" * 10_000, "no OpenTimelineIO"),
    ],
)
def test_what_damaged_the_process_before_is_refused_with_words(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read_cut(text, CLIPS, file="film.otio")
    assert refused.value.advice
    refused.value.sentence().encode()


def test_a_note_that_is_none_of_ours_leaves_the_file_name() -> None:
    for note in ("film", 3.5, [7], None):
        assert read_cut(changed(metadata={"stinercut": note}), CLIPS).pieces[0].card_file_id == 7


def test_older_and_shorter_ways_of_writing_are_read() -> None:
    """`Clip.1` has one file, what is used again is only referred to, a speed of 1 changes nothing."""
    said = json.loads(TEXT)
    first, _, second = said["tracks"]["children"][0]["children"][1:]
    shared = {**next(iter(first.pop("media_references").values())), "OTIO_REF_ID": "1"}
    first |= {"OTIO_SCHEMA": "Clip.1", "media_reference": shared, "metadata": {}}
    first["effects"] = [{"OTIO_SCHEMA": "LinearTimeWarp.1", "time_scalar": 1.0}]
    second |= {"metadata": {}, "media_references": {"a": {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "1"}}}
    second["active_media_reference_key"] = "a"
    assert [piece.card_file_id for piece in read_cut(json.dumps(said), CLIPS).pieces] == [7, 7]


def test_effects_are_passed_over_and_a_programs_own_title_is_refused() -> None:
    """As `stinercut cut import --help` says."""
    assert read_cut(changed(effects=[{"OTIO_SCHEMA": "Effect.1", "name": "Blur"}]), CLIPS) == read_cut(TEXT, CLIPS)
    title = {"DEFAULT_MEDIA": {"OTIO_SCHEMA": "GeneratorReference.1", "generator_kind": "Text"}}
    with pytest.raises(BadInput, match="'Happy birthday' is not one of this jump's clips"):
        read_cut(changed(name="Happy birthday", metadata={}, media_references=title), CLIPS)


def test_a_tracks_whole_clip_without_its_own_range_is_all_of_its_file() -> None:
    said = json.loads(write_timeline("film", Fraction(30), FILM[1:2]))
    said["tracks"]["children"][0]["children"][0]["source_range"] = None
    assert [(piece.start, piece.end) for piece in read_cut(json.dumps(said), CLIPS).pieces] == [(0, 15)]


SCHEMAS = ["Timeline.1", "Stack.1", "Track.1", "Clip.2", "Clip.1", "Gap.1", "Transition.1", "TimeRange.1",
           "RationalTime.1", "ExternalReference.1", "LinearTimeWarp.1", "SerializableObjectRef.1",
           "Unheard.9"]  # fmt: skip
KEYS = ["OTIO_SCHEMA", "OTIO_REF_ID", "id", "tracks", "children", "kind", "enabled", "effects", "name", "metadata",
        "stinercut", "card_file_id", "source_range", "media_references", "media_reference", "available_range",
        "active_media_reference_key", "target_url", "start_time", "duration", "value", "rate", "in_offset",
        "out_offset", "time_scalar"]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from([*SCHEMAS, "Video"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
)


def places(said: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a JSON value."""
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [path, *(one for key, value in inner for one in places(value, (*path, key)))]


def require_a_cut_or_words(text: str | bytes) -> None:
    try:
        cut = read_cut(text, CLIPS, file="film.otio")
    except BadInput as refused:
        refused.sentence().encode()
        return
    lengths = {clip.card_file_id: clip.seconds for clip in CLIPS}
    assert cut.pieces
    assert all(0 <= piece.start < piece.end <= lengths[piece.card_file_id] for piece in cut.pieces)


PLACES = places(json.loads(TEXT))[1:]


@settings(max_examples=300)
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=4))
def test_a_timeline_with_anything_in_any_place(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    said = json.loads(TEXT)
    for path, value in changes:
        at = said
        try:
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue
    require_a_cut_or_words(json.dumps(said))


@given(VALUES)
def test_any_value(value: Any) -> None:
    require_a_cut_or_words(json.dumps({"OTIO_SCHEMA": "Timeline.1", "tracks": value}))


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes(text: str | bytes) -> None:
    require_a_cut_or_words(text)


@given(st.integers(0, len(TEXT)))
def test_a_file_that_is_cut_off(length: int) -> None:
    require_a_cut_or_words(TEXT[:length].encode())
