"""Tells people that a film waits because no worker can make its next step.

Owns: the line on the board and in the run's log, removing it again, and marking it when the wait was in vain. Not here:
noticing that a step waits (`sent_step`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dagster import DagsterRun
from sqlalchemy.exc import SQLAlchemyError

from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import Step, StepStatus
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said, parts_of, worded
from stinercut.settings import Settings

STEP = "worker"
"""The name of the line among a jump's steps; the line is there while a step waits for a worker."""


@dataclass
class Notice:
    """The notice about one run. `subject` is its jump; without a jump, only the run's log has the notice."""

    subject: str | None
    run_id: str
    catalog: Catalog
    log: Callable[[str], None]
    waiting: dict[str, Message] = field(default_factory=dict[str, Message])
    in_vain: bool = False
    """Whether a step waited in vain; the line then says so, and stays."""

    @classmethod
    def of(cls, settings: Settings, run: DagsterRun, log: Callable[[str], None]) -> Notice:
        """The notice of this run. `log` puts a sentence into the run's log."""
        notice = cls(run.tags.get("dagster/partition"), run.run_id, Catalog.open(settings.catalog_url), log)
        notice.take_away()  # An earlier run of this jump may have left its line, if it failed or was killed.
        return notice

    def waits(self, step: str, why: Message) -> None:
        """Note that this step waits, and why."""
        is_known = why in self.waiting.values()
        self.waiting[step] = why
        if is_known:
            return
        self.log(worded(why))
        if not self.in_vain:
            self._report(why, StepStatus.WAITING)

    def failed(self, why: Said) -> None:
        """Report that a step failed because no worker made it. The line stays, and says so."""
        self.in_vain = True
        self._report(Message.of(MessageCode.STEP_OF_FLEET), StepStatus.FAILED, why)

    def over(self, step: str) -> None:
        """Note that this step waits no more."""
        if self.waiting.pop(step, None) is not None and not self.waiting and not self.in_vain:
            self.take_away()

    def end(self) -> None:
        """End the notice: nothing of this run waits any more."""
        if self.waiting and not self.in_vain:
            self.take_away()
        self.catalog.close()

    def _report(self, label: Message, status: StepStatus, message: Said = "") -> None:
        if self.subject is None:
            return
        report = StepReport(
            self.subject, STEP, label, status, messages=parts_of(message), run_id=self.run_id, position=-1
        )
        try:
            with self.catalog.write() as session:
                events.report_step(session, report)
        except SQLAlchemyError:
            return  # The next reason, or the run's end, will be reported.

    def take_away(self) -> None:
        """Remove the line."""
        if self.subject is None:
            return
        try:
            with self.catalog.write() as session:
                row = session.get(Step, (self.subject, STEP))
                if row is not None:
                    session.delete(row)
        except SQLAlchemyError:
            return  # The jump's next run begins with a new list of steps.
