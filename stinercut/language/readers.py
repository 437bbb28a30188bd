"""Chooses the language of a reader: what the browser asks for, as far as there are words.

Owns: reading `Accept-Language`. Not here: the words (`messages`), the house's language (`stinercut.settings`).
"""

from __future__ import annotations

from stinercut.language.messages import ENGLISH, languages

MOST_READ = 20
"""How many languages of a header are looked at. Browsers send less than ten."""


def reader_language(accepts: str, house: str = ENGLISH) -> str:
    """The best language for a browser that sends this `Accept-Language`; the house's if none fits.

    `de-AT;q=0.9` asks for German as it is written in Austria: words for German fit. `*` is whatever the house speaks.
    The header comes from outside: what can't be read of it is left out. (RFC 9110, 12.5.4.)
    """
    known = languages()
    fallback = house if house in known else ENGLISH
    wanted = [choice for part in accepts.split(",")[:MOST_READ] if (choice := _choice(part)) is not None]
    for _, language in sorted(wanted, key=lambda choice: -choice[0]):
        if language == "*":
            return fallback
        if language in known:
            return language
    return fallback


def _choice(part: str) -> tuple[float, str] | None:
    """`de-AT;q=0.9` as 0.9 and `de`; None for what is refused (`q=0`) or can't be read."""
    tag, _, parameter = part.partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
    except ValueError:
        return None
    language = tag.strip().split("-")[0].lower()
    return (weight, language) if language and 0 < weight <= 1 else None
