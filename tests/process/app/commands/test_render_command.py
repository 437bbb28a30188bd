"""`stinercut render`: a film from the command line, and what is left when somebody stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import photographs, warm
from support.footage import PLAIN, make_clip

from stinercut.films.publishing.outputs_note import NOTE
from stinercut.video.probe import probe

COMMAND = ("-m", "app.cli", "render", "--template", str(PLAIN))


def run(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return warm.run(*COMMAND, "--data", str(data), *words)


def test_clips_become_a_film_in_the_order_of_their_recording(tmp_path: Path) -> None:
    late = make_clip(tmp_path / "a.mp4", seconds=0.5, options=("-metadata", "creation_time=2025-06-14T12:00:00Z"))
    early = make_clip(tmp_path / "b.mp4", seconds=0.8, options=("-metadata", "creation_time=2025-06-14T11:00:00Z"))
    words = ("--name", "Zoë Wójcik", str(late), str(early), "-o", str(tmp_path / "out" / "film.mp4"), "--json")
    done = run(*words, data=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    (film,) = said["films"]
    assert film["frames"] == 30 + 24 + 15 + 30
    assert all(check["passed"] for check in film["checks"])
    assert Path(film["file"]) == tmp_path / "out" / "film.mp4"
    assert probe(Path(film["file"])).duration == pytest.approx(3.3)
    assert said["photos"] == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"film.mp4", NOTE}


def test_photos_go_with_the_film_and_stay_their_owners(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "GX010001.mp4", seconds=0.4)
    given = photographs.written(
        tmp_path,
        **{"GOPR0004.HEIC": photographs.heic(), "GOPR0003.JPG": photographs.jpeg(), "GOPR0005.JPG": b"no photo"},
    )
    photos = [str(path) for path in given.values()]
    words = ("--name", "Zoë", *photos, str(clip), "-o", str(tmp_path / "out" / "film.mp4"), "--json")
    done = run(*words, data=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    [folder] = map(Path, said["photos"])
    assert sorted(path.name for path in folder.iterdir()) == ["GOPR0003.jpg", "GOPR0004.jpg"]
    assert (folder / "GOPR0003.jpg").read_bytes() == given["GOPR0003.JPG"].read_bytes()
    assert given["GOPR0003.JPG"].stat().st_nlink == 1
    assert [one.partition(":")[0] for one in said["unshown"]] == ["GOPR0005.JPG"]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", seconds=0.4)
    (tmp_path / "empty.mp4").touch()
    film = str(tmp_path / "film.mp4")
    for words, code, said in (
        (("--name", "A", str(tmp_path / "empty.mp4"), "-o", film), 6, "empty.mp4: the file is empty"),
        (("--name", "A", str(tmp_path / "gone.mp4"), "-o", film), 6, "gone.mp4: the file is not there"),
        (("--name", "A", str(clip), str(tmp_path / "gone.JPG"), "-o", film), 6, "gone.JPG: the file is not there"),
        (("--name", " ", str(clip), "-o", film), 3, "needs a passenger's name"),
        (("--name", "Jo 😀", str(clip), "-o", film), 3, "the passenger's name holds 😀"),
        (("--name", "A", str(clip), "-o", str(tmp_path / "film.avi")), 3, "written as .mp4"),
        (("--name", "A", "--template", "nothing", str(clip), "-o", film), 3, "nothing"),
    ):
        done = run(*words, data=tmp_path / "data")
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not Path(film).exists()


def test_a_film_never_takes_the_place_of_its_clips_or_of_its_template(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "GX010001.mp4", seconds=0.4)
    other = tmp_path / "film-GX010001.mp4"
    other.symlink_to(clip)
    before = clip.read_bytes()
    for words in (
        (str(clip), "-o", str(clip)),
        (str(other), "-o", str(clip)),
        (str(clip), "-o", str(other)),
    ):
        done = run("--name", "A", *words, data=tmp_path / "data")
        assert (done.returncode, "this is one of the clips" in done.stderr) == (3, True), done.stderr
    assert clip.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["GX010001.mp4", "film-GX010001.mp4"]


def test_what_lay_there_is_kept_and_said_once(tmp_path: Path) -> None:
    clip, film = make_clip(tmp_path / "a.mp4", seconds=0.4), tmp_path / "film.mp4"
    film.write_bytes(b"somebody's")
    words = ("--name", "A", str(clip), "-o", str(film))
    done = run(*words, data=tmp_path / "data")
    assert f"Kept: {tmp_path / 'film (kept).mp4'}" in done.stdout, done.stderr
    assert (tmp_path / "film (kept).mp4").read_bytes() == b"somebody's"
    assert "Kept" not in run(*words, data=tmp_path / "data").stdout
    twice = run("--name", "A", str(clip), str(film), "-o", str(film), data=tmp_path / "data")
    assert "film.mp4: this is one of the clips" in twice.stderr


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("long") / "long.mp4", size="640x360", seconds=40, options=("-g", "300"))


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing(tmp_path: Path, long_clip: Path, ending: signal.Signals) -> None:
    films = str(tmp_path / "out" / "film.mp4")
    words = ("--name", "A", "--workers", "2", str(long_clip), str(long_clip), "-o", films)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    job = subprocess.Popen(
        [sys.executable, *COMMAND, "--data", str(tmp_path / "data"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell that runs the tests in its background ignores Ctrl-C for all that come from it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - it takes no lock
    )
    assert job.stdout is not None
    assert job.stdout.readline().strip().endswith(" %")
    assert _ffmpegs(tmp_path), "it is at work"
    job.send_signal(ending)
    _, said = job.communicate(timeout=60)
    assert job.returncode == 130
    assert "Interrupted" in said
    assert _ffmpegs(tmp_path) == []
    assert list((tmp_path / "out").iterdir()) == []
    assert list((tmp_path / "data" / "store" / "partial").iterdir()) == []


def _ffmpegs(folder: Path) -> list[str]:
    """The command lines of running programs that name a file below the folder, other than ours."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"ffmpeg") and any(str(folder).encode() in word for word in words):
            found.append(b" ".join(words).decode(errors="replace"))
    return found
