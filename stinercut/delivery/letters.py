"""Letters: e-mails with a passenger's link, in a queue that survives restarts.

Owns: the queue and its rules: what is due, when a failed letter is tried again, which films are announced by
themselves. Not here: the words (`letter_text`), the mail server (`hub.delivery.mailer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import Booking, Film, Jump, JumpState, Letter, LetterState, Share, ShareJump
from stinercut.catalog.moments import now_in
from stinercut.codes.extras import usable_email
from stinercut.errors import BadInput
from stinercut.jumps.film_records import is_shown
from stinercut.jumps.unread_cards import unread_cards
from stinercut.jumps.waiting_files import missing_of
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=6)
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""A letter is tried for three days, with growing pauses, as mail servers do (RFC 5321, 4.5.4.1, wants 4 to 5 days of
servers; a passenger's link is of use for a shorter time)."""
ANNOUNCED_FOR: Final = timedelta(days=2)
"""Films older than this are not announced by themselves: nobody wants letters about last year, when a house turns the
letters on."""


def pause_before_try(tries: int) -> timedelta:
    """The pause after so many failed tries: 1, 2, 4 ... minutes, at most six hours."""
    return min(FIRST_WAIT * 2 ** min(max(tries - 1, 0), 20), LONGEST_WAIT)


def enqueue(session: Session, share: Share, recipient: str, language: str) -> Letter:
    """Queue a letter with this link. Raises BadInput for an unusable address."""
    address = usable_email(recipient)
    if address is None:
        raise BadInput(Message.of(DeliveryCode.ADDRESS_NOT_USABLE, address=recipient))
    now = now_in(session)
    letter = Letter(
        share_id=share.share_id,
        recipient=address,
        language=language,
        state=LetterState.WAITING,
        next_try_at=now,
        made_at=now,
    )
    session.add(letter)
    session.flush()
    return letter


def due(session: Session, limit: int = 20) -> Sequence[Letter]:
    """The letters to try now, the longest waiting first."""
    query = select(Letter).where(Letter.state == LetterState.WAITING, Letter.next_try_at <= now_in(session))
    return session.execute(query.order_by(Letter.next_try_at, Letter.letter_id).limit(limit)).scalars().all()


def next_due(session: Session) -> datetime | None:
    """When the next letter is to be tried; None if none waits."""
    query = select(Letter.next_try_at).where(Letter.state == LetterState.WAITING).order_by(Letter.next_try_at).limit(1)
    return session.execute(query).scalar_one_or_none()


def note_sent(session: Session, letter_id: int) -> None:
    """The mail server took the letter."""
    letter = session.get_one(Letter, letter_id)
    letter.state, letter.sent_at, letter.problem_parts = LetterState.SENT, now_in(session), None
    letter.tries += 1
    _tell(session, letter)


def note_refused(session: Session, letter_id: int, why: Message) -> None:
    """The mail server refused the letter for good: a bounce."""
    letter = session.get_one(Letter, letter_id)
    letter.state, letter.problem_parts = LetterState.REFUSED, [why.as_json()]
    letter.tries += 1
    _tell(session, letter)


def note_failed_try(session: Session, letter_id: int, why: Message) -> None:
    """This try failed, and another one may succeed. After three days the letter is given up."""
    letter, now = session.get_one(Letter, letter_id), now_in(session)
    letter.tries += 1
    letter.problem_parts = [why.as_json()]
    letter.next_try_at = now + pause_before_try(letter.tries)
    if now - letter.made_at >= GIVEN_UP_AFTER:
        letter.state = LetterState.GIVEN_UP
    _tell(session, letter)


def letters_of(session: Session, share_ids: Sequence[int]) -> dict[int, list[Letter]]:
    """The letters with these links, in their order."""
    found: dict[int, list[Letter]] = {}
    query = select(Letter).where(Letter.share_id.in_(share_ids)).order_by(Letter.letter_id)
    for letter in session.execute(query).scalars():
        found.setdefault(letter.share_id, []).append(letter)
    return found


def unannounced(session: Session, limit: int = 50) -> list[tuple[str, str]]:
    """Finished jumps whose booking has an e-mail and for which no letter was ever written: jump key, address.

    A provisional film is not announced: a better one follows.
    """
    written = select(ShareJump.jump_key).join(Letter, Letter.share_id == ShareJump.share_id)
    query = (
        select(Jump.jump_key, Booking.email)
        .join(Booking, Booking.jump_key == Jump.jump_key)
        .join(Film, Film.jump_key == Jump.jump_key)
        .where(
            Jump.state == JumpState.DONE,
            is_shown(),
            Booking.passenger_name == Jump.passenger_name,
            Booking.email.is_not(None),
            Film.created_at > now_in(session) - ANNOUNCED_FOR,
            Jump.jump_key.not_in(written),
        )
        .order_by(Film.created_at)
        .limit(limit)
    )
    found = [(key, str(email)) for key, email in session.execute(query)]
    unread = unread_cards(session, [key for key, _ in found])
    return [(key, email) for key, email in found if not missing_of(session, key) and not unread.get(key)]


def _tell(session: Session, letter: Letter) -> None:
    query = select(ShareJump.jump_key).where(ShareJump.share_id == letter.share_id)
    for jump_key in session.execute(query).scalars():
        events.append(session, "letter:changed", jump_key=jump_key, letter_id=letter.letter_id, state=letter.state)
