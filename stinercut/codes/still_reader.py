"""Looks for codes in one still picture.

Owns: loading a picture as gray, and the order of looks at it. Not here: films (`film_reader`), the verdict
(`evidence`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from stinercut.codes.decoders import DecodedPicture, Decoders
from stinercut.codes.evidence import FileEvidence
from stinercut.codes.image_variants import prepared
from stinercut.codes.rescue.crops import crops
from stinercut.codes.rescue.finder_patterns import Gray
from stinercut.codes.rescue.look_again import look_again
from stinercut.codes.rescue.places import Corners
from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.video.picture_files import OF_CODES, size_in

MAX_PICTURE_BYTES: Final = 100_000_000

_MOST_LOOKED_AT: Final = 50_000_000
"""Pixels of a telephone's picture. A larger picture is made smaller: each look at it would take seconds."""

_SECOND: Final = 100
_AGAIN: Final = 200
_CROPS: Final = 1000
"""Where the numbers of looks begin: zbar's at each rung, those at codes laid flat, those at crops."""

_MOST_CROPPED: Final = 6

_HEADS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*")


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these 16 bytes is a still picture."""
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head.startswith(_HEADS)


def look_at_picture(picture: Gray, decoders: Decoders, seen: FileEvidence) -> None:
    """Look at a picture until a payload is confirmed: as it is, on each rung of the ladder, again at the places of
    codes that were not decoded, then with zbar.
    """
    search = _PictureSearch(picture, decoders, seen)
    for look in (search.look_at_rungs, search.look_at_places, search.look_at_crops, search.look_with_zbar):
        look()
        if seen.confirmed:
            return


@dataclass
class _PictureSearch:
    """The search in one picture. Each look has a number of its own, its moment: the same decoder on the same rung must
    not count twice, since it agrees with itself.
    """

    picture: Gray
    decoders: Decoders
    seen: FileEvidence
    rungs: list[Gray] = field(default_factory=list[Gray])
    stood_in: set[int] = field(default_factory=set[int])
    """The rungs at which zbar stood in for zxing-cpp."""
    looks: Counter[str] = field(default_factory=Counter[str])
    """The looks that gave each text."""
    places: dict[str, Corners] = field(default_factory=dict[str, Corners])
    """Where each text was read."""

    def look_at_rungs(self) -> None:
        """Look at the picture as it is and on each rung, until a payload is confirmed."""
        for number, rung in enumerate(itertools.chain((self.picture,), prepared(self.picture))):
            self.rungs.append(rung)
            look = self.decoders.look(rung)
            if look.missed:
                self.stood_in.add(number)
            self._keep_places(look, self.picture.shape[1] / rung.shape[1])
            self.seen.add(_SECOND + number if look.missed else number, look)
            if self.seen.confirmed:
                return

    def look_at_places(self) -> None:
        """Look again at all codes that were not read in two looks: one may be another passenger's."""
        read = [place for text, place in self.places.items() if self.looks[text] > 1]
        for number, code in enumerate(look_again(self.picture, self.decoders.flat_readers(), read=read)):
            self.seen.add(_AGAIN + number, DecodedPicture((code,)))
            self.looks[code.text] += 1

    def look_at_crops(self) -> None:
        """Look at the surroundings of codes that were read in one look only, until a payload is confirmed."""
        number = _CROPS
        once = [(text, place) for text, place in self.places.items() if self.looks[text] == 1]
        for text, place in once[:_MOST_CROPPED]:
            for crop in crops(self.picture, place):
                look = self.decoders.look(crop)
                self.seen.add(number, replace(look, damaged=False))
                number += 1
                if self.seen.confirmed:
                    return
                if any(code.text == text for code in look.codes):
                    break

    def look_with_zbar(self) -> None:
        """Look at the rungs with zbar, until a payload is confirmed."""
        for number, rung in enumerate(self.rungs):
            if number not in self.stood_in:
                self.seen.add(_SECOND + number, self.decoders.second_look(rung))
            if self.seen.confirmed:
                return

    def _keep_places(self, look: DecodedPicture, scale: float) -> None:
        """Keep the places that a look at the picture showed, made smaller `scale` times."""
        self.looks.update({code.text for code in look.codes})
        for code in look.codes:
            if code.corners:
                self.places[code.text] = tuple(round(number * scale) for number in code.corners)


def load_gray(path: Path) -> Gray | tuple[Message, ...]:
    """The picture in gray, with white where it is transparent; or the reason why it can't be loaded."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            return (Message.of(MessageCode.PICTURE_TOO_LARGE),)
        whole = path.read_bytes()
        size_in(whole, path, OF_CODES)
        data = np.frombuffer(whole, np.uint8)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except OSError as refused:
        return (Message.of(MessageCode.CANT_BE_OPENED, why=refused.strerror or str(refused)),)
    except BadInput as refused:
        return refused.what_parts
    except cv2.error as refused:
        return (Message.of(MessageCode.PICTURE_NOT_DECODED, why=str(refused.err)),)
    if picture is None:
        return (Message.of(MessageCode.NOT_A_PICTURE),)
    return _limited(_flatten(np.asarray(picture)))


def _limited(picture: Gray) -> Gray:
    height, width = picture.shape
    scale = (_MOST_LOOKED_AT / (width * height)) ** 0.5
    if scale >= 1:
        return picture
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return cast("Gray", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _flatten(picture: np.ndarray) -> Gray:
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    elif picture.dtype != np.uint8:
        picture = cv2.normalize(picture, picture.copy(), 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    if picture.ndim == 2:
        return cast("Gray", picture)
    if picture.shape[2] == 4:
        opaque = picture[:, :, 3:].astype(np.float32) / 255
        picture = (picture[:, :, :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    if picture.shape[2] == 3:
        return cast("Gray", cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    return np.ascontiguousarray(picture[:, :, 0])
