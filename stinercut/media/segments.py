"""Segments: each part of a film, encoded so that it joins with the others without encoding again.

Lives here: which filters a part goes through, and the key under which its segment is kept. Doesn't: which parts there
are (`plan`), what footage goes through (`footage`), drawing (`drawings`, `overlays`), the encode itself (`encoding`).
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import ffmpeg

from stinercut.errors import FfmpegFailed
from stinercut.media import drawings, encoders, encoding, looks, overlays, untouched
from stinercut.media import ffmpeg as runner
from stinercut.media.encoding import CONTRACT, EncodeProfile, Goal, Progress, Segment
from stinercut.media.footage import Frame, Source, opened, picture_of, require_all, sound_of
from stinercut.media.keeping import cached_or_made
from stinercut.media.overlays import Placed
from stinercut.media.plan import Blend, Drawn, Filmed, Part, Reel, Shot, Window
from stinercut.media.probe import Probe, probe
from stinercut.media.untouched import Copying, Kind, Piece
from stinercut.store import Store, hash_file, key_of
from stinercut.templates import Fields, Template
from stinercut.templates.timeline import Look, VideoOutput

_log = logging.getLogger(__name__)

CARD_CRF = 21
"""Drawings are never encoded worse than this: letters suffer first, and the name is read off the film again.
They still join with clips of any crf: with `stitchable` it isn't part of the decoder's configuration."""


@dataclass(frozen=True)
class ClipSource:
    """Footage to make a film from: hash of its content, where it lies, and the name a person knows it by."""

    content_hash: str
    path: Path
    name: str


@dataclass(frozen=True)
class FilmedClip:
    """A clip that was looked into."""

    source: ClipSource
    probe: Probe


Way = tuple[str, Kind | None]
"""The encoder and the footage that is copied: segments of one film share both."""


@dataclass(frozen=True)
class Workshop:
    """What the parts of one output of a film are made with. `clips` by the keys that the plan's takes have."""

    store: Store
    template: Template
    output: VideoOutput
    rate: Fraction
    fields: Fields
    clips: Mapping[str, FilmedClip]
    encoder: str = encoders.SOFTWARE
    kind: Kind | None = None
    """The footage whose frames are copied where nothing lies over them; None where all of it is encoded."""

    @property
    def way(self) -> Way:
        """What all segments of this film must have been made with."""
        return self.encoder, self.kind

    @property
    def profile(self) -> EncodeProfile:
        """How footage is encoded."""
        output = self.output
        profile = EncodeProfile(output.width, output.height, self.rate, output.crf, output.preset, self.encoder)
        if self.kind is None:
            return profile
        return dataclasses.replace(profile, full_range=self.kind.full_range, set_number=self.kind.free_number)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.output.width, self.output.height

    @property
    def frame(self) -> Frame:
        """What footage is fitted into."""
        background = self.template.document.timeline.background
        return Frame(*self.size, self.rate, self.output.fit, background)

    @cached_property
    def overlays(self) -> tuple[Placed | None, ...]:
        """The template's overlays, drawn for this output and jump; None for one that has nothing to say."""
        over = self.template.document.timeline.overlays
        return tuple(overlays.overlay_of(self.template, clip, self.fields, self.size) for clip in over)

    def sheet(self, drawn: Drawn) -> drawings.Sheet:
        """A card about to be drawn."""
        clip = self.template.document.timeline.main[drawn.place]
        return drawings.sheet_of(self.template, clip, self.fields, self.size)


def part_segment(shop: Workshop, part: Part, *, on_progress: Progress | None = None) -> Segment:
    """The segment of a part, from the store where it is there already.

    `on_progress` gets the share that is done, 0 to 1. Raises UnreadableVideo for footage that can't be read to its end
    (a film never silently lacks a part of a jump), FfmpegFailed, EncoderFailed where another encoder may do better, and
    what drawing raises.
    """
    profile = _profile(shop, part)
    copying = copying_of_part(shop, part)
    copied = ("copied", untouched.COPYING, *copying.pieces) if copying else ()
    key = key_of("part", CONTRACT, profile, runner.build(), *_said(shop, part), *copied)

    def encode(video: Path, audio: Path) -> int:
        goal = Goal(profile, part.frames, video, audio)
        with encoding.scratch(shop.store) as folder:
            if copying and isinstance(part, Shot):
                reason = _copied(shop, part, copying, goal, folder)
                if not reason:
                    return goal.frames
                _log.info("%s is encoded: %s", copying.track.path, reason)
            picture, sound = _joined(shop, part, goal, folder)
            argv = encoding.two_outputs(picture, sound, goal)
            source = _first_footage(shop, part)
            written = encoding.encode(
                argv, goal, file=source and source.path, on_progress=on_progress, slower=_slower(shop, source)
            )
            if source:
                require_all(written, source, shop.rate)
        return goal.frames

    try:
        return cached_or_made(shop.store, key, profile, encode, on_progress)
    except FfmpegFailed as failed:
        if shop.encoder == encoders.SOFTWARE:
            raise
        raise encoders.EncoderFailed(f"{shop.encoder}: {failed.what}", file=failed.file) from failed


# Copying -------------------------------------------------------------------------------------------------------------


def copying_of_part(shop: Workshop, part: Part) -> Copying | None:
    """What of a part is copied from the camera; None where all of it is encoded."""
    if shop.kind is None or not isinstance(part, Shot) or not isinstance(part.content, Filmed):
        return None
    if part.fade_in or part.fade_out or not part.content.look.changes_nothing:
        return None
    covered = [(window.begin, window.end) for window in part.windows if shop.overlays[window.overlay] is not None]
    clip = shop.clips[part.content.take].source
    if not untouched.may_be_copied(shop.store, clip.content_hash):
        return None
    found = untouched.copying_of(clip.path, (part.begin, part.frames), covered, shop.kind, shop.profile)
    return found if isinstance(found, Copying) else None


def _copied(shop: Workshop, shot: Shot, copying: Copying, goal: Goal, folder: Path) -> str:
    """Make the segment of what can be copied and what is encoded around it; returns why not, empty when it is done."""
    file = copying.track.path

    def encode(piece: Piece, target: Path) -> None:
        part = Goal(goal.profile, piece.frames, target, goal.audio)
        around = _within(shot, piece)
        where = folder / target.stem
        where.mkdir()
        picture, _ = _streams(shop, around, part, where)
        written = encoding.encode(encoding.picture_alone(picture, part), part, file=file, on_progress=None)
        require_all(written, _source(shop, around), shop.rate)

    reason = untouched.made_of_pieces(copying, goal, folder, encode)
    if not reason:
        source = _source(shop, shot)
        sound = sound_of(opened(source, shop.rate), source, shop.rate, goal.samples)
        encoding.encode(encoding.sound_alone(sound, goal), goal, file=file, on_progress=None)
    return reason


def _within(shot: Shot, piece: Piece) -> Shot:
    """A piece of a shot as a shot, with the overlays that lie over it."""
    end = piece.begin + piece.frames
    windows = tuple(
        Window(window.overlay, max(window.begin, piece.begin) - piece.begin, min(window.end, end) - piece.begin)
        for window in shot.windows
        if window.begin < end and window.end > piece.begin
    )
    return dataclasses.replace(shot, begin=shot.begin + piece.begin, frames=piece.frames, windows=windows)


# Several parts -------------------------------------------------------------------------------------------------------


def segments_of(shop: Workshop, parts: Sequence[Part], *, on_progress: Progress | None = None) -> list[Segment]:
    """The segments of several parts, one after the other."""
    whole, done = sum(part.frames for part in parts), 0
    out: list[Segment] = []
    for part in parts:

        def tell(share: float, done: int = done, part: Part = part) -> None:
            if on_progress:
                on_progress((done + share * part.frames) / whole)

        out.append(part_segment(shop, part, on_progress=tell))
        done += part.frames
    return out


def _profile(shop: Workshop, part: Part) -> EncodeProfile:
    profile = shop.profile
    if any(isinstance(shot.content, Drawn) for shot in part.shots):
        return dataclasses.replace(profile, crf=min(profile.crf, CARD_CRF))
    return profile


# Keys ----------------------------------------------------------------------------------------------------------------


def _said(shop: Workshop, part: Part) -> list[object]:
    """All that goes into a part but the encoding, for its key: contents by their bytes, never by their names."""
    if isinstance(part, Shot):
        return ["shot", *_said_of(shop, part)]
    both = [(shot.volume, *_said_of(shop, shot)) for shot in part.shots]
    return ["blend", *(one for said in both for one in said)]


def _said_of(shop: Workshop, shot: Shot) -> list[object]:
    content = shot.content
    said: list[object] = [shot.begin, shot.frames, shot.fade_in, shot.fade_out, shop.frame]
    if isinstance(content, Drawn):
        said += ["card", content.frames, shop.sheet(content).key]
    elif isinstance(content, Reel):
        said += ["reel", hash_file(shop.template.path(content.src))]
    else:
        said += ["clip", shop.clips[content.take].source.content_hash, *looks.said_of(shop.template, content.look)]
    for window in shot.windows:
        over = shop.overlays[window.overlay]
        if over is not None:
            said += [over.picture.size, over.picture.tobytes(), over.x, over.y, window.begin, window.end]
    return said


# Graphs --------------------------------------------------------------------------------------------------------------


def _joined(shop: Workshop, part: Part, goal: Goal, folder: Path) -> tuple[Any, Any]:
    """Picture and sound of a part."""
    if isinstance(part, Shot):
        return _streams(shop, part, goal, folder)
    folders = [folder / "before", folder / "after"]
    for one in folders:
        one.mkdir()
    (picture, sound), (other, other_sound) = (
        _streams(shop, shot, goal, where) for shot, where in zip(part.shots, folders, strict=True)
    )
    blended = ffmpeg.filter([picture, other], "xfade", transition="fade", duration=f"{goal.seconds:.6f}", offset=0)
    # Two silences are one and the same to ffmpeg-python, which takes nothing twice.
    return blended, sound if sound == other_sound else _blended_sound(part, sound, other_sound, goal)


def _blended_sound(part: Blend, before: Any, after: Any, goal: Goal) -> Any:
    """The first sound going while the second one comes, as loud together as apart, each at its own volume."""
    going = before.filter("afade", t="out", ss=0, ns=goal.samples, curve="qsin").filter("volume", part.before.volume)
    coming = after.filter("afade", t="in", ss=0, ns=goal.samples, curve="qsin").filter("volume", part.after.volume)
    return ffmpeg.filter([going, coming], "amix", inputs=2, normalize=0, duration="longest")


def _streams(shop: Workshop, shot: Shot, goal: Goal, folder: Path) -> tuple[Any, Any]:
    picture, sound = _content(shop, shot, goal, folder)
    picture = _under_overlays(shop, shot.windows, shot.frames, picture, folder)
    colour = shop.template.document.timeline.background
    if shot.fade_in:
        picture = picture.filter("fade", t="in", start_frame=0, nb_frames=shot.fade_in, color=colour)
        sound = sound.filter("afade", t="in", ss=0, ns=goal.profile.samples(shot.fade_in))
    if shot.fade_out:
        first = shot.frames - shot.fade_out
        picture = picture.filter("fade", t="out", start_frame=first, nb_frames=shot.fade_out, color=colour)
        start, length = goal.profile.samples(first), goal.profile.samples(shot.fade_out)
        sound = sound.filter("afade", t="out", ss=start, ns=length)
    tick = f"{shop.rate.denominator}/{shop.rate.numerator}"
    return picture.filter("format", "yuv420p").filter("settb", tick).filter("setpts", "N"), sound


def _content(shop: Workshop, shot: Shot, goal: Goal, folder: Path) -> tuple[Any, Any]:
    content = shot.content
    if isinstance(content, Drawn):
        card = drawings.drawn(shop.sheet(content))
        picture = drawings.play(card, content.frames, shop.rate, folder)
        if (shot.begin, shot.frames) != (0, content.frames):
            picture = picture.filter("trim", start_frame=shot.begin, end_frame=shot.begin + shot.frames)
            picture = picture.filter("setpts", "PTS-STARTPTS")
        return picture, encoding.silence().filter("atrim", end_sample=goal.samples)
    source = _source(shop, shot)
    look = content.look if isinstance(content, Filmed) else Look()
    lut = looks.table_of(shop.template, look, folder)
    clip = opened(source, shop.rate)
    return picture_of(clip, source, shop.frame, look, lut), sound_of(clip, source, shop.rate, goal.samples)


def _source(shop: Workshop, shot: Shot) -> Source:
    content = shot.content
    if isinstance(content, Filmed):
        clip = shop.clips[content.take]
        return Source(clip.source.path, clip.probe, shot.begin, shot.frames)
    assert isinstance(content, Reel)
    path = shop.template.path(content.src)
    return Source(path, probe(path), shot.begin, shot.frames)


def _under_overlays(shop: Workshop, windows: Sequence[Window], frames: int, picture: Any, folder: Path) -> Any:
    for number, window in enumerate(windows):
        over = shop.overlays[window.overlay]
        if over is None:
            continue
        path = folder / f"overlay-{number}.png"
        over.picture.save(path)
        drawn = ffmpeg.input(str(path)).filter("scale", out_color_matrix="bt709", out_range="tv")
        shown: dict[str, object] = {}
        if (window.begin, window.end) != (0, frames):
            shown = {"enable": f"between(n,{window.begin},{window.end - 1})"}
        drawn = drawn.filter("format", "yuva420p")
        picture = ffmpeg.filter([picture, drawn], "overlay", over.x, over.y, format="yuv420", **shown)
    return picture


def _first_footage(shop: Workshop, part: Part) -> Source | None:
    """What an error of a part is about: its footage, if there is any."""
    return next((_source(shop, shot) for shot in part.shots if not isinstance(shot.content, Drawn)), None)


def _slower(shop: Workshop, source: Source | None) -> float:
    """How many frames are decoded for one of the film: slow motion takes longer."""
    return max(1.0, float(source.probe.fps / shop.rate)) if source else 1.0
