"""The one place that makes inputs of ffmpeg: files from outside, our own files, and generated sources.

Owns: every `graph_input` and every `-i`; the lists of files that we write for ffmpeg. Not here: recognising a file
(`containers`), asking ffprobe (`ffmpeg_runner`), pictures that are opened without ffmpeg (`picture_files`).

A file from outside is footage of a card, a template's movie or music, or a clip that somebody names: it may contain
anything. No other module builds an input; a test of the house checks that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.video.containers import PROTOCOLS, container_of
from stinercut.video.ffmpeg_graph import graph_input

OwnFormat = Literal["mov", "wav", "png_pipe", "ppm_pipe"]
"""The formats that we write for ffmpeg to read. `_pipe`: one picture, opened under exactly its name; ffmpeg's `image2`
would replace a `%d` in a folder's name by a number.
"""


@dataclass(frozen=True)
class Entry:
    """A file of a list, and the seconds between which it is read."""

    path: Path
    begin: float | None = None
    end: float | None = None


def from_outside(path: Path, **options: Any) -> Any:
    """A file from outside as an input, read only as the container that its first bytes show.

    `options` of the input, as ffmpeg-python takes them. Raises UnreadableVideo for a file that is no footage or music.
    """
    return graph_input(str(path.absolute()), **container_of(path).options, **options)


def made_here(path: Path, form: OwnFormat, **options: Any) -> Any:
    """A file that we wrote ourselves as an input."""
    own = {"f": form, "format_whitelist": form, "protocol_whitelist": PROTOCOLS}
    return graph_input(str(path.absolute()), **own, **options)


def in_a_row(entries: Sequence[Entry], listed: Path, **options: Any) -> Any:
    """Several files, one after the other, as one input; each is recognised as in `from_outside`.

    The list is written to `listed`; it is our own and the only one that ffmpeg gets. It must stay until ffmpeg has
    ended, and so must the links next to it, which stand for files with a line break in their names. Raises
    UnreadableVideo for a file that is no footage or music, BadInput if the path of `listed` has a line break itself.
    """
    formats = {container_of(entry.path).demuxer for entry in entries}
    lines = [line for number, entry in enumerate(entries) for line in _lines(entry, listed, number)]
    # In the file system's encoding: a name need not be UTF-8.
    listed.write_bytes(os.fsencode("\n".join(["ffconcat version 1.0", *lines, ""])))
    allowed = ",".join(("concat", *sorted(formats)))
    own = {"f": "concat", "format_whitelist": allowed, "protocol_whitelist": PROTOCOLS, "safe": 0}
    return graph_input(str(listed.absolute()), **own, **options)


def generated(source: str, **options: Any) -> Any:
    """A source that ffmpeg generates (`lavfi`): a tone, silence. `source` is our own text, never a file's or a
    person's.
    """
    return graph_input(source, f="lavfi", **options)


def raw_pictures(size: tuple[int, int], rate: str, pixels: str = "bgr24") -> Any:
    """Pictures that are written to ffmpeg's `pipe:0`, as `ffmpeg_runner.write_pipe` does."""
    width, height = size
    return graph_input("pipe:0", f="rawvideo", pix_fmt=pixels, s=f"{width}x{height}", r=rate, thread_queue_size=64)


def _lines(entry: Entry, listed: Path, number: int) -> list[str]:
    name = str(entry.path.absolute())
    if "\n" in name or "\r" in name:
        name = _linked(entry.path, listed.with_name(f"{listed.stem}-{number}{entry.path.suffix}"))
    # Within quotes only the quote itself is special, so it is written outside of them.
    lines = ["file 'file:" + name.replace("'", "'\\''") + "'"]
    lines += [f"inpoint {entry.begin:.3f}"] if entry.begin is not None else []
    lines += [f"outpoint {entry.end:.3f}"] if entry.end is not None else []
    return lines


def _linked(path: Path, link: Path) -> str:
    """A link to a file with a line break in its name. Raises BadInput if the link's own path has a line break."""
    if "\n" in str(link.absolute()) or "\r" in str(link.absolute()):
        raise BadInput(
            Message.of(MessageCode.LINE_BREAK_IN_FOLDER), file=link.parent, advice=Message.of(MessageCode.RENAME_FOLDER)
        )
    link.symlink_to(path.absolute())
    return str(link.absolute())
