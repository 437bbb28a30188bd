"""The card that misbehaves on purpose: where this machine can't make one, the tests that need it are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import slow_card
from support.slow_card import NotHere, mounted


def test_where_reading_ahead_cant_be_set_there_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, card = tmp_path / "folder", tmp_path / "card"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"a")
    try:
        with mounted(folder, card):
            assert (card / "a.mp4").read_bytes() == b"a"
    except NotHere as why:
        pytest.skip(f"no such card on this machine: {why}")
    monkeypatch.setattr(slow_card, "READ_AHEAD", tmp_path / "no sys")
    with pytest.raises(NotHere, match="read_ahead_kb can't be set"), mounted(folder, card):
        pytest.fail("a card whose pace is not its own")
    assert list(card.iterdir()) == [], "it is still mounted"
