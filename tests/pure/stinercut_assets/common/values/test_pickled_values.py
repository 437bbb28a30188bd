"""The release before kept step values as pickles: its own are read, as it wrote them, and nothing else is.

`tests/data/pickled_values` holds values that it kept, from runs of a film and made by its own classes.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stinercut.cards.early_files import EarlyFile
from stinercut.cards.identification import FileReading
from stinercut.catalog.models import Role
from stinercut.codes.reading import Reason
from stinercut.errors import StinercutError
from stinercut.jumps.cut import Cut, CutPiece
from stinercut.jumps.jumps import JumpFootage
from stinercut_assets.cards.step_kinds import CARD_KINDS
from stinercut_assets.common.values import pickled_values
from stinercut_assets.common.values.pickled_values import NotOurPickle, read_pickle
from stinercut_assets.common.values.step_values import StepValues
from stinercut_assets.films.production import StepProduct
from stinercut_assets.films.qr_identity import Identity
from stinercut_assets.films.session_clips import ClipWork, RenderedClip
from stinercut_assets.films.step_kinds import FILM_KINDS

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())
KEPT = ROOT / "tests/data/pickled_values"
VALUES = StepValues((*CARD_KINDS, *FILM_KINDS))


def content(name: str) -> bytes:
    return (KEPT / f"{name}.pickle").read_bytes()


def value(name: str) -> Any:
    return VALUES.decode(content(name))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("imported_files", JumpFootage),
        ("footage_with_a_cut", JumpFootage),
        ("identity", Identity),
        ("clip_work", ClipWork),
        ("clip_work_of_all", ClipWork),
        ("rendered_clip", RenderedClip),
        ("session_clips", list),
        ("title_and_outro", StepProduct),
        ("film", str),
        ("expected", list),
        ("early_file", EarlyFile),
        ("early_file_known", EarlyFile),
        ("file_reading", FileReading),
    ],
)
def test_a_value_of_the_release_before_is_read_and_written_as_json(name: str, kind: type[Any]) -> None:
    found = value(name)
    assert type(found) is kind
    again = VALUES.decode(VALUES.encode(found))
    assert type(again) is kind
    assert VALUES.encode(again) == VALUES.encode(found)


def test_each_recorded_value_is_looked_at() -> None:
    assert {path.stem for path in KEPT.glob("*.pickle")} == {
        *("imported_files", "footage_with_a_cut", "identity", "clip_work", "clip_work_of_all", "rendered_clip"),
        *("session_clips", "title_and_outro", "film", "expected", "early_file", "early_file_known", "file_reading"),
    }


def test_fields_are_what_they_were() -> None:
    footage = value("footage_with_a_cut")
    assert (footage.jump_date, footage.passenger_name, footage.template) == (
        date(2026, 6, 1),
        "Zoë Nováková",
        "phone",
    )
    assert footage.cut == Cut((CutPiece(2, 0.5, 1.25), CutPiece(2, 3.0, 4.0)), frozenset({2, 3}))
    assert [file.role for file in footage.files] == [Role.QR, Role.CLIP, Role.PHOTO]
    assert footage.clips[0].modified == datetime(2026, 6, 1, 9, 1, 2, 345)
    clips = value("session_clips")
    assert [clip.clip.name for clip in clips] == ["GX010001.MP4", "GX020001.MP4", "GX030001.MP4"]
    segment = clips[0].made.parts[0].segment
    assert (segment.frames, segment.rate) == (45, Fraction(30))
    assert segment.video == Path("/srv/stinercut/data/store/derived/95/9573912bf099d66b07e06b3b42667e0c.mp4")
    reading = value("file_reading").reading
    assert (reading.payload.passenger_name, reading.extras.email) == ("Zoë Nováková", "zoe@example.org")
    assert value("early_file_known").known_reading.reason is Reason.UNREADABLE


def names_in(content: bytes) -> Iterator[str]:
    """The classes that stand in a pickle."""

    class Asked(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> type:
            found.append(f"{module}.{name}")
            return type("Asked", (pickled_values.StandIn,), {"path": found[-1]})

    found: list[str] = []
    Asked(io.BytesIO(content)).load()
    yield from found


def test_each_class_that_is_taken_stands_in_a_recorded_value() -> None:
    """And is spelled as it was then."""
    seen = {name for path in KEPT.glob("*.pickle") for name in names_in(path.read_bytes())}
    taken = pickled_values.WITHIN | pickled_values.MADE_OF.keys()
    assert seen <= taken
    assert taken - seen == {"pathlib.WindowsPath"}


class Calls:
    """What runs something while it is read."""

    def __init__(self, function: Any, *given: Any) -> None:
        self.function, self.given = function, given

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.given


def hostile(folder: str) -> Iterator[object]:
    """Values that no release of ours has kept; the first ones would make this folder."""
    yield Calls(os.mkdir, folder)
    yield [Calls(os.mkdir, folder)]
    yield Calls(exec, f"import os; os.mkdir({folder!r})")
    yield Calls(pickle.loads, pickle.dumps(Calls(os.mkdir, folder)))
    yield Calls(getattr, "", "format")
    yield Calls(type, "Mine", (object,), {})
    yield Fraction
    yield Identity("Zoë", "B-1", None)  # Our classes of today: no release has written them as pickles.
    yield NotOurPickle("an exception")
    yield bytearray(b"x")
    yield 1j


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_another_wrote_is_refused_and_does_nothing(protocol: int, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for value in hostile(str(made)):
        with pytest.raises(NotOurPickle) as refused:
            VALUES.decode(pickle.dumps(value, protocol))
        assert "Run the step that made it again" in refused.value.advice
    assert not made.exists()


def test_a_class_that_is_taken_is_not_the_class() -> None:
    """It may be called with anything, and written into."""
    state = b"\x80\x04cfractions\nFraction\n}\x8c\x03oddK\x01sb."
    with pytest.raises(NotOurPickle):
        read_pickle(state)
    assert not hasattr(Fraction, "odd")


def test_a_pickle_that_is_cut_short_is_refused() -> None:
    whole = content("clip_work_of_all")
    for end in range(1, len(whole), 7):
        with pytest.raises(NotOurPickle):
            VALUES.decode(whole[:end])


def test_a_pickle_with_a_byte_changed_is_refused_or_read_as_another_value() -> None:
    whole = bytearray(content("identity"))
    changed = [bytes([*whole[:place], whole[place] ^ 0x21, *whole[place + 1 :]]) for place in range(1, len(whole))]
    outcomes = {outcome(one) for one in changed}
    assert outcomes == {"read", "NotOurPickle", "UnreadableValue"}


def outcome(content: bytes) -> str:
    try:
        VALUES.decode(content)
    except StinercutError as refused:
        return type(refused).__name__
    return "read"
