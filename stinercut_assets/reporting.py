"""What steps tell the people who watch: progress into the catalog's outbox, errors as Dagster failures.

Lives here: `Reporter` (one subject, one run) and the translation of our errors. Doesn't: the pages that
show it (`hub`).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import dagster as dg

from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import StepStatus
from stinercut.errors import StinercutError
from stinercut_assets.retries import is_worth_a_retry

_PROGRESS_EVERY = 0.5
"""Seconds between two progress reports of a step: what an eye can follow, and two commits a second at most."""


@dataclass(frozen=True)
class Planned:
    """A step that people will see: `step` is stable within its jump or card."""

    step: str
    label: str
    position: int = 0


@dataclass
class Doing:
    """A step that is being done. Call `progress` as often as you like with 0..1."""

    _reporter: Reporter
    _report: StepReport
    _last: float = field(default=0.0)
    note: str = ""

    def progress(self, fraction: float) -> None:
        """Say how far the step is; most calls cost nothing."""
        if time.monotonic() - self._last < _PROGRESS_EVERY:
            return
        self._last = time.monotonic()
        self._reporter.say(replace(self._report, progress=min(max(fraction, 0.0), 1.0)))


@dataclass(frozen=True)
class Reporter:
    """Reports the steps of one jump or card."""

    catalog: Catalog
    subject: str
    run_id: str
    is_card: bool = False

    def plan(self, steps: Iterable[Planned]) -> None:
        """Show steps that will come, so that people see how much is left."""
        with self.catalog.write() as session:
            done = {row.step for row in events.steps_of(session, self.subject) if row.status == StepStatus.DONE}
            for planned in steps:
                if planned.step not in done:
                    events.report_step(session, self._report(planned, StepStatus.WAITING))

    def say(self, report: StepReport) -> None:
        """Record a report in a transaction of its own."""
        with self.catalog.write() as session:
            events.report_step(session, report)

    @contextmanager
    def doing(self, planned: Planned) -> Generator[Doing]:
        """Report a step from its beginning to its end, and turn our errors into Dagster failures."""
        begun = time.monotonic()
        report = self._report(planned, StepStatus.RUNNING)
        self.say(report)
        doing = Doing(self, report)
        try:
            yield doing
        except StinercutError as refused:
            self.say(replace(report, status=StepStatus.FAILED, message=refused.sentence()))
            raise as_failure(refused) from refused
        except Exception as unexpected:
            self.say(replace(report, status=StepStatus.FAILED, message=f"{type(unexpected).__name__}: {unexpected}"))
            raise
        seconds = time.monotonic() - begun
        done = replace(report, status=StepStatus.DONE, progress=1.0, seconds=seconds, message=doing.note)
        with self.catalog.write() as session:
            events.report_step(session, done)
            self._tell_completed(session, planned, seconds)

    def _tell_completed(self, session: events.Session, planned: Planned, seconds: float) -> None:
        steps = events.steps_of(session, self.subject)
        overall = sum(step.progress for step in steps) / len(steps) if steps else 1.0
        events.append(
            session,
            "pipeline:step_completed",
            card_id=self.subject if self.is_card else None,
            jump_key=None if self.is_card else self.subject,
            step=planned.step,
            label=planned.label,
            seconds=round(seconds, 3),
            progress=round(overall, 4),
        )

    def _report(self, planned: Planned, status: StepStatus) -> StepReport:
        return StepReport(
            subject=self.subject,
            step=planned.step,
            label=planned.label,
            status=status,
            run_id=self.run_id,
            position=planned.position,
        )


def as_failure(refused: StinercutError) -> dg.Failure:
    """Our error as Dagster shows it: the sentence, and its parts as metadata, with ffmpeg's command and messages."""
    metadata: dict[str, str | dg.MetadataValue] = {
        "code": refused.code,
        "what": refused.what,
        "file": refused.file or "-",
        "advice": refused.advice or "-",
    }
    said = "\n\n".join(getattr(refused, "__notes__", ()))
    if said:
        metadata["log"] = dg.MetadataValue.md(f"```\n{said}\n```")
    return dg.Failure(description=refused.sentence(), metadata=metadata, allow_retries=is_worth_a_retry(refused))


@contextmanager
def failures() -> Generator[None]:
    """Turn our errors into Dagster failures where no step is reported."""
    try:
        yield
    except StinercutError as refused:
        raise as_failure(refused) from refused
