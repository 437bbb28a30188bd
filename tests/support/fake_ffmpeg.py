"""An ffmpeg for tests that goes wrong when it is told to, and has an encoder of the hardware: x264 under another name.

It stands first on PATH, is called as ffmpeg is, and hands everything on to the real one. What it is to do wrong stands
in a file beside it; each encode is counted in another one.
"""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

PROGRAM = """#!{python}
import os, signal, subprocess, sys, time
from pathlib import Path
here, real = Path({here!r}), {real!r}
words = sys.argv[1:]
hardware = "h264_nvenc" in words
def stopped_half_way(hangs):
    subprocess.run([real, *words], stdout=subprocess.DEVNULL)
    for before, word in zip([""] + words, words):
        if word.endswith((".mp4", ".wav")) and before != "-i":
            os.truncate(word, os.path.getsize(word) // 2)
    (here / "hanging").write_text(str(os.getpid()))
    while hangs:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
if "aac" in words and (here / "orders").read_text().startswith("join"):
    stopped_half_way((here / "orders").read_text() == "join hangs")
slowly = (here / "orders").read_text().split()[:2]
if slowly[:1] == ["slowly"] and any(slowly[-1] in word for word in words if word[0] != "/"):
    words = [word for one in words for word in (("-re", one) if one == "-i" else (one,))]
if hardware or "libx264" in words:
    with (here / "encodes").open("a") as count:
        count.write("h" if hardware else "s")
    orders = (here / "orders").read_text().split() or ["go"]
    number = (here / "encodes").read_text().count("h" if hardware else "s")
    if hardware and orders[0] == "silent":
        sys.exit(0)
    if hardware and orders[0] == "dies" and number > int(orders[1]):
        sys.stderr.write("OpenEncodeSessionEx failed: no free session (10)\\n")
        sys.exit(1)
    if orders[0] == "waits" and number == int(orders[1]):
        (here / "hanging").write_text(str(os.getpid()))
        while (here / "orders").read_text().startswith("waits"):
            time.sleep(0.05)
    if orders[0] in ("killed", "hangs") and number == int(orders[1]):
        stopped_half_way(orders[0] == "hangs")
    if orders[0] == "says" and len((here / "encodes").read_text()) == int(orders[1]):
        sys.stderr.write(" ".join(orders[2:]) + "\\n")
        sys.exit(1)
if hardware:
    taken = {{"-rc", "-cq", "-b:v", "-forced-idr", "-strict_gop"}}
    out = []
    for before, word in zip([""] + words, words):
        if word in taken or before in taken:
            continue
        out.append("libx264" if word == "h264_nvenc" else "ultrafast" if before == "-preset" else word)
    words = out
os.execv(real, [real, *words])
"""


def install(folder: Path) -> Path:
    """Put it into that folder; returns the folder. `order` says what it does wrong, `encodes` how often it was used."""
    real = shutil.which("ffmpeg")
    assert real is not None
    program = folder / "ffmpeg"
    program.write_text(PROGRAM.format(python=sys.executable, here=str(folder), real=real))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    order(folder, "")
    return folder


def order(folder: Path, words: str) -> None:
    """From now on: `silent` (the hardware ends well and writes nothing), `dies N` (the hardware works N times, then
    fails), `killed N` (the Nth encode of either kind is killed half-way), `hangs N` (it never ends), `waits N` (it
    begins when there is another order), `says N WORDS` (the Nth of all encodes fails with these words), `join killed`
    and `join hangs` (joining, likewise), `slowly WORD` (calls with that word in them, but for paths, read no faster
    than it plays), or nothing. Once one hangs or waits, the file `hanging` says its process id.
    """
    (folder / "orders").write_text(words)
    (folder / "encodes").write_text("")
    (folder / "hanging").unlink(missing_ok=True)


def encodes(folder: Path, kind: str = "h") -> int:
    """The encodes since the last order, by the hardware (`h`) or in software (`s`)."""
    return (folder / "encodes").read_text().count(kind)
