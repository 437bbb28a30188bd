"""What the standard fixes in a code, and how its side is known, against codes made by another library."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import segno

from stinercut.codes.rescue.finder_patterns import corner_threes, finder_patterns
from stinercut.codes.rescue.flat_picture import QUIET, drawn, flat_pictures
from stinercut.codes.rescue.sampling_grid import agreement, known_modules
from stinercut.codes.rescue.timing import SIDES, likely_sides


def modules_of_version(version: int) -> np.ndarray:
    code = segno.make("metres", version=version, micro=False)
    return np.array([list(row) for row in code.matrix], np.uint8)


@pytest.mark.parametrize("version", range(1, 41))
def test_fixed_modules_of_every_version(version: int) -> None:
    modules = modules_of_version(version)
    known = known_modules(len(modules))
    fixed = known >= 0
    assert (known[fixed] == modules[fixed]).all()
    assert fixed.sum() >= 3 * 64 + 2 * (len(modules) - 16)


@pytest.mark.parametrize("version", [1, 2, 6, 7, 14, 25, 40])
def test_a_flat_picture_shows_its_code_where_it_is(version: int) -> None:
    modules = modules_of_version(version)
    picture = drawn(modules)
    (three,) = corner_threes(finder_patterns(picture))
    assert abs(three.modules - len(modules)) < 0.04 * len(modules)
    assert likely_sides(picture, three, 3)[0] == len(modules)
    scale = len(picture) / (len(modules) + 2 * QUIET)
    first = three.corners[0] / scale - QUIET
    assert np.abs(first - 1.5).max() < 0.5, "the first corner is 2 modules from the centre at 3.5"


def test_light_on_dark_is_found_too_and_not_as_dark_on_light() -> None:
    picture = np.asarray(cv2.bitwise_not(drawn(modules_of_version(3))), np.uint8)
    assert len(corner_threes(finder_patterns(picture, dark=False))) == 1
    assert not corner_threes(finder_patterns(picture, dark=True))


def test_every_side_of_the_standard() -> None:
    assert {len(modules_of_version(version)) for version in (1, 2, 40)} <= set(SIDES)
    assert len(SIDES) == 40


def test_agreement_tells_the_right_grid_from_one_that_is_off() -> None:
    light = 255 - 255 * modules_of_version(5).astype(np.float32)
    assert agreement(light) > 0.9
    assert agreement(np.roll(light, 1, axis=1)) < 0.5


def test_black_and_white_by_several_rules_and_each_picture_once() -> None:
    light = 200 - 150 * modules_of_version(2).astype(np.float32)
    light += np.random.default_rng(1).normal(0, 40, light.shape).astype(np.float32)
    pictures = [picture.tobytes() for picture in flat_pictures(light)]
    assert len(pictures) == len(set(pictures)) > 3
