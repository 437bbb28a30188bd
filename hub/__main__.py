"""`python -m hub`: serves the hub until SIGTERM or Ctrl-C.

Owns: the address, the log, ending within two seconds. Not here: the application (`hub.app`).
"""

from __future__ import annotations

import logging
import os
import socket
import sys

import uvicorn

from hub.app import create_app
from hub.kit.connections import BoundedProtocol
from hub.people.first_admin import how_to_begin
from stinercut.catalog import migrate
from stinercut.errors import HostNotReady, StinercutError
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.own_names import is_loopback
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.settings import Settings
from stinercut.storage.data_folder import keep_private

GRACE_S = 1
"""Seconds that open downloads get when the hub is asked to end."""


def check(settings: Settings) -> None:
    """Raise HostNotReady if detectors on other machines could connect without a secret."""
    if settings.token is None and not is_loopback(settings.host):
        raise HostNotReady(
            Message.of(SetupCode.HUB_WITHOUT_TOKEN, host=settings.host),
            advice=Message.of(SetupCode.SET_TOKEN_OR_HOST),
        )


def serve(settings: Settings) -> None:
    """Serve until asked to end. Raises HostNotReady if serving can't start."""
    check(settings)
    settings.require_sound()
    keep_private(settings)
    listening = listen(settings.host, settings.hub_port)
    migrate(settings.catalog_url)
    announce_first_admin(settings)
    config = uvicorn.Config(
        create_app(settings),
        http=BoundedProtocol,
        ws="websockets-sansio",
        # Above the protocol's own limit, so that an overlarge frame is refused with words and the connection stays.
        ws_max_size=4 * MAX_FRAME_BYTES,
        ws_ping_interval=10,
        ws_ping_timeout=10,
        timeout_graceful_shutdown=GRACE_S,
        access_log=False,
        log_level="warning",
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
    )
    uvicorn.Server(config).run(sockets=[listening])


def announce_first_admin(settings: Settings) -> None:
    """Say how the first admin is made, where nobody else is let in and there is no account yet."""
    sentence = how_to_begin(settings)
    if sentence is not None:
        print(sentence, flush=True)  # noqa: T201


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to this address. Raises HostNotReady when another process has it."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name == "posix":  # On Windows the same option would let two processes share the port.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as refused:
        bound.close()
        raise HostNotReady(
            Message.of(SetupCode.HUB_CANT_LISTEN, host=host, port=port, why=refused.strerror or str(refused)),
            advice=Message.of(SetupCode.ANOTHER_HUB_OR_PORT),
        ) from None
    return bound


def main() -> int:
    """Run the hub. Returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        serve(Settings())
    except StinercutError as refused:
        print(refused.sentence(), file=sys.stderr)  # noqa: T201
        return refused.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
