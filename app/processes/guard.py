"""Ends a stack whose supervisor was killed. Runs as `python -m app.processes.guard MARK` beside every supervisor.

Its standard input is a pipe that only the supervisor can write to. A word on it means that all has ended well; its
end without a word means that the supervisor is gone and somebody must tidy up. Owns: that. Not here: the ending
itself (`processes`), any decision about single processes (`supervisor`).
"""

from __future__ import annotations

import signal
import sys

from app.processes.processes import kill_marked


def main() -> None:
    """Wait for the supervisor's word or its end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    mark = sys.argv[1]
    if not sys.stdin.buffer.read(1):
        kill_marked(mark, seconds=10)


if __name__ == "__main__":
    main()
