"""What people do and see, on whichever set-up: cards go in, films come out.

Owns: the steps of such a test and the scenario that every set-up must pass. Not here: starting a set-up
(`stacks`), following the board (`watching`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stinercut.synthetic.card import make_card
from stinercut.video.probe import probe
from support.stacks import Stack
from support.warm import run
from support.watching import Board

SMALL = (640, 360)


def insert(stack: Stack, card: Path, *more: str) -> None:
    """Put a folder in as a card, as a person does at the command line."""
    words = ("-m", "app.cli", "card", "insert", str(card), "--data", str(stack.data), *more)
    run(*words, env={**os.environ, **stack.environment}).check_returncode()


def settled(board: Board, label: str) -> dict[str, Any]:
    """The card, once all it had is copied."""
    return board.wait(
        f"card {label} is safe to pull out",
        lambda: (card := board.card_of(label)) and card["state"] in ("safe", "empty") and card,
    )


def film_of(stack: Stack, board: Board, jump: str, seconds: float = 240) -> Path:
    """The jump's film once it is done, checked by its own checks and by us."""
    done = board.wait(
        f"the film of {jump}",
        lambda: (found := board.jumps.get(jump)) and found["state"] in ("done", "failed") and found,
        seconds,
    )
    assert done["state"] == "done", done["reason"]
    assert done["film"]["checks"]
    assert all(check["passed"] for check in done["film"]["checks"])
    path = stack.data / "films" / jump / f"{jump}.mp4"
    assert probe(path).duration == pytest.approx(done["film"]["seconds"], abs=0.1)
    return path


def a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files(
    stack: Stack, board: Board, tmp_path: Path
) -> None:
    """The main scenario: a card gives a film, put in again nothing, with one more jump one more film."""
    card = tmp_path / "TANDEM-1"
    made = make_card(card, jumps=1, clips=2, seconds=1.0, size=SMALL, seed=3)
    insert(stack, card)
    first = made.jumps[0]
    film_of(stack, board, first.payload.jump_key)
    assert board.jumps[first.payload.jump_key]["passenger"] == first.payload.passenger_name
    read = [event["data"] for event in board.events if event["type"] == "pipeline:qr_decoded"]
    assert {"passenger": first.payload.passenger_name, "booking": first.payload.booking_id}.items() <= read[0].items()

    insert(stack, card, "--eject")
    board.wait("the card is out", lambda: (found := board.card_of("TANDEM-1")) and found["state"] == "removed")
    before = board.card_of("TANDEM-1")
    insert(stack, card)
    board.wait("the card is in again", lambda: board.card_of("TANDEM-1") != before and settled(board, "TANDEM-1"))
    again = board.card_of("TANDEM-1")
    assert again
    assert (again["files"]["new"], again["files"]["copied"]) == (0, 0)

    insert(stack, card, "--eject")
    made = make_card(card, jumps=2, clips=2, seconds=1.0, size=SMALL, seed=3)
    copied_before = [event for event in board.events if event["type"] == "card:file_copied"]
    insert(stack, card)
    second = made.jumps[1]
    film_of(stack, board, second.payload.jump_key)
    copied = [event["data"]["file"] for event in board.events if event["type"] == "card:file_copied"]
    new = {name.replace("GX", "GL").replace(".MP4", ".LRV") for name in second.files} | set(second.files)
    assert set(copied[len(copied_before) :]) <= new
    assert set(second.files) <= set(copied[len(copied_before) :])
