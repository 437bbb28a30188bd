"""What people read next to a file that a code was looked for in.

Owns: the message for each outcome. Not here: the outcomes (`reading`), the words (`stinercut.language`).
"""

from __future__ import annotations

from stinercut.codes.reading import Reading, Reason
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message


def note_of(reading: Reading) -> Message:
    """Whose code it is or why it holds no name, and which decoders were lost over it."""
    outcome = _outcome(reading)
    if not reading.lost_decoders:
        return outcome
    return Message.of(MessageCode.DECODERS_LOST, said=outcome, decoders=reading.lost_decoders)


def _outcome(reading: Reading) -> Message:
    match reading.reason:
        case Reason.NO_QR_FOUND:
            return Message.of(MessageCode.FILE_WITHOUT_CODE)
        case Reason.INVALID_QR:
            return Message.of(MessageCode.FILE_WITH_FOREIGN_CODE)
        case Reason.TWO_PAYLOADS:
            return Message.of(MessageCode.FILE_WITH_TWO_CODES)
        case Reason.NOT_CONFIRMED:
            return Message.of(MessageCode.FILE_CODE_READ_ONCE)
        case _ if reading.payload is not None:
            return Message.of(MessageCode.PASSENGER, passenger=reading.payload.passenger_name)
        case _:
            return Message.of(MessageCode.FILE_UNREADABLE)
