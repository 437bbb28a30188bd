"""The same-origin rule: whose page asked."""

from __future__ import annotations

from hub.security import is_same_origin


def test_an_origin_that_is_no_address_is_another_site() -> None:
    assert not is_same_origin({"host": "hub", "origin": "http://[hub"})
