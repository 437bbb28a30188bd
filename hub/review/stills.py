"""Still pictures of files for the review, and the files themselves to play.

Owns: finding a file's bytes (those of its proxy, if it has one), making stills and keeping them in the store. Not
here: running ffmpeg (`stinercut.video`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from fastapi.responses import FileResponse

from stinercut.catalog import Catalog
from stinercut.errors import NotFound, StinercutError, StoreDamaged, UnreadablePhoto, UnreadableVideo
from stinercut.films.photos.camera_photos import PhotoFile, preview
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.review import file_groups
from stinercut.storage.store import Store, key_of
from stinercut.video.stills import jpeg_still_at_part

WIDTHS = {"small": 480, "large": 1280}
STEPS = 20
"""A clip has stills at this many places only, so that nobody can fill the disk by asking for stills."""
_AT_ONCE = 2
_KEPT = {"cache-control": "private, max-age=86400"}


@dataclass(frozen=True)
class Frames:
    """Stills of the files in one store; two are made at once, the others wait."""

    catalog: Catalog
    store: Store
    _making: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def still(self, card_file_id: int, at: float, width: int) -> FileResponse:
        """A JPEG of the file at that part of its length (0 to 1); for a photo, the photo itself within that width.

        Raises NotFound when no picture can be made.
        """
        content_hash, size = await asyncio.to_thread(self._source, card_file_id)
        photo = await asyncio.to_thread(self._photo_name, card_file_id)
        if photo is not None:
            async with self._making:
                made = await asyncio.to_thread(self._photo, (content_hash, size), photo, width)
            return FileResponse(made, media_type="image/jpeg", headers=_KEPT)
        step = round(at * STEPS)
        key = key_of("still", content_hash, step, width)
        made = self.store.derived_path(key, ".jpg")
        if not made.is_file():
            async with self._making:
                if not made.is_file():
                    await asyncio.to_thread(self._make, key, (content_hash, size), step / STEPS, width)
        return FileResponse(made, media_type="image/jpeg", headers=_KEPT)

    def clip(self, card_file_id: int) -> FileResponse:
        """The file, or its proxy, to play; in ranges if asked for. Raises NotFound or StoreDamaged."""
        if self._photo_name(card_file_id) is not None:
            raise NotFound(Message.of(RefusalCode.PHOTO_NOT_PLAYED), advice=Message.of(RefusalCode.LOOK_AT_PICTURE))
        return FileResponse(self._path(self._source(card_file_id)), media_type="video/mp4", headers=_KEPT)

    def _source(self, card_file_id: int) -> tuple[str, int]:
        with self.catalog.read() as session:
            return file_groups.picture_source(session, card_file_id)

    def _photo_name(self, card_file_id: int) -> str | None:
        """The name of a file that is a photo; None for a video."""
        with self.catalog.read() as session:
            return file_groups.photo_name(session, card_file_id)

    def _photo(self, source: tuple[str, int], name: str, width: int) -> Path:
        try:
            return preview(self.store, PhotoFile(source[0], self._path(source), name), width)
        except UnreadablePhoto as unreadable:
            raise _no_picture(unreadable) from None

    def _path(self, source: tuple[str, int]) -> Path:
        try:
            return self.store.require(*source)
        except StoreDamaged as damaged:
            raise NotFound(damaged.what_parts, advice=damaged.advice_parts) from None

    def _make(self, key: str, source: tuple[str, int], part: float, width: int) -> None:
        try:
            picture = jpeg_still_at_part(self._path(source), part, width)
        except UnreadableVideo as unreadable:
            raise _no_picture(unreadable) from None
        with self.store.deriving(key, ".jpg") as partial:
            partial.write_bytes(picture)


def _no_picture(why: StinercutError) -> NotFound:
    what = Message.of(RefusalCode.NO_PICTURE_CAN_BE_MADE, why=why.what_parts)
    return NotFound(what, advice=why.advice_parts)
