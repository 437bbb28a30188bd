"""The whole matrix: every process killed at ten moments of a three-jump card, and whether every film came out right.

    python bench/plugs.py [--fleet] [--only VICTIM]... [--moments N] [--keep]

Takes tens of minutes; the test run has a sample of it (tests/process/stack/test_pull_the_plug.py). One set-up serves
all cases, each with a card of its own. Ends with a table, and with 1 when a film was wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from support.plugs import EMBEDDED, FLEET, MOMENTS, Kill, Outcome, Plug, surroundings  # noqa: E402
from support.stacks import SetUp, embedded, fleet  # noqa: E402


def main() -> None:
    """Run the cases and print what came of them."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--fleet", action="store_true", help="on PostgreSQL, Redis and two Celery workers")
    options.add_argument("--only", action="append", help="only this victim; may be repeated")
    options.add_argument("--moments", type=int, default=len(MOMENTS), help="how many of the moments, spread evenly")
    options.add_argument("--keep", action="store_true", help="keep the data folder")
    given = options.parse_args()
    victims = given.only or (FLEET if given.fleet else EMBEDDED)
    step = len(MOMENTS) / given.moments
    moments = [MOMENTS[int(n * step)] for n in range(given.moments)]
    folder = Path(tempfile.mkdtemp(prefix="plugs-"))
    environment, log = surroundings(folder / "bin", folder / "data")
    running: AbstractContextManager[SetUp] = (
        fleet(folder / "data", environment=environment) if given.fleet else embedded(folder / "data", environment)
    )
    outcomes: list[Outcome] = []
    try:
        with running as setup:
            plug = Plug(setup, log)
            cases = [(), *((Kill(victim, moment),) for victim in victims for moment in moments)]
            for number, kills in enumerate(cases):
                outcome = plug.case(folder / f"CARD-{number}", kills, seed=1000 + number)
                outcomes.append(outcome)
                print(f"{time.strftime('%H:%M:%S')} {outcome.row()}", flush=True)
                shutil.rmtree(folder / f"CARD-{number}", ignore_errors=True)
    finally:
        if given.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    wrong = [one for one in outcomes if one.wrong]
    killed = sum(one.killed for one in outcomes)
    print(f"{len(outcomes)} cards, {killed} kills, {sum(one.retries for one in outcomes)} retries by a person")
    print(f"wanted: every film right; {'held' if not wrong else f'NOT held in {len(wrong)} cases'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
