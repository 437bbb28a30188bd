"""Codes on bent paper, in pictures and in films: read when they are laid flat, and never read into what is no code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from stinercut.codes.decoders import ZXING, Decoder, Decoders, Gray
from stinercut.codes.making import qr_picture
from stinercut.codes.payload import make_payload
from stinercut.codes.reader import read_film, read_picture
from stinercut.codes.reading import Reason
from stinercut.codes.rescue.flat_picture import drawn
from stinercut.codes.rescue.frame_votes import FrameVotes
from stinercut.codes.rescue.look_again import look_again
from stinercut.codes.rescue.sampling_grid import known_modules
from stinercut.synthetic.camera import CameraSettings, Picture, film

ZOE = make_payload("Zoë Müller-Lüdenscheidt", "B-1", date(2026, 5, 1))
LUKASZ = make_payload("Łukasz Żółć", "B-2", date(2026, 5, 1), "TM-1")


def around_a_can(code: Gray, degrees: float, lean: float = 0.35) -> Gray:
    """A picture of a code around an upright can, seen from above: its columns narrow to the sides and sink."""
    side = 560
    flat = cv2.resize(code, (side, side), interpolation=cv2.INTER_AREA)
    half = np.radians(degrees / 2)
    columns, rows = np.meshgrid(np.linspace(-1.15, 1.15, 800), np.linspace(-0.25, 1.25, 700))
    angle = np.arcsin(np.clip(columns * np.sin(half), -1, 1))
    across = angle / half
    down = rows + lean * (np.cos(angle) - 1) * 0.5 / half
    at_x, at_y = ((across + 1) / 2 * side).astype(np.float32), (down * side).astype(np.float32)
    seen = cv2.remap(flat, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,))
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), 0.8), np.uint8)


def code_of(payload: object) -> Gray:
    data = qr_picture(payload)  # type: ignore[arg-type]
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


BENT = around_a_can(code_of(ZOE), 125)


def test_the_decoder_alone_does_not_read_the_bent_code() -> None:
    with Decoder(ZXING) as zxing:
        assert not zxing.look(BENT).codes


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("light", [False, True])
def test_a_code_around_a_can_is_read_and_confirmed(quarter: int, light: bool) -> None:
    picture = np.ascontiguousarray(np.rot90(255 - BENT if light else BENT, quarter))
    with Decoders() as decoders:
        codes = list(look_again(np.asarray(picture, np.uint8), decoders.flat_readers()))
    assert [code.text for code in codes] == [ZOE.text()] * 2
    assert len({code.decoder for code in codes}) == 2


@pytest.mark.parametrize("corner", ["top left", "top right", "bottom left"])
def test_a_code_with_a_hidden_corner_is_read(corner: str) -> None:
    picture = cv2.copyMakeBorder(code_of(ZOE), 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(255,))
    picture = np.asarray(cv2.resize(picture, (600, 600), interpolation=cv2.INTER_AREA), np.uint8).copy()
    row, column = 420 if "bottom" in corner else 60, 420 if "right" in corner else 60
    picture[row : row + 120, column : column + 120] = 255
    with Decoders() as decoders:
        assert not decoders.look(picture).codes
        codes = list(look_again(picture, decoders.flat_readers()))
    assert {code.text for code in codes} == {ZOE.text()}


def test_a_place_that_was_read_is_left_out() -> None:
    with Decoders() as decoders:
        height, width = BENT.shape
        everywhere = (0, 0, width, 0, width, height, 0, height)
        assert not list(look_again(BENT, decoders.flat_readers(), read=[everywhere]))


def test_a_picture_of_a_bent_code_gives_its_passenger(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "can.png"), BENT)
    assert read_picture(tmp_path / "can.png").payload == ZOE


def test_bent_codes_of_two_passengers_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([BENT, around_a_can(code_of(LUKASZ), 120)]))
    assert read_picture(tmp_path / "two.png").reason is Reason.TWO_PAYLOADS


def test_nothing_is_read_into_modules_by_chance() -> None:
    """Whole codes in everything but their content: the most tempting pictures there are."""
    dice = np.random.default_rng(7)
    with Decoders() as decoders:
        for number in range(20):
            side = 21 + 4 * (number % 4)
            known = known_modules(side)
            modules = np.where(known >= 0, known, dice.integers(0, 2, (side, side))).astype(np.uint8)
            picture = cv2.resize(drawn(modules), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
            assert not list(look_again(np.asarray(picture, np.uint8), decoders.flat_readers()))


# Films


def film_of(pictures: list[Gray], target: Path, *, seconds: float, grain: float = 2.0) -> None:
    shot = CameraSettings(seconds=seconds, size=(800, 700), seed=3)
    dice = np.random.default_rng(3)

    def frames() -> Iterator[Picture]:
        for number in range(shot.frames):
            picture = pictures[number * len(pictures) // shot.frames].astype(np.float32)
            noisy = np.clip(picture + dice.normal(0, grain, picture.shape), 0, 255).astype(np.uint8)
            yield np.repeat(noisy[:, :, None], 3, axis=2)

    film(frames(), shot.size, shot, target)


def test_a_film_of_a_bent_code_gives_its_passenger(tmp_path: Path) -> None:
    film_of([BENT], tmp_path / "can.mp4", seconds=2)
    reading = read_film(tmp_path / "can.mp4")
    assert reading.payload == ZOE
    assert reading.frame_time is not None


def test_a_film_of_two_bent_codes_gives_nobody(tmp_path: Path) -> None:
    film_of([BENT, around_a_can(code_of(LUKASZ), 125)], tmp_path / "two.mp4", seconds=3)
    assert read_film(tmp_path / "two.mp4").payload is None


def test_frames_vote_where_no_frame_suffices() -> None:
    """Grain that hides the code in each frame and in no two frames alike."""
    dice = np.random.default_rng(5)
    picture = cv2.resize(code_of(ZOE), (420, 420), interpolation=cv2.INTER_AREA).astype(np.float32)
    votes = FrameVotes()
    found: list[tuple[float, str]] = []
    alone = 0
    with Decoders() as decoders:
        for number in range(22):
            coarse = cv2.resize(dice.normal(0, 1, (105, 105)).astype(np.float32), (420, 420))
            frame = np.clip(128 + (picture - 128) * 0.5 + 70 * coarse, 0, 255).astype(np.uint8)
            alone += number < 6 and bool(list(look_again(frame, decoders.flat_readers(), quick=True)))
            read = decoders.flat_readers().first
            found += [(moment, code.text) for moment, code in votes.look(frame, float(number), read)]
    assert alone == 0
    assert {text for _, text in found} == {ZOE.text()}
    assert len({moment for moment, _ in found}) >= 2, "two groups of frames that have none in common"
