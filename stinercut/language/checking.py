"""Checks a file of words: codes without words, words without a code, values that the code doesn't have.

Owns: this check, for the tests and for authors of another language's file. Other languages are compared with English.
The codes of the pages' own texts (`page.`) are those of English.
Not here: making words (`messages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from string import Formatter

from stinercut.language.codes import MessageCode
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import ENGLISH, NUMBER_FORM, PAGE, Words, plural_form, words_in
from stinercut.language.people_codes import PeopleCode
from stinercut.language.refusal_codes import RefusalCode
from stinercut.language.setup_codes import SetupCode
from stinercut.language.template_codes import TemplateCode

CODES = (MessageCode, RefusalCode, DeliveryCode, PeopleCode, TemplateCode, SetupCode)
"""All lists of codes."""

PAGE_CODE = re.compile(r"page\.[a-z][a-z0-9_]*")
"""The form of a code of a page's own text."""

FORMS = frozenset({"", "and", "ended", "or", "semicolons"})
"""The ways of showing a value; a number also has its own form."""


def fields_of(words: Words, code: str) -> frozenset[str]:
    """The values that the words of a code show, in any of its forms."""
    entry = words[code]
    texts = [entry] if isinstance(entry, str) else [text for form, text in entry.items() if form != "plural"]
    named = frozenset(name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None)
    return named if isinstance(entry, str) else named | {entry["plural"]}


def problems_of(words: Words, language: str) -> list[str]:
    """The problems of a language's words, one line each; empty without problems."""
    codes = {str(code) for kind in CODES for code in kind} | {
        code for code in words_in(ENGLISH) if code.startswith(PAGE)
    }
    return [
        *(f"{code}: no words" for code in sorted(codes - set(words))),
        *(
            f"{code}: no code of a page"
            for code in sorted(words)
            if code.startswith(PAGE) and not PAGE_CODE.fullmatch(code)
        ),
        *(f"{code}: no such code" for code in sorted(set(words) - codes)),
        *(line for code in sorted(codes & set(words)) for line in _problems(words, code, language)),
    ]


def _shown_by(entry: str | Mapping[str, str]) -> frozenset[str]:
    """The values that each text must show: those that English does, for several."""
    text = entry if isinstance(entry, str) else entry["other"]
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _problems(words: Words, code: str, language: str) -> Iterator[str]:
    entry, english = words[code], words_in(ENGLISH)
    texts = {"": entry} if isinstance(entry, str) else {form: text for form, text in entry.items() if form != "plural"}
    if not isinstance(entry, str):
        wanted = {plural_form(number, language) for number in range(1000)} | {"other"}
        yield from (f"{code}: no text for {form!r}" for form in sorted(wanted - set(texts)))
        yield from (f"{code}: {language} has no form {form!r}" for form in sorted(set(texts) - wanted))
    asked = fields_of(english, code) if code in english else frozenset[str]()
    must = _shown_by(english[code]) if code in english else frozenset[str]()
    for form, text in texts.items():
        where = f"{code}, {form}" if form else code
        named = {name: how for _, name, how, _ in Formatter().parse(text) if name is not None}
        # A form for a single number may write that number in words. English may count what it doesn't show.
        counted = {entry["plural"]} if not isinstance(entry, str) and form != "other" else set[str]()
        if not must - counted <= set(named) <= asked:
            yield f"{where}: shows {sorted(named)}, has {sorted(asked)}"
        if code.startswith(PAGE) and any(named.values()):
            yield f"{where}: pages show values as they are"
        wrong = (how for how in named.values() if how not in FORMS and not NUMBER_FORM.fullmatch(how or ""))
        yield from (f"{where}: no form {how!r}" for how in wrong)
