"""Our errors: what happened, to which file, and what to do about it.

Owns: the only hierarchy of errors, each with a command's exit code and the hub's HTTP status. Not here: catching them.
A border (command, WebSocket, Dagster step, HTTP route) turns them into its own words.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said, all_worded, parts_of


class StinercutError(Exception):
    """Something that a person can act on.

    `what`: what happened. `file`: to which file. `advice`: what to do. `code` is stable and for programs; `exit_code`
    is a command's exit status, `http_status` the status of an answer. `what_parts` and `advice_parts` are the same as
    messages, for whoever shows it in another language.
    """

    code: ClassVar[str] = "ERROR"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, what: Said, *, file: str | Path | None = None, advice: Said = "") -> None:
        self.what_parts, self.advice_parts = parts_of(what), parts_of(advice)
        self.what, self.advice = all_worded(self.what_parts), all_worded(self.advice_parts)
        self.file = str(file) if file is not None else None
        super().__init__(self.sentence())

    @property
    def said(self) -> tuple[Message, ...]:
        """The whole error: what happened, to which file, and what to do."""
        if not self.file:
            return (*self.what_parts, *self.advice_parts)
        return (Message.of(MessageCode.ABOUT_FILE, file=self.file, what=self.what_parts), *self.advice_parts)

    def sentence(self) -> str:
        """The same as a person reads it: `file: what. advice`."""
        return all_worded(self.said)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments don't survive the default pickling, and steps run in other processes.
        return (_rebuild, (type(self), self.what_parts, self.file, self.advice_parts))


def _rebuild(kind: type[StinercutError], what: Said, file: str | None, advice: Said) -> StinercutError:
    return kind(what, file=file, advice=advice)


class BadInput(StinercutError):
    """A given value can't be used: a field, a file, a folder."""

    code = "BAD_INPUT"
    exit_code = 3
    http_status = 400


class BadTemplate(BadInput):
    """A template is missing, or can't be used as it is."""

    code = "BAD_TEMPLATE"


class NameConflict(BadInput):
    """A name contradicts a known name; a person must confirm it, or decide whose jump it is."""

    code = "NAME_CONFLICT"
    http_status = 409


class MissingProgram(StinercutError):
    """A program, library or font that must be installed is not."""

    code = "MISSING_PROGRAM"
    exit_code = 4


class HostNotReady(StinercutError):
    """The machine can't take the work now: a port in use, a full disk, a folder that can't be written."""

    code = "HOST_NOT_READY"
    exit_code = 5
    http_status = 503


class UnreadableVideo(StinercutError):
    """A file that is no video, or a video that is cut short or damaged."""

    code = "UNREADABLE_VIDEO"
    exit_code = 6


class UnreadablePhoto(StinercutError):
    """A file that is no photo, or one that can't be opened."""

    code = "UNREADABLE_PHOTO"
    exit_code = 6


class FfmpegFailed(StinercutError):
    """ffmpeg ended with an error, ran out of time or was cancelled."""

    code = "FFMPEG_FAILED"
    exit_code = 7


class WrongFilm(StinercutError):
    """A film did not pass its checks. It is never published."""

    code = "WRONG_FILM"
    exit_code = 8


class StoreDamaged(StinercutError):
    """An object of the store is missing, or its content does not match its name."""

    code = "STORE_DAMAGED"
    exit_code = 9


class NotFound(StinercutError):
    """A card, jump or film is unknown."""

    code = "NOT_FOUND"
    exit_code = 10
    http_status = 404


class Conflict(StinercutError):
    """A request does not fit the present state."""

    code = "CONFLICT"
    http_status = 409


class DagsterRefused(StinercutError):
    """Dagster answered with a refusal."""

    code = "DAGSTER_REFUSED"
    http_status = 502


class NotSignedIn(StinercutError):
    """Whoever asks is not known, and must sign in first."""

    code = "NOT_SIGNED_IN"
    http_status = 401


class Forbidden(StinercutError):
    """Another site's page asked a browser for this, or whoever asks may not do it."""

    code = "FORBIDDEN"
    http_status = 403
