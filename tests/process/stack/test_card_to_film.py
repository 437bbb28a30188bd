"""From card to film through all real processes: `stinercut up`, cards put in, films on the board.

One stack serves the whole module; every test puts in a card of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from support.footage import PLAIN, real_footage
from support.scenarios import (
    SMALL,
    a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files,
    film_of,
    insert,
    settled,
)
from support.stacks import Stack, until
from support.watching import Board, open_board

from stinercut.codes.making import qr_picture
from stinercut.codes.payload import Payload, make_payload
from stinercut.settings import Settings
from stinercut.storage.store import Store, hash_file
from stinercut.synthetic.qrfilm import film_pictures, make_qr_film
from stinercut.synthetic.scenes import make_clip
from stinercut.video.probe import probe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

BEGAN = datetime(2026, 11, 20, 9, 0)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Everything running on a data folder of its own, with small films."""
    data = tmp_path_factory.mktemp("stack") / "data"
    shutil.copytree(PLAIN, data / "templates" / "plain")
    stack = Stack(data, environment={"STINERCUT_TEMPLATE": "plain"})
    stack.start()
    try:
        stack.wait_for("Dagster:")
        yield stack
    finally:
        stack.clean()


@pytest.fixture
def board(stack: Stack) -> Generator[Board]:
    with open_board(stack.ports[0]) as board:
        yield board


class Camera:
    """Leaves files on a card one after the other, a minute apart, as a GoPro names them."""

    def __init__(self, card: Path) -> None:
        self.folder = card / "DCIM" / "100GOPRO"
        self.folder.mkdir(parents=True)
        self.count = 0

    def film(self, make: Callable[[Path], object]) -> str:
        """Let something be the next file; returns its name."""
        self.count += 1
        path = self.folder / f"GX01{self.count:04}.MP4"
        make(path)
        stamp = (BEGAN + timedelta(minutes=self.count)).timestamp()
        os.utime(path, (stamp, stamp))
        return path.name

    def code(self, payload: Payload) -> str:
        return self.film(lambda path: make_qr_film(payload, path, size=SMALL, seconds=2.0, seed=self.count))

    def clip(self) -> str:
        return self.film(lambda path: make_clip(path, 1000 + self.count, 1.0, SMALL))


def passenger(name: str, booking: str) -> Payload:
    return make_payload(name, booking, date(2026, 11, 20))


def request(stack: Stack, path: str, body: dict[str, Any] | None = None, *, post: bool = False) -> tuple[int, Any]:
    """Ask the hub; returns status and JSON, also of a refusal."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{stack.ports[0]}{path}",
        data=json.dumps(body or {}).encode() if post else None,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def card_id(board: Board, label: str) -> str | None:
    """The id of the card that a person calls so."""
    card = board.card_of(label)
    return card["card"] if card else None


def reviews(board: Board, label: str, *names: str) -> dict[str, Any]:
    """The jump of this card that waits for a person and has just these files."""
    return board.wait(
        f"{names} wait for review",
        lambda: next(
            (
                jump
                for jump in board.jumps.values()
                if jump["state"] == "review"
                and str(card_id(board, label)) in jump["jump"]
                and [file["name"] for file in jump["files"]] == list(names)
            ),
            None,
        ),
    )


def test_a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files(
    stack: Stack, board: Board, tmp_path: Path
) -> None:
    a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files(stack, board, tmp_path)


def test_real_gopro_clips_after_a_filmed_code_give_one_film_that_plays(
    stack: Stack, board: Board, tmp_path: Path
) -> None:
    clips = [real_footage("karma.mp4"), real_footage("max-heromode.mp4")]
    camera = Camera(tmp_path / "GOPRO-REAL")
    who = passenger("Siân Ó Briain", "REAL-1")
    camera.code(who)
    for clip in clips:
        camera.film(lambda path, clip=clip: shutil.copyfile(clip, path))
    insert(stack, tmp_path / "GOPRO-REAL")
    film = film_of(stack, board, who.jump_key)
    parts = board.jumps[who.jump_key]
    assert [file["name"] for file in parts["files"] if file["role"] == "clip"] == ["GX010002.MP4", "GX010003.MP4"]
    seen = probe(film)
    footage = sum(probe(clip).duration for clip in clips)
    assert seen.duration > footage
    assert (seen.width, seen.height, seen.video_codec) == (320, 180, "h264")
    assert seen.audio
    assert seen.audio.codec == "aac"
    status, answer = request(stack, f"/api/pipeline/{who.jump_key}")
    assert status == 200
    assert answer["status"] == "done"
    assert answer["progress"] == 1.0

    def statuses() -> set[str]:
        return {step["status"] for step in request(stack, f"/api/pipeline/{who.jump_key}")[1]["steps"]}

    # The film is recorded within its step, which is done a moment later.
    until(lambda: statuses() == {"done"})


def test_an_empty_card_says_so(stack: Stack, board: Board, tmp_path: Path) -> None:
    card = tmp_path / "EMPTY"
    (card / "DCIM").mkdir(parents=True)
    insert(stack, card)
    found = settled(board, "EMPTY")
    assert found["state"] == "empty"
    assert found["message"]


def test_a_card_without_a_code_waits_for_review_and_nothing_is_rendered(
    stack: Stack, board: Board, tmp_path: Path
) -> None:
    camera = Camera(tmp_path / "NO-CODE")
    clips = [camera.clip(), camera.clip()]
    insert(stack, tmp_path / "NO-CODE")
    waiting = reviews(board, "NO-CODE", *clips)
    assert waiting["passenger"] is None
    assert waiting["film"] is None
    assert waiting["reason"]
    assert settled(board, "NO-CODE")["files"]["copied"] == 2
    assert not (stack.data / "films" / waiting["jump"]).exists()


def test_a_code_of_something_else_is_no_identity(stack: Stack, board: Board, tmp_path: Path) -> None:
    camera = Camera(tmp_path / "FOREIGN")
    picture = tmp_path / "foreign.png"
    segno.make("https://example.com/menu", micro=False).save(str(picture), scale=10, border=4)
    foreign = camera.film(lambda path: film_pictures([picture.read_bytes()], path, size=SMALL, seconds=2.0, seed=5))
    clip = camera.clip()
    insert(stack, tmp_path / "FOREIGN")
    waiting = reviews(board, "FOREIGN", foreign, clip)
    assert foreign in waiting["reason"]
    board.wait(
        "the event says what the code holds",
        lambda: any(
            event["data"]["file"] == foreign and event["data"]["raw"] == "https://example.com/menu"
            for event in board.events
            if event["type"] == "pipeline:invalid_qr" and event["card"] == card_id(board, "FOREIGN")
        ),
    )


def test_two_passengers_in_one_film_are_refused(stack: Stack, board: Board, tmp_path: Path) -> None:
    camera = Camera(tmp_path / "TWO-CODES")
    codes = [qr_picture(passenger("Anna Berg", "TWO-1")), qr_picture(passenger("Bernd Tal", "TWO-2"))]
    both = camera.film(lambda path: film_pictures(codes, path, size=SMALL, seconds=4.0, seed=6))
    clip = camera.clip()
    insert(stack, tmp_path / "TWO-CODES")
    waiting = reviews(board, "TWO-CODES", both, clip)
    assert "Anna Berg" in waiting["reason"]
    assert "Bernd Tal" in waiting["reason"]
    assert "2026-11-20_TWO-1" not in board.jumps
    assert "2026-11-20_TWO-2" not in board.jumps


def test_damaged_files_are_named_and_the_rest_goes_on(stack: Stack, board: Board, tmp_path: Path) -> None:
    card = tmp_path / "DAMAGED"
    camera = Camera(card)
    first, second = passenger("Žofie Dvořáková", "BAD-1"), passenger("Gyöngyvér Szőke", "BAD-2")
    camera.code(first)
    camera.clip()
    no_video = camera.film(lambda path: path.write_text("this is no video, whatever its name says\n" * 400))
    after = camera.clip()
    camera.code(second)
    camera.clip()
    insert(stack, card)
    waiting = reviews(board, "DAMAGED", no_video, after)
    assert no_video in waiting["reason"]
    film_of(stack, board, first.jump_key)
    film_of(stack, board, second.jump_key)


def has_clip(jump: dict[str, Any] | None) -> bool:
    """Whether the card of a jump is identified; a name alone is there before."""
    return jump is not None and any(file["role"] == "clip" for file in jump["files"])


def test_a_failed_film_is_retried_over_the_api_and_comes_out(stack: Stack, board: Board, tmp_path: Path) -> None:
    """Footage vanishes from the store before the film is made, and is put back before the retry."""
    camera = Camera(tmp_path / "RETRY")
    who = passenger("Nguyễn Thị Ánh", "RETRY-1")
    camera.code(who)
    camera.clip()
    settings = Settings(data=stack.data)
    hidden = tmp_path / "hidden"
    clip = camera.folder / "GX010002.MP4"
    in_store = Store(settings.store_dir).object_path(hash_file(clip))
    insert(stack, tmp_path / "RETRY")
    board.wait("the jump has its clip", lambda: has_clip(board.jumps.get(who.jump_key)))
    in_store.rename(hidden)
    failed = board.wait(
        "the jump failed", lambda: (found := board.jumps.get(who.jump_key)) and found["state"] == "failed" and found
    )
    assert "missing from the store" in failed["reason"]
    hidden.rename(in_store)
    status, answer = request(stack, f"/api/pipeline/{who.jump_key}/retry", post=True)
    assert status == 202, answer
    assert answer["resumes"] == failed["run_id"]
    board.wait("it goes on", lambda: board.jumps[who.jump_key]["state"] != "failed")
    film_of(stack, board, who.jump_key)
    status, answer = request(stack, f"/api/pipeline/{who.jump_key}/retry", post=True)
    assert status == 409
    assert answer["error"]["what"]
