"""The state of a card, and the sentence about it for a tandem master. Pure.

Owns: the words. Not here: the numbers that they follow from (`views`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.kit.views import View
from stinercut.cards.uncopied_files import NOTHING, Staying
from stinercut.text import counted

_AWAY = "The card reader is not connected just now. Leave the card in: it goes on by itself."
_ONCE_MORE = "Put it in again, in another reader if you can. Don't format it."

CardState = Literal["scanning", "unreadable", "empty", "copying", "safe", "incomplete", "removed"]


class FileCounts(View):
    """Counts of files of one insertion. `found` counts only footage; `new` is `found` less `known`."""

    found: int = 0
    new: int = 0
    known: int = 0
    copied: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Situation:
    """The facts that decide a card's state and sentence."""

    is_out: bool
    is_listed: bool
    connected: bool
    files: FileCounts
    open: int
    asked: int
    problem: str = ""
    is_unread: bool = False
    """Whether the card could not be read, or not completely."""
    unreadable: int = 0
    """How many of its folders and files could not be read."""
    staying: Staying = NOTHING
    """Its entries that are never copied: people read this before they read that the card is safe."""


def _files(number: int, words: str = "file") -> str:
    return counted(number, words)


def _parts(now_: Situation) -> str:
    return "A folder or file of it" if now_.unreadable == 1 else f"{now_.unreadable} folders and files of it"


def stays(staying: Staying, verb: str = "stay") -> str:
    """The entries of a card that are not copied, as sentences with a space in front; empty if all are copied.

    Files of other kinds are unknown ones; thumbnails and hidden entries are known not to be footage.
    """
    known = [
        counted(number, words)
        for number, words in (
            (staying.thumbnails, "camera thumbnail"),
            (staying.passed_over, "hidden item"),
        )
        if number
    ]
    empty = _empty(staying, verb)
    if not staying.others and not known:
        return empty
    if not staying.others:
        return f"{empty} {_joined(known)} {_of(verb, staying.thumbnails + staying.passed_over)} on the card."
    more = staying.others - len(staying.names)
    names = ", ".join(staying.names) + (f" and {more} more" if more else "")
    said = f"{empty} {counted(staying.others, 'file')} of other kinds {_of(verb, staying.others)} on the card: {names}."
    return f"{said} So {_of(_DO[verb], staying.thumbnails + staying.passed_over)} {_joined(known)}." if known else said


def _empty(staying: Staying, verb: str) -> str:
    """A sentence about empty files; otherwise nobody would notice that nothing was recorded."""
    if not staying.empty:
        return ""
    more = staying.empty - len(staying.empty_names)
    names = ", ".join(staying.empty_names) + (f" and {more} more" if more else "")
    be = {"stay": ("is", "are"), "stayed": ("was", "were")}[verb][staying.empty > 1]
    it = "it" if staying.empty == 1 else "them"
    return f" {counted(staying.empty, 'file')} on the card {be} empty, nothing was recorded in {it}: {names}."


_DO = {"stay": "do", "stayed": "did"}


def _of(verb: str, number: int) -> str:
    """The form of the verb for that number."""
    return {"stay": "stays", "do": "does"}.get(verb, verb) if number == 1 else verb


def _joined(parts: list[str]) -> str:
    return " and ".join(parts)


def card_state(now_: Situation) -> tuple[CardState, str]:
    """A card's state, and its sentence."""
    return _when_out(now_) if now_.is_out else _when_in(now_)


def _when_out(now_: Situation) -> tuple[CardState, str]:
    if not now_.is_listed and now_.is_unread:
        return "incomplete", f"It could not be read. {_ONCE_MORE}"
    if not now_.is_listed:
        return "incomplete", "It was pulled out before it could be looked at. Put it in again."
    if now_.open:
        return "incomplete", f"It was pulled out with {_files(now_.open)} still to copy. Put it in again to fetch them."
    if now_.files.failed:
        return "incomplete", f"{_files(now_.files.failed)} could not be copied. Put it in again to try once more."
    if now_.unreadable:
        return "incomplete", f"{_parts(now_)} could not be read. {_ONCE_MORE}"
    every = "all footage" if now_.staying.anything else "every file"
    return "removed", f"It is out, and {every} of it is safe.{stays(now_.staying, 'stayed')}"


def _when_in(now_: Situation) -> tuple[CardState, str]:
    if not now_.is_listed and now_.is_unread:
        return "unreadable", f"It can't be read. Pull it out. {_ONCE_MORE}"
    if not now_.is_listed:
        return "scanning", "Looking at what is on it. Leave it in." if now_.connected else _AWAY
    return _when_listed(now_)


def _when_listed(now_: Situation) -> tuple[CardState, str]:
    files = now_.files
    if files.found == 0 and not now_.unreadable:
        return "empty", f"There are no videos on it.{stays(now_.staying)} You can pull it out."
    if now_.open:
        return "copying", _copying_sentence(now_) if now_.connected else _AWAY
    if files.failed:
        why = f"{_files(files.failed)} could not be copied. Pull it out and put it in again to try once more."
        return "incomplete", why
    if now_.unreadable:
        rest = "the rest of its footage" if now_.staying.anything else "the rest"
        said = f"{_parts(now_)} could not be read; {rest} is safe.{stays(now_.staying)}"
        return "incomplete", f"{said} Pull it out. {_ONCE_MORE}"
    if files.new == 0:
        every = "all footage" if now_.staying.anything else "every file"
        before = f"Nothing new is on it: {every} was copied and checked before.{stays(now_.staying)}"
        return "safe", f"{before} You can pull it out."
    all_of = "The new file is" if files.new == 1 else f"All {files.new} new files are"
    return "safe", f"{all_of} copied and checked.{stays(now_.staying)} You can pull it out."


def _copying_sentence(now_: Situation) -> str:
    if now_.asked:
        return f"{now_.files.copied} of {_files(now_.files.new, 'new file')} copied and checked. Leave it in."
    if now_.problem:
        return "The passengers' codes on it could not be read. Leave it in, and try again below."
    return "Looking for the passengers' codes before the large files are copied. Leave it in."
