"""Makes films of a code that are harder to read, to test and measure the reader.

Owns: the effect of each level on a film. Not here: the film itself (`qrfilm`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stinercut.errors import BadInput
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here

EASY: Final = "easy"

LEVELS: Final = {
    EASY: "",
    "dim": "gblur=sigma={blur},eq=contrast=0.25:brightness=-0.25",
    "far": "scale=iw*0.45:-2,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:gray",
    "moment": "drawbox=c=gray:t=fill:enable='not(between(t,{begin},{end}))'",
}
"""dim: dark and out of focus. far: from further away. moment: in the picture only for a moment."""


def check_level(level: str) -> None:
    """Raise BadInput for an unknown level."""
    if level not in LEVELS:
        raise BadInput(f"{level!r} is no level of difficulty", advice=f"Choose one of {', '.join(LEVELS)}.")


def make_harder(film: Path, target: Path, level: str, size: tuple[int, int], seconds: float) -> None:
    """Write the film in a form that is harder to read: H.264 with two key frames per second, without sound. Raises
    BadInput.
    """
    check_level(level)
    width, height = size
    begin = 0.53 * seconds
    recipe = LEVELS[level].format(
        width=width, height=height, blur=3.2 * width / 1920, begin=f"{begin:.3f}", end=f"{begin + 0.7:.3f}"
    )
    coded: dict[str, object] = {"c:v": "libx264", "preset": "ultrafast", "crf": 20, "g": 15, "an": None}
    filters = {"vf": recipe} if recipe else {}
    made = made_here(film, "mov").output(str(target.absolute()), **filters, **coded)
    runner.run(made.compile(), timeout=60 + 60 * seconds, file=film)
