"""A worker's signs of life, and the processes that it forks for its steps."""

from __future__ import annotations

import subprocess
import sys

AMID_A_BEAT = """
import os, threading
from app.fleet.registry import Worker
from app.fleet.worker_node import WorkerHeartbeat

begun, forked = threading.Event(), threading.Event()

class Slow:
    def beat(self, worker, held):
        begun.set()
        print("forked amid a sign of life:", forked.wait(1))

pulse = WorkerHeartbeat(Slow(), Worker("f@a", "a", 1, "ffmpeg", 1, True, "v /data", "0.1.0", 0.0))
pulse.keep_forks_out()
threading.Thread(target=pulse.give).start()
begun.wait()
child = os.fork()
if child == 0:
    # Nothing is held here: a step that begins at once can give signs of its own.
    os._exit(0 if pulse.giving.acquire(blocking=False) else 1)
forked.set()
print("the child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_no_process_is_forked_amid_a_sign_of_life() -> None:
    """What the thread holds then, as the lock of a module that it imports, the child would wait for for ever."""
    done = subprocess.run([sys.executable, "-c", AMID_A_BEAT], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["forked amid a sign of life: False", "the child ended with 0"]
