"""Every run has its tags before it waits in the queue, whoever launched it; and how assets are listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.test_utils import create_run_for_test, instance_for_test
from support.repository import REPOSITORY

from app.engine.definitions import defs
from app.engine.run_coordinator import TaggingRunCoordinator
from hub.kit.views import LINEAGE, Links
from stinercut.errors import BadInput
from stinercut.pipeline_names import FILM_ASSETS
from stinercut.settings import Settings
from stinercut_assets.common.run_tags import CARD_RUN_TAGS, FILM_RUN_TAGS, missing_tags

ROOT = REPOSITORY
ALONE = "__ASSET_JOB"
PARTITION = {"dagster/partition": "2026-06-01_B-1"}
FILM = {**FILM_RUN_TAGS, "dagster/max_runtime": "43200", "stinercut/jump": "2026-06-01_B-1"}


class TestMissingTags:
    @pytest.mark.parametrize("asset", FILM_ASSETS)
    def test_a_single_asset_of_a_film_that_a_person_launches(self, asset: str) -> None:
        assert missing_tags(ALONE, [asset], PARTITION) == FILM

    def test_a_persons_backfill_has_places_of_its_own(self) -> None:
        found = missing_tags(ALONE, ["rendered_video"], PARTITION | {"dagster/backfill": "b"})
        assert found == FILM | {"stinercut/work": "backfill"}

    def test_the_jobs_own_runs(self) -> None:
        assert missing_tags("produce_jump", [], PARTITION | FILM_RUN_TAGS).keys() == {
            "dagster/max_runtime",
            "stinercut/jump",
        }

    def test_a_card_that_a_person_has_read_again(self) -> None:
        found = missing_tags(ALONE, ["card_sessions"], {"dagster/partition": "card-1"})
        assert found == {**CARD_RUN_TAGS, "stinercut/card": "card-1"}

    def test_what_a_run_says_of_itself_is_not_overruled(self) -> None:
        said = {**PARTITION, "stinercut/work": "backfill", "dagster/priority": "7", "dagster/max_runtime": "60"}
        assert not missing_tags(ALONE, ["rendered_video"], said).keys() & said.keys()

    def test_other_runs_are_left_alone(self) -> None:
        assert missing_tags("tidy_up", [], {}) == {}
        assert missing_tags(ALONE, ["an_asset_of_somebody"], PARTITION) == {}


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    config = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    chosen = {name: config[name] for name in ("run_coordinator", "concurrency")}
    with instance_for_test(overrides=chosen, temp_dir=str(tmp_path)) as instance:
        yield instance


def test_the_queue_of_dagster_yaml_adds_them_before_the_run_waits(queue: dg.DagsterInstance) -> None:
    coordinator = queue.run_coordinator
    assert isinstance(coordinator, TaggingRunCoordinator)
    run = create_run_for_test(
        queue,
        job_name=ALONE,
        tags=PARTITION,
        asset_selection=frozenset({dg.AssetKey("rendered_video")}),
        status=dg.DagsterRunStatus.NOT_STARTED,
        remote_job_origin=_origin(),
    )
    coordinator.submit_run(SubmitRunContext(run, None))  # pyright: ignore[reportArgumentType]
    waiting = queue.get_run_by_id(run.run_id)
    assert waiting
    assert waiting.status is dg.DagsterRunStatus.QUEUED
    assert FILM.items() <= waiting.tags.items()
    # And there the limit of films counts it.
    limits = queue.get_concurrency_config().run_queue_config
    assert limits
    assert {"key": "stinercut/work", "value": "film", "limit": 4} in list(limits.tag_concurrency_limits)
    assert waiting.tags["stinercut/work"] == "film"


def _origin():
    from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4266, location_name="stinercut")
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), ALONE)


# ------------------------------------------------------------------------------------------------ lists and links


def test_the_lineage_link_reaches_from_the_film_to_its_card(tmp_path: Path) -> None:
    graph = defs.get_repository_def().asset_graph
    steps, keys = 0, {dg.AssetKey("rendered_video")}
    while parents := {parent for key in keys for parent in graph.get(key).parent_keys}:
        steps, keys = steps + 1, parents
    assert keys == {dg.AssetKey("card_sessions")}
    assert steps == LINEAGE
    link = Links("http://dagster", tmp_path).jump("2026-06-01_B-1", None).lineage
    assert link.endswith(f"?view=lineage&lineageScope=upstream&lineageDepth={steps}&partition=2026-06-01_B-1")


def test_every_asset_has_owners_tags_and_kinds_and_says_where_stale_films_are() -> None:
    graph = defs.get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners == ["team:stinercut"], key
        assert node.tags["stage"] in {"import", "identify", "render", "publish"}, key
        assert node.kinds, key
        assert node.metadata["board"].value == "http://127.0.0.1:8800", key
    for name in ("rendered_video", "film_template"):
        node = graph.get(dg.AssetKey(name))
        assert node.metadata["stale_films"].value == "http://127.0.0.1:8800/looks"
        assert "/looks" in (node.description or "")


@pytest.mark.parametrize("owners", ["dropzone", "team:", "team:a-b", "a@b", "team:x,,team:y z"])
def test_owners_that_dagster_would_refuse_are_refused_in_words(owners: str) -> None:
    with pytest.raises(BadInput, match="STINERCUT_ASSET_OWNERS"):
        _ = Settings(asset_owners=owners).owners


def test_owners_are_people_and_teams() -> None:
    assert Settings(asset_owners="team:media, eva@example.org,").owners == ["team:media", "eva@example.org"]
    assert Settings(asset_owners="").owners == []
