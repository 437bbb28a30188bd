"""Makes a card as a GoPro leaves it after a morning's jumps: names, chapters, proxies, thumbnails, times.

Owns: the place, name and time of each file, and making the files. Not here: the footage (`scenes`, `qrfilm`).

A jump is one film of its code and then K clips. K counts MP4 files: with two or more, the last two are the chapters of
one recording. Photos, if wanted, follow the clips, with the numbers of one camera. Everything depends only on the seed
and the start time, which are kept on the card (`MISC/version.txt`). So a card that is made again with more jumps keeps
all its files, to the byte and the second.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from stinercut.clock import local_day, machine_clock
from stinercut.codes.payload import Payload, make_payload, parse_payload
from stinercut.errors import BadInput, HostNotReady
from stinercut.storage.store import replace_file, require_space
from stinercut.synthetic.camera import BITS_PER_PIXEL, FPS, CameraSettings, check_shot
from stinercut.synthetic.photographs import make_photo
from stinercut.synthetic.qrfilm import make_qr_film
from stinercut.synthetic.scenes import make_clip
from stinercut.video.stills import jpeg_still

MAX_JUMPS: Final = 40
MAX_CLIPS: Final = 40
MAX_PHOTOS: Final = 200
"""Of one jump."""
QR_SECONDS: Final = 4.0
BETWEEN_JUMPS: Final = timedelta(minutes=50)
"""From take-off to take-off of one master with one camera."""

FIRST_TAKEOFF: Final = time(8, 30)
SAME_TIME: Final = 2
"""Files made at the same time: one core draws while the other encodes."""

PASSENGERS: Final = (
    "Zoë Müller-Lüdenscheidt",
    "Łukasz Żółć",
    "Siân Ó Briain",
    "Nguyễn Thị Ánh",
    "Jürgen Groß",
    "Мария Иванова",
    "Søren Ærø",
    "Ελένη Παππά",
    "Þórdís Guðmundsdóttir",
    "Çağla Yıldız-Şahin",
    "François L’Écuyer",
    "Ștefan Țurcanu",
    "Žofie Dvořáková",
    "Åse Bjørnstjerne",
    "José Ibáñez Peña",
    "Gyöngyvér Szőke",
    "Їжак Ґанна",
    "Māra Ķeniņa",
    "Đorđe Ćirić",
    "João Conceição",
)
"""Names that become wrong when a decoder guesses encodings or a font lacks a letter."""

_MARKER: Final = Path("MISC/version.txt")
_DCIM: Final = Path("DCIM/100GOPRO")
_MAKER: Final = "stinercut card make"


@dataclass(frozen=True)
class JumpMade:
    """One jump on a card. File names as in `DCIM/100GOPRO`; `clips` are the MP4 files after the code's film."""

    number: int
    payload: Payload
    qr_file: str
    clips: tuple[str, ...]
    takeoff: datetime
    photos: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All MP4 files, in the order of filming."""
        return (self.qr_file, *self.clips)


@dataclass(frozen=True)
class CardMade:
    """A card: all jumps on it, and the names of the MP4 files that were made this time."""

    folder: Path
    jumps: tuple[JumpMade, ...]
    made: tuple[str, ...]


@dataclass(frozen=True)
class _Recipe:
    """The recipe of a card; the seed and start of the first call stay."""

    seed: int
    start: datetime


@dataclass(frozen=True)
class _File:
    """One MP4 to make. `begin`: the second of its scene at which it starts. With a `payload` it is a film of a code."""

    name: str
    recorded: datetime
    seed: int
    seconds: float
    begin: float = 0.0
    payload: Payload | None = None


@dataclass(frozen=True)
class _Habit:
    """The values that all jumps of one call share: clips per jump, seconds per clip, time from clip to clip."""

    seed: int
    clips: int
    seconds: float
    step: timedelta

    def seed_of(self, number: int, place: int) -> int:
        """A different seed for each file of each jump."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{number}/{place}".encode()).digest()[:4], "big")


@dataclass(frozen=True)
class _Photo:
    """One JPEG to make."""

    name: str
    taken: datetime
    seed: int


@dataclass(frozen=True)
class _Plan:
    jump: JumpMade
    files: tuple[_File, ...]
    photos: tuple[_Photo, ...]


def make_card(  # noqa: PLR0913 - each is one thing a person may choose
    folder: Path,
    jumps: int,
    clips: int,
    seconds: float,
    size: tuple[int, int],
    *,
    start: datetime | None = None,
    seed: int = 1,
    first_jump: int = 1,
    photos: int = 0,
    on_file: Callable[[str, int, int], None] | None = None,
) -> CardMade:
    """Make a card's folder, or add missing jumps to a folder that this function made before.

    Each jump has the code's film, `clips` MP4 files of `seconds`, and `photos` photos; pictures have `size` pixels.
    Jumps are numbered from `first_jump`; `jumps` is how many of them the card holds in the end. `start` is the first
    take-off by the camera's clock (today 08:30); an existing card keeps its start and seed. `on_file(name, done,
    total)` is called after each MP4. Raises BadInput for a folder with other content and for numbers out of range,
    HostNotReady for a folder that can't be written or has no space.
    """
    check_wish(jumps, clips, seconds, size, first_jump)
    if not 0 <= photos <= MAX_PHOTOS:
        raise BadInput(f"{photos} photos a jump are outside 0 to {MAX_PHOTOS}")
    recipe, present = _open(folder, _Recipe(seed, _start(start)))
    numbers = [n for n in range(first_jump, first_jump + jumps) if n not in {jump.number for jump in present}]
    plans = _plan(recipe, present, numbers, _Wish(clips, seconds, photos))
    _require_room(folder, plans, size)
    made = _make(folder, plans, size, on_file) if plans else []
    everything = sorted([*present, *(plan.jump for plan in plans)], key=lambda jump: jump.number)
    return CardMade(folder, tuple(everything), tuple(made))


def passenger(seed: int, number: int, on: date) -> Payload:
    """The passenger of a jump's number: a different booking for each seed and number, names in turn."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:6].upper()
    name = PASSENGERS[(seed * 7 + number - 1) % len(PASSENGERS)]
    return make_payload(name, f"TD-{digest}", on, f"TM-{number % 3 + 1}")


# Before anything is made


def check_wish(jumps: int, clips: int, seconds: float, size: tuple[int, int], first_jump: int = 1) -> None:
    """Raise BadInput for numbers with which no card can be made."""
    if not 1 <= jumps <= MAX_JUMPS:
        raise BadInput(f"{jumps} jumps are outside 1 to {MAX_JUMPS}")
    if not 1 <= clips <= MAX_CLIPS:
        raise BadInput(f"{clips} clips a jump are outside 1 to {MAX_CLIPS}")
    if not 1 <= first_jump <= 9999 - MAX_JUMPS:
        raise BadInput(f"a first jump of {first_jump} is outside 1 to {9999 - MAX_JUMPS}")
    check_shot(CameraSettings(seconds=seconds, size=size, seed=0))


def _start(wanted: datetime | None) -> datetime:
    """The camera's clock at the first take-off: without a zone, at an even second as FAT stores it."""
    start = wanted or datetime.combine(local_day(machine_clock()), FIRST_TAKEOFF)
    return start.replace(tzinfo=None, microsecond=0, second=start.second // 2 * 2)


def _open(folder: Path, wanted: _Recipe) -> tuple[_Recipe, list[JumpMade]]:
    """The recipe and the jumps of an existing card that was made here, or those of a new card with a marker."""
    if folder.exists() and not folder.is_dir():
        raise BadInput("a card is a folder, and this is a file", file=folder, advice="Choose another name.")
    if (folder / _MARKER).is_file():
        return _read_marker(folder)
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(
            "the folder is not empty and holds no card made by this command",
            file=folder,
            advice="Choose a new or an empty folder; nothing in this one was touched.",
        )
    try:
        (folder / _DCIM).mkdir(parents=True, exist_ok=True)
        (folder / _MARKER).parent.mkdir(exist_ok=True)
        _write_whole(folder / _MARKER, _marker(wanted))
    except OSError as refused:
        raise HostNotReady(
            f"the folder can't be written: {refused.strerror or refused}", file=folder, advice="Choose another folder."
        ) from None
    return wanted, []


def _marker(recipe: _Recipe) -> dict[str, Any]:
    """A GoPro's `version.txt`, with the values for adding jumps to this card later."""
    return {
        "info version": "2.0",
        "firmware version": "HD9.01.01.72.00",
        "camera type": "HERO9 Black",
        "camera serial number": f"C344{recipe.seed % 10**10:010d}",
        "made by": _MAKER,
        "seed": recipe.seed,
        "start": recipe.start.isoformat(),
    }


def _read_marker(folder: Path) -> tuple[_Recipe, list[JumpMade]]:
    try:
        marker = json.loads((folder / _MARKER).read_text("utf-8"))
        if marker["made by"] != _MAKER:
            raise ValueError
        recipe = _Recipe(int(marker["seed"]), datetime.fromisoformat(marker["start"]))
        notes = sorted((folder / _MARKER).parent.glob("jump-*.json"))
        return recipe, [_read_jump(json.loads(note.read_text("utf-8"))) for note in notes]
    except (ValueError, KeyError, TypeError, BadInput, OSError):
        raise BadInput(
            "the folder holds a card that was not made by this command",
            file=folder,
            advice="Choose a new or an empty folder; nothing in this one was touched.",
        ) from None


def _read_jump(note: dict[str, Any]) -> JumpMade:
    return JumpMade(
        number=int(note["number"]),
        payload=parse_payload(json.dumps(note["payload"])),
        qr_file=str(note["qr_file"]),
        clips=tuple(note["clips"]),
        takeoff=datetime.fromisoformat(note["takeoff"]),
        photos=tuple(note.get("photos", ())),
    )


@dataclass(frozen=True)
class _Wish:
    """The wanted content of each jump; `seconds` per clip."""

    clips: int
    seconds: float
    photos: int


def _plan(recipe: _Recipe, present: Sequence[JumpMade], numbers: Sequence[int], wish: _Wish) -> list[_Plan]:
    """The plan of each missing jump: file numbers continue after the card's last one, times never go back."""
    clips, seconds = wish.clips, wish.seconds
    next_file = 1 + max((int(name[4:8]) for jump in present for name in (*jump.files, *jump.photos)), default=0)
    step = max(timedelta(minutes=30) / (clips + 1), timedelta(seconds=seconds + 6))
    habit = _Habit(recipe.seed, clips, seconds, step)
    between = max(BETWEEN_JUMPS, step * (clips + 1) + timedelta(minutes=20))
    takeoff = max((jump.takeoff for jump in present), default=recipe.start - between) + between
    plans: list[_Plan] = []
    for number in numbers:
        payload = passenger(recipe.seed, number, takeoff.date())
        files = _files(habit, number, payload, next_file, takeoff)
        names = [file.name for file in files]
        photos = _photos(habit, number, int(names[-1][4:8]) + 1, files[-1], wish.photos)
        shot = tuple(photo.name for photo in photos)
        plans.append(_Plan(JumpMade(number, payload, names[0], tuple(names[1:]), takeoff, shot), tuple(files), photos))
        next_file = int((*names, *shot)[-1][4:8]) + 1
        takeoff += between
    if next_file > 10_000:
        raise BadInput("the card would need file numbers above 9999", advice="Make a second card.")
    return plans


def _files(habit: _Habit, number: int, payload: Payload, first_file: int, takeoff: datetime) -> list[_File]:
    """The code's film, single recordings, and last a recording in two chapters."""
    files = [_File(_name(1, first_file), takeoff, habit.seed_of(number, 0), QR_SECONDS, payload=payload)]
    for place in range(1, habit.clips + 1):
        if place == habit.clips and habit.clips > 1:
            files.append(_second_chapter(files[-1]))
            continue
        recorded = _even(takeoff + habit.step * place)
        name = _name(1, first_file + place)
        files.append(_File(name, recorded, habit.seed_of(number, place), habit.seconds))
    return files


def _photos(habit: _Habit, number: int, first_file: int, last: _File, count: int) -> tuple[_Photo, ...]:
    """`count` photos after the last clip, two seconds apart."""
    begin = last.recorded + timedelta(seconds=last.seconds + 4)
    return tuple(
        _Photo(
            f"GOPR{first_file + place:04d}.JPG",
            _even(begin + timedelta(seconds=2 * place)),
            habit.seed_of(number, 1000 + place),
        )
        for place in range(count)
    )


def _second_chapter(first: _File) -> _File:
    recorded = _even(first.recorded + timedelta(seconds=max(2.0, first.seconds)))
    return replace(first, name=f"GX02{first.name[4:]}", recorded=recorded, begin=first.seconds)


def _name(chapter: int, number: int) -> str:
    return f"GX{chapter:02d}{number:04d}.MP4"


def _even(moment: datetime) -> datetime:
    return moment.replace(microsecond=0, second=moment.second // 2 * 2)


def _require_room(folder: Path, plans: Sequence[_Plan], size: tuple[int, int]) -> None:
    seconds = sum(file.seconds for plan in plans for file in plan.files)
    per_second = size[0] * size[1] * float(FPS) * BITS_PER_PIXEL / 8
    require_space(folder, round(2 * seconds * per_second) + 10_000_000)


# Making


def _make(
    folder: Path, plans: Sequence[_Plan], size: tuple[int, int], on_file: Callable[[str, int, int], None] | None
) -> list[str]:
    """Make the files next to the DCIM tree, and move each jump in when it is complete."""
    total = sum(len(plan.files) for plan in plans)
    making = folder / ".making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    done: list[str] = []
    lock = threading.Lock()

    def make(file: _File) -> None:
        _make_file(making, file, size)
        with lock:
            done.append(file.name)
            if on_file:
                on_file(file.name, len(done), total)

    pool = ThreadPoolExecutor(SAME_TIME, thread_name_prefix="card")
    try:
        work = [(plan, [pool.submit(make, file) for file in plan.files]) for plan in plans]
        for plan, parts in work:
            for part in parts:
                part.result()
            for photo in plan.photos:
                _make_photo(making, photo, size)
            _move_in(folder, making, plan)
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(making, ignore_errors=True)
    return [file.name for plan in plans for file in plan.files]


def _make_file(making: Path, file: _File, size: tuple[int, int]) -> None:
    target = making / file.name
    proxy = making / _proxy_name(file.name)
    if file.payload is not None:
        make_qr_film(
            file.payload, target, size=size, seconds=file.seconds, seed=file.seed, recorded=file.recorded, proxy=proxy
        )
    else:
        make_clip(target, file.seed, file.seconds, size, begin=file.begin, recorded=file.recorded, proxy=proxy)
    (making / _thumbnail_name(file.name)).write_bytes(jpeg_still(proxy, file.seconds / 2, 160))
    stamp = file.recorded.timestamp()
    for name in _family(file.name):
        os.utime(making / name, (stamp, stamp))


def _make_photo(making: Path, photo: _Photo, size: tuple[int, int]) -> None:
    make_photo(making / photo.name, photo.seed, size, photo.taken)
    stamp = photo.taken.timestamp()
    os.utime(making / photo.name, (stamp, stamp))


def _proxy_name(name: str) -> str:
    return f"GL{name[2:8]}.LRV"


def _thumbnail_name(name: str) -> str:
    return f"{name[:8]}.THM"


def _family(name: str) -> tuple[str, str, str]:
    return _thumbnail_name(name), _proxy_name(name), name


def _move_in(folder: Path, making: Path, plan: _Plan) -> None:
    """Move a jump in: its videos last, so that a watcher finds their proxies and thumbnails; then the jump's note."""
    for photo in plan.photos:
        (making / photo.name).replace(folder / _DCIM / photo.name)
    for file in plan.files:
        for name in _family(file.name):
            (making / name).replace(folder / _DCIM / name)
    jump = plan.jump
    note = {
        "number": jump.number,
        "payload": jump.payload.model_dump(mode="json"),
        "qr_file": jump.qr_file,
        "clips": list(jump.clips),
        "takeoff": jump.takeoff.isoformat(),
        **({"photos": list(jump.photos)} if jump.photos else {}),
    }
    _write_whole(folder / _MARKER.parent / f"jump-{jump.number:04d}.json", note)


def _write_whole(path: Path, content: dict[str, Any]) -> None:
    replace_file(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
