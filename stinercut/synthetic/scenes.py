"""Generates a moving clip: sky, clouds, fields below, two people in free fall, filmed from a third person's helmet.

Owns: drawing. Not here: encoding (`camera`). Nothing in it is a code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from stinercut.synthetic.camera import FPS, CameraSettings, Picture, check_shot, drawn_size, film

DRAWN_WIDTH: Final = 640
"""Clips are drawn this wide and scaled up: that costs a quarter, and motion blurs real footage as much."""

_WORLD: Final = 1.6
"""The painted world's size in pictures: room to tilt and pan."""


@dataclass(frozen=True)
class Scene:
    """The values that make a clip different from others. `begin`: where in the scene it starts (for second
    chapters).
    """

    seed: int
    begin: float = 0.0


def make_clip(  # noqa: PLR0913 - one optional word each
    target: Path,
    seed: int,
    seconds: float,
    size: tuple[int, int],
    *,
    begin: float = 0.0,
    fps: Fraction = FPS,
    recorded: datetime | None = None,
    proxy: Path | None = None,
) -> None:
    """Film a scene with sound. Each seed looks and sounds different. Raises BadInput for sizes that can't be filmed."""
    shot = CameraSettings(seconds=seconds, size=size, seed=seed, fps=fps, recorded=recorded)
    check_shot(shot)
    drawn = drawn_size(shot, DRAWN_WIDTH)
    # The sound of a second chapter differs, but the scene is the same.
    film(scene_frames(Scene(seed, begin), shot, drawn), drawn, replace(shot, seed=seed + int(begin > 0)), target, proxy)


def scene_frames(scene: Scene, shot: CameraSettings, drawn: tuple[int, int]) -> Iterator[Picture]:
    """The pictures of a scene, one after the other, of size `drawn`."""
    dice = np.random.default_rng(scene.seed)
    world = paint_world(dice, (round(drawn[0] * _WORLD), round(drawn[1] * _WORLD)))
    grain = dice.integers(0, 4, (drawn[1] * 2, drawn[0] * 2, 3), dtype=np.uint8)
    tilt, speed, zoom = dice.uniform(4, 14), dice.uniform(0.3, 0.9), dice.uniform(0.05, 0.15)
    phase = dice.uniform(0, 2 * math.pi, 4)
    suits = [tuple(int(shade) for shade in dice.integers(30, 256, 3)) for _ in range(2)]
    for number in range(shot.frames):
        at = scene.begin + number / float(shot.fps)
        sway = math.sin(speed * at + phase[0])
        matrix = cv2.getRotationMatrix2D(
            (world.shape[1] / 2, world.shape[0] / 2), tilt * sway, 1 + zoom * math.sin(0.7 * speed * at + phase[1])
        )
        matrix[0, 2] += (drawn[0] - world.shape[1]) / 2 + 0.18 * drawn[0] * math.sin(0.5 * at + phase[2])
        matrix[1, 2] += (drawn[1] - world.shape[0]) / 2 + 0.14 * drawn[1] * math.cos(0.4 * at + phase[3])
        frame = cv2.warpAffine(world, matrix, drawn, borderMode=cv2.BORDER_REFLECT)
        for person, suit in enumerate(suits):
            _draw_person(frame, at, person, suit, phase)
        left, top = dice.integers(0, drawn[0]), dice.integers(0, drawn[1])
        yield np.asarray(cv2.add(frame, grain[top : top + drawn[1], left : left + drawn[0]]))


def paint_world(dice: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Sky with clouds over a patchwork of fields; a horizon somewhere in the middle."""
    width, height = size
    horizon = round(height * dice.uniform(0.5, 0.65))
    down = np.linspace(0, 1, horizon)[:, None, None]
    deep = np.array([dice.uniform(150, 220), dice.uniform(70, 120), dice.uniform(10, 60)])
    haze = np.array([dice.uniform(215, 240), dice.uniform(190, 225), dice.uniform(170, 220)])
    world = np.empty((height, width, 3), np.float32)
    world[:horizon] = deep * (1 - down) + haze * down
    cover = _clouds(dice, (width, horizon), dice.uniform(0.45, 0.65))[:, :, None]
    world[:horizon] = world[:horizon] * (1 - cover) + np.array([250, 248, 244]) * cover
    world[horizon:] = _fields(dice, (width, height - horizon))
    return cv2.GaussianBlur(world, (0, 0), 0.6).clip(0, 255).astype(np.uint8)


def _clouds(dice: np.random.Generator, size: tuple[int, int], threshold: float) -> np.ndarray:
    """The amount of cloud at each point, 0 to 1: noise of four sizes, added up."""
    total = np.zeros((size[1], size[0]), np.float32)
    for octave in range(4):
        cells = 3 * 2**octave
        noise = dice.random((cells, cells * 2), dtype=np.float32)
        total += np.asarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)) / 2**octave
    total = (total - total.min()) / (total.max() - total.min())
    return np.clip((total - threshold) * 4, 0, 1)


def _fields(dice: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    rows, columns = int(dice.integers(5, 9)), int(dice.integers(7, 13))
    ranges = ((30, 90), (80, 170), (60, 150))
    shades = np.stack([dice.uniform(*each, (rows, columns)) for each in ranges], axis=2).astype(np.float32)
    fields = np.asarray(cv2.resize(shades, size, interpolation=cv2.INTER_NEAREST))
    rough = dice.normal(0, 7, (size[1], size[0], 1)).astype(np.float32)
    return fields + rough


def _draw_person(frame: Picture, at: float, person: int, suit: tuple[int, ...], phase: np.ndarray) -> None:
    """Draw somebody who falls flat, with arms and legs out, rocking."""
    height, width = frame.shape[:2]
    unit = height * (0.085 if person else 0.1)
    x = width * (0.5 + 0.22 * math.sin(0.9 * at + phase[person] + 2.2 * person))
    y = height * (0.5 + 0.16 * math.cos(1.1 * at + phase[person + 1]))
    lean = 0.5 * math.sin(1.7 * at + phase[person])

    def spot(along: float, across: float) -> tuple[int, int]:
        cos, sin = math.cos(lean), math.sin(lean)
        return round(x + unit * (along * cos - across * sin)), round(y + unit * (along * sin + across * cos))

    thick = max(2, round(unit * 0.3))
    for side in (-1, 1):
        wave = 0.25 * math.sin(5 * at + side + person)
        cv2.line(frame, spot(0.6, 0), spot(1.1 + wave, 1.1 * side), suit, thick, cv2.LINE_AA)
        cv2.line(frame, spot(-0.8, 0), spot(-1.9, 0.7 * side + wave), suit, thick, cv2.LINE_AA)
    cv2.ellipse(frame, spot(0, 0), (round(unit), round(unit * 0.45)), math.degrees(lean), 0, 360, suit, -1, cv2.LINE_AA)
    cv2.circle(frame, spot(1.2, 0), max(2, round(unit * 0.32)), (150, 180, 215), -1, cv2.LINE_AA)
