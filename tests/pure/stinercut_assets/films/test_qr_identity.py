"""Holding a jump's name against its codes and against what people decided."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from support.cataloguing import DAY, FILMED_FROM, passenger

from stinercut.catalog.models import Role
from stinercut.codes.payload import Payload
from stinercut.codes.reading import Reading
from stinercut.errors import BadInput
from stinercut.jumps.jumps import FootageFile, JumpFootage
from stinercut.language.messages import as_written, worded
from stinercut.review.file_groups import Word
from stinercut_assets.common.values.step_values import StepValues
from stinercut_assets.films.qr_identity import Identity, confirm_identity
from stinercut_assets.films.step_kinds import FILM_KINDS

WORD = Word(3, "Kim", datetime(2026, 6, 1, 12, 30, tzinfo=UTC))


def file(number: int, role: Role) -> FootageFile:
    return FootageFile(number, f"GX01000{number}.MP4", role, number, 1000, f"{number:032x}", FILMED_FROM)


FOOTAGE = JumpFootage(
    "2026-06-01_B-1", DAY, "Anna Müller", "B-1", "v", (file(1, Role.QR), file(2, Role.QR), file(3, Role.CLIP))
)


def says(payload: Payload | None) -> Reading:
    return Reading(payload=payload)


def test_a_code_that_agrees_is_the_source() -> None:
    confirmed = confirm_identity(FOOTAGE, {1: says(None), 2: says(passenger())})
    assert confirmed == Identity("Anna Müller", "B-1", "GX010002.MP4")


@pytest.mark.parametrize("other", [passenger("Anne Müller"), passenger(booking="B-2")])
def test_a_code_that_says_somebody_else_stops_the_film(other: Payload) -> None:
    readings = {1: says(passenger()), 2: says(other)}
    for words in ({}, {1: WORD, 3: WORD}):
        with pytest.raises(BadInput, match=r"GX010002.MP4: its code says .*Say whose jump this is"):
            confirm_identity(FOOTAGE, readings, words)


def test_a_persons_word_about_that_file_wins_and_is_told() -> None:
    confirmed = confirm_identity(FOOTAGE, {1: says(passenger("Bob", "B-2"))}, {1: WORD, 3: WORD})
    assert confirmed.passenger_name == "Anna Müller"
    assert confirmed.source_file is None
    assert confirmed.decided_by == ("Kim",)
    assert [worded(one) for one in confirmed.overruled] == [
        "GX010001.MP4: its code says Bob (B-2); Kim decided otherwise on 2026-06-01 12:30 UTC",
    ]


def test_the_step_of_before_kept_sentences_and_its_run_goes_on() -> None:
    values = StepValues(FILM_KINDS)
    overruled = Identity("Anna", "B-1", None, ("Kim",), as_written("a.mp4: its code says Bob"))
    kept = json.loads(values.encode(overruled))
    assert values.decode(json.dumps(kept).encode()) == overruled
    kept["value"]["overruled"] = ["a.mp4: its code says Bob"]
    assert values.decode(json.dumps(kept).encode()) == overruled


def test_without_any_code_a_person_said_it() -> None:
    confirmed = confirm_identity(FOOTAGE, {}, {1: WORD, 2: WORD, 3: WORD})
    assert (confirmed.source_file, confirmed.decided_by, confirmed.overruled) == (None, ("Kim",), ())
