"""An ffmpeg for tests whose machine has an encoder of its own: x264 under the name of NVIDIA's.

It stands first on PATH, is called as ffmpeg is, and hands everything else on to the real one. What it is to do wrong
stands in a file beside it; each encode by the hardware is counted in another one.
"""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

PROGRAM = """#!{python}
import os, sys
from pathlib import Path
here, real = Path({here!r}), {real!r}
words = sys.argv[1:]
if "h264_nvenc" in words:
    with (here / "encodes").open("a") as count:
        count.write("x")
    orders = (here / "orders").read_text().split()
    if "silent" in orders:
        sys.exit(0)
    done = len((here / "encodes").read_text())
    if "dies" in orders and done > int(orders[1]):
        sys.stderr.write("OpenEncodeSessionEx failed: no free session (10)\\n")
        sys.exit(1)
    taken = {{"-rc", "-cq", "-b:v", "-forced-idr", "-strict_gop"}}
    out, skip = [], False
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
    """From now on: `silent` (ends well and writes nothing), `dies N` (works N times, then fails), or nothing."""
    (folder / "orders").write_text(words)
    (folder / "encodes").write_text("")


def encodes(folder: Path) -> int:
    """How often the hardware was asked since the last order."""
    return len((folder / "encodes").read_text())
