"""The numbers of a day: how many jumps are in work, are ready, or need a person.

Owns: the view and its queries, a few for any number of jumps. Not here: the jumps themselves (`views`), what need a
person has (`hub.review.views`).
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.kit.views import example
from stinercut.catalog.models import Jump, JumpState
from stinercut.jumps.waiting_files import waiting_around

IN_WORK = (JumpState.READY, JumpState.PRODUCING)
FOR_A_PERSON = (JumpState.REVIEW, JumpState.FAILED)


class DayNumbers(BaseModel):
    """Numbers of jumps. `ready` and `provisional` are of that day, the others of all days.

    `provisional`: their films may lack something. `ready` does not count them.
    """

    model_config = example({"day": "2026-06-01", "in_work": 2, "ready": 31, "provisional": 1, "needs_a_person": 3})

    day: date
    in_work: int
    ready: int
    provisional: int
    needs_a_person: int


def day_numbers(session: Session, day: date) -> DayNumbers:
    """The numbers of a day, as far as the catalog knows."""
    counted = select(Jump.state, func.count()).where(Jump.state.in_((*IN_WORK, *FOR_A_PERSON))).group_by(Jump.state)
    by_state = dict(session.execute(counted).all())
    made = select(Jump.jump_key, Jump.booking_id).where(Jump.state == JumpState.DONE, Jump.jump_date == day)
    bookings = dict(session.execute(made).all())
    missing = waiting_around(session, bookings.keys()).missing
    ready = sum(booking is not None and not missing.get(key) for key, booking in bookings.items())
    return DayNumbers(
        day=day,
        in_work=sum(by_state.get(state, 0) for state in IN_WORK),
        ready=ready,
        provisional=len(bookings) - ready,
        needs_a_person=sum(by_state.get(state, 0) for state in FOR_A_PERSON),
    )
