"""What steps show in Dagster: tables."""

from typing import Any

from stinercut_assets.common.metadata import table


def records(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(record.data) for record in table(rows).value.records]  # pyright: ignore


def test_a_row_that_says_less_than_the_others_is_a_row_all_the_same() -> None:
    # A film of the code that can't be read has no length and no picture size; the clips beside it do.
    found = records([{"file": "code.MP4"}, {"file": "clip.MP4", "seconds": 2.0, "audio": None}])
    assert found == [
        {"file": "code.MP4", "seconds": "", "audio": ""},
        {"file": "clip.MP4", "seconds": 2.0, "audio": ""},
    ]


def test_no_rows_are_a_table_too() -> None:
    assert len(records([])) == 1
