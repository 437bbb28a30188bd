"""No folder of the server stands in what pages, programs and detectors are told, nor in a timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import null
from starlette.testclient import TestClient
from support import heard
from support.cataloguing import catalog_in, empty_catalog, entry, film, inserted, list_of, put_in, ready_jump
from support.detectors import gopro_card, offloading, told

from hub.app import create_app
from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.detector_messages import Conversation
from hub.cards.views import card_views
from stinercut.cards import insertions
from stinercut.catalog import Catalog
from stinercut.errors import BadInput, StoreDamaged
from stinercut.failures import sentence_for_pages, what_for_pages
from stinercut.jumps import film_records, jumps
from stinercut.protocol import CardError, CopyError, Envelope, ErrorCode, FileCopied, Refused
from stinercut.settings import Settings
from stinercut.storage.store import Store, hash_file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "a data folder", database_url=None, watch_mounts=False)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    empty_catalog(settings.data)
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
    url = empty_catalog(tmp_path)
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
        rows = connection.exec_driver_sql("SELECT error_detail_parts FROM manifest_entry").scalars().all()
    assert "not_in_store" in str(rows)
    assert str(tmp_path) not in str(rows)
    catalog.close()


@told
async def test_what_a_detector_tells_of_its_store(tmp_path: Path):
    """A damaged object of the same content, and a store that can't be written."""
    card = gopro_card(tmp_path / "cards here")
    async with offloading(tmp_path / "a data folder", card) as card_in:
        store = Store(card_in.settings.store_dir)
        first, second = (card / "DCIM" / "100GOPRO" / name for name in ("GX010003.MP4", "GL010001.LRV"))
        damaged = store.object_path(hash_file(first))
        damaged.parent.mkdir(parents=True)
        damaged.write_bytes(b"cut short")
        in_the_way = store.object_path(hash_file(second)).parent
        in_the_way.write_bytes(b"no folder")
        await card_in.ask(first.name, second.name)
        heard_of = [await card_in.hub.next(CopyError), await card_in.hub.next(CopyError)]
        said = {one.detail for one in heard_of}
        assert all(one.detail_parts and str(tmp_path) not in one.model_dump_json() for one in heard_of)
    assert [one.partition(":")[0] for one in sorted(said)] == sorted([damaged.name, "store"])
    assert not any("folder" in one or str(tmp_path) in one or "here" in one for one in said)


def test_what_a_detector_of_before_told_of_a_card(tmp_path: Path):
    detail = "/media/a stick/store: the copy could not be written. Left out: /media/x/DCIM/GX010001.MP4"
    with catalog_in(tmp_path) as catalog:
        put_in(catalog, "in-1", [])
        with catalog.write() as session:
            message = CardError(insertion_id="in-1", code=ErrorCode.SOURCE_IO, unreadable=1, detail=detail)
            heard.record_card_error(session, message)
            left = "store: the copy could not be written. Left out: GX010001.MP4"
            row = insertions.require_insertion(session, "in-1")
            assert row.error_detail_parts == [{"code": "as_written", "values": {"text": left}}]
            row.error_detail, row.error_detail_parts = detail, null()
        with catalog.read() as session:
            [view] = card_views(session, ProgressSnapshot(frozenset({"det"})))
    assert view.unread is not None
    assert view.unread.detail == left


def timeline_of(settings: Settings, urls: list[str]) -> tuple[str, bytes]:
    """A film of the jump with a timeline that shows these files; where the hub has it, and its bytes."""
    catalog = Catalog.open(settings.catalog_url)
    jump = "2026-06-01_B-1"
    with catalog.write() as session:
        version = jumps.require_jump(session, jump).wanted_version
        assert version is not None
        jumps.take_up(session, jump, "run-1")
        film_records.record_film(session, film(jump, version, "run-1", file_name=f"{jump}/{jump}.mp4"))
    catalog.close()
    folder = settings.films_dir / jump
    folder.mkdir(parents=True)
    clips = [{"OTIO_SCHEMA": "Clip.1", "media_reference": {"target_url": url}} for url in urls]
    text = json.dumps({"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": clips}}).encode()
    (folder / f"{jump}.otio").write_bytes(text)
    return f"/films/{jump}/{jump}.otio", text


def test_a_timeline_of_an_older_version_names_its_files_as_one_of_today(client: TestClient, settings: Settings):
    clips = settings.films_dir / "2026-06-01_B-1" / "clips"
    old = [(clips / "GX 01.MP4").as_uri(), str(clips / "b.mp4"), "file:///C:/data/c.mp4", r"D:\data\d.mp4"]
    where, _ = timeline_of(settings, [*old, "clips/e.mp4"])
    answer = client.get(where)
    shown = [one["media_reference"]["target_url"] for one in answer.json()["tracks"]["children"]]
    assert shown == ["clips/GX%2001.MP4", "clips/b.mp4", "clips/c.mp4", "clips/d.mp4", "clips/e.mp4"]
    assert answer.headers["content-type"] == "application/json"
    assert "2026-06-01_B-1.otio" in answer.headers["content-disposition"]


def test_a_timeline_of_today_is_given_as_it_is(client: TestClient, settings: Settings):
    where, text = timeline_of(settings, ["clips/GX01.MP4"])
    assert client.get(where).content == text
    assert client.get(where).headers["etag"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"[" * 100_000, b'"file:///srv/data"'])
def test_what_lies_there_and_is_no_timeline_is_refused(client: TestClient, settings: Settings, content: bytes):
    where, _ = timeline_of(settings, [])
    (settings.data / "films" / where.removeprefix("/films/")).write_bytes(content)
    answer = client.get(where)
    assert answer.status_code == 400
    assert "no OpenTimelineIO file" in answer.text
    assert "a data folder" not in answer.text
