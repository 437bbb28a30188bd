"""Which names a hub answers to: addresses and names of its own house, and those that it was told."""

from __future__ import annotations

import pytest

from hub.security import is_own_name, is_same_origin


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8800",
        "10.0.0.2",
        "[::1]:8800",
        "[fd00::12]",
        "localhost:8800",
        "LOCALHOST.",
        "board.localhost",
        "laptop",
        "hub:8800",
        "laptop.local:8800",
        "stinercut.jumps.svc.cluster.local",
        "Board.example.org:443",
    ],
)
def test_our_own_names(host: str) -> None:
    assert is_own_name(host, ["board.example.ORG"])


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8800",
        "evil.example",
        "board.example.org.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8800",
        "[::1",
    ],
)
def test_names_of_others(host: str) -> None:
    assert not is_own_name(host, ["board.example.org"])


def test_an_origin_that_is_no_address_is_another_site() -> None:
    assert not is_same_origin({"host": "hub", "origin": "http://[hub"})
