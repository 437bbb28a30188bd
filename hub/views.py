"""What browsers see of the catalog: cards, jumps, steps, films.

Lives here: the views and how they are made, in a fixed number of queries however many cards or jumps there are; the
sentences a tandem master reads. Doesn't: sending them (`board`), what is known (`stinercut.catalog`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.live import Picture
from stinercut.catalog import jumps
from stinercut.catalog.models import (
    OPEN,
    Card,
    CardFile,
    EntryState,
    Event,
    Film,
    ImportedFile,
    Insertion,
    Jump,
    JumpFile,
    JumpState,
    ManifestEntry,
    Step,
    StepStatus,
    now,
)

CARDS_SHOWN = 24
REMOVED_SHOWN = timedelta(days=1)
"""A card that is out and done stays on the board so long."""
INCOMPLETE_SHOWN = timedelta(days=7)
"""A card that is out and not done must come back; it stays on the board longer."""
ERRORS_SHOWN = 50

CardState = Literal["scanning", "empty", "copying", "safe", "incomplete", "removed"]


class View(BaseModel):
    """Base of what is sent to browsers."""

    model_config = ConfigDict(frozen=True)


class FileCounts(View):
    """Numbers of files of one insertion. `found` leaves out what is no footage; `new` is found less known."""

    found: int = 0
    new: int = 0
    known: int = 0
    copied: int = 0
    failed: int = 0


class ByteCounts(View):
    """Bytes of the new files, and how many of them are here."""

    total: int = 0
    done: int = 0


class CopyingView(View):
    """A file that is being copied; bytes."""

    name: str
    size: int
    done: int


class FileError(View):
    """A file that could not be copied."""

    name: str
    code: str
    detail: str


class CardView(View):
    """A card and how far its offload is. `message` is a sentence for the person who put it in."""

    card: str
    label: str
    insertion: str
    inserted_at: datetime
    removed_at: datetime | None
    connected: bool
    """Whether the detector that has (or had) this card is connected."""
    state: CardState
    message: str
    files: FileCounts
    bytes: ByteCounts
    rate: float | None
    """Bytes per second, while something is being copied."""
    copying: list[CopyingView]
    errors: list[FileError]
    problem: str
    """Why the run that was to find the card's jumps failed; empty when none did."""


class StepView(View):
    """A step of making a film or of reading a card."""

    step: str
    label: str
    status: str
    progress: float
    seconds: float | None
    message: str


class JumpFileView(View):
    """A file of a jump. `file_id` is the number that `leave-out` takes."""

    file_id: int
    name: str
    role: str
    state: Literal["pending", "copied", "failed"]
    size: int
    detail: str = ""
    """Why it could not be copied, if so."""


class CheckView(View):
    """One check a film passed before it was published."""

    name: str
    passed: bool
    detail: str = ""


class FilmView(View):
    """A finished film. `seconds` long, `size` bytes, made in `made_in` seconds."""

    url: str
    download: str
    poster: str
    seconds: float
    size: int
    made_in: float
    checks: list[CheckView]


class JumpLinks(View):
    """Pages of Dagster about one jump."""

    run: str | None
    partition: str
    lineage: str


class JumpView(View):
    """A jump, its files, and how far its film is."""

    jump: str
    jump_date: date
    booking_id: str | None
    passenger: str | None
    state: str
    reason: str
    files: list[JumpFileView]
    steps: list[StepView]
    progress: float
    film: FilmView | None
    run_id: str | None
    links: JumpLinks


class EventView(View):
    """Something that happened."""

    id: int
    at: datetime
    type: str
    jump: str | None
    card: str | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Links:
    """Addresses of Dagster's pages as a browser knows them."""

    dagster: str

    def run(self, run_id: str | None) -> str | None:
        """The page of one run."""
        return f"{self.dagster}/runs/{quote(run_id)}" if run_id else None

    def jump(self, jump_key: str, run_id: str | None) -> JumpLinks:
        """The pages about one jump."""
        film = f"{self.dagster}/assets/rendered_video"
        return JumpLinks(
            run=self.run(run_id),
            partition=f"{film}?view=partitions&partition={quote(jump_key)}",
            lineage=f"{film}?view=lineage&lineageScope=upstream",
        )

    def card(self, card_id: str) -> str:
        """The page about one card's readings."""
        return f"{self.dagster}/assets/card_sessions?view=partitions&partition={quote(card_id)}"


def event_view(event: Event) -> EventView:
    """An event as browsers see it."""
    return EventView(
        id=event.event_id, at=event.at, type=event.type, jump=event.jump_key, card=event.card_id, data=event.data
    )


def step_view(step: Step) -> StepView:
    """A step as browsers see it."""
    return StepView(
        step=step.step,
        label=step.label,
        status=step.status,
        progress=1.0 if step.status == StepStatus.DONE else step.progress,
        seconds=step.seconds,
        message=step.message,
    )


def steps_of(session: Session, subjects: Collection[str]) -> dict[str, list[StepView]]:
    """The steps of jumps and cards, in their order."""
    rows = session.execute(select(Step).where(Step.subject.in_(subjects)).order_by(Step.position, Step.step)).scalars()
    out: dict[str, list[StepView]] = {}
    for row in rows:
        out.setdefault(row.subject, []).append(step_view(row))
    return out


# Cards


@dataclass
class _Tally:
    """An insertion's manifest in numbers: files and bytes by state."""

    files: dict[str, int] = field(default_factory=dict[str, int])
    size: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, *states: EntryState) -> int:
        return sum(self.files.get(state, 0) for state in states)

    def bytes(self, *states: EntryState) -> int:
        return sum(self.size.get(state, 0) for state in states)

    def counts(self) -> FileCounts:
        known = self.count(EntryState.KNOWN)
        found = sum(self.files.values()) - self.count(EntryState.SKIPPED)
        return FileCounts(
            found=found,
            new=found - known,
            known=known,
            copied=self.count(EntryState.COPIED),
            failed=self.count(EntryState.FAILED),
        )


@dataclass(frozen=True)
class _Situation:
    """What a card's state and sentence follow from."""

    is_out: bool
    is_listed: bool
    connected: bool
    files: FileCounts
    open: int
    asked: int
    problem: str = ""


def _files(number: int, words: str = "file") -> str:
    return f"{number} {words}" if number == 1 else f"{number} {words}s"


def card_state(now_: _Situation) -> tuple[CardState, str]:
    """A card's state and the sentence that goes with it."""
    return _when_out(now_) if now_.is_out else _when_in(now_)


def _when_out(now_: _Situation) -> tuple[CardState, str]:
    if not now_.is_listed:
        return "incomplete", "It was pulled out before it could be looked at. Put it in again."
    if now_.open:
        return "incomplete", f"It was pulled out with {_files(now_.open)} still to copy. Put it in again to fetch them."
    if now_.files.failed:
        return "incomplete", f"{_files(now_.files.failed)} could not be copied. Put it in again to try once more."
    return "removed", "It is out, and every file of it is safe."


def _when_in(now_: _Situation) -> tuple[CardState, str]:
    away = "The card reader is not connected just now. Leave the card in: it goes on by itself."
    if not now_.is_listed:
        return "scanning", "Looking at what is on it. Leave it in." if now_.connected else away
    files = now_.files
    if files.found == 0:
        return "empty", "There are no videos on it. Pull it out."
    if now_.open:
        return "copying", _copying_sentence(now_) if now_.connected else away
    if files.failed:
        why = f"{_files(files.failed)} could not be copied. Pull it out and put it in again to try once more."
        return "incomplete", why
    if files.new == 0:
        return "safe", "Nothing new is on it. You can pull it out."
    all_of = "The new file is" if files.new == 1 else f"All {files.new} new files are"
    return "safe", f"{all_of} copied and checked. You can pull it out."


def _copying_sentence(now_: _Situation) -> str:
    if now_.asked:
        return f"{now_.files.copied} of {_files(now_.files.new, 'new file')} copied. Leave it in."
    if now_.problem:
        return "The passengers' codes on it could not be read. Leave it in, and try again below."
    return "Looking for the passengers' codes before the large files are copied. Leave it in."


def card_views(session: Session, picture: Picture, card_ids: Collection[str] | None = None) -> list[CardView]:
    """The latest insertion of each card, of these or of all that the board shows. Those that are in come first."""
    rows = _latest_insertions(session, card_ids)
    ids = [insertion.insertion_id for insertion, _ in rows]
    tallies, errors = _tallies(session, ids), _errors(session, ids)
    copying = _copying(session, picture, ids)
    views: list[CardView] = []
    for insertion, card in rows:
        tally = tallies.get(insertion.insertion_id, _Tally())
        under_way = copying.get(insertion.insertion_id, [])
        situation = _Situation(
            is_out=insertion.removed_at is not None,
            is_listed=insertion.listed_at is not None,
            connected=insertion.detector_id in picture.connected,
            files=tally.counts(),
            open=tally.count(*OPEN),
            asked=tally.count(EntryState.REQUESTED),
            problem=insertion.identify_error or "",
        )
        state, message = card_state(situation)
        done = tally.bytes(EntryState.COPIED) + sum(one.done for one in under_way)
        views.append(
            CardView(
                card=card.card_id,
                label=card.label,
                insertion=insertion.insertion_id,
                inserted_at=insertion.inserted_at,
                removed_at=insertion.removed_at,
                connected=situation.connected,
                state=state,
                message=message,
                files=situation.files,
                bytes=ByteCounts(total=tally.bytes(*OPEN, EntryState.COPIED, EntryState.FAILED), done=done),
                rate=picture.rates.get(insertion.insertion_id) if state == "copying" else None,
                copying=under_way if state == "copying" else [],
                errors=errors.get(insertion.insertion_id, []),
                problem=situation.problem,
            )
        )
    return views if card_ids is not None else _shown(views)


def _shown(views: Iterable[CardView]) -> list[CardView]:
    oldest = {"removed": now() - REMOVED_SHOWN, "incomplete": now() - INCOMPLETE_SHOWN}
    kept = [
        view for view in views if view.removed_at is None or view.removed_at >= oldest.get(view.state, view.removed_at)
    ]
    return kept[:CARDS_SHOWN]


def _latest_insertions(session: Session, card_ids: Collection[str] | None) -> Sequence[tuple[Insertion, Card]]:
    place = func.row_number().over(
        partition_by=Insertion.card_id, order_by=(Insertion.inserted_at.desc(), Insertion.insertion_id)
    )
    ranked = select(Insertion.insertion_id, place.label("place"))
    if card_ids is not None:
        ranked = ranked.where(Insertion.card_id.in_(card_ids))
    latest = ranked.subquery()
    query = (
        select(Insertion, Card)
        .join(latest, latest.c.insertion_id == Insertion.insertion_id)
        .join(Card, Card.card_id == Insertion.card_id)
        .where(latest.c.place == 1)
        .order_by(Insertion.removed_at.is_(None).desc(), Insertion.inserted_at.desc(), Insertion.insertion_id)
    )
    if card_ids is None:
        query = query.where(Insertion.removed_at.is_(None) | (Insertion.removed_at >= now() - INCOMPLETE_SHOWN)).limit(
            2 * CARDS_SHOWN
        )
    return [(insertion, card) for insertion, card in session.execute(query)]


def _tallies(session: Session, insertion_ids: Collection[str]) -> dict[str, _Tally]:
    rows = session.execute(
        select(ManifestEntry.insertion_id, ManifestEntry.state, func.count(), func.sum(CardFile.size))
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertion_ids))
        .group_by(ManifestEntry.insertion_id, ManifestEntry.state)
    )
    out: dict[str, _Tally] = {}
    for insertion_id, state, files, size in rows:
        tally = out.setdefault(insertion_id, _Tally())
        tally.files[state], tally.size[state] = files, int(size)
    return out


def _errors(session: Session, insertion_ids: Collection[str]) -> dict[str, list[FileError]]:
    rows = session.execute(
        select(ManifestEntry, CardFile.name)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id.in_(insertion_ids), ManifestEntry.state == EntryState.FAILED)
        .order_by(CardFile.name)
        .limit(ERRORS_SHOWN)
    )
    out: dict[str, list[FileError]] = {}
    for entry, name in rows:
        error = FileError(name=name, code=entry.error_code or "", detail=entry.error_detail or "")
        out.setdefault(entry.insertion_id, []).append(error)
    return out


def _copying(session: Session, picture: Picture, insertion_ids: Collection[str]) -> dict[str, list[CopyingView]]:
    under_way = {file_id: (insertion, done) for (insertion, file_id), done in picture.done.items()}
    if not under_way:
        return {}
    rows = session.execute(
        select(ManifestEntry.insertion_id, ManifestEntry.file_id, CardFile.name, CardFile.size)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            ManifestEntry.insertion_id.in_(insertion_ids),
            ManifestEntry.file_id.in_(under_way),
            ManifestEntry.state == EntryState.REQUESTED,
        )
    )
    out: dict[str, list[CopyingView]] = {}
    for insertion_id, file_id, name, size in rows:
        insertion, done = under_way[file_id]
        if insertion == insertion_id:
            out.setdefault(insertion_id, []).append(CopyingView(name=name, size=size, done=min(done, size)))
    return out


# Jumps


def newest_jumps(session: Session, limit: int) -> list[str]:
    """The keys of the newest jumps, newest first."""
    return list(
        session.execute(select(Jump.jump_key).order_by(Jump.jump_date.desc(), Jump.created_at.desc()).limit(limit))
        .scalars()
        .all()
    )


def jump_views(session: Session, links: Links, jump_keys: Collection[str]) -> list[JumpView]:
    """These jumps (unknown ones are passed over), newest first."""
    rows = (
        session.execute(
            select(Jump)
            .where(Jump.jump_key.in_(jump_keys))
            .order_by(Jump.jump_date.desc(), Jump.created_at.desc(), Jump.jump_key)
        )
        .scalars()
        .all()
    )
    keys = [jump.jump_key for jump in rows]
    files, steps, films = _jump_files(session, keys), steps_of(session, keys), jumps.latest_films(session, keys)
    return [
        _jump_view(links, jump, files.get(jump.jump_key, []), steps.get(jump.jump_key, []), films.get(jump.jump_key))
        for jump in rows
    ]


def _jump_view(
    links: Links, jump: Jump, files: list[JumpFileView], steps: list[StepView], film: Film | None
) -> JumpView:
    failed = [file.name for file in files if file.state == "failed" and file.role != "left_out"]
    reason = jump.reason
    if jump.state == JumpState.WAITING and failed:
        reason = f"{reason} Could not be copied: {', '.join(failed)}."
    return JumpView(
        jump=jump.jump_key,
        jump_date=jump.jump_date,
        booking_id=jump.booking_id,
        passenger=jump.passenger_name,
        state=jump.state,
        reason=reason,
        files=files,
        steps=steps,
        progress=_progress(jump.state, steps),
        film=_film_view(film) if film is not None else None,
        run_id=jump.run_id,
        links=links.jump(jump.jump_key, jump.run_id),
    )


def _progress(state: str, steps: Sequence[StepView]) -> float:
    if state == JumpState.DONE:
        return 1.0
    if state not in (JumpState.PRODUCING, JumpState.FAILED) or not steps:
        return 0.0
    return round(sum(step.progress for step in steps) / len(steps), 4)


def _jump_files(session: Session, jump_keys: Collection[str]) -> dict[str, list[JumpFileView]]:
    rows = session.execute(
        select(JumpFile, CardFile, ImportedFile.card_file_id.is_not(None))
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key.in_(jump_keys))
        .order_by(JumpFile.position)
    ).all()
    missing = [place.card_file_id for place, _, is_here in rows if not is_here]
    failures = _copy_failures(session, missing) if missing else {}
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
                detail=failure or "",
            )
        )
    return out


def _copy_failures(session: Session, card_file_ids: Collection[int]) -> dict[int, str]:
    """Files whose latest insertion could not copy them, and why."""
    rows = session.execute(
        select(ManifestEntry.card_file_id, ManifestEntry.state, ManifestEntry.error_detail)
        .join(Insertion, Insertion.insertion_id == ManifestEntry.insertion_id)
        .where(ManifestEntry.card_file_id.in_(card_file_ids))
        .order_by(Insertion.inserted_at)
    )
    latest = {card_file_id: (state, detail) for card_file_id, state, detail in rows}
    return {file: detail or "" for file, (state, detail) in latest.items() if state == EntryState.FAILED}


def _film_view(film: Film) -> FilmView:
    folder = f"/films/{quote(film.jump_key)}"
    # The version makes a browser fetch a film anew that was made again under the same name.
    version = f"v={quote(film.version)}-{film.film_id}"
    url = f"{folder}/{quote(PurePosixPath(film.file_name).name)}?{version}"
    return FilmView(
        url=url,
        download=f"{url}&download=1",
        poster=f"{folder}/poster.jpg?{version}",
        seconds=film.seconds,
        size=film.size,
        made_in=film.made_in,
        checks=[CheckView.model_validate(check) for check in film.checks],
    )
