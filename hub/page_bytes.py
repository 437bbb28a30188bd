"""Bytes that never change while the hub runs, as answers: compressed once, and marked by their content.

Owns: `PageBytes`, and the rules for browsers that keep what they have fetched. Not here: which bytes (`hub.pages`).
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response

ASK_AGAIN: Final = "no-cache"
"""The browser keeps its copy, and asks each time whether it is still the newest."""
FOR_GOOD: Final = "public, max-age=31536000, immutable"
"""The browser never asks again; for addresses that hold a hash of the content."""


@dataclass(frozen=True)
class PageBytes:
    """A file of a page. `packed` is the same with gzip; `mark` is its ETag."""

    plain: bytes
    packed: bytes
    mark: str
    media_type: str

    @classmethod
    def of(cls, plain: bytes, media_type: str) -> PageBytes:
        """Compress it, as small as gzip can."""
        mark = f'"{hashlib.sha256(plain).hexdigest()[:24]}"'
        return cls(plain, gzip.compress(plain, 9, mtime=0), mark, media_type)

    def answer(self, asked: Request, keep: str) -> Response:
        """The answer to a request: nothing if the browser has these bytes, otherwise the smallest form it takes."""
        headers = {"cache-control": keep, "etag": self.mark, "vary": "Accept-Encoding"}
        if self.mark in _marks(asked.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        if not _takes_gzip(asked.headers.get("accept-encoding", "")):
            return Response(self.plain, media_type=self.media_type, headers=headers)
        return Response(self.packed, media_type=self.media_type, headers=headers | {"content-encoding": "gzip"})


def _marks(header: str) -> set[str]:
    """The ETags of a header; a proxy that compresses calls ours weak."""
    return {mark.strip().removeprefix("W/") for mark in header.split(",")}


def _takes_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` names gzip, and does not refuse it (`q=0`)."""
    for offer in header.lower().split(","):
        name, _, weight = offer.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").removeprefix("q=").strip("0.") != "" or not weight
    return False
