"""The state of a card, and what it tells a tandem master, as messages. Pure.

Owns: which messages. Not here: the numbers that they follow from (`views`), their words (`stinercut.language`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.kit.views import View
from stinercut.cards.uncopied_files import NOTHING, Staying
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, some_named

_AWAY = Message.of(MessageCode.CARD_READER_AWAY)
_ELSEWHERE = Message.of(MessageCode.PUT_IN_ELSEWHERE)
_PULL_OUT = Message.of(MessageCode.PULL_OUT)
_MAY_PULL_OUT = Message.of(MessageCode.MAY_PULL_OUT)

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
    """The facts that decide a card's state and messages."""

    is_out: bool
    is_listed: bool
    connected: bool
    files: FileCounts
    open: int
    asked: int
    problem: bool = False
    """Whether the run that was to find its jumps failed."""
    is_unread: bool = False
    """Whether the card could not be read, or not completely."""
    unreadable: int = 0
    """How many of its folders and files could not be read."""
    staying: Staying = NOTHING
    """Its entries that are never copied: people read this before they read that the card is safe."""


def stays(staying: Staying, *, was: bool = False) -> tuple[Message, ...]:
    """What of a card is not copied; empty where all of it is. `was`: the card is out.

    Files of other kinds are unknown ones; thumbnails and hidden entries are known not to be footage.
    """
    return (*_empty(staying, was), *_others(staying, was), *_known(staying, was))


def _empty(staying: Staying, was: bool) -> tuple[Message, ...]:
    """Empty files; otherwise nobody would notice that nothing was recorded."""
    if not staying.empty:
        return ()
    names = some_named(staying.empty_names, staying.empty)
    if was:
        return (Message.of(MessageCode.EMPTY_FILES_WERE, files=staying.empty, names=names),)
    return (Message.of(MessageCode.EMPTY_FILES, files=staying.empty, names=names),)


def _others(staying: Staying, was: bool) -> tuple[Message, ...]:
    if not staying.others:
        return ()
    names = some_named(staying.names, staying.others)
    if was:
        return (Message.of(MessageCode.OTHER_FILES_STAYED, files=staying.others, names=names),)
    return (Message.of(MessageCode.OTHER_FILES_STAY, files=staying.others, names=names),)


def _known(staying: Staying, was: bool) -> tuple[Message, ...]:
    thumbnails, hidden = staying.thumbnails, staying.passed_over
    items = (
        *((Message.of(MessageCode.CAMERA_THUMBNAILS, number=thumbnails),) if thumbnails else ()),
        *((Message.of(MessageCode.HIDDEN_ITEMS, number=hidden),) if hidden else ()),
    )
    if not items:
        return ()
    if staying.others:
        if was:
            return (Message.of(MessageCode.SO_DID_KNOWN_ITEMS, items=items),)
        return (Message.of(MessageCode.SO_DO_KNOWN_ITEMS, items=items, number=thumbnails + hidden),)
    if was:
        return (Message.of(MessageCode.KNOWN_ITEMS_STAYED, items=items),)
    return (Message.of(MessageCode.KNOWN_ITEMS_STAY, items=items, number=thumbnails + hidden),)


State = tuple[CardState, tuple[Message, ...]]


def card_state(now_: Situation) -> State:
    """A card's state, and its messages."""
    return _when_out(now_) if now_.is_out else _when_in(now_)


def _when_out(now_: Situation) -> State:
    if not now_.is_listed and now_.is_unread:
        return "incomplete", (Message.of(MessageCode.CARD_NOT_READ), _ELSEWHERE)
    if not now_.is_listed:
        return "incomplete", (Message.of(MessageCode.CARD_OUT_BEFORE_LOOK),)
    if now_.open:
        return "incomplete", (Message.of(MessageCode.CARD_OUT_WITH_OPEN, files=now_.open),)
    if now_.files.failed:
        return "incomplete", (_not_copied(now_), Message.of(MessageCode.PUT_IN_AGAIN_TO_TRY))
    if now_.unreadable:
        return "incomplete", (Message.of(MessageCode.PARTS_NOT_READ, parts=now_.unreadable), _ELSEWHERE)
    safe = (
        Message.of(MessageCode.CARD_OUT_FOOTAGE_SAFE)
        if now_.staying.anything
        else Message.of(MessageCode.CARD_OUT_ALL_SAFE)
    )
    return "removed", (safe, *stays(now_.staying, was=True))


def _when_in(now_: Situation) -> State:
    if not now_.is_listed and now_.is_unread:
        return "unreadable", (Message.of(MessageCode.CARD_NOT_READABLE), _PULL_OUT, _ELSEWHERE)
    if not now_.is_listed:
        return "scanning", (Message.of(MessageCode.CARD_LOOKING) if now_.connected else _AWAY,)
    return _when_listed(now_)


def _when_listed(now_: Situation) -> State:
    files = now_.files
    if files.found == 0 and not now_.unreadable:
        return "empty", (Message.of(MessageCode.CARD_WITHOUT_VIDEOS), *stays(now_.staying), _MAY_PULL_OUT)
    if now_.open:
        return "copying", (_copying(now_) if now_.connected else _AWAY,)
    if files.failed:
        return "incomplete", (_not_copied(now_), Message.of(MessageCode.PULL_OUT_AND_IN_TO_TRY))
    if now_.unreadable:
        return "incomplete", (_partly_read(now_), *stays(now_.staying), _PULL_OUT, _ELSEWHERE)
    if files.new == 0:
        before = (
            Message.of(MessageCode.CARD_NO_NEW_FOOTAGE)
            if now_.staying.anything
            else Message.of(MessageCode.CARD_NOTHING_NEW)
        )
        return "safe", (before, *stays(now_.staying), _MAY_PULL_OUT)
    return "safe", (Message.of(MessageCode.CARD_COPIED, files=files.new), *stays(now_.staying), _MAY_PULL_OUT)


def _not_copied(now_: Situation) -> Message:
    return Message.of(MessageCode.FILES_NOT_COPIED, files=now_.files.failed)


def _partly_read(now_: Situation) -> Message:
    if now_.staying.anything:
        return Message.of(MessageCode.PARTS_NOT_READ_FOOTAGE_SAFE, parts=now_.unreadable)
    return Message.of(MessageCode.PARTS_NOT_READ_REST_SAFE, parts=now_.unreadable)


def _copying(now_: Situation) -> Message:
    if now_.asked:
        return Message.of(MessageCode.CARD_COPYING, copied=now_.files.copied, files=now_.files.new)
    if now_.problem:
        return Message.of(MessageCode.CARD_CODES_NOT_READ)
    return Message.of(MessageCode.CARD_CODES_LOOKED_FOR)
