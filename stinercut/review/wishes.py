"""People's wishes for a jump's film: its template, and a cut of its clips.

Owns: choosing, taking back, and recording the choices. Not here: a jump's footage (`stinercut.jumps.jumps`), whose it
is (`decisions`), which films have an outdated template (`stinercut.jumps.staleness`).

Both are part of the jump's wanted version, so after a changed wish only that jump's film is made again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import Decision, JumpCut
from stinercut.errors import BadInput
from stinercut.jumps import jumps
from stinercut.jumps.cut import Cut
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.review.decisions import named


def choose_template(session: Session, jump_key: str, template: str | None, who: str) -> None:
    """Choose the template of the jump's film; None: the installation's choice. Raises NotFound.

    The caller must check that the template exists.
    """
    jump = jumps.require_jump(session, jump_key)
    if jump.template == template:
        return
    before, jump.template = jump.template, template
    _keep(session, jump_key, who, "template", {"template": before}, {"template": template})


def choose_cut(session: Session, jump_key: str, cut: Cut, who: str) -> None:
    """Choose the cut of the jump's film. Raises NotFound, and BadInput for clips of other jumps."""
    clips = {file.card_file_id for file in jumps.footage_of(session, jump_key).clips}
    strange = {piece.card_file_id for piece in cut.pieces} - clips
    if strange:
        raise BadInput(Message.of(RefusalCode.CUT_OF_STRANGE_CLIPS, jump=jump_key, clips=str(sorted(strange))))
    row = session.get(JumpCut, jump_key) or JumpCut(jump_key=jump_key)
    before = {"pieces": row.pieces or []}
    row.pieces = [[piece.card_file_id, piece.start, piece.end] for piece in cut.pieces]
    row.decided = sorted(cut.decided)
    session.add(row)
    session.flush()
    _keep(session, jump_key, who, "cut", before, {"pieces": row.pieces})


def drop_cut(session: Session, jump_key: str, who: str) -> None:
    """Remove the cut, so that the template decides again. Raises NotFound, and BadInput without a cut."""
    jumps.require_jump(session, jump_key)
    row = session.get(JumpCut, jump_key)
    if row is None:
        raise BadInput(Message.of(RefusalCode.NO_CUT_OF_ITS_OWN, jump=jump_key))
    before = {"pieces": row.pieces}
    session.delete(row)
    session.flush()
    _keep(session, jump_key, who, "cut", before, {"pieces": []})


def _keep(  # noqa: PLR0913, PLR0917 - what a decision is
    session: Session, jump_key: str, who: str, what: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    session.add(Decision(who=named(who), what=what, jump_key=jump_key, before=before, after=after))
    jumps.refresh_jump(session, jump_key)
    events.append(session, f"jump:{what}_chosen", jump_key=jump_key, **after)
