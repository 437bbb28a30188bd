"""The program of the process that draws: reads SVGs from standard input, writes PNGs to standard output.

    python -I -S svg_worker.py FOLDER-OF-PACKAGES CPU-SECONDS BYTES

Owns: the pipe's far end, and this process' limits. Not here: starting and guarding it (`svg_renderer`).

In: the length of an SVG (little-endian uint32) and its bytes. Out: one byte, 1 for a PNG and 0 for an error message,
then the length (uint32) and the bytes. It runs until the input ends.

It runs without `site` and imports nothing of this project, so starting it costs only 10 ms of CPU; a title takes 350.
"""

from __future__ import annotations

import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def limit(cpu_seconds: int, memory_bytes: int) -> None:
    """Let the system end this process when it uses more than that. Does nothing on Windows."""
    try:
        import resource
    except ImportError:
        return
    # SIGKILL follows some seconds after SIGXCPU; the system also sends it for other reasons.
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
