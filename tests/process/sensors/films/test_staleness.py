"""Staleness as Dagster's page shows it, while templates are saved and real films are made, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

# What the page itself asks; Dagster has no public way to ask it in a process.
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from support.footage import PLAIN, make_clip
from support.seeding import jump_with

from app.engine.definitions import defs
from sensors.films.changed_templates import changed_templates
from sensors.films.ready_jumps import ready_jumps
from stinercut.catalog import Catalog, migrate
from stinercut.jumps import staleness
from stinercut.jumps.staleness import WantedTemplate
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut_assets.common.resources import Installation


class Lineage:
    """An installation with one jump, and a Dagster that looks and makes its film when it is told to."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, clip: Path) -> None:
        self.instance = instance
        self.catalog = Catalog.open(settings.catalog_url)
        self.drawing = settings.data / "templates" / "plain" / "title.svg"
        self.plain = self.drawing.read_text()
        self.jump = jump_with(self.catalog, Store(settings.store_dir), 1, [clip], "Zoë")
        self.cursors: dict[str, str | None] = {}

    def look(self, sensor: dg.SensorDefinition) -> None:
        """One tick, with what it says taken in as the daemon does."""
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursors.get(sensor.name)) as context:
            result = sensor(context)
            self.cursors[sensor.name] = context.cursor
        if not isinstance(result, dg.SensorResult):
            return
        self.cursors[sensor.name] = result.cursor
        for request in result.dynamic_partitions_requests or []:
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)

    def save(self, version: int) -> None:
        """Save the template as it was in this version: the first is that of the beginning."""
        circles = "".join(f'<circle cx="{20 * n}" cy="20" r="9" fill="#fff"/>' for n in range(1, version))
        self.drawing.write_text(self.plain.replace("</svg>", circles + "</svg>"))

    def make(self) -> None:
        """Make the film, all of it."""
        job = defs.resolve_job_def("produce_jump")
        assert job.execute_in_process(instance=self.instance, partition_key=self.jump).success

    def is_stale(self) -> bool:
        """The film's state on Dagster's page and in the list of films to make again; the two must agree."""
        graph = defs.resolve_asset_graph()
        resolver = CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance))
        on_the_page = resolver.get_status(dg.AssetKey("rendered_video"), self.jump).name
        template = Installation().template_of(self.jump)
        now = {"plain": WantedTemplate("plain", template.fingerprint, {})}
        with self.catalog.read() as session:
            listed = staleness.stale_films(staleness.films_made(session), now, "plain")
        assert (on_the_page == "STALE") == bool(listed), f"{on_the_page} on Dagster's page, but the list says {listed}"
        return bool(listed)


@pytest.fixture
def lineage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lineage]:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STINERCUT_TEMPLATE", "plain")
    monkeypatch.setattr("sensors.common.polling.LOOK_FOR_S", 0.0)  # One look a tick: nothing comes from elsewhere here.
    shutil.copytree(PLAIN, tmp_path / "data" / "templates" / "plain")
    settings = Settings()
    migrate(settings.catalog_url)
    with dg.DagsterInstance.ephemeral() as instance:
        lineage = Lineage(settings, instance, make_clip(tmp_path / "clip.mp4", seconds=1.0))
        lineage.look(changed_templates)
        lineage.look(ready_jumps)
        yield lineage
        lineage.catalog.close()


def test_a_film_that_read_its_template_before_the_lineage_was_told_of_it_is_not_stale(lineage: Lineage) -> None:
    lineage.save(2)  # After its run was asked for, and before anybody looks.
    lineage.make()
    lineage.look(changed_templates)
    assert not lineage.is_stale()

    lineage.save(1)  # What was noted for that film, and not what it was made with.
    lineage.look(changed_templates)
    assert lineage.is_stale()

    lineage.save(2)
    lineage.look(changed_templates)
    assert not lineage.is_stale()

    lineage.save(1)
    lineage.look(changed_templates)
    lineage.make()
    lineage.look(changed_templates)
    assert not lineage.is_stale()
    lineage.look(changed_templates)
    assert not lineage.is_stale()


def test_a_lineage_that_nobody_told_anything_is_told_of_films_that_are_there(lineage: Lineage) -> None:
    lineage.make()
    lineage.save(2)
    lineage.cursors.clear()
    lineage.look(changed_templates)
    assert lineage.is_stale()
    lineage.make()
    lineage.look(changed_templates)
    assert not lineage.is_stale()
