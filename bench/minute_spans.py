"""Where the time of a card went: what was going on from its insertion to its films, as spans, shares and a picture.

Owns: spans of Dagster's runs, how a moment is counted, the waterfall as SVG. Not here:
driving an installation (`bench/minute.py`), asking Dagster (`bench/minute_runs.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

KINDS = {
    "render": ("rendering", "#2f7d4f"),
    "join": ("joining and checking", "#7fb069"),
    "code": ("looking for a code", "#3b6ea5"),
    "step": ("other steps", "#8d99ae"),
    "step start": ("starting a step", "#e0a458"),
    "run start": ("starting a run, importing", "#d1603d"),
    "queue": ("in Dagster's queue", "#a63d40"),
    "copy": ("copying only", "#6d597a"),
    "wait": ("waiting: a tick, or nothing", "#d9d9d9"),
}
"""What can go on, with its words and colour. A moment counts for the first of these that goes on in it."""

_KIND_OF_STEP = {
    "render_clip": "render",
    "render_cards": "render",
    "title_and_outro": "render",
    "rendered_video": "join",
    "read_code": "code",
}


@dataclass(frozen=True)
class Span:
    """Something that went on. Seconds since 1970."""

    lane: str
    kind: str
    label: str
    start: float
    end: float


def spans_of_runs(runs: Iterable[Mapping[str, Any]]) -> list[Span]:
    """A run's time in the queue, its start, its steps and their starts."""
    return [span for run in runs for span in _spans_of_run(run)]


def _spans_of_run(run: Mapping[str, Any]) -> list[Span]:
    moments, lane = run["moments"], f"{run['job']} {run['partition'] or ''}"
    queued_until = moments.get("dequeued", moments.get("started", moments["created"]))
    found = [Span(lane, "queue", "queue", moments["created"], queued_until)]
    first = min((step["started"] for step in run["steps"].values() if "started" in step), default=None)
    if first is not None:
        found.append(Span(lane, "run start", "start", queued_until, first))
    for key, step in run["steps"].items():
        if "started" not in step:
            continue
        name = key.rpartition(".")[2].partition("[")[0]
        if "asked" in step and step["asked"] < step["started"] and step["started"] != first:
            found.append(Span(lane, "step start", key, step["asked"], step["started"]))
        kind = _KIND_OF_STEP.get(name, "step")
        found.append(Span(lane, kind, key, step["started"], step.get("ended", step["started"])))
    return found


def shares(spans: Sequence[Span], start: float, end: float) -> dict[str, float]:
    """Seconds between these moments by what went on; each moment counts once."""
    edges = sorted({start, end, *(edge for span in spans for edge in (span.start, span.end) if start < edge < end)})
    order = list(KINDS)
    found = dict.fromkeys(KINDS, 0.0)
    for left, right in pairwise(edges):
        going_on = [order.index(span.kind) for span in spans if span.start <= left and span.end >= right]
        found[order[min(going_on)] if going_on else "wait"] += right - left
    return found


def waterfall(title: str, spans: Sequence[Span], marks: Mapping[str, float], start: float) -> str:
    """The spans as an SVG, a line for each; `marks` are moments with names. Times from `start` on."""
    shown = sorted(spans, key=lambda span: (span.start, span.end))
    end = max([*(span.end for span in shown), *marks.values()]) - start
    line, left, width = 16, 300, 900
    height = line * (len(shown) + len(marks)) + 70 + line * len(KINDS)
    scale = width / max(end, 0.001)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 40}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="white"/><text x="10" y="20" font-size="14">{escape(title)}</text>',
    ]
    y = 40
    for span in shown:
        x, wide = left + (span.start - start) * scale, max(1.0, (span.end - span.start) * scale)
        words = f"{span.lane}: {span.label}"[-52:]
        parts.append(f'<text x="{left - 6}" y="{y + 11}" text-anchor="end">{escape(words)}</text>')
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="12" fill="{KINDS[span.kind][1]}"/>')
        parts.append(f'<text x="{x + wide + 3:.1f}" y="{y + 11}">{span.end - span.start:.2f}</text>')
        y += line
    for name, moment in sorted(marks.items(), key=lambda mark: mark[1]):
        x = left + (moment - start) * scale
        parts.append(f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{y + 12}" stroke="black" stroke-dasharray="2 3"/>')
        words = f"{name}: {moment - start:.1f} s"
        anchor = "end" if x > left + width / 2 else "start"
        parts.append(f'<text x="{x:.1f}" y="{y + 11}" text-anchor="{anchor}">{escape(words)}</text>')
        y += line
    y += 20
    for words, colour in KINDS.values():
        parts.append(f'<rect x="{left}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + 18}" y="{y + 11}">{escape(words)}</text>')
        y += line
    return "\n".join([*parts, "</svg>"])
