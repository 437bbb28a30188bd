"""Makes photos of QR codes by code, one kind for each difficulty, to measure the reader (`qr.py`).

Owns: the kinds, named as the categories of BoofCV's QR benchmark, and how each is drawn from a seed. Not here: reading
and scoring them (`qr`), films of codes (`stinercut.synthetic`).

Each picture is a sheet with a code (flat, rolled or crumpled) before a camera: projected, lit, blurred, with noise, and
saved as JPEG. Seeds below HELD_OUT are for tuning; whoever tunes does not look at the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from stinercut.codes.decoders import Gray

HELD_OUT: Final = 1000
"""The first seed that nobody tunes on."""

Real = NDArray[np.float32]
Points = NDArray[np.float64]
Dice = np.random.Generator

_TEXTURE: Final = 1400
"""Pixels of a sheet's texture, at least, from edge to edge."""

_WORDS: Final = (
    "https://example.com/",
    "BEGIN:VCARD;N:Doe;TEL:",
    "WIFI:S:hangar;T:WPA;P:",
    '{"v":1,"passenger_name":"',
    "the door opens at four thousand metres ",
    "SC1:NCFOXN",
    "",
)


@dataclass
class MadePhoto:
    """A photo and the texts of the codes in it."""

    picture: Gray
    texts: set[str]


@dataclass(frozen=True)
class Sheet:
    """A sheet's texture: 0 black to 1 white, the code's texts, the code's corners and its side in modules."""

    ink: Real
    texts: set[str]
    modules: int
    """Modules along the sheet's side, its margins included."""


@dataclass
class Shot:
    """How the sheet is held, lit and taken; lengths in parts of the sheet's side unless it says pixels."""

    size: tuple[int, int] = (1200, 900)
    share: float = 0.6
    """The sheet's side in parts of the picture's shorter side, before it is tilted."""
    turn: float = 0.0
    """Degrees in the picture's plane."""
    tilt: tuple[float, float] = (0.0, 0.0)
    """Degrees around the sheet's two axes."""
    roll: float = 0.0
    """Degrees of a cylinder that the sheet covers; 0 is flat. Negative bends away from the camera."""
    roll_axis: float = 0.0
    """Degrees of the cylinder's axis in the sheet."""
    crumple: float = 0.0
    """Height of the creases."""
    focus: float = 0.6
    """Radius of the blur disk, pixels."""
    motion: float = 0.0
    """Length of the hand's path, pixels."""
    exposure: float = 1.0
    gamma: float = 1.0
    noise: float = 2.0
    quality: int = 85
    paper: float = 0.85
    black: float = 0.08
    light: list[Callable[[Real], Real]] = field(default_factory=list[Callable[[Real], Real]])
    """Changes of the light that reaches the camera, in order, before exposure."""


def text_of(dice: Dice, low: int, high: int) -> str:
    """A text of so many characters."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/ "))
    start = _WORDS[int(dice.integers(len(_WORDS)))]
    rest = "".join(dice.choice(letters, int(dice.integers(low, high))))
    return (start + rest).strip() + "x"


def matrix_of(text: str, error: str, version: int | None = None) -> NDArray[np.uint8]:
    """The code's modules, 1 is dark, without a quiet zone."""
    code = segno.make(text, error=error, version=version, micro=False, boost_error=False)
    return np.array([list(row) for row in code.matrix], np.uint8)


def sheet_of(  # noqa: PLR0913 - one optional word each
    dice: Dice,
    *,
    low: int = 10,
    high: int = 60,
    version: int | None = None,
    errors: str = "LMQ",
    margin: int = 4,
    marks: Callable[[Real, int], None] | None = None,
) -> Sheet:
    """A sheet with one code and white around it. `marks` draws on the texture, given the pixels of a module."""
    text = text_of(dice, low, high)
    matrix = matrix_of(text, str(dice.choice(list(errors))), version)
    whole = np.pad(matrix, margin)
    scale = max(4, math.ceil(_TEXTURE / len(whole)))
    ink = cast("Real", 1.0 - np.kron(whole, np.ones((scale, scale), np.uint8)).astype(np.float32))
    if marks:
        marks(ink, scale)
    return Sheet(ink, {text}, len(whole))


# The camera


def taken(sheet: Sheet, shot: Shot, dice: Dice) -> MadePhoto:
    """The photo of a sheet."""
    width, height = shot.size
    ground = _ground(dice, shot.size)
    ink = shot.black + (shot.paper - shot.black) * sheet.ink
    seen = _projected(ink, ground, shot, dice)
    for change in shot.light:
        seen = change(seen)
    seen = _blurred(seen, shot, dice)
    seen = np.clip(seen * shot.exposure, 0, 1) ** shot.gamma
    grain = dice.normal(0, shot.noise / 255, (height, width)).astype(np.float32)
    grain += dice.normal(0, 0.7 * shot.noise / 255, (height, width)).astype(np.float32) * np.sqrt(seen + 0.02)
    gray = np.clip((seen + grain) * 255, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, shot.quality])[1]
    return MadePhoto(cast("Gray", cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)), sheet.texts)


def _ground(dice: Dice, size: tuple[int, int]) -> Real:
    """What lies behind the sheet: soft patches and some edges."""
    few = dice.uniform(0.1, 0.8, (6, 8)).astype(np.float32)
    ground = cv2.resize(few, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(int(dice.integers(3, 12))):
        a, b = dice.uniform(0, 1, (2, 2)) * size
        cv2.line(ground, _pixel(a), _pixel(b), float(dice.uniform(0, 1)), int(dice.integers(2, 30)))
    return np.asarray(np.clip(ground, 0, 1), np.float32)


def _pixel(point: NDArray[Any]) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _surface(shot: Shot, dice: Dice, places: Points) -> Points:
    """Where points of the sheet (from -0.5 to 0.5) are in space."""
    x, y = places[..., 0], places[..., 1]
    z = np.zeros_like(x)
    if shot.roll:
        axis = math.radians(shot.roll_axis)
        along, across = x * math.cos(axis) + y * math.sin(axis), -x * math.sin(axis) + y * math.cos(axis)
        radius = 1 / math.radians(abs(shot.roll))
        across, depth = radius * np.sin(across / radius), radius * (1 - np.cos(across / radius))
        x, y = along * math.cos(axis) - across * math.sin(axis), along * math.sin(axis) + across * math.cos(axis)
        z = z + depth * math.copysign(1, shot.roll)
    if shot.crumple:
        for _ in range(9):
            way, phase, rate = dice.uniform(0, math.pi), dice.uniform(0, 7), dice.uniform(3, 14)
            z = z + shot.crumple / rate * 6 * np.sin(rate * (x * math.cos(way) + y * math.sin(way)) + phase)
    return np.stack([x, y, z], axis=-1)


def _projected(ink: Real, ground: Real, shot: Shot, dice: Dice) -> Real:
    """The sheet before the ground, drawn cell by cell at double size, then averaged."""
    cells = 40 if shot.roll or shot.crumple else 1
    steps = np.linspace(-0.5, 0.5, cells + 1)
    space = _surface(shot, dice, np.stack(np.meshgrid(steps, steps), axis=-1))
    first, second = (math.radians(angle) for angle in shot.tilt)
    turn = math.radians(shot.turn)
    about_x = np.array([[1, 0, 0], [0, math.cos(first), -math.sin(first)], [0, math.sin(first), math.cos(first)]])
    about_y = np.array([[math.cos(second), 0, math.sin(second)], [0, 1, 0], [-math.sin(second), 0, math.cos(second)]])
    about_z = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    space = space @ (about_z @ about_y @ about_x).T
    focal = 2.2
    flat = space[..., :2] * (focal / (focal + space[..., 2:]))
    width, height = shot.size
    short = min(shot.size)
    flat = flat - (flat.max(axis=(0, 1)) + flat.min(axis=(0, 1))) / 2
    wander = (np.array([width, height]) - short * shot.share * np.ptp(flat, axis=(0, 1))) / 2
    centre = np.array([width, height]) / 2 + dice.uniform(-0.6, 0.6, 2) * np.clip(wander, 0, None)
    pixels = 2 * (flat * short * shot.share + centre)
    target = np.asarray(cv2.resize(ground, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), np.float32)
    edge = ink.shape[0]
    # Shrunk first, or the warp would sample single pixels of a texture that is far finer than the picture.
    fine = min(1.0, 1.4 * max(np.ptp(pixels[..., 0]), np.ptp(pixels[..., 1])) / edge)
    ink = np.asarray(cv2.resize(ink, None, fx=fine, fy=fine, interpolation=cv2.INTER_AREA), np.float32)
    edge = ink.shape[0]
    depth = space[:-1, :-1, 2]
    for row, column in sorted(np.ndindex(cells, cells), key=lambda at: -depth[at]):
        corners = pixels[[row, row, row + 1, row + 1], [column, column + 1, column + 1, column]]
        source = np.array([[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]]) * edge / cells
        _lay(ink, target, source, corners)
    return np.asarray(cv2.resize(target, shot.size, interpolation=cv2.INTER_AREA), np.float32)


def _lay(ink: Real, target: Real, source: Points, corners: Points) -> None:
    """Draw one quadrangle of the texture."""
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, [target.shape[1], target.shape[0]])
    if (high <= low).any():
        return
    start = np.maximum(np.floor(source.min(axis=0)).astype(int) - 2, 0)
    end = np.ceil(source.max(axis=0)).astype(int) + 3
    part = ink[start[1] : end[1], start[0] : end[0]]
    matrix = cv2.getPerspectiveTransform((source - start).astype(np.float32), (corners - low).astype(np.float32))
    size = int(high[0] - low[0]), int(high[1] - low[1])
    drawn = cv2.warpPerspective(part, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(mask, np.round((corners - low) * 16).astype(np.int32), 1, shift=4)
    cv2.copyTo(drawn, mask, target[low[1] : high[1], low[0] : high[0]])


def _blurred(seen: Real, shot: Shot, dice: Dice) -> Real:
    if shot.focus > 0.3:
        radius = math.ceil(shot.focus)
        far = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1])
        disk = np.clip(shot.focus + 0.5 - far, 0, 1)
        seen = np.asarray(cv2.filter2D(seen, -1, disk / disk.sum()), np.float32)
    if shot.motion > 1:
        length = math.ceil(shot.motion)
        path = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
        angle = dice.uniform(0, math.pi)
        way = np.array([math.cos(angle), math.sin(angle)]) * shot.motion / 2
        cv2.line(path, _pixel(length - way), _pixel(length + way), 1.0, 1, cv2.LINE_AA)
        seen = np.asarray(cv2.filter2D(seen, -1, path / path.sum()), np.float32)
    return np.asarray(seen, np.float32)


# Light


def slope(dice: Dice, least: float) -> Callable[[Real], Real]:
    """Light that falls off to one side, to `least` of it."""
    few = dice.uniform(least, 1, (2, 2)).astype(np.float32)
    return lambda seen: seen * cv2.resize(few, seen.shape[::-1], interpolation=cv2.INTER_LINEAR)


def shadow(dice: Dice, darkest: float) -> Callable[[Real], Real]:
    """A shadow with a more or less hard edge."""

    def cast_on(seen: Real) -> Real:
        height, width = seen.shape
        mask = np.ones((height, width), np.float32)
        centre = np.array([width, height]) * dice.uniform(0.3, 0.7, 2)
        kind = int(dice.integers(3))
        if kind == 0:
            way = dice.uniform(0, 2 * math.pi)
            far = 3 * width * np.array([math.cos(way), math.sin(way)])
            side = np.array([-far[1], far[0]])
            shape = np.array([centre - side, centre + side, centre + side + far, centre - side + far])
        else:
            corners = int(dice.integers(4, 9))
            angles = np.sort(dice.uniform(0, 2 * math.pi, corners))
            radii = dice.uniform(0.15, 0.5, corners) * height
            shape = centre + np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)
        cv2.fillPoly(mask, [shape.astype(np.int32)], float(dice.uniform(darkest, darkest + 0.2)))
        if kind == 2:  # Bars, as of a fence or of fingers.
            for at in range(int(dice.integers(2, 5))):
                x = int(width * (0.25 + 0.15 * at))
                cv2.line(mask, (x, 0), (x + int(dice.integers(-200, 200)), height), darkest, int(dice.integers(15, 60)))
        return np.asarray(seen * cv2.GaussianBlur(mask, (0, 0), float(dice.uniform(1, 10))), np.float32)

    return cast_on


def shine(dice: Dice, strength: tuple[float, float], size: tuple[float, float], near: float) -> Callable[[Real], Real]:
    """Light that a surface throws back: an ellipse that is added; `size` in parts of the height, `near` the centre."""

    def add(seen: Real) -> Real:
        height, width = seen.shape
        centre = np.array([width, height]) * (0.5 + dice.uniform(-near, near, 2))
        first, second = dice.uniform(*size, 2) * height
        angle = dice.uniform(0, math.pi)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = columns - centre[0], rows - centre[1]
        along = (x * math.cos(angle) + y * math.sin(angle)) / first
        across = (-x * math.sin(angle) + y * math.cos(angle)) / second
        spot = np.exp(-((along**2 + across**2) ** float(dice.uniform(0.7, 2))))
        return np.asarray(seen + dice.uniform(*strength) * spot, np.float32)

    return add


def screen(dice: Dice) -> Callable[[Real], Real]:
    """A monitor's lines, beating with the sensor's, and a refresh band."""

    def over(seen: Real) -> Real:
        rows, columns = np.mgrid[0 : seen.shape[0], 0 : seen.shape[1]].astype(np.float32)
        total = np.ones_like(seen)
        for _ in range(int(dice.integers(2, 4))):
            angle, period = dice.uniform(0, math.pi), dice.uniform(2.3, 14)
            phase = 2 * math.pi * (columns * math.cos(angle) + rows * math.sin(angle)) / period
            total *= 1 - dice.uniform(0.05, 0.35) * (0.5 + 0.5 * np.sin(phase))
        band = 1 - dice.uniform(0, 0.5) * (np.sin(rows / seen.shape[0] * dice.uniform(2, 8) + dice.uniform(0, 6)) > 0.3)
        return np.asarray(seen * total * band, np.float32)

    return over


# The kinds


def _hold(dice: Dice, tilt: float = 20, turn: float = 15) -> dict[str, Any]:
    return {
        "tilt": tuple(dice.uniform(-tilt, tilt, 2)),
        "turn": float(dice.uniform(-turn, turn)),
        "share": float(dice.uniform(0.35, 0.75)),
        "focus": float(dice.uniform(0.5, 1.5)),
        "noise": float(dice.uniform(1, 4)),
        "quality": int(dice.integers(60, 95)),
    }


def _pixels_a_module(sheet: Sheet, shot: Shot) -> float:
    return min(shot.size) * shot.share / sheet.modules


def nominal(dice: Dice) -> MadePhoto:
    """A photo without any difficulty."""
    return taken(sheet_of(dice), Shot(**_hold(dice)), dice)


def blurred(dice: Dice) -> MadePhoto:
    """Out of focus or moved, in parts of a module."""
    sheet, shot = sheet_of(dice), Shot(**_hold(dice))
    module = _pixels_a_module(sheet, shot)
    if dice.random() < 0.6:
        shot.focus = module * float(dice.uniform(0.6, 1.35))
    else:
        shot.motion = module * float(dice.uniform(0.8, 2.4))
    return taken(sheet, shot, dice)


def bright_spots(dice: Dice) -> MadePhoto:
    """A dark picture, and a bright reflection in it."""
    sheet, shot = sheet_of(dice), Shot(**_hold(dice))
    shot.exposure = float(dice.uniform(0.06, 0.4))
    shot.light = [slope(dice, 0.4)]
    shot.light += [shine(dice, (2, 14), (0.05, 0.3), 0.4) for _ in range(int(dice.integers(1, 4)))]
    shot.noise = float(dice.uniform(1, 3.5))
    return taken(sheet, shot, dice)


def brightness(dice: Dice) -> MadePhoto:
    """Far too dark or far too bright."""
    sheet, shot = sheet_of(dice), Shot(**_hold(dice))
    if dice.random() < 0.6:
        shot.exposure, shot.noise = float(dice.uniform(0.02, 0.15)), float(dice.uniform(1.5, 4.5))
        shot.quality = int(dice.integers(75, 96))
    else:
        shot.exposure, shot.black = float(dice.uniform(1.5, 4)), float(dice.uniform(0.2, 0.45))
        shot.focus = _pixels_a_module(sheet, shot) * float(dice.uniform(0.2, 0.6))
    shot.light = [slope(dice, 0.3)]
    return taken(sheet, shot, dice)


def close(dice: Dice) -> MadePhoto:
    """So near that the code fills the picture, its quiet zone is cut, and the lens does not focus."""
    sheet, shot = sheet_of(dice, margin=2), Shot(**_hold(dice, tilt=25))
    shot.share = float(dice.uniform(0.9, 1.06))
    shot.focus = _pixels_a_module(sheet, shot) * float(dice.uniform(0.1, 1.2))
    shot.light = [slope(dice, 0.4)]
    return taken(sheet, shot, dice)


def curved(dice: Dice) -> MadePhoto:
    """Around a can or a bottle, or a sheet that bends."""
    sheet, shot = sheet_of(dice, high=120), Shot(**_hold(dice, tilt=30))
    shot.roll = float(dice.choice([1, 1, -1])) * float(dice.uniform(50, 150))
    shot.roll_axis = float(dice.choice([0, 90])) + float(dice.uniform(-20, 20))
    shot.share = float(dice.uniform(0.5, 0.8))
    shot.light = [slope(dice, 0.4)]
    return taken(sheet, shot, dice)


def damaged(dice: Dice) -> MadePhoto:
    """Scratched, stained, torn or crumpled."""

    def marks(ink: Real, scale: int) -> None:
        edge = len(ink)
        for _ in range(int(dice.integers(2, 14))):
            a = dice.uniform(0, edge, 2)
            b = a + dice.normal(0, 0.3 * edge, 2)
            cv2.line(ink, _pixel(a), _pixel(b), float(dice.uniform(0, 1)), int(dice.uniform(0.15, 1.1) * scale) + 1)
        for _ in range(int(dice.integers(0, 5))):
            axes = _pixel(dice.uniform(0.4, 3.5, 2) * scale)
            at = _pixel(dice.uniform(0.1, 0.9, 2) * edge)
            cv2.ellipse(ink, at, axes, float(dice.uniform(0, 180)), 0, 360, float(dice.uniform(0, 1)), -1)

    sheet = sheet_of(dice, errors="MQH", marks=marks)
    shot = Shot(**_hold(dice))
    shot.crumple = float(dice.choice([0, 1])) * float(dice.uniform(0.005, 0.03))
    shot.light = [slope(dice, 0.5)]
    return taken(sheet, shot, dice)


def glare(dice: Dice) -> MadePhoto:
    """Light thrown back by the code's surface."""
    sheet, shot = sheet_of(dice, errors="LMQH"), Shot(**_hold(dice))
    shot.exposure = float(dice.uniform(0.4, 0.9))
    shot.light = [shine(dice, (0.5, 2.5), (0.05, 0.3), 0.2) for _ in range(int(dice.integers(1, 3)))]
    return taken(sheet, shot, dice)


def high_version(dice: Dice) -> MadePhoto:
    """Many modules, few pixels for each."""
    version = int(dice.integers(12, 41))
    sheet = sheet_of(dice, low=120, high=240, version=version)
    shot = Shot(**_hold(dice, tilt=12, turn=10))
    shot.size = (1600, 1200)
    shot.share = float(dice.uniform(0.55, 0.95))
    module = _pixels_a_module(sheet, shot)
    shot.focus = max(0.6, module * float(dice.uniform(0.3, 1.0)))
    if dice.random() < 0.4:
        shot.roll, shot.roll_axis = float(dice.uniform(5, 40)), float(dice.uniform(0, 180))
    return taken(sheet, shot, dice)


def lots(dice: Dice) -> MadePhoto:
    """Many codes on one sheet."""
    rows, columns = int(dice.integers(3, 6)), int(dice.integers(3, 7))
    texts = [text_of(dice, 4, 20) for _ in range(rows * columns)]
    codes = [np.pad(matrix_of(text, "M", version=4), 3) for text in texts]
    side = len(codes[0])
    page = np.zeros((side * max(rows, columns), side * max(rows, columns)), np.uint8)
    for number, code in enumerate(codes):
        row, column = divmod(number, columns)
        page[row * side : (row + 1) * side, column * side : (column + 1) * side] = code
    scale = max(4, math.ceil(2 * _TEXTURE / len(page)))
    ink = cast("Real", 1.0 - np.kron(page, np.ones((scale, scale), np.uint8)).astype(np.float32))
    shot = Shot(**_hold(dice, tilt=25))
    shot.size, shot.share = (1600, 1200), 0.92
    shot.light = [slope(dice, 0.4)]
    if dice.random() < 0.5:
        shot.crumple = float(dice.uniform(0.002, 0.008))
    return taken(Sheet(ink, set(texts), len(page)), shot, dice)


def monitor(dice: Dice) -> MadePhoto:
    """On a screen: lines, bands, reflections."""
    sheet, shot = sheet_of(dice, high=120), Shot(**_hold(dice, tilt=30))
    shot.light = [screen(dice), shine(dice, (0.05, 0.8), (0.1, 0.5), 0.4)]
    shot.exposure = float(dice.uniform(0.5, 1.2))
    return taken(sheet, shot, dice)


def noncompliant(dice: Dice) -> MadePhoto:
    """Codes that break the standard: no quiet zone, a bar in it, light on dark, round or small modules, a logo."""
    kind = int(dice.integers(6))

    def marks(ink: Real, scale: int) -> None:
        edge = len(ink)
        if kind == 1:  # A bar in the quiet zone, along one side or two.
            inside = int(dice.uniform(2.2, 3.4) * scale)
            for side in range(int(dice.integers(1, 4))):
                place = np.rot90(ink, side + int(dice.integers(4)))
                place[inside - int(dice.uniform(0.8, 2) * scale) : inside] = 0
        elif kind == 2:
            ink[:] = 1 - ink
        elif kind == 3:  # Every module smaller than its place, or as a dot.
            _shrink(ink, scale, float(dice.uniform(0.25, 0.42)), bool(dice.integers(2)))
        elif kind == 4:  # A logo.
            half = int(dice.uniform(0.08, 0.14) * edge)
            middle = edge // 2
            ink[middle - half : middle + half, middle - half : middle + half] = 1
            cv2.circle(ink, (middle, middle), int(0.8 * half), 0.3, -1)

    if kind == 0:  # No quiet zone before something dark.
        sheet = sheet_of(dice, margin=0)
        sheet = Sheet(
            np.pad(sheet.ink, len(sheet.ink) // 6, constant_values=float(dice.uniform(0, 0.4))),
            sheet.texts,
            sheet.modules,
        )
    else:
        sheet = sheet_of(dice, errors="QH" if kind == 4 else "LMQ", marks=marks)
    shot = Shot(**_hold(dice, tilt=25))
    if kind == 5:  # Pale ink on coloured paper.
        shot.black = shot.paper - float(dice.uniform(0.06, 0.2))
    return taken(sheet, shot, dice)


def _shrink(ink: Real, scale: int, radius: float, is_round: bool) -> None:
    far = np.abs(np.mgrid[0:scale, 0:scale] - (scale - 1) / 2)
    away = np.hypot(*far) if is_round else far.max(axis=0)
    gap = np.tile(away > (radius + (0.1 if is_round else 0)) * scale, (len(ink) // scale, len(ink) // scale))
    ink[gap] = 1


def pathological(dice: Dice) -> MadePhoto:
    """A code among shapes that look like parts of one, near its edge."""

    def marks(ink: Real, scale: int) -> None:
        edge = len(ink)
        for _ in range(int(dice.integers(3, 12))):
            side = int(dice.uniform(4, 14) * scale)
            at = dice.integers(0, edge - side, 2)
            end = at + side
            if (end > 0.28 * edge).all() and (at < 0.72 * edge).all():
                continue  # It would lie on the code.
            cv2.rectangle(ink, _pixel(at), _pixel(end), 0.0, -1)
            if dice.random() < 0.7:
                cv2.rectangle(ink, _pixel(at + side / 7), _pixel(end - side / 7), 1.0, -1)
                cv2.rectangle(ink, _pixel(at + 2 * side / 7), _pixel(end - 2 * side / 7), 0.0, -1)
        if dice.random() < 0.5:
            stripe = int(dice.uniform(0.5, 1.5) * scale)
            ink[: int(0.2 * edge) : 2 * stripe] = 0

    sheet = sheet_of(dice, margin=20, marks=marks)
    shot = Shot(**_hold(dice, tilt=30, turn=45))
    shot.share = float(dice.uniform(0.8, 1.1))
    return taken(sheet, shot, dice)


def perspective(dice: Dice) -> MadePhoto:
    """From the side."""
    sheet, shot = sheet_of(dice), Shot(**_hold(dice))
    angle, way = math.radians(float(dice.uniform(0, 360))), float(dice.uniform(45, 74))
    shot.tilt = (way * math.cos(angle), way * math.sin(angle))
    shot.share = float(dice.uniform(0.6, 0.9))
    return taken(sheet, shot, dice)


def rotations(dice: Dice) -> MadePhoto:
    """Turned by any angle."""
    shot = Shot(**_hold(dice, turn=180, tilt=35))
    shot.share = float(dice.uniform(0.15, 0.5))
    return taken(sheet_of(dice), shot, dice)


def shadows(dice: Dice) -> MadePhoto:
    """Shadows across the code."""
    sheet, shot = sheet_of(dice, high=120), Shot(**_hold(dice))
    shot.exposure = float(dice.uniform(0.5, 1.0))
    shot.light = [shadow(dice, float(dice.uniform(0.1, 0.4))) for _ in range(int(dice.integers(1, 3)))]
    return taken(sheet, shot, dice)


KINDS: Final[dict[str, Callable[[Dice], MadePhoto]]] = {
    make.__name__: make
    for make in (
        blurred,
        bright_spots,
        brightness,
        close,
        curved,
        damaged,
        glare,
        high_version,
        lots,
        monitor,
        nominal,
        noncompliant,
        pathological,
        perspective,
        rotations,
        shadows,
    )
}


def make_photo(kind: str, seed: int) -> MadePhoto:
    """The photo of that kind and seed, the same each time."""
    return KINDS[kind](np.random.default_rng([list(KINDS).index(kind), seed]))
