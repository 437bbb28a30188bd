"""The program of the process that draws: SVGs on standard input, PNGs on standard output, until the input ends.

    python -I -S svg_worker.py FOLDER-OF-PACKAGES CPU-SECONDS BYTES

Owns: the pipe's far end, and this process' limits. Not here: starting and guarding it (`svg_renderer`).

In: the length of an SVG (little-endian uint32) and its bytes. Out: one byte, 1 for a PNG and 0 for words that say why
there is none, then their length (uint32) and the bytes.

It is run without `site` and imports nothing of this project, so that it costs 10 ms of CPU to start; a title takes 350.
"""

from __future__ import annotations

import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def limit(cpu_seconds: int, memory_bytes: int) -> None:
    """Let the system end this process when it has used more. Does nothing on Windows."""
    try:
        import resource
    except ImportError:
        return
    # Some seconds after SIGXCPU comes SIGKILL, which the system also sends for other reasons.
    limits = (
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 5),
        (resource.RLIMIT_DATA, memory_bytes, memory_bytes),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for kind, soft, hard in limits:
        before = resource.getrlimit(kind)[1]
        most = hard if before < 0 else min(hard, before)
        resource.setrlimit(kind, (min(soft, most), most))


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer drawings until the input ends."""
    import resvg_py

    while len(head := source.read(4)) == 4:
        data = source.read(struct.unpack("<I", head)[0])
        try:
            answer, is_drawn = resvg_py.svg_to_bytes(svg_string=data.decode(), skip_system_fonts=True), True
        except BaseException as refused:
            answer, is_drawn = str(refused).encode(), False
        target.write(struct.pack("<?I", is_drawn, len(answer)))
        target.write(bytes(answer))
        target.flush()


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    limit(int(sys.argv[2]), int(sys.argv[3]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
