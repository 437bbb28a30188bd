"""The store: content-addressed objects and derived files, visible only when complete.

Owns: the layout of the store and the only way to publish into it (temporary name, fsync, no-clobber link, fsync of the
folder). Not here: who put a file there and why (`stinercut.catalog`), reading footage from a card (`detector`), making
derived files (`stinercut.films`).

Layout below the root:
    objects/3f/3f9a...   footage as it came from a card, named by the xxh3-128 of its content (32 hex digits)
    derived/3f/3f9a...x  segments and titles, named by the key of everything that went into them, plus a suffix
    partial/             files being written; only their writer reads them
    locks/               one for each derived file in the making; see `Store.alone`
"""

from __future__ import annotations

import errno
import math
import os
import secrets
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import xxhash

from stinercut.errors import HostNotReady, StoreDamaged
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.storage.disk_names import partial_beside
from stinercut.storage.locks import held

CHUNK = 1 << 20
"""Bytes per read: large enough that the loop costs nothing, small enough to stop quickly."""


OFFLOAD_PREFIX = "offload-"
"""The beginning of the names of partial files that detectors write: copies of a card's files."""
OFFLOAD_KEPT_S = 14 * 24 * 3600.0
"""Seconds for which an unfinished copy waits for its card. After that, the file is copied from the beginning."""


def hash_file(path: Path) -> str:
    """The xxh3-128 of a file's content, 32 lower-case hex digits."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def key_of(*parts: object) -> str:
    """A key for a derived file: the xxh3-128 of everything that goes into it, in order, 32 hex digits.

    Parts are written as text with their length in front, so that no two different lists give the same bytes.
    """
    digest = xxhash.xxh3_128()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def fsync_dir(folder: Path) -> None:
    """Make the names in a folder durable, if the system can (Windows has no such call)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EMLINK)
_NO_LINKS_ON_WINDOWS = (1, 50, 1142)
"""ERROR_INVALID_FUNCTION (exFAT), ERROR_NOT_SUPPORTED (a share), ERROR_TOO_MANY_LINKS: all are EINVAL to Python."""


def publish(partial: Path, final: Path) -> bool:
    """Give a complete, closed file its final name without ever replacing another file. The partial name is removed.

    Returns False if that name existed already; then the existing file stays.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(partial, final)
        fresh = True
    except FileExistsError:
        fresh = False
    except OSError as refused:
        # exFAT and some network shares have no links. On Windows a rename refuses to replace a file anyway.
        if refused.errno not in _NO_LINKS and getattr(refused, "winerror", None) not in _NO_LINKS_ON_WINDOWS:
            raise
        fresh = not final.exists()
        if fresh:
            partial.rename(final)
    partial.unlink(missing_ok=True)
    fsync_dir(final.parent)
    return fresh


@dataclass(frozen=True)
class Store:
    """The store below one root. Cheap to make; holds nothing open."""

    root: Path

    def make(self) -> None:
        """Make its missing folders. Only the hub does so: to other writers these folders prove that this is the store,
        and not the empty mount point of its volume.
        """
        (self.root / "objects").mkdir(parents=True, exist_ok=True)

    def object_path(self, content_hash: str) -> Path:
        """The path of footage with this content, whether or not it exists."""
        return self.root / "objects" / content_hash[:2] / content_hash

    def derived_path(self, key: str, suffix: str) -> Path:
        """The path of a derived file, whether or not it exists. `suffix` with its dot."""
        return self.root / "derived" / key[:2] / f"{key}{suffix}"

    def partial_path(self, name: str = "") -> Path:
        """A path for a file being written, in a folder that exists, on the same volume as the final names."""
        folder = self.root / "partial"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (name or secrets.token_hex(8))

    def has(self, content_hash: str, size: int) -> bool:
        """Whether an object of that many bytes exists. It is called for thousands at a time, so it uses plain
        strings.
        """
        try:
            return os.stat(f"{self.root}/objects/{content_hash[:2]}/{content_hash}").st_size == size  # noqa: PTH116
        except OSError:
            return False

    def require(self, content_hash: str, size: int | None = None) -> Path:
        """The path of an object that must exist, with that many bytes.

        Raises StoreDamaged otherwise: nothing is ever rendered from an incomplete file.
        """
        path = self.object_path(content_hash)
        try:
            found = path.stat().st_size
        except FileNotFoundError:
            raise StoreDamaged(
                Message.of(RefusalCode.FOOTAGE_MISSING), file=path, advice=Message.of(RefusalCode.PUT_CARD_IN_AGAIN)
            ) from None
        if size is not None and found != size:
            raise StoreDamaged(
                Message.of(RefusalCode.FOOTAGE_OTHER_SIZE, found=found, size=size),
                file=path,
                advice=Message.of(RefusalCode.MOVE_AWAY_PUT_IN_AGAIN),
            )
        return path

    def add_object(self, partial: Path, content_hash: str) -> Path:
        """Publish a complete, synced partial file as an object. Equal content is stored only once.

        From then on it is read-only: import folders show the same bytes under the card's names.
        """
        final = self.object_path(content_hash)
        publish(partial, final)
        make_read_only(final)
        return final

    def used(self, *files: Path) -> bool:
        """Note that derived files are in use (see `sweeping.sweep_unused`). Returns whether all of them exist."""
        for path in files:
            try:
                os.utime(path)
            except FileNotFoundError:
                return False
            except OSError:
                continue  # another owner's file: it may be removed early, and is then made again
        return True

    @contextmanager
    def alone(self, key: str) -> Generator[None]:
        """Hold the lock of a derived file, so that nobody else makes it, on any machine that shares the store.

        Waits while another process makes it. Look again afterwards: the file may exist then. A killed holder blocks
        nobody.
        """
        with held(self.root / "locks" / key):
            yield

    @contextmanager
    def deriving(self, key: str, suffix: str) -> Generator[Path]:
        """Write a derived file: yields a temporary path, and publishes it if the block ends well.

        The block must validate the file before it ends; an error removes the temporary file. The temporary name keeps
        the suffix, since ffmpeg chooses the format by it.
        """
        partial = self.partial_path(f"{key}-{secrets.token_hex(4)}{suffix}")
        try:
            yield partial
            sync_file(partial)
            publish(partial, self.derived_path(key, suffix))
        finally:
            partial.unlink(missing_ok=True)


def sweep_partials(folders: Iterable[Path], older_than: float, moment: datetime) -> int:
    """Remove unfinished files of killed processes: partial files untouched for that many seconds before this moment.
    Returns how many.

    A file that somebody is still writing is younger than that; use a day. An unfinished copy of a card's file is
    resumed when its card is back, so it waits `OFFLOAD_KEPT_S`.
    """
    now = moment.timestamp()
    stale = [
        path
        for folder in folders
        for path in {*folder.glob("partial/*"), *folder.glob("*/.*.partial.*"), *folder.glob("*/.*.partial")}
        if now - _changed_at(path) > (OFFLOAD_KEPT_S if path.name.startswith(OFFLOAD_PREFIX) else older_than)
    ]
    for path in stale:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(stale)


def _changed_at(path: Path) -> float:
    """When a file, or any file directly in a folder, was last written to. A file that vanishes meanwhile isn't
    stale.
    """
    try:
        inside = path.iterdir() if path.is_dir() else ()
        return max(entry.stat().st_mtime for entry in (path, *inside))
    except FileNotFoundError:
        return math.inf


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def replace_file(target: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a small file so that a reader, even after a power cut, finds the old content or the new one, never a part.

    `mode`: its permissions from the first byte on, reduced by the process's umask.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_beside(target)
    try:
        with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(target)
        fsync_dir(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def link_to(stored: Path, target: Path) -> bool:
    """Give a stored file another name. Returns whether that is a hard link. Raises OSError if no links are possible."""
    make_read_only(stored)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(stored, target)
    except OSError:
        # Another owner (fs.protected_hardlinks), too many links, or a volume without hard links: use a symbolic link.
        # Relative, so that the data folder may be mounted elsewhere.
        target.symlink_to(os.path.relpath(stored, target.parent))
        return False
    return True


def make_read_only(path: Path) -> None:
    """Remove everybody's right to write, as far as the volume and the file's owner allow."""
    with suppress(OSError):
        path.chmod(path.stat().st_mode & 0o444)


def amount(size: int) -> str:
    """A number of bytes for people, in decimal units as on the labels of disks and cards."""
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size} bytes"


def require_space(folder: Path, needed: int) -> None:
    """Raise HostNotReady when the volume of `folder` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise HostNotReady(
            Message.of(MessageCode.LITTLE_SPACE, free=amount(free), needed=amount(needed)),
            file=folder,
            advice=Message.of(MessageCode.FREE_SPACE_OR_OTHER_FOLDER),
        )
