"""Photos that a camera took: which can be shown, and JPEGs of those that telephones can't show.

Owns: asking the process that opens photos, guarding it, and keeping the JPEGs that it makes. Not here: opening photos
(`photo_worker`), which photos a jump has (the catalog), where they are published (`stinercut.films.film`), photos taken
from the footage (`stills_output`).

JPEG and PNG are shown as they are. HEIC and raws become JPEGs, made once and kept by content. A raw that can't be
converted is handed out as it is. A file that is no photo, or too large to be opened, is named and not handed out.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError

from stinercut.errors import UnreadablePhoto
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.recordings.photo_names import is_raw
from stinercut.secrets import for_strangers
from stinercut.storage.store import Store, key_of

Thing = TypeVar("Thing")

MADE: Final = 2
"""Raise it whenever `photo_worker` makes other JPEGs than before: then all JPEGs are made again."""

SECONDS: Final = 30.0
"""For one photo. Developing the largest raw takes some seconds; a process that takes longer than this hangs."""

FILM_EDGE: Final = 4096
"""The longer side of a photo in a film, in pixels, at most."""

_AS_THEY_ARE: Final = {"JPEG": ".jpg", "PNG": ".png"}
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class PhotoFile:
    """A photo's file: hash of its content, where it lies, and its name on the card."""

    content_hash: str
    path: Path
    name: str

    @property
    def suffix(self) -> str:
        """The ending that the camera gave it, in small letters."""
        return PurePosixPath(self.name).suffix.lower()


@dataclass(frozen=True)
class CameraPicture:
    """One picture, in one file or in two. The first file is shown if it can be opened."""

    files: tuple[PhotoFile, ...]

    @property
    def name(self) -> str:
        """The name of its first file."""
        return self.files[0].name

    @property
    def key(self) -> str:
        """A key of its content."""
        return key_of("picture", *(file.content_hash for file in self.files))


class Answer(BaseModel):
    """The answer of `photo_worker` about a photo; `why`: the reason why it can't be opened."""

    kind: str | None
    width: int = 0
    height: int = 0
    made: bool = False
    why: str = ""


@dataclass(frozen=True)
class Delivery:
    """A file to hand out under that name. `is_made`: it is not a card's file but was made from one."""

    path: Path
    name: str
    is_made: bool


@dataclass(frozen=True)
class Deliveries:
    """The photos of a jump to hand out, and in words which of its photos can't be shown and why."""

    files: tuple[Delivery, ...]
    unshown: tuple[str, ...]


class PhotoOpener:
    """The process that opens photos. It is started for the first photo and kept until the block ends.

    If the process dies or hangs at a photo, that photo counts as unreadable and the next one gets a new process.
    """

    def __init__(self, store: Store, seconds: float = SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> PhotoOpener:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    @property
    def process_id(self) -> int | None:
        """The id of the process; None before the first photo, and after a process died."""
        return self._process.pid if self._process is not None else None

    def look(self, photo: PhotoFile) -> Answer:
        """The kind and size of a photo; only its head is decoded (of a raw, more). Raises UnreadablePhoto."""
        return self._required(photo, {})

    def kind(self, photo: PhotoFile) -> str | None:
        """The kind of a photo by its first bytes; None for a file that is no photo."""
        return self._ask({"source": str(photo.path.absolute()), "suffix": photo.suffix}).kind

    def jpeg(self, photo: PhotoFile, edge: int | None = None, *, srgb: bool = False) -> Path:
        """A JPEG of it in the store, upright, of at most `edge` pixels on its longer side. Raises UnreadablePhoto."""
        key = key_of("camera photo", MADE, photo.content_hash, edge, srgb)
        kept = self._store.derived_path(key, ".jpg")
        if self._store.used(kept):
            return kept
        with self._store.alone(key), self._store.deriving(key, ".jpg") as new:
            self._required(photo, {"target": str(new.absolute()), "edge": edge, "srgb": srgb})
        return kept

    def _required(self, photo: PhotoFile, wish: dict[str, object]) -> Answer:
        reply = self._ask({"source": str(photo.path.absolute()), "suffix": photo.suffix, **wish})
        if reply.kind is None or reply.why:
            raise UnreadablePhoto(
                reply.why or Message.of(SetupCode.IS_NO_PHOTO),
                file=photo.name,
                advice=Message.of(MessageCode.LOOK_AT_THE_CARD),
            )
        return reply

    def _ask(self, job: dict[str, object]) -> Answer:
        process = self._started()
        # Killing the process ends the blocked read, on every system.
        guard = threading.Timer(self._seconds, process.kill)
        guard.start()
        try:
            pipe = cast("IO[str]", process.stdin)
            pipe.write(json.dumps(job) + "\n")
            pipe.flush()
            return Answer.model_validate_json(cast("IO[str]", process.stdout).readline())
        except (OSError, ValidationError):
            hung = not guard.is_alive()
            self._end()
            return Answer(kind=None, why="it takes too long to open" if hung else "what opens photos crashed at it")
        finally:
            guard.cancel()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            worker = Path(__file__).with_name("photo_worker.py")
            self._process = subprocess.Popen(
                (sys.executable, "-I", str(worker)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=for_strangers(os.environ),
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[str]", pipe).close()


def in_pictures(photos: Iterable[tuple[str, PhotoFile]]) -> tuple[CameraPicture, ...]:
    """Group photos into pictures, in their order. Each photo comes with the key that the files of one picture share: a
    raw belongs to the JPEG with the same stem.
    """
    pictures: dict[str, list[PhotoFile]] = {}
    for key, photo in photos:
        pictures.setdefault(key, []).append(photo)
    return tuple(CameraPicture(tuple(sorted(files, key=lambda file: is_raw(file.name)))) for files in pictures.values())


def deliveries(store: Store, pictures: Sequence[CameraPicture], taken: Sequence[str] = ()) -> Deliveries:
    """The files to hand out for these pictures, in their order. `taken`: names that other files there already have."""
    names = set(map(str.casefold, taken))
    files: list[Delivery] = []
    unshown: list[str] = []
    with PhotoOpener(store) as opener:
        for picture in pictures:
            try:
                path, suffix, is_made = _shown(opener, picture)
            except UnreadablePhoto as refused:
                unshown.append(f"{picture.name}: {refused.what}")
                raws = [file for file in picture.files if is_raw(file.name) and _is_a_photo(opener, file)]
                if not raws:
                    continue
                path, suffix, is_made = raws[0].path, raws[0].suffix, False
            files.append(Delivery(path, _free_name(picture.name, suffix, names), is_made))
    return Deliveries(tuple(files), tuple(unshown))


def picture_for_film(opener: PhotoOpener, picture: CameraPicture) -> Path:
    """The picture as a film shows it. Raises UnreadablePhoto."""
    return _first_that_opens(picture, lambda file: opener.jpeg(file, FILM_EDGE, srgb=True))


def preview(store: Store, photo: PhotoFile, edge: int) -> Path:
    """A small JPEG of one photo, for pages. Raises UnreadablePhoto."""
    with PhotoOpener(store) as opener:
        return opener.jpeg(photo, edge, srgb=True)


def _shown(opener: PhotoOpener, picture: CameraPicture) -> tuple[Path, str, bool]:
    """The file of a picture that telephones can show, its ending, and whether it was made. Raises UnreadablePhoto."""

    def shown(file: PhotoFile) -> tuple[Path, str, bool]:
        suffix = _AS_THEY_ARE.get(opener.look(file).kind or "")
        return (file.path, suffix, False) if suffix else (opener.jpeg(file), ".jpg", True)

    return _first_that_opens(picture, shown)


def _first_that_opens(picture: CameraPicture, use: Callable[[PhotoFile], Thing]) -> Thing:
    first: UnreadablePhoto | None = None
    for file in picture.files:
        try:
            return use(file)
        except UnreadablePhoto as refused:
            first = first or refused
    raise first or UnreadablePhoto(Message.of(MessageCode.PHOTO_WITHOUT_FILE))


def _is_a_photo(opener: PhotoOpener, file: PhotoFile) -> bool:
    """Whether the file is a photo by its first bytes, even if it can't be opened."""
    return opener.kind(file) is not None


def _free_name(name: str, suffix: str, taken: set[str]) -> str:
    """The camera's own name with that ending, valid on any system; with a number if the name is taken."""
    stem = _NOT_IN_NAMES.sub("_", PurePosixPath(name).stem)[:60].strip("._-") or "photo"
    number, free = 1, f"{stem}{suffix}"
    while free.casefold() in taken:
        number += 1
        free = f"{stem}-{number}{suffix}"
    taken.add(free.casefold())
    return free
