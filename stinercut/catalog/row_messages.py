"""Writes and reads messages in rows, as codes and values: of jumps, steps, events, cards, and films.

Owns: writing, reading, and the sentences in rows of older releases.
Not here: when a jump is in which state (`stinercut.jumps`), the words (`stinercut.language`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from stinercut.catalog.models import Event, Insertion, Jump, ManifestEntry, Step
from stinercut.language.messages import ENGLISH, Message, Said, all_worded, as_written, from_json, parts_of


def give_reason(jump: Jump, *why: Message) -> None:
    """Record the reasons for the jump's state; without reasons there is nothing to tell."""
    jump.reason, jump.reason_parts = "", _written(why)


def reasons_of(jump: Jump) -> tuple[Message, ...]:
    """The reasons for the jump's state."""
    return _read(jump.reason, jump.reason_parts)


def reason_words(jump: Jump, language: str = ENGLISH) -> str:
    """The same in words; empty without reasons."""
    return all_worded(reasons_of(jump), language)


def give_step_messages(step: Step, said: Iterable[Message]) -> None:
    """Record the messages of a step."""
    step.message, step.message_parts = "", _written(said)


def messages_of_step(step: Step) -> tuple[Message, ...]:
    """The messages of a step: its findings, or its failure."""
    return _read(step.message, step.message_parts)


def give_step_label(step: Step, label: Said) -> None:
    """Record the name of a step for people."""
    step.label, step.label_parts = "", _written(parts_of(label))


def label_of_step(step: Step) -> tuple[Message, ...]:
    """The name of a step for people."""
    return _read(step.label, step.label_parts)


def give_identify_error(insertion: Insertion, why: Iterable[Message]) -> None:
    """Record why the run that should identify this insertion's files failed."""
    insertion.identify_error, insertion.identify_error_parts = "", _written(why)


def clear_identify_error(insertion: Insertion) -> None:
    """Forget an earlier failure: the files may still be identified."""
    insertion.identify_error = insertion.identify_error_parts = None


def identify_error_of(insertion: Insertion) -> tuple[Message, ...]:
    """Why the run that should identify this insertion's files failed; empty if no run failed."""
    return _read(insertion.identify_error or "", insertion.identify_error_parts)


def check_row(name: str, said: Iterable[Message], *, passed: bool) -> dict[str, Any]:
    """A check of a finished film, as its row has it among its `checks`."""
    return {"name": name, "passed": passed, "detail_parts": _written(said)}


def said_by_check(check: Mapping[str, Any]) -> tuple[Message, ...]:
    """The findings of a check in such a row."""
    return _read(check.get("detail") or "", check.get("detail_parts"))


def give_error(row: Insertion | ManifestEntry, code: str, why: Iterable[Message]) -> None:
    """The card could not be read, or the file not copied, for these reasons."""
    row.error_code, row.error_detail, row.error_detail_parts = code, "", _written(why)


def clear_error(row: Insertion | ManifestEntry) -> None:
    """Whatever went wrong before, it came off."""
    row.error_code = row.error_detail = row.error_detail_parts = None


def error_detail(sentence: str | None, parts: list[dict[str, Any]] | None) -> tuple[Message, ...]:
    """Why a card could not be read, or a file not copied, from the two columns that say it."""
    return _read(sentence or "", parts)


_PARTS = "_parts"


def as_event_data(said: Mapping[str, Said]) -> dict[str, Any]:
    """The messages of an event, by name, in the form of its `data`."""
    return {f"{name}{_PARTS}": _written(parts_of(messages)) for name, messages in said.items()}


def worded_data(event: Event, language: str = ENGLISH) -> dict[str, Any]:
    """An event's data, with words next to its messages: under `what` the words of `what_parts`."""
    words = {
        name.removesuffix(_PARTS): all_worded(map(from_json, cast("list[object]", parts)), language)
        for name, parts in event.data.items()
        if name.endswith(_PARTS) and isinstance(parts, list)
    }
    return {**event.data, **words}


def _written(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [message.as_json() for message in messages]


def _read(sentence: str, parts: list[dict[str, Any]] | None) -> tuple[Message, ...]:
    return as_written(sentence) if parts is None else tuple(from_json(part) for part in parts)
