"""The wire messages between detector and hub, one class each, and their envelope.

Owns: the form of every message. Not here: choosing a version (`versions`), frames of older versions (`older`), sockets
(`detector.link`, `hub.cards.socket`).

Every message is a JSON text frame: `{"id": ..., "body": {"type": ..., ...}}`. Both sides refuse unknown fields.
A file is named by an opaque `file_id` that the detector chose for one insertion; no path ever travels to the detector.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from stinercut.bounds import LARGEST_INTEGER, LARGEST_SIZE, NO_NUL, ClockTime, Count, ShortText, Size
from stinercut.errors import StinercutError
from stinercut.protocol.unclear_frames import not_of_protocol, too_large
from stinercut.protocol.versions import SPOKEN

MAX_FRAME_BYTES = 1 << 20
"""The limit of a frame on both sides. websockets closes the connection with 1009 above its own limit of 1 MiB."""

FILES_PER_CHUNK = 500
"""A file list travels in pieces, so that a full card stays far below MAX_FRAME_BYTES."""
MAX_FILES: Final = 100_000
"""In one file list: five times as many as time-lapses of a whole season leave on a card."""
MAX_PIECES: Final = MAX_FILES // 50
"""Pieces of a file list: if all names have the maximum length, about 50 files fill one piece."""
MAX_DETAIL: Final = 2000

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ContentHash = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
MessageId = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
ProtocolVersion = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Detail = Annotated[str, Field(max_length=MAX_DETAIL, pattern=NO_NUL)]
"""Words for people."""
PathText = Annotated[str, Field(max_length=1024, pattern=NO_NUL)]
"""A folder on a card. It may be longer than a file name, since folders nest. A longer path is cut at the front."""


PartName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
_Number = Annotated[int, Field(ge=-LARGEST_SIZE, le=LARGEST_SIZE)]
_Fraction = Annotated[float, Field(ge=-1e300, le=1e300)]
PartValue: TypeAlias = (
    "Detail | _Number | _Fraction | DetailPart | Annotated[list[DetailPart | Detail], Field(max_length=500)]"
)
"""What a message for people may show."""


class ProtocolError(StinercutError):
    """A frame that is no message of this protocol."""

    code = "BAD_MESSAGE"


class ErrorCode(StrEnum):
    """The reason of a failure; stable, for programs. The words for people are in `detail`."""

    CARD_REMOVED = "CARD_REMOVED"
    SOURCE_IO = "SOURCE_IO"
    SOURCE_CHANGED = "SOURCE_CHANGED"
    DEST_FULL = "DEST_FULL"
    DEST_IO = "DEST_IO"
    HASH_MISMATCH = "HASH_MISMATCH"
    STALE_INSERT = "STALE_INSERT"
    UNKNOWN_ID = "UNKNOWN_ID"
    BAD_MESSAGE = "BAD_MESSAGE"
    BAD_TOKEN = "BAD_TOKEN"
    BAD_VERSION = "BAD_VERSION"


class FileKind(StrEnum):
    """The kind of a file on a card, by its name alone."""

    VIDEO = "video"
    PHOTO = "photo"
    """Since version 2; in version 1 a photo is `other`."""
    PROXY = "proxy"
    THUMBNAIL = "thumbnail"
    OTHER = "other"


class Wire(BaseModel):
    """Base of everything on the wire: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


class FileEntry(Wire):
    """One file in a scan of names and metadata; its content was not read."""

    file_id: Identifier
    folder: PathText = Field(description="Folder below the card's root, with forward slashes.")
    name: ShortText
    size: Size = Field(description="Bytes.")
    modified: ClockTime = Field(description="Wall-clock time as stored on the card, without a zone.")
    kind: FileKind
    recording: PathText = Field(description="Equal for all chapters of one recording on this card.")
    chapter: Count = Field(default=1, description="Place within the recording.")
    main_file_id: Identifier | None = Field(default=None, description="The video it belongs to, unless it is one.")


class CardLabel(Wire):
    """The data of a card that are known without reading footage."""

    card_id: Identifier = Field(description="Stable for the same card (volume id), letters, digits, - and _.")
    label: ShortText = Field(description="What a person calls it: volume label or folder name.")
    kind: Literal["volume", "folder"]


class Hello(Wire):
    """First message of a detector after connecting, with the versions that it speaks. Its form never changes."""

    type: Literal["hello"] = "hello"
    detector_id: Identifier
    min_version: ProtocolVersion = SPOKEN.lowest
    max_version: ProtocolVersion = SPOKEN.highest
    token: Annotated[str, Field(max_length=1024, pattern=NO_NUL)] | None = None


class Welcome(Wire):
    """The hub's answer to an accepted hello: the version spoken from now on, and the hub's range of versions. Its form
    never changes.
    """

    type: Literal["welcome"] = "welcome"
    version: ProtocolVersion
    min_version: ProtocolVersion = SPOKEN.lowest
    max_version: ProtocolVersion = SPOKEN.highest


class Inserted(Wire):
    """A card went in. `insertion_id` names this insertion; each insertion has a new one."""

    type: Literal["sd:inserted"] = "sd:inserted"
    insertion_id: Identifier
    card: CardLabel
    inserted_at: ClockTime


class FileList(Wire):
    """A piece of the card's manifest: piece `index` (from 0) of `total` (at least 1)."""

    type: Literal["sd:file_list"] = "sd:file_list"
    insertion_id: Identifier
    index: int = Field(ge=0, lt=MAX_PIECES)
    total: int = Field(ge=1, le=MAX_PIECES)
    files: list[FileEntry] = Field(max_length=FILES_PER_CHUNK)
    passed_over: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        description="Entries of the whole card that no list names: hidden ones, links, the system's own folders.",
    )


class CopyRequest(Wire):
    """The hub asks for files, in this order. Asking twice for the same file is harmless."""

    type: Literal["sd:copy_request"] = "sd:copy_request"
    insertion_id: Identifier
    file_ids: list[Identifier] = Field(min_length=1, max_length=5000)


class SampleRequest(Wire):
    """The hub asks for samples of files that look like known ones, to spare a copy. Asking twice is harmless."""

    type: Literal["sd:sample_request"] = "sd:sample_request"
    insertion_id: Identifier
    file_ids: list[Identifier] = Field(min_length=1, max_length=5000)


class FileSample(Wire):
    """A sample of one file: a hash of its size and of six places in it (`stinercut.storage.file_samples`)."""

    file_id: Identifier
    sample: ContentHash | None = Field(description="None where it could not be taken; then the file must be copied.")


class Samples(Wire):
    """Requested samples, sent in pieces while they are taken."""

    type: Literal["sd:sample"] = "sd:sample"
    insertion_id: Identifier
    samples: list[FileSample] = Field(min_length=1, max_length=FILES_PER_CHUNK)


class FileCopied(Wire):
    """A file is safe in the store under its content hash. The message is sent only after that."""

    type: Literal["sd:file_copied"] = "sd:file_copied"
    insertion_id: Identifier
    file_id: Identifier
    content_hash: ContentHash
    size: Size


class DetailPart(Wire):
    """A message for people as a code and values, of which words can be made in any language."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    values: dict[PartName, PartValue] = Field(default_factory=dict[str, "PartValue"], max_length=16)


DetailParts = Annotated[list[DetailPart], Field(max_length=16)]
_PARTS = "Since version 3: `detail` as codes and values; empty where the sender has the sentence alone."


class CopyError(Wire):
    """A requested file could not be copied this time."""

    type: Literal["sd:copy_error"] = "sd:copy_error"
    insertion_id: Identifier
    file_id: Identifier
    code: ErrorCode
    detail: Detail
    detail_parts: DetailParts = Field(default_factory=list[DetailPart], description=_PARTS)


class CardError(Wire):
    """A card that is in could not be read, at least in part. The readable part is in the file list all the same."""

    type: Literal["sd:card_error"] = "sd:card_error"
    insertion_id: Identifier
    code: ErrorCode
    unreadable: Count = Field(description="Folders and files that the file list lacks; 0 where there will be no list.")
    detail: Detail
    detail_parts: DetailParts = Field(default_factory=list[DetailPart], description=_PARTS)


class Progress(Wire):
    """The progress of a copy. It is not acknowledged and may be lost."""

    type: Literal["sd:progress"] = "sd:progress"
    insertion_id: Identifier
    file_id: Identifier
    bytes_done: Size


class Removed(Wire):
    """A card is out (pulled or ejected)."""

    type: Literal["sd:removed"] = "sd:removed"
    insertion_id: Identifier


class Ack(Wire):
    """The receiver has made the effect of message `of` durable."""

    type: Literal["ack"] = "ack"
    of: MessageId


class Refused(Wire):
    """The receiver won't act on message `of` (or on the connection as a whole)."""

    type: Literal["error"] = "error"
    of: MessageId | None = None
    code: ErrorCode
    detail: Detail


Message = (
    Hello
    | Welcome
    | Inserted
    | FileList
    | SampleRequest
    | Samples
    | CopyRequest
    | FileCopied
    | CopyError
    | CardError
    | Progress
    | Removed
    | Ack
    | Refused
)


class Envelope(Wire):
    """A message with its id. The id stays the same when the message is sent again."""

    id: MessageId
    body: Annotated[Message, Field(discriminator="type")]


_ENVELOPE: TypeAdapter[Envelope] = TypeAdapter(Envelope)


def new_message_id() -> str:
    """An id that no other message has."""
    return uuid.uuid4().hex


def encode(body: Message, message_id: str | None = None) -> str:
    """The JSON text frame for a message; makes an id unless one is given."""
    return Envelope(id=message_id or new_message_id(), body=body).model_dump_json()


def decode(frame: str | bytes) -> Envelope:
    """The message in a frame. Raises ProtocolError for anything else."""
    size = len(frame if isinstance(frame, bytes) else frame.encode(errors="surrogatepass"))
    if size > MAX_FRAME_BYTES:
        raise ProtocolError(too_large(size, MAX_FRAME_BYTES))
    try:
        return _ENVELOPE.validate_json(frame)
    except ValidationError as refused:
        first = refused.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "frame"
        raise ProtocolError(not_of_protocol(where, first["msg"])) from None


def refusal(of: str | None, code: ErrorCode, detail: str) -> Refused:
    """A refusal with these words, cut to fit: they may repeat the received frame, which may contain anything."""
    return Refused(of=of, code=code, detail=detail.replace("\0", "\ufffd")[:MAX_DETAIL])


_MESSAGE_ID: TypeAdapter[str] = TypeAdapter(MessageId)


def id_in(frame: str | bytes) -> str | None:
    """The id of a frame that is no message, if it has a usable one, so that the sender knows which frame was
    refused.
    """
    try:
        found = from_json(frame)  # Unlike the json module, it limits the depth and refuses lone surrogates.
        message_id = cast("dict[str, object]", found).get("id") if isinstance(found, dict) else None
        return _MESSAGE_ID.validate_python(message_id, strict=True)
    except ValueError:
        return None
