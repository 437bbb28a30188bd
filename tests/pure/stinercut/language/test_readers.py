"""Which language a browser's reader gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stinercut.language import readers
from stinercut.language.readers import reader_language


@pytest.fixture(autouse=True)
def two_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "languages", lambda: ("de", "en"))


@pytest.mark.parametrize(
    ("accepts", "house", "wanted"),
    [
        ("", "en", "en"),
        ("", "de", "de"),
        ("", "xx", "en"),
        ("de", "en", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "en", "de"),
        ("en;q=0.8, DE-ch ;q=0.9", "en", "de"),
        ("cs,sk;q=0.9", "de", "de"),
        ("cs,en;q=0.1", "de", "en"),
        ("*", "de", "de"),
        ("cs, *;q=0.5, en;q=0.4", "de", "de"),
        ("de;q=0", "en", "en"),
        ("de;q=nan,en", "de", "en"),
        ("de;q=7,en;q=0.1", "de", "en"),
        (";;;,=,de;level=1", "en", "en"),
    ],
)
def test_the_best_language_that_has_words(accepts: str, house: str, wanted: str) -> None:
    assert reader_language(accepts, house) == wanted


@given(st.text(max_size=200))
def test_any_header_gives_a_language_that_has_words(accepts: str) -> None:
    assert reader_language(accepts, "de") in ("de", "en")
