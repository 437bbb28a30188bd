"""A lock file: one holder at a time, nothing left behind, and a killed holder holds nobody up."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from stinercut.storage.locks import held, held_if_free, is_held
from stinercut.storage.store import Store

HOLDER = """
import sys, time
from pathlib import Path
from stinercut.storage.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_one_holder_at_a_time_and_nothing_left(tmp_path: Path) -> None:
    inside, most, done = 0, 0, 0
    count = threading.Lock()

    def work() -> None:
        nonlocal inside, most, done
        for _ in range(5):
            with Store(tmp_path).alone("key"):
                with count:
                    inside += 1
                    most = max(most, inside)
                with count:
                    inside -= 1
                    done += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert (most, done) == (1, 20)
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "key"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        taken = threading.Event()

        def wait() -> None:
            with held(lock):
                taken.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not taken.wait(0.3), "somebody else holds it"
        assert is_held(lock)
        holder.kill()
        assert taken.wait(120)
        waiting.join(120)
    assert not lock.exists()


def test_what_is_held_is_not_waited_for(tmp_path: Path) -> None:
    lock = tmp_path / "key"
    with held_if_free(lock) as mine, held_if_free(lock) as again:
        assert (mine, again, is_held(lock)) == (True, False, True)
    assert not lock.exists()
    lock.touch()
    assert not is_held(lock)
    assert lock.exists(), "looking changes nothing"
