"""How much a verified offload costs: side by side with cp, rsync and rclone, from a card that gives 100 MB/s.

Lives here: the bench and its table. Doesn't: the slow card (`tests/support/slow_card.py`: a FUSE file system that holds
each read until it is due, the same for every program; needs Linux, /dev/fuse and the right to mount).

Run: python bench/offload.py [--quick] [--files N] [--megabytes N] [--rounds N] [--folder PLACE]

What is timed, each into an empty folder after a sync:
    stinercut         from the request to the last file being durable: hashed, fsynced, read back past the cache,
                      compared, published, written into the journal (the detector's own parts, without a hub)
    cp                `cp -r`: nothing is synced, nothing is read back
    rsync --checksum  `rsync -r --checksum`: the card is read twice (to hash, to copy), nothing is read back
    rclone            `rclone copy --checksum`: both sides hashed after each file

About five minutes where the card is the limit. Each copy is said on stderr as it ends, the table at the end on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.slow_card import NotHere, mounted  # noqa: E402

from detector.card.events import CardRoot  # noqa: E402
from detector.card.scan import scan  # noqa: E402
from detector.copy.journal import Journal  # noqa: E402
from detector.copy.offload import Offload, OffloadContext  # noqa: E402
from detector.copy.partials import Partials  # noqa: E402
from detector.copy.verify import Verifier  # noqa: E402
from stinercut.protocol import CardLabel, CopyError, FileCopied, Inserted, decode  # noqa: E402
from stinercut.storage.store import Store  # noqa: E402

RATE = 100e6
WANTED = 1.05
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Tool:
    """A way to get the card's content into a folder. `copy(card, target)` returns when it is done."""

    name: str
    copy: Callable[[Path, Path], None]


def tools() -> tuple[list[Tool], list[str]]:
    """What is installed here, plain cp first, and what isn't."""
    commands = {
        "cp": ["cp", "-r"],
        "rsync --checksum": ["rsync", "-r", "--checksum"],
        "rclone": ["rclone", "--config", "/dev/null", "copy", "--checksum"],
    }
    out = [Tool(name, _command(words)) for name, words in commands.items() if shutil.which(words[0])]
    missing = [name for name, words in commands.items() if not shutil.which(words[0])]
    return [out[0], Tool("stinercut", _offload), *out[1:]], missing


def _command(words: list[str]) -> Callable[[Path, Path], None]:
    def copy(card: Path, target: Path) -> None:
        subprocess.run([*words, f"{card}/DCIM", str(target)], check=True)

    return copy


def _offload(card: Path, target: Path) -> None:
    asyncio.run(_verified(card, target))


async def _verified(card: Path, target: Path) -> None:
    news = asyncio.Event()
    with closing(Journal(target / "journal.db")) as journal:
        label = CardLabel(card_id="card-1", label="card", kind="folder")
        journal.card_in(Inserted(insertion_id="i1", card=label, inserted_at=datetime.now(UTC)))
        store = Store(target / "store")
        around = OffloadContext(
            journal=journal,
            store=store,
            partials=Partials(journal, store, "bench."),
            verifier=Verifier(store),
            wake=news.set,
            progress=lambda _message: None,
        )
        manifest = await asyncio.to_thread(scan, card, "i1", 50 * MEGABYTE)
        offload = Offload("i1", "card-1", CardRoot.at(card), manifest, around)
        work = asyncio.create_task(offload.run())
        offload.request(list(manifest.sources))
        while len(ended := _ended(journal)) < len(manifest.sources):
            news.clear()
            await news.wait()
        work.cancel()
        await asyncio.wait({work})
        if any(isinstance(message, CopyError) for message in ended):
            sys.exit("a file was not copied")


def _ended(journal: Journal) -> list[FileCopied | CopyError]:
    bodies = [decode(waiting.frame).body for waiting in journal.unacknowledged(limit=100_000)]
    return [body for body in bodies if isinstance(body, FileCopied | CopyError)]


def make_card(folder: Path, files: int, size: int) -> None:
    """A camera's folder with that many files of that many bytes of noise."""
    (folder / "DCIM").mkdir(parents=True)
    for number in range(1, files + 1):
        with (folder / "DCIM" / f"GX01{number:04}.MP4").open("wb") as file:
            for _ in range(size // MEGABYTE):
                file.write(os.urandom(MEGABYTE))


def timed(tool: Tool, card: Path, target: Path) -> float:
    """Seconds for one copy into an empty folder."""
    target.mkdir()
    os.sync()
    started = time.monotonic()
    tool.copy(card, target)
    seconds = time.monotonic() - started
    shutil.rmtree(target)
    return seconds


def in_order(copiers: list[Tool], round_: int) -> list[Tool]:
    """Every other round runs backwards, and each begins with another tool: nobody always has the quiet moment."""
    turned = copiers[round_ % len(copiers) :] + copiers[: round_ % len(copiers)]
    return turned[::-1] if round_ % 2 else turned


def ratios(seconds: dict[str, list[float]], name: str) -> list[float]:
    """A tool's time over that of cp in the same round, round by round: what slows both down cancels out."""
    return [mine / plain for mine, plain in zip(seconds[name], seconds["cp"], strict=True)]


def table(seconds: dict[str, list[float]], total: int) -> str:
    """Medians, rates, and the median of the ratios to cp with their range, one line a tool."""
    lines = [f"{'':18}{'seconds':>9}{'MB/s':>8}{'of cp':>8}{'rounds':>16}"]
    for name, each in seconds.items():
        middle, of_cp = statistics.median(each), ratios(seconds, name)
        spread = f"{min(of_cp):.2f} to {max(of_cp):.2f}"
        lines.append(f"{name:18}{middle:9.2f}{total / middle / 1e6:8.1f}{statistics.median(of_cp):8.3f}{spread:>16}")
    return "\n".join(lines)


def main() -> int:
    """Print the table; 1 when a verified copy costs more than is wanted."""
    given = _arguments()
    copiers, missing = tools()
    seconds: dict[str, list[float]] = {tool.name: [] for tool in copiers}
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-offload-") as place:
        folder, card = Path(place) / "card", Path(place) / "reader"
        _say(f"making a card of {given.files} files of {given.megabytes} MB")
        make_card(folder, given.files, given.megabytes * MEGABYTE)
        try:
            with mounted(folder, card, "--rate", str(RATE)):
                for round_ in range(given.rounds):
                    for tool in in_order(copiers, round_):
                        took = timed(tool, card, Path(place) / "target")
                        seconds[tool.name].append(took)
                        _say(f"round {round_ + 1} of {given.rounds}: {tool.name} {took:.2f} s")
        except NotHere as why:
            sys.exit(f"no slow card here: {why}")
    total = given.files * given.megabytes * MEGABYTE
    said = f"{given.files} files of {given.megabytes} MB, card at {RATE / 1e6:.0f} MB/s, median of {given.rounds}\n"
    said += table(seconds, total) + "\n"
    said += "".join(f"{name}: not installed, skipped\n" for name in missing)
    ratio = statistics.median(ratios(seconds, "stinercut"))
    held = "held" if ratio <= WANTED else "did NOT hold"
    said += f"wanted: a verified copy takes at most {WANTED} of plain cp; measured {ratio:.3f}: {held}\n"
    sys.stdout.write(said)
    return 0 if ratio <= WANTED else 1


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description="A verified offload beside cp, rsync and rclone.")
    options.add_argument("--quick", action="store_true", help="two rounds of less, under a minute")
    options.add_argument("--files", type=int)
    options.add_argument("--megabytes", type=int)
    options.add_argument("--rounds", type=int)
    options.add_argument("--folder", type=Path, help="on the disk to copy to; default: the system's temporary folder")
    given = options.parse_args()
    for name, quick, whole in (("files", 5, 8), ("megabytes", 60, 120), ("rounds", 2, 5)):
        if getattr(given, name) is None:
            setattr(given, name, quick if given.quick else whole)
    return given


if __name__ == "__main__":
    sys.exit(main())
