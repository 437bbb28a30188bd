"""A jump's timeline over a real hub and the real command: out, changed, back as its cut, and refused with words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import httpx
import pytest
from support import heard, warm
from support.cataloguing import ask, entry, passenger, put_in, record, row_ids
from support.footage import make_clip
from support.hubs import RunningHub, running_hub
from support.ports import own_port

from stinercut.catalog import Catalog
from stinercut.films.editor.otio import TimelineStretch, write_timeline
from stinercut.jumps import jumps
from stinercut.protocol import FileCopied
from stinercut.storage.store import Store, hash_file, sync_file

SECONDS = 2.0


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub"), dagster_port=own_port()) as running:
        yield running


@pytest.fixture(scope="module")
def jump(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[int]]:
    """A jump with a code and two clips in the store: its key and the clips' ids."""
    folder = tmp_path_factory.mktemp("clips")
    clips = [make_clip(folder / f"{n}.mp4", seconds=SECONDS + n).read_bytes() for n in range(2)]
    contents = [b"a film of the code", *clips]
    files = [entry(f"GX01000{n}.MP4", len(content), minute=n) for n, content in enumerate(contents)]
    catalog, store = Catalog.open(hub.settings.catalog_url), Store(hub.settings.store_dir)
    put_in(catalog, "in-1", files)
    ask(catalog, "in-1")
    for file, content in zip(files, contents, strict=True):
        partial = store.partial_path()
        partial.write_bytes(content)
        sync_file(partial)
        named = hash_file(partial)
        store.add_object(partial, named)
        with catalog.write() as session:
            heard.record_copied(
                session, FileCopied(insertion_id="in-1", file_id=file.file_id, content_hash=named, size=file.size)
            )
    [key] = record(catalog, "in-1", passenger(), files[:1], files[1:])
    ids = row_ids(catalog, "in-1", files[1:])
    catalog.close()
    return key, ids


def command(hub: RunningHub, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`stinercut` beside that hub."""
    return warm.run(
        "-m", "app.cli", *arguments, env={"PATH": "/usr/bin:/bin", "USER": "jo", **hub.settings.environment()}
    )


def wanted(hub: RunningHub, key: str) -> str:
    catalog = Catalog.open(hub.settings.catalog_url)
    with catalog.read() as session:
        version = jumps.footage_of(session, key).version
    catalog.close()
    return version


def test_a_timeline_comes_back_as_the_jumps_cut_and_is_dropped_again(
    hub: RunningHub, jump: tuple[str, list[int]], tmp_path: Path
) -> None:
    key, (first, second) = jump
    as_filmed = wanted(hub, key)
    shown = [
        TimelineStretch("b", Path("/x/GX010002.MP4"), 0.5, 1.0, SECONDS + 1, Fraction(30), second),
        TimelineStretch("a", Path("/x/GX010001.MP4"), 0, 1.5, SECONDS, Fraction(30), first),
    ]
    file = tmp_path / "film.otio"
    file.write_text(write_timeline("film", Fraction(30), shown))
    done = command(hub, "cut", "import", key, str(file), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["by_hand"]
    assert [(piece["file_id"], piece["start"], piece["end"]) for piece in said["pieces"]] == [
        (second, 0.5, 1.5),
        (first, 0.0, 1.5),
    ]
    assert wanted(hub, key) != as_filmed
    told = command(hub, "cut", "show", key).stdout
    assert "GX010002.MP4  from 0.50 s to 1.50 s" in told
    assert command(hub, "cut", "drop", key).returncode == 0
    assert wanted(hub, key) == as_filmed
    assert "as the template says" in command(hub, "cut", "show", key).stdout


def test_what_is_no_cut_of_this_jump_is_refused_and_changes_nothing(
    hub: RunningHub, jump: tuple[str, list[int]], tmp_path: Path
) -> None:
    key, _ = jump
    before = wanted(hub, key)
    file = tmp_path / "holiday.otio"
    file.write_text(
        write_timeline("x", Fraction(30), [TimelineStretch("x", Path("/x/IMG.MP4"), 0, 1, 1, Fraction(30), 4711)])
    )
    refused = command(hub, "cut", "import", key, str(file))
    assert refused.returncode == 3
    assert "holiday.otio: IMG.MP4 is not one of this jump's clips" in refused.stderr
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" * 100)
    assert "no OpenTimelineIO file" in command(hub, "cut", "import", key, str(tmp_path / "film.mp4")).stderr
    assert "can't be read" in command(hub, "cut", "import", key, str(tmp_path / "lost.otio")).stderr
    assert "no cut of its own" in command(hub, "cut", "drop", key).stderr
    assert "no jump is known" in command(hub, "cut", "show", "2026-01-01_nobody").stderr
    large = httpx.put(f"{hub.url}/api/jumps/{key}/cut?who=jo", content=iter([b" " * 1_000_000] * 21))
    assert (large.status_code, large.json()["error"]["code"]) == (400, "BAD_INPUT")
    assert wanted(hub, key) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Path.unlink, "footage is missing from the store"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "no video"),
    ],
)
def test_a_clip_that_can_not_be_looked_at_is_named_as_its_card_does(
    hub: RunningHub, jump: tuple[str, list[int]], tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    key, (first, _) = jump
    catalog, store = Catalog.open(hub.settings.catalog_url), Store(hub.settings.store_dir)
    with catalog.read() as session:
        [clip] = [one for one in jumps.footage_of(session, key).clips if one.card_file_id == first]
    catalog.close()
    path = store.require(clip.content_hash, clip.size)
    whole = path.read_bytes()
    path.chmod(0o644)
    try:
        change(path)
        answer = httpx.put(f"{hub.url}/api/jumps/{key}/cut?who=jo", content=b"{}")
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
    error = answer.json()["error"]
    assert (answer.status_code, error["what"].startswith("GX010001.MP4: "), said in error["what"]) == (400, True, True)
    assert str(hub.settings.data) not in answer.text
    assert error["advice"]


def test_without_a_hub_the_command_says_what_to_do(tmp_path: Path) -> None:
    alone = subprocess.run(
        [sys.executable, "-m", "app.cli", "cut", "show", "2026-06-01_B-1", "--data", str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "STINERCUT_HUB_PORT": str(own_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 5
    assert "the hub does not answer" in alone.stderr
    assert "stinercut up" in alone.stderr
