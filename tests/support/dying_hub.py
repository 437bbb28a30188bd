"""The real hub, killed at one moment of a message: `python dying_hub.py MOMENT MESSAGE_TYPE`.

Owns: the moments. Not here: the hub, which knows nothing of it. The kill is SIGKILL of the process by itself.
"""

from __future__ import annotations

import sys
from typing import Any

from hub.__main__ import main
from hub.cards import socket
from hub.cards.detector_messages import Conversation, Effects
from stinercut.protocol import Envelope
from support.dying_detector import die

MOMENTS = ("before its commit", "before its ack", "after its ack")


def arm(moment: str, kind: str) -> None:
    """Die at that moment of the first message of that type."""
    handle, send = Conversation.handle, socket._Connection.send  # type: ignore[reportPrivateUsage]
    meant: set[str] = set()

    def handles(self: Conversation, detector_id: str, envelope: Envelope) -> Effects:
        if envelope.body.type == kind:
            meant.add(envelope.id)
            if moment == MOMENTS[0]:
                die()
        effects = handle(self, detector_id, envelope)
        if envelope.id in meant and moment == MOMENTS[1]:
            die()
        return effects

    async def sends(self: Any, *messages: Any) -> None:
        await send(self, *messages)
        if any(getattr(message, "of", None) in meant for message in messages):
            die()

    Conversation.handle = handles  # type: ignore[method-assign]
    socket._Connection.send = sends  # type: ignore[reportPrivateUsage, method-assign]


if __name__ == "__main__":
    arm(sys.argv[1], sys.argv[2])
    sys.exit(main())
