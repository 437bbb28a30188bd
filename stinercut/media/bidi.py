"""Lines of mixed direction: which of their characters run from right to left, and their order on the page.

Lives here: the Unicode Bidirectional Algorithm (UAX #9) for one line without embeddings, as names and places are.
Doesn't: fonts, shaping. Brackets count as plain neutrals (rule N0 is left out).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_NUMBERS = ("EN", "AN")
_STRONG = ("L", "R", "AL")


def base_level(text: str) -> int:
    """The line's own level: 1 where its first letter with a direction runs from right to left (rules P2 and P3)."""
    first = next((kind for kind in map(unicodedata.bidirectional, text) if kind in _STRONG), "L")
    return 0 if first == "L" else 1


def levels_of(text: str) -> list[int]:
    """The level of each character: odd ones run from right to left."""
    base = base_level(text)
    edge = "LR"[base]
    kinds = _weak(_kinds(text, edge), edge)
    kinds = _neutral(kinds, edge)
    # Rules I1 and I2. At an even level letters from the right go up by one, numbers by two; at an odd one both by one.
    up = {"L": (0, 1), "R": (1, 0), "EN": (2, 1), "AN": (2, 1)}
    return [base + up[kind][base] for kind in kinds]


def page_order(pieces: Sequence[T], levels: Sequence[int]) -> list[T]:
    """The pieces from left to right as they stand on the page, given in the order of reading (rule L2)."""
    order = list(range(len(pieces)))
    for level in range(max(levels, default=0), 0, -1):
        at = 0
        while at < len(order):
            end = at
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[at:end] = order[at:end][::-1]
            at = max(end, at + 1)
    return [pieces[number] for number in order]


def _kinds(text: str, edge: str) -> list[str]:
    """The class of each character; marks and joiners take that of what they sit on (rule W1)."""
    out: list[str] = []
    for char in text:
        kind = unicodedata.bidirectional(char) or "L"
        if kind in ("NSM", "BN"):
            kind = out[-1] if out else edge
        out.append(kind if kind in (*_STRONG, *_NUMBERS, "ES", "ET", "CS") else "ON")
    return out


def _weak(kinds: list[str], edge: str) -> list[str]:
    """Numbers and what belongs to them (rules W2 to W7)."""
    out = list(kinds)
    strong = edge
    for at, kind in enumerate(out):  # W2
        if kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":
            out[at] = "AN"
    out = _beside_numbers(["R" if kind == "AL" else kind for kind in out])  # W3
    strong = edge
    for at, kind in enumerate(out):  # W6 and W7
        if kind in ("ES", "ET", "CS"):
            out[at] = "ON"
        elif kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "L":
            out[at] = "L"
    return out


def _beside_numbers(kinds: list[str]) -> list[str]:
    """Separators within a number and signs beside it (rules W4 and W5)."""
    out = list(kinds)
    for at in range(1, len(out) - 1):  # W4
        before, after = out[at - 1], out[at + 1]
        if before == after and ((out[at] == "CS" and before in _NUMBERS) or (out[at] == "ES" and before == "EN")):
            out[at] = before
    for at, kind in enumerate(out):  # W5
        if kind == "EN":
            for step in (-1, 1):
                near = at + step
                while 0 <= near < len(out) and out[near] == "ET":
                    out[near] = "EN"
                    near += step
    return out


def _neutral(kinds: list[str], edge: str) -> list[str]:
    """Signs and spaces: the direction of both neighbours where they agree, else the line's (rules N1 and N2)."""
    out = list(kinds)
    at = 0
    while at < len(out):
        end = at
        while end < len(out) and out[end] == "ON":
            end += 1
        if end > at:
            before = _side(out[at - 1]) if at else edge
            after = _side(out[end]) if end < len(out) else edge
            out[at:end] = [before if before == after else edge] * (end - at)
        at = max(end, at + 1)
    return out


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"
