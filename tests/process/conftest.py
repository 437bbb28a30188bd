"""A real hub for the tests of a file, and its catalog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.hubs import RunningHub, free_port, running_hub

from stinercut.catalog import Catalog


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub"), dagster_port=free_port()) as running:
        yield running


@pytest.fixture
def known(hub: RunningHub) -> Iterator[Catalog]:
    """The hub's catalog, as another process (a run of Dagster) has it open."""
    catalog = Catalog.open(hub.settings.catalog_url)
    yield catalog
    catalog.close()
