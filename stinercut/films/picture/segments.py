"""Segments: each part of a film, encoded so that it joins the others without encoding again.

Owns: which filters a part goes through, and the key under which its segment is kept. Not here: which parts there are
(`stinercut.films.plan.plan`), the filters for footage (`footage`), drawing (`stinercut.drawing.title_cards`,
`stinercut.drawing.overlays`), the encode itself (`encoding`).
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from stinercut.drawing import overlays, title_cards
from stinercut.drawing.overlays import Placed
from stinercut.errors import FfmpegFailed
from stinercut.films.picture import color_tables, encoding, stream_copy
from stinercut.films.picture.encoding import CONTRACT, EncodeProfile, Goal, Segment
from stinercut.films.picture.footage import FootageSource, Frame, opened, picture_of, require_all, sound_of
from stinercut.films.picture.segment_cache import SegmentRequest, cached_or_made
from stinercut.films.picture.stream_copy import CopyFormat, ShotPiece, StreamCopy
from stinercut.films.plan.plan import Blend, Content, Drawn, Filmed, Part, Reel, Shot, Window
from stinercut.films.plan.progress import Progress, part_of
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import Store, hash_file, key_of
from stinercut.templates import Fields, Template
from stinercut.templates.timeline import Look, Photos, VideoOutput
from stinercut.video import encoders, ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here
from stinercut.video.probe import Probe, probe
from stinercut.video.video_signal import RGB_TO_BT709, in_rgb

_log = logging.getLogger(__name__)

CARD_CRF = 21
"""Drawings are never encoded worse than this: letters suffer first, and a check compares the name on the film.
They still join with clips of any crf: with `stitchable` it isn't part of the decoder's configuration."""


@dataclass(frozen=True)
class ClipSource:
    """Footage to make a film from: hash of its content, its path, and the name by which a person knows it.

    It is separate from the catalog's file, because the command makes films of files that no catalog knows.
    """

    content_hash: str
    path: Path
    name: str


@dataclass(frozen=True)
class FilmedClip:
    """A probed clip. Values between steps are JSON with the names `source` and `probe`: keep these names."""

    source: ClipSource
    probe: Probe


_PICTURE = 0.9
"""The share of making a part with copied frames that is its picture; the sound follows."""


@dataclass(frozen=True)
class Workshop:
    """Everything that the parts of one output of a film are made with. `clips` by the keys of the plan's takes."""

    store: Store
    template: Template
    output: VideoOutput
    rate: Fraction
    fields: Fields
    clips: Mapping[str, FilmedClip]
    encoder: str = encoders.SOFTWARE
    kind: CopyFormat | None = None
    """The format of footage whose frames are copied where nothing lies over them; None: everything is encoded."""
    photos: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """The jump's photos as a film shows them, by the keys in the plan's drawings."""
    left: int = 0
    """How many segments of the film are still to come when one of these begins, itself included; 0 means many. Only the
    encoder's threads follow from it: the same segment is made, and kept under the same key.
    """

    @property
    def threads(self) -> int:
        """Threads for the software encoder: one, but the last segments share the cores that nothing else needs."""
        return max(1, (os.cpu_count() or 1) // self.left) if self.left else 1

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
        """The frame into which footage is fitted."""
        background = self.template.document.timeline.background
        return Frame(*self.size, self.rate, self.output.fit, background)

    @cached_property
    def overlays(self) -> tuple[Placed | None, ...]:
        """The template's overlays, drawn for this output and jump; None for an overlay without content."""
        over = self.template.document.timeline.overlays
        return tuple(overlays.overlay_of(self.template, clip, self.fields, self.size) for clip in over)

    def for_parts(self, parts: Sequence[Part]) -> Workshop:
        """The workshop for these parts alone: it has only the clips and photos that they show."""
        contents = [shot.content for part in parts for shot in part.shots]
        takes = {content.take for content in contents if isinstance(content, Filmed)}
        photos = {content.photo for content in contents if isinstance(content, Drawn)}
        return dataclasses.replace(
            self,
            clips={key: clip for key, clip in self.clips.items() if key in takes},
            photos={key: path for key, path in self.photos.items() if key in photos},
        )

    def sheet(self, drawn: Drawn) -> title_cards.Sheet:
        """The sheet of a card that is about to be drawn."""
        clip = self.template.document.timeline.main[drawn.place]
        if isinstance(clip.asset, Photos):
            return title_cards.photo_sheet(self.template, clip, self.photos[drawn.photo], self.size)
        return title_cards.sheet_of(self.template, clip, self.fields, self.size)


@dataclass(frozen=True)
class _Material:
    """The template's files that a shot shows, read only once: so the key matches the drawing even if somebody saves
    such a file in between.
    """

    sheet: title_cards.Sheet | None = None
    table: bytes = b""


@dataclass(frozen=True)
class _Order:
    """A part and all decisions about making it; `materials` belong to its shots."""

    part: Part
    profile: EncodeProfile
    copying: StreamCopy | None
    materials: tuple[_Material, ...]


@dataclass(frozen=True)
class _Work:
    """An order that is being made: its goal, and a folder for the pictures that ffmpeg reads."""

    shop: Workshop
    order: _Order
    goal: Goal
    folder: Path
    on_progress: Progress | None


def part_segment(shop: Workshop, part: Part, *, on_progress: Progress | None = None) -> Segment:
    """The segment of a part: taken from the store, or made.

    `on_progress` gets the share that is done, 0 to 1; an exception in it ends ffmpeg and leaves nothing behind. Raises
    UnreadableVideo for footage that can't be read to its end (a film never silently lacks a part of a jump),
    FfmpegFailed, HostNotReady on a full disk, EncoderFailed where another encoder may do better, and what drawing
    raises.
    """
    order = _order_of(shop, part)

    def encode(video: Path, audio: Path) -> int:
        goal = Goal(order.profile, part.frames, video, audio, shop.threads, is_card=_is_card(shop, part))
        with encoding.scratch(shop.store) as folder:
            _make(_Work(shop, order, goal, folder, on_progress))
        return goal.frames

    wanted = SegmentRequest(_key_of(shop, order), order.profile, _first_file(shop, part))
    try:
        segment = cached_or_made(shop.store, wanted, encode, on_progress)
    except FfmpegFailed as failed:
        if shop.encoder == encoders.SOFTWARE or isinstance(failed, runner.Hindered):
            raise
        raise encoders.EncoderFailed(
            Message.of(MessageCode.PROGRAM_SAYS, program=shop.encoder, what=failed.what_parts), file=failed.file
        ) from failed
    return dataclasses.replace(segment, copied=order.copying is not None)


def _order_of(shop: Workshop, part: Part) -> _Order:
    materials = tuple(_material_of(shop, shot.content) for shot in part.shots)
    return _Order(part, _profile(shop, part), copying_of_part(shop, part), materials)


def _material_of(shop: Workshop, content: Content) -> _Material:
    if isinstance(content, Drawn):
        return _Material(sheet=shop.sheet(content))
    if isinstance(content, Filmed):
        return _Material(table=color_tables.table_of(shop.template, content.look))
    return _Material()


def _make(work: _Work) -> None:
    order, shop = work.order, work.shop
    if order.copying and isinstance(order.part, Shot):
        reason = _copied(work, order.part, order.copying)
        if not reason:
            return
        _log.info("%s is encoded: %s", order.copying.track.path, reason)
    picture, sound = _joined(work)
    argv = encoding.two_outputs(picture, sound, work.goal)
    source = _first_footage(shop, order.part)
    written = encoding.encode(
        argv, work.goal, file=source and source.path, on_progress=work.on_progress, slower=_slower(shop, source)
    )
    if source:
        require_all(written, source, shop.rate)


# Copying -------------------------------------------------------------------------------------------------------------


def copying_of_part(shop: Workshop, part: Part) -> StreamCopy | None:
    """The frames of a part that are copied from the camera; None where the whole part is encoded."""
    if shop.kind is None or not isinstance(part, Shot) or not isinstance(part.content, Filmed):
        return None
    if part.fade_in or part.fade_out or not part.content.look.changes_nothing:
        return None
    covered = [(window.begin, window.end) for window in part.windows if shop.overlays[window.overlay] is not None]
    clip = shop.clips[part.content.take].source
    if not stream_copy.may_be_copied(shop.store, clip.content_hash):
        return None
    copying = stream_copy.copying_of(clip.path, (part.begin, part.frames), covered, shop.kind, shop.profile)
    return copying if isinstance(copying, StreamCopy) else None


def _copied(work: _Work, shot: Shot, copying: StreamCopy) -> str:
    """Make the segment from copied frames and encoded ones around them. Returns the reason if that is impossible, else
    an empty text.
    """
    shop, goal, file = work.shop, work.goal, copying.track.path
    whole = sum(piece.frames for piece in copying.pieces if not piece.copied)
    done = 0

    def go_on() -> None:
        if work.on_progress:
            work.on_progress(_PICTURE * done / max(1, whole))

    def encode(piece: ShotPiece, target: Path) -> None:
        nonlocal done
        part = Goal(goal.profile, piece.frames, target, goal.audio, goal.threads)
        around = _within(shot, piece)
        where = work.folder / target.stem
        where.mkdir()
        picture, _ = _streams(shop, around, work.order.materials[0], part, where)
        tell = part_of(work.on_progress, _PICTURE * done / whole, _PICTURE * (done + piece.frames) / whole)
        written = encoding.encode(encoding.picture_alone(picture, part), part, file=file, on_progress=tell)
        require_all(written, _source(shop, around), shop.rate)
        done += piece.frames

    reason = stream_copy.made_of_pieces(copying, goal, work.folder, encode, go_on)
    if not reason:
        source = _source(shop, shot)
        sound = sound_of(opened(source, shop.rate), source, shop.rate, goal.samples)
        tell = part_of(work.on_progress, _PICTURE, 1.0)
        encoding.encode_sound(encoding.sound_alone(sound, goal), goal, file=file, on_progress=tell)
    return reason


def _within(shot: Shot, piece: ShotPiece) -> Shot:
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
        tell = part_of(on_progress, done / whole, (done + part.frames) / whole)
        out.append(part_segment(shop, part, on_progress=tell))
        done += part.frames
    return out


def _profile(shop: Workshop, part: Part) -> EncodeProfile:
    profile = shop.profile
    if _is_card(shop, part) and profile.suits_cards:
        return dataclasses.replace(profile, crf=min(profile.crf, CARD_CRF) - encoding.CARD_FINER)
    if any(isinstance(shot.content, Drawn) for shot in part.shots):
        return dataclasses.replace(profile, crf=min(profile.crf, CARD_CRF))
    return profile


def _is_card(shop: Workshop, part: Part) -> bool:
    """Whether a part shows a drawing alone: no footage, and none of the camera's photos."""
    main = shop.template.document.timeline.main
    return (
        isinstance(part, Shot)
        and isinstance(part.content, Drawn)
        and not isinstance(main[part.content.place].asset, Photos)
    )


# Keys ----------------------------------------------------------------------------------------------------------------


def _key_of(shop: Workshop, order: _Order) -> str:
    pieces = [piece.key_text for piece in order.copying.pieces] if order.copying else []
    copied = ("copied", stream_copy.COPYING, *pieces) if order.copying else ()
    choices = order.profile.choices(is_card=_is_card(shop, order.part))
    more = (choices,) if choices else ()
    return key_of("part", CONTRACT, order.profile, runner.build(), *_key_values(shop, order), *copied, *more)


def _key_values(shop: Workshop, order: _Order) -> list[object]:
    """The key values of a part, all but the encoding: contents by their bytes, never by their names."""
    part = order.part
    if isinstance(part, Shot):
        return ["shot", *_shot_key_values(shop, part, order.materials[0])]
    values: list[object] = ["blend"]
    for shot, material in zip(part.shots, order.materials, strict=True):
        values += [shot.volume, *_shot_key_values(shop, shot, material)]
    return values


def _shot_key_values(shop: Workshop, shot: Shot, material: _Material) -> list[object]:
    content = shot.content
    values: list[object] = [shot.begin, shot.frames, shot.fade_in, shot.fade_out, shop.frame]
    if isinstance(content, Drawn):
        assert material.sheet is not None
        values += ["card", content.frames, material.sheet.key]
    elif isinstance(content, Reel):
        values += ["reel", hash_file(shop.template.path(content.src))]
    else:
        look = color_tables.key_values(content.look, material.table)
        clip = shop.clips[content.take]
        values += ["clip", clip.source.content_hash, *stream_key_values(clip.probe), *look]
    for window in shot.windows:
        over = shop.overlays[window.overlay]
        if over is not None:
            values += [over.picture.size, over.picture.tobytes(), over.x, over.y, window.begin, window.end]
    return values


def stream_key_values(found: Probe) -> list[object]:
    """The number of the picture's stream. Most footage has its picture first: then nothing, so that keys of segments
    made before stay.
    """
    return ["stream", found.stream] if found.stream else []


# Graphs --------------------------------------------------------------------------------------------------------------


def _joined(work: _Work) -> tuple[Any, Any]:
    """Picture and sound of a part."""
    part, goal, materials = work.order.part, work.goal, work.order.materials
    if isinstance(part, Shot):
        return _streams(work.shop, part, materials[0], goal, work.folder)
    folders = [work.folder / "before", work.folder / "after"]
    for folder in folders:
        folder.mkdir()
    (picture, sound), (other, other_sound) = (
        _streams(work.shop, shot, material, goal, where)
        for shot, material, where in zip(part.shots, materials, folders, strict=True)
    )
    blended = ffmpeg_graph.filtered(
        [picture, other], "xfade", transition="fade", duration=f"{goal.seconds:.6f}", offset=0
    )
    # ffmpeg-python takes two silences for the same stream, and no stream can be used twice.
    return blended, sound if sound == other_sound else _blended_sound(part, sound, other_sound, goal)


def _blended_sound(part: Blend, before: Any, after: Any, goal: Goal) -> Any:
    """A crossfade of two sounds, together as loud as each alone, each at its own volume."""
    going = before.filter("afade", t="out", ss=0, ns=goal.samples, curve="qsin").filter("volume", part.before.volume)
    coming = after.filter("afade", t="in", ss=0, ns=goal.samples, curve="qsin").filter("volume", part.after.volume)
    return ffmpeg_graph.filtered([going, coming], "amix", inputs=2, normalize=0, duration="longest")


def _streams(shop: Workshop, shot: Shot, material: _Material, goal: Goal, folder: Path) -> tuple[Any, Any]:
    picture, sound = _content(shop, shot, material, goal, folder)
    picture = _under_overlays(shop, shot.windows, shot.frames, picture, folder)
    picture = _fading(picture, shot, shop.template.document.timeline.background)
    if shot.fade_in:
        sound = sound.filter("afade", t="in", ss=0, ns=goal.profile.samples(shot.fade_in))
    if shot.fade_out:
        start, length = goal.profile.samples(shot.frames - shot.fade_out), goal.profile.samples(shot.fade_out)
        sound = sound.filter("afade", t="out", ss=start, ns=length)
    tick = f"{shop.rate.denominator}/{shop.rate.numerator}"
    return picture.filter("format", "yuv420p").filter("settb", tick).filter("setpts", "N"), sound


def _fading(picture: Any, shot: Shot, colour: str) -> Any:
    """The picture of a shot, faded in from that colour and out to it."""

    def faded(shown: Any) -> Any:
        if shot.fade_in:
            shown = shown.filter("fade", t="in", start_frame=0, nb_frames=shot.fade_in, color=colour)
        if shot.fade_out:
            first = shot.frames - shot.fade_out
            shown = shown.filter("fade", t="out", start_frame=first, nb_frames=shot.fade_out, color=colour)
        return shown

    # A fade to black works on the picture as it is; a fade to any other colour needs RGB.
    is_changed = colour != "#000000" and (shot.fade_in or shot.fade_out)
    return in_rgb(picture, faded) if is_changed else faded(picture)


def _content(shop: Workshop, shot: Shot, material: _Material, goal: Goal, folder: Path) -> tuple[Any, Any]:
    content = shot.content
    if isinstance(content, Drawn):
        assert material.sheet is not None
        card = title_cards.drawn(material.sheet)
        picture = title_cards.play(card, content.frames, shop.rate, folder)
        if (shot.begin, shot.frames) != (0, content.frames):
            picture = picture.filter("trim", start_frame=shot.begin, end_frame=shot.begin + shot.frames)
            picture = picture.filter("setpts", "PTS-STARTPTS")
        return picture, encoding.silence().filter("atrim", end_sample=goal.samples)
    source = _source(shop, shot)
    look = content.look if isinstance(content, Filmed) else Look()
    lut = color_tables.table_beside(folder, material.table)
    clip = opened(source, shop.rate)
    return picture_of(clip, source, shop.frame, look, lut), sound_of(clip, source, shop.rate, goal.samples)


def _source(shop: Workshop, shot: Shot) -> FootageSource:
    content = shot.content
    if isinstance(content, Filmed):
        clip = shop.clips[content.take]
        return FootageSource(clip.source.path, clip.probe, shot.begin, shot.frames)
    assert isinstance(content, Reel)
    path = shop.template.path(content.src)
    return FootageSource(path, probe(path), shot.begin, shot.frames)


def _under_overlays(shop: Workshop, windows: Sequence[Window], frames: int, picture: Any, folder: Path) -> Any:
    for number, window in enumerate(windows):
        over = shop.overlays[window.overlay]
        if over is None:
            continue
        path = folder / f"overlay-{number}.png"
        over.picture.save(path)
        drawn = made_here(path, "png_pipe").filter("scale", **RGB_TO_BT709)
        shown: dict[str, object] = {}
        if (window.begin, window.end) != (0, frames):
            shown = {"enable": f"between(n,{window.begin},{window.end - 1})"}
        drawn = drawn.filter("format", "yuva420p")
        picture = ffmpeg_graph.filtered([picture, drawn], "overlay", over.x, over.y, format="yuv420", **shown)
    return picture


def _first_footage(shop: Workshop, part: Part) -> FootageSource | None:
    """The footage of a part, if it has any: errors about the part name its file."""
    return next((_source(shop, shot) for shot in part.shots if not isinstance(shot.content, Drawn)), None)


def _first_file(shop: Workshop, part: Part) -> Path | None:
    """The file of a part's first footage, if it has any."""
    content = next((shot.content for shot in part.shots if not isinstance(shot.content, Drawn)), None)
    if isinstance(content, Filmed):
        return shop.clips[content.take].source.path
    return shop.template.path(content.src) if isinstance(content, Reel) else None


def _slower(shop: Workshop, source: FootageSource | None) -> float:
    """Frames decoded for each frame of the film: slow motion takes longer."""
    return max(1.0, float(source.probe.fps / shop.rate)) if source else 1.0
