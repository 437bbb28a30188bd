"""The passenger's page: the films of a link for whoever has it, and nothing for anybody else. On both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from support.cataloguing import ask, copy, entry, film, passenger, put_in, ready_jump, record
from support.hub_data import with_outputs
from support.ports import own_port

from hub.app import create_app
from hub.delivery.passenger_routes import COOKIE
from stinercut.catalog import Catalog
from stinercut.catalog.models import Film, Share
from stinercut.jumps import film_records, jumps
from stinercut.settings import Settings

LOGO = b"\x89PNG the dropzone's"


@dataclass
class House:
    """A whole hub in this process, its catalog, and what the desk does there."""

    client: TestClient
    known: Catalog
    films: Path

    def hand_over(self, *keys: str, **wish: Any) -> dict[str, Any]:
        answer = self.client.post("/api/shares", json={"jumps": list(keys), "who": "Kim", **wish})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={"accept-language": "en", **headers})

    def publish(self, key: str, run: str, outputs: list[str] | None = None, name: str = "Anna Müller") -> Path:
        """A film of that jump, with what is published next to it."""
        with self.known.write() as session:
            version = jumps.take_up(session, key, run).version
            row: Film = film(key, version, run, name=name)
            row.outputs = outputs
            film_records.record_film(session, row)
        path = self.films / key / f"{key}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(range(256)) * 4)
        (path.parent / "poster.jpg").write_bytes(b"\xff\xd8poster")
        with_outputs(path, outputs or [])
        return path

    def counted(self, share_id: int) -> tuple[int, int]:
        with self.known.read() as session:
            share = session.get_one(Share, share_id)
            return share.opened, share.downloads


def path_of(share: dict[str, Any]) -> str:
    """The path of a link, as a browser asks for it."""
    return str(share["address"]).removeprefix("http://films.example.org")


@pytest.fixture
def house(catalog_url: str, tmp_path: Path) -> Iterator[House]:
    (tmp_path / "logo.png").write_bytes(LOGO)
    settings = Settings(
        data=tmp_path / "data",
        database_url=catalog_url,
        dagster_port=own_port(),
        watch_mounts=False,
        hub_public_url="http://films.example.org",
        place="Sky <Zone>",
        logo=tmp_path / "logo.png",
    )
    known = Catalog.open(catalog_url)
    with TestClient(create_app(settings), base_url="http://films.example.org") as client:
        yield House(client, known, settings.films_dir)
    known.close()


@pytest.fixture
def anna(house: House) -> str:
    key, _ = ready_jump(house.known)
    return key


def test_before_the_film_is_ready_the_page_waits_by_itself(house: House, anna: str) -> None:
    share = house.hand_over(anna)
    here = path_of(share)
    waits = house.get(here)
    house.get(here)
    assert waits.status_code == 200
    assert "Your film is being made." in waits.text
    assert '<meta http-equiv="refresh"' in waits.text
    assert "<video" not in waits.text
    assert house.get(f"{here}/1/poster.jpg").status_code == 404
    house.publish(anna, "run-1")
    ready = house.get(here)
    assert "<video" in ready.text
    assert house.counted(share["share_id"]) == (1, 0), "loading itself again is no opening"
    assert '<meta http-equiv="refresh"' not in ready.text
    assert "Anna Müller’s film" in ready.text or "Anna Müller&#39;s film" in ready.text


def test_what_the_page_links_can_be_fetched(house: House, anna: str) -> None:
    photos = [f"{anna}-photos/01.jpg", f"{anna}-photos/02.jpg"]
    film_path = house.publish(anna, "run-1", [f"{anna}-phone.mp4", *photos])
    share = house.hand_over(anna)
    here = path_of(share)
    text = house.get(here).text
    linked = {found for found in re.findall(r'(?:src|href|poster)="([^"]+)"', text) if found.startswith(here)}
    assert {f"{here}/1/{anna}.mp4", f"{here}/1/{anna}.mp4?download=1", f"{here}/1/poster.jpg"} <= linked
    assert f"{here}/1/{anna}-photos.zip" in linked
    assert len([one for one in linked if "-photos/" in one]) == 2
    answers = {one: house.get(one) for one in sorted(linked)}
    assert {one: answer.status_code for one, answer in answers.items() if answer.status_code != 200} == {}
    assert answers[f"{here}/1/{anna}.mp4"].content == film_path.read_bytes()
    assert answers[f"{here}/logo"].content == LOGO
    assert "anna" not in here.lower()


def test_a_download_has_a_name_is_resumed_and_counted_once(house: House, anna: str) -> None:
    path = house.publish(anna, "run-1")
    share = house.hand_over(anna)
    here = path_of(share)
    address = f"{here}/1/{anna}.mp4?download=1"
    first = house.get(address, range="bytes=0-")
    assert "Anna%20M%C3%BCller" in first.headers["content-disposition"]
    rest = house.get(address, range="bytes=1000-")
    assert (rest.status_code, rest.content) == (206, path.read_bytes()[1000:])
    assert rest.headers["etag"] == first.headers["etag"]
    house.client.head(address)
    assert house.counted(share["share_id"]) == (0, 1)
    house.get(here)
    assert house.counted(share["share_id"]) == (1, 1)


def test_a_link_opens_its_own_jump_only(house: House, anna: str) -> None:
    house.publish(anna, "run-1")
    files = [entry(f"GX03000{n}.MP4", 7000 + n, minute=n, prefix="b") for n in range(2)]
    put_in(house.known, "in-b", files, "card-b")
    ask(house.known, "in-b")
    copy(house.known, "in-b", files)
    [bo] = record(house.known, "in-b", passenger("Bo Berg", "B-2"), files[:1], files[1:])
    house.publish(bo, "run-2", name="Bo Berg")
    here = path_of(house.hand_over(anna))
    page = house.get(here).text
    assert "Bo Berg" not in page
    for path in (f"{here}/1/{bo}.mp4", f"{here}/2/{bo}.mp4", f"{here}/9/{anna}.mp4", f"{here}/1/..%2f{bo}%2f{bo}.mp4"):
        assert house.get(path).status_code == 404, path
    assert house.get(f"{here}/0/{anna}.mp4").status_code == 422
    group = path_of(house.hand_over(anna, bo))
    both = house.get(group).text
    assert "Anna Müller" in both
    assert "Bo Berg" in both
    assert house.get(f"{group}/2/{bo}.mp4").status_code == 200
    assert house.get(f"{group}/1/{bo}.mp4").status_code == 404


def test_unknown_tampered_expired_and_revoked_links_give_nothing(
    house: House, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.publish(anna, "run-1")
    share = house.hand_over(anna)
    here = path_of(share)
    tampered = here[:-1] + ("A" if here[-1] != "A" else "B")
    for path in (tampered, "/f/x", f"/f/{'x' * 64}"):
        refused = house.get(path)
        assert (refused.status_code, "Anna" in refused.text) == (404, False)
        assert house.get(f"{path}/1/{anna}.mp4").status_code == 404
    assert house.get(f"/f/{'x' * 65}").status_code == 422
    with house.known.write() as session:
        row = session.get_one(Share, share["share_id"])
        row.until -= timedelta(days=31)
    expired = house.get(here)
    assert (expired.status_code, "This link has expired." in expired.text) == (410, True)
    assert "Anna" not in expired.text
    assert house.get(f"{here}/1/{anna}.mp4").status_code == 404
    another = house.hand_over(anna)
    assert house.client.post(f"/api/shares/{another['share_id']}/revoke").json()["state"] == "revoked"
    withdrawn = house.get(path_of(another))
    assert (withdrawn.status_code, "withdrawn" in withdrawn.text) == (410, True)
    assert house.get(f"{path_of(another)}/1/{anna}.mp4").status_code == 404


def test_a_pin_stands_before_everything(house: House, anna: str) -> None:
    house.publish(anna, "run-1")
    here = path_of(house.hand_over(anna, pin="4711"))
    form = house.get(here)
    assert "Anna" not in form.text
    assert house.get(f"{here}/1/{anna}.mp4").status_code == 404
    wrong = house.client.post(here, data={"pin": "4712"}, headers={"origin": "http://films.example.org"})
    assert (wrong.status_code, "This PIN is wrong." in wrong.text, "Anna" in wrong.text) == (403, True, False)
    right = house.client.post(here, data={"pin": "4711"}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, here)
    cookie = right.headers["set-cookie"]
    assert f"Path={here}" in cookie
    assert "HttpOnly" in cookie
    assert "Anna Müller" in house.get(here).text
    assert house.get(f"{here}/1/{anna}.mp4").status_code == 200
    house.client.cookies.clear()
    house.client.cookies.set(COOKIE, "0" * 64)
    assert "Anna" not in house.get(here).text


def test_another_site_can_try_no_pins(house: House, anna: str) -> None:
    here = path_of(house.hand_over(anna, pin="4711"))
    assert house.client.post(here, data={"pin": "4711"}, headers={"origin": "http://evil.example"}).status_code == 403


def test_the_page_is_in_the_readers_language_and_nobody_keeps_it(house: House, anna: str) -> None:
    page = house.get(path_of(house.hand_over(anna)))
    assert '<html lang="en">' in page.text
    assert page.headers["cache-control"] == "private, no-store"
    assert "noindex" in page.headers["x-robots-tag"]
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Sky &lt;Zone&gt;" in page.text
    assert "Sky <Zone>" not in page.text


def test_a_name_on_the_page_is_text(house: House) -> None:
    files = [entry(f"GX04000{n}.MP4", 8000 + n, minute=n, prefix="e") for n in range(2)]
    put_in(house.known, "in-e", files, "card-e")
    copy(house.known, "in-e", files)
    name = "<img src=x onerror=alert(1)>Eve"
    [eve] = record(house.known, "in-e", passenger(name, "E-1"), files[:1], files[1:])
    text = house.get(path_of(house.hand_over(eve))).text
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def test_the_upright_film_is_for_upright_phones(house: House, anna: str) -> None:
    """The bundled template `sunset` makes an upright film, which its row names."""
    with house.known.write() as session:
        version = jumps.take_up(session, anna, "run-1").version
        row = film(anna, version)
        row.template, row.outputs = "sunset", [f"{anna}-phone.mp4"]
        film_records.record_film(session, row)
    path = house.films / anna / f"{anna}.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"film")
    with_outputs(path, [f"{anna}-phone.mp4"])
    here = path_of(house.hand_over(anna))
    sources = re.findall(r"<source[^>]+>", house.get(here).text)
    assert len(sources) == 2
    assert f"{anna}-phone.mp4" in sources[0]
    assert "orientation: portrait" in sources[0]
    assert "media=" not in sources[1]
