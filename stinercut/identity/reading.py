"""What came out of looking for a code in one file: a payload, or why there is none.

Lives here: `Reading` and its reasons, shared by the reader, the catalog and the pages. Doesn't: the reader (`reader`).
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from stinercut.identity.payload import Payload


class Reason(StrEnum):
    """Why a file gave no identity."""

    NO_QR_FOUND = "no_qr_found"
    """No code in any frame that was looked at."""
    INVALID_QR = "invalid_qr"
    """A code that is not a passenger's: foreign, malformed or damaged. `raw` holds its text."""
    TWO_PAYLOADS = "two_payloads"
    """Two different passengers in one file: a person must say which."""
    NOT_CONFIRMED = "not_confirmed"
    """A valid payload in one frame only, and no second frame that agrees."""
    UNREADABLE = "unreadable"
    """No video, or one that is cut short before its first picture."""


class Reading(BaseModel):
    """One file, looked at once. Exactly one of `payload` and `reason` is set."""

    model_config = ConfigDict(frozen=True)

    payload: Payload | None = None
    raw: str | None = None
    reason: Reason | None = None
    detail: str = ""
    decoder: str | None = None
    signed: bool = False
    """Whether the payload came with a signature that was verified."""
    frame_time: float | None = None
    """Seconds from the start of the film to the frame that gave the payload."""
    film_seconds: float | None = None
    """How long the film is; None for a picture and for what can't be read."""
    seconds: float = 0.0
    """Wall-clock seconds that the reading took."""

    @property
    def hides_identity(self) -> bool:
        """Whether there may have been a code that could not be taken.

        What follows such a file on the card may belong to somebody else than what went before it.
        """
        return self.reason is not None and self.reason is not Reason.NO_QR_FOUND
