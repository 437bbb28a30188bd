"""No folder of the server stands in what pages, programs and detectors are told, nor in a timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.cataloguing import entry, inserted, list_of, ready_jump

from hub.conversation import Conversation
from hub.server import create_app
from stinercut.catalog import Catalog, migrate
from stinercut.errors import BadInput, StoreDamaged
from stinercut.failures import sentence_for_pages, what_for_pages
from stinercut.protocol import Envelope, FileCopied, Refused
from stinercut.settings import Settings
from stinercut.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "a data folder", database_url=None, watch_mounts=False)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    ready_jump(catalog)
    catalog.close()
    broken = settings.templates_dir / "broken"
    broken.mkdir(parents=True)
    (broken / "template.json").write_text(json.dumps({"name": "broken"}))
    with TestClient(create_app(settings), base_url="http://localhost", raise_server_exceptions=False) as asking:
        yield asking


@pytest.mark.parametrize(
    ("error", "what", "advice"),
    [
        (BadInput("it is missing", file="/srv/my data/x.mp4", advice="Look."), "x.mp4: it is missing", "Look."),
        (BadInput("it is missing", file="DCIM/100/x.mp4"), "DCIM/100/x.mp4: it is missing", ""),
        (BadInput("no film", file=None), "no film", ""),
        (BadInput("/srv/a/b.mp4 is gone", advice="chmod 700 /srv/data"), "b.mp4 is gone", "chmod 700 data"),
        (StoreDamaged("missing", file=Path("/data/store/objects/ab/abcd")), "abcd: missing", ""),
        (BadInput("C:\\data\\x.mp4 is gone", file="C:\\data\\x.mp4"), "x.mp4: x.mp4 is gone", ""),
    ],
)
def test_a_file_is_called_by_its_name(error: BadInput, what: str, advice: str):
    assert what_for_pages(error) == (what, advice)
    assert sentence_for_pages(error).startswith(what)


def test_answers_of_the_hub(client: TestClient, settings: Settings):
    jump = "2026-06-01_B-1"
    who = {"who": "Kim"}
    asked = [
        client.get("/api/templates"),
        client.get("/api/stale"),
        client.get(f"/api/jumps/{jump}/cut"),
        client.get("/api/files/1/frame.jpg"),
        client.get("/api/files/1/clip.mp4"),
        client.post(f"/api/jumps/{jump}/template", json={**who, "template": "broken"}),
        client.put(f"/api/jumps/{jump}/cut", params=who, content=b"{}"),
        client.post(f"/api/jumps/{jump}/retry"),
        client.get(f"/api/pipeline/{jump}"),
    ]
    assert "timeline" in asked[0].text, "the broken template is said"
    for answer in asked:
        assert str(settings.data) not in answer.text
        assert "a data folder" not in answer.text, answer.request.url


def test_refusals_to_detectors(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    catalog = Catalog.open(url)
    talk = Conversation(catalog, Store(tmp_path / "store"), 1000)
    file = entry("GX010001.MP4", 1000)
    for message in (inserted("in-1"), list_of("in-1", [file])):
        talk.handle("det", Envelope(id="m", body=message))
    copied = FileCopied(insertion_id="in-1", file_id=file.file_id, content_hash="0" * 32, size=1000)
    refused = talk.handle("det", Envelope(id="m", body=copied)).reply
    assert isinstance(refused, Refused)
    assert str(tmp_path) not in refused.detail
    assert "missing from the store" in refused.detail
    with catalog.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT error_detail FROM manifest_entry").scalars().all()
    assert rows
    assert str(tmp_path) not in str(rows)
    catalog.close()
