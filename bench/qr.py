"""How well and how cheaply codes are read: photos of a corpus, and films made here.

    python bench/qr.py [--quick] [--corpus FOLDER] [--json FILE]

Photos (`manifest.csv` with path, source, text; default $STINERCUT_QR_CORPUS or ../shared/qr-corpus): share read and
milliseconds for pyzbar alone, zxing-cpp alone, and this reader's picture path. The corpus holds no passenger's code, so
nothing ever ends the picture path early: its milliseconds are the worst case.
Films: as `stinercut qr film` makes them, and the same dimmed and blurred, from further away, and seen for a moment
only. Share read, CPU seconds (all processes), and peak memory of this reader; beside it the plan that came first:
frames of the first 5 s every 0.5 s as PNG files, pyzbar as it comes, stop at the first that is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageOps
from pyzbar import pyzbar

from stinercut.identity.decoders import to_code, zxing
from stinercut.identity.payload import Payload, make_payload
from stinercut.identity.reader import read_film, read_picture
from stinercut.media import ffmpeg as runner
from stinercut.synthetic.card import PASSENGERS
from stinercut.synthetic.qrfilm import make_qr_film

SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
LEVELS = {
    "easy": "",
    "dim and blurred": "gblur=sigma={blur},eq=contrast=0.25:brightness=-0.25",
    "from further away": "scale=iw*{far}:-2,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:gray",
    "for a moment": "drawbox=c=gray:t=fill:enable='not(between(t,1.6,2.3))'",
}
SECONDS = 3.0


@dataclass
class Score:
    """What one way of reading did: `wrong` counts texts that were given and are not in the picture."""

    what: str
    way: str
    number: int = 0
    read: int = 0
    wrong: int = 0
    cpu: float = 0.0
    worst: float = 0.0
    memory: int = 0
    """Peak of this process and of its largest child together, in bytes."""

    def add(self, *, read: bool, wrong: bool, cpu: float, memory: int = 0) -> None:
        self.number += 1
        self.read += read
        self.wrong += wrong
        self.cpu += cpu
        self.worst = max(self.worst, cpu)
        self.memory = max(self.memory, memory)


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


# Photos


def by_pyzbar(photo: Path) -> list[str]:
    """pyzbar as it comes: its own idea of the encoding."""
    decode = cast("Callable[..., list[Any]]", pyzbar.decode)
    found = decode(Image.open(photo).convert("RGB"), symbols=[pyzbar.ZBarSymbol.QRCODE])
    return [code.data.decode("utf-8", "replace") for code in found]


def by_zxing(photo: Path) -> list[str]:
    """zxing-cpp on the picture as it is."""
    gray = np.asarray(ImageOps.exif_transpose(Image.open(photo)).convert("L"))
    return [code.text for code in zxing(gray).codes]


def by_reader(photo: Path) -> list[str]:
    """This reader. It keeps the first 1000 characters of a foreign code."""
    raw = read_picture(photo).raw
    return [raw] if raw else []


WAYS: dict[str, Callable[[Path], list[str]]] = {
    "pyzbar": by_pyzbar,
    "zxing-cpp": by_zxing,
    "this reader": by_reader,
}


def photos(corpus: Path, every: int) -> list[Score]:
    """Each source of the corpus by each way; of its photos every so many."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if (corpus / row["path"]).is_file()]
    expected: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        expected.setdefault((row["source"], row["path"]), []).extend(plain(form) for form in forms(row["text"]))
    chosen = list(expected.items())[::every]
    scores: dict[tuple[str, str], Score] = {}
    for (source, path), texts in chosen:
        for way, read in WAYS.items():
            before = cpu_seconds()
            found = {plain(text) for text in read(corpus / path)}
            used = cpu_seconds() - before
            score = scores.setdefault((source, way), Score(source, way))
            silent = source == "negatives"
            right = not found if silent else bool(found & set(texts))
            score.add(read=right, wrong=bool(found if silent else found - set(texts)), cpu=used)
    return [*scores.values(), *(total(scores, way) for way in WAYS)]


def forms(text: str) -> set[str]:
    """A text, and how it is given by a decoder that doesn't guess: bytes that are no UTF-8 stand there as escapes."""
    found = {text}
    for encoding in ("cp932", "gb18030", "latin-1"):
        with contextlib.suppress(UnicodeEncodeError):
            for ends in (text, text.replace("\n", "\r\n")):
                found.add(to_code(ends.encode(encoding), "").text)
    return found


def total(scores: dict[tuple[str, str], Score], way: str) -> Score:
    """All photos with a code in them together."""
    parts = [score for (source, its_way), score in scores.items() if its_way == way and source != "negatives"]
    return Score(
        "all with codes",
        way,
        number=sum(part.number for part in parts),
        read=sum(part.read for part in parts),
        wrong=sum(part.wrong for part in parts),
        cpu=sum(part.cpu for part in parts),
        worst=max((part.worst for part in parts), default=0.0),
    )


def plain(text: str) -> str:
    """Comparable: line ends alike, as much as the reader keeps."""
    return text.replace("\r\n", "\n").replace("\x00", "\u2400").strip()[:1000]


# Films


def films(folder: Path, number: int, largest: int) -> Iterator[tuple[str, str, Path, Payload]]:
    """(size, level, film, who) for each size and level; `largest` many of the 4K ones."""
    for size, (width, height) in SIZES.items():
        for seed in range(number if size == "1080p" else largest):
            payload = make_payload(PASSENGERS[seed % len(PASSENGERS)], f"B-{seed}", date(2026, 5, 1))
            easy = folder / f"{size}-{seed}.mp4"
            make_qr_film(payload, easy, size=(width, height), seconds=SECONDS, seed=seed)
            for level, recipe in LEVELS.items():
                filters = recipe.format(width=width, height=height, far=0.45, blur=3.2 * width / 1920)
                film = easy if not filters else harder(easy, filters)
                yield size, level, film, payload
                if film != easy:
                    film.unlink()
            easy.unlink()


def harder(easy: Path, filters: str) -> Path:
    """The film again through ffmpeg's filters, with key frames as a camera sets them."""
    target = easy.with_suffix(".hard.mp4")
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "15", "-an"]
    runner.run(["-i", str(easy), "-vf", filters, *coded, str(target)], timeout=300)
    return target


def reader_in_a_child(film: Path) -> tuple[str | None, float, int]:
    """What this reader says, its CPU seconds, its peak memory with that of its largest child, in bytes."""
    before = cpu_seconds()
    reading = read_film(film)
    used = cpu_seconds() - before
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return reading.payload.text() if reading.payload else None, used, 1024 * sum(peaks)


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
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="bench-qr-") as folder:
        for size, level, film, payload in films(Path(folder), number, largest):
            what = f"{size}, {level}"
            with fresh.Pool(1) as pool:
                said, used, memory = pool.apply(reader_in_a_child, (film,))
            score = scores.setdefault((what, "this reader"), Score(what, "this reader"))
            score.add(read=said == payload.text(), wrong=said not in (None, payload.text()), cpu=used, memory=memory)
            before = cpu_seconds()
            said = plan_of_the_seeds(film)
            used = cpu_seconds() - before
            score = scores.setdefault((what, "seeds' plan"), Score(what, "seeds' plan"))
            score.add(read=said == payload.text(), wrong=said not in (None, payload.text()), cpu=used)
    return list(scores.values())


# The report


def report(scores: list[Score], *, of_films: bool) -> None:
    """A table on standard output."""
    unit = "CPU s  worst   MB" if of_films else "   ms"
    print(f"{'':28}{'':14}{'n':>5}{'read':>7}{'wrong':>7}  {unit}")
    for score in scores:
        rate = f"{score.read / score.number:7.0%}"
        if of_films:
            memory = f"{score.memory / 1e6:5.0f}" if score.memory else ""
            cost = f"{score.cpu / score.number:5.2f}  {score.worst:5.2f}{memory}"
        else:
            cost = f"{1000 * score.cpu / score.number:5.0f}"
        print(f"{score.what:28}{score.way:14}{score.number:5}{rate}{score.wrong:7}  {cost}")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("STINERCUT_QR_CORPUS") or Path(__file__).parents[2] / "shared" / "qr-corpus"
    parser.add_argument("--quick", action="store_true", help="every tenth photo, one film of each kind: below a minute")
    parser.add_argument("--corpus", type=Path, default=Path(default))
    parser.add_argument("--json", type=Path, help="write the scores there too")
    chosen = parser.parse_args()
    began = time.monotonic()
    of_photos: list[Score] = []
    if (chosen.corpus / "manifest.csv").is_file():
        of_photos = photos(chosen.corpus, every=10 if chosen.quick else 1)
        report(of_photos, of_films=False)
    else:
        print(f"No corpus of photos at {chosen.corpus}; see --corpus.")
    of_films = film_scores(*((1, 1) if chosen.quick else (6, 3)))
    report(of_films, of_films=True)
    print(f"{time.monotonic() - began:.0f} s")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(score) for score in (*of_photos, *of_films)], indent=1))


if __name__ == "__main__":
    main()
