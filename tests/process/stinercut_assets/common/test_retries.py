"""Which failures are tried again, how often, and how long a run may take: settings, policies, and a real run."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from support.fake_ffmpeg import install, order
from support.footage import PLAIN, make_clip
from support.seeding import jump_with

import stinercut_assets
from app.engine.definitions import defs
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import JumpState
from stinercut.errors import BadInput, FfmpegFailed, HostNotReady, StinercutError, UnreadableVideo, WrongFilm
from stinercut.jumps import jumps
from stinercut.pipeline_names import STEPS
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut_assets.common.jobs import seconds_for
from stinercut_assets.common.reporting import as_failure


def test_single_steps_may_be_tried_more_often_or_never() -> None:
    settings = Settings.model_validate({"retries": 2, "step_retries": "render_clip=5, read_code=0"})
    assert [settings.retries_of(step) for step in ("render_clip", "read_code", "split_card")] == [5, 0, 2]
    assert Settings().retries_of("render_clip") == 3


@pytest.mark.parametrize("said", ["render_clip", "render_clip=many", "=3", "render_clip=-1", "render_clips=5"])
def test_a_number_of_tries_that_cannot_be_read_is_said(said: str) -> None:
    for whole in (said, f"split_card=1, {said}"):
        with pytest.raises(BadInput, match=f"STINERCUT_STEP_RETRIES has '{said}'"):
            Settings.model_validate({"step_retries": whole}).retries_of("split_card")


def test_the_steps_that_have_a_number_of_their_own_are_those_that_there_are() -> None:
    asked: set[str] = set()
    for file in (Path(stinercut_assets.__file__).parent).rglob("*.py"):
        asked |= set(re.findall(r'retry_policy\("(\w+)"\)', file.read_text()))
    assert asked == set(STEPS)
    named = {node.name for job in defs.resolve_all_job_defs() for node in job.all_node_defs}
    assert set(STEPS) <= named, "and Dagster shows them under these names"


@pytest.mark.parametrize("job", ["identify_card", "produce_jump", "render_arrived_clips"])
def test_every_step_is_tried_again(job: str) -> None:
    steps = [one for one in defs.resolve_job_def(job).all_node_defs if isinstance(one, dg.OpDefinition)]
    tries = {
        # A check that only looks at the catalog has its next turn soon enough.
        step.name: step.retry_policy.max_retries if step.retry_policy else 0
        for step in steps
        if not step.name.endswith("films_in_time")
    }
    assert tries
    assert tries == dict.fromkeys(tries, 3)


@pytest.mark.parametrize(
    ("error", "helps"),
    [(FfmpegFailed, True), (HostNotReady, True), (BadInput, False), (UnreadableVideo, False), (WrongFilm, False)],
)
def test_only_what_a_repeat_can_mend_is_tried_again(error: type[StinercutError], helps: bool) -> None:
    assert as_failure(error("what happened")).allow_retries is helps


def test_the_limit_of_a_run_follows_its_footage() -> None:
    assert (seconds_for(0), seconds_for(60)) == (1800, 1800 + 3600)


@pytest.fixture
def shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    install(folder)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STINERCUT_TEMPLATE", "plain")
    shutil.copytree(PLAIN, tmp_path / "data" / "templates" / "plain")
    migrate(Settings().catalog_url)
    opened = Catalog.open(Settings().catalog_url)
    yield opened
    opened.close()


@pytest.mark.slow
def test_an_ffmpeg_that_is_killed_costs_one_more_try_and_the_run_says_what_it_is(
    catalog: Catalog, shim: Path, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1.0)
    jump = jump_with(catalog, Store(Settings().store_dir), 1, [clip], "Zoë")
    order(shim, "killed 1")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("jumps", [jump])
        job = defs.resolve_job_def("produce_jump")
        result = job.execute_in_process(instance=instance, partition_key=jump)
        tags = result.dagster_run.tags | dict(instance.get_run_by_id(result.run_id).tags)  # pyright: ignore
    assert result.success
    tried_again = [event.step_key for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert list(Counter(tried_again).values()) == [1]
    with catalog.read() as session:
        assert jumps.require_jump(session, jump).state == JumpState.DONE
    assert tags["dagster/max_runtime"] == str(seconds_for(1.0))
    wanted = {"jump": jump, "card": "card-1", "camera": "GOPRO", "booking": "B-1", "template": "plain"}
    assert {name: tags[f"stinercut/{name}"] for name in wanted} == wanted
    assert "Zoë" not in str(tags)
