"""Failure records of a jump or card, as they are kept and shown: a code, messages, and the named files.

Owns: the record, and making one from any exception. Pure. Not here: our errors (`errors`), keeping records (`catalog`),
what a person can do about a failure (`runs.remedies`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import NamedTuple, cast

from pydantic import BaseModel, ConfigDict, model_validator

from stinercut.errors import StinercutError
from stinercut.language.codes import MessageCode
from stinercut.language.fields import Parts
from stinercut.language.messages import Message, Said, all_worded, as_written, parts_of, with_texts


class NamedFile(NamedTuple):
    """A file of a jump, as an error may name it: by its name, or in the store by its content hash."""

    card_file_id: int
    name: str
    content_hash: str | None


class FailureRecord(BaseModel):
    """One failure.

    `code` is for programs; `what_parts` and `advice_parts` are for people, and `file` is people's name of the file
    concerned (the last two may be empty). `files` are the card file ids of the jump's files that are named. `details`
    is for the person who looks after the installation: the program's own message, without folders.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    what_parts: Parts
    advice_parts: Parts = ()
    file: str = ""
    files: tuple[int, ...] = ()
    details: str = ""

    @classmethod
    def of(cls, code: str, what: Said, advice: Said = "", file: str = "", files: tuple[int, ...] = ()) -> FailureRecord:
        """A record without details."""
        return cls(code=code, what_parts=parts_of(what), advice_parts=parts_of(advice), file=file, files=files)

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, row: object) -> object:
        """Convert a row from a release before messages, which holds sentences."""
        if not isinstance(row, dict) or "what" not in row:
            return cast("object", row)
        was = cast("dict[str, object]", row)
        said = {f"{name}_parts": as_written(str(was.get(name, ""))) for name in ("what", "advice")}
        return {**said, **was}

    @property
    def what(self) -> str:
        """What happened, in words."""
        return all_worded(self.what_parts)

    @property
    def advice(self) -> str:
        """What to do about it, in words."""
        return all_worded(self.advice_parts)

    def messages(self) -> tuple[Message, ...]:
        """The whole record for people, without the details."""
        if self.file:
            head = Message.of(MessageCode.FAILURE_OF_FILE, file=self.file, what=self.what_parts)
        else:
            head = Message.of(MessageCode.FAILURE, what=self.what_parts)
        return (head, *self.advice_parts)

    def sentence(self) -> str:
        """The same in words."""
        return all_worded(self.messages())


def record_of(
    error: BaseException, named: Sequence[NamedFile] = (), about: Sequence[int] = (), step: Said = ""
) -> FailureRecord:
    """An exception as a record. `named`: the jump's files; `about`: the files that its step knows to be at fault.

    `step` is people's name of the step; it is used in the sentence about an exception that is not one of our errors.
    """
    if isinstance(error, StinercutError):
        said = "\n\n".join(getattr(error, "__notes__", ()))
        return record_of_parts(error.code, error.what_parts, error.file, error.advice_parts, named, about).model_copy(
            update={"details": without_folders(said)}
        )
    shown, files = _meant(None, named, about)
    return record_of_foreign(type(error).__name__, str(error), step).model_copy(update={"file": shown, "files": files})


def record_of_parts(  # noqa: PLR0913, PLR0917 - the parts of an error
    code: str, what: Said, file: str | None, advice: Said, named: Sequence[NamedFile] = (), about: Sequence[int] = ()
) -> FailureRecord:
    """One of our errors as a record, from its parts."""
    shown, files = _meant(file, named, about)
    return FailureRecord.of(code, what, advice, shown, files)


def _meant(file: str | None, named: Sequence[NamedFile], about: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """People's name of the named file, and which of the jump's files are meant."""
    last = _last_part(file) if file else ""
    found = [known for known in named if known.card_file_id in about]
    if not found and last:
        found = [
            known
            for known in named
            if last == known.name or (known.content_hash and last.startswith(known.content_hash))
        ]
    shown = found[0].name if found and (last or len(found) == 1) else last
    return shown, tuple(known.card_file_id for known in found)


def _last_part(file: str) -> str:
    return PureWindowsPath(file).name if "\\" in file else PurePosixPath(file).name


class _Foreign(NamedTuple):
    """Exceptions that are not our errors: how they are recognised, and the words for them."""

    kind: str
    """A pattern of the class's name."""
    says: str
    """A pattern of its message."""
    code: str
    what: Message
    advice: tuple[Message, ...]


_AGAIN = Message.of(MessageCode.TRY_AGAIN)
_FOREIGN = (
    _Foreign(
        "CalledProcessError|ChildProcessCrash.*",
        r"signal|SIG[A-Z]|exit code -",
        "PROGRAM_KILLED",
        Message.of(MessageCode.PROGRAM_KILLED),
        (Message.of(MessageCode.OFTEN_TOO_LITTLE_MEMORY), _AGAIN),
    ),
    _Foreign(
        "CalledProcessError|ChildProcessCrash.*",
        "",
        "PROGRAM_FAILED",
        Message.of(MessageCode.PROGRAM_FAILED),
        (_AGAIN,),
    ),
    _Foreign(
        "TimeoutExpired|TimeoutError|.*Timeout",
        "",
        "NO_ANSWER",
        Message.of(MessageCode.NO_ANSWER),
        (Message.of(MessageCode.MAYBE_BUSY), _AGAIN),
    ),
    _Foreign("MemoryError|BrokenProcessPool", "", "NO_MEMORY", Message.of(MessageCode.NO_MEMORY), (_AGAIN,)),
    _Foreign(
        "OSError",
        "No space left|Errno 28",
        "DISK_FULL",
        Message.of(MessageCode.DISK_FULL),
        (Message.of(MessageCode.FREE_SPACE_THEN_AGAIN),),
    ),
    _Foreign(
        "PermissionError",
        "",
        "NO_PERMISSION",
        Message.of(MessageCode.NO_PERMISSION),
        (Message.of(MessageCode.ALLOW_THEN_AGAIN),),
    ),
    _Foreign(
        "OperationalError|InterfaceError|DBAPIError",
        "",
        "NO_CATALOG",
        Message.of(MessageCode.CATALOG_SILENT),
        (Message.of(MessageCode.MAYBE_RESTARTED), _AGAIN),
    ),
)


def record_of_foreign(kind: str, said: str, step: Said = "") -> FailureRecord:
    """An exception that is not one of our errors, given as its class's name and its message, as a record for people.

    Its own message is in the details.
    """
    details = without_folders(f"{kind}: {said}" if said else kind)
    found = next((known for known in _FOREIGN if re.fullmatch(known.kind, kind) and re.search(known.says, said)), None)
    record = _unexpected(step) if found is None else FailureRecord.of(found.code, found.what, found.advice)
    return record.model_copy(update={"details": details})


def _unexpected(step: Said) -> FailureRecord:
    if step:
        what = Message.of(MessageCode.STEP_UNEXPECTED, step=parts_of(step))
    else:
        what = Message.of(MessageCode.UNNAMED_STEP_UNEXPECTED)
    return FailureRecord.of("UNEXPECTED", what, (_AGAIN, Message.of(MessageCode.SHOW_DETAILS)))


_FOLDERS = re.compile(
    # Before a sentence about a file (`/a folder/b: what`), where spaces belong to the path.
    r"^/[^:\n]*/(?=[^/:\n]+: )"
    r"|(?<![\w.:/])/(?:[^\s/'\",;:()\[\]<>]+/)+"
    r"|(?:[A-Za-z]:|\\\\[\w.-]+)\\(?:[^\\\s'\",;:()\[\]<>]+\\)+",
    re.MULTILINE,
)


def without_folders(text: str) -> str:
    """A text without the folders of its paths: a page need not know where a server keeps its files."""
    return _FOLDERS.sub("", text)


def said_for_pages(error: StinercutError) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """What happened and what to do about it, for people on another machine: files by their names, without folders.

    The complete path is for the log, and for commands that run where the file is.
    """
    is_path = error.file is not None and (PurePosixPath(error.file).is_absolute() or "\\" in error.file)
    file = _last_part(error.file) if error.file and is_path else error.file

    def shown(text: str) -> str:
        return without_folders(text.replace(error.file, file) if error.file and file else text)

    what = tuple(with_texts(part, shown) for part in error.what_parts)
    if file:
        what = (Message.of(MessageCode.ABOUT_FILE, file=without_folders(file), what=what),)
    return what, tuple(with_texts(part, without_folders) for part in error.advice_parts)


def what_for_pages(error: StinercutError) -> tuple[str, str]:
    """The same as two texts."""
    what, advice = said_for_pages(error)
    return all_worded(what), all_worded(advice)


def messages_for_pages(error: StinercutError) -> tuple[Message, ...]:
    """The same in one."""
    what, advice = said_for_pages(error)
    return (Message.of(MessageCode.FAILURE, what=what), *advice)


def sentence_for_pages(error: StinercutError) -> str:
    """The same in one text."""
    return all_worded(messages_for_pages(error))


def reason_of(records: Iterable[FailureRecord]) -> tuple[Message, ...]:
    """The messages of several records, each record once."""
    different = dict.fromkeys(record.messages() for record in records)
    return tuple(message for messages in different for message in messages)
