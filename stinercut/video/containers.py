"""Recognises a file from outside by its first bytes, and makes ffmpeg read it as that container and as nothing else.

Owns: the list of containers for footage and music, and refusing everything else by its name. Not here: building inputs
of ffmpeg (`ffmpeg_inputs`), the content of a file (`probe`), pictures (`picture_files`).

By default ffmpeg guesses a file's format, and some formats are texts that name other files: a playlist on a card (HLS,
DASH, ffconcat, IMF) could bring any file of this machine into a film. So a file is looked at before ffmpeg opens it.
ffmpeg is then told the only allowed format (`-f` and `-format_whitelist`), and to open nothing but files and pipes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from stinercut.errors import UnreadableVideo
from stinercut.input_limits import MOST_PIXELS
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.storage.regular_files import open_regular

PROTOCOLS: Final = "file,pipe"

_HEAD = 8192
"""Bytes that are looked at."""

_ID3 = 10
"""Bytes of the head of an ID3 tag."""

_MOST_TAGS = 8
"""ID3 tags in a row that are passed over, at most."""


@dataclass(frozen=True)
class Container:
    """A kind of file with picture or sound: its name for people, and ffmpeg's name."""

    name: str
    demuxer: str

    @property
    def options(self) -> dict[str, str | int]:
        """The options of ffmpeg and ffprobe before the file's name."""
        told: dict[str, str | int] = {
            "f": self.demuxer,
            "format_whitelist": self.demuxer,
            "protocol_whitelist": PROTOCOLS,
            "max_pixels": MOST_PIXELS,
        }
        # Tracks of an MP4 or MOV may lie in other files. ffmpeg does not open these by default; say so all the same.
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

_NAMED_TEXTS: tuple[tuple[str, Message], ...] = (
    (r"#EXTM3U", Message.of(SetupCode.IS_PLAYLIST, kind="HLS, M3U")),
    (r"ffconcat version|file\s+'", Message.of(SetupCode.IS_FFMPEG_LIST)),
    (r"v=0\r?\n", Message.of(SetupCode.IS_STREAM_DESCRIPTION)),
    (r"\[playlist\]", Message.of(SetupCode.IS_PLAYLIST, kind="PLS")),
    (r"\[reference\]|<asx\b", Message.of(SetupCode.IS_PLAYLIST, kind="ASX")),
    (r"#~?EXT|RTSPtext|SMILtext|https?://|rtsp://", Message.of(SetupCode.IS_ADDRESSES)),
    (r"\[Script Info\]|WEBVTT|\d+\r?\n\d\d:\d\d:\d\d,\d{3} -->", Message.of(SetupCode.IS_SUBTITLES)),
    (r";FFMETADATA", Message.of(SetupCode.IS_FFMPEG_METADATA)),
)
"""Beginnings of texts."""

_NAMED_XML: tuple[tuple[str, Message], ...] = (
    (r"<(\w+:)?MPD\b", Message.of(SetupCode.IS_PLAYLIST, kind="DASH")),
    (r"<(\w+:)?(CompositionPlaylist|AssetMap|PackingList|OutputProfileList)\b", Message.of(SetupCode.IS_IMF)),
    (r"<(\w+:)?SmoothStreamingMedia\b", Message.of(SetupCode.IS_PLAYLIST, kind="Smooth Streaming")),
    (r"<(\w+:)?(playlist|smil|asx)\b", Message.of(SetupCode.IS_PLAYLIST, kind="XSPF, SMIL, ASX")),
    (r"<(\w+:)?(tt|svg|html)\b", Message.of(SetupCode.IS_PAGE)),
)
"""Elements in the first bytes of an XML file."""


def container_of(path: Path) -> Container:
    """The kind of footage or music of a file, by its first bytes and not by its name. Reads 8 kB.

    Raises UnreadableVideo for any other kind of file; the error names that kind.
    """
    try:
        with open_regular(path) as source:
            head = _behind_tag(source)
            found = _recognised(*head)
    except FileNotFoundError:
        raise UnreadableVideo(
            Message.of(MessageCode.FILE_NOT_THERE), file=path, advice=Message.of(MessageCode.CHECK_PATH_OR_CARD)
        ) from None
    except OSError as refused:
        raise UnreadableVideo(
            Message.of(MessageCode.FILE_NOT_OPENED, why=refused.strerror or str(refused)),
            file=path,
            advice=Message.of(MessageCode.COPY_FROM_CARD_AGAIN),
        ) from None
    if found is None:
        what = _told_apart(head[0])
        if what is None:
            unknown = Message.of(SetupCode.FILE_OF_NO_KNOWN_KIND)
            raise UnreadableVideo(unknown, file=path, advice=Message.of(MessageCode.COPY_AGAIN_OR_LEAVE_OUT))
        neither = Message.of(SetupCode.FILE_IS_NEITHER, what=what)
        raise UnreadableVideo(neither, file=path, advice=Message.of(MessageCode.LEAVE_IT_OUT))
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
"""Kinds that may follow an ID3 tag. Some encoders write padding after the tag, so an unknown kind there counts as MP3,
as it does for ffmpeg.
"""


def _behind_tag(source: BinaryIO) -> tuple[bytes, bool]:
    """The first bytes, or those after an ID3 tag, whose length is in groups of seven bits; and whether there is a tag.

    Some programs add another tag instead of changing the existing one.
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
    """Whether packets of 188 bytes follow each other, with four bytes of time before each (AVCHD) or 16 after it.

    A recording may begin in the middle of a packet.
    """
    for packet in (188, 192, 204):
        marks = [head[first::packet][:_PACKETS] for first in range(packet)]
        if any(len(column) == _PACKETS and set(column) == {0x47} for column in marks):
            return True
    return False


_PACKETS = 8
"""Packets that must begin with the mark 0x47 (G): nobody writes a text in which every 188th letter is a G so often."""

_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")

_LETTERS = 16
"""UTF-16 without a byte order mark is recognised by this many Latin letters, each with a zero byte."""


def _told_apart(head: bytes) -> Message | None:
    """The kind of a file that is no container; None for an unknown one."""
    if _PICTURE.match(head):
        return Message.of(SetupCode.IS_PICTURE)
    if head.startswith(_PACKED):
        return Message.of(SetupCode.IS_PACKED)
    if named := _named_text(head):
        return named
    text = _as_text(head)
    is_text = bool(text) and "\x00" not in text and text.count("\ufffd") < len(text) / 50
    return Message.of(SetupCode.IS_TEXT) if is_text else None


def _named_text(head: bytes) -> Message | None:
    """The kind of a text that is known here; None for everything else."""
    text = _as_text(head).lstrip()
    beginning = (what for pattern, what in _NAMED_TEXTS if re.match(pattern, text, re.IGNORECASE))
    within = (what for pattern, what in _NAMED_XML if text.startswith("<") and re.search(pattern, text, re.IGNORECASE))
    return next(beginning, None) or next(within, None)


def _as_text(head: bytes) -> str:
    """The bytes decoded as text: UTF-16 with or without a byte order mark, else UTF-8."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace")
    pairs = head[: len(head) // 2 * 2]
    for nulls, coding in ((pairs[1::2], "utf-16-le"), (pairs[::2], "utf-16-be")):
        if nulls and not any(nulls[:_LETTERS]):
            return pairs.decode(coding, "replace")
    return head.decode("utf-8-sig", "replace")
