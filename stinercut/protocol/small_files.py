"""Which files of a card are small: they are copied first, since codes are likely in them.

Owns: that one rule, for detector and hub. Not here: which of them are asked for (`catalog.manifests`), how they are
copied (`detector`).
"""

from stinercut.protocol.messages import FileKind


def is_small(kind: FileKind, size: int, limit: int) -> bool:
    """Files below `limit` bytes, proxies and thumbnails; a photo never is."""
    if kind is FileKind.PHOTO:
        return False
    return size < limit or kind in (FileKind.PROXY, FileKind.THUMBNAIL)
