"""Makes the code that a passenger's card or phone shows.

Owns: a payload as a picture (PNG, SVG). Not here: the payload's values (`payload`), pages of codes (`sheet`), films of
a code (`stinercut.synthetic`). Nothing here needs an imaging library, since the hub draws codes, too.

With `keys` the code is signed with the first of them. Without keys it is JSON, which may hold email and phone.
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
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.storage.store import replace_file

BORDER: Final = 4
"""Modules of quiet zone on each side, as ISO/IEC 18004 requires."""

SUFFIXES: Final = (".png", ".svg")

Contact = Mapping[str, str] | None
"""Email and phone for a code, by these names; None if nobody asked for them."""


def qr_code(payload: Payload, keys: KeyRing | None = None, contact: Contact = None) -> segno.QRCode:
    """The code of a payload: level M (15 % may be damaged), never a Micro QR code, which few decoders read.

    Raises BadInput for a signed code with contact data: its form has no place for them.
    """
    if keys is not None and contact:
        raise BadInput(Message.of(SetupCode.SIGNED_WITHOUT_CONTACT), advice=Message.of(SetupCode.OUT_OR_UNSIGNED))
    text = payload.text(contact) if keys is None else payload.signed_text(keys)
    return segno.make_qr(text, error="m", boost_error=False)


def qr_svg(payload: Payload, keys: KeyRing | None = None, contact: Contact = None) -> bytes:
    """An SVG that fills its place on the page, black on white, including the quiet zone."""
    out = io.BytesIO()
    qr_code(payload, keys, contact).save(
        out, kind="svg", border=BORDER, xmldecl=False, omitsize=True, light="#fff", svgclass=None, lineclass=None
    )
    return out.getvalue()


def qr_picture(payload: Payload, scale: int = 10, keys: KeyRing | None = None, contact: Contact = None) -> bytes:
    """A PNG, black on white, `scale` pixels per module, including the quiet zone."""
    if not 1 <= scale <= 100:
        raise BadInput(Message.of(SetupCode.SCALE_OUTSIDE, scale=scale))
    out = io.BytesIO()
    qr_code(payload, keys, contact).save(out, kind="png", scale=scale, border=BORDER)
    return out.getvalue()


def write_picture(payload: Payload, path: Path, keys: KeyRing | None = None, contact: Contact = None) -> None:
    """Write the code as PNG or SVG, chosen by the suffix. The folder is made if necessary.

    The file appears only when it is complete. Raises BadInput for another suffix and for a place that can't be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(Message.of(SetupCode.CODE_ENDINGS), file=path, advice=Message.of(SetupCode.ONE_OF_ENDINGS))
    try:
        is_png = path.suffix.lower() == ".png"
        drawn = qr_picture(payload, keys=keys, contact=contact) if is_png else qr_svg(payload, keys, contact)
        replace_file(path, drawn)
    except OSError as refused:
        raise BadInput(
            Message.of(SetupCode.CANT_WRITE_THERE, why=refused.strerror or str(refused)), file=path
        ) from None
