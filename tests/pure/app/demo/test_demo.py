"""What a demonstration makes of the board's frames, and what it leaves in its folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.common.hub_client import follow
from app.demo.board import Board
from app.demo.demo import Outcome, Publisher, Wish, alone, clear, collect, is_settled, judge
from hub.cards.examples import CARD
from hub.jumps.examples import JUMP
from hub.kit.views import STEP
from stinercut.errors import BadInput
from stinercut.settings import Settings

KEY, NAME = "2024-06-01_B-17", "Žofie Dvořáková"
GOOD = {"name": "duration", "passed": True, "detail": "42.0 s"}


def card(state: str = "copying", **more: Any) -> dict[str, Any]:
    told = {"card": "c1", "label": "CARD", "insertion": "i1", "state": state, "message": f"It is {state}."}
    view = {**CARD, **told, **more}
    return {"type": "card", "card": view}


def jump(state: str, key: str = KEY, passenger: str | None = NAME, **more: Any) -> dict[str, Any]:
    told = {"jump": key, "passenger": passenger, "state": state, "progress": 0.0, "steps": [], "film": None}
    return {"type": "jump", "jump": {**JUMP, **told, **more}}


def step(**told: Any) -> dict[str, Any]:
    return {**STEP, "message": "", "progress": 0.0, **told}


def film(*checks: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    told = {
        "url": f"/films/{key}/film.mp4?v=1-2",
        "seconds": 42.0,
        "size": 9,
        "made_in": 5.0,
        "checks": [{"detail_parts": [], **check} for check in checks],
    }
    return {**JUMP["film"], **told}


def event(number: int, kind: str, **data: Any) -> dict[str, Any]:
    told = {"id": number, "at": "2026-06-01T11:00:00Z", "type": kind, "jump": None, "card": "c1", "data": data}
    return {"type": "event", "event": told}


def wish(tmp_path: Path) -> Wish:
    return Wish(tmp_path / "out", jumps=1, clips=1, seconds=1, size="320x180")


def publisher(tmp_path: Path, *keys: str) -> Publisher:
    clear(wish(tmp_path))
    settings = Settings(data=tmp_path / "data")
    for key in keys:
        folder = settings.films_dir / key
        folder.mkdir(parents=True)
        (folder / "film.mp4").write_text(f"film of {key}")
    return Publisher(wish(tmp_path), settings)


def end_of(
    tmp_path: Path, *frames: dict[str, Any], expected: dict[str, str] | None = None
) -> tuple[Outcome, list[str]]:
    """How a demonstration that expects these jumps ends over these frames, and what it says meanwhile."""
    said: list[str] = []

    async def told() -> AsyncIterator[dict[str, Any]]:
        for frame in frames:
            yield frame
        await asyncio.Event().wait()

    expected = expected or {KEY: NAME}
    work = collect(told(), expected, publisher(tmp_path, *expected), lambda _, sentences: said.extend(sentences))
    return asyncio.run(work), said


def test_a_film_that_passed_gets_its_place(tmp_path: Path) -> None:
    outcome, said = end_of(
        tmp_path,
        {"type": "snapshot", "version": "1", "cards": [], "jumps": [], "older": None, "links": {}},
        card(),
        event(1, "card:file_copied", file="GX010001.MP4"),
        event(2, "pipeline:qr_decoded", file="GX010001.MP4", passenger=NAME, booking="B-17"),
        event(2, "pipeline:qr_decoded", file="GX010001.MP4", passenger=NAME, booking="B-17"),
        jump("producing", steps=[step(step="clip:1", label="GX010002.MP4", status="running", progress=0.5)]),
        jump("producing", steps=[step(step="clip:1", label="GX010002.MP4", status="done", seconds=2.5)]),
        jump("done", film=film(GOOD), steps=[step(step="clip:1", label="GX010002.MP4", status="done")]),
    )
    assert outcome.problems == ()
    (made,) = outcome.made
    assert (made.jump, made.passenger, made.length) == (KEY, NAME, 42.0)
    assert made.film == tmp_path / "out" / f"{KEY}.mp4"
    assert made.film.read_text() == f"film of {KEY}"
    who = f"{KEY} ({NAME})"
    assert said == [
        "Card CARD is in.",
        "Copied GX010001.MP4",
        f"Read GX010001.MP4: {NAME} (booking B-17)",
        f"{who}: GX010002.MP4 ...",
        f"{who}: its film is being made",
        f"{who}: GX010002.MP4 done in 2.5 s (0% of the film)",
        f"{who}: its film is done",
    ]


def test_a_decoder_that_failed_is_told(tmp_path: Path) -> None:
    read = {"file": "GX010001.MP4", "passenger": NAME, "booking": "B-17"}
    ended = "the decoder zxing-cpp ended by SIGSEGV and was started again"
    _, said = end_of(
        tmp_path,
        event(1, "pipeline:qr_decoded", **read, lost_decoders=["zxing-cpp"], detail=ended),
        event(2, "pipeline:no_qr_found", file="GX010002.MP4", lost_decoders=["zbar"], detail=""),
        jump("done", film=film(GOOD)),
    )
    assert said[:3] == [
        f"Read GX010001.MP4: {NAME} (booking B-17)",
        f"GX010001.MP4: {ended}",
        "GX010002.MP4: zbar failed over it",
    ]


def test_all_expected_jumps_are_waited_for(tmp_path: Path) -> None:
    other = "2024-06-01_B-18"
    outcome, _ = end_of(
        tmp_path,
        jump("failed", reason="GX010002.MP4 is cut short"),
        jump("done", other, "Ann", film=film(GOOD, key=other)),
        expected={KEY: NAME, other: "Ann"},
    )
    assert [made.jump for made in outcome.made] == [other]
    assert outcome.problems == (f"{KEY}: GX010002.MP4 is cut short",)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (jump("done", film=film(GOOD, {"name": "name", "passed": False, "detail": "no title"})), "name: no title"),
        (jump("done", film=film()), "was not checked"),
        (jump("done", passenger="Zofie Dvorakova", film=film(GOOD)), f"the card said '{NAME}'"),
        (jump("done", passenger=None, film=film(GOOD)), "says None"),
        (
            jump("failed", steps=[step(step="a", label="GX010002.MP4", status="failed", message="no video")]),
            "GX010002.MP4: no video",
        ),
    ],
)
def test_a_wrong_end_is_a_problem_and_no_film(tmp_path: Path, view: dict[str, Any], words: str) -> None:
    outcome, _ = end_of(tmp_path, view)
    assert outcome.made == ()
    assert words in outcome.problems[0]
    assert not (tmp_path / "out" / f"{KEY}.mp4").exists()


def test_a_jump_that_nobody_expected_is_a_problem(tmp_path: Path) -> None:
    stray = "2024-06-01_unidentified-c1-1"
    outcome, _ = end_of(tmp_path, jump("review", stray, None, reason="no code"), jump("done", film=film(GOOD)))
    assert len(outcome.made) == 1
    assert outcome.problems == (f"{stray}: nobody expected this jump",)


def test_a_standstill_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.demo.demo.STANDSTILL", 0.2)
    outcome, _ = end_of(tmp_path, card(), card(), jump("producing"))
    (problem,) = outcome.problems
    assert "nothing has changed for 0 s" in problem
    assert f"{KEY} (producing)" in problem
    assert "It is copying." in problem


def test_frames_that_change_nothing_do_not_put_a_standstill_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.demo.demo.STANDSTILL", 0.3)

    async def again_and_again() -> AsyncIterator[dict[str, Any]]:
        while True:
            yield jump("producing")
            await asyncio.sleep(0.01)

    async def work() -> Outcome:
        return await collect(again_and_again(), {KEY: NAME}, publisher(tmp_path), lambda _board, _said: None)

    outcome = asyncio.run(asyncio.wait_for(work(), 10))
    assert "nothing has changed" in outcome.problems[0]


def test_settled_means_nothing_more_comes_by_itself() -> None:
    board = Board()
    assert not is_settled(board)
    board.take(card("copying"))
    board.take(jump("review"))
    assert not is_settled(board)
    board.take(card("safe"))
    assert is_settled(board)
    board.take(jump("ready"))
    assert not is_settled(board)


def test_a_jump_under_way_is_not_judged() -> None:
    board = Board()
    board.take(jump("producing", film=film(GOOD)))
    assert judge(board.jumps[KEY], NAME) is None


# ---- the folder ------------------------------------------------------------------------------------------------------


def test_the_next_demonstration_clears_only_what_the_last_one_left(tmp_path: Path) -> None:
    here = wish(tmp_path)
    assert clear(here) is False
    (here.card / "DCIM").mkdir(parents=True)
    (here.data / "store").mkdir(parents=True)
    (here.out / "mine.mp4").write_text("mine")
    (here.out / "old.mp4").write_text("film")
    here.note.write_text(json.dumps(["old.mp4"]))
    assert clear(here) is True
    assert sorted(path.name for path in here.out.iterdir()) == [".stinercut", "mine.mp4"]
    assert not here.data.exists()


def test_a_demonstration_has_nothing_of_this_machines_installation(tmp_path: Path) -> None:
    real = Settings(
        data=tmp_path, executor="celery", broker_url=SecretStr("redis://fleet"), database_url="x", template="our-own"
    )
    demo = alone(real)
    assert (demo.executor, demo.broker_url, demo.database_url, demo.template) == ("processes", None, None, "classic")
    assert alone(real.model_copy(update={"template": "sunset"})).template == "sunset"


def test_a_folder_that_is_somebody_elses_card_is_left_alone(tmp_path: Path) -> None:
    here = wish(tmp_path)
    (here.card / "DCIM").mkdir(parents=True)
    with pytest.raises(BadInput, match="left alone"):
        clear(here)
    assert (here.card / "DCIM").is_dir()


def test_a_film_again_replaces_the_one_before(tmp_path: Path) -> None:
    publish = publisher(tmp_path, KEY)
    board = Board()
    board.take(jump("done", film=film(GOOD)))
    view = board.jumps[KEY]
    assert view.film
    (tmp_path / "out" / f"{KEY}.mp4").write_text("an older film")
    publish(view, view.film, 1.0)
    assert (tmp_path / "out" / f"{KEY}.mp4").read_text() == f"film of {KEY}"
    assert json.loads(wish(tmp_path).note.read_text()) == [f"{KEY}.mp4"]


# ---- the socket ------------------------------------------------------------------------------------------------------


def test_a_lost_connection_is_made_again() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def work() -> list[Any]:
        visits: list[int] = []

        async def hub(socket: ServerConnection) -> None:
            visits.append(1)
            await socket.send(json.dumps({"visit": len(visits)}))
            await socket.close()

        got: list[Any] = []
        async with serve(hub, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async for frame in follow(f"ws://127.0.0.1:{port}/ws/board"):
                got.append(frame["visit"])
                if len(got) == 3:
                    break
        return got

    assert asyncio.run(asyncio.wait_for(work(), 20)) == [1, 2, 3]
