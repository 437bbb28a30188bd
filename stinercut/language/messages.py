"""Messages: a code and values; the words are made where somebody reads them.

Owns: the message, its form as JSON in rows and answers, making its words in a language.
Not here: the lists of codes (`codes`, `refusal_codes`, `delivery_codes`, `template_codes`, `setup_codes`), the words
(`words/en.json`), checking a file of words (`checking`).

A template is a text with named values, `{here} of {files} files are here.`; a list is shown with commas, with
`{names:and}` with an "and", with `{names:or}` with an "or", with `{parts:semicolons}` with semicolons. `{what:ended}`
ends with a full stop, unless it has an end. A number is shown as it is, or with a number of digits: `{seconds:.1f}`. If
the words depend on a number, there is one text for each plural form of the language, and `plural` names the value that
counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any, TypeAlias, cast

from stinercut.language.codes import MessageCode
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.people_codes import PeopleCode
from stinercut.language.refusal_codes import RefusalCode
from stinercut.language.setup_codes import SetupCode
from stinercut.language.template_codes import TemplateCode
from stinercut.text import ended

ENGLISH = "en"
"""The language in which all codes have words; it is used if another language lacks the words."""

PAGE = "page."
"""How the codes of the pages' own texts begin. The scripts of pages ask for them, so no list here has them."""

NUMBER_FORM = re.compile(r"\+?\.\d+[fg]")
"""The forms of a number: digits after the point, or in all; with its sign."""

AnyCode: TypeAlias = MessageCode | RefusalCode | DeliveryCode | PeopleCode | TemplateCode | SetupCode
Value: TypeAlias = "str | int | float | Message | tuple[Value, ...]"
Words: TypeAlias = "Mapping[str, str | Mapping[str, str]]"
"""By code: a template, or one for each plural form."""


@dataclass(frozen=True)
class Message:
    """Something to tell people. `code` is of one of the lists of codes, or of a newer release."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict[str, "Value"], hash=False)

    @classmethod
    def of(cls, code: AnyCode, **values: Value) -> Message:
        """The message of this code. A test compares the names of the values with the template's."""
        return cls(str(code), values)

    def as_json(self) -> dict[str, Any]:
        """The message in its form for rows and answers."""
        return {"code": self.code, "values": {name: _as_json(value) for name, value in self.values.items()}}


def as_written(text: str) -> tuple[Message, ...]:
    """A text without a code, as a message; nothing for an empty text."""
    return (Message.of(MessageCode.AS_WRITTEN, text=text),) if text else ()


Said: TypeAlias = "str | Message | tuple[Message, ...]"
"""Something said to people: a message, several messages, or a text without a code."""


def parts_of(said: Said) -> tuple[Message, ...]:
    """The messages in it."""
    if isinstance(said, str):
        return as_written(said)
    return (said,) if isinstance(said, Message) else said


def with_texts(message: Message, change: Callable[[str], str]) -> Message:
    """The same message, with `change` applied to each text among its values."""
    return Message(message.code, {name: _changed(value, change) for name, value in message.values.items()})


def _changed(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, Message):
        return with_texts(value, change)
    if isinstance(value, tuple):
        return tuple(_changed(item, change) for item in value)
    return change(value) if isinstance(value, str) else value


def in_a_row(*said: Message | None) -> tuple[Message, ...]:
    """These messages as one, without those that are not there; empty where none is."""
    parts = tuple(part for part in said if part is not None)
    return (Message.of(MessageCode.SEVERAL, parts=parts),) if len(parts) > 1 else parts


def some_named(names: Sequence[str], number: int) -> Value:
    """The first names of so many things, as a value."""
    more = number - len(names)
    return Message.of(MessageCode.NAMES_AND_MORE, names=tuple(names), more=more) if more > 0 else tuple(names)


def _as_json(value: Value) -> object:
    if isinstance(value, Message):
        return value.as_json()
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value


def from_json(said: object) -> Message:
    """The message that `as_json` made. Anything else becomes a message, too: a page must open all the same."""
    if isinstance(said, dict):
        row = cast("dict[str, object]", said)
        code, values = row.get("code"), row.get("values")
        if isinstance(code, str) and isinstance(values, dict):
            named = cast("dict[str, object]", values)
            return Message(code, {str(name): _value(value) for name, value in named.items()})
    return Message.of(MessageCode.AS_WRITTEN, text=str(said))


def _value(said: object) -> Value:
    if isinstance(said, list):
        return tuple(_value(item) for item in cast("list[object]", said))
    return said if isinstance(said, str | int | float) else from_json(said)


# ------------------------------------------------------------------------------------------------ their words


def worded(message: Message, language: str = ENGLISH) -> str:
    """The message in that language, or in English if that language lacks the words.

    A message with an unknown code, or without a value that the words need, comes from another release: its code and
    values are shown in plain words.
    """
    for each in dict.fromkeys((language, ENGLISH)):
        try:
            return _filled(_template(message, each), message.values, each)
        except LookupError:
            continue
    return _plain(message, language)


def all_worded(messages: Iterable[Message], language: str = ENGLISH) -> str:
    """Several messages in one text. Each but the last one gets a full stop if its words have no end."""
    texts = [text for message in messages if (text := worded(message, language))]
    return " ".join([*map(ended, texts[:-1]), *texts[-1:]])


@cache
def words_in(language: str) -> Words:
    """The words of a language by code; empty for a language without a file."""
    file = resources.files("stinercut.language") / "words" / f"{language}.json"
    return json.loads(file.read_text("utf-8")) if language in languages() else {}


def page_words(language: str) -> dict[str, str | dict[str, str]]:
    """The words of the pages' own texts by their codes; English where the language lacks them."""
    words = {**words_in(ENGLISH), **words_in(language)}
    texts = {code: text for code, text in words.items() if code.startswith(PAGE)}
    return {code: text if isinstance(text, str) else dict(text) for code, text in texts.items()}


@cache
def languages() -> tuple[str, ...]:
    """The languages that have words, by their codes."""
    folder = resources.files("stinercut.language") / "words"
    return tuple(sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")))


def _template(message: Message, language: str) -> str:
    """The text for this message. Raises LookupError if there is no text."""
    words = words_in(language)[message.code]
    if isinstance(words, str):
        return words
    number = message.values[words["plural"]]
    form = plural_form(number, language) if isinstance(number, int | float) else "other"
    return words.get(form) or words["other"]


def plural_form(number: float, language: str) -> str:
    """The plural form of a number in that language: in English and German `one` or `other`."""
    from babel import Locale

    return Locale.parse(language).plural_form(number)


def _filled(template: str, values: Mapping[str, Value], language: str) -> str:
    """The text with its values; additional values of a newer release are left out. Raises LookupError for a missing
    one.
    """
    parts: list[str] = []
    for literal, name, form, _ in Formatter().parse(template):
        parts.append(literal)
        if name is not None:
            parts.append(_shown(values[name], form or "", language))
    return "".join(parts)


def _shown(value: Value, form: str, language: str) -> str:
    if form == "ended":
        sentences = value if isinstance(value, tuple) else (value,)
        return " ".join(ended(_shown(sentence, "", language)) for sentence in sentences)
    if isinstance(value, Message):
        return worded(value, language)
    if not isinstance(value, tuple):
        return str(value) if isinstance(value, str) or not form else _number(value, form, language)
    texts = [_shown(item, "", language) for item in value]
    return (
        _enumerated(texts, language, form)
        if form in ("and", "or")
        else ("; " if form == "semicolons" else ", ").join(texts)
    )


def _number(value: float, form: str, language: str) -> str:
    """`3.1416` with the form `.2f`: `3.14`, in German `3,14`."""
    shown = format(value, form) if NUMBER_FORM.fullmatch(form) else str(value)
    if language == ENGLISH:
        return shown
    from babel.numbers import get_decimal_symbol

    return shown.replace(".", get_decimal_symbol(language))


def _enumerated(texts: Sequence[str], language: str, form: str) -> str:
    from babel.lists import format_list

    return format_list(texts, "or" if form == "or" else "standard", language)


def _plain(message: Message, language: str) -> str:
    """`wind_too_strong` with a limit of 20: `Wind too strong (limit: 20)`."""
    code = message.code.replace("_", " ").strip().capitalize()
    values = ", ".join(f"{name}: {_shown(value, '', language)}" for name, value in message.values.items())
    return f"{code} ({values})" if values else code
