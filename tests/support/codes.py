"""Codes in pictures, read without a child process."""

from __future__ import annotations

import numpy as np

from stinercut.codes import decoder_worker
from stinercut.codes.decoders import ZXING, Code, Gray, to_code

_decode = decoder_worker.zxing()


def codes_in(picture: Gray) -> list[Code]:
    """All QR codes that zxing-cpp finds."""
    height, width = picture.shape
    found, _ = _decode(memoryview(np.ascontiguousarray(picture).tobytes()), width, height, False)
    return [to_code(data, ZXING) for _, data in found]
