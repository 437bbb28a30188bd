"""The guard of every fan-out: a collecting step gets everything that was sent out, or it fails.

Owns: that check. Not here: the steps that fan out (`stinercut_assets.films`).

Why: when a run's worker is killed in the middle of a fan-out, Dagster's re-execution from failure drops the mapped
steps that had not started, hands the collecting step the rest and calls the run a success. So every fan-out has a
second output that lists what must come back, and every collecting step checks that list here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from stinercut.errors import StinercutError
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

Item = TypeVar("Item")


class FanOutIncomplete(StinercutError):
    """A collecting step did not get everything that was sent out."""

    code = "FAN_OUT_INCOMPLETE"


def mapping_key(*parts: object) -> str:
    """A key for a dynamic output: Dagster allows only letters, digits and `_`."""
    return "_".join("".join(char if char.isalnum() and char.isascii() else "_" for char in str(part)) for part in parts)


def all_of(expected: Sequence[str], items: Iterable[Item], key: Callable[[Item], str]) -> list[Item]:
    """The items, in the order of their expected keys.

    Raises FanOutIncomplete when an item is missing, comes back twice or was never sent out.
    """
    by_key: dict[str, Item] = {}
    for item in items:
        if key(item) in by_key:
            raise FanOutIncomplete(
                Message.of(MessageCode.PART_TWICE, part=key(item)), advice=Message.of(MessageCode.RETRY_ASSET)
            )
        by_key[key(item)] = item
    missing = [name for name in expected if name not in by_key]
    strange = [name for name in by_key if name not in set(expected)]
    if missing or strange:
        none = Message.of(MessageCode.NONE_OF_THEM)
        raise FanOutIncomplete(
            Message.of(
                MessageCode.PARTS_MISSING,
                parts=len(expected),
                missing=tuple(missing) or none,
                strange=tuple(strange) or none,
            ),
            advice=Message.of(MessageCode.RUN_CUT_RETRY_ASSET),
        )
    return [by_key[name] for name in expected]
