"""How much of a picture an encode keeps, and in how many bytes: the other half of what `render.py` measures.

Lives here: a film beside the same film encoded almost without loss, and what a comparison allows.
Doesn't: making films (`render_ours.py`, `render.py`), what they cost (`render.py`).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

LOSSLESS = {"preset": "ultrafast", "crf": 4}
"""What a film is compared with: encoded so finely that its own loss doesn't count (SSIM above 0.999)."""

MOST_LOST = 0.001
"""How much lower SSIM may be and still count as equal: a step of crf moves it by about as much."""

MOST_BYTES = 1.02

_FOUND = re.compile(r"SSIM .*All:([0-9.]+)")


@dataclass(frozen=True)
class Quality:
    """A film's SSIM (luma and chroma, mean over all frames, 1 is no loss) against what was encoded, and its bytes."""

    ssim: float
    size: int


def quality_of(film: Path, lossless: Path) -> Quality:
    """Both files have the same frames in the same order. Raises CalledProcessError, and ValueError without a figure.

    Frames are paired by their number: two muxers may begin at different times.
    """
    counted = "settb=1/30,setpts=N"
    graph = f"[0:v]{counted}[film];[1:v]{counted}[whole];[film][whole]ssim"
    words = ["ffmpeg", "-v", "info", "-nostdin", "-i", str(film), "-i", str(lossless), "-lavfi", graph]
    said = subprocess.run([*words, "-f", "null", "-"], check=True, capture_output=True, text=True).stderr
    found = _FOUND.search(said)
    if not found:
        raise ValueError(f"ffmpeg compared nothing: {said[-300:]}")
    return Quality(float(found[1]), film.stat().st_size)
