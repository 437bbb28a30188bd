"""Telling people that a film waits because nobody can make its next step.

Lives here: the line on the board and in the run's log, and taking it away again. Doesn't: finding it out
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
    waiting: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, settings: Settings, run: DagsterRun, log: Callable[[str], None]) -> Notice:
        """For this run. `log` puts a sentence into its log."""
        return cls(run.tags.get("dagster/partition"), run.run_id, Catalog.open(settings.catalog_url), log)

    def waits(self, step: str, why: str) -> None:
        """This step waits, for that reason."""
        said = set(self.waiting.values())
        self.waiting[step] = why
        if why in said:
            return
        self.log(why)
        if self.subject is None:
            return
        report = StepReport(self.subject, STEP, why, StepStatus.WAITING, run_id=self.run_id, position=-1)
        try:
            with self.catalog.write() as session:
                events.report_step(session, report)
        except SQLAlchemyError:
            return  # The next reason will be told, or the run's end.

    def over(self, step: str) -> None:
        """This step waits no more."""
        if self.waiting.pop(step, None) is not None and not self.waiting:
            self._take_away()

    def end(self) -> None:
        """Nothing of this run waits any more."""
        if self.waiting:
            self.waiting.clear()
            self._take_away()
        self.catalog.close()

    def _take_away(self) -> None:
        if self.subject is None:
            return
        try:
            with self.catalog.write() as session:
                row = session.get(Step, (self.subject, STEP))
                if row is not None:
                    session.delete(row)
        except SQLAlchemyError:
            return  # The jump's next run begins with a new list of steps.
