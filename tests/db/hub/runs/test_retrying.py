"""What "Try again" asks Dagster for: a run from nothing, as the sensors would, or one that resumes another."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest
from support.cataloguing import ask, copy, empty_catalog, entry, put_in, record
from support.dagsters import FakeDagster, tags_of

from hub.cards.copy_progress import ProgressSnapshot
from hub.kit.views import Links
from hub.runs.pipeline import Pipeline
from stinercut.catalog import Catalog
from stinercut.catalog.models import Insertion
from stinercut.codes.payload import make_payload
from stinercut.jumps import jumps
from stinercut.pipeline_names import OLDER_PRIORITY, PRIORITY_TAG, TODAY_PRIORITY, WORK_TAG

LINKS = Links("http://127.0.0.1:3000", Path("films"))
FAILURE = {
    "runId": "run-1",
    "jobName": "produce_jump",
    "status": "FAILURE",
    "startTime": 1.0,
    "endTime": 2.0,
    "tags": [],
}


@pytest.fixture
def known(tmp_path: Path) -> Catalog:
    url = empty_catalog(tmp_path)
    return Catalog.open(url)


def failed_jump(catalog: Catalog, day: date) -> str:
    """A jump of that day whose film was begun by run-1, and failed."""
    files = [entry("GX010001.MP4")]
    put_in(catalog, "in-1", files)
    ask(catalog, "in-1")
    copy(catalog, "in-1", files)
    [key] = record(catalog, "in-1", make_payload("Anna", "B-1", day), [], files)
    with catalog.write() as session:
        jumps.take_up(session, key, "run-1")
        jumps.record_failure(session, key, "run-1", "a clip is damaged")
    return key


def retried(catalog: Catalog, subject: str, dagster: FakeDagster) -> str | None:
    """Try again. Returns the run that the retry resumes."""
    return asyncio.run(Pipeline(catalog, dagster.client(), LINKS).retry(subject, ProgressSnapshot())).resumes


@pytest.mark.parametrize(("days_ago", "priority"), [(0, TODAY_PRIORITY), (10, OLDER_PRIORITY)])
def test_a_film_that_begins_anew_comes_first_if_it_is_of_today(known: Catalog, days_ago: int, priority: int) -> None:
    key, dagster = failed_jump(known, date.today() - timedelta(days=days_ago)), FakeDagster()
    assert retried(known, key, dagster) is None
    [launched] = dagster.launched
    assert launched["selector"]["jobName"] == "produce_jump"
    assert tags_of(launched) == {
        "dagster/partition": key,
        "stinercut/jump": key,
        PRIORITY_TAG: str(priority),
        WORK_TAG: "film",
    }


@pytest.mark.parametrize(("days_ago", "priority"), [(0, TODAY_PRIORITY), (10, OLDER_PRIORITY)])
def test_a_film_that_goes_on_comes_before_backfills_whatever_it_was_begun_by(
    known: Catalog, days_ago: int, priority: int
) -> None:
    """Dagster copies the tags of the run that failed, and a backfill's is the last of all."""
    key, dagster = failed_jump(known, date.today() - timedelta(days=days_ago)), FakeDagster(runs=[FAILURE])
    assert retried(known, key, dagster) == "run-1"
    [launched] = dagster.launched
    assert (launched["parentRunId"], launched["strategy"]) == ("run-1", "FROM_ASSET_FAILURE")
    assert tags_of(launched) == {"stinercut/jump": key, PRIORITY_TAG: str(priority), WORK_TAG: "film"}


def test_identification_has_the_priority_of_its_job(known: Catalog) -> None:
    put_in(known, "in-1", [entry("GX010001.MP4")])
    with known.write() as session:
        session.get_one(Insertion, "in-1").identify_error = "The worker was killed."
    dagster = FakeDagster()
    retried(known, "card-1", dagster)
    [launched] = dagster.launched
    assert launched["selector"]["jobName"] == "identify_card"
    assert tags_of(launched) == {"dagster/partition": "card-1", "stinercut/card": "card-1"}
