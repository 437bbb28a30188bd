"""What the detector remembers, read back from a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detector.card.scan import SourceFile
from detector.copy.journal import Journal, LeftOver
from stinercut.errors import HostNotReady
from stinercut.protocol import CardLabel, CopyError, ErrorCode, FileCopied, Inserted, Removed, decode

CARD = CardLabel(card_id="card-1", label="GOPRO", kind="folder")
HASH = "0" * 32


def inserted(insertion_id: str) -> Inserted:
    return Inserted(insertion_id=insertion_id, card=CARD, inserted_at=datetime.now(UTC))


def file(number: int) -> tuple[str, SourceFile]:
    return f"f{number}", SourceFile(f"DCIM/{number}\udcff.mp4", 10, 20, small=True)


def types(journal: Journal) -> list[str]:
    return [decode(waiting.frame).body.type for waiting in journal.unacknowledged()]


def yes(_content_hash: str, _size: int) -> bool:
    return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as opened:
        yield opened


def test_messages_wait_in_order_until_acknowledged(journal: Journal) -> None:
    journal.card_in(inserted("i1"))
    journal.put([Removed(insertion_id="a"), Removed(insertion_id="b")])
    first, second, third = journal.unacknowledged()
    assert decode(first.frame).id == first.message_id
    journal.acknowledged(second.message_id)
    journal.acknowledged("never heard of")
    assert journal.unacknowledged() == [first, third]
    assert journal.unacknowledged(after=first.seq) == [third]
    assert journal.unacknowledged(limit=1) == [first]


def test_everything_survives_being_opened_again(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.card_in(inserted("i1"))
        before = journal.unacknowledged()
    with closing(Journal(path)) as journal:
        assert journal.unacknowledged() == before
        assert journal.knows("i1")
        assert not journal.knows("i2")


def test_a_file_asked_for_twice_is_copied_once(journal: Journal) -> None:
    journal.card_in(inserted("i1"))
    assert journal.want("i1", [file(1), file(2)], yes) == ["f1", "f2"]
    assert journal.want("i1", [file(2), file(3)], yes) == ["f3"]


def test_a_copied_file_asked_for_again_is_reported_again_unless_it_is_lost(journal: Journal) -> None:
    journal.card_in(inserted("i1"))
    journal.want("i1", [file(1)], yes)
    journal.copied(FileCopied(insertion_id="i1", file_id="f1", content_hash=HASH, size=10))
    assert journal.want("i1", [file(1)], yes) == []
    assert types(journal) == ["sd:inserted", "sd:file_copied", "sd:file_copied"]
    assert journal.want("i1", [file(1)], lambda _content_hash, _size: False) == ["f1"]


def test_a_failed_file_can_be_asked_for_again(journal: Journal) -> None:
    journal.card_in(inserted("i1"))
    journal.want("i1", [file(1)], yes)
    journal.failed("i1", "f1", CopyError(insertion_id="i1", file_id="f1", code=ErrorCode.SOURCE_IO, detail="x"))
    assert journal.want("i1", [file(1)], yes) == ["f1"]


def test_a_new_life_ends_old_insertions_and_knows_what_was_still_wanted(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.card_in(inserted("i1"))
        journal.want("i1", [file(2), file(1), file(3)], yes)
        journal.copied(FileCopied(insertion_id="i1", file_id="f1", content_hash=HASH, size=10))
        journal.card_in(inserted("i2"))
        journal.card_out("i2")
    with closing(Journal(path)) as journal:
        left = journal.start_over()
        assert left == [LeftOver("card-1", f"DCIM/{number}\udcff.mp4", 10, 20) for number in (2, 3)]
        assert types(journal) == ["sd:inserted", "sd:file_copied", "sd:inserted", "sd:removed", "sd:removed"]
        assert journal.start_over() == []


def test_what_was_wanted_of_a_card_that_is_out_is_dropped(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.card_in(inserted("i1"))
        journal.want("i1", [file(1)], yes)
        journal.card_out("i1")
        assert journal.start_over() == []
        assert journal.knows("i1")


def test_two_detectors_can_not_share_a_journal(path: Path, journal: Journal) -> None:
    with pytest.raises(HostNotReady, match="another detector"):
        Journal(path)
    journal.put([Removed(insertion_id="still-works")])


def test_a_step_that_fails_is_undone_whole(journal: Journal) -> None:
    journal.card_in(inserted("i1"))
    with pytest.raises(RuntimeError):
        journal.want("i1", failing(), yes)
    assert journal.want("i1", [file(1)], yes) == ["f1"]


def failing() -> Iterator[tuple[str, SourceFile]]:
    yield file(1)
    raise RuntimeError


def test_a_file_that_is_no_journal_is_an_error_in_words(path: Path) -> None:
    path.mkdir()
    with pytest.raises(HostNotReady, match=r"journal\.db"):
        Journal(path)
