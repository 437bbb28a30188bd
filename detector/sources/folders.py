"""Folders that stand for cards: a command writes or withdraws one note per folder in the cards folder.

Owns: the notes (`<name>.json` = `{"path": ..., "label": ..., "stamp": ...}`) and which cards are in by them.
Not here: watching for changes (`cards`), mounted volumes (`volumes`).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from detector.card.events import CardIn, path_card_id, shown
from stinercut.errors import BadInput, NotFound
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.protocol import CardLabel
from stinercut.settings import Settings
from stinercut.storage.store import replace_file

LABEL_LENGTH = 255


class CardNote(BaseModel):
    """One note. `stamp` differs each time the folder is put in, so that putting it in again is a new insertion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    label: str = ""
    stamp: str = ""


@dataclass(frozen=True)
class NotedCards:
    """The cards that are in by their notes, by key; and the faults of other notes, in words for the log."""

    cards: dict[str, CardIn] = field(default_factory=dict[str, CardIn])
    problems: frozenset[str] = frozenset()


def insert_folder(settings: Settings, path: Path) -> str:
    """Put a folder in as a card. Returns the card's name. If it is in already, it goes out and in again.

    Raises BadInput when `path` is no folder.
    """
    root = path.expanduser().resolve()
    if not root.is_dir():
        raise BadInput(Message.of(SetupCode.IS_NO_FOLDER), file=path, advice=Message.of(SetupCode.FOLDER_OF_CARD))
    name = path_card_id(root)
    note = CardNote(path=root, label=shown(root.name)[:LABEL_LENGTH], stamp=secrets.token_hex(8))
    _write(settings.cards_dir / f"{name}.json", note)
    return name


def eject_folder(settings: Settings, path: Path) -> None:
    """Take a folder out again; the folder itself may be gone by now. Raises NotFound when it was not in."""
    note = settings.cards_dir / f"{path_card_id(path.expanduser().resolve())}.json"
    try:
        note.unlink()
    except FileNotFoundError:
        raise NotFound(Message.of(SetupCode.IS_NO_CARD_HERE), file=path) from None


def noted(cards_dir: Path) -> NotedCards:
    """The cards that are in by the notes now. A folder that is gone is out; a bad note is a problem, not an error."""
    cards: dict[str, CardIn] = {}
    problems: set[str] = set()
    for file in sorted(cards_dir.glob("*.json")):
        try:
            card = _card_of(file)
        except (OSError, ValueError, ValidationError) as refused:
            if not isinstance(refused, FileNotFoundError):  # Withdrawn while we looked.
                problems.add(f"{file}: is not a note about a card ({type(refused).__name__}); it is ignored")
            continue
        if isinstance(card, CardIn):
            cards[card.key] = card
        else:
            problems.add(card)
    return NotedCards(cards, frozenset(problems))


def _card_of(file: Path) -> CardIn | str:
    """The card of a note, or the problem with the note in words."""
    note = CardNote.model_validate(json.loads(file.read_text("utf-8")))
    if not note.path.is_absolute():
        return f"{file}: names no absolute path; it is ignored"
    try:
        seen = note.path.stat()
    except OSError:
        return f"{note.path}: the folder is not there, so it counts as a card that is out"
    if not note.path.is_dir():
        return f"{note.path}: is not a folder; the note about it is ignored"
    # Another folder of the same name is another insertion, so device and inode are part of the key.
    key = f"{file.name}:{note.stamp}:{seen.st_dev}:{seen.st_ino}"
    label = note.label or shown(note.path.name) or str(note.path)
    card = CardLabel(card_id=path_card_id(note.path), label=label[:LABEL_LENGTH], kind="folder")
    return CardIn(key, card, note.path)


def _write(file: Path, note: CardNote) -> None:
    """Write a note so that a watcher sees it whole or not at all: no temporary name ends in `.json`."""
    # json.dumps escapes the surrogates in a path that isn't Unicode; pydantic refuses to write them.
    replace_file(file, json.dumps(note.model_dump() | {"path": str(note.path)}).encode())
