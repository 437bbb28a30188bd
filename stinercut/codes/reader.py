"""Reads the code of a file: the entrance to identification.

Owns: telling films from pictures, and passing the codes to the verdict. Not here: the cascade over a film
(`film_reader`), looks at a picture (`still_reader`), decoders (`decoders`), the verdict (`evidence`), what a reading
means for a card (`stinercut.recordings.session_rules`).
"""

from __future__ import annotations

import time
from pathlib import Path

from stinercut.codes.decoders import Decoders
from stinercut.codes.evidence import FileEvidence
from stinercut.codes.film_reader import FilmSearch, why
from stinercut.codes.reading import READER_VERSION, Reading, Reason
from stinercut.codes.still_reader import is_picture, load_gray, look_at_picture
from stinercut.errors import UnreadableVideo
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.regular_files import open_regular


def read_file(path: Path, keys: KeyRing = NO_KEYS) -> Reading:
    """The reading of a file, a film or a picture by its first bytes. Never raises for the file's content."""
    began = time.monotonic()
    try:
        with open_regular(path) as source:
            head = source.read(16)
    except OSError as refused:
        return _unreadable((Message.of(MessageCode.CANT_BE_OPENED, why=refused.strerror or str(refused)),), began, keys)
    return read_picture(path, keys) if is_picture(head) else read_film(path, keys)


def read_picture(path: Path, keys: KeyRing = NO_KEYS) -> Reading:
    """The reading of a still picture. Never raises for the file's content."""
    began = time.monotonic()
    picture = load_gray(path)
    if isinstance(picture, tuple):
        return _unreadable(picture, began, keys)
    seen = FileEvidence(keys)
    with Decoders() as decoders:
        look_at_picture(picture, decoders, seen)
    return _verdict(seen, decoders, began, film_seconds=None)


def read_film(path: Path, keys: KeyRing = NO_KEYS) -> Reading:
    """The reading of a film's first minute. Never raises for the file's content; MissingProgram without ffmpeg."""
    began = time.monotonic()
    seen = FileEvidence(keys)
    with Decoders() as decoders:
        try:
            seconds = FilmSearch(path, decoders, seen).run()
        except (UnreadableVideo, OSError) as refused:
            return _unreadable(why(refused), began, keys)
    return _verdict(seen, decoders, began, film_seconds=seconds)


def _verdict(seen: FileEvidence, decoders: Decoders, began: float, *, film_seconds: float | None) -> Reading:
    seen.notes.extend(decoders.obituaries)
    return seen.judged(timed=film_seconds is not None).model_copy(
        update={
            "film_seconds": film_seconds,
            "lost_decoders": decoders.lost,
            "seconds": time.monotonic() - began,
            "reader": READER_VERSION,
            "keys": seen.keys.fingerprint,
        }
    )


def _unreadable(what: tuple[Message, ...], began: float, keys: KeyRing) -> Reading:
    return Reading(
        reason=Reason.UNREADABLE,
        detail_parts=what,
        seconds=time.monotonic() - began,
        reader=READER_VERSION,
        keys=keys.fingerprint,
    )
