"""What went wrong with a jump or card, as it is kept and shown: a code, words, and the files that it names.

Owns: that record, and how any exception becomes one. Pure. Not here: our errors (`errors`), where records are kept
(`catalog`), what a person can do about one (`runs.remedies`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from stinercut.errors import StinercutError
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded, with_texts
from stinercut.text import ended


class NamedFile(NamedTuple):
    """A file of a jump, as an error may name it: by its name, or by its content where it lies in the store."""

    card_file_id: int
    name: str
    content_hash: str | None


class FailureRecord(BaseModel):
    """One thing that went wrong.

    `code` is for programs; `what` and `advice` are sentences for people, and `file` is what they call the file that it
    is about (both empty where there is nothing to say). `files` are the card file ids of those of the jump's files that
    are named. `details` is for whoever looks after the installation: what the program itself said, without folders.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    what: str
    advice: str = ""
    file: str = ""
    files: tuple[int, ...] = ()
    details: str = ""

    def sentence(self) -> str:
        """The whole of it as a person reads it, but for the details."""
        head = ended(f"{self.file}: {self.what}" if self.file else self.what)
        return f"{head} {self.advice}" if self.advice else head


def record_of(
    error: BaseException, named: Sequence[NamedFile] = (), about: Sequence[int] = (), step: str = ""
) -> FailureRecord:
    """An exception as a record. `named`: the jump's files; `about`: those that its step knows to be at fault.

    `step` is what people call the step; it stands in the sentence about an exception that is none of our errors.
    """
    if isinstance(error, StinercutError):
        said = "\n\n".join(getattr(error, "__notes__", ()))
        return record_of_parts(error.code, error.what, error.file, error.advice, named, about).model_copy(
            update={"details": without_folders(said)}
        )
    shown, files = _meant(None, named, about)
    return record_of_foreign(type(error).__name__, str(error), step).model_copy(update={"file": shown, "files": files})


def record_of_parts(  # noqa: PLR0913, PLR0917 - the parts of an error
    code: str, what: str, file: str | None, advice: str, named: Sequence[NamedFile] = (), about: Sequence[int] = ()
) -> FailureRecord:
    """One of our errors as a record, from its parts."""
    shown, files = _meant(file, named, about)
    return FailureRecord(code=code, what=what, advice=advice, file=shown, files=files)


def _meant(file: str | None, named: Sequence[NamedFile], about: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """What people call the file that is named, and which of the jump's files are meant."""
    last = _last_part(file) if file else ""
    found = [one for one in named if one.card_file_id in about]
    if not found and last:
        found = [one for one in named if last == one.name or (one.content_hash and last.startswith(one.content_hash))]
    shown = found[0].name if found and (last or len(found) == 1) else last
    return shown, tuple(one.card_file_id for one in found)


def _last_part(file: str) -> str:
    return PureWindowsPath(file).name if "\\" in file else PurePosixPath(file).name


class _Foreign(NamedTuple):
    """Exceptions that are none of our errors: how they are recognised, and what is said of them."""

    kind: str
    """A pattern of the class's name."""
    says: str
    """A pattern of what it says."""
    code: str
    what: str
    advice: str


_AGAIN = "Try again."
_FOREIGN = (
    _Foreign(
        "CalledProcessError|ChildProcessCrash.*",
        r"signal|SIG[A-Z]|exit code -",
        "PROGRAM_KILLED",
        "a program that this step needs was ended from outside",
        f"Often the machine had too little memory left. {_AGAIN}",
    ),
    _Foreign(
        "CalledProcessError|ChildProcessCrash.*",
        "",
        "PROGRAM_FAILED",
        "a program that this step needs ended with an error",
        _AGAIN,
    ),
    _Foreign(
        "TimeoutExpired|TimeoutError|.*Timeout",
        "",
        "NO_ANSWER",
        "something that this step needs did not answer in time",
        f"The machine may have been very busy. {_AGAIN}",
    ),
    _Foreign("MemoryError|BrokenProcessPool", "", "NO_MEMORY", "the machine had too little memory left", _AGAIN),
    _Foreign("OSError", "No space left|Errno 28", "DISK_FULL", "the disk is full", "Free some space, then try again."),
    _Foreign(
        "PermissionError",
        "",
        "NO_PERMISSION",
        "a file or folder may not be read or written",
        "Whoever looks after the machine can allow it; then try again.",
    ),
    _Foreign(
        "OperationalError|InterfaceError|DBAPIError",
        "",
        "NO_CATALOG",
        "the catalog's database did not answer",
        f"It may have been restarted. {_AGAIN}",
    ),
)


def record_of_foreign(kind: str, said: str, step: str = "") -> FailureRecord:
    """An exception that is none of our errors, by the name of its class and what it says, as a record in words.

    What it says itself is in the details.
    """
    details = without_folders(f"{kind}: {said}" if said else kind)
    for one in _FOREIGN:
        if re.fullmatch(one.kind, kind) and re.search(one.says, said):
            return FailureRecord(code=one.code, what=one.what, advice=one.advice, details=details)
    place = f"the step “{step}”" if step else "a step"
    return FailureRecord(
        code="UNEXPECTED",
        what=f"{place} ended in a way that nobody had thought of",
        advice=f"{_AGAIN} If it stays, show the details to whoever looks after Stinercut.",
        details=details,
    )


_FOLDERS = re.compile(
    # Before a sentence about a file (`/a folder/b: what`), where spaces are the path's own.
    r"^/[^:\n]*/(?=[^/:\n]+: )"
    r"|(?<![\w.:/])/(?:[^\s/'\",;:()\[\]<>]+/)+"
    r"|(?:[A-Za-z]:|\\\\[\w.-]+)\\(?:[^\\\s'\",;:()\[\]<>]+\\)+",
    re.MULTILINE,
)


def without_folders(text: str) -> str:
    """A text without the folders of the paths in it: a page need not know where a server keeps its files."""
    return _FOLDERS.sub("", text)


def said_for_pages(error: StinercutError) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """What happened and what to do about it, for people on another machine: files by their names, without folders.

    The whole path is for the log, and for commands that run where the file is.
    """
    is_path = error.file is not None and (PurePosixPath(error.file).is_absolute() or "\\" in error.file)
    file = _last_part(error.file) if error.file and is_path else error.file

    def shown(text: str) -> str:
        return without_folders(text.replace(error.file, file) if error.file and file else text)

    what = tuple(with_texts(one, shown) for one in error.what_parts)
    if file:
        what = (Message.of(MessageCode.ABOUT_FILE, file=without_folders(file), what=what),)
    return what, tuple(with_texts(one, without_folders) for one in error.advice_parts)


def what_for_pages(error: StinercutError) -> tuple[str, str]:
    """The same as two texts."""
    what, advice = said_for_pages(error)
    return all_worded(what), all_worded(advice)


def sentence_for_pages(error: StinercutError) -> str:
    """The same in one text."""
    what, advice = what_for_pages(error)
    return f"{ended(what)} {advice}" if advice else ended(what)


def reason_of(records: Iterable[FailureRecord]) -> str:
    """Several records in one text, each of them once."""
    return " ".join(dict.fromkeys(record.sentence() for record in records))
