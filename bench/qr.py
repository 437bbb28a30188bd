"""How well and how cheaply codes are read: photos of a corpus, photos made here, and films made here.

    python bench/qr.py [--quick] [--only PART] [--made NUMBER] [--corpus FOLDER] [--json FILE]

Photos (`manifest.csv` with path, source, text; default $STINERCUT_QR_CORPUS or ../shared/qr-corpus): share read and
milliseconds for pyzbar alone, zxing-cpp alone, each of them on every rung of the ladder of preprocessing (until one
gives a code), both ladders one after the other (all that this reader did before it laid codes flat), and this reader's
picture path, its processes' start included; the last also counted only if two looks agree, as an unsigned payload needs
it. The corpus holds no passenger's code, so nothing ever ends the picture path early: its milliseconds are the worst
case. Where a photo has no code, "read" is the share of photos about which nothing was said. Three photos count as wrong
for every decoder: the manifest has a slip in one text, and names one of the two codes in two others.
Made photos: the same for photos of each kind of difficulty (`qr_pictures.py`), of seeds that nobody tuned on. Of
`lots`, each code counts as one. The mean is that of the kinds.
Films: as `stinercut qr film` makes them, at each of its levels. Share read, CPU seconds (all processes), and peak
memory of this reader; beside it the plan that came first: frames of the first 5 s every 0.5 s as PNG files, pyzbar as
it comes, stop at the first that is JSON.

Ends with what was wanted and whether it held; exit code 1 when something didn't.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

import cv2
from PIL import Image
from pyzbar import pyzbar
from qr_pictures import HELD_OUT, KINDS, lots, make_photo

from stinercut.codes.decoders import ZBAR, ZXING, DecodedPicture, Decoder, Decoders, to_code
from stinercut.codes.evidence import FileEvidence
from stinercut.codes.image_variants import prepared
from stinercut.codes.payload import Payload, make_payload
from stinercut.codes.reader import read_film
from stinercut.codes.still_reader import load_gray, look_at_picture
from stinercut.synthetic.card import PASSENGERS
from stinercut.synthetic.difficulty import EASY, LEVELS, make_harder
from stinercut.synthetic.qrfilm import make_qr_film
from stinercut.synthetic.scenes import make_clip
from stinercut.video import ffmpeg_runner as runner

SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
SECONDS = 3.0
WITHOUT_CODE = {"1080p, no code, 3 s": 3.0, "1080p, no code, 12 s": 12.0}
"""Clips without a code, and their lengths in seconds."""

READER, SEEDS, UNION = "this reader", "seeds' plan", "both ladders"
TWICE = "in two looks"
"""This reader, if two of its looks gave the text."""
MEAN = "mean of kinds"
SILENT = "negatives"
ALL = "all with codes"


@dataclass
class Score:
    """What one way of reading did: `wrong` counts those that gave a text that is not in the picture."""

    what: str
    way: str
    number: int = 0
    read: int = 0
    wrong: int = 0
    costs: list[float] = field(default_factory=list[float])
    """Seconds each: of the clock for photos, of the CPU for films."""
    memory: int = 0
    """Peak of this process and its children together, in bytes."""

    def add(self, *, read: bool, wrong: bool, cost: float, memory: int = 0) -> None:
        """Count one photo or film."""
        self.number += 1
        self.read += read
        self.wrong += wrong
        self.costs.append(cost)
        self.memory = max(self.memory, memory)


@dataclass(frozen=True)
class Wanted:
    """Something that should hold, and whether it did."""

    what: str
    found: str
    holds: bool


# Photos


def by_pyzbar(photo: Path) -> list[str]:
    """pyzbar as it comes: its own idea of the encoding."""
    decode = cast("Callable[..., list[Any]]", pyzbar.decode)
    found = decode(Image.open(photo).convert("RGB"), symbols=[pyzbar.ZBarSymbol.QRCODE])
    return [code.data.decode("utf-8", "replace") for code in found]


def by_decoder(decoder: Decoder, *, ladder: bool) -> Callable[[Path], list[str]]:
    """A decoder on the picture as it is, or on each rung of the ladder until one gives a code."""

    def read(photo: Path) -> list[str]:
        picture = load_gray(photo)
        if isinstance(picture, tuple):
            return []
        for rung in (picture, *prepared(picture)) if ladder else (picture,):
            codes = decoder.look(rung).codes
            if codes:
                return [code.text for code in codes]
        return []

    return read


@dataclass
class Looks:
    """Stands in for a `FileEvidence`: keeps the looks that gave each text, and is never satisfied."""

    of: dict[str, set[float]] = field(default_factory=dict[str, set[float]])
    confirmed: bool = False

    def add(self, moment: float, look: DecodedPicture) -> None:
        """Keep the texts of a look."""
        for code in look.codes:
            self.of.setdefault(code.text, set()).add(moment)


def by_reader(photo: Path) -> tuple[list[str], list[str]]:
    """This reader's picture path: every text that it saw, and those that it saw in two looks."""
    picture, seen = load_gray(photo), Looks()
    if not isinstance(picture, tuple):
        with Decoders() as decoders:
            look_at_picture(picture, decoders, cast("FileEvidence", seen))
    return list(seen.of), [text for text, looks in seen.of.items() if len(looks) > 1]


@contextlib.contextmanager
def ways() -> Generator[dict[str, Callable[[Path], list[str]]]]:
    """Each way of reading a photo."""
    with Decoder(ZXING) as zxing, Decoder(ZBAR) as zbar:
        yield {
            "pyzbar": by_pyzbar,
            "zxing-cpp": by_decoder(zxing, ladder=False),
            "zbar ladder": by_decoder(zbar, ladder=True),
            "zxing ladder": by_decoder(zxing, ladder=True),
        }


Photo = tuple[str, Path, set[str]]
"""Where a photo is from, its file, the texts that may be read in it."""


def photos(all_of_them: Iterable[Photo]) -> list[Score]:
    """The photos of each source by each way."""
    scores: dict[tuple[str, str], Score] = {}
    with ways() as each:
        for source, photo, texts in all_of_them:
            found: dict[str, set[str]] = {}
            took: dict[str, float] = {}
            for way, read in each.items():
                began = time.perf_counter()
                found[way] = {plain(text) for text in read(photo)}
                took[way] = time.perf_counter() - began
            ladders = [way for way in each if way.endswith("ladder")]
            found[UNION] = set[str]().union(*(found[way] for way in ladders))
            took[UNION] = sum(took[way] for way in ladders)
            began = time.perf_counter()
            found[READER], found[TWICE] = ({plain(text) for text in read} for read in by_reader(photo))
            took[READER] = took[TWICE] = time.perf_counter() - began
            for way, said in found.items():
                for what in (source,) if source == SILENT else (source, ALL):
                    score = scores.setdefault((what, way), Score(what, way))
                    for right in _rights(source, said, texts):
                        score.add(read=right, wrong=bool(said - texts), cost=took[way])
    return sorted(scores.values(), key=lambda score: score.what == ALL)


def _rights(source: str, said: set[str], texts: set[str]) -> list[bool]:
    """Whether the right thing was said about a photo; of a photo of many codes, about each."""
    if source == lots.__name__:
        return [text in said for text in sorted(texts)]
    return [not said if source == SILENT else bool(said & texts)]


def made_photos(folder: Path, number: int) -> Iterator[Photo]:
    """So many photos of each kind, of seeds that nobody tuned on; a third as many of many codes."""
    for kind in KINDS:
        for seed in range(HELD_OUT, HELD_OUT + (max(1, number // 3) if kind == lots.__name__ else number)):
            photo, file = make_photo(kind, seed), folder / f"{kind}-{seed}.png"
            cv2.imwrite(str(file), photo.picture)
            yield kind, file, {plain(text) for text in photo.texts}
            file.unlink()


def with_mean_of_kinds(scores: list[Score]) -> list[Score]:
    """The scores of made photos, and their mean, in which each kind has the same weight, as counts of 1000."""
    kinds = [score for score in scores if score.what != ALL]
    means: list[Score] = []
    for way in dict.fromkeys(score.way for score in kinds):
        mine = [score for score in kinds if score.way == way]
        rate = statistics.mean(score.read / score.number for score in mine)
        wrong = sum(score.wrong for score in mine)
        costs = [statistics.mean(score.costs) for score in mine]
        means.append(Score(MEAN, way, 1000, round(1000 * rate), wrong, costs))
    return [*kinds, *means]


def photos_of(corpus: Path) -> Iterator[tuple[str, Path, set[str]]]:
    """(source, photo, the texts that may be read in it) of each photo that is there."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if (corpus / row["path"]).is_file()]
    expected: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        texts = expected.setdefault((row["source"], row["path"]), set())
        if row["source"] != SILENT:
            texts.update(plain(form) for form in forms(row["text"]))
    for (source, path), texts in expected.items():
        yield source, corpus / path, texts


def forms(text: str) -> set[str]:
    """A text, and how it is given by a decoder that doesn't guess: bytes that are no UTF-8 stand there as escapes."""
    found = {text}
    for encoding in ("cp932", "gb18030", "latin-1"):
        with contextlib.suppress(UnicodeEncodeError):
            for ends in (text, text.replace("\n", "\r\n")):
                found.add(to_code(ends.encode(encoding), "").text)
    return found


def plain(text: str) -> str:
    """Comparable: line ends alike, as much as the reader keeps."""
    return text.replace("\r\n", "\n").replace("\x00", "\u2400").strip()[:1000]


# Films


def films(folder: Path, number: int, largest: int) -> Iterator[tuple[str, str, Path, Payload]]:
    """(size, level, film, who) for each size and level; `largest` many of the 4K ones."""
    for name, size in SIZES.items():
        for seed in range(number if name == "1080p" else largest):
            payload = make_payload(PASSENGERS[seed % len(PASSENGERS)], f"B-{seed}", date(2026, 5, 1))
            easy, hard = folder / f"{name}-{seed}.mp4", folder / f"{name}-{seed}-hard.mp4"
            make_qr_film(payload, easy, size=size, seconds=SECONDS, seed=seed)
            for level in LEVELS:
                if level != EASY:
                    make_harder(easy, hard, level, size, SECONDS)
                yield name, level, easy if level == EASY else hard, payload
            easy.unlink()


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def reader_in_a_child(film: Path) -> tuple[str | None, float, int]:
    """What this reader says, its CPU seconds, its peak memory with that of its largest child, in bytes."""
    before = cpu_seconds()
    reading = read_film(film)
    used = cpu_seconds() - before
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return reading.payload.text() if reading.payload else None, used, 1024 * sum(peaks)


def by_reader_alone(film: Path) -> tuple[str | None, float, int]:
    """This reader in a fresh process. Its memory is looked at from here, every 5 ms, all processes together."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (process,) = cast("Any", pool)._pool
        done, peak = threading.Event(), [0]

        def watch() -> None:
            while not done.wait(0.005):
                peak[0] = max(peak[0], memory_of(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            said, used, memory = pool.apply(reader_in_a_child, (film,))
        finally:
            done.set()
            watcher.join()
    return said, used, max(memory, peak[0])


def memory_of(process: int) -> int:
    """Bytes that a process and its descendants hold now, shared ones counted each time; 0 where there is no /proc."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize() + sum(memory_of(int(child)) for child in children)


def plan_of_the_seeds(film: Path) -> str | None:
    """Frames every 0.5 s as PNG files, pyzbar on each until one gives JSON."""
    with tempfile.TemporaryDirectory() as folder:
        runner.run(["-t", "5", "-i", str(film), "-vf", "fps=2", f"{folder}/%03d.png"], timeout=300)
        for picture in sorted(Path(folder).iterdir()):
            for text in by_pyzbar(picture):
                with contextlib.suppress(ValueError):
                    json.loads(text)
                    return text
    return None


def film_scores(number: int, largest: int) -> list[Score]:
    """Each size and level, by this reader and by the seeds' plan."""
    scores: dict[tuple[str, str], Score] = {}
    with tempfile.TemporaryDirectory(prefix="bench-qr-") as folder:
        for size, level, film, payload in films(Path(folder), number, largest):
            what = f"{size}, {level}"
            said, used, memory = by_reader_alone(film)
            score = scores.setdefault((what, READER), Score(what, READER))
            score.add(read=said == payload.text(), wrong=said not in (None, payload.text()), cost=used, memory=memory)
            before = cpu_seconds()
            said = plan_of_the_seeds(film)
            used = cpu_seconds() - before
            score = scores.setdefault((what, SEEDS), Score(what, SEEDS))
            score.add(read=said == payload.text(), wrong=said not in (None, payload.text()), cost=used)
        for what, seconds in WITHOUT_CODE.items():
            score = scores[what, READER] = Score(what, READER)
            for seed in range(max(1, number // 2)):
                make_clip(Path(folder) / "clip.mp4", seed, seconds, SIZES["1080p"])
                said, used, memory = by_reader_alone(Path(folder) / "clip.mp4")
                score.add(read=said is None, wrong=said is not None, cost=used, memory=memory)
    return list(scores.values())


# The report


def report(scores: list[Score], *, of_films: bool) -> None:
    """A table on standard output."""
    unit = "CPU s (median, worst)    MB" if of_films else "  ms (mean)"
    print(f"{'':22}{'':14}{'n':>5}{'read':>9}{'wrong':>7}  {unit}")
    for score in scores:
        rate = f"{score.read:4}{score.read / score.number:5.0%}"
        if of_films:
            memory = f"{score.memory / 1e6:13.0f}" if score.memory else ""
            cost = f"{statistics.median(score.costs):7.2f}{max(score.costs):7.2f}{memory}"
        else:
            cost = f"{1000 * statistics.mean(score.costs):7.0f}"
        print(f"{score.what:22}{score.way:14}{score.number:5}{rate}{score.wrong:7}  {cost}")
    print()


def wanted_of_photos(scores: Iterable[Score]) -> list[Wanted]:
    """At least both ladders together, source by source too; nothing where nothing is."""
    of = {(score.what, score.way): score for score in scores}
    behind = [what for what, way in of if way == READER and of[what, READER].read < of[what, UNION].read]
    reader, union = of[ALL, READER], of[ALL, UNION]
    found = f"{reader.read} of {reader.number}, both ladders {union.read}" + (f"; behind: {behind}" if behind else "")
    said = sum(score.number - score.read for score in of.values() if score.what == SILENT and score.way == READER)
    silent = sum(score.number for score in of.values() if score.what == SILENT and score.way == READER)
    return [
        Wanted("photos: at least both ladders, in each source", found, not behind),
        Wanted("photos without a code: nothing is said", f"{said} of {silent} spoken about", said == 0),
    ]


def wanted_of_made_photos(scores: Iterable[Score]) -> list[Wanted]:
    """More than both ladders read, and nothing that is not there."""
    of = {(score.what, score.way): score for score in scores}
    rates = {way: of[MEAN, way].read / 10 for way in (UNION, READER, TWICE)}
    found = ", ".join(f"{way} {rate:.1f} %" for way, rate in rates.items())
    wrong = of[MEAN, READER].wrong
    return [
        Wanted("made photos: more than both ladders", found, rates[TWICE] > rates[UNION]),
        Wanted("made photos: no wrong text", f"{wrong}", wrong == 0),
    ]


def wanted_of_films(scores: Iterable[Score]) -> list[Wanted]:
    """All read, no wrong name, and little of the machine."""
    of = {(score.what, score.way): score for score in scores}
    mine = [score for (_, way), score in of.items() if way == READER]
    unread = [score.what for score in mine if score.read < score.number]
    wrong = sum(score.wrong for score in mine)
    easy = statistics.median(of[f"1080p, {EASY}", READER].costs)
    large = max(statistics.median(score.costs) for score in mine if score.what.startswith("4K"))
    most = max(score.memory for score in mine)
    dearer = [
        score.what
        for score in mine
        if score.what not in WITHOUT_CODE
        and (
            statistics.median(score.costs) >= statistics.median(of[score.what, SEEDS].costs)
            or score.read < of[score.what, SEEDS].read
        )
    ]
    return [
        Wanted("films: every one is read", f"not all of {', '.join(unread)}" if unread else "all", not unread),
        Wanted("films: no wrong name", f"{wrong}", wrong == 0),
        Wanted("films: more read for less than by the seeds' plan", f"not {dearer}" if dearer else "all", not dearer),
        Wanted("easy 1080p: at most 0.2 CPU s", f"{easy:.3f}", easy <= 0.2),
        *(
            Wanted(f"{what}: at most 0.3 CPU s", f"{cost:.3f}", cost <= 0.3)
            for what in WITHOUT_CODE
            if (cost := statistics.median(of[what, READER].costs))
        ),
        Wanted("4K, the dearest level: at most 1.0 CPU s", f"{large:.2f}", large <= 1.0),
        Wanted("peak memory: under 400 MB", f"{most / 1e6:.0f} MB", most < 400e6),
    ]


def main() -> int:
    """Run what was asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("STINERCUT_QR_CORPUS") or Path(__file__).parents[2] / "shared" / "qr-corpus"
    parser.add_argument("--quick", action="store_true", help="every tenth photo, one film of each kind: below a minute")
    parser.add_argument("--corpus", type=Path, default=Path(default))
    parser.add_argument("--only", choices=("corpus", "made", "films"), help="one part")
    parser.add_argument("--made", type=int, default=12, help="made photos of each kind")
    parser.add_argument("--json", type=Path, help="write the scores there too")
    chosen = parser.parse_args()
    # numpy's idle threads spin for 0.1 s after its import: that is no part of reading a film.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    began = time.monotonic()
    parts: dict[str, list[Score]] = {}
    wanted: list[Wanted] = []
    if chosen.only in (None, "corpus") and (chosen.corpus / "manifest.csv").is_file():
        parts["corpus"] = photos(list(photos_of(chosen.corpus))[:: 10 if chosen.quick else 1])
        wanted += wanted_of_photos(parts["corpus"])
    elif chosen.only in (None, "corpus"):
        print(f"No corpus of photos at {chosen.corpus}; see --corpus.")
    if chosen.only in (None, "made"):
        with tempfile.TemporaryDirectory(prefix="bench-qr-") as folder:
            made = photos(made_photos(Path(folder), 1 if chosen.quick else chosen.made))
        parts["made"] = with_mean_of_kinds(made)
        wanted += wanted_of_made_photos(parts["made"])
    if chosen.only in (None, "films"):
        parts["films"] = film_scores(*((1, 1) if chosen.quick else (6, 3)))
        wanted += wanted_of_films(parts["films"])
    for name, scores in parts.items():
        report(scores, of_films=name == "films")
    for one in wanted:
        print(f"{'holds' if one.holds else 'FAILS'}  {one.what}: {one.found}")
    print(f"{time.monotonic() - began:.0f} s")
    if chosen.json:
        chosen.json.write_text(json.dumps([vars(score) for part in parts.values() for score in part], indent=1))
    return 0 if all(one.holds for one in wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
