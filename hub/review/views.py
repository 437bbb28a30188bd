"""The views of groups that wait for a person: files, failures, decisions.

Owns: the views and how they are made. Not here: the routes (`routes`), which groups wait
(`stinercut.review.file_groups`), bookings (`bookings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub.jumps.stretch_views import PlaceView, waiting_views
from hub.jumps.views import FailureView, RemedyView, failure_views, remedy_views
from hub.kit.views import MessageView, example, message_views
from hub.review.examples import GROUP
from stinercut.catalog.models import Decision, Role
from stinercut.catalog.row_messages import reason_words, reasons_of
from stinercut.codes.reading import Reason
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded
from stinercut.review import file_groups
from stinercut.review.file_groups import Group, ReviewFile


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
    """Whether there are stills and a clip to play."""
    code: str
    code_parts: list[MessageView]
    """The same as codes and values."""
    says: dict[str, str] | None
    """The passenger, booking and date of its code."""
    same_as: str
    """The file of this jump that has the same content, or empty."""


class DecisionView(BaseModel):
    """A person's decision."""

    at: datetime
    who: str
    what: str
    jump: str
    file: str | None
    before: dict[str, Any]
    after: dict[str, Any]


class GroupView(BaseModel):
    """A jump as a person reviews it. A failed jump also has its failures and remedies."""

    model_config = example(GROUP)

    jump: str
    jump_date: date
    passenger: str | None
    booking_id: str | None
    state: str
    reason: str
    reason_parts: list[MessageView]
    place: PlaceView | None
    """For a waiting group: the card that it comes from, and the jumps whose files are next to it there."""
    failures: list[FailureView]
    remedies: list[RemedyView]
    files: list[ReviewFileView]
    decisions: list[DecisionView]


def group_views(session: Session, jump_keys: Sequence[str]) -> list[GroupView]:
    """The views of these jumps, in this order, without unknown ones."""
    places = waiting_views(session, jump_keys).places
    return [group_view(group, places.get(group.jump.jump_key)) for group in file_groups.groups(session, jump_keys)]


def one_group(session: Session, jump: str) -> GroupView:
    """The view of a jump in any state. Raises NotFound."""
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
            jump, [file.card_file_id for file in group.files if file.role is Role.CLIP and not file.same_as]
        ),
        files=[_file_view(file) for file in group.files],
        decisions=[_decision_view(decision, names) for decision in group.decisions],
    )


def _file_view(file: ReviewFile) -> ReviewFileView:
    said = file.reading.payload if file.reading is not None else None
    code = _said_of_code(file)
    return ReviewFileView(
        file_id=file.card_file_id,
        name=file.name,
        kind="photo" if file.is_photo else "video",
        role=file.role,
        recorded=file.recorded,
        size=file.size,
        copied=file.is_here,
        pictures=file.source is not None,
        code=all_worded(code),
        code_parts=message_views(code),
        says={"passenger_name": said.passenger_name, "booking_id": said.booking_id, "jump_date": str(said.jump_date)}
        if said is not None
        else None,
        same_as=file.same_as,
    )


def _said_of_code(file: ReviewFile) -> tuple[Message, ...]:
    reading = file.reading
    if reading is None:
        return ()
    if reading.payload is not None:
        name, booking = reading.payload.passenger_name, reading.payload.booking_id
        return (Message.of(MessageCode.CODE_SAYS_BOOKING, passenger=name, booking=booking),)
    if not reading.hides_identity:
        return ()
    why = reading.said or str(reading.reason)
    if reading.reason is Reason.UNREADABLE:
        return (Message.of(MessageCode.FILE_NOT_SEARCHED, why=why),)
    return (Message.of(MessageCode.FILE_CODE_NOT_TAKEN, why=why),)


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
