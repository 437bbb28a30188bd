"""The hub answers each browser in the language that it asks for: the API, refusals, the pages' own words, the board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from support.ports import own_port

from hub.app import create_app
from hub.language.reader_languages import reworded
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, languages, page_words
from stinercut.settings import Settings


@pytest.fixture
def app(catalog_url: str, tmp_path: Path) -> FastAPI:
    settings = Settings(
        data=tmp_path / "data", database_url=catalog_url, dagster_port=own_port(), watch_mounts=False, language="en"
    )
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def test_pages_get_their_words_by_language(client: TestClient) -> None:
    for language in languages():
        got = client.get("/api/words", params={"language": language})
        assert got.json() == {"language": language, "languages": list(languages()), "words": page_words(language)}
        assert got.headers["content-language"] == language
    assert client.get("/api/words", params={"language": "tlh"}).json()["language"] == "en"
    assert client.get("/api/words", params={"language": "../en"}).status_code == 422
    assert client.get("/api/words", headers={"accept-language": "en-GB,en;q=0.9"}).json()["language"] == "en"
    assert client.get("/api/words").json()["words"]["page.clips"]["plural"] == "number"


def test_answers_and_refusals_come_in_the_language_of_the_browser(client: TestClient) -> None:
    german = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
    refused = client.get("/api/jumps/2026-06-01_B-1", headers=german)
    assert refused.status_code == 404
    assert refused.json()["error"]["what"] == "unter 2026-06-01_B-1 ist kein Sprung bekannt"
    assert (refused.headers["content-language"], refused.headers["vary"]) == ("de", "Accept-Language")
    assert int(refused.headers["content-length"]) == len(refused.content)
    invalid = client.get("/api/jumps", params={"limit": "many"}, headers=german).json()["error"]
    assert invalid["what"] == "die Zahl der Zeilen muss eine ganze Zahl sein"
    for other in ({}, {"accept-language": "tlh"}):
        assert client.get("/api/jumps/2026-06-01_B-1", headers=other).json()["error"]["what"].startswith("no jump")


def test_a_house_has_a_language_for_browsers_that_ask_for_none_of_ours(catalog_url: str, tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path / "data", database_url=catalog_url, dagster_port=own_port(), watch_mounts=False, language="de"
    )
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert client.get("/api/words", headers={"accept-language": "tlh"}).json()["language"] == "de"
        assert client.get("/api/words", headers={"accept-language": "en"}).json()["language"] == "en"


def test_words_beside_messages_are_made_again_and_nothing_else_is() -> None:
    said = Message.of(MessageCode.FILES_ARRIVING, here=1, files=2).as_json()
    answer = {
        "what": "words of another language",
        "what_parts": [said],
        "code": "WITHOUT_PARTS",
        "reason": "of an older row",
        "reason_parts": [],
        "rows": [{"problem": "?", "problem_parts": [said, said], "number": 2}],
        "values": None,
    }
    sentence = "1 of 2 files are here."
    assert reworded(answer, "en") == {
        **answer,
        "what": sentence,
        "rows": [{**answer["rows"][0], "problem": f"{sentence} {sentence}"}],  # pyright: ignore
    }
