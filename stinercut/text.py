"""Small helpers for sentences for people.

Owns: numbers of things, the end of a sentence. Not here: the sentences themselves.
"""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 film`, `2 films`; `thing` takes an s."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def ended(text: str) -> str:
    """A text before another one: with a full stop, unless it has an end. A server's message may be a question."""
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."
