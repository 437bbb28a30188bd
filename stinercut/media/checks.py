"""Would a person call this film right? Checks on a finished film, before anybody sees it.

Lives here: the checks. Doesn't: making (`join`) and publishing (`film`). A check reads the film itself, never what was
said while making it: the name is read off the film's own title, by drawing it anew and comparing. The film is decoded
once for all of them, and its header and its packets' times are read once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stinercut.errors import FfmpegFailed, StinercutError
from stinercut.media import drawings
from stinercut.media import ffmpeg as runner
from stinercut.media.encoding import ticks_of
from stinercut.media.plan import Blend, Drawn, Filmed, FilmPlan, Shot
from stinercut.media.segments import Workshop
from stinercut.media.sound import SILENT
from stinercut.media.watching import LONGEST_BLACK, LONGEST_STILL, Seen, watch

NAME_THRESHOLD = 40.0
"""Largest difference (of 255, mean over a patch of 7 pixels at 1080p) that the encoder may make on the title.

Measured from 320x180 to 1080p, 24 to 60 fps, presets ultrafast to medium, long and short names, Latin and Arabic: the
right name differs by 3 to 15; one changed letter, accent or full stop by 86 to 216, the next day's date by 78 to 126.
"""

LOUDNESS_TOLERANCE = 1.0
"""LU that a film may be louder or quieter than its template says (EBU R 128 allows as much for live sound)."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class CheckResult:
    """One check: whether it passed, why, and the figures it looked at.

    `blocking`: a film that fails it is not published. Others are for a person to look at.
    """

    name: str
    passed: bool
    detail: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    blocking: bool = True


CHECKS: dict[str, tuple[str, bool]] = {
    "duration_is_sum": ("The film is as long as its parts together, to the frame.", True),
    "audio_as_long_as_video": ("The sound begins and ends with the picture.", True),
    "no_gap_at_a_join": ("Every picture follows the one before it at the same distance.", True),
    "decodes_to_the_end": ("Every frame of the film decodes without an error.", True),
    "right_name": ("The title in the finished film shows the passenger's name, and no other.", True),
    "playable_in_browser": ("H.264 and AAC in an MP4 that starts before it is loaded.", True),
    "loudness": ("The film is as loud as its template says.", False),
    "picture_moves": ("No part of the footage is black, or stands still.", False),
}
"""What each check is about, and whether a film that fails it is held back."""


@dataclass(frozen=True)
class Film:
    """A finished film and what it should be."""

    path: Path
    shop: Workshop
    plan: FilmPlan

    @cached_property
    def header(self) -> dict[str, Any]:
        """What ffprobe says about it."""
        return runner.ffprobe_json(self.path)

    @cached_property
    def seen(self) -> Seen:
        """What decoding all of it showed."""
        return watch(self.path, self.plan.frames)

    def stream(self, kind: str) -> dict[str, Any]:
        """The header of its picture or its sound; empty where there is none."""
        streams: list[dict[str, Any]] = self.header.get("streams", [])
        return next((one for one in streams if one.get("codec_type") == kind), {})


def check_film(film: Path, shop: Workshop, plan: FilmPlan) -> list[CheckResult]:
    """All checks of a film that should be this plan. A check that can't run has failed."""
    it = Film(film, shop, plan)
    looks: dict[str, Callable[[Film], _Found]] = {
        "duration_is_sum": _duration_is_sum,
        "audio_as_long_as_video": _audio_as_long_as_video,
        "no_gap_at_a_join": _no_gap_at_a_join,
        "decodes_to_the_end": _decodes_to_the_end,
        "right_name": _right_name,
        "playable_in_browser": _playable_in_browser,
        "loudness": _loudness,
        "picture_moves": _picture_moves,
    }
    return [_tried(name, it, look) for name, look in looks.items()]


_Found = tuple[bool, str, dict[str, Any]]


def _tried(name: str, film: Film, look: Callable[[Film], _Found]) -> CheckResult:
    blocking = CHECKS[name][1]
    try:
        passed, detail, values = look(film)
    except StinercutError as failed:
        return CheckResult(name, False, failed.sentence(), {}, blocking)
    return CheckResult(name, passed, detail, values, blocking)


# The title -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TitleFrame:
    """Where the passenger's name is read: which drawing, which frame of it, and the frame of the film that shows it."""

    drawn: Drawn
    card_frame: int
    film_frame: int


def title_frame(shop: Workshop, plan: FilmPlan) -> TitleFrame:
    """The frame of the title to look at: everything is in place, and nothing of it comes or goes."""
    place = shop.template.document.timeline.main.index(shop.template.title)
    drawn, begin, coming, going = _title_in(plan, place)
    frame = drawings.settled_frame(shop.sheet(drawn), drawn.frames, plan.rate, going)
    frame = min(max(frame, coming), drawn.frames - 1)
    return TitleFrame(drawn, frame, begin + frame)


def _title_in(plan: FilmPlan, place: int) -> tuple[Drawn, int, int, int]:
    """The title's drawing, the frame of the film where its first frame stands, and how many come and go with others."""
    found: tuple[Drawn, int] | None = None
    coming = going = 0
    for at, part in plan.placed():
        for shot in part.shots:
            if not (isinstance(shot.content, Drawn) and shot.content.place == place):
                continue
            found = (shot.content, at - shot.begin)
            coming, going = max(coming, shot.fade_in), max(going, shot.fade_out)
            if isinstance(part, Blend):
                coming, going = (coming, part.frames) if shot is part.before else (part.frames, going)
    if found is None:
        raise FfmpegFailed("the film has no title", advice="Render this jump again.")
    return *found, coming, going


def title_difference(film: Path, shop: Workshop, plan: FilmPlan) -> float:
    """How far the film's title is from the one that it should have: 0 is equal, 255 is black for white.

    The largest mean difference in luma over any patch the size of a full stop of the smallest text, within the rows of
    the title's box. A mean over the whole box would drown one changed letter, and a changed accent all the more.
    Raises as drawing a title does, and FfmpegFailed when the film has no such frame.
    """
    where = title_frame(shop, plan)
    card = drawings.drawn(shop.sheet(where.drawn))
    wanted = _luma(np.asarray(drawings.frame_at(card, where.card_frame, plan.rate)))
    levels = "pc" if shop.profile.full_range else "tv"
    shown = _luma(_frame_of(film, where.film_frame, shop.size, levels))
    width, height = shop.size
    _, top, _, bottom = card.box or (0, 0, width, height)
    margin = round(height * 0.05)
    # The sides of the film's whole width: somebody else's longer name reaches beyond the box of this one.
    rows = slice(max(0, top - margin), bottom + margin)
    apart = np.abs(wanted - shown)[rows, :].clip(0, 255).astype(np.uint8)
    radius = max(1.0, height / 1080 * 3)
    return float(np.asarray(Image.fromarray(apart).filter(ImageFilter.BoxBlur(radius))).max())


def _right_name(film: Film) -> _Found:
    name = film.shop.fields.passenger_name
    written = str(film.header.get("format", {}).get("tags", {}).get("title", ""))
    apart = title_difference(film.path, film.shop, film.plan)
    values = {"difference": round(apart, 1), "threshold": NAME_THRESHOLD, "metadata_title": written}
    if written != name:
        return False, f"the metadata says {written!r}, the jump is {name!r}'s", values
    if apart > NAME_THRESHOLD:
        return False, f"the title on the film is not that of {name!r}", values
    return True, f"the title shows {name!r}", values


def _frame_of(film: Path, frame: int, size: tuple[int, int], levels: str) -> NDArray[np.uint8]:
    """One frame of the film as RGB, H x W x 3. `levels`: the range of its values, as ffmpeg calls it."""
    width, height = size
    graph = (
        ffmpeg.input(str(film.absolute()))["v:0"]
        .filter("select", f"eq(n,{frame})")
        .filter("scale", width, height, in_color_matrix="bt709", in_range=levels, out_range="pc")
        .output("pipe:1", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", **{"frames:v": 1})
    )
    size_in_bytes = width * height * 3
    picture = b"".join(runner.read_pipe(graph.compile(), timeout=120 + frame, chunk_bytes=_CHUNK, file=film))
    if len(picture) != size_in_bytes:
        raise FfmpegFailed(f"the film has no frame {frame}", file=film, advice="Render this jump again.")
    return np.frombuffer(picture, np.uint8).reshape(height, width, 3)


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness as BT.709 weighs it."""
    return picture.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)


# Header and times ----------------------------------------------------------------------------------------------------


def _duration_is_sum(film: Film) -> _Found:
    video, frames, rate = film.stream("video"), film.plan.frames, film.plan.rate
    got, wanted, frame = int(video.get("nb_frames") or 0), film.plan.seconds, float(1 / rate)
    seconds = float(video.get("duration") or 0)
    whole = float(film.header.get("format", {}).get("duration") or 0)
    passed = got == frames and abs(seconds - wanted) < frame / 2 and abs(whole - wanted) < frame
    detail = f"{seconds:.3f} s and {got} frames; the parts have {wanted:.3f} s and {frames} frames"
    values = {
        "seconds": seconds,
        "file_seconds": whole,
        "expected_seconds": wanted,
        "frames": got,
        "expected_frames": frames,
    }
    return passed, detail, values


def _audio_as_long_as_video(film: Film) -> _Found:
    video, audio, frame = film.stream("video"), film.stream("audio"), float(1 / film.plan.rate)
    if not audio:
        return False, "the film has no sound track", {}
    seconds, sound = float(video.get("duration") or 0), float(audio.get("duration") or 0)
    begins = float(audio.get("start_time") or 0) - float(video.get("start_time") or 0)
    passed = abs(sound - seconds) <= frame and abs(begins) <= frame
    detail = f"picture {seconds:.3f} s, sound {sound:.3f} s, sound begins {begins:+.3f} s"
    return passed, detail, {"video_seconds": seconds, "audio_seconds": sound, "audio_begins": begins}


def _no_gap_at_a_join(film: Film) -> _Found:
    times = runner.packet_times(film.path)
    ticks = ticks_of(film.plan.rate)
    decoded, shown = [decode for _, decode in times], sorted(show for show, _ in times)
    wrong = sum(after - before != ticks for order in (decoded, shown) for before, after in itertools.pairwise(order))
    detail = (
        f"{len(times)} pictures, each {ticks} ticks after the one before"
        if not wrong
        else (f"{wrong} pictures come at a wrong distance from the one before")
    )
    return bool(times) and not wrong, detail, {"pictures": len(times), "ticks": ticks, "wrong": wrong}


def _playable_in_browser(film: Film) -> _Found:
    video, audio, output = film.stream("video"), film.stream("audio"), film.shop.output
    atoms = top_level_atoms(film.path)
    is_first = "moov" in atoms and "mdat" in atoms and atoms.index("moov") < atoms.index("mdat")
    size, pixels = (video.get("width"), video.get("height")), film.shop.profile.pixels
    codec = f"{video.get('codec_name')} {video.get('profile')}"
    wrong = [
        what
        for what, right in (
            (f"video is {codec}, not H.264 that browsers play", _is_browser_h264(video)),
            (f"pixels are {video.get('pix_fmt')}, not {pixels}", video.get("pix_fmt") == pixels),
            (f"sound is {audio.get('codec_name')}, not AAC", audio.get("codec_name") == "aac"),
            (f"size is {size[0]}x{size[1]}, not {output.width}x{output.height}", size == (output.width, output.height)),
            ("the index is not in front, so it would not play before it is loaded whole", is_first),
        )
        if not right
    ]
    values = {"profile": video.get("profile"), "width": size[0], "height": size[1], "atoms": " ".join(atoms)}
    return not wrong, "; ".join(wrong) or "H.264, AAC, index in front", values


def _is_browser_h264(video: dict[str, Any]) -> bool:
    # x264's ultrafast preset ends up in Constrained Baseline whatever profile is allowed; every browser plays it.
    return video.get("codec_name") == "h264" and video.get("profile") in ("High", "Main", "Constrained Baseline")


def top_level_atoms(film: Path) -> list[str]:
    """The names of an MP4's outermost boxes, in order (ISO 14496-12, 4.2)."""
    names: list[str] = []
    with film.open("rb") as handle:
        end = film.stat().st_size
        at = 0
        while at + 8 <= end:
            handle.seek(at)
            head = handle.read(16)
            size, name = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1")
            names.append(name)
            size = int.from_bytes(head[8:16], "big") if size == 1 else size or end - at
            if size < 8:
                break
            at += size
    return names


# What decoding shows -------------------------------------------------------------------------------------------------


def _decodes_to_the_end(film: Film) -> _Found:
    seen, frames = film.seen, film.plan.frames
    values = {"frames": seen.frames, "expected_frames": frames}
    if seen.said:
        return False, f"decoding says: {seen.said.splitlines()[-1]}", values
    return seen.frames == frames, f"{seen.frames} of {frames} frames decode", values


def _loudness(film: Film) -> _Found:
    wanted = film.shop.template.document.timeline.loudness
    found = film.seen.loudness
    values = {"LUFS": round(found, 1), "wanted": wanted}
    if wanted is None:
        return True, f"{found:.1f} LUFS, as it was filmed", values
    if found < SILENT + LOUDNESS_TOLERANCE:
        return True, "there is nothing to hear", values
    return abs(found - wanted) <= LOUDNESS_TOLERANCE, f"{found:.1f} LUFS, wanted {wanted:.1f}", values


def _picture_moves(film: Film) -> _Found:
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
        for what, found, most in (
            (f"{black:.1f} s of the footage are black", black, LONGEST_BLACK),
            (f"the footage stands still for {still:.1f} s", still, LONGEST_STILL),
        )
        if found >= most
    ]
    return not wrong, "; ".join(wrong) or "all footage moves", values


def _longest(spans: Sequence[tuple[float, float]], within: Sequence[tuple[float, float]]) -> float:
    """The longest stretch of a span that lies within one of the others, in seconds."""
    shared = (min(end, last) - max(begin, first) for begin, end in spans for first, last in within)
    return max((length for length in shared if length > 0), default=0.0)
