"""What a card's state is called, and the sentence that a tandem master reads on it. Pure.

Lives here: the words. Doesn't: the numbers that they follow from (`card_views`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.views import View

CardState = Literal["scanning", "empty", "copying", "safe", "incomplete", "removed"]


class FileCounts(View):
    """Numbers of files of one insertion. `found` leaves out what is no footage; `new` is found less known."""

    found: int = 0
    new: int = 0
    known: int = 0
    copied: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Situation:
    """What a card's state and sentence follow from."""

    is_out: bool
    is_listed: bool
    connected: bool
    files: FileCounts
    open: int
    asked: int
    problem: str = ""


def _files(number: int, words: str = "file") -> str:
    return f"{number} {words}" if number == 1 else f"{number} {words}s"


def card_state(now_: Situation) -> tuple[CardState, str]:
    """A card's state and the sentence that goes with it."""
    return _when_out(now_) if now_.is_out else _when_in(now_)


def _when_out(now_: Situation) -> tuple[CardState, str]:
    if not now_.is_listed:
        return "incomplete", "It was pulled out before it could be looked at. Put it in again."
    if now_.open:
        return "incomplete", f"It was pulled out with {_files(now_.open)} still to copy. Put it in again to fetch them."
    if now_.files.failed:
        return "incomplete", f"{_files(now_.files.failed)} could not be copied. Put it in again to try once more."
    return "removed", "It is out, and every file of it is safe."


def _when_in(now_: Situation) -> tuple[CardState, str]:
    away = "The card reader is not connected just now. Leave the card in: it goes on by itself."
    if not now_.is_listed:
        return "scanning", "Looking at what is on it. Leave it in." if now_.connected else away
    files = now_.files
    if files.found == 0:
        return "empty", "There are no videos on it. You can pull it out."
    if now_.open:
        return "copying", _copying_sentence(now_) if now_.connected else away
    if files.failed:
        why = f"{_files(files.failed)} could not be copied. Pull it out and put it in again to try once more."
        return "incomplete", why
    if files.new == 0:
        return "safe", "Nothing new is on it: every file was copied and checked before. You can pull it out."
    all_of = "The new file is" if files.new == 1 else f"All {files.new} new files are"
    return "safe", f"{all_of} copied and checked. You can pull it out."


def _copying_sentence(now_: Situation) -> str:
    if now_.asked:
        return f"{now_.files.copied} of {_files(now_.files.new, 'new file')} copied and checked. Leave it in."
    if now_.problem:
        return "The passengers' codes on it could not be read. Leave it in, and try again below."
    return "Looking for the passengers' codes before the large files are copied. Leave it in."
