"""A template changes: exactly the films that use it are stale in the lineage, and a backfill makes exactly those again.

One whole `stinercut up`; the films are small, and every one of them is real.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from support import warm
from support.footage import PLAIN, make_clip
from support.seeding import jump_with
from support.stacks import SetUp, embedded, until
from support.watching import open_board

from stinercut.catalog import Catalog, migrate
from stinercut.jumps import jumps
from stinercut.review import wishes
from stinercut.settings import Settings
from stinercut.storage.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]

STALE = """
query($asset: AssetKeyInput!, $partition: String!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { staleStatus(partition: $partition) } }
}
"""


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A data folder with two small templates of its own, `plain` and `other`."""
    folder = tmp_path / "data" / "templates"
    for name in ("plain", "other"):
        shutil.copytree(PLAIN, folder / name)
        said = json.loads((folder / name / "template.json").read_text())
        (folder / name / "template.json").write_text(json.dumps({**said, "name": name}))
    return folder


@pytest.fixture
def three(tmp_path: Path, templates: Path) -> list[str]:
    """Three jumps with a clip each; the last one's film shall have the other template."""
    settings = Settings(data=templates.parent)
    migrate(settings.catalog_url)
    catalog, store = Catalog.open(settings.catalog_url), Store(settings.store_dir)
    keys: list[str] = []
    for number in range(3):
        clip = make_clip(tmp_path / f"{number}.mp4", seconds=1.0 + number / 10)
        keys.append(jump_with(catalog, store, number, [clip], f"Zoë Nº {number}"))
    with catalog.write() as session:
        wishes.choose_template(session, keys[-1], "other", "Jo")
    catalog.close()
    return keys


@pytest.fixture
def setup(templates: Path, three: list[str]) -> Generator[SetUp]:
    with embedded(templates.parent, {"STINERCUT_TEMPLATE": "plain"}) as running:
        yield running


def films(setup: SetUp) -> dict[str, list[str]]:
    """The fingerprints of every film that was ever made, by jump."""
    from sqlalchemy import select

    from stinercut.catalog.models import Film

    catalog = Catalog.open(Settings(data=setup.stack.data).catalog_url)
    with catalog.read() as session:
        found: dict[str, list[str]] = {}
        for film in session.scalars(select(Film).order_by(Film.film_id)):
            found.setdefault(film.jump_key, []).append(film.template_fingerprint)
    catalog.close()
    return found


def stale(setup: SetUp, jump: str) -> str:
    """What Dagster's lineage says of a jump's film."""
    body = {"query": STALE, "variables": {"asset": {"path": ["rendered_video"]}, "partition": jump}}
    asked = urllib.request.Request(
        f"http://127.0.0.1:{setup.stack.ports[1]}/graphql",
        json.dumps(body).encode(),
        {"content-type": "application/json", "X-Stinercut-Secret": setup.stack.dagster_secret},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())["data"]["assetNodeOrError"]["staleStatus"]


def backfill(setup: SetUp, *options: str) -> dict[str, Any]:
    environment = {**os.environ, **setup.environment, "STINERCUT_HUB_PORT": str(setup.stack.ports[0])}
    done = warm.run("-m", "app.cli", "backfill", "--stale", "--json", *options, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def segments(data: Path) -> set[str]:
    return {path.name for path in (data / "store").rglob("*.mp4") if "derived" in path.parts}


def test_exactly_the_stale_films_are_made_anew_and_a_second_backfill_does_nothing(
    setup: SetUp, three: list[str], templates: Path
) -> None:
    with open_board(setup.stack.ports[0]) as board:
        board.wait("three films", lambda: sum(jump["state"] == "done" for jump in board.jumps.values()) == 3, 240)
        before = films(setup)
        assert {jump: len(made) for jump, made in before.items()} == dict.fromkeys(three, 1)
        assert before[three[0]] != before[three[2]]
        assert backfill(setup)["films"] == []
        until(lambda: stale(setup, three[0]) == "FRESH")

        encoded = segments(setup.stack.data)
        film = setup.stack.data / "films" / three[2] / f"{three[2]}.mp4"
        other = film.read_bytes(), film.stat().st_mtime_ns
        drawing = templates / "plain" / "title.svg"
        drawing.write_text(drawing.read_text().replace("</svg>", '<circle cx="20" cy="20" r="9" fill="#fff"/></svg>'))
        until(lambda: [stale(setup, jump) for jump in three] == ["STALE", "STALE", "FRESH"], 120)

        planned = backfill(setup, "--dry-run")
        assert [film["changed"] for film in planned["films"]] == [["drawings"]] * 2
        assert films(setup) == before
        started = backfill(setup, "--yes")
        assert sorted(started["jumps"]) == three[:2]
        assert backfill(setup, "--yes")["jumps"] == [], "a film in work is not asked for again"

        until(
            lambda: (
                {jump: len(made) for jump, made in films(setup).items()} == {**dict.fromkeys(three, 2), three[2]: 1}
            ),
            240,
        )
        board.wait("done again", lambda: all(jump["state"] == "done" for jump in board.jumps.values()), 240)
    assert (film.read_bytes(), film.stat().st_mtime_ns) == other
    after = films(setup)
    assert len({after[jump][1] for jump in three[:2]}) == 1
    assert after[three[0]][1] != after[three[0]][0]
    # A title each, and nothing else: clips and outro were there.
    assert len(segments(setup.stack.data) - encoded) == 2
    until(lambda: [stale(setup, jump) for jump in three] == ["FRESH"] * 3)
    again = backfill(setup, "--yes")
    assert (again["films"], again["jumps"], again["backfill"]) == ([], [], None)
    assert films(setup) == after
    catalog = Catalog.open(Settings(data=setup.stack.data).catalog_url)
    with catalog.read() as session:
        assert all(jumps.require_jump(session, jump).state == "done" for jump in three)
    catalog.close()
