"""The views of jumps for browsers: their files, the film's progress, the film.

Owns: the views and how they are made, with the same number of queries for any number of jumps. Not here: which jumps
are in a list (`stinercut.jumps.listing`), sending the views (`hub.board.feed`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.jumps.examples import JUMP
from hub.jumps.stretch_views import MissingView, PlaceView, waiting_views
from hub.kit.views import JumpLinks, Links, MessageView, StepView, View, example, message_views, steps_of
from stinercut.cards.announced_jumps import AnnouncedJump
from stinercut.catalog import events
from stinercut.catalog.models import (
    EntryState,
    Film,
    Insertion,
    Jump,
    JumpState,
    ManifestEntry,
    Role,
)
from stinercut.catalog.row_messages import error_detail, reasons_of, said_by_check
from stinercut.delivery import hand_outs
from stinercut.failures import FailureRecord
from stinercut.films.publishing.outputs_note import OtherFilm, PhotoSet, published_with
from stinercut.jumps import film_records, listing
from stinercut.jumps.duplicates import counting_files
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded
from stinercut.runs.failure_rows import failures_of_jump
from stinercut.runs.remedies import RemedyKind, remedies

PHOTOS_LINKED = 60
"""The most photos linked of one output; a burst has hundreds, and the ZIP has all of them."""


class JumpFileView(View):
    """A file of a jump. `file_id` is the number that `leave-out` takes."""

    file_id: int
    name: str
    role: str
    state: Literal["pending", "copied", "failed"]
    size: int
    detail: str = ""
    """Why it could not be copied; empty if it could."""
    detail_parts: list[MessageView]
    """The same as codes and values."""
    same_as: str = ""
    """The file of this jump that has the same content: the film shows it once. Empty for all others."""


class JumpPhotosView(View):
    """Counts of the camera's photos of a jump: `pictures`, in `files`, of which `here` are in the store."""

    pictures: int = 0
    files: int = 0
    here: int = 0


class CheckView(View):
    """One check a film passed before it was published."""

    name: str
    passed: bool
    detail: str = ""
    detail_parts: list[MessageView]
    """The same as codes and values."""


class OutputView(View):
    """Another video output of a film's template. `size` in bytes."""

    name: str
    url: str
    download: str
    size: int


class PhotosView(View):
    """An output of photos: their number, the addresses of the first ones, the address of a ZIP of all of them, and
    their total `size` in bytes.
    """

    name: str
    number: int
    urls: list[str]
    download: str
    size: int


class FilmView(View):
    """A finished film. `seconds` long, `size` bytes, made in `made_in` seconds with `template`.

    `outputs` and `photos`: what the template made besides *the* film, as far as it is there.
    """

    url: str
    download: str
    poster: str
    provisional: bool
    """Whether files that may belong in it wait for a person, or did not come off their card."""
    seconds: float
    size: int
    made_in: float
    template: str
    checks: list[CheckView]
    outputs: list[OutputView]
    photos: list[PhotosView]


class HandOutView(View):
    """That the film was handed out: when, by whom, and how (`code`, `link`, `letter`, `print`, `in_person`)."""

    at: datetime
    who: str
    way: str


class FailureView(View):
    """One thing that a jump's run failed with: `what` and `advice` for people, `code` for programs, `details` for
    whoever looks after the installation. `file`: the name of the file that it is about; empty where it is about none.
    """

    code: str
    what: str
    what_parts: list[MessageView]
    """The same as codes and values, for programs and other languages."""
    advice: str
    advice_parts: list[MessageView]
    file: str
    details: str


class RemedyView(View):
    """A remedy that is offered for a failed jump, the best first. `files`: those to leave out, by their `file_id`."""

    kind: RemedyKind
    files: list[int]


class JumpView(View):
    """A jump, its files, and how far its film is."""

    model_config = example(JUMP)

    jump: str
    jump_date: date
    booking_id: str | None
    passenger: str | None
    template: str | None
    """The template that a person chose for it; None means the installation's default."""
    state: str
    reason: str
    reason_parts: list[MessageView]
    """The same as codes and values, for programs and other languages."""
    complete: bool
    """Whether it has a passenger, no file that may be theirs waits for a person, all photos have come except those left
    out, and all of its card could be read. Until then its film is provisional: another film follows when somebody has
    decided, or the card is in again."""
    missing: list[MissingView]
    """Files right after its own that wait for a person, photos of its own that were not copied, parts of its card that
    could not be read."""
    place: PlaceView | None
    """Where a group comes from that waits for a person; None for any other jump."""
    failures: list[FailureView]
    """The failures of a failed jump; `reason` has the same words."""
    remedies: list[RemedyView]
    files: list[JumpFileView]
    """Its files without photos, of which a burst has hundreds."""
    photos: JumpPhotosView
    steps: list[StepView]
    progress: float
    film: FilmView | None
    handed_out: HandOutView | None = None
    """None until somebody hands the film out."""
    run_id: str | None
    links: JumpLinks


def jump_views(session: Session, links: Links, jump_keys: Collection[str]) -> list[JumpView]:
    """The views of these jumps, newest first, without unknown ones."""
    rows = (
        session.execute(select(Jump).where(Jump.jump_key.in_(jump_keys)).order_by(*listing.NEWEST_FIRST))
        .scalars()
        .all()
    )
    keys = [jump.jump_key for jump in rows]
    found, steps, made = _found(session, keys), steps_of(session, keys), film_records.latest_films(session, keys)
    return [
        _jump_view(links, jump, found[jump.jump_key], steps.get(jump.jump_key, []), made.get(jump.jump_key))
        for jump in rows
    ]


def announced_view(links: Links, announced: AnnouncedJump, *, is_over: bool = False) -> JumpView:
    """A jump of which the code alone is known. `is_over`: its card turned out to hold no such jump."""
    payload, reasons = announced.payload, (Message.of(MessageCode.CODE_READ),)
    return JumpView(
        jump=announced.jump_key,
        jump_date=payload.jump_date,
        booking_id=payload.booking_id,
        passenger=payload.passenger_name,
        template=None,
        state=JumpState.GONE if is_over else JumpState.WAITING,
        reason=all_worded(reasons),
        reason_parts=message_views(reasons),
        complete=True,
        missing=[],
        place=None,
        failures=[],
        remedies=[],
        files=[
            JumpFileView(
                file_id=file.card_file_id,
                name=file.name,
                role=Role.QR,
                state="copied",
                size=file.size,
                detail_parts=[],
            )
            for file in announced.files
        ],
        photos=JumpPhotosView(),
        steps=[],
        progress=0.0,
        film=None,
        run_id=None,
        links=links.jump(announced.jump_key, None),
    )


@dataclass(frozen=True)
class _Found:
    """A jump's files, the neighbouring files that wait for a person, and who handed its film out."""

    files: list[JumpFileView]
    photos: JumpPhotosView
    missing: list[MissingView]
    place: PlaceView | None
    handed_out: HandOutView | None


def _found(session: Session, jump_keys: Collection[str]) -> dict[str, _Found]:
    files, photos = _jump_files(session, jump_keys), listing.photo_counts(session, jump_keys)
    waiting, notes = waiting_views(session, jump_keys), hand_outs.handed_out(session, jump_keys)
    none = listing.PhotoCounts()
    return {
        key: _Found(
            files.get(key, []),
            JumpPhotosView(**asdict(photos.get(key, none))),
            waiting.missing.get(key, []),
            waiting.places.get(key),
            HandOutView(at=note.at, who=note.who, way=note.way) if (note := notes.get(key)) is not None else None,
        )
        for key in jump_keys
    }


def _jump_view(links: Links, jump: Jump, found: _Found, steps: list[StepView], film: Film | None) -> JumpView:
    files = found.files
    failed = [file.name for file in files if file.state == "failed" and file.role != "left_out"]
    reasons = reasons_of(jump)
    if jump.state == JumpState.WAITING and failed:
        reasons = (*reasons, Message.of(MessageCode.NOT_COPIED, files=tuple(failed)))
    return JumpView(
        jump=jump.jump_key,
        jump_date=jump.jump_date,
        booking_id=jump.booking_id,
        passenger=jump.passenger_name,
        template=jump.template,
        state=jump.state,
        reason=all_worded(reasons),
        reason_parts=message_views(reasons),
        complete=jump.booking_id is not None and not found.missing,
        missing=found.missing,
        place=found.place,
        failures=failure_views(jump),
        remedies=remedy_views(jump, [file.file_id for file in files if file.role == Role.CLIP and not file.same_as]),
        files=files,
        photos=found.photos,
        steps=steps,
        progress=_progress(jump, steps),
        film=_film_view(links.films, film, provisional=bool(found.missing)) if film is not None else None,
        handed_out=found.handed_out,
        run_id=jump.run_id,
        links=links.jump(jump.jump_key, jump.run_id),
    )


def failure_views(jump: Jump) -> list[FailureView]:
    """The failures of a failed jump's run; empty for any other jump."""
    if jump.state != JumpState.FAILED:
        return []
    return [_failure_view(failure) for failure in failures_of_jump(jump)]


def _failure_view(failure: FailureRecord) -> FailureView:
    return FailureView(
        code=failure.code,
        what=failure.what,
        what_parts=message_views(failure.what_parts),
        advice=failure.advice,
        advice_parts=message_views(failure.advice_parts),
        file=failure.file,
        details=failure.details,
    )


def remedy_views(jump: Jump, clips: Collection[int]) -> list[RemedyView]:
    """What a person can do about a failed jump. `clips`: card file ids of the clips in its film now."""
    if jump.state != JumpState.FAILED:
        return []
    return [
        RemedyView(kind=remedy.kind, files=list(remedy.files)) for remedy in remedies(failures_of_jump(jump), clips)
    ]


def _progress(jump: Jump, steps: Sequence[StepView]) -> float:
    if jump.state == JumpState.DONE:
        return 1.0
    # Before the first run all steps are work ahead. Later, until a run begins, they are those of the previous film.
    is_of_this_film = jump.state in (JumpState.PRODUCING, JumpState.FAILED) or jump.run_id is None
    return events.overall(step.progress for step in steps if step.position >= 0) if is_of_this_film else 0.0


def _jump_files(session: Session, jump_keys: Collection[str]) -> dict[str, list[JumpFileView]]:
    rows = listing.files_of(session, jump_keys, photos=False)
    missing = [place.card_file_id for place, _, is_here in rows if not is_here]
    failures = _copy_failures(session, missing) if missing else {}
    repeats = counting_files(session, jump_keys)
    out: dict[str, list[JumpFileView]] = {}
    for place, file, is_here in rows:
        failure = failures.get(place.card_file_id)
        out.setdefault(place.jump_key, []).append(
            JumpFileView(
                file_id=place.card_file_id,
                name=file.name,
                role=place.role,
                state="copied" if is_here else "pending" if failure is None else "failed",
                size=file.size,
                detail=all_worded(failure or ()),
                detail_parts=message_views(failure or ()),
                same_as=repeats.get(place.card_file_id, ""),
            )
        )
    return out


def _copy_failures(session: Session, card_file_ids: Collection[int]) -> dict[int, tuple[Message, ...]]:
    """Why files could not be copied, by file, for files whose latest insertion failed to copy them."""
    rows = session.execute(
        select(
            ManifestEntry.card_file_id, ManifestEntry.state, ManifestEntry.error_detail,
            ManifestEntry.error_detail_parts,
        )
        .join(Insertion, Insertion.insertion_id == ManifestEntry.insertion_id)
        .where(ManifestEntry.card_file_id.in_(card_file_ids))
        .order_by(Insertion.inserted_at)
    )  # fmt: skip
    latest = {file: (state, error_detail(detail, parts)) for file, state, detail, parts in rows}
    return {file: why for file, (state, why) in latest.items() if state == EntryState.FAILED}


def _film_view(root: Path, film: Film, *, provisional: bool) -> FilmView:
    folder = f"/films/{quote(film.jump_key)}"
    # The version makes a browser fetch a film again that was made again under the same name.
    version = f"v={quote(film.version)}-{film.film_id}"
    url = f"{folder}/{quote(PurePosixPath(film.file_name).name)}?{version}"
    others = published_with(root / film.file_name, film.outputs)
    return FilmView(
        url=url,
        download=f"{url}&download=1",
        poster=f"{folder}/poster.jpg?{version}",
        provisional=provisional,
        seconds=film.seconds,
        size=film.size,
        made_in=film.made_in,
        template=film.template,
        checks=[_check_view(check) for check in film.checks],
        outputs=[_output_view(folder, version, other) for other in others.films],
        photos=[_photos_view(folder, version, photos) for photos in others.photos],
    )


def _check_view(check: Mapping[str, Any]) -> CheckView:
    said = said_by_check(check)
    return CheckView(
        name=check["name"], passed=check["passed"], detail=all_worded(said), detail_parts=message_views(said)
    )


def _output_view(folder: str, version: str, other: OtherFilm) -> OutputView:
    url = f"{folder}/{quote(other.path.name)}?{version}"
    return OutputView(name=other.name, url=url, download=f"{url}&download=1", size=other.size)


def _photos_view(folder: str, version: str, photos: PhotoSet) -> PhotosView:
    url = f"{folder}/{quote(photos.folder.name)}"
    return PhotosView(
        name=photos.name,
        number=len(photos.photos),
        urls=[f"{url}/{quote(photo.name)}?{version}" for photo in photos.photos[:PHOTOS_LINKED]],
        download=f"{url}.zip?{version}",
        size=photos.size,
    )
