"""A real hub for the tests of a file, and its catalog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import warm
from support.hubs import RunningHub, running_hub
from support.ports import own_port

from stinercut.catalog import Catalog


@pytest.fixture(scope="session", autouse=True)
def _nobody_is_asked_by_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Everything here is asked in plain HTTP; httpx loads the certificates of all the world for each question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("no-certificates")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _the_forker_ends_with_the_tests() -> Iterator[None]:
    """Where pytest is a worker's process, nothing that it registered for its end is called."""
    yield
    warm.end()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub"), dagster_port=own_port()) as running:
        yield running


@pytest.fixture
def known(hub: RunningHub) -> Iterator[Catalog]:
    """The hub's catalog, as another process (a run of Dagster) has it open."""
    catalog = Catalog.open(hub.settings.catalog_url)
    yield catalog
    catalog.close()
