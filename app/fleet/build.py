"""The build that makes films on this machine: the version, a fingerprint of the source, the build of ffmpeg.

Owns: these, as text that can be compared and shown. Not here: comparing (`app.doctor.fleet`), the heartbeat that
carries the text (`worker_node`).

Two machines of the same version may still make different films: one was updated from the checkout and the other
wasn't, or their ffmpeg comes from different places.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from stinercut.errors import StinercutError

PACKAGES = ("app", "sensors", "stinercut", "stinercut_assets")
"""The packages that make a step. Hub and detector make no films."""


@lru_cache(maxsize=1)
def build_here() -> str:
    """This machine's build: `0.1.0 (source 3f9a1c2b), ffmpeg 5.1.9-0+deb12u1`. Computed once in a process."""
    root = Path(__file__).resolve().parents[2]
    return f"{metadata.version('stinercut')} (source {fingerprint(root)}), {_ffmpeg()}"


def fingerprint(root: Path) -> str:
    """A hash over every file of the packages in this folder: code, templates, migrations."""
    digest = hashlib.sha256()
    for file in sorted(file for package in PACKAGES for file in (root / package).rglob("*") if _counts(file)):
        digest.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def _counts(file: Path) -> bool:
    return file.suffix != ".pyc" and file.is_file()


def _ffmpeg() -> str:
    from stinercut.video.ffmpeg_runner import require_ffmpeg

    try:
        return f"ffmpeg {require_ffmpeg()}"
    except StinercutError:
        return "no ffmpeg"
