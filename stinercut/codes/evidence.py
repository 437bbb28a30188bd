"""Collects the codes seen in one file, and gives the verdict on them.

Owns: collecting codes, deciding which of them are identities and when one is enough, and making a `Reading`. Not here:
which pictures are looked at (`film_reader`, `still_reader`), the schema (`payload`).

The verdict: a signed payload counts if it was read once. A payload without a signature counts if two frames of a film
agree; in a still picture two different looks must agree: they differ in the decoder or in the preprocessing (two
scales, for example). Any two different payloads in a file, confirmed or not, are refused. A code with a wrong signature
spoils the file, whatever else is in it. If nothing was found and the better decoder was lost at a picture, the file may
hold a code: then the verdict is not "no code".

The other content of codes (`extras`) has no part in the verdict. It is kept only if all codes of the passenger agree on
it; if one of them was signed, only signed ones count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from stinercut.codes.decoders import Code, DecodedPicture
from stinercut.codes.extras import Extras, HeardExtras
from stinercut.codes.payload import Payload, SaidByCode, not_ours, parse_code
from stinercut.codes.reading import Reading, Reason
from stinercut.codes.signing import is_signed
from stinercut.errors import BadInput
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, in_a_row

RAW_LIMIT: Final = 1000
"""Characters of a foreign code that are kept; a QR code holds up to 7089."""


@dataclass
class FileEvidence:
    """All codes seen in one file so far. A moment is a frame's time, or the number of a look at a picture."""

    keys: KeyRing = NO_KEYS
    moments: dict[Payload, dict[float, Code]] = field(default_factory=dict[Payload, dict[float, Code]])
    signed: set[Payload] = field(default_factory=set[Payload])
    besides: dict[Payload, dict[str, HeardExtras]] = field(default_factory=dict[Payload, dict[str, HeardExtras]])
    """The extras of each text of a payload."""
    foreign: dict[str, tuple[Message, ...]] = field(default_factory=dict[str, tuple[Message, ...]])
    """Texts of codes that are no identity, and the reason for each."""
    damaged: bool = False
    """Whether a code was found that could not be decoded."""
    missed: bool = False
    """Whether the better decoder was lost at a picture."""
    cut_short: bool = False
    apart: float = 0.0
    """A little less than the seconds between two frames of the film: closer moments may be the same frame."""
    notes: list[Message] = field(default_factory=list[Message])

    def add(self, moment: float, look: DecodedPicture) -> None:
        """Add the codes that a look at the picture of this moment showed."""
        self.damaged = self.damaged or look.damaged
        self.missed = self.missed or look.missed
        for code in look.codes:
            content, why = _identity(code, self.keys)
            if content is None:
                self.foreign.setdefault(code.text, why)
            else:
                self._support(self.moments.setdefault(content.payload, {}), moment, code)
                self.besides.setdefault(content.payload, {})[code.text] = content.besides
                if is_signed(code.text):
                    self.signed.add(content.payload)

    def _support(self, moments: dict[float, Code], moment: float, code: Code) -> None:
        """Count a moment, unless it may be a frame that counts already: the same frame is no second opinion."""
        if all(abs(moment - other) > self.apart for other in moments):
            moments[moment] = code

    @property
    def traces(self) -> bool:
        """Whether there may be a code, ours or any other, that was not read reliably."""
        return self.damaged or self.missed or bool(self.moments)

    @property
    def confirmed(self) -> bool:
        """Whether a payload was seen often enough."""
        return any(self.is_enough(payload) for payload in self.moments)

    def is_enough(self, payload: Payload) -> bool:
        """Whether this payload was seen often enough."""
        return payload in self.signed or len(self.moments[payload]) > 1

    @property
    def forged(self) -> str:
        """A text that claims to be signed, but whose signature is not valid (any more); empty without such a text."""
        return next((text for text in self.foreign if is_signed(text)), "")

    def judged(self, *, timed: bool) -> Reading:
        """The verdict as a reading. `timed`: whether moments are times in a film."""
        if len(self.moments) > 1:
            return self._two_payloads()
        if self.moments and not self.forged:
            return self._one_payload(timed=timed)
        return self._nobody()

    def _nobody(self) -> Reading:
        """The reason why there is no passenger. A file that may hide a code never counts as without a code."""
        if self.foreign:
            text = self.forged or next(iter(self.foreign))
            more = Message.of(MessageCode.DIFFERENT_CODES, codes=len(self.foreign)) if len(self.foreign) > 1 else None
            detail = self._told(*self.foreign[text], more)
            return Reading(reason=Reason.INVALID_QR, raw=clipped(text), detail_parts=detail)
        if self.cut_short:
            return Reading(reason=Reason.UNREADABLE, detail_parts=self._told())
        if self.damaged:
            return Reading(reason=Reason.INVALID_QR, detail_parts=self._told(Message.of(MessageCode.CODE_DAMAGED)))
        if self.missed:
            missed = Message.of(MessageCode.CODE_MAY_BE_MISSED)
            return Reading(reason=Reason.UNREADABLE, detail_parts=self._told(missed))
        return Reading(reason=Reason.NO_QR_FOUND, detail_parts=self._told())

    def _told(self, *said: Message | None) -> tuple[Message, ...]:
        """This, and the notes after it."""
        return in_a_row(*said, *self.notes)

    def _two_payloads(self) -> Reading:
        names = tuple(map(_named, self.moments))
        raw = "\n".join(next(iter(moments.values())).text for moments in self.moments.values())
        two = Message.of(MessageCode.CODES_OF_PASSENGERS, number=len(names), passengers=names)
        return Reading(reason=Reason.TWO_PAYLOADS, raw=clipped(raw), detail_parts=self._told(two))

    def _one_payload(self, *, timed: bool) -> Reading:
        payload, moments = next(iter(self.moments.items()))
        first = min(moments)
        code = moments[first]
        if not self.is_enough(payload):
            return Reading(
                reason=Reason.NOT_CONFIRMED,
                raw=clipped(code.text),
                detail_parts=self._told(Message.of(MessageCode.PASSENGER_READ_ONCE)),
                decoder=code.decoder,
            )
        extras, problems = self._extras(payload)
        return Reading(
            payload=payload,
            extras=extras,
            raw=clipped(code.text),
            detail_parts=self._told(*problems),
            decoder=code.decoder,
            signed=payload in self.signed,
            frame_time=first if timed else None,
        )

    def _extras(self, payload: Payload) -> tuple[Extras, tuple[Message, ...]]:
        """The extras on which all counting codes of this payload agree, and remarks about them."""
        is_one_signed = payload in self.signed
        heard = [extras for text, extras in self.besides[payload].items() if is_signed(text) == is_one_signed]
        if any(other.extras != heard[0].extras for other in heard):
            return Extras(), (Message.of(MessageCode.CODES_SAY_MORE_DIFFERENTLY),)
        return heard[0].extras, heard[0].problems


def _identity(code: Code, keys: KeyRing) -> tuple[SaidByCode | None, tuple[Message, ...]]:
    if not code.exact:
        return None, not_ours(Message.of(MessageCode.TEXT_NOT_UTF8)).what_parts
    try:
        return parse_code(code.text, keys), ()
    except BadInput as refused:
        return None, refused.what_parts


def _named(payload: Payload) -> Message:
    return Message.of(
        MessageCode.PASSENGER_OF_BOOKING,
        passenger=payload.passenger_name,
        booking=payload.booking_id,
        day=payload.jump_date.isoformat(),
    )


def clipped(text: str) -> str:
    """A text that every database and page can handle: without NUL, of limited length."""
    return text.replace("\x00", "\u2400")[:RAW_LIMIT]
