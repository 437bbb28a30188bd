"""A segment is decoded once; afterwards a film is known by its bytes to have the pictures that were decoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.footage import FIELDS, as_source, make_clip, small_template

from stinercut.errors import StoreDamaged
from stinercut.films.checks import decode_proof
from stinercut.films.checks.decode_proof import is_whole, pictures_of, proof_of, prove
from stinercut.films.film import Making, looked_into, make_film, planned
from stinercut.films.join import Joinable, join
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segment_cache import note_of, remove
from stinercut.films.picture.segments import part_segment
from stinercut.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def making(store: Store, tmp_path: Path) -> Making:
    """A film of two clips of 15 frames, with a title and an outro of 30."""
    clips = [make_clip(tmp_path / f"{size}.mp4", size, 0.5) for size in ("160x90", "320x180")]
    return planned(store, small_template(), FIELDS, looked_into(map(as_source, clips))).films[0]


@pytest.fixture
def segments(making: Making) -> list[Segment]:
    return [part_segment(making.shop, part) for part in making.plan.parts]


@pytest.fixture
def never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """From where a test asks for it, nothing may be decoded any more."""

    def watch(*_: object) -> None:
        raise AssertionError("it is decoded once more")

    monkeypatch.setattr(decode_proof, "watch", watch)


def joined(segments: list[Segment], target: Path) -> Path:
    join([Joinable(segment) for segment in segments], target, title="x")
    return target


def flip(file: Path, place: int) -> None:
    """Change one bit."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def test_what_was_seen_once_is_known(
    store: Store, segments: list[Segment], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    prove(store, segments)
    request.getfixturevalue("never_decoded")
    prove(store, segments)
    seen = pictures_of(joined(segments, tmp_path / "film.mp4"), store, segments)
    assert (seen.frames, seen.said) == (90, "")
    assert all(is_whole(store, segment) for segment in segments)


def test_a_film_is_made_with_every_segment_seen(store: Store, making: Making, tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / "c.mp4", seconds=0.5)]
    production = planned(store, small_template(), FIELDS, looked_into(map(as_source, clips)))
    finished = make_film(production, tmp_path / "films" / "film.mp4", workers=2)
    assert all(check.passed for check in finished.checks)
    made = [part_segment(production.films[0].shop, part) for part in production.films[0].plan.parts]
    assert all(note_of(segment.video).is_file() for segment in made)


def test_another_clip_in_ones_place_is_noticed_though_it_decodes(
    store: Store, segments: list[Segment], tmp_path: Path
) -> None:
    title, first, second, outro = segments
    film = joined([title, second, first, outro], tmp_path / "film.mp4")
    seen = pictures_of(film, store, segments)
    assert seen.said.splitlines() == [
        "the pictures from 1.0 to 1.5 s are not those that were rendered",
        "the pictures from 1.5 to 2.0 s are not those that were rendered",
    ]
    assert seen.frames == 60
    missing = pictures_of(joined([title, first, outro], tmp_path / "short.mp4"), store, segments)
    assert "the film has 75 pictures, its parts have 90" in missing.said


def test_one_changed_byte_is_noticed(store: Store, segments: list[Segment], tmp_path: Path) -> None:
    """Most single bytes give another picture and no complaint of a decoder."""
    prove(store, segments)
    film = joined(segments, tmp_path / "film.mp4")
    track = decode_proof.read_track(film)
    assert track is not None
    flip(film, int(track.offsets[40] + track.sizes[40] - 3))
    said = pictures_of(film, store, segments).said
    assert "the pictures from 1.0 to 1.5 s are not those that were rendered" in said


def test_a_segment_that_rots_is_not_whole_and_its_note_goes_with_it(
    store: Store, making: Making, segments: list[Segment]
) -> None:
    segment = segments[1]
    known = proof_of(store, segment)
    assert (known.frames, known.said) == (15, "")
    track = decode_proof.read_track(segment.video)
    assert track is not None
    flip(segment.video, track.end - 3)
    assert not is_whole(store, segment)
    remove(segment)
    assert not note_of(segment.video).exists()
    again = part_segment(making.shop, making.plan.parts[1])
    assert is_whole(store, again)


def test_a_note_that_can_not_be_read_counts_for_nothing(store: Store, segments: list[Segment]) -> None:
    known = proof_of(store, segments[1])
    note_of(segments[1].video).write_text('{"digest": 3')
    assert proof_of(store, segments[1]) == known


def test_what_is_no_film_and_what_is_gone(store: Store, segments: list[Segment], tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film" * 100)
    with pytest.raises(StoreDamaged, match="no film"):
        pictures_of(tmp_path / "film.mp4", store, segments)
    film = joined(segments, tmp_path / "right.mp4")
    segments[1].video.unlink()
    with pytest.raises(StoreDamaged, match="missing"):
        pictures_of(film, store, segments)
