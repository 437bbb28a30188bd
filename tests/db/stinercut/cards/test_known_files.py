"""Which files of a card are known: the rule, its samples, and a property test of both over the real catalog."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from support import heard
from support.cataloguing import FILMED_FROM, SMALL_LIMIT, catalog_in, entry, inserted, list_of, passenger, record

from detector.card.events import CardRoot
from detector.card.scan import SourceFile
from detector.copy.sampling import take_sample
from stinercut.cards import insertions, probable_files, unassigned_files
from stinercut.cards.known_files import Facts, FileVerdict, SeenFile, folded, is_believed, is_quarter_shift, judge
from stinercut.catalog import Catalog
from stinercut.catalog.models import CardFile, CardFileAlias, ImportedFile, JumpFile, ManifestEntry
from stinercut.protocol import FileCopied, FileEntry, FileKind, FileSample
from stinercut.storage.file_samples import PIECE, PIECES, places, sample_of

HASH = "a" * 32
DCIM = "DCIM/100GOPRO"
SUMMER_TIME = timedelta(hours=1)
FACTS = Facts("card-1", DCIM, "GX010001.MP4", 1000, FILMED_FROM)


def seen(**changed: object) -> SeenFile:
    row = SeenFile(1, *FACTS, HASH, FILMED_FROM.replace(tzinfo=UTC) + timedelta(hours=1))
    return row._replace(**changed)  # type: ignore[arg-type]


class TestRule:
    def test_the_same_again_is_known(self):
        assert judge(FACTS, [seen()]).verdict is FileVerdict.KNOWN

    def test_nothing_alike_is_new(self):
        assert judge(FACTS, []).verdict is FileVerdict.NEW

    @pytest.mark.parametrize(
        "changed",
        [
            {"modified": FILMED_FROM + SUMMER_TIME},
            {"modified": FILMED_FROM - timedelta(hours=5, minutes=45)},
            {"modified": FILMED_FROM + timedelta(hours=26)},
            {"card_id": "card-2"},
            {"folder": "DCIM/101GOPRO"},
            {"imported_at": datetime(2036, 6, 1, tzinfo=UTC)},
        ],
        ids=["summer time", "Nepal", "date line", "other card", "other folder", "clock set back ten years"],
    )
    def test_a_doubt_is_settled_by_a_sample(self, changed: dict[str, object]):
        judgement = judge(FACTS, [seen(**changed)])
        assert judgement.verdict is FileVerdict.PROBABLE
        assert [one.card_file_id for one in judgement.candidates] == [1]

    @pytest.mark.parametrize(
        "changed",
        [
            {"modified": FILMED_FROM + timedelta(minutes=7)},
            {"modified": FILMED_FROM + timedelta(hours=26, minutes=15)},
            {"content_hash": None, "imported_at": None},
        ],
        ids=["no shift of zones", "further than any zone", "never imported"],
    )
    def test_unknown_means_copy(self, changed: dict[str, object]):
        assert judge(FACTS, [seen(**changed)]).verdict is FileVerdict.NEW

    def test_two_contents_of_one_name_size_and_date_are_a_doubt(self):
        twins = [seen(), seen(card_file_id=2, content_hash="b" * 32)]
        judgement = judge(FACTS, twins)
        assert judgement.verdict is FileVerdict.PROBABLE
        assert len(judgement.candidates) == 2

    @given(st.text(max_size=20))
    def test_names_fold_alike_in_every_form(self, name: str):
        assert folded(name) == folded(folded(name)) or not name.isascii()
        assert folded(name.upper().lower()) == folded(name.lower()) or not name.isascii()

    @given(st.datetimes(datetime(1980, 1, 1), datetime(2099, 1, 1)), st.integers(-104, 104), st.integers(0, 1))
    def test_every_zone_is_a_quarter_shift(self, when: datetime, quarters: int, odd: int):
        when = when.replace(second=when.second & ~1, microsecond=0)
        shifted = when + timedelta(minutes=15 * quarters, seconds=odd)
        assert is_quarter_shift(when, shifted)
        assert is_quarter_shift(shifted, when)
        assert not is_quarter_shift(when, shifted + timedelta(minutes=4))

    def test_dates_to_be_believed(self):
        imported = datetime(2026, 6, 1, 12, tzinfo=UTC)
        assert is_believed(datetime(2026, 6, 2, 2), imported)  # Filmed in a zone that is far ahead.
        assert not is_believed(datetime(2016, 1, 1), imported)
        assert not is_believed(datetime(2027, 1, 1), imported)


class TestSample:
    @pytest.mark.parametrize("size", [0, 1, PIECE, PIECE * PIECES, PIECE * PIECES + 1, 50 * PIECE + 17])
    def test_places_lie_within_and_reach_both_ends(self, size: int):
        found = places(size)
        assert found[0][0] == 0
        assert sum(found[-1]) == size
        assert all(offset >= 0 and offset + length <= size for offset, length in found)
        assert sum(length for _, length in found) == min(size, PIECE * PIECES)

    def sample(self, path: Path, size: int) -> str:
        handle = os.open(path, os.O_RDONLY)
        try:
            return sample_of(handle, size)
        finally:
            os.close(handle)

    def test_every_place_counts_and_so_does_the_size(self, tmp_path: Path):
        size = 40 * PIECE
        file = tmp_path / "a"
        file.write_bytes(bytes(size))
        plain = self.sample(file, size)
        found = {plain, self.sample(file, size - 1)}
        for offset, length in places(size):
            changed = bytearray(size)
            changed[offset + length // 2] = 1
            file.write_bytes(changed)
            found.add(self.sample(file, size))
        assert len(found) == PIECES + 2

    def test_a_file_that_ends_early(self, tmp_path: Path):
        (tmp_path / "a").write_bytes(b"abc")
        with pytest.raises(EOFError):
            self.sample(tmp_path / "a", 10)

    def test_the_detector_takes_it_only_of_what_it_scanned(self, tmp_path: Path):
        file = tmp_path / "DCIM" / "A.MP4"
        file.parent.mkdir()
        file.write_bytes(b"abc")
        root = CardRoot.at(tmp_path)
        source = SourceFile("DCIM/A.MP4", 3, file.stat().st_mtime_ns, small=True)
        assert take_sample(root, source) == self.sample(file, 3)
        assert take_sample(root, replace(source, size=2)) is None
        assert take_sample(root, replace(source, mtime_ns=1)) is None
        assert take_sample(root, replace(source, relative="DCIM/B.MP4")) is None
        (tmp_path / "DCIM" / "L.MP4").symlink_to(file)
        assert take_sample(root, replace(source, relative="DCIM/L.MP4")) is None
        (tmp_path / "LINK").symlink_to(file.parent)
        assert take_sample(root, replace(source, relative="LINK/A.MP4")) is None


# ------------------------------------------------------------------------------------------------ over the catalog


@dataclass(frozen=True)
class Footage:
    """A file on a card: what the hub sees of it, and the content that it does not see."""

    file: FileEntry
    content: str

    @property
    def content_hash(self) -> str:
        return hashlib.md5(self.content.encode()).hexdigest()


def footage(name: str, content: str, *, size: int = 1000, **more: object) -> Footage:
    return Footage(entry(name, size).model_copy(update=more), content)


@dataclass
class World:
    """Plays a detector whose cards are lists of Footage, and a store that is a set."""

    catalog: Catalog
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    stored: set[str] = field(default_factory=set[str])
    sampled: list[str] = field(default_factory=list[str])

    def put_in(self, card: str, files: list[Footage]) -> list[Footage]:
        """Put a card in, answer every question, copy what is asked for; returns what was copied."""
        insertion = f"{card}-in-{next(self.numbers)}"
        listed = [one.file.model_copy(update={"file_id": f"f{place}"}) for place, one in enumerate(files)]
        by_id = {file.file_id: one for file, one in zip(listed, files, strict=True)}
        with self.catalog.write() as session:
            insertions.record_insertion(session, "det", inserted(insertion, card))
            heard.record_file_list(session, list_of(insertion, listed), SMALL_LIMIT)
        self._answer_samples(insertion, by_id)
        with self.catalog.write() as session:
            asked = heard.take_requests(session, insertion)
        for file_id in asked:
            one = by_id[file_id]
            message = FileCopied(
                insertion_id=insertion, file_id=file_id, content_hash=one.content_hash, size=one.file.size
            )
            with self.catalog.write() as session:
                heard.record_copied(session, message)
                row = session.get_one(ManifestEntry, (insertion, file_id)).card_file_id
                # Each card goes in at noon of the first day: what is dated 2016 is dated by a wrong clock.
                session.get_one(ImportedFile, row).imported_at = FILMED_FROM.replace(hour=12, tzinfo=UTC)
        self._must_hold(insertion, by_id)
        copied = [by_id[file_id] for file_id in asked]
        self.stored.update(by_id[file_id].content_hash for file_id in asked)
        return copied

    def _answer_samples(self, insertion: str, by_id: dict[str, Footage]) -> None:
        with self.catalog.read() as session:
            in_doubt = probable_files.files_in_doubt(session, insertion)
        samples = [FileSample(file_id=file_id, sample=by_id[file_id].content_hash) for file_id in in_doubt]
        self.sampled = [by_id[file_id].content for file_id in in_doubt]
        with self.catalog.read() as session:
            same = heard.same_content(session, insertion, samples, lambda content_hash, _size: content_hash)
        for _ in range(2):  # At-least-once delivery.
            with self.catalog.write() as session:
                heard.record_samples(session, insertion, samples, same)

    def _must_hold(self, insertion: str, by_id: dict[str, Footage]) -> None:
        """Nothing new was skipped: the catalog holds the true content of every file of the card."""
        with self.catalog.read() as session:
            rows = session.execute(
                select(ManifestEntry.file_id, ManifestEntry.state, ImportedFile.content_hash)
                .outerjoin(ImportedFile, ImportedFile.card_file_id == ManifestEntry.card_file_id)
                .where(ManifestEntry.insertion_id == insertion)
            ).all()
        assert {file_id: content_hash for file_id, _, content_hash in rows} == {
            file_id: one.content_hash for file_id, one in by_id.items()
        }
        assert {state for _, state, _ in rows} <= {"known", "copied"}


@pytest.fixture
def world(catalog: Catalog) -> World:
    return World(catalog)


def moved(files: list[Footage], shift: timedelta) -> list[Footage]:
    return [replace(one, file=one.file.model_copy(update={"modified": one.file.modified + shift})) for one in files]


class TestCatalog:
    def card(self) -> list[Footage]:
        return [footage(f"GX01000{n}.MP4", f"film {n}", size=1000 + n) for n in range(4)]

    @pytest.mark.parametrize("hours", [1, -1, 9.5, -12, 14])
    def test_summer_time_and_zones_copy_nothing(self, world: World, hours: float):
        assert len(world.put_in("card-1", self.card())) == 4
        assert world.put_in("card-1", moved(self.card(), timedelta(hours=hours))) == []
        assert len(world.sampled) == 4

    def test_a_new_volume_id_copies_nothing(self, world: World):
        world.put_in("card-1", self.card())
        assert world.put_in("card-2", self.card()) == []
        assert world.put_in("card-2", self.card()) == []
        assert world.sampled == []  # By now these are findings of their own.

    def test_a_clock_set_back_and_a_counter_that_restarts(self, world: World):
        reset = datetime(2016, 1, 1, 0, 0, 14)
        first = [footage("GX010001.MP4", "Anna", modified=reset)]
        second = [footage("GX010001.MP4", "Ben", modified=reset)]
        assert world.put_in("card-1", first) == first
        assert world.put_in("card-1", first) == []
        assert world.put_in("card-1", second) == second
        assert world.put_in("card-1", second) == []
        assert world.put_in("card-1", first) == []
        third = [footage("GX010001.MP4", "Cem", modified=reset)]
        assert world.put_in("card-2", third) == third

    def test_the_same_name_in_two_folders(self, world: World):
        files = [footage("GX010001.MP4", "Anna"), footage("GX010001.MP4", "Ben", folder="DCIM/101GOPRO")]
        assert world.put_in("card-1", files) == files
        assert world.put_in("card-1", files) == []
        copied_over = [*files, footage("GX010001.MP4", "Anna", folder="DCIM/102GOPRO")]
        assert world.put_in("card-1", copied_over) == []

    def test_content_that_differs_never_takes_the_place_of_a_placed_file(self, world: World):
        """Whatever the metadata said: the hash of what was copied has the last word."""
        [one] = self.card()[:1]
        world.put_in("card-1", [one])
        first = one.file.model_copy(update={"file_id": "f0"})
        record(world.catalog, "card-1-in-1", passenger(), [first], [])
        insertion = "again"
        with world.catalog.write() as session:
            insertions.record_insertion(session, "det", inserted(insertion, "card-1"))
            heard.record_file_list(session, list_of(insertion, [first]), SMALL_LIMIT, lambda _hash, _size: False)
            assert heard.take_requests(session, insertion) == ["f0"]
            other = FileCopied(insertion_id=insertion, file_id="f0", content_hash="c" * 32, size=one.file.size)
            for _ in range(2):
                heard.record_copied(session, other)
            rows = dict(session.execute(select(ImportedFile.content_hash, ImportedFile.card_file_id)).all())
            assert set(rows) == {one.content_hash, "c" * 32}
            placed = session.execute(select(JumpFile.card_file_id)).scalars().all()
            assert placed == [rows[one.content_hash]]
            assert unassigned_files.loose_files(session, insertion) == [rows["c" * 32]]

    def test_a_placed_file_under_another_date_is_an_alias_and_not_identified_again(self, world: World):
        files = self.card()
        world.put_in("card-1", files)
        listed = [one.file.model_copy(update={"file_id": f"f{place}"}) for place, one in enumerate(files)]
        record(world.catalog, "card-1-in-1", passenger(), listed[:1], listed[1:])
        later = moved(files, SUMMER_TIME)
        for sampled in (4, 0):  # Proven once, and remembered.
            assert world.put_in("card-1", later) == []
            assert len(world.sampled) == sampled
        with world.catalog.read() as session:
            assert unassigned_files.loose_files(session, "card-1-in-2") == []
            assert session.execute(select(func.count()).select_from(CardFileAlias)).scalar_one() == 4
            assert session.execute(select(func.count()).select_from(ImportedFile)).scalar_one() == 4

    def test_without_a_sample_it_is_copied(self, world: World):
        world.put_in("card-1", self.card())
        shifted = [one.file for one in moved(self.card(), SUMMER_TIME)]
        with world.catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-2", "card-1"))
            heard.record_file_list(session, list_of("in-2", shifted), SMALL_LIMIT)
            assert heard.take_requests(session, "in-2") == []
            assert probable_files.open_samples(session, "det") == [("in-2", sorted(one.file_id for one in shifted))]
            heard.give_up_samples(session, "in-2")
            assert len(heard.take_requests(session, "in-2")) == 4


@pytest.fixture(scope="module")
def one_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with catalog_in(tmp_path_factory.mktemp("known")) as catalog:
        yield catalog


EXAMPLES = count(1)
FILES = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from([10, 11]), st.sampled_from("xyz"), st.sampled_from([0, 3, 7])),
    min_size=1,
    max_size=4,
)
SHIFTS = st.sampled_from([0, 60, -60, 345, -720])


class TestProperty:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(["100", "101"]), st.booleans(), SHIFTS, FILES),
            min_size=1,
            max_size=5,
        )
    )
    def test_nothing_new_is_skipped_and_nothing_known_copied_twice(
        self,
        one_catalog: Catalog,
        insertions: list[tuple[str, str, bool, int, list[tuple[str, int, str, int]]]],
    ):
        """Cards with counters that restart, contents that change under one name, clocks that are reset and shifted.

        A clock that is right shows each moment of a camera once; one that was reset may date anything alike. Of two
        cameras, A films for itself, and B's card was copied to the other one.

        `World.put_in` checks after each that the catalog holds the true content of each file. Here: a file whose
        content is stored under the same name and size, at a time that a change of zones explains, isn't copied.
        """
        example = next(EXAMPLES)
        world = World(one_catalog)
        before: dict[tuple[str, int, str], list[datetime]] = {}
        for card, folder, is_reset, shift, files in insertions:
            begin = datetime(2016, 1, 1) if is_reset else FILMED_FROM
            on_card: dict[tuple[str, int, datetime], Footage] = {}
            for letter, size, anything, minute in files:
                name = f"{letter}{example}.MP4"
                when = begin + timedelta(minutes=minute + shift)
                camera = card if letter == "A" else "both"
                content = f"{example} {size} {anything if is_reset else (camera, letter, minute)}"
                one = footage(name, content, size=size, folder=f"DCIM/{folder}", modified=when)
                on_card.setdefault((name, size, when), one)
            copied = world.put_in(f"{card}-{example}", list(on_card.values()))
            for (name, size, when), one in on_card.items():
                if one in copied:
                    earlier = before.get((name, size, one.content), [])
                    assert not any(is_quarter_shift(when, known) for known in earlier)
            for (name, size, when), one in on_card.items():
                before.setdefault((name, size, one.content), []).append(when)
        with one_catalog.read() as session:
            kinds = session.execute(select(CardFile.kind).distinct()).scalars().all()
        assert kinds == [FileKind.VIDEO]
