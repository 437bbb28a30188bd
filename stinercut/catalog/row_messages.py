"""Messages in rows, written as codes and values and read again: of jumps, of steps, of cards that were not identified.

Owns: both, and what rows of before hold, which is a sentence.
Not here: when a jump is in which state (`stinercut.jumps`), the words (`stinercut.language`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stinercut.catalog.models import Insertion, Jump, Step
from stinercut.language.messages import ENGLISH, Message, all_worded, as_written, from_json


def give_reason(jump: Jump, *why: Message) -> None:
    """The jump is where it is for these reasons; for none, where nothing is to be told."""
    jump.reason, jump.reason_parts = "", [one.as_json() for one in why]


def reasons_of(jump: Jump) -> tuple[Message, ...]:
    """Why the jump is where it is."""
    return _read(jump.reason, jump.reason_parts)


def reason_words(jump: Jump, language: str = ENGLISH) -> str:
    """The same in words; empty where nothing is to be told."""
    return all_worded(reasons_of(jump), language)


def give_step_messages(step: Step, said: Iterable[Message]) -> None:
    """The step says this."""
    step.message, step.message_parts = "", [one.as_json() for one in said]


def messages_of_step(step: Step) -> tuple[Message, ...]:
    """What the step says of itself: what it found, or what it failed with."""
    return _read(step.message, step.message_parts)


def give_identify_error(insertion: Insertion, why: Iterable[Message]) -> None:
    """The run that was to identify this insertion's files failed for these reasons."""
    insertion.identify_error, insertion.identify_error_parts = "", [one.as_json() for one in why]


def clear_identify_error(insertion: Insertion) -> None:
    """Whatever failed before, the files may still be identified."""
    insertion.identify_error = insertion.identify_error_parts = None


def identify_error_of(insertion: Insertion) -> tuple[Message, ...]:
    """Why the run that was to identify this insertion's files failed; empty where none did."""
    return _read(insertion.identify_error or "", insertion.identify_error_parts)


def _read(sentence: str, parts: list[dict[str, Any]] | None) -> tuple[Message, ...]:
    return as_written(sentence) if parts is None else tuple(from_json(one) for one in parts)
