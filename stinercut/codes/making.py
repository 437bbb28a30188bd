"""Making the code that a passenger's card or phone shows.

Owns: a payload as a picture (PNG, SVG). Not here: what the payload says (`payload`), pages of codes (`sheet`),
films of a code (`stinercut.synthetic`). Nothing here needs pixels: the hub draws codes too.

Where `keys` are given the code is signed with the first of them; without, it is JSON, which may hold email and phone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import segno

from stinercut.codes.payload import Payload
from stinercut.errors import BadInput
from stinercut.keyring import KeyRing
from stinercut.storage.store import replace_file

BORDER: Final = 4
"""Modules of quiet zone on each side: what ISO/IEC 18004 asks for."""

SUFFIXES: Final = (".png", ".svg")

Contact = Mapping[str, str] | None
"""Email and phone that a code is to hold, by those names; nothing where nobody asked for it."""


def qr_code(payload: Payload, keys: KeyRing | None = None, contact: Contact = None) -> segno.QRCode:
    """The code of a payload: level M (15 % may be damaged), never a Micro QR, which few decoders read.

    Raises BadInput for a signed code that is to hold how to reach the passenger: its form has no place for that.
    """
    if keys is not None and contact:
        raise BadInput(
            "a signed code holds no email and no phone", advice="Leave them out, or leave out the signature."
        )
    text = payload.text(contact) if keys is None else payload.signed_text(keys)
    return segno.make_qr(text, error="m", boost_error=False)


def qr_svg(payload: Payload, keys: KeyRing | None = None, contact: Contact = None) -> bytes:
    """An SVG that takes the size of its place, black on white, quiet zone included."""
    out = io.BytesIO()
    qr_code(payload, keys, contact).save(
        out, kind="svg", border=BORDER, xmldecl=False, omitsize=True, light="#fff", svgclass=None, lineclass=None
    )
    return out.getvalue()


def qr_picture(payload: Payload, scale: int = 10, keys: KeyRing | None = None, contact: Contact = None) -> bytes:
    """A PNG, black on white, `scale` pixels per module, quiet zone included."""
    if not 1 <= scale <= 100:
        raise BadInput(f"a scale of {scale} pixels per module is outside 1 to 100")
    out = io.BytesIO()
    qr_code(payload, keys, contact).save(out, kind="png", scale=scale, border=BORDER)
    return out.getvalue()


def write_picture(payload: Payload, path: Path, keys: KeyRing | None = None, contact: Contact = None) -> None:
    """Write the code as PNG or SVG, chosen by the suffix; the folder is made.

    Nothing is there before it is whole. Raises BadInput for another suffix and for a place that can't be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput("a QR code is written as .png or .svg", file=path, advice="Choose one of these endings.")
    try:
        is_png = path.suffix.lower() == ".png"
        drawn = qr_picture(payload, keys=keys, contact=contact) if is_png else qr_svg(payload, keys, contact)
        replace_file(path, drawn)
    except OSError as refused:
        raise BadInput(f"can't write there: {refused.strerror or refused}", file=path) from None
