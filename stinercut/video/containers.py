"""What a file from outside is by its first bytes, and how ffmpeg is told to read it: as that, and as nothing else.

Owns: the list of containers that footage and music come in, refusing everything else by its name. Not here: building
inputs of ffmpeg (`ffmpeg_inputs`), what is in a file (`probe`), pictures (`picture_files`).

Left alone, ffmpeg guesses, and among what it guesses are texts that name other files: a playlist on a card (HLS, DASH,
ffconcat, IMF) brings any file of this machine into a film. So a file is looked at before ffmpeg is asked, and ffmpeg is
told the one format that it may be (`-f` and `-format_whitelist`), and to open nothing but files and pipes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from stinercut.errors import UnreadableVideo
from stinercut.input_limits import MOST_PIXELS
from stinercut.storage.regular_files import open_regular

PROTOCOLS: Final = "file,pipe"

_HEAD = 8192
"""Bytes that are looked at."""

_ID3 = 10
"""Bytes of the head of a tag ID3."""

_MOST_TAGS = 8
"""Tags ID3 one behind the other."""


@dataclass(frozen=True)
class Container:
    """A kind of file with picture or sound in it: as people call it, and as ffmpeg does."""

    name: str
    demuxer: str

    @property
    def options(self) -> dict[str, str | int]:
        """What ffmpeg and ffprobe are told before the file's name."""
        told: dict[str, str | int] = {
            "f": self.demuxer,
            "format_whitelist": self.demuxer,
            "protocol_whitelist": PROTOCOLS,
            "max_pixels": MOST_PIXELS,
        }
        # Tracks of an MP4 or MOV may lie in other files. ffmpeg leaves them alone unless it is told otherwise.
        return told | ({"enable_drefs": 0, "use_absolute_path": 0} if self is MP4 else {})

    @property
    def words(self) -> list[str]:
        """The same as words of a command line."""
        return [word for name, value in self.options.items() for word in (f"-{name}", str(value))]


MP4 = Container("MP4 or MOV", "mov")
_MP3 = Container("MP3", "mp3")
_FLAC = Container("FLAC", "flac")
_AAC = Container("AAC", "aac")
_TS = Container("MPEG transport stream (AVCHD)", "mpegts")

_BY_FIRST_BYTES: tuple[tuple[re.Pattern[bytes], Container], ...] = tuple(
    (re.compile(pattern, re.DOTALL), container)
    for pattern, container in (
        (rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot|uuid|junk|udta)", MP4),
        (rb"\x1a\x45\xdf\xa3", Container("Matroska or WebM", "matroska")),
        (rb"(RIFF.{4}AVI[ X\x19]|ON2 .{4}ON2f)", Container("AVI", "avi")),
        (rb"(RIFF|RF64|BW64).{4}WAVE", Container("WAV", "wav")),
        (rb"\x00\x00\x01\xba", Container("MPEG program stream", "mpeg")),
        (rb"\x06\x0e\x2b\x34", Container("MXF", "mxf")),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container("Windows Media", "asf")),
        (rb"FLV\x01", Container("Flash video", "flv")),
        (rb"OggS", Container("Ogg", "ogg")),
        (rb"fLaC", _FLAC),
        (rb"FORM.{4}AIF[FC]", Container("AIFF", "aiff")),
        # A frame's head: MPEG audio of layer 2 or 3 with a bit rate that exists; AAC in ADTS.
        (rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][^\xf0-\xff]", _MP3),
        (rb"\xff[\xf0\xf1\xf8\xf9]", _AAC),
    )
)

_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM.{4}\x00\x00\x00\x00|II\*\x00|MM\x00\*|RIFF.{4}WEBP"
    rb"|.{4}ftyp(heic|heix|heim|heis|hevc|hevx|mif1|avif|crx )",
    re.DOTALL,
)

_NAMED_TEXTS: tuple[tuple[str, str], ...] = (
    (r"#EXTM3U", "a playlist (HLS, M3U)"),
    (r"ffconcat version|file\s+'", "a list of files for ffmpeg (ffconcat)"),
    (r"v=0\r?\n", "a description of a stream (SDP)"),
    (r"\[playlist\]", "a playlist (PLS)"),
    (r"\[reference\]|<asx\b", "a playlist (ASX)"),
    (r"#~?EXT|RTSPtext|SMILtext|https?://|rtsp://", "a list of addresses"),
    (r"\[Script Info\]|WEBVTT|\d+\r?\n\d\d:\d\d:\d\d,\d{3} -->", "a file of subtitles"),
    (r";FFMETADATA", "a file of metadata for ffmpeg"),
)
"""Beginnings of texts."""

_NAMED_XML: tuple[tuple[str, str], ...] = (
    (r"<(\w+:)?MPD\b", "a playlist (DASH)"),
    (r"<(\w+:)?(CompositionPlaylist|AssetMap|PackingList|OutputProfileList)\b", "a list of files (IMF)"),
    (r"<(\w+:)?SmoothStreamingMedia\b", "a playlist (Smooth Streaming)"),
    (r"<(\w+:)?(playlist|smil|asx)\b", "a playlist (XSPF, SMIL, ASX)"),
    (r"<(\w+:)?(tt|svg|html)\b", "a page or a drawing"),
)
"""Elements in the first bytes of an XML file."""


def container_of(path: Path) -> Container:
    """What kind of footage or music a file is, by its first bytes, whatever its name says. Reads 8 kB.

    Raises UnreadableVideo for everything that is none of the kinds known here, saying what it is.
    """
    try:
        with open_regular(path) as source:
            head = _behind_tag(source)
            found = _recognised(*head)
    except FileNotFoundError:
        raise UnreadableVideo(
            "the file is not there", file=path, advice="Check the path, or put the card in again."
        ) from None
    except OSError as refused:
        raise UnreadableVideo(
            f"the file can't be read: {refused.strerror or refused}", file=path, advice="Copy it from the card again."
        ) from None
    if found is None:
        what = _told_apart(head[0])
        advice = "Leave it out." if what != _NOTHING_KNOWN else "Copy it from the card again, or leave it out."
        raise UnreadableVideo(f"the file is {what}", file=path, advice=advice)
    return found


def _recognised(head: bytes, is_tagged: bool) -> Container | None:
    if is_tagged:
        found = next((kind for pattern, kind in _BY_FIRST_BYTES if kind in _TAGGED and pattern.match(head)), None)
        return found or (None if _named_text(head) else _MP3)
    if _PICTURE.match(head):
        return None
    found = next((kind for pattern, kind in _BY_FIRST_BYTES if pattern.match(head)), None)
    return found or (_TS if _is_transport_stream(head) else None)


_TAGGED = (_MP3, _FLAC, _AAC)
"""What may follow a tag ID3. Some encoders fill up behind it, so nothing known is MP3, as ffmpeg sees it."""


def _behind_tag(source: BinaryIO) -> tuple[bytes, bool]:
    """The first bytes, or those behind a tag ID3, whose length is written in groups of seven bits; whether it has one.

    Some programs write one more tag instead of changing the one that is there.
    """
    head, at, tags = source.read(_HEAD), 0, 0
    while head.startswith(b"ID3") and tags < _MOST_TAGS:
        length = 0
        for byte in head[6:_ID3]:
            length = length << 7 | byte & 0x7F
        at, tags = at + _ID3 + length, tags + 1
        source.seek(at)
        head = source.read(_HEAD)
    return head, tags > 0


def _is_transport_stream(head: bytes) -> bool:
    """Whether packets of 188 bytes follow each other, with four bytes of time before each (AVCHD) or 16 behind it.

    A recording may begin in the middle of one.
    """
    for packet in (188, 192, 204):
        marks = [head[first::packet][:_PACKETS] for first in range(packet)]
        if any(len(one) == _PACKETS and set(one) == {0x47} for one in marks):
            return True
    return False


_PACKETS = 8
"""A text whose every 188th letter is a G eight times over is none that anybody wrote."""

_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")

_LETTERS = 16
"""So many letters of Latin script in UTF-16, each with a zero byte, tell a text without a mark in front."""

_NOTHING_KNOWN = "no video or music of a kind that is known here, or it is damaged"


def _told_apart(head: bytes) -> str:
    """What a file that is no container is, in words."""
    if _PICTURE.match(head):
        return "a picture, neither video nor music"
    if head.startswith(_PACKED):
        return "a packed file (ZIP, gzip and the like), neither video nor music"
    if named := _named_text(head):
        return f"{named}, neither video nor music"
    text = _as_text(head)
    is_text = bool(text) and "\x00" not in text and text.count("\ufffd") < len(text) / 50
    return "a text, neither video nor music" if is_text else _NOTHING_KNOWN


def _named_text(head: bytes) -> str:
    """What a text that is known here is, in words; empty for everything else."""
    text = _as_text(head).lstrip()
    beginning = (what for pattern, what in _NAMED_TEXTS if re.match(pattern, text, re.IGNORECASE))
    within = (what for pattern, what in _NAMED_XML if text.startswith("<") and re.search(pattern, text, re.IGNORECASE))
    return next(beginning, "") or next(within, "")


def _as_text(head: bytes) -> str:
    """Bytes as the text that they may be: UTF-16 with or without a mark in front, else UTF-8."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace")
    pairs = head[: len(head) // 2 * 2]
    for nulls, coding in ((pairs[1::2], "utf-16-le"), (pairs[::2], "utf-16-be")):
        if nulls and not any(nulls[:_LETTERS]):
            return pairs.decode(coding, "replace")
    return head.decode("utf-8-sig", "replace")
