"""Any order of cards going in and out, kills and broken connections: a state machine over the real engine.

Real sessions, copies, journal, store, conversation and catalog (`support.engine`). After each step the invariant of the
crash matrix holds; when nothing stands in the way, what was asked for is here; and after a last, quiet connection every
file of every card is.

    STINERCUT_MACHINE=300 pytest tests/integration/test_offload_machine.py     300 sequences instead of 50
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
SIZES = st.sampled_from([40, 300, SMALL + 5 * CHUNK, SMALL + 14 * CHUNK])
CONTENTS = st.integers(0, 3)
PLACES = st.sampled_from(["chunk 11", "chunk 15", "chunk 24", "before publishing", "behind publishing"])
MISHAPS = st.sampled_from([("", 0), ("", 0), ("", 0), ("unanswered", 1), ("unanswered", 2), ("lost", 0), ("lost", 1)])
FIRST = 1_790_000_000
"""When the first file was filmed; each later one two seconds on."""
EXAMPLES = int(os.environ.get("STINERCUT_MACHINE", "50"))


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

    def out(self) -> list[str]:
        return [label for label in LABELS if label not in self.present]

    @precondition(lambda self: self.out())
    @rule(data=st.data(), fault=MISHAPS)
    def insert(self, data: st.DataObject, fault: tuple[str, int]) -> None:
        """Now and then the hub dies over one of the messages that follow."""
        if self.engine.connected:
            self.engine.fault = fault
        self.put_in(data.draw(st.sampled_from(self.out())))
        self.engine.rest()

    def put_in(self, label: str) -> None:
        self.where(label).rename(self.engine.root(label))
        self.present.add(label)
        self.remember(label)
        self.engine.put_in(label)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def pull(self, data: st.DataObject) -> None:
        """Also in the middle of a copy, while one is held. What is open of it can still be read."""
        self.take_out(data.draw(st.sampled_from(sorted(self.present))))
        self.engine.rest()

    def take_out(self, label: str) -> None:
        self.present.discard(label)
        self.engine.root(label).rename(self.where(label))
        self.remember(label)
        self.engine.take_out(label)

    @precondition(lambda self: self.out())
    @rule(data=st.data(), size=SIZES, content=CONTENTS, number=st.integers(1, 4))
    def film_something(self, data: st.DataObject, size: int, content: int, number: int) -> None:
        """A new file, or another one under a name that was there: cameras film while their card is in them."""
        self.film(data.draw(st.sampled_from(self.out())), number, size, content)

    @precondition(lambda self: self.out())
    @rule(data=st.data(), size=SIZES, content=CONTENTS)
    def format(self, data: st.DataObject, size: int, content: int) -> None:
        """Nothing is on it but a file of the first number."""
        label = data.draw(st.sampled_from(self.out()))
        shutil.rmtree(self.where(label) / "DCIM")
        self.film(label, 1, size, content)

    @precondition(lambda self: self.out())
    @rule(data=st.data(), hours=st.sampled_from([-1, 1]))
    def change_the_zone(self, data: st.DataObject, hours: int) -> None:
        label = data.draw(st.sampled_from(self.out()))
        for file in self.where(label).rglob("*.MP4"):
            when = file.stat().st_mtime + hours * 3600
            os.utime(file, (when, when))
        self.remember(label)

    # ---- faults --------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.engine.hold.is_holding)
    @rule(place=PLACES)
    def hold_the_next_large_file(self, place: str) -> None:
        self.engine.hold.arm(place)

    @precondition(lambda self: self.engine.hold.is_holding)
    @rule()
    def let_it_go_on(self) -> None:
        self.engine.hold.release()
        self.engine.rest()

    @precondition(lambda self: self.engine.is_alive)
    @rule()
    def kill_the_detector(self) -> None:
        self.engine.kill()

    @precondition(lambda self: self.engine.is_alive)
    @rule()
    def end_the_detector(self) -> None:
        self.engine.end()

    @precondition(lambda self: not self.engine.is_alive)
    @rule()
    def start_the_detector(self) -> None:
        self.engine.start()
        self.engine.rest()

    @precondition(lambda self: self.engine.connected)
    @rule()
    def kill_the_hub(self) -> None:
        self.engine.connected = False

    @precondition(lambda self: self.engine.connected)
    @rule(fault=st.sampled_from(["lost", "unanswered"]), later=st.integers(0, 3))
    def kill_the_hub_at_one_of_the_next_messages(self, fault: str, later: int) -> None:
        self.engine.fault = (fault, later)

    @precondition(lambda self: self.engine.is_alive and not self.engine.connected)
    @rule()
    def connect(self) -> None:
        self.engine.connect()
        self.engine.rest()

    @precondition(lambda self: self.engine.history)
    @rule(data=st.data())
    def a_message_comes_again(self, data: st.DataObject) -> None:
        self.engine.hear_again(data.draw(st.sampled_from(self.engine.history)))
        self.engine.rest()

    @precondition(lambda self: self.engine.connected and self.engine.asked)
    @rule(data=st.data())
    def the_hub_asks_again(self, data: st.DataObject) -> None:
        self.engine.ask_again(data.draw(st.sampled_from(self.engine.asked)))
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
class TestOffloads(Offloads.TestCase):
    """Runs the machine."""


@pytest.fixture
def _catalog(_migrated_file: Path) -> None:
    Offloads.catalog_file = _migrated_file
