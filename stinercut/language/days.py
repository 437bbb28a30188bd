"""Days in a reader's language: `1 June 2026`, `1. Juni 2026`.

Owns: this form. Not here: dates in a film's title, whose form a template chooses (`stinercut.templates.merging`).
"""

from __future__ import annotations

from datetime import date


def day_in_words(day: date, language: str) -> str:
    """A day with the month's name. Plain `en` has the day before the month; a language that is not known gets `en`."""
    from babel.core import UnknownLocaleError
    from babel.dates import format_date

    try:
        return format_date(day, "long", locale="en_001" if language == "en" else language)
    except (UnknownLocaleError, ValueError):
        return format_date(day, "long", locale="en_001")
