"""What assets hand on to each other is there whole or not at all, where Dagster's own IO manager has it too."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from stinercut.storage import store
from stinercut_assets.common.kept_outputs import kept_outputs


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


def test_the_same_files_in_the_same_places_as_dagsters_own(tmp_path: Path) -> None:
    found: list[dict[str, bytes]] = []
    for name, resources in {"own": {}, "kept": {"io_manager": kept_outputs}}.items():
        folder = tmp_path / name
        folder.mkdir()
        with dg.DagsterInstance.local_temp(str(folder)) as instance:
            assert make(instance, **resources).success
            found.append(files(instance))
    assert found[0] == found[1]
    assert found[0].keys() == {"clips/jump-1", "film/jump-1"}


def test_a_value_that_was_not_written_whole_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the power goes before the system has written it out: the asset is not noted as made either."""

    def cut(_: int) -> None:
        raise OSError(5, "Input/output error")

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        with monkeypatch.context() as patched:
            patched.setattr(store.os, "fsync", cut)
            assert not make(instance, io_manager=kept_outputs).success
        assert files(instance) == {}
        assert instance.get_materialized_partitions(dg.AssetKey("clips")) == set()
