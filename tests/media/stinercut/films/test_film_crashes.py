"""Whatever dies in the middle of a film, the next try gives the right film and makes only what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import fake_ffmpeg
from support.footage import FIELDS, as_source, make_clip, small_template
from support.repository import REPOSITORY

from stinercut.errors import FfmpegFailed, StinercutError
from stinercut.films.film import Finished, Production, finish_film, looked_into, make_film, planned
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segments import part_segment
from stinercut.films.publishing.outputs_note import NOTE
from stinercut.films.publishing.unfinished import names_beside
from stinercut.storage.store import Store
from stinercut.video import ffmpeg_runner as runner

PARTS = ["title", "first clip", "second clip", "outro"]
WORKER = """
import sys
from pathlib import Path
from support.footage import FIELDS, as_source, small_template
from stinercut.films.film import looked_into, make_film, planned
from stinercut.storage.store import Store
clips = looked_into([as_source(Path(clip)) for clip in sys.argv[3:]])
make_film(planned(Store(Path(sys.argv[1])), small_template(), FIELDS, clips), Path(sys.argv[2]))
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose ffmpeg goes wrong when it is told to: its folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join((str(fake_ffmpeg.install(folder)), os.environ["PATH"])))
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two short clips."""
    folder = tmp_path_factory.mktemp("clips")
    return [make_clip(folder / f"{name}.mp4", seconds=seconds) for name, seconds in (("a", 1.0), ("b", 1.5))]


def production(store: Store, clips: list[Path]) -> Production:
    """A film of these clips, in four parts."""
    return planned(store, small_template(), FIELDS, looked_into([as_source(clip) for clip in clips]))


def made(it: Production) -> list[Segment]:
    """The segments of its parts."""
    (making,) = it.films
    return [part_segment(making.shop, part) for part in making.plan.parts]


def require_right(it: Production, target: Path, missing: set[str]) -> None:
    """The film comes out right, and of its parts only these had to be made."""
    segments = made(it)
    assert {name for name, segment in zip(PARTS, segments, strict=True) if not segment.cached} == missing
    finished = finish_film(it, [segments], target)
    require_good(finished, target)


def require_good(finished: Finished, target: Path) -> None:
    """All checks passed, and nothing lies beside the film but the note of what is ours."""
    assert [check.name for check in finished.checks if not check.passed] == []
    assert {path.name for path in target.parent.iterdir()} == {target.name, NOTE}


def nothing_partial(store: Store) -> bool:
    """Whether no half-written file is left in the store."""
    return list((store.root / "partial").iterdir()) == []


def test_ffmpeg_is_killed_in_the_middle_of_every_part(machine: Path, clips: list[Path], tmp_path: Path) -> None:
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    for done in range(len(PARTS)):
        # The first encode of each try is that of the part that was killed before.
        fake_ffmpeg.order(machine, "killed 2" if done else "killed 1")
        with pytest.raises(FfmpegFailed, match="by signal 9"):
            make_film(it, target)
        assert nothing_partial(store)
        assert len(list(store.root.glob("derived/*/*.mp4"))) == done
        assert not target.exists()
    fake_ffmpeg.order(machine, "")
    require_right(it, target, {"outro"})
    assert fake_ffmpeg.encodes(machine, "s") == 1


def test_the_worker_is_killed_in_the_middle_of_a_part(machine: Path, clips: list[Path], tmp_path: Path) -> None:
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    fake_ffmpeg.order(machine, "hangs 3")
    kill_the_worker(machine, store, target, clips)
    assert not target.exists()
    fake_ffmpeg.order(machine, "")
    require_right(production(store, clips), target, {"second clip", "outro"})


def kill_the_worker(machine: Path, store: Store, target: Path, clips: list[Path]) -> None:
    """Start a process that makes the film, kill it once its ffmpeg hangs; its ffmpeg is gone then too."""
    words = [sys.executable, "-c", WORKER, str(store.root), str(target), *map(str, clips)]
    tests = str(REPOSITORY / "tests")
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": tests}) as worker:
        hanging = _number_in(machine / "hanging")
        worker.send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(hanging)] if psutil.pid_exists(hanging) else [], timeout=20)
    assert not psutil.pid_exists(hanging) or psutil.Process(hanging).status() == psutil.STATUS_ZOMBIE


def test_ffmpeg_is_killed_while_it_joins(machine: Path, clips: list[Path], tmp_path: Path) -> None:
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    fake_ffmpeg.order(machine, "join killed")
    with pytest.raises(FfmpegFailed, match="by signal 9"):
        make_film(it, target)
    assert (machine / "hanging").is_file()
    assert list(target.parent.iterdir()) == []
    fake_ffmpeg.order(machine, "")
    require_good(make_film(it, target), target)
    assert fake_ffmpeg.encodes(machine, "s") == 0


def test_the_worker_is_killed_while_its_ffmpeg_joins(machine: Path, clips: list[Path], tmp_path: Path) -> None:
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    fake_ffmpeg.order(machine, "join hangs")
    kill_the_worker(machine, store, target, clips)
    left = [path.name for path in target.parent.iterdir()]
    assert len(left) == 2, "half a film, and the folder of its sound"
    assert all(name.startswith(".") for name in left)
    fake_ffmpeg.order(machine, "")
    require_good(make_film(production(store, clips), target), target)
    assert fake_ffmpeg.encodes(machine, "s") == 0
    assert nothing_partial(store)


def test_what_somebody_else_is_at_stays(clips: list[Path], tmp_path: Path) -> None:
    """A film that another process is joining, and one that another store's process is."""
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    with names_beside(store, target) as one, names_beside(Store(tmp_path / "other"), target) as other:
        living = {one(".mp4"), other(".mp4")}
        for path in living:
            path.touch()
        make_film(production(store, clips), target)
        assert set(target.parent.iterdir()) == {target, target.with_name(NOTE), *living}
    assert set(target.parent.iterdir()) == {target, target.with_name(NOTE)}


def _number_in(note: Path) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if note.is_file() and note.read_text():
            return int(note.read_text())
        time.sleep(0.02)
    raise AssertionError("it never came that far")


def test_segments_in_the_store_are_cut_short(clips: list[Path], tmp_path: Path) -> None:
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    whole = made(it)
    for number, segment in list(enumerate(whole))[1:3]:
        for file in (segment.video, segment.audio):
            for kept in (0, 0.5, 0.98):
                os.truncate(file, int(file.stat().st_size * kept))
                again = made(it)
                assert [one.cached for one in again] == [other != number for other in range(len(PARTS))]
    os.truncate(whole[1].video, whole[1].video.stat().st_size - 1)
    os.truncate(whole[2].audio, whole[2].audio.stat().st_size - 1)
    require_right(it, target, {"first clip", "second clip"})


def test_half_of_a_segment_is_missing_and_another_one_is_damaged(clips: list[Path], tmp_path: Path) -> None:
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    segments = made(it)
    segments[0].audio.unlink()
    segments[1].video.unlink()
    with segments[2].video.open("r+b") as video:
        video.seek(video.seek(0, os.SEEK_END) // 2)
        video.write(bytes(2000))
    before = segments[2].video.stat().st_mtime_ns
    require_good(make_film(it, target), target)
    assert segments[2].video.stat().st_mtime_ns > before
    require_right(it, target, set())


@pytest.mark.parametrize(
    "damage",
    [
        lambda one: os.truncate(one.video, one.video.stat().st_size // 2),
        lambda one: one.video.unlink(),
        lambda one: os.truncate(one.audio, 5000),
        lambda one: one.audio.unlink(),
    ],
    ids=["cut pictures", "no pictures", "cut sound", "no sound"],
)
def test_a_segment_is_lost_after_it_was_looked_at(
    machine: Path, clips: list[Path], tmp_path: Path, damage: Callable[[Segment], None]
) -> None:
    """It is made again in the same try, and nothing else is."""
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    segments = made(it)
    damage(segments[2])
    fake_ffmpeg.order(machine, "")
    require_good(finish_film(it, [segments], target), target)
    assert fake_ffmpeg.encodes(machine, "s") == 1
    assert all(segment.cached for segment in made(it))


def test_a_segment_is_cut_short_while_it_is_joined(
    clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its header and ffmpeg's reading, which is content with less."""
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    segments, run, cut = made(it), runner.run, list[Path]()

    def cut_before_joining(argv: list[str], **options: Any) -> None:
        if "copy" in argv and not cut:
            cut.append(segments[1].video)
            os.truncate(cut[0], 1000)
        run(argv, **options)

    monkeypatch.setattr(runner, "run", cut_before_joining)
    require_good(finish_film(it, [segments], target), target)
    assert cut
    assert [one.cached for one in made(it)] == [True] * len(PARTS)


def test_the_disk_is_full_for_one_part(clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte of the third part is refused as a full disk refuses it (`/dev/full`)."""
    store, target = Store(tmp_path / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    partial_path = Store.partial_path

    def on_a_full_disk(self: Store, name: str = "") -> Path:
        path = partial_path(self, name)
        if name.endswith(".mp4") and len(there(store)) == 2:
            path.symlink_to("/dev/full")
        return path

    with monkeypatch.context() as patched:
        patched.setattr(Store, "partial_path", on_a_full_disk)
        with pytest.raises(StinercutError, match=r"the disk is full\. Free some space"):
            make_film(it, target)
    assert nothing_partial(store)
    assert not target.exists()
    kept = there(store)
    assert len(kept) == 2
    segments = made(it)
    assert {segment.video.name for segment in segments if segment.cached} == kept
    require_good(finish_film(it, [segments], target), target)


def there(store: Store) -> set[str]:
    """The names of the pictures of the segments that are kept."""
    return {path.name for path in store.root.glob("derived/*/*.mp4")}


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A volume of 600 kB, which `_larger` makes larger."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_the_disk_is_full_in_the_middle_of_a_film(clips: list[Path], tmp_path: Path, small_disk: Path) -> None:
    store, target = Store(small_disk / "store"), tmp_path / "films" / "film.mp4"
    it = production(store, clips)
    with pytest.raises(StinercutError) as caught:
        make_film(it, target)
    assert "space" in caught.value.sentence()
    assert nothing_partial(store)
    assert not target.exists()
    there = {path.name for path in store.root.glob("derived/*/*.mp4")}
    assert there
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    segments = made(it)
    assert {segment.video.name for segment in segments if segment.cached} == there
    require_good(finish_film(it, [segments], target), target)
