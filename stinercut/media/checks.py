"""Would a person call this film right? Checks on a finished film, before anybody sees it.

Lives here: the checks. Doesn't: making (`join`) and publishing (`film`). A check reads the film itself, never what was
said while making it: the name is read off the film's own title, by drawing it anew and comparing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stinercut.errors import FfmpegFailed, StinercutError
from stinercut.media import ffmpeg as runner
from stinercut.media.segments import Segment
from stinercut.media.titles import TitleFields, clearest_frame, frame_at, title_layers
from stinercut.templates.model import Output, Template

NAME_THRESHOLD = 40.0
"""Largest difference (of 255, mean over a patch of 7 pixels at 1080p) that the encoder may make on the title.

Measured from 320x180 to 1080p, 24 to 60 fps, presets ultrafast to medium, long and short names, Latin and Arabic: the
right name differs by 3 to 15; one changed letter, accent or full stop by 86 to 216, the next day's date by 78 to 126.
"""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class CheckResult:
    """One check: whether it passed, why, and the figures it looked at."""

    name: str
    passed: bool
    detail: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])


def check_film(film: Path, segments: Sequence[Segment], template: Template, fields: TitleFields) -> list[CheckResult]:
    """All checks of a film made of these segments (the title first), for these fields.

    A check that can't run has failed.
    """
    frames = sum(segment.frames for segment in segments)
    found: dict[str, Any] = {}

    def probed() -> dict[str, Any]:
        if not found:
            found.update(runner.ffprobe_json(film))
        return found

    return [
        _tried("duration_is_sum", lambda: _duration_is_sum(probed(), frames, template.output.fps)),
        _tried("audio_as_long_as_video", lambda: _audio_as_long_as_video(probed(), template.output.fps)),
        _tried("playable_in_browser", lambda: _playable_in_browser(film, probed(), template.output)),
        _tried("decodes_to_the_end", lambda: _decodes_to_the_end(film, frames)),
        _tried("right_name", lambda: _right_name(film, probed(), template, fields)),
    ]


def title_difference(film: Path, template: Template, fields: TitleFields) -> float:
    """How far the film's title is from the one that these fields ask for: 0 is equal, 255 is black for white.

    The largest mean difference in luma over any patch the size of a full stop of the smallest text, within the text's
    box. A mean over the whole box would drown one changed letter, and a changed accent all the more.
    Raises as drawing a title does, and FfmpegFailed when the film has no such frame.
    """
    output = template.output
    frame = clearest_frame(template.title.seconds, output.fps)
    layers = title_layers(template, fields)
    wanted = _luma(np.asarray(frame_at(layers, output, frame)))
    shown = _luma(_frame_of(film, frame, output))
    _, top, _, bottom = layers.box or (0, 0, output.width, output.height)
    margin = round(output.height * 0.05)
    # The sides of the film's whole width: somebody else's longer name reaches beyond the box of this one.
    rows = slice(max(0, top - margin), bottom + margin)
    apart = np.abs(wanted - shown)[rows, :].clip(0, 255).astype(np.uint8)
    radius = max(1.0, output.height / 1080 * 3)
    return float(np.asarray(Image.fromarray(apart).filter(ImageFilter.BoxBlur(radius))).max())


def _tried(name: str, check: Callable[[], tuple[bool, str, dict[str, Any]]]) -> CheckResult:
    try:
        passed, detail, values = check()
    except StinercutError as failed:
        return CheckResult(name, False, failed.sentence())
    return CheckResult(name, passed, detail, values)


_Found = tuple[bool, str, dict[str, Any]]


def _duration_is_sum(found: dict[str, Any], frames: int, fps: int) -> _Found:
    video = _stream(found, "video")
    got, wanted = int(video.get("nb_frames") or 0), frames / fps
    seconds = float(video.get("duration") or 0)
    whole = float(found.get("format", {}).get("duration") or 0)
    passed = got == frames and abs(seconds - wanted) < 0.5 / fps and abs(whole - wanted) < 1 / fps
    detail = f"{seconds:.3f} s and {got} frames; the segments have {wanted:.3f} s and {frames} frames"
    values = {
        "seconds": seconds,
        "file_seconds": whole,
        "expected_seconds": wanted,
        "frames": got,
        "expected_frames": frames,
    }
    return passed, detail, values


def _audio_as_long_as_video(found: dict[str, Any], fps: int) -> _Found:
    video, audio = _stream(found, "video"), _stream(found, "audio")
    if not audio:
        return False, "the film has no sound track", {}
    seconds, sound = float(video.get("duration") or 0), float(audio.get("duration") or 0)
    begins = float(audio.get("start_time") or 0) - float(video.get("start_time") or 0)
    passed = abs(sound - seconds) <= 1 / fps and abs(begins) <= 1 / fps
    detail = f"picture {seconds:.3f} s, sound {sound:.3f} s, sound begins {begins:+.3f} s"
    return passed, detail, {"video_seconds": seconds, "audio_seconds": sound, "audio_begins": begins}


def _playable_in_browser(film: Path, found: dict[str, Any], output: Output) -> _Found:
    video, audio = _stream(found, "video"), _stream(found, "audio")
    atoms = top_level_atoms(film)
    is_first = "moov" in atoms and "mdat" in atoms and atoms.index("moov") < atoms.index("mdat")
    size = (video.get("width"), video.get("height"))
    codec = f"{video.get('codec_name')} {video.get('profile')}"
    wrong = [
        what
        for what, right in (
            (f"video is {codec}, not H.264 that browsers play", _is_browser_h264(video)),
            (f"pixels are {video.get('pix_fmt')}, not yuv420p", video.get("pix_fmt") == "yuv420p"),
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


def _decodes_to_the_end(film: Path, frames: int) -> _Found:
    counted = 0

    def count(done: int) -> None:
        nonlocal counted
        counted = done

    source = ffmpeg.input(str(film.absolute()))
    target = ffmpeg.output(source["v:0"], source["a:0"], "-", format="null", fps_mode="passthrough")
    with tempfile.TemporaryDirectory(prefix="stinercut-check-") as folder:
        log = Path(folder) / "ffmpeg.log"
        argv = target.global_args("-xerror").compile()
        runner.run(argv, timeout=120 + frames, on_frame=count, file=film, log=log)
        said = log.read_text(errors="replace").strip()
    values = {"frames": counted, "expected_frames": frames}
    if said:
        return False, f"decoding says: {said.splitlines()[-1]}", values
    return counted == frames, f"{counted} of {frames} frames decode", values


def _right_name(film: Path, found: dict[str, Any], template: Template, fields: TitleFields) -> _Found:
    written = str(found.get("format", {}).get("tags", {}).get("title", ""))
    apart = title_difference(film, template, fields)
    values = {"difference": round(apart, 1), "threshold": NAME_THRESHOLD, "metadata_title": written}
    if written != fields.passenger_name:
        return False, f"the metadata says {written!r}, the jump is {fields.passenger_name!r}'s", values
    if apart > NAME_THRESHOLD:
        return False, f"the title on the film is not that of {fields.passenger_name!r}", values
    return True, f"the title shows {fields.passenger_name!r}", values


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


def _stream(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((stream for stream in found.get("streams", []) if stream.get("codec_type") == kind), {})


def _frame_of(film: Path, frame: int, output: Output) -> NDArray[np.uint8]:
    """One frame of the film as RGB, H x W x 3."""
    graph = (
        ffmpeg.input(str(film.absolute()))["v:0"]
        .filter("select", f"eq(n,{frame})")
        .filter("scale", output.width, output.height, in_color_matrix="bt709", in_range="tv", out_range="pc")
        .output("pipe:1", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", **{"frames:v": 1})
    )
    size = output.width * output.height * 3
    picture = b"".join(runner.read_pipe(graph.compile(), timeout=120, chunk_bytes=_CHUNK, file=film))
    if len(picture) != size:
        raise FfmpegFailed(f"the film has no frame {frame}", file=film, advice="Render this jump again.")
    return np.frombuffer(picture, np.uint8).reshape(output.height, output.width, 3)


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness as BT.709 weighs it."""
    return picture.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
