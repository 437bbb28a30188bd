"""Small words that many sentences for people need.

Owns: numbers of things, the end of a sentence. Not here: any sentence.
"""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 film`, `2 films`; `thing` takes an s."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def ended(text: str) -> str:
    """A text that something follows: with a full stop, unless it has an end. What a server said may be a question."""
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."
