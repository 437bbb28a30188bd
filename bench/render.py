"""What a film costs: this renderer beside one ffmpeg filter graph, MoviePy and auto-editor, same clips, same edit.

    python bench/render.py [--quick] [--rounds N] [--only PART] [--moviepy-python PYTHON] [--auto-editor PROGRAM]

The edit: a title of 4 s, four clips as cameras write them (30 fps; 59.94 fps with sound at 44.1 kHz; turned and without
sound; 2.7K at 29.97 fps, mono) with a watermark, an outro of 4 s, H.264 at 30 fps and AAC.

CPU seconds are user and system time of everything that ran for it, forked from a process that has everything imported,
as the pipeline's steps are. Ways follow each other within a round; ratios are medians over rounds of this way against
the single pass of the same round, since a machine is not equally fast all the time. Memory is the largest sum of the
resident sizes of all processes, looked at every 20 ms. Our film and the single pass are compared by SSIM, each against
its own frames almost without loss, and by size: a cost counts only at equal quality. Ends with 1 when something wanted
doesn't hold.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import ffmpeg
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import render_ours as ours  # noqa: E402
from render_ours import Edit  # noqa: E402
from render_quality import LOSSLESS, MOST_BYTES, MOST_LOST, Quality, quality_of  # noqa: E402

QUALITY = {"preset": "veryfast", "crf": 21}
MOST_MEMORY = 1.5e9
"""Bytes that a worker may use for a 4K HEVC clip, whatever its length."""


# Measuring -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """CPU seconds, wall seconds, and the most memory (bytes) of a piece of work."""

    cpu: float
    wall: float
    memory: int


def measured(work: Callable[[], object]) -> Cost:
    """What this work costs, done in a fork. Raises RuntimeError when it fails."""
    gives, takes = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, takes)
    os.close(takes)
    seen = _Memory(child)
    with os.fdopen(gives, "rb") as pipe:
        said = pipe.read()
    seen.stop()
    os.waitpid(child, 0)
    if not said:
        raise RuntimeError("the measured work ended without a result")
    cpu, wall, why = pickle.loads(said)
    if why:
        raise RuntimeError(why)
    return Cost(cpu, wall, seen.most)


def _child(work: Callable[[], object], takes: int) -> None:
    began, why = time.monotonic(), ""
    before = _used()
    try:
        work()
    except BaseException as failed:
        why = f"{type(failed).__name__}: {failed}"
    said = pickle.dumps((_used() - before, time.monotonic() - began, why))
    os.write(takes, said)
    os._exit(0)


def _used() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class _Memory:
    """The largest sum of resident sizes of a process and all below it."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.most = max(self.most, sum(_resident(process) for process in tree))


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


# Footage -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """How large the bench is: size of the film, seconds of each clip, seconds of 4K (short and long), rounds."""

    width: int
    height: int
    seconds: tuple[float, float, float, float]
    memory_seconds: tuple[int, int]
    rounds: int


FULL = Scale(1920, 1080, (10, 10, 6, 8), (5, 20), 3)
QUICK = Scale(640, 360, (3, 3, 2, 2), (1, 3), 1)


def run_ffmpeg(*words: str) -> None:
    """Run ffmpeg, quietly. Raises CalledProcessError."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *words], check=True)


def filmed(path: Path, size: str, rate: str, seconds: float, sound: tuple[int, int] | None, *options: str) -> Path:
    """A moving picture with the noise of a sensor (another one for each name), H.264 in whole GOPs of half a second,
    and a tone."""
    noise = f"noise=alls=6:allf=t:all_seed={zlib.crc32(path.name.encode()) >> 1}"
    picture = f"testsrc2=s={size}:r={rate}:d={seconds},{noise},format=yuv420p"
    words = ["-f", "lavfi", "-i", picture]
    if sound:
        words += ["-f", "lavfi", "-i", f"sine=frequency=330:sample_rate={sound[0]}:duration={seconds}"]
        words += ["-ac", str(sound[1]), "-c:a", "aac"]
    group = str(round(Fraction(rate) / 2))
    colours = [word for name in ("primaries", "trc") for word in (f"-color_{name}", "bt709")]
    words += ["-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-g", group, "-bf", "0", *colours]
    run_ffmpeg(*words, "-colorspace", "bt709", "-color_range", "tv", *options, str(path))
    return path


def camera_clips(folder: Path, scale: Scale) -> tuple[Path, ...]:
    """The four clips of the edit."""
    full, wide = (
        f"{scale.width}x{scale.height}",
        f"{scale.width * 169 // 120 // 2 * 2}x{scale.height * 169 // 120 // 2 * 2}",
    )
    first, second, third, fourth = scale.seconds
    plain = filmed(folder / "upright.mp4", full, "30", third, None)
    turned = folder / "GX010003.MP4"
    run_ffmpeg("-i", str(plain), "-c", "copy", "-metadata:s:v:0", "rotate=90", str(turned))
    return (
        filmed(folder / "GX010001.MP4", full, "30", first, (48_000, 2)),
        filmed(folder / "GX010002.MP4", full, "60000/1001", second, (44_100, 2)),
        turned,
        filmed(folder / "GX010004.MP4", wide, "30000/1001", fourth, (48_000, 1)),
    )


def untouched_clips(folder: Path, scale: Scale) -> tuple[Path, ...]:
    """Two clips of the film's own size and rate, longer than title and outro are."""
    full = f"{scale.width}x{scale.height}"
    return tuple(
        filmed(folder / f"GX02000{number}.MP4", full, "30", 1.5 * sum(scale.seconds) / 2, (48_000, 2))
        for number in (1, 2)
    )


def music(folder: Path) -> Path:
    """A quarter of a minute of music, as AAC."""
    path = folder / "music.m4a"
    run_ffmpeg(
        "-f", "lavfi", "-i", "aevalsrc='0.3*sin(2*PI*220*t)*exp(-3*mod(t,0.5))|0.3*sin(2*PI*330*t)':d=15", str(path)
    )
    return path


def deep_clip(folder: Path, seconds: int, piece: Path | None) -> Path:
    """4K HEVC, 10 bits, as newer cameras write it; a longer one repeats `piece` without encoding it again."""
    path = folder / f"deep-{seconds}.mp4"
    if piece:
        run_ffmpeg("-stream_loop", "-1", "-i", str(piece), "-t", str(seconds), "-c", "copy", str(path))
        return path
    source = f"testsrc2=s=3840x2160:r=30:d={seconds},format=yuv420p10le"
    run_ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none",
           "-tag:v", "hvc1", str(path))  # fmt: skip
    return path


# Ways ----------------------------------------------------------------------------------------------------------------


def single_pass(
    edit: Edit, cards: ours.Cards, folder: Path, quality: Mapping[str, Any] = QUALITY
) -> Callable[[], object]:
    """The whole edit as one filter graph in one ffmpeg, written to `single.mp4` in that folder."""
    streams: list[Any] = []
    mark = ffmpeg.input(str(cards.mark)) if cards.mark else None
    marks = mark.filter_multi_output("split", len(edit.clips)) if mark else None
    streams += [ours.playing(cards.title, edit, folder / "title"), silence(ours.CARD_SECONDS, 0)]
    for number, path in enumerate(edit.clips):
        seconds, has_sound = length_of(path)
        frames, clip = round(seconds * edit.fps), ffmpeg.input(str(path))
        size = {"force_original_aspect_ratio": "decrease", "force_divisible_by": 2, "flags": "bicubic"}
        picture = (
            clip["v:0"]
            .filter("fps", edit.fps, start_time=0)
            .filter("tpad", stop_mode="clone", stop=3)
            .filter("trim", end_frame=frames)
            .filter("scale", edit.width, edit.height, **size, out_color_matrix="bt709", out_range="tv")
            .filter("pad", edit.width, edit.height, "(ow-iw)/2", "(oh-ih)/2")
            .filter("setsar", 1)
            .filter("format", "yuv420p")
        )
        if marks:
            picture = ffmpeg.filter([picture, marks[number]], "overlay", *cards.place, format="yuv420")
        streams += [picture, sound(clip, frames / edit.fps) if has_sound else silence(frames / edit.fps, number + 1)]
    streams += [ours.playing(cards.outro, edit, folder / "outro"), silence(ours.CARD_SECONDS, len(edit.clips) + 1)]
    whole = ffmpeg.concat(*streams, v=1, a=1).node
    encoded = {"c:v": "libx264", **quality, "g": 2 * edit.fps, "c:a": "aac", "b:a": "192k", "movflags": "+faststart"}
    words = ffmpeg.output(whole[0], whole[1], str(folder / "single.mp4"), **encoded).compile()
    return lambda: run_ffmpeg(*words[1:])


def silence(seconds: float, number: int) -> Any:
    """A sound of nothing. `number` tells several of them apart: ffmpeg-python takes equal ones for one."""
    nothing = ffmpeg.input(f"anullsrc=r=48000:cl=stereo:n={1024 + number}", f="lavfi")
    return nothing.filter("atrim", end_sample=round(seconds * 48_000))


def sound(clip: Any, seconds: float) -> Any:
    """A clip's sound, exactly that long."""
    found = clip["a:0"].filter("aresample", 48_000, **{"async": 1}, first_pts=0)
    found = found.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    return found.filter("apad").filter("atrim", end_sample=round(seconds * 48_000))


def length_of(path: Path) -> tuple[float, bool]:
    """Seconds of picture, and whether there is sound."""
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "stream=codec_type,duration", str(path)],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    streams = json.loads(said)["streams"]
    video = next(stream for stream in streams if stream["codec_type"] == "video")
    return float(video["duration"]), any(stream["codec_type"] == "audio" for stream in streams)


def moviepy(python: Path, edit: Edit, cards: ours.Cards, folder: Path) -> Callable[[], object]:
    """The same edit by MoviePy, with the ffmpeg of this machine."""
    both = {name: ours.described(getattr(cards, name), folder / f"moviepy-{name}") for name in ("title", "outro")}
    seconds = {"card_seconds": ours.CARD_SECONDS, "fade_seconds": ours.FADE_SECONDS}
    mark = {"mark": str(cards.mark) if cards.mark else "", "place": cards.place}
    note = folder / "moviepy.json"
    note.write_text(json.dumps({**asdict(edit), **both, **seconds, **mark, **QUALITY}, default=str), encoding="utf-8")
    words = [str(python), str(ROOT / "bench" / "render_moviepy.py"), str(note), str(folder / "moviepy.mp4")]
    surroundings = {**os.environ, "FFMPEG_BINARY": "ffmpeg", "IMAGEIO_FFMPEG_EXE": shutil.which("ffmpeg") or ""}
    return lambda: subprocess.run(words, check=True, env=surroundings)


def auto_editor(program: Path, edit: Edit, target: Path) -> Callable[[], object]:
    """The clips one after the other by auto-editor, which draws neither titles nor watermarks.

    Spoken to as version 23 wants it, the last that is a Python package and not a program to download.
    """
    words = [str(program), *map(str, edit.clips), "--edit", "none", "--no-open", "--quiet", "--my-ffmpeg"]
    words += ["--video-codec", "h264", "--extras", f"-preset {QUALITY['preset']} -crf {QUALITY['crf']}"]
    words += ["--frame-rate", str(edit.fps), "--resolution", f"{edit.width},{edit.height}", "-o", str(target)]
    return lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


# The bench -----------------------------------------------------------------------------------------------------------


class Bench:
    """Costs by way, and what is wanted of them."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds
        self.costs: dict[str, list[Cost]] = {}
        self.wanted: list[tuple[str, str, str, bool | None]] = []

    def run(self, way: str, work: Callable[[], object]) -> Cost:
        """Measure it once more."""
        cost = measured(work)
        self.costs.setdefault(way, []).append(cost)
        print(f"  {way}: {cost.cpu:.2f} CPU s, {cost.wall:.2f} s", file=sys.stderr)
        return cost

    def ratio(self, way: str, to: str) -> float:
        """The median over rounds of CPU seconds of one way against another one."""
        return statistics.median(
            one.cpu / other.cpu for one, other in zip(self.costs[way], self.costs[to], strict=True)
        )

    def want_ratio(self, what: str, way: str, to: str, most: float) -> None:
        """A line of what is wanted: this way costs at most so much of that one."""
        got = self.ratio(way, to)
        self.wanted.append((what, f"at most {most:g}", f"{got:.3f}", got <= most))

    def want_cpu(self, what: str, way: str, most: float) -> None:
        """A line of what is wanted: the median of this way's CPU seconds."""
        got = statistics.median(cost.cpu for cost in self.costs[way])
        self.wanted.append((what, f"at most {most:g} CPU s", f"{got:.2f} CPU s", got <= most))

    def want_equal(self, own: Quality, single: Quality) -> None:
        """Two lines of what is wanted: the film is as good as the single pass, and no larger."""
        lost, larger = single.ssim - own.ssim, own.size / single.size
        least = f"at least {single.ssim:.4f}, the single pass's, less {MOST_LOST:g}"
        self.wanted.append(("the film's SSIM", least, f"{own.ssim:.4f}", lost <= MOST_LOST))
        self.wanted.append(("the film's size", f"at most {MOST_BYTES:g}", f"{larger:.3f}", larger <= MOST_BYTES))

    def table(self) -> None:
        """What each way cost, against the first one."""
        first = next(iter(self.costs))
        print(f"\n{'':44}{'CPU s':>9}{'wall s':>9}{'ratio':>8}{'MB':>7}")
        for way, costs in self.costs.items():
            cpu, wall = (statistics.median(getattr(cost, name) for cost in costs) for name in ("cpu", "wall"))
            memory = max(cost.memory for cost in costs) / 1e6
            same = len(costs) == len(self.costs[first]) and not way.startswith(("untouched", "4K"))
            print(f"{way:44}{cpu:9.2f}{wall:9.2f}{f'{self.ratio(way, first):.3f}' if same else '':>8}{memory:7.0f}")

    def verdict(self) -> bool:
        """What was wanted and whether it held."""
        print()
        for what, most, got, held in self.wanted:
            print(f"{what}: {got}, wanted {most}: {'held' if held else 'NOT HELD'}")
        return all(held for *_, held in self.wanted)


WORKERS = (1, 2, 4)
SINGLE = "one ffmpeg filter graph"
CARDS = "stinercut, title and outro"


def compare(bench: Bench, edit: Edit, tune: Path, tools: argparse.Namespace) -> None:
    """The whole edit by every way, then the same film again with small changes."""
    folder = bench.folder
    drawn = ours.cards(edit, folder)
    film = folder / "film.mp4"
    for number in range(bench.rounds):
        bench.run(SINGLE, single_pass(edit, drawn, folder))
        for workers in WORKERS:
            store = folder / f"store-{number}-{workers}"
            bench.run(named(workers), partial(ours.render, edit, store, film, workers))
        if number == 0:
            bench.want_equal(*qualities(edit, drawn, film))
        planned = ours.production_of(edit, folder / "store-cards").films[0]
        bench.run(CARDS, partial(ours.render_cards, planned))
        shutil.rmtree(folder / "store-cards")
        store = folder / f"store-{number}-1"
        renamed = replace(edit, name="Jürgen Hübenbecker-Ståhlström")
        bench.run("stinercut, changed name", partial(ours.render, renamed, store, film, 1))
        bench.run("stinercut, changed music", partial(ours.render, replace(edit, music=tune), store, film, 1))
        bench.run("stinercut, join, all checks, first time", partial(ours.render_checked, edit, store, film))
        bench.run("stinercut, join, all checks, again", partial(ours.render_checked, edit, store, film))
        if tools.moviepy_python:
            bench.run("MoviePy", moviepy(tools.moviepy_python, edit, drawn, folder))
        if tools.auto_editor:
            bench.run("auto-editor, clips only", auto_editor(tools.auto_editor, edit, folder / "auto.mp4"))
        for workers in WORKERS:
            shutil.rmtree(folder / f"store-{number}-{workers}")
    for workers in WORKERS:
        bench.want_ratio(f"the whole film, {named(workers)}", named(workers), SINGLE, 0.95)
    bench.want_ratio("a changed name", "stinercut, changed name", SINGLE, 0.03)
    bench.want_cpu("title and outro", CARDS, 4.0)
    bench.want_ratio("changed music", "stinercut, changed music", SINGLE, 0.05)


def qualities(edit: Edit, drawn: ours.Cards, film: Path) -> tuple[Quality, Quality]:
    """How good our film and the single pass are, each against its own frames almost without loss: where 60 frames
    become 30, the two keep different ones.
    """
    folder, store = film.parent, film.parent / "store-lossless"
    single, whole = folder / "single.mp4", folder / "lossless.mp4"
    ours.render_otherwise(edit, store, whole, LOSSLESS)
    shutil.rmtree(store)
    own = quality_of(film, whole)
    kept = single.rename(folder / "single-pass.mp4")
    single_pass(edit, drawn, folder, LOSSLESS)()
    return own, quality_of(kept, single)


def named(workers: int) -> str:
    """The way of that many workers."""
    return f"stinercut, {workers} worker{'s' if workers > 1 else ''}"


def compare_untouched(bench: Bench, edit: Edit) -> None:
    """Clips of the film's own size and rate, with nothing on them."""
    drawn = ours.cards(edit, bench.folder)
    single, own = "untouched clips, one ffmpeg filter graph", "untouched clips, stinercut"
    for number in range(bench.rounds):
        store = bench.folder / f"untouched-{number}"
        bench.run(single, single_pass(edit, drawn, bench.folder))
        bench.run(own, partial(ours.render, edit, store, bench.folder / "film.mp4", 1))
        shutil.rmtree(store)
    bench.want_ratio("a template that leaves clips untouched", own, single, 0.2)


def compare_memory(bench: Bench, edit: Edit, seconds: Sequence[int]) -> None:
    """A short and a long clip in 4K HEVC."""
    piece = deep_clip(bench.folder, seconds[0], None)
    used: list[int] = []
    for length, path in zip(seconds, (piece, deep_clip(bench.folder, seconds[1], piece)), strict=True):
        deep = replace(edit, clips=(path,))
        store = bench.folder / f"deep-{length}"
        used.append(
            bench.run(
                f"4K HEVC 10-bit, {length} s", partial(ours.render, deep, store, bench.folder / "f.mp4", 1)
            ).memory
        )
        shutil.rmtree(store)
    most = max(used)
    bench.wanted.append(("4K HEVC, memory of a worker", "below 1500 MB", f"{most / 1e6:.0f} MB", most < MOST_MEMORY))
    grown = used[1] / used[0]
    bench.wanted.append(
        ("4K HEVC, memory of the long clip", "at most 1.1 of the short one", f"{grown:.2f}", grown <= 1.1)
    )


def edit_of(scale: Scale, clips: tuple[Path, ...], *, untouched: bool = False) -> Edit:
    """A film of these clips."""
    return Edit(clips, scale.width, scale.height, 30, untouched=untouched)


def main() -> int:
    """The whole bench."""
    asked = argparse.ArgumentParser(description="What a film costs, side by side.")
    asked.add_argument("--quick", action="store_true", help="small and short, one round: under a minute")
    asked.add_argument("--rounds", type=int, help="how often each way is measured")
    asked.add_argument("--moviepy-python", type=Path, help="a Python that MoviePy is installed in")
    asked.add_argument("--auto-editor", type=Path, help="auto-editor's program")
    asked.add_argument("--only", choices=("edit", "untouched", "memory"), help="one of the three parts of the bench")
    asked.add_argument("--folder", type=Path, help="where to work; default: the system's place for such files")
    tools = asked.parse_args()
    scale = QUICK if tools.quick else FULL
    for what, given in (("MoviePy", tools.moviepy_python), ("auto-editor", tools.auto_editor)):
        if not given:
            print(f"{what}: not installed, skipped")
    with tempfile.TemporaryDirectory(prefix="bench-render-", dir=tools.folder) as name:
        folder = Path(name)
        bench = Bench(folder, tools.rounds or scale.rounds)
        parts: dict[str, Callable[[], None]] = {
            "edit": lambda: compare(bench, edit_of(scale, camera_clips(folder, scale)), music(folder), tools),
            "untouched": lambda: compare_untouched(
                bench, edit_of(scale, untouched_clips(folder, scale), untouched=True)
            ),
            "memory": lambda: compare_memory(bench, edit_of(scale, ()), scale.memory_seconds),
        }
        for part, compared in parts.items():
            if tools.only in (None, part):
                compared()
        bench.table()
        return 0 if bench.verdict() else 1


if __name__ == "__main__":
    sys.exit(main())
