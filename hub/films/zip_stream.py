"""Packs files into a ZIP while it is sent.

Owns: the packing. Not here: which files (`files`). Nothing is compressed, since photos don't get smaller, and nothing
is kept: neither the whole ZIP in memory nor a file of it on the disk.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_CHUNK_BYTES = 256 * 1024


class _Outbox:
    """The output file of a ZIP, without seeking: it holds the bytes written since the last `take`."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """The bytes of a ZIP of these files, given as pairs of name and path. Raises OSError if one can't be read."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w") as archive:
        for name, path in files:
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with archive.open(entry, "w") as packed, path.open("rb") as source:
                while chunk := source.read(_CHUNK_BYTES):
                    packed.write(chunk)
                    yield outbox.take()
    yield outbox.take()
