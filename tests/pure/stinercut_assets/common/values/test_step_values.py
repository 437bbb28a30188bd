"""Values between steps as JSON: each kind comes back as it was, older versions too, and nothing else is taken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stinercut_assets.cards.step_kinds import CARD_KINDS
from stinercut_assets.common.values.step_values import StepValues, UnreadableValue, ValueKind
from stinercut_assets.films.step_kinds import FILM_KINDS


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Near:
    at: Path


@dataclass(frozen=True)
class Far:
    at: Path
    rate: Fraction


@dataclass(frozen=True)
class Thing:
    name: str
    day: date
    moment: datetime
    colour: Colour
    places: tuple[Near | Far, ...]
    chosen: frozenset[int] = frozenset()
    by_name: dict[str, Near] = field(default_factory=dict[str, Near])


THING = Thing(
    "Zoë \u2028",
    date(2026, 6, 1),
    datetime(2026, 6, 1, 9, 0, 0, 123456),
    Colour.RED,
    (Near(Path("/a")), Far(Path("b/c"), Fraction(30_000, 1001))),
    frozenset({3, 1}),
    {"x": Near(Path("y"))},
)
VALUES = StepValues((ValueKind("thing", 1, Thing),))


@pytest.mark.parametrize(
    "value", [None, "", "text", 0, -1.5, True, [], ["a", "b"], THING, [THING, THING], [THING, "and text"], [[1], [2]]]
)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    content = VALUES.encode(value)
    again = VALUES.decode(content)
    assert again == value
    assert type(again) is type(value)


def test_what_is_written_says_its_kind_and_version() -> None:
    written = json.loads(VALUES.encode(THING))
    assert (written["kind"], written["version"], written["value"]["day"]) == ("thing", 1, "2026-06-01")
    assert json.loads(VALUES.encode(["a"])) == {"kind": "plain", "version": 1, "value": ["a"]}


@pytest.mark.parametrize(
    "value", [Near(Path("a")), {"a": 1}, ("a",), {1}, b"a", Colour.RED, float("nan"), object(), [Near(Path("a"))]]
)
def test_what_is_no_kind_of_ours_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        VALUES.encode(value)


def test_a_value_that_its_own_type_would_refuse_is_not_written() -> None:
    wrong: Any = Thing("a", date(2026, 6, 1), datetime(2026, 6, 1), Colour.RED, (Near(Path("a")),), frozenset({"x"}))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Thing"):
        VALUES.encode(wrong)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"kind": "thing"}',
        b'{"kind": "plain", "version": 1, "value": {"a": 1}}',
        b'{"kind": "plain", "version": 2, "value": 1}',
        b'{"kind": "list", "version": 1, "value": 1}',
        b'{"kind": "thing", "version": 1, "value": {"name": "a"}}',
        b'{"kind": "thing", "version": "1", "value": {}}',
        b'{"kind": ' * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_value_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(UnreadableValue) as refused:
        VALUES.decode(content)
    assert "Run the step that made it again" in refused.value.advice


@pytest.mark.parametrize(("name", "version"), [("thing", 2), ("thing", 0), ("strange", 1)])
def test_an_unknown_kind_or_version_is_named(name: str, version: int) -> None:
    with pytest.raises(UnreadableValue, match=f"{name}, version {version}"):
        VALUES.decode(json.dumps({"kind": name, "version": version, "value": {}}).encode())


def test_an_older_version_is_brought_up_to_date_step_by_step() -> None:
    now = ValueKind("place", 3, Far, {1: lambda old: {"at": old["path"]}, 2: lambda old: {**old, "rate": "30"}})
    first = StepValues((now,)).decode(b'{"kind": "place", "version": 1, "value": {"path": "/a"}}')
    assert first == Far(Path("/a"), Fraction(30))
    second = StepValues((now,)).decode(b'{"kind": "place", "version": 2, "value": {"at": "/a"}}')
    assert second == first


def test_every_kind_of_ours_can_be_told_from_the_others() -> None:
    kinds = (*CARD_KINDS, *FILM_KINDS)
    assert len({kind.name for kind in kinds}) == len({kind.type for kind in kinds}) == len(kinds)
    assert not {"plain", "list"} & {kind.name for kind in kinds}
    assert all(kind.upgrades.keys() == set(range(1, kind.version)) for kind in kinds), (
        "an upgrade from each to the next"
    )
