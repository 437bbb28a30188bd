"""The Unicode Bidirectional Algorithm (UAX #9): which characters of a line run from right to left, and their order.

Owns: all its rules for one line, tested with Unicode's own BidiCharacterTest. Not here: fonts, shaping, mirrored glyphs
(HarfBuzz mirrors brackets in a run from right to left).

Rule names (P2, X5a, N0 ...) are the standard's. The algorithm is written here because no maintained library gives
levels to Python: python-bidi gives only the reordered text, and without rule N0.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")

_STRONG: Final = ("L", "R", "AL")
_NUMBERS: Final = ("EN", "AN")
_ISOLATES: Final = ("LRI", "RLI", "FSI")
_NEUTRAL: Final = ("B", "S", "WS", "ON", *_ISOLATES, "PDI")
_EMBEDDINGS: Final = {"RLE": (1, ""), "LRE": (0, ""), "RLO": (1, "R"), "LRO": (0, "L")}
_REMOVED: Final = (*_EMBEDDINGS, "PDF", "BN")
"""Characters that X9 removes from the later rules; each gets the level of the character before it."""

_DEEPEST: Final = 125
_OPEN_BRACKETS: Final = 63
"""Limits of the standard: depth of embeddings (BD2), brackets waiting for their partner (BD16)."""

_PAIRS: Final = (
    "()[]{}༺༻༼༽᚛᚜⁅⁆⁽⁾₍₎⌈⌉⌊⌋\u2329\u232a❨❩❪❫❬❭❮❯❰❱❲❳❴❵⟅⟆⟦⟧⟨⟩⟪⟫⟬⟭⟮⟯⦃⦄⦅⦆⦇⦈⦉⦊⦋⦌⦍⦐⦏⦎⦑⦒⦓⦔⦕⦖⦗⦘⧘⧙⧚⧛⧼⧽"
    "⸢⸣⸤⸥⸦⸧⸨⸩\u2e55\u2e56\u2e57\u2e58\u2e59\u2e5a\u2e5b\u2e5c\u3008\u3009《》「」『』【】〔〕〖〗〘〙〚〛﹙﹚﹛﹜﹝﹞（）［］｛｝｟｠｢｣"
)
"""Bidi_Paired_Bracket of Unicode 15: each opening bracket, then its closing one."""

_CLOSING_OF: Final = {
    opening: unicodedata.normalize("NFC", closing) for opening, closing in zip(_PAIRS[::2], _PAIRS[1::2], strict=True)
}
_CLOSING: Final = frozenset(_PAIRS[1::2])


def base_level(text: str) -> int:
    """The line's own level: 1 where its first letter with a direction runs from right to left (rules P2 and P3)."""
    return _first_strong([unicodedata.bidirectional(char) or "L" for char in text])


def levels_of(text: str, base: int | None = None) -> list[int]:
    """The level of each character: odd ones run from right to left.

    `base`: the line's own level, if it is not decided by its first letter.
    """
    kinds = [unicodedata.bidirectional(char) or "L" for char in text]
    base = _first_strong(kinds) if base is None else base
    explicit = _explicit(kinds, base)
    levels = list(explicit.levels)
    for sequence in _sequences(kinds, explicit, base):
        resolved = _resolved(text, [explicit.kinds[at] for at in sequence.places], sequence)
        for at, kind in zip(sequence.places, resolved, strict=True):
            levels[at] += _RISE[kind][levels[at] % 2]
    return _line_levels(kinds, levels, base)


def page_order(pieces: Sequence[T], levels: Sequence[int]) -> list[T]:
    """The pieces in the order of the page, from left to right; they are given in the order of reading (rule L2)."""
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


# Embeddings and isolates (P2 to X10) ---------------------------------------------------------------------------------


def _first_strong(kinds: Sequence[str]) -> int:
    """P2 and P3: the direction of the first strong character outside isolates."""
    depth = 0
    for kind in kinds:
        if kind in _ISOLATES:
            depth += 1
        elif kind == "PDI":
            depth = max(0, depth - 1)
        elif kind in _STRONG and depth == 0:
            return 0 if kind == "L" else 1
    return 0


@dataclass(frozen=True)
class _Explicit:
    """The effect of the explicit characters: a level and a class for each character, and each isolate's end (BD9)."""

    levels: list[int]
    kinds: list[str]
    ends: dict[int, int]


def _matching_ends(kinds: Sequence[str]) -> dict[int, int]:
    """BD9: the place of each isolate initiator's PDI; isolates without a PDI are left out."""
    initiators: list[int] = []
    ends: dict[int, int] = {}
    for at, kind in enumerate(kinds):
        if kind in _ISOLATES:
            initiators.append(at)
        elif kind == "PDI" and initiators:
            ends[initiators.pop()] = at
    return ends


@dataclass
class _Depths:
    """The directional status stack of rules X1 to X8: (level, override, whether it is an isolate) for each depth, and
    how many isolates and embeddings were too deep.
    """

    stack: list[tuple[int, str, bool]]
    isolates_over: int = 0
    embeddings_over: int = 0

    @property
    def level(self) -> int:
        return self.stack[-1][0]

    @property
    def override(self) -> str:
        return self.stack[-1][1]

    def embed(self, kind: str) -> None:
        """X2 to X5."""
        odd, override = _EMBEDDINGS[kind]
        if self._push(odd, override, isolate=False) or self.isolates_over:
            return
        self.embeddings_over += 1

    def isolate(self, odd: int) -> None:
        """X5a to X5c, after the initiator itself was looked at."""
        if not self._push(odd, "", isolate=True):
            self.isolates_over += 1

    def _push(self, odd: int, override: str, *, isolate: bool) -> bool:
        deeper = self.level + 1 if (self.level + 1) % 2 == odd else self.level + 2
        if deeper > _DEEPEST or self.isolates_over or self.embeddings_over:
            return False
        self.stack.append((deeper, override, isolate))
        return True

    def end_isolate(self) -> None:
        """X6a."""
        if self.isolates_over:
            self.isolates_over -= 1
        elif any(isolate for _, _, isolate in self.stack):
            self.embeddings_over = 0
            while not self.stack.pop()[2]:
                pass

    def end_embedding(self) -> None:
        """X7."""
        if self.isolates_over:
            return
        if self.embeddings_over:
            self.embeddings_over -= 1
        elif not self.stack[-1][2] and len(self.stack) > 1:
            self.stack.pop()


def _explicit(kinds: Sequence[str], base: int) -> _Explicit:
    """Rules X1 to X8."""
    ends = _matching_ends(kinds)
    levels, out = [base] * len(kinds), list(kinds)
    depths = _Depths([(base, "", False)])
    for at, kind in enumerate(kinds):
        if kind == "PDI":
            depths.end_isolate()
        if kind != "B":
            levels[at] = depths.level
        if kind not in ("B", *_REMOVED):
            out[at] = depths.override or kind
        if kind in _EMBEDDINGS:
            depths.embed(kind)
        elif kind in _ISOLATES:
            within = kinds[at + 1 : ends.get(at, len(kinds))]
            depths.isolate(_first_strong(within) if kind == "FSI" else int(kind == "RLI"))
        elif kind == "PDF":
            depths.end_embedding()
    return _Explicit(levels, out, ends)


@dataclass(frozen=True)
class _Sequence:
    """An isolating run sequence (BD13): its characters' places, its level, and the classes at its two ends (X10)."""

    places: list[int]
    level: int
    before: str
    after: str


def _sequences(kinds: Sequence[str], explicit: _Explicit, base: int) -> Iterator[_Sequence]:
    """Rule X10, over the characters that X9 leaves."""
    places = [at for at, kind in enumerate(kinds) if kind not in _REMOVED]
    runs: list[list[int]] = []
    for at in places:
        if runs and explicit.levels[runs[-1][-1]] == explicit.levels[at]:
            runs[-1].append(at)
        else:
            runs.append([at])
    begins = {run[0]: run for run in runs}
    ends = set(explicit.ends.values())
    for run in runs:
        if kinds[run[0]] == "PDI" and run[0] in ends:
            continue  # it continues the run of its isolate's initiator
        whole = list(run)
        while (end := explicit.ends.get(whole[-1])) is not None and end in begins:
            whole += begins[end]
        yield _sequence(whole, places, kinds, explicit, base)


def _sequence(whole: list[int], places: list[int], kinds: Sequence[str], explicit: _Explicit, base: int) -> _Sequence:
    level = explicit.levels[whole[0]]
    left = max((at for at in places if at < whole[0]), default=None)
    is_open = kinds[whole[-1]] in _ISOLATES and whole[-1] not in explicit.ends
    right = None if is_open else min((at for at in places if at > whole[-1]), default=None)
    before, after = (_level_at(explicit.levels, at, base) for at in (left, right))
    return _Sequence(whole, level, "LR"[max(before, level) % 2], "LR"[max(after, level) % 2])


def _level_at(levels: Sequence[int], at: int | None, base: int) -> int:
    """The level at a place; the line's own level beyond its ends."""
    return base if at is None else levels[at]


# Classes within a sequence (W1 to I2) --------------------------------------------------------------------------------

_RISE: Final = {"L": (0, 1), "R": (1, 0), "EN": (2, 1), "AN": (2, 1)}
"""Rules I1 and I2: by how much a class raises an even and an odd level."""


def _resolved(text: str, kinds: list[str], sequence: _Sequence) -> list[str]:
    """L, R, EN or AN for each character of a sequence."""
    weak = _weak(kinds, sequence.before)
    return _neutral(_brackets([text[at] for at in sequence.places], kinds, weak, sequence), sequence)


def _weak(kinds: Sequence[str], edge: str) -> list[str]:
    """Marks, numbers and what belongs to numbers (rules W1 to W7)."""
    out: list[str] = []
    for kind in kinds:  # W1
        before = out[-1] if out else edge
        out.append(("ON" if before in (*_ISOLATES, "PDI") else before) if kind == "NSM" else kind)
    strong = edge
    for at, kind in enumerate(out):  # W2
        if kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":
            out[at] = "AN"
    out = _around_numbers(["R" if kind == "AL" else kind for kind in out])  # W3
    strong = edge
    for at, kind in enumerate(out):  # W6 and W7
        if kind in ("ES", "ET", "CS"):
            out[at] = "ON"
        elif kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "L":
            out[at] = "L"
    return out


def _around_numbers(kinds: list[str]) -> list[str]:
    """Separators within a number and signs next to it (rules W4 and W5)."""
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


def _brackets(chars: Sequence[str], kinds: Sequence[str], weak: list[str], sequence: _Sequence) -> list[str]:
    """Rule N0: a pair of brackets has one direction: that of the text within it or around it."""
    out, edge = list(weak), "LR"[sequence.level % 2]
    for opening, closing in _bracket_pairs(chars, weak):
        inside = {_side(kind) for kind in out[opening + 1 : closing]} - {""}
        direction = edge if edge in inside else ""
        if not direction and inside:
            context = next((_side(kind) for kind in reversed(out[:opening]) if _side(kind)), sequence.before)
            direction = context if context in inside else edge
        if not direction:
            continue
        for bracket in (opening, closing):
            out[bracket] = direction
            for at in range(bracket + 1, len(out)):
                if kinds[at] != "NSM":
                    break
                out[at] = direction
    return out


def _bracket_pairs(chars: Sequence[str], kinds: Sequence[str]) -> list[tuple[int, int]]:
    """BD16: pairs of brackets, ordered by the place of the opening one."""
    waiting: list[tuple[str, int]] = []
    pairs: list[tuple[int, int]] = []
    for at, char in enumerate(chars):
        if kinds[at] != "ON":
            continue
        if char in _CLOSING_OF:
            if len(waiting) == _OPEN_BRACKETS:
                return []
            waiting.append((_CLOSING_OF[char], at))
        elif char in _CLOSING:
            partner = unicodedata.normalize("NFC", char)
            for number in range(len(waiting) - 1, -1, -1):
                if waiting[number][0] == partner:
                    pairs.append((waiting[number][1], at))
                    del waiting[number:]
                    break
    return sorted(pairs)


def _neutral(kinds: list[str], sequence: _Sequence) -> list[str]:
    """Signs and spaces: the direction of both neighbours if they agree, else the level's direction (N1 and N2)."""
    out, edge = list(kinds), "LR"[sequence.level % 2]
    at = 0
    while at < len(out):
        end = at
        while end < len(out) and out[end] in _NEUTRAL:
            end += 1
        if end > at:
            before = _side(out[at - 1]) if at else sequence.before
            after = _side(out[end]) if end < len(out) else sequence.after
            out[at:end] = [before if before == after else edge] * (end - at)
        at = max(end, at + 1)
    return out


def _side(kind: str) -> str:
    """A class as L or R for the rules on neutrals (numbers are R); empty for a neutral class."""
    if kind == "L":
        return "L"
    return "R" if kind in ("R", "EN", "AN") else ""


# The line ------------------------------------------------------------------------------------------------------------


def _line_levels(kinds: Sequence[str], levels: list[int], base: int) -> list[int]:
    """Rule L1: separators, and spaces before them and at the end, have the line's level. A character that X9 removed
    has the level of the one before it.
    """
    out, is_end = list(levels), True
    for at in range(len(kinds) - 1, -1, -1):
        kind = kinds[at]
        if kind in ("B", "S"):
            out[at], is_end = base, True
        elif kind in ("WS", *_ISOLATES, "PDI") and is_end:
            out[at] = base
        elif kind not in _REMOVED:
            is_end = False
    for at, kind in enumerate(kinds):
        if kind in _REMOVED:
            out[at] = out[at - 1] if at else base
    return out
