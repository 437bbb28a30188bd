"""Making the code that a passenger's card or phone shows.

Lives here: a payload as a picture (PNG, SVG). Doesn't: what the payload says (`payload`), films of a code
(`stinercut.synthetic`).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import segno

from stinercut.errors import BadInput
from stinercut.identity.payload import Payload

BORDER: Final = 4
"""Modules of quiet zone on each side: what ISO/IEC 18004 asks for."""

SUFFIXES: Final = (".png", ".svg")


def qr_code(payload: Payload) -> segno.QRCode:
    """The code of a payload: level M (15 % may be damaged), never a Micro QR, which few decoders read."""
    return segno.make_qr(payload.text(), error="m", boost_error=False)


def qr_picture(payload: Payload, scale: int = 10) -> bytes:
    """A PNG, black on white, `scale` pixels per module, quiet zone included."""
    if not 1 <= scale <= 100:
        raise BadInput(f"a scale of {scale} pixels per module is outside 1 to 100")
    out = io.BytesIO()
    qr_code(payload).save(out, kind="png", scale=scale, border=BORDER)
    return out.getvalue()


def write_picture(payload: Payload, path: Path, scale: int = 10) -> None:
    """Write the code as PNG or SVG, chosen by the suffix; the folder is made. Raises BadInput for another suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput("a QR code is written as .png or .svg", file=path, advice="Choose one of these endings.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".png":
            path.write_bytes(qr_picture(payload, scale))
        else:
            qr_code(payload).save(str(path), kind="svg", scale=scale, border=BORDER, xmldecl=False)
    except OSError as refused:
        raise BadInput(f"can't write there: {refused.strerror or refused}", file=path) from None
