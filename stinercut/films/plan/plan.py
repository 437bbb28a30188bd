"""Plans a film frame by frame: the parts of a template's timeline, for one output and one jump's clips.

Owns: the plan, as a pure function of numbers. Not here: reading a file, drawing, encoding
(`stinercut.films.picture.segments`).

A part that stands alone is a `Shot`. Where two shots dissolve into each other there is a `Blend`, a short part of its
own, so that a changed neighbour re-encodes a second of film and not a clip. Everything in a part is counted from the
part's beginning: the same part in another place of the film has the same key, and is kept.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from stinercut.errors import BadInput
from stinercut.films.plan.timebase import frames_in
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.templates.timeline import RATES, Document, Footage, Look, Movie, Photos
from stinercut.templates.timeline import Clip as TemplateClip

_SHORTEST_BLEND = 2
"""Frames below which a transition is a cut."""

_FASTEST, _SLOWEST = 60.5, 23.0
"""Limits of the frame rates that a film takes over from its footage; slow motion is halved until it is within them."""


@dataclass(frozen=True)
class ClipInput:
    """A clip of the jump: its name, length and frame rate; `begin` and `end` in seconds when a person cut it.

    Without them the template's trimming applies. `key` tells takes apart; parts refer to it. It has numbers and no
    file, since a plan is a pure function of numbers.
    """

    key: str
    name: str
    seconds: float
    rate: Fraction
    begin: float | None = None
    end: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether a person chose which part of it to show."""
        return self.begin is not None or self.end is not None


# Parts ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A drawing or picture: its place on the main track, from 0. `frames` is the length of its complete movement.

    `photo`: the key of the jump's photo that is shown at that place.
    """

    place: int
    frames: int
    photo: str = ""


@dataclass(frozen=True)
class Reel:
    """A finished piece of film from the template's folder. `volume` is a share."""

    src: str
    volume: float


@dataclass(frozen=True)
class Filmed:
    """The jump's own footage: the key of a take, and the template's colours. `volume` is a share."""

    take: str
    look: Look
    volume: float


Content = Drawn | Reel | Filmed


@dataclass(frozen=True)
class Window:
    """When an overlay is seen: its place among the template's overlays, and its first and end frame in the shot."""

    overlay: int
    begin: int
    end: int


@dataclass(frozen=True)
class Shot:
    """Frames `begin` up to `begin + frames` of a content, at the film's rate.

    `fade_in` and `fade_out`: how many of its first and last frames fade from and to the background.
    """

    content: Content
    begin: int
    frames: int
    fade_in: int = 0
    fade_out: int = 0
    windows: tuple[Window, ...] = ()

    @property
    def volume(self) -> float:
        """How loud its own sound is in the film, as a share."""
        return self.content.volume if isinstance(self.content, Reel | Filmed) else 1.0

    @property
    def shots(self) -> tuple[Shot, ...]:
        """Itself."""
        return (self,)


@dataclass(frozen=True)
class Blend:
    """A crossfade from the end of one shot to the beginning of the next; both have the same length."""

    before: Shot
    after: Shot

    @property
    def frames(self) -> int:
        """How many frames it lasts."""
        return self.before.frames

    @property
    def volume(self) -> float:
        """The blend's own volume: both sounds already have theirs when they are blended."""
        return 1.0

    @property
    def shots(self) -> tuple[Shot, ...]:
        """Both shots."""
        return (self.before, self.after)


Part = Shot | Blend


@dataclass(frozen=True)
class FilmPlan:
    """The parts of a film in their order. `rate` in frames a second."""

    rate: Fraction
    parts: tuple[Part, ...]

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return sum(part.frames for part in self.parts)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return float(self.frames / self.rate)

    def placed(self) -> Iterator[tuple[int, Part]]:
        """Each part with the frame of the film at which it begins."""
        at = 0
        for part in self.parts:
            yield at, part
            at += part.frames


# Planning ------------------------------------------------------------------------------------------------------------


def plan_film(
    document: Document,
    rate: Fraction,
    takes: Sequence[ClipInput],
    movies: Mapping[str, float],
    photos: Sequence[str] = (),
) -> FilmPlan:
    """The film of these takes at that frame rate. `movies`: seconds of each of the template's own pieces of film.
    `photos`: keys of the jump's photos that can be shown, in their order.

    Takes are given in the order of recording. The template may ask for another order, except for takes that a person
    cut. Transitions that don't fit are shortened; they become cuts where nothing is left of them. Raises BadInput when
    there are no takes.
    """
    if not takes:
        raise BadInput(Message.of(MessageCode.NO_CLIPS), advice=Message.of(MessageCode.ONE_CLIP_AT_LEAST))
    main = enumerate(document.timeline.main)
    given = _Given(rate, takes, movies, photos)
    items = [item for place, clip in main for item in _items(place, clip, given)]
    parts = _parts(items, rate)
    return FilmPlan(rate, _with_windows(parts, document, rate))


def source_rate(rates: Iterable[Fraction]) -> Fraction:
    """The frame rate of most takes (of the earlier ones at a tie), as the nearest rate that cameras and players share.

    Slow motion is halved: 120 and 240 give 60. The rate is 30 without takes.
    """
    counted = Counter(_shared(rate) for rate in rates)
    return counted.most_common(1)[0][0] if counted else Fraction(30)


def _shared(rate: Fraction) -> Fraction:
    while rate > _FASTEST:
        rate /= 2
    while rate < _SLOWEST:
        rate *= 2
    return min(RATES.values(), key=lambda known: abs(known - rate))


def shown_of(take: ClipInput, footage: Footage, rate: Fraction) -> tuple[int, int]:
    """The first frame that is shown of a take, and how many are shown: a person's cut, else what the template keeps.

    At least one frame is shown of every take, however short it is.
    """
    whole = frames_in(take.seconds, rate)
    if take.is_cut:
        begin = round((take.begin or 0.0) * rate)
        end = whole if take.end is None else round(take.end * rate)
    else:
        begin, end = round(footage.trim.start * rate), whole - round(footage.trim.end * rate)
    begin = min(max(0, begin), whole - 1)
    frames = min(max(1, end - begin), whole - begin)
    if take.is_cut or footage.longest is None:
        return begin, frames
    kept = min(frames, frames_in(footage.longest, rate))
    spare = frames - kept
    return begin + {"start": 0, "middle": spare // 2, "end": spare}[footage.keep], kept


def in_order(takes: Sequence[ClipInput], order: Literal["recorded", "name", "reversed"]) -> list[ClipInput]:
    """The takes in the order that the template asks for; a person's cut has its order already."""
    if any(take.is_cut for take in takes) or order == "recorded":
        return list(takes)
    return sorted(takes, key=lambda take: take.name) if order == "name" else list(reversed(takes))


@dataclass(frozen=True)
class _Item:
    """An item of the main track before its transitions are taken out of it."""

    content: Content
    begin: int
    frames: int
    into: str
    out: str
    seconds: float


@dataclass(frozen=True)
class _Given:
    """The inputs of a film apart from its template."""

    rate: Fraction
    takes: Sequence[ClipInput]
    movies: Mapping[str, float]
    photos: Sequence[str]


def spread(things: Sequence[str], most: int) -> list[str]:
    """All of them, or `most` of them at equal distances."""
    if len(things) <= most:
        return list(things)
    return [things[(2 * number + 1) * len(things) // (2 * most)] for number in range(most)]


def _items(place: int, clip: TemplateClip, given: _Given) -> Iterator[_Item]:
    change, asset, rate = clip.transition, clip.asset, given.rate
    if isinstance(asset, Footage):
        ordered = in_order(given.takes, asset.order)
        for number, take in enumerate(ordered):
            begin, frames = shown_of(take, asset, rate)
            into = change.into if number == 0 else change.between
            out = change.out if number == len(ordered) - 1 else change.between
            yield _Item(Filmed(take.key, asset.look, asset.volume), begin, frames, into, out, change.seconds)
        return
    if isinstance(asset, Photos):
        frames, chosen = max(2, frames_in(clip.length or 1.0, rate)), spread(given.photos, asset.most)
        for number, photo in enumerate(chosen):
            into = change.into if number == 0 else change.between
            out = change.out if number == len(chosen) - 1 else change.between
            yield _Item(Drawn(place, frames, photo), 0, frames, into, out, change.seconds)
        return
    if isinstance(asset, Movie):
        frames = frames_in(given.movies[asset.src], rate)
        content: Content = Reel(asset.src, asset.volume)
    else:
        frames = max(2, frames_in(clip.length or 1.0, rate))
        content = Drawn(place, frames)
    yield _Item(content, 0, frames, change.into, change.out, change.seconds)


def _parts(items: Sequence[_Item], rate: Fraction) -> list[Part]:
    """The items with their transitions: the parts that stand alone, and the blends with neighbours."""
    blends = [_blend_frames(left, right, rate) for left, right in itertools.pairwise(items)]
    parts: list[Part] = []
    for number, item in enumerate(items):
        before = blends[number - 1] if number else 0
        after = blends[number] if number < len(blends) else 0
        fade_in = 0 if before else _fade_frames(item, item.into, rate, at_an_end=number == 0)
        fade_out = 0 if after else _fade_frames(item, item.out, rate, at_an_end=number == len(items) - 1)
        parts += _standing_alone(item, before, after, (fade_in, fade_out))
        if after:
            tail = Shot(item.content, item.begin + item.frames - after, after)
            head = Shot(items[number + 1].content, items[number + 1].begin, after)
            parts.append(Blend(tail, head))
    return parts


def _standing_alone(item: _Item, before: int, after: int, fades: tuple[int, int]) -> Iterator[Shot]:
    """The item without its blends. Fades of footage are separate parts: whether a clip is the first or the last one is
    known late, and must not cause the whole clip to be made again.
    """
    whole = Shot(item.content, item.begin + before, item.frames - before - after, *fades)
    if not isinstance(item.content, Filmed) or whole.frames <= sum(fades):
        if whole.frames:
            yield whole
        return
    first, last = fades
    if first:
        yield Shot(item.content, whole.begin, first, fade_in=first)
    yield Shot(item.content, whole.begin + first, whole.frames - first - last)
    if last:
        yield Shot(item.content, whole.begin + whole.frames - last, last, fade_out=last)


def _blend_frames(left: _Item, right: _Item, rate: Fraction) -> int:
    """How long the two blend: never more than half of either, 0 for a cut or a fade."""
    wished = [item.seconds for item, side in ((left, left.out), (right, right.into)) if side == "crossfade"]
    if not wished:
        return 0
    frames = min(round(max(wished) * rate), left.frames // 2, right.frames // 2)
    return frames if frames >= _SHORTEST_BLEND else 0


def _fade_frames(item: _Item, change: str, rate: Fraction, *, at_an_end: bool) -> int:
    """How long an item fades from or to the background. A crossfade without a neighbour is such a fade, too."""
    if change != "fade" and not (at_an_end and change == "crossfade"):
        return 0
    frames = min(round(item.seconds * rate), item.frames // 2)
    return frames if frames >= _SHORTEST_BLEND else 0


# Overlays ------------------------------------------------------------------------------------------------------------


def _with_windows(parts: Sequence[Part], document: Document, rate: Fraction) -> tuple[Part, ...]:
    """The parts with the overlays that lie over each of their shots."""
    spans = _overlay_spans(parts, document, rate)
    out: list[Part] = []
    for at, part in FilmPlan(rate, tuple(parts)).placed():
        if isinstance(part, Shot):
            out.append(_under(part, at, spans))
        else:
            out.append(Blend(_under(part.before, at, spans), _under(part.after, at, spans)))
    return tuple(out)


@dataclass(frozen=True)
class _OverlaySpan:
    """The film's frames in which an overlay is seen, and whether only over footage."""

    begin: int
    end: int
    only_footage: bool


def _overlay_spans(parts: Sequence[Part], document: Document, rate: Fraction) -> list[_OverlaySpan]:
    plan = FilmPlan(rate, tuple(parts))
    filmed = [
        (at, at + part.frames)
        for at, part in plan.placed()
        if any(isinstance(shot.content, Filmed) for shot in part.shots)
    ]
    regions = {"film": (0, plan.frames), "footage": (filmed[0][0], filmed[-1][1])}
    spans: list[_OverlaySpan] = []
    for clip in document.timeline.overlays:
        first, last = regions[clip.over]
        begin = first + round(clip.start * rate)
        end = last if clip.length is None else min(last, begin + round(clip.length * rate))
        spans.append(_OverlaySpan(begin, end, clip.over == "footage"))
    return spans


def _under(shot: Shot, at: int, spans: Sequence[_OverlaySpan]) -> Shot:
    windows: list[Window] = []
    for number, span in enumerate(spans):
        begin, end = max(span.begin - at, 0), min(span.end - at, shot.frames)
        if begin < end and (isinstance(shot.content, Filmed) or not span.only_footage):
            windows.append(Window(number, begin, end))
    return replace(shot, windows=tuple(windows))
