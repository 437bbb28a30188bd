"""The answers to requests that went wrong: always the same JSON, with a code, a sentence and an advice.

Owns: `add_error_answers`, `error_answer`, and what the log notes about an error. Not here: the words for an invalid
field (`validation_messages`), which of our errors has which HTTP status (`stinercut.errors`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hub.kit.request_body import TooLarge
from hub.kit.validation_messages import in_words, technical
from stinercut.errors import BadInput, HostNotReady, NotFound, StinercutError
from stinercut.failures import said_for_pages
from stinercut.language.messages import ENGLISH, Message, all_worded
from stinercut.language.refusal_codes import RefusalCode

log = logging.getLogger("hub")

_HTTP_SAYS = {
    400: Message.of(RefusalCode.SENT_NOT_READABLE),
    404: Message.of(RefusalCode.NO_SUCH_PAGE),
    405: Message.of(RefusalCode.NOT_ASKED_THAT_WAY),
}


def error_answer(error: StinercutError, status: int | None = None, language: str = ENGLISH) -> JSONResponse:
    """The answer with one of our errors, as browsers and programs get it."""
    what, advice = said_for_pages(error)
    body = {
        "code": error.code,
        "what": all_worded(what, language),
        "advice": all_worded(advice, language),
        "what_parts": [message.as_json() for message in what],
        "advice_parts": [message.as_json() for message in advice],
    }
    return JSONResponse({"error": body}, status or error.http_status)


def _asked(request: Request) -> str:
    """The method and route of a request, for the log. Not the path: it may hold anything, even names or whole books."""
    return f"{request.method} {getattr(request.scope.get('route'), 'path', 'what is no route')}"


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StinercutError)
    return error_answer(error)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = NotFound if error.status_code == 404 else BadInput
    said = error.said if isinstance(error, TooLarge) else _HTTP_SAYS.get(error.status_code, str(error.detail))
    answer = error_answer(kind(said), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _gone(request: Request, _error: Exception) -> Response:
    log.debug("%s: whoever asked is gone", _asked(request))
    return Response(status_code=499)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    log.info("%s was refused: %s", _asked(request), technical(error.errors()))
    return error_answer(in_words(error.errors()), 422)


async def _no_catalog(request: Request, error: Exception) -> JSONResponse:
    log.exception("%s: the catalog does not answer", _asked(request), exc_info=error)
    advice = Message.of(RefusalCode.WAIT_OR_SEE_LOG)
    return error_answer(HostNotReady(Message.of(RefusalCode.CATALOG_NOT_REACHED), advice=advice))


async def _unexpected(request: Request, error: Exception, language: str) -> JSONResponse:
    log.exception("%s failed", _asked(request), exc_info=error)
    refused = StinercutError(Message.of(RefusalCode.HUB_COULD_NOT), advice=Message.of(RefusalCode.AGAIN_OR_SEE_LOG))
    return error_answer(refused, language=language)


def add_error_answers(app: FastAPI, language_of: Callable[[Mapping[str, str]], str]) -> None:
    """Make the application answer every error in our form. `language_of` gives a reader's language by the headers."""

    # This answer is made outside of all middleware, and so outside of what words the others for their reader.
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return await _unexpected(request, error, language_of(request.headers))

    app.add_exception_handler(StinercutError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)
    for kind in (OperationalError, InterfaceError):
        app.add_exception_handler(kind, _no_catalog)
    app.add_exception_handler(Exception, unexpected)
