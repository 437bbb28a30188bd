"""Review over HTTP: what waits for a person, their decisions, pictures of files.

Owns: routes and views below /api/review and /api/files. Not here: what a decision does
(`stinercut.review.decisions`), the list of bookings (`bookings`), how pictures are made (`stills`), what a film is to
be like (`hub.films.rerender`, `hub.films.cut_routes`).

Every decision comes with the name of who decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hub.jumps.stretch_views import PlaceView, waiting_views
from hub.jumps.views import FailureView, RemedyView, failure_views, remedy_views
from hub.kit.views import MessageView, message_views
from hub.review.stills import WIDTHS, Frames
from stinercut.bounds import JumpKey, RowId, ShortText, TypedId, Who
from stinercut.catalog import Catalog
from stinercut.catalog.models import Decision, Role
from stinercut.catalog.row_messages import reason_words, reasons_of
from stinercut.codes.payload import make_payload
from stinercut.codes.reading import Reason
from stinercut.review import decisions, file_groups
from stinercut.review.file_groups import Group, ReviewFile

T = TypeVar("T")

FileIds = Annotated[list[RowId], Field(max_length=5000)]
"""Files of one decision: bursts and time-lapses of a whole jump are fewer."""


class ReviewFileView(BaseModel):
    """A file to look at. `code` is what a code in it says, or why it could not be taken; empty when it holds none."""

    file_id: int
    name: str
    kind: str
    """`video` or `photo`."""
    role: str
    recorded: datetime
    size: int
    copied: bool
    pictures: bool
    """Whether stills and a clip to play are there."""
    code: str
    says: dict[str, str] | None
    """Passenger, booking and date of its code."""
    same_as: str
    """The file of this jump whose content it only repeats; empty where it is a clip of its own."""


class DecisionView(BaseModel):
    """What a person decided."""

    at: datetime
    who: str
    what: str
    jump: str
    file: str | None
    before: dict[str, Any]
    after: dict[str, Any]


class GroupView(BaseModel):
    """A jump as a person reviews it. Of one that failed: what with, and what is offered."""

    jump: str
    jump_date: date
    passenger: str | None
    booking_id: str | None
    state: str
    reason: str
    reason_parts: list[MessageView]
    place: PlaceView | None
    """Of one that waits: the card that it comes from, and between whose files it stands there."""
    failures: list[FailureView]
    remedies: list[RemedyView]
    files: list[ReviewFileView]
    decisions: list[DecisionView]


class Groups(BaseModel):
    """What does not go on without a person, newest first."""

    groups: list[GroupView]


class Decided(BaseModel):
    """The jump that a decision ended at."""

    jump: str


class _Deciding(BaseModel):
    who: Who


class Assign(_Deciding):
    """Whose jump it is. `confirmed_name` repeats the name when it contradicts what was known."""

    passenger_name: ShortText
    booking_id: TypedId
    jump_date: date
    tandem_master_id: TypedId | None = None
    confirmed_name: ShortText | None = None


class Split(_Deciding):
    """Files that are somebody else's."""

    file_ids: FileIds


class Move(Split):
    """Files that belong to another jump."""

    to: JumpKey
    confirmed_name: ShortText | None = None


class Join(_Deciding):
    """All files belong to another jump."""

    into: JumpKey
    confirmed_name: ShortText | None = None


class OneFile(_Deciding):
    """One file."""

    file_id: RowId


@dataclass(frozen=True)
class Review:
    """Decisions over a catalog."""

    catalog: Catalog
    frames: Frames

    async def read(self, query: Callable[[Session], T]) -> T:
        """The query's answer, off the event loop."""

        def reading() -> T:
            with self.catalog.read() as session:
                return query(session)

        return await asyncio.to_thread(reading)

    async def write(self, decide: Callable[[Session], T]) -> T:
        """The decision's answer once it is durable, off the event loop."""

        def writing() -> T:
            with self.catalog.write() as session:
                return decide(session)

        return await asyncio.to_thread(writing)


def group_views(session: Session, jump_keys: Sequence[str]) -> list[GroupView]:
    """These jumps as browsers get them, in this order; unknown ones left out."""
    places = waiting_views(session, jump_keys).places
    return [group_view(one, places.get(one.jump.jump_key)) for one in file_groups.groups(session, jump_keys)]


def one_group(session: Session, jump: str) -> GroupView:
    """A jump, in whatever state, as browsers get it. Raises NotFound."""
    return group_view(file_groups.group(session, jump), waiting_views(session, [jump]).places.get(jump))


def group_view(group: Group, place: PlaceView | None = None) -> GroupView:
    """A group as browsers get it."""
    jump, names = group.jump, {file.card_file_id: file.name for file in group.files}
    return GroupView(
        jump=jump.jump_key,
        jump_date=jump.jump_date,
        passenger=jump.passenger_name,
        booking_id=jump.booking_id,
        state=jump.state,
        reason=reason_words(jump),
        reason_parts=message_views(reasons_of(jump)),
        place=place,
        failures=failure_views(jump),
        remedies=remedy_views(
            jump, [one.card_file_id for one in group.files if one.role is Role.CLIP and not one.same_as]
        ),
        files=[_file_view(file) for file in group.files],
        decisions=[_decision_view(decision, names) for decision in group.decisions],
    )


def _file_view(file: ReviewFile) -> ReviewFileView:
    said = file.reading.payload if file.reading is not None else None
    return ReviewFileView(
        file_id=file.card_file_id,
        name=file.name,
        kind="photo" if file.is_photo else "video",
        role=file.role,
        recorded=file.recorded,
        size=file.size,
        copied=file.is_here,
        pictures=file.source is not None,
        code=_code_words(file),
        says={"passenger_name": said.passenger_name, "booking_id": said.booking_id, "jump_date": str(said.jump_date)}
        if said is not None
        else None,
        same_as=file.same_as,
    )


def _code_words(file: ReviewFile) -> str:
    reading = file.reading
    if reading is None:
        return ""
    if reading.payload is not None:
        return f"The code says {reading.payload.passenger_name}, booking {reading.payload.booking_id}."
    if not reading.hides_identity:
        return ""
    what = "It could not be searched for a code" if reading.reason is Reason.UNREADABLE else "A code could not be taken"
    return f"{what}: {reading.detail or reading.reason}."


def _decision_view(decision: Decision, names: dict[int, str]) -> DecisionView:
    file = names.get(decision.card_file_id) if decision.card_file_id is not None else None
    return DecisionView(
        at=decision.at,
        who=decision.who,
        what=decision.what,
        jump=decision.jump_key,
        file=file,
        before=decision.before,
        after=decision.after,
    )


def add_review(app: FastAPI, review_of: Callable[[Request], Review]) -> None:
    """All routes of this module."""
    _add_groups(app, review_of)
    _add_decisions(app, review_of)
    _add_file_decisions(app, review_of)
    _add_pictures(app, review_of)


def _add_groups(app: FastAPI, review_of: Callable[[Request], Review]) -> None:
    @app.get("/api/review")
    async def groups(request: Request) -> Groups:
        def query(session: Session) -> list[GroupView]:
            return group_views(session, file_groups.needing_a_person(session))

        return Groups(groups=await review_of(request).read(query))

    @app.get("/api/review/jumps/{jump}")
    async def one(request: Request, jump: JumpKey) -> GroupView:
        return await review_of(request).read(lambda session: one_group(session, jump))


def _add_decisions(app: FastAPI, review_of: Callable[[Request], Review]) -> None:
    @app.post("/api/review/jumps/{jump}/assign")
    async def assign(request: Request, jump: JumpKey, said: Assign) -> Decided:
        payload = make_payload(said.passenger_name, said.booking_id, said.jump_date, said.tandem_master_id)
        key = await review_of(request).write(
            lambda session: decisions.assign(session, said.who, jump, payload, said.confirmed_name)
        )
        return Decided(jump=key)

    @app.post("/api/review/jumps/{jump}/join")
    async def join(request: Request, jump: JumpKey, said: Join) -> Decided:
        await review_of(request).write(
            lambda session: decisions.join(session, said.who, jump, said.into, said.confirmed_name)
        )
        return Decided(jump=said.into)

    @app.post("/api/review/jumps/{jump}/read-again")
    async def read_again(request: Request, jump: JumpKey, said: _Deciding) -> Decided:
        await review_of(request).write(lambda session: decisions.read_again(session, said.who, jump))
        return Decided(jump=jump)


def _add_file_decisions(app: FastAPI, review_of: Callable[[Request], Review]) -> None:
    @app.post("/api/review/jumps/{jump}/split")
    async def split(request: Request, jump: JumpKey, said: Split) -> Decided:
        key = await review_of(request).write(lambda session: decisions.split(session, said.who, jump, said.file_ids))
        return Decided(jump=key)

    @app.post("/api/review/jumps/{jump}/move")
    async def move(request: Request, jump: JumpKey, said: Move) -> Decided:
        await review_of(request).write(
            lambda session: decisions.move(session, said.who, jump, said.file_ids, said.to, said.confirmed_name)
        )
        return Decided(jump=said.to)

    # The same decision under two names: the second is where a jump's other actions are.
    @app.post("/api/review/jumps/{jump}/leave-out")
    @app.post("/api/jumps/{jump}/leave-out", status_code=202)
    async def leave_out(request: Request, jump: JumpKey, said: OneFile) -> Decided:
        await review_of(request).write(lambda session: decisions.leave_out(session, said.who, jump, said.file_id))
        return Decided(jump=jump)

    @app.post("/api/review/jumps/{jump}/put-back")
    async def put_back(request: Request, jump: JumpKey, said: OneFile) -> Decided:
        await review_of(request).write(lambda session: decisions.put_back(session, said.who, jump, said.file_id))
        return Decided(jump=jump)


def _add_pictures(app: FastAPI, review_of: Callable[[Request], Review]) -> None:
    @app.get("/api/files/{card_file_id}/frame.jpg")
    async def frame(
        request: Request,
        card_file_id: RowId,
        at: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 0.5,
        size: Literal["small", "large"] = "small",
    ) -> FileResponse:
        return await review_of(request).frames.still(card_file_id, at, WIDTHS[size])

    @app.api_route("/api/files/{card_file_id}/clip.mp4", methods=["GET", "HEAD"])
    def clip(request: Request, card_file_id: RowId) -> FileResponse:
        return review_of(request).frames.clip(card_file_id)
