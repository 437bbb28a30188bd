"""Ends a stack whose supervisor was killed. Every supervisor starts it as `python -m app.processes.guard MARK`.

Its standard input is a pipe that only the supervisor can write to. A byte on it means that all has ended well; the end
of the pipe without a byte means that the supervisor is gone and the guard must end the stack. Owns: telling these
apart. Not here: ending processes (`processes`), any decision about single processes (`supervisor`).
"""

from __future__ import annotations

import signal
import sys

from app.processes.processes import kill_marked


def main() -> None:
    """Wait for the supervisor's byte or its end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    mark = sys.argv[1]
    if not sys.stdin.buffer.read(1):
        kill_marked(mark, seconds=10)


if __name__ == "__main__":
    main()
