"""Sensors and schedules of Dagster that somebody switched off: seen, said, and started again.

Owns: how they stand, telling Dagster's own check. Not here: which ones there are and
what each is for (`stinercut.runs.automation`), asking Dagster (`hub.kit.dagster_client`).

Nothing else notices: with `ready_jumps` off, no film is begun, no run fails, and every process lives. A page of
Dagster's has a switch for each, and a switch that was turned off stays off over every start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from hub.kit.dagster_client import Automation, Dagster
from hub.kit.views import example
from stinercut.errors import StinercutError
from stinercut.pipeline_names import FILM_ASSET
from stinercut.runs.automation import CHECK, in_words

log = logging.getLogger("hub.runs.automation")

LOOK_EVERY_S = 20.0
KNOWN_FOR_S = 2.0
"""So long an answer of Dagster's serves all pages that ask."""


class AutomationView(BaseModel):
    """What is switched off: names, and a sentence for people; empty where all runs."""

    model_config = example({"stopped": [], "problem": ""})

    stopped: list[str]
    problem: str


class StartedView(BaseModel):
    """What was switched off and runs again."""

    model_config = example({"started": ["ready_jumps"]})

    started: list[str]


@dataclass
class AutomationWatch:
    """Looks at Dagster's automation now and then. `board`: its address, for the check's link."""

    dagster: Dagster
    board: str
    clock: Callable[[], float] = time.monotonic
    _known: tuple[Automation, ...] = ()
    _known_at: float | None = None
    _told: tuple[str, ...] | None = None
    """What the check says, as far as this hub knows."""

    async def run(self) -> None:
        """Look again and again until cancelled, and have the check say what is new."""
        while True:
            try:
                await self.tell_check()
            except StinercutError as silent:
                log.debug("Whether all sensors run is not known: %s", silent.sentence())
            except Exception:
                log.exception("A look at Dagster's sensors failed; trying again.")
            await asyncio.sleep(LOOK_EVERY_S)

    async def tell_check(self) -> None:
        """Have the check on Dagster's pages say what is switched off, once for each change.

        And again where a run took the check along and ended before its turn: then it would say nothing.
        """
        stopped = _names(await self._stopped())
        says = await self.dagster.at_a_glance().last_check(FILM_ASSET, CHECK)
        if stopped == self._told and says is (not stopped):
            return
        words = in_words(stopped) or "All sensors and schedules run."
        await self.dagster.report_check(FILM_ASSET, CHECK, passed=not stopped, words=words, link=self.board)
        self._told = stopped

    async def view(self) -> AutomationView:
        """How things stand. Raises HostNotReady when Dagster does not say."""
        stopped = _names(await self._stopped())
        return AutomationView(stopped=list(stopped), problem=in_words(stopped))

    async def start(self) -> StartedView:
        """Start all that is switched off. Raises HostNotReady or DagsterRefused."""
        self._known_at = None
        stopped = await self._stopped()
        for one in stopped:
            await self.dagster.start(one)
            log.info("%s was switched off in Dagster; it is started again.", one.name)
        self._known_at = None
        return StartedView(started=list(_names(stopped)))

    async def _stopped(self) -> tuple[Automation, ...]:
        if self._known_at is None or self.clock() - self._known_at > KNOWN_FOR_S:
            self._known = tuple(await self.dagster.at_a_glance().automation())
            self._known_at = self.clock()
        return tuple(one for one in self._known if not one.is_running)


def _names(automation: tuple[Automation, ...]) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in automation))
