"""Decides which files are photos, by their names alone.

Owns: the endings of photos, and which of them are raw. Not here: a photo's content
(`stinercut.films.photos.camera_photos`), other files on a card (`detector.card.naming`).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

RAW: Final = frozenset(
    {
        ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef", ".mos",
        ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    }
)  # fmt: skip
"""Endings of files with a sensor's raw data; GoPro's is .gpr, DJI's .dng."""

PICTURES: Final = frozenset(
    {".avif", ".heic", ".heif", ".hif", ".insp", ".jpe", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
)
"""Endings of all other photos. Insta360's .insp is a JPEG."""


def is_photo(name: str) -> bool:
    """Whether a file of this name is a photo."""
    return _ending(name) in RAW | PICTURES


def is_raw(name: str) -> bool:
    """Whether a file of this name is a raw photo."""
    return _ending(name) in RAW


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
