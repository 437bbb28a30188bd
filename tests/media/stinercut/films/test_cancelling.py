"""Work that somebody stops: its ffmpeg ends at once, wherever it is, and nothing half-made is left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support import fake_ffmpeg
from support.footage import FIELDS, PLAIN, as_source, make_clip, small_template

from stinercut.films.checks.checks import check_film
from stinercut.films.film import Making, Production, looked_into, make_film, planned
from stinercut.films.join import Joinable, Soundness, join
from stinercut.films.picture.segment_cache import note_of
from stinercut.films.picture.segments import copying_of_part, part_segment
from stinercut.films.plan.plan import Filmed, Shot
from stinercut.storage.store import Store

SECONDS = 16.0
"""How long the clip plays, and how long an ffmpeg that reads it `slowly` would take."""

CAMERA = ("-g", "10", "-bf", "0", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
          "-color_range", "tv")  # fmt: skip


class Stopped(Exception):
    """Somebody stopped it."""


def stopping(seen: list[float], above: float = 0.0, *, holding: bool = True) -> Callable[[float], None]:
    """A progress that stops the work as soon as more than that share is done.

    `holding`: from then on its ffmpeg stands still, so who waits for its end instead of killing it waits until the
    test's own time is up. Not where two are at work: the other one is stopped as it tells of its own progress.
    """

    def tell(share: float) -> None:
        seen.append(share)
        if share > above:
            for pid in running_ffmpegs() if holding else ():
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).suspend()
            raise Stopped

    return tell


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose ffmpeg reads slowly when it is told to: its folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join((str(fake_ffmpeg.install(folder)), os.environ["PATH"])))
    return folder


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A film with a mark over the second half of its clip; the first half is the camera's own frames."""
    clip = make_clip(tmp_path / "clip.mp4", "320x180", SECONDS, options=CAMERA)
    mark = [{"clips": [{"asset": {"type": "text", "text": "MARK"}, "start": SECONDS / 2}]}]
    main = json.loads((PLAIN / "template.json").read_text())["timeline"]["tracks"][-1:]
    template = small_template(change={"timeline": {"tracks": mark + main, "loudness": -16}}, fps="source")
    return planned(Store(tmp_path / "store"), template, FIELDS, looked_into([as_source(clip)]))


def running_ffmpegs() -> dict[int, list[str]]:
    """The ffmpegs below this process, and what they were asked for.

    A test that made this process the reaper of orphans leaves those of others here.
    """
    found: dict[int, list[str]] = {}
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name() == "ffmpeg":
                found[child.pid] = child.cmdline()
    return found


@contextmanager
def stopped_at_once(machine: Path, production: Production, slow: str) -> Generator[None]:
    """What is done here is stopped in the middle. `slow`: a word that tells which calls of ffmpeg take as long as what
    they read plays.
    """
    fake_ffmpeg.order(machine, f"slowly {slow}")
    others = running_ffmpegs()
    with pytest.raises(Stopped):
        yield
    fake_ffmpeg.order(machine, "")
    assert {pid: words for pid, words in running_ffmpegs().items() if pid not in others} == {}
    assert list((production.store.root / "partial").iterdir()) == []


def test_in_the_middle_of_a_piece_between_copied_frames(machine: Path, production: Production) -> None:
    (making,) = production.films
    (part,) = [part for part in making.plan.parts if any(isinstance(shot.content, Filmed) for shot in part.shots)]
    copying = copying_of_part(making.shop, part)
    assert copying
    assert [piece.copied for piece in copying.pieces] == [True, False]
    seen: list[float] = []
    with stopped_at_once(machine, production, "libx264"):
        part_segment(making.shop, part, on_progress=stopping(seen))
    assert 0 < seen[-1] < 0.9
    assert list(production.store.root.glob("derived/*/*.mp4")) == []
    part_segment(making.shop, part, on_progress=seen.clear() or seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_in_the_middle_of_its_sound(machine: Path, production: Production) -> None:
    (making,) = production.films
    seen: list[float] = []
    with stopped_at_once(machine, production, "pcm_s16le"):
        part_segment(making.shop, all_copied(making), on_progress=stopping(seen))
    assert 0.9 <= seen[-1] < 1.0


def all_copied(making: Making) -> Shot:
    """A second of the clip that is nothing but the camera's frames."""
    (shot,) = [part for part in making.plan.parts if isinstance(part, Shot) and isinstance(part.content, Filmed)]
    return replace(shot, frames=90, windows=())


@pytest.mark.parametrize(
    ("above", "slow"),
    [(0.0, "aac"), (0.45, "ebur128"), (0.6, "aac")],
    ids=["mixing", "measuring", "encoding the sound"],
)
def test_in_the_middle_of_joining(
    machine: Path, production: Production, tmp_path: Path, above: float, slow: str
) -> None:
    (making,) = production.films
    parts = [Joinable(part_segment(making.shop, part)) for part in making.plan.parts]
    target, seen = tmp_path / "films" / "film.mp4", list[float]()
    target.parent.mkdir()
    with stopped_at_once(machine, production, slow):
        join(parts, target, title="x", sound=Soundness(loudness=-16), on_progress=stopping(seen, above))
    assert above < seen[-1] < 1.0
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("above", [0.0, 0.15])
def test_in_the_middle_of_its_checks(machine: Path, production: Production, tmp_path: Path, above: float) -> None:
    (making,) = production.films
    film = make_film(production, tmp_path / "film.mp4").film.path
    segments = [part_segment(making.shop, part) for part in making.plan.parts]
    for segment in segments:
        note_of(segment.video).unlink()
    seen: list[float] = []
    with stopped_at_once(machine, production, "blackdetect"):
        check_film(film, making.shop, making.plan, segments, stopping(seen, above))
    assert above < seen[-1] < 1.0
    assert not all(note_of(segment.video).exists() for segment in segments), "what was not seen to its end isn't noted"


@pytest.mark.parametrize(
    ("above", "slow"),
    [(0.0, "libx264"), (0.5, "blackdetect"), (0.9, "aac"), (0.9466, "listened")],
    ids=["encoding", "watching", "joining", "listening"],
)
def test_a_whole_film(machine: Path, production: Production, tmp_path: Path, above: float, slow: str) -> None:
    target, seen = tmp_path / "films" / "film.mp4", list[float]()
    if above:
        # What is to be stopped is seeing what was encoded, joining, checking.
        for part in production.films[0].plan.parts:
            part_segment(production.films[0].shop, part)
    with stopped_at_once(machine, production, slow):
        make_film(production, target, workers=2, on_progress=stopping(seen, above, holding=slow != "libx264"))
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    finished = make_film(production, target, on_progress=seen.clear() or seen.append)
    assert [check.name for check in finished.checks if not check.passed] == []
    assert seen == sorted(seen)
    assert len([share for share in seen if share > 0.9]) > 5
