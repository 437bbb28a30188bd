"""Messages in rows: why a jump is where it is, written as codes and values, and read again.

Owns: both, and what rows of before hold, which is a sentence.
Not here: when a jump is in which state (`stinercut.jumps`), the words (`stinercut.language`).
"""

from __future__ import annotations

from stinercut.catalog.models import Jump
from stinercut.language.messages import ENGLISH, Message, all_worded, as_written, from_json


def give_reason(jump: Jump, *why: Message) -> None:
    """The jump is where it is for these reasons; for none, where nothing is to be told."""
    jump.reason, jump.reason_parts = "", [one.as_json() for one in why]


def reasons_of(jump: Jump) -> tuple[Message, ...]:
    """Why the jump is where it is."""
    if jump.reason_parts is None:
        return as_written(jump.reason)
    return tuple(from_json(one) for one in jump.reason_parts)


def reason_words(jump: Jump, language: str = ENGLISH) -> str:
    """The same in words; empty where nothing is to be told."""
    return all_worded(reasons_of(jump), language)
