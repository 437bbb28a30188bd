"""Answers browsers in their reader's language, and gives pages the words of their own texts.

Owns: `GET /api/words`, choosing the language of a request, and the middleware that words answers of the API. Views are
made in English, with messages beside their words (`problem`, `problem_parts`); another language's words are made of
these messages. Not here: the words (`stinercut.language`), the board's frames (`hub.board.feed`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from hub.kit.parts import part
from hub.kit.views import example
from stinercut.language.messages import ENGLISH, all_worded, from_json, languages, page_words
from stinercut.language.readers import reader_language

PARTS: Final = "_parts"
"""The ending of a field that holds messages. The field without it holds their words."""

router = APIRouter(tags=["words"])


@dataclass(frozen=True)
class HouseLanguage:
    """The language of readers whose own is not known, or has no words."""

    language: str = ENGLISH

    def of(self, headers: Mapping[str, str]) -> str:
        """The language for a browser that sends these headers."""
        return reader_language(headers.get("accept-language", ""), self.language)


class PageWords(BaseModel):
    """The words of a language for the texts of pages. A text with plural forms is an object (docs/messages.md)."""

    model_config = example(
        {
            "language": "de",
            "languages": ["de", "en"],
            "words": {
                "page.close": "Schließen",
                "page.more_jumps": {"plural": "jumps", "one": "{jumps} Sprung", "other": "{jumps} Sprünge"},
            },
        }
    )

    language: str
    languages: list[str]
    """All languages that there are words in."""
    words: dict[str, str | dict[str, str]]


@router.get("/api/words", summary="The words of the pages' own texts")
async def words(
    request: Request,
    response: Response,
    house: Annotated[HouseLanguage, Depends(part(HouseLanguage))],
    language: Annotated[str | None, Query(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$")] = None,
) -> PageWords:
    """In `language` (`de`, `de-AT`), or in the reader's (`Accept-Language`); English stands in for missing words."""
    chosen = house.of(request.headers) if language is None else reader_language(language, house.language)
    response.headers.update({"cache-control": "no-cache", "content-language": chosen, "vary": "Accept-Language"})
    return PageWords(language=chosen, languages=list(languages()), words=page_words(chosen))


def reworded(answer: object, language: str) -> Any:
    """JSON of ours, with the words of all messages in it made again in that language."""
    if isinstance(answer, list):
        return [reworded(item, language) for item in cast("list[object]", answer)]
    if not isinstance(answer, dict):
        return answer
    fields = cast("dict[str, object]", answer)
    return {name: _field(fields, name, language) for name in fields}


def _field(fields: dict[str, object], name: str, language: str) -> object:
    parts = fields.get(f"{name}{PARTS}")
    if isinstance(fields[name], str) and isinstance(parts, list) and parts:
        return all_worded(map(from_json, cast("list[object]", parts)), language)
    return fields[name] if name.endswith(PARTS) else reworded(fields[name], language)


def text_reworded(answer: str | bytes, language: str) -> str:
    """The same for JSON as text."""
    return json.dumps(reworded(json.loads(answer), language), ensure_ascii=False, separators=(",", ":"))


class ReaderWords:
    """Wraps an application: JSON of the API comes in the reader's language.

    Files that are JSON (a timeline to download) stay as they are.
    """

    def __init__(self, app: ASGIApp, house: HouseLanguage) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        language = self._house.of(Headers(scope=scope))
        changes = language != ENGLISH and scope["method"] != "HEAD"
        await self._app(scope, receive, _Worded(send, language).send if changes else send)


class _Worded:
    """One answer on its way: held back until it is whole, if it is JSON to be worded."""

    def __init__(self, send: Send, language: str) -> None:
        self._send = send
        self._language = language
        self._start: AsgiMessage | None = None
        self._body = bytearray()

    async def send(self, message: AsgiMessage) -> None:
        if message["type"] == "http.response.start" and _is_worded(Headers(raw=message["headers"])):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: AsgiMessage) -> None:
        body = bytes(self._body)
        if f'{PARTS}"'.encode() in body:
            body = text_reworded(body, self._language).encode()
            headers = MutableHeaders(scope=start)
            headers["content-length"] = str(len(body))
            headers["content-language"] = self._language
            headers.add_vary_header("Accept-Language")
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_worded(headers: Headers) -> bool:
    return headers.get("content-type", "").startswith("application/json") and "content-disposition" not in headers
