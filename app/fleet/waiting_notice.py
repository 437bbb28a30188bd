"""Telling people that a film waits because nobody can make its next step.

Owns: the line on the board and in the run's log, taking it away again, and that it was in vain. Not here: finding
it out
(`sent_step`).
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
"""The name of the line among a jump's steps: there while something waits for a worker."""


@dataclass
class Notice:
    """What is said of one run. `subject` is its jump; without one only the run's log says it."""

    subject: str | None
    run_id: str
    catalog: Catalog
    log: Callable[[str], None]
    waiting: dict[str, Message] = field(default_factory=dict[str, Message])
    in_vain: bool = False
    """Whether a step waited for nothing: then the line says so, and stays."""

    @classmethod
    def of(cls, settings: Settings, run: DagsterRun, log: Callable[[str], None]) -> Notice:
        """For this run. `log` puts a sentence into its log."""
        notice = cls(run.tags.get("dagster/partition"), run.run_id, Catalog.open(settings.catalog_url), log)
        notice.take_away()  # What an earlier run of this jump left, which failed or was killed while it waited.
        return notice

    def waits(self, step: str, why: Message) -> None:
        """This step waits, for that reason."""
        is_said = why in self.waiting.values()
        self.waiting[step] = why
        if is_said:
            return
        self.log(worded(why))
        if not self.in_vain:
            self._report(why, StepStatus.WAITING)

    def failed(self, why: Said) -> None:
        """A step failed that no worker made. The line stays, and says so."""
        self.in_vain = True
        self._report(Message.of(MessageCode.STEP_OF_FLEET), StepStatus.FAILED, why)

    def over(self, step: str) -> None:
        """This step waits no more."""
        if self.waiting.pop(step, None) is not None and not self.waiting and not self.in_vain:
            self.take_away()

    def end(self) -> None:
        """Nothing of this run waits any more."""
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
            return  # The next reason will be told, or the run's end.

    def take_away(self) -> None:
        """Take the line away."""
        if self.subject is None:
            return
        try:
            with self.catalog.write() as session:
                row = session.get(Step, (self.subject, STEP))
                if row is not None:
                    session.delete(row)
        except SQLAlchemyError:
            return  # The jump's next run begins with a new list of steps.
