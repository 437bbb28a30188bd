"""A card that misbehaves on purpose: a read-only FUSE file system in a process of its own, without a library.

Owns: `mounted`, the faults a card can have, and the few FUSE messages it takes (linux/fuse.h, protocol 7.31).
Not here: what is expected of the detector. Needs Linux, /dev/fuse and the right to mount.
Use: python slow_card.py FOLDER MOUNTPOINT [--rate BYTES_PER_S] [--in NAME, and what is wrong with that file:
    --fail-at OFFSET    a bad block: EIO
    --hang-at OFFSET    a read that never comes back
    --end-at OFFSET     the file ends there, whatever its size says
    --gone-at OFFSET    pulled, once just so many bytes were given
    --at-most BYTES     reads give fewer bytes than asked for]
  [--fail-listing FOLDER | --hang-listing FOLDER | --gone-listing FOLDER] the same while a folder is listed
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import struct
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HEADER = struct.Struct("<IIQQIIII")
OUT = struct.Struct("<IiQ")
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
FOR_A_DAY = (86400, 86400, 0, 0)
"""How long names and attributes are valid: seconds, twice, and their nanoseconds."""
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, DESTROY, BATCH_FORGET = 27, 28, 29, 38, 42
MAX_READ = 1 << 20
DIRECT = 1
"""FOPEN_DIRECT_IO: every read of the file is a request."""
MAX_PAGES_FLAG = 1 << 22
READ_AHEAD = Path("/sys/class/bdi")
"""Where Linux shows each mounted device's reading ahead; containers often lack it, or may not write there."""
_HELLO = struct.pack(
    "<IIIIHHIIHHIIIIII", 7, 31, MAX_READ, MAX_PAGES_FLAG, 1, 1, MAX_READ, 1, MAX_READ // 4096, 0, *[0] * 6
)


@dataclass
class Card:
    """The folder behind the card and what is wrong with it."""

    folder: Path
    rate: float | None = None
    fail_at: int | None = None
    hang_at: int | None = None
    end_at: int | None = None
    gone_at: int | None = None
    at_most: int | None = None
    fail_listing: str = ""
    hang_listing: str = ""
    gone_listing: str = ""
    bad_name: str = ""
    count: Path | None = None
    given: int = 0
    paths: list[Path] = field(default_factory=list[Path])
    free_from: float = 0.0

    def node(self, path: Path) -> int:
        """The number of a file; the root is 1."""
        if path not in self.paths:
            self.paths.append(path)
        return self.paths.index(path) + 1

    def attributes(self, node: int) -> bytes:
        path = self.paths[node - 1]
        seen = path.stat()
        seconds = [int(seen.st_atime), int(seen.st_mtime), int(seen.st_ctime)]
        nanos = [0, seen.st_mtime_ns % 1_000_000_000, 0]
        blocks = (seen.st_size + 511) // 512
        return ATTR.pack(node, seen.st_size, blocks, *seconds, *nanos, seen.st_mode, 1, 0, 0, 0, 4096, 0)

    def pace(self, size: int) -> None:
        """Hold a read until it is due: a card gives `rate` bytes a second, whoever reads, and saves nothing up."""
        if self.rate:
            self.free_from = max(self.free_from, time.monotonic()) + size / self.rate
            time.sleep(max(0.0, self.free_from - time.monotonic()))

    def read(self, node: int, offset: int, size: int) -> bytes | None:
        path = self.paths[node - 1]
        bad = path.name == self.bad_name
        if bad and self.gone_at is not None:
            if offset >= self.gone_at:
                os._exit(0)  # Nobody answers any more: the kernel says so to whoever asks.
            size = min(size, self.gone_at - offset)
        if bad and self.end_at is not None:
            size = max(0, min(size, self.end_at - offset))
        if bad and self.at_most is not None:
            size = min(size, self.at_most)
        if bad and self.fail_at is not None and offset + size > self.fail_at:
            raise OSError(errno.EIO, "bad block")
        if bad and self.hang_at is not None and offset + size > self.hang_at:
            return None
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            data = file.read(size)
        self.pace(len(data))
        if self.count is not None:
            self.given += len(data)
            self.count.write_text(str(self.given))
        return data

    def open(self, node: int) -> bytes:
        """A file that gives less than its size says is read past the kernel's cache, which would fill it up."""
        exact = any(value is not None for value in (self.gone_at, self.end_at, self.at_most))
        direct = exact and self.paths[node - 1].name == self.bad_name
        return struct.pack("<QII", node, DIRECT if direct else 0, 0)

    def listing(self, node: int, offset: int, size: int) -> bytes | None:
        name = self.paths[node - 1].name
        if name == self.gone_listing:
            os._exit(0)
        if name == self.fail_listing:
            raise OSError(errno.EIO, "bad block")
        if name == self.hang_listing:
            return None
        out = b""
        for number, path in enumerate(sorted(self.paths[node - 1].iterdir()), start=1):
            if number > offset:
                name = path.name.encode()
                entry = struct.pack("<QQII", self.node(path), number, len(name), 4 if path.is_dir() else 8) + name
                entry += b"\0" * (-len(entry) % 8)
                if len(out) + len(entry) > size:
                    break
                out += entry
        return out

    def answer(self, code: int, node: int, body: bytes) -> bytes | None:
        """The answer's body; None where the kernel wants no answer (or must wait for one for ever)."""
        answers = {
            INIT: lambda: _HELLO,
            LOOKUP: lambda: self.look_up(self.paths[node - 1] / body.rstrip(b"\0").decode()),
            GETATTR: lambda: struct.pack("<QII", *FOR_A_DAY[1:]) + self.attributes(node),
            OPEN: lambda: self.open(node),
            OPENDIR: lambda: struct.pack("<QII", node, 0, 0),
            READ: lambda: self.read(node, *struct.unpack_from("<8xQI", body)),
            READDIR: lambda: self.listing(node, *struct.unpack_from("<8xQI", body)),
            STATFS: lambda: struct.pack("<QQQQQIIII", 1, 0, 0, 1, 0, 4096, 255, 4096, 0) + b"\0" * 24,
            **dict.fromkeys((RELEASE, FLUSH, RELEASEDIR), lambda: b""),
            **dict.fromkeys((FORGET, DESTROY, BATCH_FORGET), lambda: None),
        }
        if code not in answers:
            raise OSError(errno.ENOSYS, "not on this card")
        return answers[code]()

    def look_up(self, path: Path) -> bytes:
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, "no such file")
        number = self.node(path)
        return struct.pack("<QQQQII", number, 0, *FOR_A_DAY) + self.attributes(number)


def serve(device: int, card: Card) -> None:
    """Answer the kernel until the card is unmounted."""
    while True:
        try:
            request = os.read(device, MAX_READ + 65536)
        except OSError as ended:
            if ended.errno in (errno.EINTR, errno.ENOENT):
                continue
            return
        _length, code, unique, node, *_ = HEADER.unpack_from(request)
        error, body = 0, b""
        try:
            said = card.answer(code, node, request[HEADER.size :])
            if said is None:
                continue
            body = said
        except OSError as refused:
            error = -(refused.errno or errno.EIO)
        os.write(device, OUT.pack(OUT.size + len(body), error, unique) + body)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("mountpoint", type=Path)
    options.add_argument("--rate", type=float)
    options.add_argument("--fail-at", type=int)
    options.add_argument("--hang-at", type=int)
    options.add_argument("--end-at", type=int)
    options.add_argument("--gone-at", type=int)
    options.add_argument("--at-most", type=int)
    options.add_argument("--fail-listing", default="")
    options.add_argument("--hang-listing", default="")
    options.add_argument("--gone-listing", default="")
    options.add_argument("--in", dest="bad_name", default="")
    options.add_argument("--count", type=Path, help="file that holds how many bytes were read from the card")
    given = options.parse_args()
    chosen = vars(given)
    mountpoint: Path = chosen.pop("mountpoint")
    card = Card(**chosen)
    card.node(given.folder)
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    how = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,max_read={MAX_READ}".encode()
    if libc.mount(b"card", os.fsencode(mountpoint), b"fuse", 1, how):
        sys.exit(f"can't mount: {os.strerror(ctypes.get_errno())}")
    sys.stdout.write("mounted\n")
    sys.stdout.flush()
    serve(device, card)


class NotHere(Exception):
    """This machine has no FUSE, or doesn't let us mount, or keeps how it reads ahead to itself."""


@contextmanager
def mounted(folder: Path, mountpoint: Path, *options: str) -> Generator[subprocess.Popen[str]]:
    """The card of `folder`'s content, mounted at `mountpoint`; out again at the end. Raises NotHere."""
    if not Path("/dev/fuse").exists():
        raise NotHere("no /dev/fuse")
    mountpoint.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(folder), str(mountpoint), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as card:
        assert card.stdout is not None
        assert card.stderr is not None
        if card.stdout.readline().strip() != "mounted":
            raise NotHere(card.stderr.read().strip()[-200:])
        try:
            _read_ahead(mountpoint)
            yield card
        finally:
            card.kill()
            subprocess.run(["umount", "-l", str(mountpoint)], check=False, capture_output=True)


def _read_ahead(mountpoint: Path) -> None:
    """More read ahead, as a card reader's driver has it: the pace is the card's, not the requests'. Raises NotHere."""
    seen = mountpoint.stat().st_dev
    setting = READ_AHEAD / f"{os.major(seen)}:{os.minor(seen)}" / "read_ahead_kb"
    try:
        setting.write_text("1024")
    except OSError as refused:
        raise NotHere(f"{setting} can't be set ({refused.strerror}), as in a container") from refused


if __name__ == "__main__":
    main()
