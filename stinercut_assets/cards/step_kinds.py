"""The kinds of values that the steps of a card's identification hand to each other.

Owns: their names and versions; see `stinercut_assets.films.step_kinds` for when these change. Not here: how they are
written (`stinercut_assets.common.values.step_values`).
"""

from __future__ import annotations

from typing import Final

from stinercut.cards.early_files import EarlyFile
from stinercut.cards.identification import FileReading
from stinercut_assets.common.values.step_values import ValueKind

CARD_KINDS: Final = (
    ValueKind("early_file", 1, EarlyFile),
    ValueKind("file_reading", 1, FileReading),
)
