"""Why a request can't be taken, in words: what pydantic says never reaches a person as it is."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hub.codes.routes import WantedCodes
from hub.films.rerender import TemplateWish
from hub.kit.validation_messages import in_words, technical
from hub.review.routes import Assign, Move, OneFile, Split
from hub.runs.routes import RetryRequest

ASSIGN = {"who": "Kim", "passenger_name": "Anna", "booking_id": "B-1", "jump_date": "2026-06-01"}


def errors_of(kind: Any, given: object, where: tuple[str, ...] = ("body",)) -> list[dict[str, Any]]:
    """What pydantic finds wrong, as FastAPI hands it on."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(given)
    return [{**error, "loc": (*where, *error["loc"])} for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (Assign, ASSIGN | {"jump_date": "tomorrow"}, "the day of the jump is no date; write YYYY-MM-DD"),
        (Assign, ASSIGN | {"jump_date": "2026-02-30"}, "the day of the jump is no date; write YYYY-MM-DD"),
        (Assign, ASSIGN | {"passenger_name": 7}, "the passenger's name must be a text"),
        (Assign, {key: ASSIGN[key] for key in ASSIGN if key != "booking_id"}, "the booking is missing"),
        (Assign, {key: ASSIGN[key] for key in ASSIGN if key != "who"}, "your name is missing"),
        (Assign, "no object", "what was sent can't be read"),
        (Split, {"who": "Kim", "file_ids": 7}, "the list of files must be a list"),
        (Split, {"who": "Kim", "file_ids": [1, "x"]}, "the list of files in row 2 must be a whole number"),
        (Split, {"who": "Kim", "file_ids": [1, 10**30]}, "the list of files in row 2 must be 2147483647 or less"),
        (Move, {"who": "Kim", "to": "x", "file_ids": [-1]}, "the list of files in row 1 must be 1 or more"),
        (OneFile, {"who": "Kim", "file_id": 10**30}, "the file must be 2147483647 or less"),
        (OneFile, {"who": "Kim", "file_id": 0}, "the file must be 1 or more"),
        (TemplateWish, {"who": "Kim", "template": None, "more": 1}, "the field more is not known here"),
        (WantedCodes, {"bookings": []}, "the list of bookings is empty"),
        (WantedCodes, {"bookings": [ASSIGN] * 51}, "the list of bookings has more than 50 entries"),
        (RetryRequest, {"subjects": ["x"] * 501}, "the list of jumps and cards has more than 500 entries"),
        (Assign, ASSIGN | {"who": "\ud800"}, "your name holds an invalid character"),
        (Assign, ASSIGN | {"who": "a\0b"}, "your name holds a character that it can't have"),
        (Assign, ASSIGN | {"who": "x" * 81}, "your name is longer than 80 characters"),
        (TemplateWish, {"who": "Kim", "template": "a/../a"}, "the template holds a character that it can't have"),
        (WantedCodes, {"bookings": [ASSIGN, {}]}, "the passenger's name in row 2 is missing"),
        (WantedCodes, {"bookings": [ASSIGN], "signed": "perhaps"}, "the choice to sign must be true or false"),
    ],
)
def test_what_a_page_sends(kind: Any, given: object, words: str) -> None:
    errors = errors_of(kind, given)
    refused = in_words(errors)
    assert refused.what == words
    assert [part.code for part in refused.what_parts] in (["field_at_fault"], ["sent_not_readable"])
    assert ("Write your name first" in refused.advice) == (words == "your name is missing")
    assert errors[0]["msg"] in technical(errors)
    assert "Anna" not in technical(errors)


class Asked(BaseModel):
    """Parameters as the hub's routes have them."""

    model_config = ConfigDict(extra="forbid")

    day: date | None = None
    limit: Annotated[int, Query(ge=1, le=500)] = 100
    at: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    size: Literal["small", "large"] = "small"
    q: Annotated[str, Field(max_length=80)] = ""
    who: Annotated[str, Field(min_length=1, max_length=80)] = "Kim"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"day": "morgen"}, "the day is no date; write YYYY-MM-DD"),
        ({"limit": 0}, "the number of rows must be 1 or more"),
        ({"limit": 501}, "the number of rows must be 500 or less"),
        ({"limit": "x"}, "the number of rows must be a whole number"),
        ({"at": 1.5}, "the place in the clip must be 1 or less"),
        ({"at": "nan"}, "the place in the clip must be a number"),
        ({"at": "x"}, "the place in the clip must be a number"),
        ({"size": "huge"}, "the size of the picture must be 'small' or 'large'"),
        ({"q": "x" * 81}, "the text to look for is longer than 80 characters"),
        ({"who": ""}, "your name is empty"),
        ({"who": "x" * 81}, "your name is longer than 80 characters"),
    ],
)
def test_what_an_address_says(given: dict[str, Any], words: str) -> None:
    refused = in_words(errors_of(Asked, given, ("query",)))
    assert refused.what == words
    assert ("Write your name first" in refused.advice) == (words == "your name is empty"), "it was written"


@pytest.mark.parametrize(
    "error",
    [
        {"type": "json_invalid", "loc": ("body", 12), "msg": "JSON decode error", "ctx": {"error": "Expecting value"}},
        {"type": "missing", "loc": ("body",), "msg": "Field required"},
    ],
)
def test_what_is_no_request_at_all(error: dict[str, Any]) -> None:
    assert in_words([error]).what == "what was sent can't be read"


def test_what_has_no_words_yet_is_still_said_without_pydantics() -> None:
    error = {"type": "frozen_set_type", "loc": ("body", "passenger_name"), "msg": "Input should be a valid frozenset"}
    assert in_words([error]).what == "the passenger's name can't be used"
