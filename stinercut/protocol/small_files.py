"""Decides which files of a card are small: they are copied first, since they are likely to contain codes.

Owns: this rule, for detector and hub. Not here: which of them are asked for (`stinercut.cards.manifests`), copying them
(`detector`).
"""

from stinercut.protocol.messages import FileKind


def is_small(kind: FileKind, size: int, limit: int) -> bool:
    """Whether a file is small: below `limit` bytes, a proxy or a thumbnail; a photo never is."""
    if kind is FileKind.PHOTO:
        return False
    return size < limit or kind in (FileKind.PROXY, FileKind.THUMBNAIL)
