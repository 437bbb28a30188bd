"""Any order of cards going in and out, kills and broken connections: a state machine over the real engine.

Real insertions, copies, journal, store, conversation and catalog (`support.engine`). After each step the invariant of
the crash matrix holds; when nothing stands in the way, what was asked for is here; and after a last, quiet connection
every file of every card is.

    STINERCUT_MACHINE=300 pytest tests/process/detector/copy/test_offload_machine.py     300 sequences instead of 40
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.engine import CHUNK, SMALL, Engine
from support.invariant import hold, hold_everything

from stinercut.settings import Settings

LABELS = ("LEFT", "RIGHT")
SIZES = st.sampled_from([SMALL + 14 * CHUNK, SMALL + 5 * CHUNK, 300])
CONTENTS = st.integers(0, 3)
ELSEWHERE = st.sampled_from(["filmed", "filmed", "filmed", "formatted", "an hour on", "an hour back", ""])
PLACES = st.sampled_from(["chunk 11", "chunk 15", "chunk 24", "before publishing", "behind publishing", "", ""])
MISHAPS = st.sampled_from([("unanswered", 1), ("unanswered", 2), ("lost", 0), ("lost", 1), ("", 0), ("", 0)])
"""Which of the messages that follow the hub dies over, and how. The second one of an insertion is the list of files."""
FIRST = 1_790_000_000
"""When the first file was filmed; each later one two seconds on."""
EXAMPLES = int(os.environ.get("STINERCUT_MACHINE", "40"))


def memory() -> str | None:
    """A folder that syncs at once, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Offloads(RuleBasedStateMachine):
    """What can happen to two cards, a detector and a hub."""

    catalog_file: Path

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="machine-", dir=memory()))
        shutil.copyfile(self.catalog_file, self.base / "catalog.db")
        url = f"sqlite:///{self.base / 'catalog.db'}"
        self.engine = Engine(Settings(data=self.base / "data", database_url=url))
        self.present: set[str] = set()
        self.moment = FIRST

    def teardown(self) -> None:
        try:
            self.quietly_to_the_end()
        finally:
            self.engine.close()
            shutil.rmtree(self.base)

    # ---- cards ---------------------------------------------------------------------------------------------------

    @initialize(content=CONTENTS, size=SIZES)
    def begin(self, content: int, size: int) -> None:
        for label in LABELS:
            self.film(label, 1, size, content)
        self.engine.start()
        self.engine.connect()
        self.put_in(LABELS[0])
        self.engine.rest()

    def film(self, label: str, number: int, size: int, content: int) -> None:
        file = self.where(label) / "DCIM" / "100GOPRO" / f"GX01{number:04}.MP4"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes([65 + content]) * size)
        self.moment += 2
        os.utime(file, (self.moment, self.moment))
        self.remember(label)

    def where(self, label: str) -> Path:
        """The card's folder, in the reader or beside it."""
        root = self.engine.root(label)
        return root if label in self.present else root.with_name(f"{label}-away")

    def remember(self, label: str) -> None:
        root = self.engine.root(label)
        self.engine.cards.now.pop(root, None)
        self.engine.cards.now.pop(root.with_name(f"{label}-away"), None)
        self.engine.cards.remember(self.where(label))

    @rule(data=st.data(), what=ELSEWHERE, mishap=MISHAPS, place=PLACES)
    def left_goes_in_or_out(self, data: st.DataObject, what: str, mishap: tuple[str, int], place: str) -> None:
        """Out also in the middle of a copy, while one is held: what is open of it can still be read."""
        self.goes_in_or_out("LEFT", data, what, mishap, place)

    @rule(data=st.data(), what=ELSEWHERE, mishap=MISHAPS, place=PLACES)
    def right_goes_in_or_out(self, data: st.DataObject, what: str, mishap: tuple[str, int], place: str) -> None:
        self.goes_in_or_out("RIGHT", data, what, mishap, place)

    def goes_in_or_out(self, label: str, data: st.DataObject, what: str, mishap: tuple[str, int], place: str) -> None:
        """Now and then the hub dies over one of the messages that follow, or a large file is then held at a place."""
        if self.engine.connected:
            self.engine.fault = mishap
        if label in self.present:
            self.take_out(label)
        else:
            if not self.engine.hold.is_holding:
                self.engine.hold.arm(place)
            self.was_elsewhere(label, what, data)
            self.put_in(label)
        self.engine.rest()

    def was_elsewhere(self, label: str, what: str, data: st.DataObject) -> None:
        """A camera filmed elsewhere: under a new name, or under a name that was there. Or it formatted the card first
        and started counting again. Or the time zone has changed, and all times are shifted.
        """
        if what in ("an hour on", "an hour back"):
            for file in self.where(label).rglob("*.MP4"):
                when = file.stat().st_mtime + (3600 if what == "an hour on" else -3600)
                os.utime(file, (when, when))
            self.remember(label)
        elif what:
            number = data.draw(st.integers(1, 3))
            if what == "formatted":
                shutil.rmtree(self.where(label) / "DCIM")
                number = 1
            self.film(label, number, data.draw(SIZES), data.draw(CONTENTS))

    def put_in(self, label: str) -> None:
        self.where(label).rename(self.engine.root(label))
        self.present.add(label)
        self.remember(label)
        self.engine.put_in(label)

    def take_out(self, label: str) -> None:
        self.present.discard(label)
        self.engine.root(label).rename(self.where(label))
        self.remember(label)
        self.engine.take_out(label)

    # ---- faults --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.engine.hold.is_holding)
    @rule()
    def let_it_go_on(self) -> None:
        self.engine.hold.release()
        self.engine.rest()

    @rule(orderly=st.sampled_from([False, False, True]), connected=st.sampled_from([True, True, False]))
    def the_detector_ends_or_begins(self, orderly: bool, connected: bool) -> None:
        """Killed, or told to end; perhaps while a file is held."""
        if not self.engine.is_alive:
            self.engine.start()
            if connected:
                self.engine.connect()
            self.engine.rest()
        elif orderly:
            self.engine.end()
        else:
            self.engine.kill()

    @precondition(lambda self: self.engine.is_alive)
    @rule()
    def the_hub_ends_or_begins(self) -> None:
        if self.engine.connected:
            self.engine.connected = False
        else:
            self.engine.connect()
            self.engine.rest()

    @precondition(lambda self: self.engine.connected)
    @rule(which=st.integers(0, 999))
    def something_comes_again(self, which: int) -> None:
        """A message reaches the hub once more, a request the detector; perhaps of a card that has long been out."""
        history, asked = self.engine.history, self.engine.asked
        if history:
            self.engine.hear_again(history[which % len(history)])
        if asked:
            self.engine.ask_again(asked[which % len(asked)])
        self.engine.rest()

    # ---- what holds ----------------------------------------------------------------------------------------------

    @invariant()
    def it_holds(self) -> None:
        hold(self.engine.settings, self.engine.catalog, self.engine.cards)

    @invariant()
    def what_is_in_is_here(self) -> None:
        """While nothing stands in the way: each file of each card, with the content that it has now."""
        if not self.engine.connected or self.engine.hold.is_holding:
            return
        roots = {self.engine.root(label): label for label in self.present}
        hold_everything(self.engine.settings, self.engine.catalog, self.engine.cards, roots)
        assert self.engine.open_insertions() == sorted(self.present), "the hub takes another card for being in"

    def quietly_to_the_end(self) -> None:
        """Everything works, and each card goes in once more."""
        engine = self.engine
        engine.fault = ("", 0)
        engine.hold.release()
        if not engine.is_alive:
            engine.start()
        engine.connect()
        engine.rest()
        for label in LABELS:
            if label in self.present:
                self.take_out(label)
                engine.rest()
            self.put_in(label)
            engine.rest()
        hold_everything(engine.settings, engine.catalog, engine.cards, {engine.root(label): label for label in LABELS})


Offloads.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize="STINERCUT_MACHINE" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.usefixtures("_catalog")
@pytest.mark.timeout(0)  # Ten seconds of work; hypothesis shrinks what it finds for as long as it takes.
class TestOffloads(Offloads.TestCase):
    """Runs the machine."""


@pytest.fixture
def _catalog(_migrated_file: Path) -> None:
    Offloads.catalog_file = _migrated_file
