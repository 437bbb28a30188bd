"""The scan of a card: lists its files by names and metadata, and reads no content.

Owns: the walk over a card and the making of its manifest. Not here: what names mean (`naming`), copying
(`detector.copy.copying`). Symbolic links are never followed; what can't be read is reported and left out. Hidden names,
links and the system's own folders are left by computers, not cameras: they are counted, and not listed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from detector.card.events import shown
from detector.card.naming import Named, classify
from stinercut.bounds import is_in_range
from stinercut.protocol import FileEntry, FileKind, FileList
from stinercut.protocol.messages import FILES_PER_CHUNK, MAX_FILES, MAX_FRAME_BYTES
from stinercut.protocol.small_files import is_small

MAX_DEPTH = 32
SKIPPED_FOLDERS = frozenset({"system volume information", "$recycle.bin", "lost+found", "found.000"})
CHUNK_BYTES = MAX_FRAME_BYTES // 2
MAX_TEXT = 1024
KIND_ORDER = {
    FileKind.VIDEO: 0, FileKind.PHOTO: 1, FileKind.PROXY: 2, FileKind.THUMBNAIL: 3, FileKind.OTHER: 4
}  # fmt: skip
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class SourceFile:
    """Where a file lies, and its size and time when the card was scanned. Never leaves the detector."""

    relative: str
    """Below the card's root, in the system's own spelling."""
    size: int
    mtime_ns: int
    small: bool
    """Fetched before large files. False for every photo, whatever its size: a time-lapse has thousands, and no code."""


@dataclass(frozen=True)
class Manifest:
    """A card's files in order, where each of them lies, and what could not be read (in words).

    `passed_over` counts the entries that are left unlisted on purpose.
    """

    entries: list[FileEntry] = field(default_factory=list[FileEntry])
    sources: dict[str, SourceFile] = field(default_factory=dict[str, SourceFile])
    unreadable: list[str] = field(default_factory=list[str])
    passed_over: int = 0

    @property
    def videos(self) -> int:
        """How many of the files are videos (proxies are not)."""
        return sum(entry.kind is FileKind.VIDEO for entry in self.entries)

    @property
    def photos(self) -> int:
        """How many of the files are photos."""
        return sum(entry.kind is FileKind.PHOTO for entry in self.entries)


@dataclass
class _Left:
    """What the walk leaves out: in words, what it could not read; as a count, the entries it ignores on purpose."""

    unreadable: list[str] = field(default_factory=list[str])
    passed_over: int = 0


@dataclass(frozen=True)
class Found:
    """One file as the walk found it."""

    parts: tuple[str, ...]
    size: int
    mtime_ns: int

    @property
    def relative(self) -> str:
        return str(Path(*self.parts))

    @property
    def folder(self) -> str:
        return shown("/".join(self.parts[:-1]))

    @property
    def name(self) -> str:
        return shown(self.parts[-1])


@dataclass(frozen=True)
class Resolved:
    """A file with what its name and its neighbours tell about it."""

    file: Found
    kind: FileKind
    recording: str
    chapter: int
    main: Found | None


def file_id(insertion_id: str, relative: str) -> str:
    """The opaque id of a file within one insertion: 32 hex digits that don't reveal its path."""
    text = f"{insertion_id}\0{relative}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def wall_clock(mtime_ns: int) -> datetime:
    """A modification time as the wall clock showed it, without a time zone; FAT stores nothing else."""
    try:
        when = datetime.fromtimestamp(mtime_ns // 1_000_000_000) + timedelta(microseconds=mtime_ns // 1000 % 1_000_000)
    except (ValueError, OverflowError, OSError):
        return EPOCH  # The camera's clock was reset to nonsense. The date is only a hint, so this does no harm.
    return when if is_in_range(when) else EPOCH


def scan(root: Path, insertion_id: str, small_limit: int, should_stop: Callable[[], bool] = lambda: False) -> Manifest:
    """The manifest of a card. Files below `small_limit` bytes, proxies and thumbnails count as small; photos never do.

    `should_stop` is called for every file and folder. Raises OSError when the root can't be read, InterruptedError when
    told to stop.
    """
    left = _Left()
    found = sorted(_walk(root, left, should_stop), key=lambda file: file.parts)
    resolved, too_many = _as_many_as_travel(_resolve(found))
    if too_many:
        left.unreadable.append(f"{too_many} files, since a card may have {MAX_FILES} at most")
    entries = [_entry(insertion_id, item) for item in resolved]
    sources = {
        entry.file_id: SourceFile(
            item.file.relative,
            item.file.size,
            item.file.mtime_ns,
            small=is_small(item.kind, item.file.size, small_limit),
        )
        for entry, item in zip(entries, resolved, strict=True)
    }
    return Manifest(entries, sources, left.unreadable, left.passed_over)


def chunked(insertion_id: str, entries: list[FileEntry], passed_over: int = 0) -> list[FileList]:
    """The manifest as messages, each well below the frame limit. For an empty card it is one message without files."""
    pieces: list[list[FileEntry]] = [[]]
    room = CHUNK_BYTES
    for entry in entries:
        cost = len(entry.model_dump_json()) * 4  # At most 4 bytes a character in UTF-8.
        if pieces[-1] and (len(pieces[-1]) >= FILES_PER_CHUNK or cost > room):
            pieces.append([])
            room = CHUNK_BYTES
        pieces[-1].append(entry)
        room -= cost
    return [
        FileList(insertion_id=insertion_id, index=index, total=len(pieces), files=piece, passed_over=passed_over)
        for index, piece in enumerate(pieces)
    ]


def _walk(root: Path, left: _Left, should_stop: Callable[[], bool]) -> Iterator[Found]:
    pending: list[tuple[str, ...]] = [()]
    while pending:
        if should_stop():
            raise InterruptedError
        parts = pending.pop()
        try:
            with os.scandir(root.joinpath(*parts)) as listing:
                for entry in listing:
                    if should_stop():
                        raise InterruptedError
                    yield from _look(entry, parts, pending, left)
        except OSError as refused:
            if not parts:
                raise
            left.unreadable.append(f"{shown('/'.join(parts))}: {refused.strerror}")


def _look(
    entry: os.DirEntry[str], parts: tuple[str, ...], pending: list[tuple[str, ...]], left: _Left
) -> Iterator[Found]:
    """Yield a file, put a folder aside for later, or only count the entry."""
    if entry.name.startswith(".") or entry.name.lower() in SKIPPED_FOLDERS:
        left.passed_over += 1
        return
    here = (*parts, entry.name)
    try:
        if entry.is_dir(follow_symlinks=False):
            if len(here) <= MAX_DEPTH:
                pending.append(here)
            else:
                left.unreadable.append(f"{shown('/'.join(here))}: too deep")
        elif entry.is_file(follow_symlinks=False):
            seen = entry.stat(follow_symlinks=False)
            yield Found(here, seen.st_size, seen.st_mtime_ns)
        else:
            left.passed_over += 1  # A link, a socket or the like.
    except OSError as refused:
        left.unreadable.append(f"{shown('/'.join(here))}: {refused.strerror}")


def _resolve(found: list[Found]) -> list[Resolved]:
    """Each file with the video that it belongs to: the first by name, where two lenses filmed at once."""
    named = [(file, classify(file.folder, file.name)) for file in found]
    mains: dict[tuple[str, str], tuple[Found, Named]] = {}
    for file, name in named:
        if name.kind is FileKind.VIDEO:
            mains.setdefault(_tie(name), (file, name))
    out: list[Resolved] = []
    for file, name in named:
        main, of = None, name
        if name.kind is not FileKind.VIDEO:
            main, of = mains.get(_tie(name), (None, name))
        out.append(Resolved(file, name.kind, f"{of.main_folder}/{of.recording}", of.chapter, main))
    return out


def _as_many_as_travel(resolved: list[Resolved]) -> tuple[list[Resolved], int]:
    """The files in order, and how many had to be left out: videos last of all."""
    if len(resolved) > MAX_FILES:
        resolved.sort(key=lambda item: KIND_ORDER[item.kind])
    return sorted(resolved[:MAX_FILES], key=_order), max(0, len(resolved) - MAX_FILES)


def _tie(name: Named) -> tuple[str, str]:
    return (name.main_folder.casefold(), name.tie.casefold())


def _order(item: Resolved) -> tuple[str, int, int, tuple[str, ...]]:
    """Sort by recording, then by chapter; a video comes before the files that belong to it."""
    return (item.recording.casefold(), item.chapter, KIND_ORDER[item.kind], item.file.parts)


def _entry(insertion_id: str, item: Resolved) -> FileEntry:
    return FileEntry(
        file_id=file_id(insertion_id, item.file.relative),
        folder=item.file.folder[-MAX_TEXT:],
        name=item.file.name,
        size=item.file.size,
        modified=wall_clock(item.file.mtime_ns),
        kind=item.kind,
        recording=item.recording[-MAX_TEXT:],
        chapter=item.chapter,
        main_file_id=file_id(insertion_id, item.main.relative) if item.main else None,
    )
