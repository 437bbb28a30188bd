"""The result of looking for a code in one file: a payload, or the reason why it has none.

Owns: `Reading` and its reasons, shared by the reader, the catalog and the pages. Not here: the reader (`reader`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from stinercut.codes.extras import Extras
from stinercut.codes.payload import Payload, first_problem
from stinercut.keyring import KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.fields import Parts
from stinercut.language.messages import Message, all_worded, as_written

READER_VERSION: Final = 4
"""Raise it whenever the reader learns to read more codes: then files without a payload are read again."""


class Reason(StrEnum):
    """The reason why a file has no identity."""

    NO_QR_FOUND = "no_qr_found"
    """No code in any frame that was looked at."""
    INVALID_QR = "invalid_qr"
    """A code that is not a passenger's: foreign, malformed or damaged. `raw` holds its text."""
    TWO_PAYLOADS = "two_payloads"
    """Two different passengers in one file: a person must choose."""
    NOT_CONFIRMED = "not_confirmed"
    """A valid payload in one frame only; no second frame agrees."""
    UNREADABLE = "unreadable"
    """No video, one that is cut short, or one at which the decoder was lost: there may be a code in it."""


class Reading(BaseModel):
    """One file, looked at once. Exactly one of `payload` and `reason` is set."""

    model_config = ConfigDict(frozen=True)

    payload: Payload | None = None
    extras: Extras = Extras()
    """The extras of its code; a signed code has none."""
    raw: str | None = None
    reason: Reason | None = None
    detail: str = ""
    """The sentence of a reading that a release before messages kept; `said` has both."""
    detail_parts: Parts = ()
    decoder: str | None = None
    signed: bool = False
    """Whether the payload came with a signature that was verified."""
    frame_time: float | None = None
    """Seconds from the start of the film to the frame that gave the payload."""
    film_seconds: float | None = None
    """How long the film is; None for a picture and for an unreadable file."""
    seconds: float = 0.0
    """Wall-clock seconds that the reading took."""

    lost_decoders: tuple[str, ...] = ()
    """Names of decoders that crashed or hung at one of its pictures; `detail_parts` tell how."""
    reader: int = 0
    """Version of the reader; 0 for readings older than this field."""
    keys: str = ""
    """Fingerprint of the key ring that was used."""

    @property
    def said(self) -> tuple[Message, ...]:
        """Remarks about the reading; mostly the reason why there is no passenger."""
        return self.detail_parts or as_written(self.detail)

    @property
    def words(self) -> str:
        """The same in words."""
        return all_worded(self.said)

    @classmethod
    def kept(cls, row: Mapping[str, Any]) -> Reading:
        """A reading from the catalog. If the schema no longer accepts its payload, it becomes a refusal with that
        reason: a name from before the rule for names may be one that no title can show.
        """
        try:
            return cls.model_validate(row)
        except ValidationError as refused:
            rest = {name: value for name, value in row.items() if name not in ("payload", "detail")}
            why = (Message.of(MessageCode.CODE_NO_LONGER_TAKEN, why=first_problem(refused)),)
            return cls.model_validate({**rest, "reason": Reason.INVALID_QR, "detail_parts": why, "signed": False})

    @property
    def hides_identity(self) -> bool:
        """Whether there may have been a code that could not be accepted.

        The files after such a file on the card may belong to somebody else than the files before it.
        """
        return self.reason is not None and self.reason is not Reason.NO_QR_FOUND

    def is_outdated(self, keys: KeyRing) -> bool:
        """Whether the file should be read again, since this reader and key ring may give another result.

        Only a reading without a payload is outdated: a name that was read stays valid, whatever key is removed later.
        """
        if self.payload is not None:
            return False
        asked_keys = self.raw is not None and self.keys != keys.fingerprint
        return asked_keys or self.reader != READER_VERSION or bool(self.lost_decoders)
