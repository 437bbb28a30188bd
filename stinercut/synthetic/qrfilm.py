"""Generates a short film of a passenger's code, as if a hand filmed a sheet of paper or a phone.

Owns: the sheet, the hand, the lens. Not here: the code (`stinercut.codes.making`), encoding (`camera`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from stinercut.codes.making import BORDER, qr_picture
from stinercut.codes.payload import Payload
from stinercut.errors import BadInput
from stinercut.synthetic.camera import FPS, RENDER_WIDTH, CameraSettings, Picture, check_shot, drawn_size, film
from stinercut.synthetic.scenes import paint_world

_MODULE_PIXELS: Final = 5.0
"""Pixels per module in the film, if the picture is large enough: below 4.5 fewer frames can be read."""

_SHARE: Final = (0.5, 0.92)
"""The smallest and the largest share of the picture's shorter side for the code."""


@dataclass(frozen=True)
class _Hand:
    """How a hand holds the camera: tremor of three speeds, drift, tilt; all from the seed."""

    phases: np.ndarray
    tilt: float
    lean: np.ndarray
    steady: float

    def offset(self, at: float, axis: int) -> float:
        """How far the picture has moved, in parts of its shorter side."""
        slow, fast, tremor = self.phases[axis]
        return self.steady * (
            0.02 * math.sin(1.1 * at + slow) + 0.006 * math.sin(5.3 * at + fast) + 0.002 * math.sin(19 * at + tremor)
        )


def make_qr_film(  # noqa: PLR0913 - one optional word each
    payload: Payload,
    target: Path,
    *,
    size: tuple[int, int] = (1280, 720),
    seconds: float = 4.0,
    seed: int = 0,
    fps: Fraction = FPS,
    recorded: datetime | None = None,
    proxy: Path | None = None,
) -> None:
    """Film a passenger's code with perspective, shake, noise, a focusing lens, uneven light, and sound."""
    codes = [qr_picture(payload)]
    film_pictures(codes, target, size=size, seconds=seconds, seed=seed, fps=fps, recorded=recorded, proxy=proxy)


def film_pictures(  # noqa: PLR0913 - one optional word each
    codes: list[bytes],
    target: Path,
    *,
    size: tuple[int, int] = (1280, 720),
    seconds: float = 4.0,
    seed: int = 0,
    fps: Fraction = FPS,
    recorded: datetime | None = None,
    proxy: Path | None = None,
) -> None:
    """Film pictures (PNG) one after the other, each for an equal part of the time: a foreign code, two passengers."""
    shot = CameraSettings(seconds=seconds, size=size, seed=seed, fps=fps, recorded=recorded)
    check_shot(shot)
    drawn = drawn_size(shot, RENDER_WIDTH)
    film(_frames(codes, shot, drawn), drawn, shot, target, proxy)


def _frames(codes: list[bytes], shot: CameraSettings, drawn: tuple[int, int]) -> Iterator[Picture]:
    dice = np.random.default_rng(shot.seed)
    ground = cv2.GaussianBlur(paint_world(dice, (drawn[0] * 5 // 4, drawn[1] * 5 // 4)), (0, 0), drawn[1] / 60)
    ground = np.asarray(cv2.convertScaleAbs(ground, alpha=0.7))
    hand = _Hand(
        phases=dice.uniform(0, 2 * math.pi, (2, 3)),
        tilt=dice.uniform(-9, 9),
        lean=dice.uniform(-0.07, 0.07, 2),
        steady=dice.uniform(0.6, 1.3),
    )
    phone = bool(dice.integers(0, 2))
    sheets = [_sheet(code, phone, drawn) for code in codes]
    light = _light(dice, drawn)
    grain = np.abs(dice.normal(0, 7, (drawn[1] * 2, drawn[0] * 2, 1))).clip(0, 40).astype(np.uint8).repeat(3, axis=2)
    entry = min(0.5, 0.12 * shot.seconds / len(codes))
    for number in range(shot.frames):
        at = number / float(shot.fps)
        turn = min(len(sheets) - 1, number * len(sheets) // shot.frames)
        since = at - turn * shot.seconds / len(sheets)
        left = round((0.5 + 2 * hand.offset(at, 0)) * drawn[0] / 4)
        top = round((0.5 + 2 * hand.offset(at, 1)) * drawn[1] / 4)
        frame = ground[top : top + drawn[1], left : left + drawn[0]].copy()
        _lay(sheets[turn], frame, hand, at, below=max(0.0, 1 - since / entry))
        frame = np.asarray(cv2.multiply(frame, light, scale=1 / 255))
        blur = 0.006 * drawn[1] * max(0.0, 1 - since / (2 * entry))
        if blur > 0.3:
            frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), blur))
        right, down = dice.integers(0, drawn[0]), dice.integers(0, drawn[1])
        yield np.asarray(cv2.add(frame, grain[down : down + drawn[1], right : right + drawn[0]]))


@dataclass(frozen=True)
class _Sheet:
    picture: Picture
    side: float
    """Length of the sheet's shorter side in the film, in pixels."""


def _sheet(code: bytes, phone: bool, drawn: tuple[int, int]) -> _Sheet:
    """Paper or a phone's screen with the code on it, and its size in the film."""
    picture = cv2.imdecode(np.frombuffer(code, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise BadInput("what should be filmed is no picture")
    side = picture.shape[0]
    modules = _modules(picture)
    short = min(drawn)
    wanted = min(max(modules * _MODULE_PIXELS, _SHARE[0] * short), _SHARE[1] * short)
    # The quiet zone is part of the sheet; around it a little paper, or the black frame of a phone.
    margin = round(side * 0.04)
    colour = (20, 18, 18) if phone else (236, 242, 246)
    sheet = cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=colour)
    # Shrunk once with averaging, since a warp samples single pixels and would break thin modules.
    scale = min(1.0, 2 * wanted / side)
    sheet = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    sheet = cv2.convertScaleAbs(sheet, alpha=0.78, beta=0 if phone else 28)
    return _Sheet(np.asarray(sheet), wanted * 1.08)


def _modules(picture: Picture) -> int:
    """Modules across, including the quiet zone, which is BORDER modules wide."""
    row = picture[:, :, 0].min(axis=0) < 128
    quiet = int(np.argmax(row))
    return round(picture.shape[1] * BORDER / quiet) if quiet else 50


def _lay(sheet: _Sheet, frame: Picture, hand: _Hand, at: float, below: float) -> None:
    """Put the sheet into the frame in perspective. `below` moves it down out of the picture; 1 moves it out
    completely.
    """
    height, width = frame.shape[:2]
    short = min(width, height)
    turn = math.radians(hand.tilt + 60 * hand.offset(at + 3, 0))
    centre = np.array(
        [
            width / 2 + short * hand.offset(at, 0),
            height / 2 + short * hand.offset(at, 1) + below * below * height,
        ]
    )
    half = sheet.side / 2
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    # Parts that lean away are smaller: a plain perspective divide by 1 + lean * place.
    depth = 1 + corners @ (hand.lean + 0.4 * hand.offset(at + 1, 1)) / half
    placed = (corners / depth[:, None]) @ spin.T + centre
    rows, columns = sheet.picture.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, placed.astype(np.float32))
    cv2.warpPerspective(
        sheet.picture, matrix, (width, height), dst=frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )


def _light(dice: np.random.Generator, size: tuple[int, int]) -> Picture:
    """The light at each point, 255 is full: brighter on one side, never dark."""
    few = dice.uniform(150, 255, (2, 2)).astype(np.float32)
    light = np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_LINEAR)).astype(np.uint8)
    return np.repeat(light[:, :, None], 3, axis=2)
