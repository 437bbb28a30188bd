"""Checks on a finished film before anybody sees it; they fail where a person would call the film wrong.

Owns: the checks. Not here: making (`stinercut.films.join`) and publishing (`stinercut.films.film`). A check reads the
film itself, never what was reported while making it. The passenger's name is checked on the film's own title: the title
is drawn again and compared. A fault in our drawing would be in both, so a second engine draws the same words, too. The
film is decoded once for all checks, and its header and its packets' times are read once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stinercut.drawing import text_check, title_cards
from stinercut.drawing.svg_text import Words, shown_lines
from stinercut.errors import BadInput, FfmpegFailed, StinercutError
from stinercut.films.checks.decode_proof import pictures_of
from stinercut.films.checks.decode_watch import LONGEST_BLACK, LONGEST_STILL, Heard, Pictures, listen
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segments import Workshop
from stinercut.films.plan.plan import Blend, Drawn, Filmed, FilmPlan, Shot
from stinercut.films.plan.progress import Progress, part_of, share_of
from stinercut.films.plan.timebase import ticks_of
from stinercut.films.sound.mix import SILENT
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded, in_a_row, parts_of
from stinercut.templates.folder import FILE_NAME
from stinercut.templates.timeline import Drawing, Picture
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here
from stinercut.video.mp4.boxes import top_boxes
from stinercut.video.video_signal import FROM_BT709

NAME_THRESHOLD = 40.0
"""Largest difference (of 255, mean over a patch of 7 pixels at 1080p) that the encoder may make on the title.

Measured from 320x180 to 1080p, 24 to 60 fps, presets ultrafast to medium, long and short names, Latin and Arabic: the
right name differs by 3 to 15; one changed letter, accent or full stop by 86 to 216, the next day's date by 78 to 126.
"""

_OTHER_NAMES = ("Ng", "Wu")
"""Names to compare with: if the title looks the same with another name, the name can't be seen."""

LOUDNESS_TOLERANCE = 1.0
"""LU that a film may be louder or quieter than its template says (EBU R 128 allows as much for live sound)."""

_CHUNK = 1 << 20

_PACKETS, _PICTURES = 0.1, 0.9
"""Progress of reading a film: its packets are read up to the first share, its pictures up to the second, then its
sound.
"""


@dataclass(frozen=True)
class CheckResult:
    """One check: whether it passed, why, and the figures it looked at.

    `blocking`: a film that fails it is not published. Others are for a person to look at.
    """

    name: str
    passed: bool
    said: tuple[Message, ...]
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    blocking: bool = True

    @property
    def detail(self) -> str:
        """Why, in words."""
        return all_worded(self.said)


@dataclass(frozen=True)
class CheckedFilm:
    """A finished film, its plan, and the segments of its parts. `on_progress` gets the share of the reading that is
    done.
    """

    path: Path
    shop: Workshop
    plan: FilmPlan
    segments: Sequence[Segment]
    on_progress: Progress | None = None

    @cached_property
    def header(self) -> dict[str, Any]:
        """The film's header, as ffprobe reports it."""
        return runner.ffprobe_json(self.path)

    @cached_property
    def seen(self) -> Pictures:
        """The findings of decoding its pictures. A segment's pictures are decoded only once (`decode_proof`)."""
        tell = part_of(self.on_progress, _PACKETS, _PICTURES)
        return pictures_of(self.path, self.shop.store, self.segments, tell)

    @cached_property
    def heard(self) -> Heard:
        """The findings of decoding its sound."""
        return listen(self.path, self.plan.seconds, part_of(self.on_progress, _PICTURES, 1.0))

    @cached_property
    def times(self) -> list[tuple[int, int]]:
        """When each of its pictures is shown and decoded, in ticks."""
        tell = share_of(self.plan.frames, part_of(self.on_progress, 0.0, _PACKETS))
        return runner.packet_times(self.path, on_packet=tell)

    def stream(self, kind: str) -> dict[str, Any]:
        """The header of its picture or its sound; empty without such a stream."""
        streams: list[dict[str, Any]] = self.header.get("streams", [])
        return next((found for found in streams if found.get("codec_type") == kind), {})


_Found = tuple[bool, Message | tuple[Message, ...], dict[str, Any]]


@dataclass(frozen=True)
class QualityCheck:
    """A check: its subject in words, the function that looks, and whether it holds back a film that fails."""

    words: str
    look: Callable[[CheckedFilm], _Found]
    blocking: bool = True


def check_film(
    film: Path, shop: Workshop, plan: FilmPlan, segments: Sequence[Segment], on_progress: Progress | None = None
) -> list[CheckResult]:
    """Run all checks on a film that was joined from these segments and should match this plan. A check that can't run
    has failed.

    An exception in `on_progress` ends the checks and the ffmpeg that reads the film.
    """
    checked = CheckedFilm(film, shop, plan, segments, on_progress)
    # Two at a time: some wait for ffmpeg, the one for the title draws.
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(partial(_tried, checked), CHECKS, CHECKS.values()))


def _tried(film: CheckedFilm, name: str, check: QualityCheck) -> CheckResult:
    try:
        passed, said, values = check.look(film)
    except StinercutError as failed:
        return CheckResult(name, False, failed.said, {}, check.blocking)
    return CheckResult(name, passed, parts_of(said), values, check.blocking)


# The title -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TitleFrame:
    """Where the passenger's name is looked for: the drawing, its frame, and the frame of the film that shows it.

    `overlays`: numbers of the template's overlays that lie over that frame, in their order.
    """

    drawn: Drawn
    card_frame: int
    film_frame: int
    overlays: tuple[int, ...] = ()


def title_frame(shop: Workshop, plan: FilmPlan) -> TitleFrame:
    """The frame of the title to look at: everything is in place, and nothing is fading in or out."""
    place = shop.template.document.timeline.main.index(shop.template.title)
    drawn, begin, coming, going = _title_in(plan, place)
    frame = title_cards.settled_frame(shop.sheet(drawn), drawn.frames, plan.rate, going)
    frame = min(max(frame, coming), drawn.frames - 1)
    due = (overlay for overlay in _overlays_at(plan, begin + frame) if shop.overlays[overlay] is not None)
    return TitleFrame(drawn, frame, begin + frame, tuple(due))


def _overlays_at(plan: FilmPlan, frame: int) -> tuple[int, ...]:
    """The overlays over that frame of the film. Overlays that lie over footage only are left out."""
    at, part = next((at, part) for at, part in plan.placed() if at <= frame < at + part.frames)
    due = [
        window.overlay
        for shot in part.shots
        if isinstance(shot.content, Drawn)
        for window in shot.windows
        if window.begin <= frame - at < window.end
    ]
    return tuple(dict.fromkeys(due))


def _title_in(plan: FilmPlan, place: int) -> tuple[Drawn, int, int, int]:
    """The title's drawing, the film's frame at which the drawing's first frame stands, and how many of its frames fade
    in and out.
    """
    title: tuple[Drawn, int] | None = None
    coming = going = 0
    for at, part in plan.placed():
        for shot in part.shots:
            if not (isinstance(shot.content, Drawn) and shot.content.place == place):
                continue
            title = (shot.content, at - shot.begin)
            coming, going = max(coming, shot.fade_in), max(going, shot.fade_out)
            if isinstance(part, Blend):
                coming, going = (coming, part.frames) if shot is part.before else (part.frames, going)
    if title is None:
        raise FfmpegFailed(Message.of(MessageCode.FILM_WITHOUT_TITLE), advice=Message.of(MessageCode.RENDER_JUMP_AGAIN))
    return *title, coming, going


def title_difference(film: Path, shop: Workshop, plan: FilmPlan) -> float:
    """How far the film's title differs from the expected one: 0 is equal, 255 is black instead of white.

    The largest mean difference in luma over any patch the size of a full stop of the smallest text, within the rows of
    the title's box. A mean over the whole box would drown one changed letter, and a changed accent all the more.
    Raises as drawing a title does, BadInput when an overlay hides the name, and FfmpegFailed when the film ends before
    that frame.
    """
    require_name_in_sight(shop, plan)
    where = title_frame(shop, plan)
    wanted, rows = _title(shop, plan, where)
    levels = "pc" if shop.profile.full_range else "tv"
    shown = _luma(frame_of(film, where.film_frame, shop.size, levels))
    return _apart(wanted, shown, rows)


def _title(shop: Workshop, plan: FilmPlan, where: TitleFrame) -> tuple[NDArray[np.float32], slice]:
    """The luma of the expected title with the overlays over it, and the rows that it takes up."""
    card = title_cards.drawn(shop.sheet(where.drawn))
    picture = title_cards.frame_at(card, where.card_frame, plan.rate).convert("RGBA")
    for overlay in where.overlays:
        over = shop.overlays[overlay]
        if over is not None:
            picture.alpha_composite(over.picture, (over.x, over.y))
    _, height = shop.size
    _, top, _, bottom = card.box or (0, 0, *shop.size)
    margin = round(height * 0.05)
    return _luma(np.asarray(picture.convert("RGB"))), slice(max(0, top - margin), bottom + margin)


def _apart(one: NDArray[np.float32], other: NDArray[np.float32], rows: slice) -> float:
    """The largest mean difference over any patch within these rows."""
    # The whole width of the film: somebody else's longer name reaches beyond the box of this one.
    apart = np.abs(one - other)[rows, :].clip(0, 255).astype(np.uint8)
    radius = max(1.0, one.shape[0] / 1080 * 3)
    return float(np.asarray(Image.fromarray(apart).filter(ImageFilter.BoxBlur(radius))).max())


def require_name_in_sight(shop: Workshop, plan: FilmPlan) -> None:
    """Raise BadInput where overlays hide the title, so that another name would look the same."""
    where = title_frame(shop, plan)
    if not where.overlays:
        return
    name = next(other_name for other_name in _OTHER_NAMES if other_name != shop.fields.passenger_name)
    other = replace(shop, fields=replace(shop.fields, passenger_name=name))
    (wanted, rows), (hidden, _) = _title(shop, plan, where), _title(other, plan, where)
    if _apart(wanted, hidden, rows) <= NAME_THRESHOLD:
        raise BadInput(
            Message.of(MessageCode.NAME_HIDDEN),
            file=shop.template.folder / FILE_NAME,
            advice=Message.of(MessageCode.MOVE_OVERLAY),
        )


def lettering_doubt(shop: Workshop) -> tuple[str, float]:
    """The line of the title that the second engine draws least like ours, and how far the two differ (of 255).

    Raises as drawing a title does.
    """
    asset = shop.template.title.asset
    if not isinstance(asset, Drawing | Picture):
        return "", 0.0
    drawing = shop.template.drawing(asset.src, upright=shop.size[1] > shop.size[0])
    lines = shown_lines(drawing, Words(shop.template, shop.fields))
    differences = [(words, text_check.difference(words, face.fonts)) for words, face in lines]
    return max(differences, key=lambda line: line[1], default=("", 0.0))


def _right_name(film: CheckedFilm) -> _Found:
    name = film.shop.fields.passenger_name
    written = str(film.header.get("format", {}).get("tags", {}).get("title", ""))
    apart = title_difference(film.path, film.shop, film.plan)
    values = {"difference": round(apart, 1), "threshold": NAME_THRESHOLD, "metadata_title": written}
    if written != name:
        return False, Message.of(MessageCode.CHECK_METADATA_NAME, written=repr(written), name=repr(name)), values
    if apart > NAME_THRESHOLD:
        return False, Message.of(MessageCode.CHECK_TITLE_NOT_NAME, name=repr(name)), values
    words, doubt = lettering_doubt(film.shop)
    values |= {"second_engine": round(doubt, 1), "second_threshold": text_check.THRESHOLD}
    if doubt > text_check.THRESHOLD:
        return False, Message.of(MessageCode.CHECK_DRAWN_OTHERWISE, words=repr(words)), values
    return True, Message.of(MessageCode.CHECK_TITLE_SHOWS, name=repr(name)), values


def frame_of(film: Path, frame: int, size: tuple[int, int], levels: str) -> NDArray[np.uint8]:
    """One frame of the film as RGB, H x W x 3. `levels`: the range of its values, as ffmpeg calls it."""
    width, height = size
    graph = (
        made_here(film, "mov")["v:0"]
        .filter("select", f"eq(n,{frame})")
        .filter("scale", width, height, **(FROM_BT709 | {"in_range": levels}), out_range="pc")
        .output("pipe:1", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", **{"frames:v": 1})
    )
    size_in_bytes = width * height * 3
    picture = b"".join(runner.read_pipe(graph.compile(), timeout=120 + frame, chunk_bytes=_CHUNK, file=film))
    if len(picture) != size_in_bytes:
        raise FfmpegFailed(
            Message.of(MessageCode.FILM_WITHOUT_FRAME, frame=frame),
            file=film,
            advice=Message.of(MessageCode.RENDER_JUMP_AGAIN),
        )
    return np.frombuffer(picture, np.uint8).reshape(height, width, 3)


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness as BT.709 weighs it."""
    return picture.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)


# Header and times ----------------------------------------------------------------------------------------------------


def _duration_is_sum(film: CheckedFilm) -> _Found:
    video, frames, rate = film.stream("video"), film.plan.frames, film.plan.rate
    got, wanted, frame = int(video.get("nb_frames") or 0), film.plan.seconds, float(1 / rate)
    seconds = float(video.get("duration") or 0)
    whole = float(film.header.get("format", {}).get("duration") or 0)
    passed = got == frames and abs(seconds - wanted) < frame / 2 and abs(whole - wanted) < frame
    said = Message.of(MessageCode.CHECK_LENGTH, seconds=seconds, frames=got, wanted=float(wanted), wanted_frames=frames)
    values = {
        "seconds": seconds,
        "file_seconds": whole,
        "expected_seconds": wanted,
        "frames": got,
        "expected_frames": frames,
    }
    return passed, said, values


def _audio_as_long_as_video(film: CheckedFilm) -> _Found:
    video, audio, frame = film.stream("video"), film.stream("audio"), float(1 / film.plan.rate)
    if not audio:
        return False, Message.of(MessageCode.CHECK_NO_SOUND), {}
    seconds, sound = float(video.get("duration") or 0), float(audio.get("duration") or 0)
    begins = float(audio.get("start_time") or 0) - float(video.get("start_time") or 0)
    passed = abs(sound - seconds) <= frame and abs(begins) <= frame
    said = Message.of(MessageCode.CHECK_SOUND_LENGTH, picture=seconds, sound=sound, begins=begins)
    return passed, said, {"video_seconds": seconds, "audio_seconds": sound, "audio_begins": begins}


def _no_gap_at_a_join(film: CheckedFilm) -> _Found:
    times = film.times
    ticks = ticks_of(film.plan.rate)
    decoded, shown = [decode for _, decode in times], sorted(show for show, _ in times)
    wrong = sum(after - before != ticks for order in (decoded, shown) for before, after in itertools.pairwise(order))
    said = (
        Message.of(MessageCode.CHECK_DISTANCE_WRONG, pictures=wrong)
        if wrong
        else Message.of(MessageCode.CHECK_DISTANCE_SAME, pictures=len(times), ticks=ticks)
    )
    return bool(times) and not wrong, said, {"pictures": len(times), "ticks": ticks, "wrong": wrong}


def _playable_in_browser(film: CheckedFilm) -> _Found:
    video, audio, output = film.stream("video"), film.stream("audio"), film.shop.output
    with film.path.open("rb") as source:
        atoms = [box.kind.decode("latin-1") for box in top_boxes(source)]
    is_first = "moov" in atoms and "mdat" in atoms and atoms.index("moov") < atoms.index("mdat")
    size, pixels = (video.get("width"), video.get("height")), film.shop.profile.pixels
    codec, level = f"{video.get('codec_name')} {video.get('profile')}", int(video.get("level") or 0)
    wrong = [
        what
        for what, right in (
            (Message.of(MessageCode.CHECK_CODEC, codec=codec), _is_browser_h264(video)),
            (Message.of(MessageCode.CHECK_LEVEL, level=level / 10), level <= film.shop.profile.highest_level),
            (
                Message.of(MessageCode.CHECK_PIXELS, found=str(video.get("pix_fmt")), wanted=pixels),
                video.get("pix_fmt") == pixels,
            ),
            (
                Message.of(MessageCode.CHECK_SOUND_CODEC, codec=str(audio.get("codec_name"))),
                audio.get("codec_name") == "aac",
            ),
            (
                Message.of(
                    MessageCode.CHECK_SIZE, found=f"{size[0]}x{size[1]}", wanted=f"{output.width}x{output.height}"
                ),
                size == (output.width, output.height),
            ),
            (Message.of(MessageCode.CHECK_INDEX_PLACE), is_first),
        )
        if not right
    ]
    values = {"profile": video.get("profile"), "level": level, "width": size[0], "height": size[1]}
    values["atoms"] = " ".join(atoms)
    return not wrong, in_a_row(*wrong) or Message.of(MessageCode.CHECK_PLAYABLE), values


def _is_browser_h264(video: dict[str, Any]) -> bool:
    # x264's ultrafast preset ends up in Constrained Baseline whatever profile is allowed; every browser plays it.
    return video.get("codec_name") == "h264" and video.get("profile") in ("High", "Main", "Constrained Baseline")


# What decoding shows -------------------------------------------------------------------------------------------------


def _decodes_to_the_end(film: CheckedFilm) -> _Found:
    seen, frames = film.seen, film.plan.frames
    values = {"frames": seen.frames, "expected_frames": frames}
    if complaint := seen.said or film.heard.said:
        return False, Message.of(MessageCode.CHECK_DECODING_SAYS, said=complaint.splitlines()[-1]), values
    return (
        seen.frames == frames,
        Message.of(MessageCode.CHECK_FRAMES_DECODE, decoded=seen.frames, frames=frames),
        values,
    )


def _loudness(film: CheckedFilm) -> _Found:
    wanted = film.shop.template.document.timeline.loudness
    loudness = film.heard.loudness
    values = {"LUFS": round(loudness, 1), "wanted": wanted}
    if wanted is None:
        return True, Message.of(MessageCode.CHECK_LOUD_AS_FILMED, loudness=loudness), values
    if loudness < SILENT + LOUDNESS_TOLERANCE:
        return True, Message.of(MessageCode.CHECK_NOTHING_TO_HEAR), values
    said = Message.of(MessageCode.CHECK_LOUDNESS, loudness=loudness, wanted=wanted)
    return abs(loudness - wanted) <= LOUDNESS_TOLERANCE, said, values


def _picture_moves(film: CheckedFilm) -> _Found:
    rate = float(film.plan.rate)
    footage = [
        (at / rate, (at + part.frames) / rate)
        for at, part in film.plan.placed()
        if isinstance(part, Shot) and isinstance(part.content, Filmed)
    ]
    black, still = _longest(film.seen.black, footage), _longest(film.seen.still, footage)
    values = {"longest_black": round(black, 2), "longest_still": round(still, 2)}
    wrong = [
        what
        for what, seconds, most in (
            (Message.of(MessageCode.CHECK_BLACK, seconds=black), black, LONGEST_BLACK),
            (Message.of(MessageCode.CHECK_STILL, seconds=still), still, LONGEST_STILL),
        )
        if seconds >= most
    ]
    return not wrong, in_a_row(*wrong) or Message.of(MessageCode.CHECK_ALL_MOVES), values


def _longest(spans: Sequence[tuple[float, float]], within: Sequence[tuple[float, float]]) -> float:
    """The longest stretch, in seconds, that a span shares with one of the spans of `within`."""
    shared = (min(end, last) - max(begin, first) for begin, end in spans for first, last in within)
    return max((length for length in shared if length > 0), default=0.0)


CHECKS: dict[str, QualityCheck] = {
    "duration_is_sum": QualityCheck("The film is as long as its parts together, to the frame.", _duration_is_sum),
    "audio_as_long_as_video": QualityCheck("The sound begins and ends with the picture.", _audio_as_long_as_video),
    "no_gap_at_a_join": QualityCheck(
        "Every picture follows the one before it at the same distance.", _no_gap_at_a_join
    ),
    "decodes_to_the_end": QualityCheck("Every frame of the film decodes without an error.", _decodes_to_the_end),
    "right_name": QualityCheck("The title in the finished film shows the passenger's name, and no other.", _right_name),
    "playable_in_browser": QualityCheck(
        "H.264 and AAC in an MP4 that starts before it is loaded.", _playable_in_browser
    ),
    "loudness": QualityCheck("The film is as loud as its template says.", _loudness, blocking=False),
    "picture_moves": QualityCheck("No part of the footage is black, or stands still.", _picture_moves, blocking=False),
}
"""The checks of a film, in this order."""
