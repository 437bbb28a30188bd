"""Sensors and schedules of Dagster that somebody switched off: notices, reports and restarts them.

Owns: their state, and reporting it to Dagster's own check. Not here: which sensors there are and what each is for
(`stinercut.runs.automation`), asking Dagster (`hub.kit.dagster_client`).

Nothing else notices: with `ready_jumps` off, no film is started, no run fails, and every process lives. Dagster has a
page with a switch for each sensor, and a sensor that was switched off stays off after every restart.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from hub.kit.dagster_client import Automation, Dagster
from hub.kit.views import MessageView, example, message_views
from stinercut.errors import StinercutError
from stinercut.language.messages import all_worded
from stinercut.pipeline_names import FILM_ASSET
from stinercut.runs.automation import ALL_RUN, CHECK, said_of

log = logging.getLogger("hub.runs.automation")

LOOK_EVERY_S = 20.0
KNOWN_FOR_S = 2.0
"""Seconds for which an answer of Dagster serves all pages that ask."""


class AutomationView(BaseModel):
    """The names of what is switched off, and a sentence for people; both empty if everything runs."""

    model_config = example({"stopped": [], "problem": ""})

    stopped: list[str]
    problem: str
    problem_parts: list[MessageView] = []
    """The same as codes and values."""


class StartedView(BaseModel):
    """The names of what was switched off and runs again."""

    model_config = example({"started": ["ready_jumps"]})

    started: list[str]


@dataclass
class AutomationWatch:
    """Looks at Dagster's automation now and then. `board`: the board's address, for the check's link."""

    dagster: Dagster
    board: str
    clock: Callable[[], float] = time.monotonic
    _known: tuple[Automation, ...] = ()
    _known_at: float | None = None
    _told: tuple[str, ...] | None = None
    """The names in the check's latest report by this hub."""

    async def run(self) -> None:
        """Look repeatedly until cancelled, and report changes to the check."""
        while True:
            try:
                await self.tell_check()
            except StinercutError as silent:
                log.debug("Can't tell whether all sensors run: %s", silent.sentence())
            except Exception:
                log.exception("A look at Dagster's sensors failed; trying again.")
            await asyncio.sleep(LOOK_EVERY_S)

    async def tell_check(self) -> None:
        """Report to the check on Dagster's pages what is switched off, once for each change.

        Report again if a run included the check and ended before its turn: the check would show nothing then.
        """
        stopped = _names(await self._stopped())
        says = await self.dagster.at_a_glance().last_check(FILM_ASSET, CHECK)
        if stopped == self._told and says is (not stopped):
            return
        words = all_worded(said_of(stopped) or (ALL_RUN,))
        await self.dagster.report_check(FILM_ASSET, CHECK, passed=not stopped, words=words, link=self.board)
        self._told = stopped

    async def view(self) -> AutomationView:
        """What is switched off now. Raises HostNotReady if Dagster does not answer."""
        stopped = _names(await self._stopped())
        said = said_of(stopped)
        return AutomationView(stopped=list(stopped), problem=all_worded(said), problem_parts=message_views(said))

    async def start(self) -> StartedView:
        """Start everything that is switched off. Raises HostNotReady or DagsterRefused."""
        self._known_at = None
        stopped = await self._stopped()
        for automation in stopped:
            await self.dagster.start(automation)
            log.info("%s was switched off in Dagster; it is started again.", automation.name)
        self._known_at = None
        return StartedView(started=list(_names(stopped)))

    async def _stopped(self) -> tuple[Automation, ...]:
        if self._known_at is None or self.clock() - self._known_at > KNOWN_FOR_S:
            self._known = tuple(await self.dagster.at_a_glance().automation())
            self._known_at = self.clock()
        return tuple(automation for automation in self._known if not automation.is_running)


def _names(automations: tuple[Automation, ...]) -> tuple[str, ...]:
    return tuple(sorted(automation.name for automation in automations))
