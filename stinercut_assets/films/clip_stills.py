"""The still pictures of a film's parts that Dagster's pages show, taken once and kept.

Owns: keeping them in the store, by content. Not here: taking a picture (`stinercut.video.stills`), the pictures that
are published with a film (`stinercut.films.photos`).
"""

from __future__ import annotations

from typing import Final

from stinercut.films.picture.encoding import Segment
from stinercut.storage.store import Store, key_of
from stinercut.video.stills import jpeg_still

_SUFFIX: Final = ".jpg"


def kept_still(store: Store, segment: Segment, width: int) -> bytes:
    """The picture in the middle of a segment as JPEG, at most `width` pixels wide.

    Whoever makes the segment asks first, while other parts are still rendered. Raises UnreadableVideo.
    """
    key = key_of("still", segment.key, width)
    path = store.derived_path(key, _SUFFIX)
    if store.used(path):
        return path.read_bytes()
    picture = jpeg_still(segment.video, at=segment.seconds / 2, width=width)
    with store.deriving(key, _SUFFIX) as partial:
        partial.write_bytes(picture)
    return picture
