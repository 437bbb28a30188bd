"""Segments that the store loses between two steps: the film comes out right, and only these are made again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from support import fake_ffmpeg
from support.footage import PLAIN, make_clip
from support.seeding import jump_with

from app.engine.definitions import defs
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import JumpState
from stinercut.films.picture.encoding import Segment
from stinercut.jumps import film_records, jumps
from stinercut.settings import Settings
from stinercut.storage.store import Store

BEFORE = ("imported_files", "qr_identity", "title_and_outro", "session_clips")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that counts its encodes: the folder of its ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{fake_ffmpeg.install(folder)}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STINERCUT_TEMPLATE", "plain")
    monkeypatch.setenv("STINERCUT_ENCODER", "software")
    shutil.copytree(PLAIN, tmp_path / "data" / "templates" / "plain")
    migrate(Settings().catalog_url)
    opened = Catalog.open(Settings().catalog_url)
    yield opened
    opened.close()


def cut(path: Path) -> None:
    """Half of it is gone, as on a disk that was full."""
    os.truncate(path, path.stat().st_size // 2)


def test_the_films_step_asks_the_store_itself(catalog: Catalog, machine: Path, tmp_path: Path) -> None:
    """The steps before ended well, and what they handed on is kept: it is what a retry from the failed step gets."""
    clips = [make_clip(tmp_path / f"{seconds}.mp4", seconds=seconds) for seconds in (0.5, 0.7)]
    jump = jump_with(catalog, Store(Settings().store_dir), 1, clips, "Zoë")
    # As in production what steps hand on lies on the disk, and a later run reads it.
    kept = {"io_manager": dg.FilesystemIOManager(base_dir=str(tmp_path / "storage"))}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("jumps", [jump])
        job = defs.resolve_job_def("produce_jump")

        def run(*assets: str) -> dg.ExecuteInProcessResult:
            chosen = [dg.AssetKey(name) for name in assets]
            return job.execute_in_process(
                instance=instance, partition_key=jump, asset_selection=chosen, resources=kept, raise_on_error=False
            )

        assert run(*BEFORE).success
        derived = Settings().store_dir / "derived"
        videos = sorted(derived.glob("*/*.mp4"), key=lambda path: path.stat().st_size)
        assert len(videos) == 4
        cut(videos[-1])
        videos[0].unlink()
        cut(videos[1].with_suffix(".wav"))
        fake_ffmpeg.order(machine, "")
        result = run("rendered_video")
        assert result.success
        assert all(check.passed for check in result.get_asset_check_evaluations())
        assert fake_ffmpeg.encodes(machine, "s") == 3
    with catalog.read() as session:
        assert jumps.require_jump(session, jump).state == JumpState.DONE
        film = film_records.latest_film(session, jump)
        assert film is not None
        assert film.frames == 30 + 15 + 21 + 30
        assert film.drawn_seconds == 2.0


def test_what_is_lost_before_the_clips_are_collected_costs_their_picture(
    catalog: Catalog, machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [make_clip(tmp_path / "clip.mp4", seconds=0.5)]
    template = Settings().templates_dir / "plain" / "template.json"
    said = json.loads(template.read_text())
    said["output"].append({**said["output"][0], "name": "small", "width": 160, "height": 90})
    template.write_text(json.dumps(said))
    jump = jump_with(catalog, Store(Settings().store_dir), 1, clips, "Zoë")
    from stinercut_assets.films import session_clips

    kept_still, lost = session_clips.kept_still, list[Path]()

    def of_a_lost_one(store: Store, segment: Segment, width: int) -> bytes:
        segment.video.unlink()
        lost.append(segment.video)
        return kept_still(store, segment, width)

    monkeypatch.setattr(session_clips, "kept_still", of_a_lost_one)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("jumps", [jump])
        result = defs.resolve_job_def("produce_jump").execute_in_process(instance=instance, partition_key=jump)
    assert result.success
    assert len(lost) == 1
    assert lost[0].is_file(), "the film's step made it again"
    with catalog.read() as session:
        film = film_records.latest_film(session, jump)
        assert film is not None
        assert (film.seconds, film.drawn_seconds) == (2.5, 4.0), "what is drawn is drawn for both outputs"
        assert film.spent_per_second is not None
        assert film.spent_per_second > 0
