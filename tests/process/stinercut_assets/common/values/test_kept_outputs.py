"""What assets hand on to each other is there whole or not at all, where Dagster's own IO manager has it too."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from upath import UPath

from stinercut.storage import store
from stinercut_assets.common.values.kept_outputs import KeptOutputs, kept_outputs
from stinercut_assets.common.values.step_values import StepValues

KEPT = kept_outputs(())


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["jump-1"]))
def clips() -> list[str]:
    return ["GX010001.MP4"] * 1000


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["jump-1"]))
def film(clips: list[str]) -> int:
    return len(clips)


def make(instance: dg.DagsterInstance, **resources: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [clips, film], instance=instance, partition_key="jump-1", resources=resources, raise_on_error=False
    )


def files(instance: dg.DagsterInstance) -> dict[str, bytes]:
    """What the assets left, by asset and partition."""
    folders = [Path(instance.storage_directory()) / name for name in ("clips", "film")]
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for folder in folders for path in folder.glob("*")}


def test_the_same_files_as_dagsters_own_have_it_with_json_in_them(tmp_path: Path) -> None:
    found: list[dict[str, bytes]] = []
    for name, resources in {"own": {}, "kept": {"io_manager": KEPT}}.items():
        folder = tmp_path / name
        folder.mkdir()
        with dg.DagsterInstance.local_temp(str(folder)) as instance:
            assert make(instance, **resources).success
            found.append(files(instance))
    assert found[0].keys() == found[1].keys() == {"clips/jump-1", "film/jump-1"}
    assert json.loads(found[1]["film/jump-1"]) == {"kind": "plain", "version": 1, "value": 1000}


def test_what_dagsters_own_left_there_is_read(tmp_path: Path) -> None:
    """A run that began before the update, and is re-executed after it."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert make(instance).success
        before = files(instance)["clips/jump-1"]
        again = dg.materialize(
            [clips, film],
            instance=instance,
            partition_key="jump-1",
            resources={"io_manager": KEPT},
            selection=[film],
        )
        assert again.success
        assert files(instance)["clips/jump-1"] == before
        assert json.loads(files(instance)["film/jump-1"])["value"] == 1000


def test_a_value_that_cannot_be_read_fails_the_step_with_what_to_do(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert make(instance, io_manager=KEPT).success
        path = Path(instance.storage_directory()) / "clips" / "jump-1"
        path.write_text('{"kind": "clips", "version": 7, "value": []}')
        failed = dg.materialize(
            [clips, film],
            instance=instance,
            partition_key="jump-1",
            resources={"io_manager": KEPT},
            selection=[film],
            raise_on_error=False,
        )
        assert not failed.success
        [event] = failed.filter_events(lambda event: event.is_step_failure)
        said = event.step_failure_data.user_failure_data
        assert said is not None
        assert "clips, version 7" in (said.description or "")
        assert "Run the step that made it again" in (said.description or "")
        assert said.metadata["code"].value == "UNREADABLE_VALUE"


def test_a_partition_never_leaves_the_folder(tmp_path: Path) -> None:
    kept = KeptOutputs(str(tmp_path), StepValues(()))
    for partition in ("../../other", "/other", "a/../../../other"):
        path = Path(str(kept.make_safe_partition_path(UPath(tmp_path) / "clips", partition)))
        assert path.resolve().is_relative_to(tmp_path / "clips"), partition


def test_a_value_that_was_not_written_whole_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the power goes before the system has written it out: the asset is not noted as made either."""

    def cut(_: int) -> None:
        raise OSError(5, "Input/output error")

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        with monkeypatch.context() as patched:
            patched.setattr(store.os, "fsync", cut)
            assert not make(instance, io_manager=KEPT).success
        assert files(instance) == {}
        assert instance.get_materialized_partitions(dg.AssetKey("clips")) == set()
