"""The hub sends films and what lies beside them, and nothing else of its disk."""

from __future__ import annotations

import io
import socket
import zipfile
from urllib.parse import quote

import httpx
import pytest
from support.cataloguing import film
from support.hub_data import finished_jump, with_outputs
from support.hubs import RunningHub

from stinercut.catalog import Catalog
from stinercut.catalog.models import Jump


class TestFilms:
    def test_whole_in_part_and_as_a_download(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "L")
        view = httpx.get(f"{hub.url}/api/jumps/{key}").json()["film"]
        whole = httpx.get(hub.url + view["url"])
        assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
        assert whole.content == path.read_bytes()
        part = httpx.get(hub.url + view["url"], headers={"range": "bytes=1000-"})
        assert (part.status_code, part.content) == (206, path.read_bytes()[1000:])
        assert part.headers["content-range"] == "bytes 1000-1023/1024"
        assert httpx.get(hub.url + view["url"], headers={"range": "bytes=5000-"}).status_code == 416
        assert httpx.head(hub.url + view["url"]).headers["content-length"] == "1024"
        download = httpx.get(hub.url + view["download"])
        name = quote("Anna Müller 2026-06-01.mp4")
        assert download.headers["content-disposition"] == f"attachment; filename*=utf-8''{name}"
        assert httpx.get(hub.url + view["poster"]).content == b"\xff\xd8poster"

    @pytest.mark.parametrize(
        "path",
        [
            "{key}/other.mp4",
            "{key}/..%2f..%2fcatalog.db",
            "..%2f..%2fcatalog.db/x.mp4",
            "{key}/..%2f..%2fsecret.mp4",
            "nobody/nobody.mp4",
            "nobody/poster.jpg",
            "{key}/%00.mp4",
            "{key}/.outputs.json",
            "{key}/..%2f..%2fsecret.zip",
            "{key}/{key}-photos.zip",
            "{key}/{key}-photos/01.jpg",
            "{key}/../../secret.jpg",
            "{key}/..%2f../secret.jpg",
        ],
    )
    def test_nothing_but_films(self, hub: RunningHub, known: Catalog, path: str):
        for ending in ("mp4", "jpg", "zip"):
            (hub.settings.data / f"secret.{ending}").write_bytes(b"nobody's business")
        key = "2026-06-01_M"
        if httpx.get(f"{hub.url}/api/jumps/{key}").status_code == 404:
            finished_jump(hub, known, "M")
        # http.client and httpx tidy paths up; a raw request does not.
        with socket.create_connection(("127.0.0.1", hub.settings.hub_port)) as raw:
            raw.sendall(
                f"GET /films/{path.format(key=key)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        # A name that no file can have is refused before it is looked for.
        assert answer.startswith(b"HTTP/1.1 422" if "%00" in path else b"HTTP/1.1 404")
        assert b"nobody's business" not in answer

    def test_a_row_that_points_elsewhere_serves_nothing(self, hub: RunningHub, known: Catalog):
        (hub.settings.data / "outside.mp4").write_bytes(b"outside")
        key, _ = finished_jump(hub, known, "N")
        with known.write() as session:
            session.add(film(key, "v2", file_name="../outside.mp4"))
        assert httpx.get(f"{hub.url}/films/{key}/outside.mp4").status_code == 404

    def test_a_film_that_is_gone(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "O")
        path.unlink()
        answer = httpx.get(f"{hub.url}/films/{key}/{path.name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")

    def test_other_outputs_of_the_template(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "OO")
        files = with_outputs(path, ["{}-phone.mp4", "{}-best photos/02.jpg", "{}-best photos/01.jpg"])
        film = httpx.get(f"{hub.url}/api/jumps/{key}").json()["film"]
        [phone], [photos] = film["outputs"], film["photos"]
        content = files[f"{key}-phone.mp4"]
        assert (phone["name"], phone["size"]) == ("phone", len(content))
        part = httpx.get(hub.url + phone["url"], headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, content[10:20])
        download = httpx.get(hub.url + phone["download"])
        name = quote("Anna Müller 2026-06-01 phone.mp4")
        assert download.headers["content-disposition"] == f"attachment; filename*=utf-8''{name}"
        first, second = (files[f"{key}-best photos/{number}.jpg"] for number in ("01", "02"))
        assert (photos["name"], photos["size"]) == ("best photos", len(first) + len(second))
        opened = [httpx.get(hub.url + url) for url in photos["urls"]]
        assert [one.content for one in opened] == [first, second]
        assert opened[0].headers["content-type"] == "image/jpeg"
        packed = httpx.get(hub.url + photos["download"])
        assert quote("Anna Müller 2026-06-01 best photos.zip") in packed.headers["content-disposition"]
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == {"01.jpg": first, "02.jpg": second}

    def test_only_what_the_note_names_and_what_is_there(self, hub: RunningHub, known: Catalog):
        key, path = finished_jump(hub, known, "OP")
        with_outputs(path, ["{}-phone.mp4", "{}-photos/01.jpg", "{}-photos/02.jpg"])
        folder, outside = path.parent, hub.settings.data / "outside.jpg"
        outside.write_bytes(b"outside")
        (folder / f"{key}-mine.mp4").write_bytes(b"somebody's")
        (folder / f"{key}-photos" / "03.jpg").write_bytes(b"somebody's")
        (folder / f"{key}-phone.mp4").unlink()
        (folder / f"{key}-photos" / "02.jpg").unlink()
        (folder / f"{key}-photos" / "02.jpg").symlink_to(outside)
        film = httpx.get(f"{hub.url}/api/jumps/{key}").json()["film"]
        assert (film["outputs"], [len(one["urls"]) for one in film["photos"]]) == ([], [1])
        for name in ("mine.mp4", "phone.mp4", "photos/02.jpg", "photos/03.jpg", "phone.zip"):
            answer = httpx.get(f"{hub.url}/films/{key}/{key}-{name}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND"), name
        with known.write() as session:
            session.get_one(Jump, key).passenger_name = "Somebody Else"
        assert httpx.get(f"{hub.url}/films/{key}/{key}-photos/01.jpg").status_code == 404
        assert httpx.get(f"{hub.url}/films/{key}/{key}-photos.zip").status_code == 404
