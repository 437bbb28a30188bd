"""The guard of fan-outs: everything that was sent out comes back, or the collecting step fails."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stinercut_assets.common.fanout import FanOutIncomplete, all_of, mapping_key


def test_parts_come_back_in_the_order_they_were_sent_out() -> None:
    assert all_of(["a", "b", "c"], ["c", "a", "b"], str) == ["a", "b", "c"]


def test_a_missing_part_fails_and_is_named() -> None:
    with pytest.raises(FanOutIncomplete, match=r"missing: b;"):
        all_of(["a", "b"], ["a"], str)


def test_a_part_that_comes_twice_fails() -> None:
    with pytest.raises(FanOutIncomplete, match="a came back twice"):
        all_of(["a"], ["a", "a"], str)


def test_a_part_that_was_never_sent_out_fails() -> None:
    with pytest.raises(FanOutIncomplete, match="never sent out: z"):
        all_of(["a"], ["a", "z"], str)


@given(st.lists(st.text(min_size=1), min_size=1), st.integers())
def test_mapping_keys_are_what_dagster_allows(parts: list[str], number: int) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]+", mapping_key(*parts, number))
