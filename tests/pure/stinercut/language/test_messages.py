"""Messages become words: with plural forms, in a language that may lack some, and of codes that nobody here knows."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from support.repository import REPOSITORY, nodes_of, parsed

from stinercut.language import messages
from stinercut.language.checking import CODES, fields_of, problems_of
from stinercut.language.codes import MessageCode
from stinercut.language.fields import Parts
from stinercut.language.messages import (
    ENGLISH,
    Message,
    all_worded,
    as_written,
    from_json,
    in_a_row,
    languages,
    worded,
    words_in,
)

PACKAGES = ("app", "sensors", "stinercut_assets", "hub", "stinercut", "detector")
RETIRED: frozenset[str] = frozenset()
"""Codes that are sent no more, and that rows may still have."""


def arriving(here: int, files: int) -> Message:
    return Message.of(MessageCode.FILES_ARRIVING, here=here, files=files)


# ------------------------------------------------------------------------------------------------ the words


@pytest.mark.parametrize("language", languages())
def test_every_code_has_words_that_show_exactly_its_values(language: str) -> None:
    assert problems_of(words_in(language), language) == []


@pytest.mark.parametrize("language", languages())
def test_no_code_stands_twice(language: str) -> None:
    """JSON takes the last one without a word."""
    text = (REPOSITORY / "stinercut" / "language" / "words" / f"{language}.json").read_text("utf-8")
    pairs: list[tuple[str, object]] = json.loads(text, object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert sorted(names) == sorted(set(names))
    codes = [str(code) for kind in CODES for code in kind]
    assert sorted(codes) == sorted(set(codes))


OTHERS = tuple(language for language in languages() if language != ENGLISH)
SAME_WORDS: dict[str, frozenset[str]] = {"de": frozenset({"name_field", "page.codes"})}
"""Codes whose words are right as they are in English."""


def texts_of(language: str) -> dict[str, str]:
    """All texts of a language: by code, for plural forms by code and form."""
    texts: dict[str, str] = {}
    for code, entry in words_in(language).items():
        forms = {"": entry} if isinstance(entry, str) else entry
        texts |= {f"{code} {form}".strip(): text for form, text in forms.items() if form != "plural"}
    return texts


@pytest.mark.parametrize("language", OTHERS)
def test_another_language_holds_no_copies_of_the_english_words(language: str) -> None:
    english, same = texts_of(ENGLISH), SAME_WORDS.get(language, frozenset())
    copies = {
        code
        for code, text in texts_of(language).items()
        if text == english.get(code) and re.search(r"[^\W\d_]", re.sub(r"\{[^}]*\}", "", text))
    }
    assert copies == same


def test_german_addresses_nobody_as_sie() -> None:
    assert [
        code for code, text in texts_of("de").items() if re.search(r"\b(?:Sie|Ihr|Ihre[mnrs]?|Ihnen)\b", text)
    ] == []


def test_every_text_that_a_script_asks_for_has_words() -> None:
    scripts = [path for path in (REPOSITORY / "hub").rglob("*.js") if "node_modules" not in path.parts]
    asked = {
        code for path in scripts for code in re.findall(r"[\"'`](page\.[a-z][a-z0-9_]*)[\"'`]", path.read_text("utf-8"))
    }
    assert asked - set(words_in(ENGLISH)) == set()


GOOD = {**words_in(ENGLISH)}


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ({"after_pause": None}, "after_pause: no words"),
        ({"wind_too_strong": "It blows."}, "wind_too_strong: no such code"),
        ({"not_copied": "Could not be copied."}, "not_copied: shows [], has ['files']"),
        ({"not_copied": "{files} of {card}"}, "not_copied: shows ['card', 'files'], has ['files']"),
        ({"not_copied": "{files:loud}"}, "not_copied: no form 'loud'"),
        ({"not_copied": "{files:d}"}, "not_copied: no form 'd'"),
        (
            {"files_arriving": {"plural": "files", "other": "{here} of {files}"}},
            "files_arriving: no text for 'one'",
        ),
        (
            {
                "files_arriving": {
                    "plural": "files",
                    "one": "{here} of 1",
                    "few": "{here}",
                    "other": "{here} of {files}",
                }
            },
            "files_arriving: en has no form 'few'",
        ),
    ],
)
def test_what_is_wrong_with_words_is_said_in_a_line_each(broken: dict[str, object], line: str) -> None:
    words = {code: entry for code, entry in {**GOOD, **broken}.items() if entry is not None}
    assert line in problems_of(words, ENGLISH)  # pyright: ignore[reportArgumentType]


def sent() -> Iterator[tuple[str, frozenset[str], str]]:
    """Every message that the code makes: its code, the names of its values, and where."""
    for path in (path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")):
        for node in nodes_of(parsed(path)):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("Message"), attr="of"), args=[code], keywords=given):
                    where = f"{path.relative_to(REPOSITORY)}:{node.lineno}"
                    yield ast.unparse(code), frozenset(str(one.arg) for one in given), where
                case _:
                    pass


def test_every_message_gives_the_values_of_its_words_and_every_code_is_sent() -> None:
    found = list(sent())
    codes = {f"{kind.__name__}.{code.name}": code for kind in CODES for code in kind}
    assert [where for code, _, where in found if code not in codes] == [], "a code by its name, so that it is found"
    wrong = [f"{where}: {code}" for code, given, where in found if given != fields_of(GOOD, codes[code])]
    assert wrong == []
    assert {code for code in codes if code not in {one for one, _, _ in found}} == RETIRED


# ------------------------------------------------------------------------------------------------ becoming words


def test_the_words_follow_the_number() -> None:
    assert worded(arriving(0, 1)) == "0 of 1 file is here."
    assert worded(arriving(1, 2)) == "1 of 2 files are here."


def test_values_may_be_lists_and_messages() -> None:
    assert worded(Message.of(MessageCode.NOT_COPIED, files=("A", "B"))) == "Could not be copied: A, B."
    names = [
        Message.of(MessageCode.PASSENGER_OF_MASTER, passenger="Anna", master="TM-1"),
        Message.of(MessageCode.PASSENGER_WITHOUT_MASTER, passenger="Ben"),
        "Cleo",
    ]
    several = Message.of(MessageCode.BOOKING_WITH_DIFFERENT_CODES, booking="B-1", day="2026-06-01", claims=tuple(names))
    assert worded(several).endswith("on this card: Anna (master TM-1), Ben (master not given), and Cleo")
    assert from_json(json.loads(json.dumps(several.as_json()))) == several


def test_sentences_in_one_and_digits_of_a_number() -> None:
    ends = in_a_row(Message.of(MessageCode.FILM_CUT_SHORT, reached=2.345, seconds=12.0), None, *as_written("it broke"))
    words = "cut short or damaged: no picture after 2.3 of 12.0 s"
    assert all_worded(ends) == f"{words}; it broke"
    assert in_a_row(None) == ()
    assert in_a_row(None, *as_written("one")) == as_written("one")
    other = Message("film_cut_short", {"reached": "two", "seconds": 12})
    assert worded(other) == "cut short or damaged: no picture after two of 12.0 s"


def test_messages_are_a_field_of_models() -> None:
    kept = TypeAdapter[tuple[Message, ...]](Parts)
    parts = (arriving(1, 2), *as_written("it broke"))
    assert kept.validate_json(kept.dump_json(parts)) == parts
    assert kept.validate_python(["a sentence of before"]) == as_written("a sentence of before")
    with pytest.raises(ValidationError):
        kept.validate_python("a sentence")


def test_several_are_one_text() -> None:
    two = (Message.of(MessageCode.AFTER_PAUSE), Message.of(MessageCode.OLDER_FILM_STAYS))
    first = "filmed after a long pause, without a code since"
    assert all_worded(two) == f"{first}. The film that was made before is still here."
    assert all_worded(two[:1]) == first
    assert all_worded((*as_written(""), *two[:1])) == first


def test_a_value_can_be_a_sentence_within_another() -> None:
    about = Message.of(MessageCode.FAILURE_OF_FILE, file="A.MP4", what=Message.of(MessageCode.DISK_FULL))
    assert worded(about) == "A.MP4: the disk is full."
    assert worded(Message.of(MessageCode.FAILURE, what="is it there?")) == "is it there?"
    assert worded(Message.of(MessageCode.FAILURE, what=("one", "two."))) == "one. two."


def test_braces_in_a_value_stay_as_they_are() -> None:
    assert worded(Message.of(MessageCode.AS_WRITTEN, text="{0} {files!r} {")) == "{0} {files!r} {"


def test_a_code_of_a_newer_release_is_shown_in_plain_words() -> None:
    row = {
        "code": "wind_too_strong",
        "values": {"limit": 20, "gusts": [21, 25.5], "at": {"code": "tower", "values": {}}},
    }
    assert worded(from_json(row)) == "Wind too strong (limit: 20, gusts: 21, 25.5, at: Tower)"
    assert worded(Message("")) == ""
    assert worded(Message("files_arriving", {"share": 0.5})) == "Files arriving (share: 0.5)"
    assert worded(Message("files_arriving", {"here": 1, "files": "two"})) == "1 of two files are here."
    assert worded(Message("photos_arriving", {"soon": 1})) == "Its photos are being copied."


@pytest.mark.parametrize(
    "row", [None, 7, "a text", ["x"], {}, {"code": 3, "values": {}}, {"code": "a", "values": None}]
)
def test_what_is_no_message_is_shown_as_it_is(row: object) -> None:
    assert worded(from_json(row)) == str(row)


@pytest.fixture
def half_german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language whose translator has only begun."""
    (tmp_path / "words").mkdir()
    german = {
        "film_cut_short": "kein Bild nach {reached:.1f} von {seconds:.2f} s",
        "files_arriving": {
            "plural": "files",
            "one": "{here} von {files} Datei ist da.",
            "other": "{here} von {files} Dateien sind da.",
        },
    }
    (tmp_path / "words" / "de.json").write_text(json.dumps(german), "utf-8")
    (tmp_path / "words" / "en.json").write_text(json.dumps(GOOD), "utf-8")

    def here(_package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(messages.resources, "files", here)
    words_in.cache_clear()
    languages.cache_clear()
    yield
    words_in.cache_clear()
    languages.cache_clear()


@pytest.mark.usefixtures("half_german")
def test_another_language_is_a_file_and_english_stands_in_for_what_it_lacks() -> None:
    assert languages() == ("de", "en")
    assert worded(arriving(1, 2), "de") == "1 von 2 Dateien sind da."
    assert worded(arriving(1, 1), "de") == "1 von 1 Datei ist da."
    assert worded(Message.of(MessageCode.FILM_CUT_SHORT, reached=2.34, seconds=12), "de") == (
        "kein Bild nach 2,3 von 12,00 s"
    )
    assert worded(Message.of(MessageCode.PHOTOS_ARRIVING), "de") == "Its photos are being copied."
    assert worded(arriving(1, 2), "../en") == "1 of 2 files are here."
    assert "photos_arriving: no words" in problems_of(words_in("de"), "de")
