"""`python -m detector`: the detector as a process, until SIGTERM or Ctrl-C.

Owns: signals, the log on stderr, the exit code. Not here: anything about cards (`service`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from types import FrameType

from detector.service import run
from stinercut.errors import StinercutError
from stinercut.settings import Settings
from stinercut.storage.data_folder import follow_folder

log = logging.getLogger("detector")


def main() -> int:
    """Run until told to stop. Returns the exit code: 0 after a signal, otherwise the error's own."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.ERROR)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    try:
        asyncio.run(_until_signal())
    except StinercutError as failed:
        log.error("%s", failed.sentence())
        return failed.exit_code
    return 0


async def _until_signal() -> None:
    loop = asyncio.get_running_loop()
    settings = Settings()
    follow_folder(settings.data)
    work = asyncio.create_task(run(settings))

    def end(_signal: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(work.cancel)

    # signal.signal, because Windows has no loop.add_signal_handler.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    await asyncio.wait({work})
    if work.cancelled():
        log.info("Stopped.")
    else:
        work.result()


if __name__ == "__main__":
    sys.exit(main())
