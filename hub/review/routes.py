"""Review over HTTP: groups that wait for a person, decisions, stills and clips of files, the list of bookings.

Owns: these routes, and the bodies of decisions, each with the name of the person who decides. Not here: the views
(`views`, `bookings`), what a decision does (`stinercut.review.decisions`), how stills are made (`stills`), what
importing a list changes (`stinercut.jumps.bookings`).
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hub.kit.access.subject import SubjectPart
from hub.kit.parts import CatalogPart, part, read, write
from hub.kit.request_body import limited_body
from hub.kit.views import example
from hub.review.bookings import Bookings, Encoding, ListView, booking_view, list_view
from hub.review.examples import GROUP
from hub.review.stills import WIDTHS, Frames
from hub.review.views import GroupView, group_views, one_group
from stinercut.bounds import NO_NUL, JumpKey, RowId, ShortText, TypedId, Who
from stinercut.codes.payload import make_payload
from stinercut.jumps import bookings
from stinercut.jumps.booking_list import MAX_CSV_BYTES, parse_list
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.review import decisions, file_groups

router = APIRouter(tags=["review"])

FramesPart = Annotated[Frames, Depends(part(Frames))]
SearchText = Annotated[str, Query(max_length=80, pattern=NO_NUL)]
FileIds = Annotated[list[RowId], Field(max_length=5000)]
"""The files of one decision. Even a whole jump with bursts and time-lapses has fewer than the limit."""


class Groups(BaseModel):
    """The groups that can't continue without a person, newest first."""

    model_config = example({"groups": [GROUP]})

    groups: list[GroupView]


class Decided(BaseModel):
    """The jump that a decision ended at."""

    model_config = example({"jump": "2026-06-01_B-1"})

    jump: str


class Deciding(BaseModel):
    """A decision with the name of the person who made it. Where people sign in, whoever did so counts, not the name."""

    model_config = example({"who": "Kim"})

    who: Who


class Assign(Deciding):
    """Whose jump it is. `confirmed_name` repeats the name if it contradicts what was known."""

    model_config = example(
        {"who": "Kim", "passenger_name": "Anna Müller", "booking_id": "B-1", "jump_date": "2026-06-01"}
    )

    passenger_name: ShortText
    booking_id: TypedId
    jump_date: date
    tandem_master_id: TypedId | None = None
    confirmed_name: ShortText | None = None


class Split(Deciding):
    """Files that belong to somebody else."""

    model_config = example({"who": "Kim", "file_ids": [7, 8]})

    file_ids: FileIds


class Move(Split):
    """Files that belong to another jump."""

    model_config = example({"who": "Kim", "file_ids": [7, 8], "to": "2026-06-01_B-1"})

    to: JumpKey
    confirmed_name: ShortText | None = None


class Join(Deciding):
    """All files belong to another jump."""

    model_config = example({"who": "Kim", "into": "2026-06-01_B-1"})

    into: JumpKey
    confirmed_name: ShortText | None = None


class OneFile(Deciding):
    """One file."""

    model_config = example({"who": "Kim", "file_id": 7})

    file_id: RowId


# ------------------------------------------------------------------------------------------------ groups


@router.get("/api/review", summary="What waits for a person")
async def groups(catalog: CatalogPart) -> Groups:
    """Groups of files, newest first."""

    def query(session: Session) -> list[GroupView]:
        return group_views(session, file_groups.needing_a_person(session))

    return Groups(groups=await read(catalog, query))


@router.get("/api/review/jumps/{jump}", summary="One jump as a person reviews it")
async def one(catalog: CatalogPart, jump: JumpKey) -> GroupView:
    """In whatever state it is."""
    return await read(catalog, lambda session: one_group(session, jump))


# ------------------------------------------------------------------------------------------------ decisions


@router.post("/api/review/jumps/{jump}/assign", summary="Say whose jump it is")
async def assign(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: Assign) -> Decided:
    """The jump's key may change."""
    who = subject.who(decision.who)
    payload = make_payload(decision.passenger_name, decision.booking_id, decision.jump_date, decision.tandem_master_id)
    key = await write(
        catalog,
        lambda session: decisions.assign(session, who, jump, payload, decision.confirmed_name),
    )
    return Decided(jump=key)


@router.post("/api/review/jumps/{jump}/join", summary="Give all files to another jump")
async def join(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: Join) -> Decided:
    """Answers with the jump that has them."""
    who = subject.who(decision.who)
    await write(
        catalog,
        lambda session: decisions.join(session, who, jump, decision.into, decision.confirmed_name),
    )
    return Decided(jump=decision.into)


@router.post("/api/review/jumps/{jump}/read-again", summary="Read the codes of a jump again")
async def read_again(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: Deciding) -> Decided:
    """The card is identified again."""
    who = subject.who(decision.who)
    await write(catalog, lambda session: decisions.read_again(session, who, jump))
    return Decided(jump=jump)


@router.post("/api/review/jumps/{jump}/split", summary="Make a jump of its own of some files")
async def split(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: Split) -> Decided:
    """Answers with the new jump."""
    who = subject.who(decision.who)
    return Decided(jump=await write(catalog, lambda session: decisions.split(session, who, jump, decision.file_ids)))


@router.post("/api/review/jumps/{jump}/move", summary="Move files to another jump")
async def move(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: Move) -> Decided:
    """Answers with the jump that has them."""
    who = subject.who(decision.who)
    await write(
        catalog,
        lambda session: decisions.move(session, who, jump, decision.file_ids, decision.to, decision.confirmed_name),
    )
    return Decided(jump=decision.to)


# The same decision under two paths: the second is where a jump's other actions are.
@router.post("/api/review/jumps/{jump}/leave-out", summary="Leave a file out of the film")
@router.post(
    "/api/jumps/{jump}/leave-out", status_code=202, name="leave_out_of_jump", summary="Leave a file out of the film"
)
async def leave_out(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: OneFile) -> Decided:
    """The film is made again without it."""
    who = subject.who(decision.who)
    await write(catalog, lambda session: decisions.leave_out(session, who, jump, decision.file_id))
    return Decided(jump=jump)


@router.post("/api/review/jumps/{jump}/put-back", summary="Put a left-out file back")
async def put_back(catalog: CatalogPart, subject: SubjectPart, jump: JumpKey, decision: OneFile) -> Decided:
    """The film is made again with it."""
    who = subject.who(decision.who)
    await write(catalog, lambda session: decisions.put_back(session, who, jump, decision.file_id))
    return Decided(jump=jump)


# ------------------------------------------------------------------------------------------------ stills and clips


@router.get("/api/files/{card_file_id}/frame.jpg", summary="A still of a file")
async def frame(
    frames: FramesPart,
    card_file_id: RowId,
    at: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 0.5,
    size: Literal["small", "large"] = "small",
) -> FileResponse:
    """`at`: the place in the clip, from 0 to 1."""
    return await frames.still(card_file_id, at, WIDTHS[size])


@router.api_route("/api/files/{card_file_id}/clip.mp4", methods=["GET", "HEAD"], summary="A file's clip to play")
def clip(frames: FramesPart, card_file_id: RowId) -> FileResponse:
    """The camera's small copy, if there is one."""
    return frames.clip(card_file_id)


# ------------------------------------------------------------------------------------------------ bookings


@router.get("/api/bookings", summary="Bookings, by day and name")
async def listed(
    catalog: CatalogPart,
    q: SearchText = "",
    day: date | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Bookings:
    """`q` searches for a name or booking."""
    views = await read(
        catalog, lambda session: [booking_view(booking) for booking in bookings.search(session, q, day, limit)]
    )
    return Bookings(bookings=views)


@router.post("/api/bookings", summary="Import a list of bookings")
async def import_list(
    request: Request, catalog: CatalogPart, preview: bool = False, encoding: Encoding | None = None
) -> ListView:
    """The body is a CSV file. With `preview` nothing is imported: the answer tells what an import would do."""
    too_large = Message.of(MessageCode.LIST_LARGER, most=MAX_CSV_BYTES // 1_000_000)
    body = await limited_body(request, MAX_CSV_BYTES, too_large, Message.of(MessageCode.IMPORT_IN_PARTS))
    booking_list = await asyncio.to_thread(parse_list, body, encoding)

    def plan(session: Session) -> ListView:
        return list_view(booking_list, bookings.planned_changes(session, booking_list.bookings))

    def take(session: Session) -> ListView:
        view = plan(session)
        bookings.import_list(session, booking_list.bookings)
        return view

    return await (read(catalog, plan) if preview else write(catalog, take))
