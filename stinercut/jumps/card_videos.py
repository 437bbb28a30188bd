"""Converts a card file's row into the value that the rules of jumps use.

Owns: this conversion. Not here: the rules (`stinercut.recordings.session_rules`, `stinercut.recordings.stretches`),
choosing the files.
"""

from __future__ import annotations

from stinercut.catalog.models import CardFile
from stinercut.protocol import FileKind
from stinercut.recordings.filming_order import CardVideo


def card_video(file: CardFile) -> CardVideo:
    """A video or photo of a card."""
    return CardVideo(
        file_id=file.card_file_id,
        name=file.name,
        folder=file.folder,
        recorded=file.modified,
        size=file.size,
        recording=file.recording,
        chapter=file.chapter,
        is_photo=file.kind == FileKind.PHOTO,
    )
