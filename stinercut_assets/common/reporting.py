"""How steps report: progress to the catalog's outbox, for people who watch, and errors as Dagster failures.

Owns: `Reporter` (one subject, one run) and the translation of our errors. Not here: the pages that
show the reports (`hub`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import dagster as dg
from sqlalchemy.orm import Session

from stinercut.catalog import Catalog, events
from stinercut.catalog.events import StepReport
from stinercut.catalog.models import StepStatus
from stinercut.errors import StinercutError
from stinercut.failures import FailureRecord, record_of, record_of_foreign, record_of_parts
from stinercut.jumps import jumps
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said, from_json
from stinercut.runs.failure_rows import named_files
from stinercut_assets.common.retries import is_worth_a_retry

_PROGRESS_EVERY = 0.5
"""Seconds between two progress reports of a step: fast enough for the eye, and at most two commits a second."""

_NOT_DONE = 0.999
"""The highest progress that a running step reports; only its end reports 1.0."""


@dataclass(frozen=True)
class Planned:
    """A step that people will see. `step` is its stable name within its jump or card."""

    step: str
    label: Said
    """What people call it."""
    position: int = 0
    card_file_id: int | None = None
    """The file that the step is about, if it is about a single one."""


@dataclass
class Doing:
    """A running step. Call `progress` with 0..1 as often as you like."""

    _reporter: Reporter
    _report: StepReport
    _last: float = field(default=0.0)
    notes: tuple[Message, ...] = ()
    """The messages that people read next to the step once it is done."""
    at_fault: Sequence[int] = ()
    """Card file ids of the files that make the step fail."""
    at_end: Callable[[Session], None] | None = None
    """Records what becomes true with the step's end, in the same transaction that reports the end, right after it."""

    def progress(self, fraction: float) -> None:
        """Report how far the step is. Most calls cost nothing."""
        if time.monotonic() - self._last < _PROGRESS_EVERY:
            return
        self._last = time.monotonic()
        self._reporter.say(replace(self._report, progress=min(max(fraction, 0.0), _NOT_DONE)))


@dataclass(frozen=True)
class Reporter:
    """Reports the steps of one jump or card."""

    catalog: Catalog
    subject: str
    run_id: str
    is_card: bool = False

    def plan(self, steps: Collection[Planned], *, keep: Collection[StepStatus] = (StepStatus.DONE,)) -> None:
        """Show all steps, so that people see how much is left. All wait, except those whose status is in `keep`."""
        with self.catalog.write() as session:
            if self._is_overtaken(session):
                return
            events.keep_only_steps(session, self.subject, {planned.step for planned in steps})
            kept = {row.step for row in events.steps_of(session, self.subject) if row.status in keep}
            for planned in steps:
                if planned.step not in kept:
                    events.report_step(session, self._report(planned, StepStatus.WAITING))

    def done_before(self, notes: Collection[tuple[Planned, Message]]) -> None:
        """Show planned steps as done by somebody else already, each with a note."""
        with self.catalog.write() as session:
            if not self._is_overtaken(session):
                for planned, note in notes:
                    report = self._report(planned, StepStatus.DONE)
                    events.report_step(session, replace(report, progress=1.0, messages=(note,)))

    def say(self, report: StepReport) -> None:
        """Record a report in a transaction of its own."""
        with self.catalog.write() as session:
            if not self._is_overtaken(session):
                events.report_step(session, report)

    def _is_overtaken(self, session: Session) -> bool:
        """Whether another run works on this jump, or has ended it: nobody needs reports of this run then."""
        return not self.is_card and jumps.is_in_hand_of_another(session, self.subject, self.run_id)

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
            self._fail(report, refused, planned, doing)
            raise as_failure(refused) from refused
        except Exception as unexpected:
            self._fail(report, unexpected, planned, doing)
            raise
        seconds = time.monotonic() - begun
        done = replace(report, status=StepStatus.DONE, progress=1.0, seconds=seconds, messages=doing.notes)
        with self.catalog.write() as session:
            if not self._is_overtaken(session):
                events.report_step(session, done)
                self._tell_completed(session, planned, seconds)
            if doing.at_end is not None:
                doing.at_end(session)

    def _fail(self, report: StepReport, error: Exception, planned: Planned, doing: Doing) -> None:
        about = doing.at_fault or ([planned.card_file_id] if planned.card_file_id is not None else [])
        with self.catalog.read() as session:
            named = named_files(session, self.subject)
        failure = record_of(error, named, about, planned.label)
        self.say(replace(report, status=StepStatus.FAILED, messages=failure.messages(), failure=failure))

    def _tell_completed(self, session: Session, planned: Planned, seconds: float) -> None:
        events.append(
            session,
            "pipeline:step_completed",
            card_id=self.subject if self.is_card else None,
            jump_key=None if self.is_card else self.subject,
            step=planned.step,
            said={"label": planned.label},
            seconds=round(seconds, 3),
            progress=events.progress_of(session, self.subject),
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
    """Our error as Dagster shows it: its sentence, and as metadata its parts and ffmpeg's command and messages.

    The metadata `said` has what happened and what to do as codes and values, for `failures_in_log`.
    """
    metadata: dict[str, str | dg.MetadataValue] = {
        "said": dg.MetadataValue.json(
            {
                "what": [message.as_json() for message in refused.what_parts],
                "advice": [message.as_json() for message in refused.advice_parts],
            }
        ),
        "code": refused.code,
        "what": refused.what,
        "file": refused.file or "-",
        "advice": refused.advice or "-",
    }
    notes = "\n\n".join(getattr(refused, "__notes__", ()))
    if notes:
        metadata["log"] = dg.MetadataValue.md(f"```\n{notes}\n```")
    return dg.Failure(description=refused.sentence(), metadata=metadata, allow_retries=is_worth_a_retry(refused))


def failures_in_log(instance: dg.DagsterInstance, run_id: str) -> tuple[FailureRecord, ...]:
    """The failures of a run's steps from Dagster's log, for steps that reported nothing themselves."""
    entries = instance.all_logs(run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    records = [record for entry in entries if (record := _record_of_event(entry.dagster_event)) is not None]
    return tuple(dict.fromkeys(records))


def _record_of_event(event: dg.DagsterEvent | None) -> FailureRecord | None:
    if event is None or not event.is_step_failure:
        return None
    data = event.step_failure_data
    if data.user_failure_data is not None:
        return record_of_failure(data.user_failure_data.description or "", data.user_failure_data.metadata)
    if data.error is None:
        return None
    error = data.error.cause or data.error
    return record_of_foreign(error.cls_name or "Error", error.message.removeprefix(f"{error.cls_name}: ").strip())


def record_of_failure(description: str, metadata: Mapping[str, dg.MetadataValue]) -> FailureRecord:
    """The record of a failure that `as_failure` wrote, or of any other, which has only a description."""
    parts = {name: str(metadata[name].value) for name in ("code", "what", "file", "advice") if name in metadata}
    if "code" not in parts or "what" not in parts:
        return FailureRecord.of("ERROR", description or Message.of(MessageCode.STEP_FAILED))
    file, advice = (parts.get(name, "-") for name in ("file", "advice"))
    messages = _messages_of(metadata) or {"what": parts["what"], "advice": "" if advice == "-" else advice}
    return record_of_parts(parts["code"], messages["what"], None if file == "-" else file, messages["advice"])


def _messages_of(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Said]:
    """What happened and what to do, as messages; empty for a failure of a release that had no messages yet."""
    held = metadata.get("said")
    if not isinstance(held, dg.JsonMetadataValue) or not isinstance(held.data, dict):
        return {}
    said = cast("dict[str, list[object]]", held.data)
    return {name: tuple(map(from_json, said.get(name, ()))) for name in ("what", "advice")}


@contextmanager
def failures() -> Generator[None]:
    """Turn our errors into Dagster failures in code that reports no step."""
    try:
        yield
    except StinercutError as refused:
        raise as_failure(refused) from refused
