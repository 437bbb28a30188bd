"""The video signal of all films: BT.709, limited range, progressive, square pixels, colours sited left.

Owns: the value of each of these properties in a film, converting footage to it, and declaring it to encoders, which
would otherwise write the footage's values. Not here: fitting footage into a frame (`stinercut.films.picture.footage`),
checking a segment's declared values (`stinercut.films.picture.signal_check`).

Only the range may differ: a film has full range if frames of a camera that uses it are copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stinercut.video.probe import Probe

FROM_BT709: dict[str, object] = {"in_color_matrix": "bt709", "in_range": "tv"}
"""Options of ffmpeg's `scale` for its input, if that is a film's picture."""

TO_BT709: dict[str, object] = {"out_color_matrix": "bt709", "out_range": "tv"}
"""Options of ffmpeg's `scale` for its output."""

RGB_TO_BT709: dict[str, object] = {**TO_BT709, "in_h_chr_pos": 128, "out_h_chr_pos": 0}
"""The same for a picture in RGB. `scale` uses the mean of each pair of pixels as their colour. It must be told that
this lies between the two (128 of 256); otherwise the colour of a film lies half a pixel too far to the right
(measured).
"""

_POSITIONS = {
    "left": (0, 128),
    "center": (128, 128),
    "topleft": (0, 0),
    "top": (128, 0),
    "bottomleft": (0, 256),
    "bottom": (128, 256),
}
"""Where samples of colour lie, in 256ths of a pixel from the first of the pixels that share one (H.264, E.2.1)."""

_HALVED = ("yuv420", "yuvj420", "yuv422", "yuvj422", "nv12", "nv16", "p010", "p210")
"""Beginnings of pixel formats in which pairs of pixels share a colour; in all others each pixel has its own colour."""

_HDR = ("arib-std-b67", "smpte2084")
_WHITE_NITS = 203
"""The white of HDR footage (ITU-R BT.2408, HDR reference white)."""

_PEAK = round(1000 / _WHITE_NITS, 3)
"""The brightest light that still differs from clipped white, 1000 nits, in units of white."""

_UNKNOWN = ("", "unknown", "reserved", "unspecified")

_CURVES_OF_BT709 = (*_UNKNOWN, "bt709", "smpte170m", "smpte240m", "bt2020-10", "bt2020-12", "iec61966-2-4", "bt1361e")
"""Curves that are BT.709's, or are shown with BT.709's curve (ITU-R BT.2020, table 4; BT.2087)."""

_PRIMARIES = ("bt470m", "bt470bg", "smpte170m", "smpte240m", "film", "bt2020", "smpte428", "smpte431", "smpte432")
"""Primaries other than BT.709's that `zscale` knows: other reds, greens and blues, and another range of colours."""

_MATRICES = (*_UNKNOWN, "gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc")
"""Matrices that `scale` reads; the others are read by `zscale`."""


def as_bt709(picture: Any, found: Probe, width: int, height: int) -> Any:
    """Footage scaled to that size (even numbers of pixels), 8 bits 4:2:0, in the film's signal.

    `found`: the footage's declared values. A missing value counts as BT.709, or below 720 lines as BT.601's matrix.
    """
    where = _location(found)
    kept = _sited(where) if where != "left" else {}
    if found.transfer in _HDR:
        scaled = picture.filter("scale", width, height, flags="bicubic", **kept)
        picture = _to_sdr(scaled, found, where)
    elif _needs_light(found):
        scaled = picture.filter("scale", width, height, flags="bicubic", **kept)
        picture = _converted(scaled, found, where)
    else:
        picture = picture.filter(
            "scale", width, height, flags="bicubic", in_color_matrix=_matrix(found), **TO_BT709, **kept
        ).filter("format", "yuv420p")
        if where != "left":
            # `scale` moves colours only if it changes the size, and `zscale` takes no odd sizes.
            picture = picture.filter("zscale", cin=where, c="left")
    return picture.filter("format", "yuv420p")


def in_rgb(picture: Any, change: Callable[[Any], Any]) -> Any:
    """Change the picture as RGB, and return it to BT.709. By default ffmpeg would convert both ways with BT.601."""
    as_rgb = picture.filter("scale", **FROM_BT709, out_range="pc").filter("format", "gbrp")
    return change(as_rgb).filter("scale", in_range="pc", **TO_BT709).filter("format", "yuv420p")


def as_jpeg(picture: Any) -> Any:
    """A film's picture in the signal of JPEG (JFIF): full range, BT.601, colours in the middle of their pixels."""
    return picture.filter(
        "scale",
        **FROM_BT709,
        out_color_matrix="bt601",
        out_range="pc",
        in_h_chr_pos=0,
        out_h_chr_pos=128,
    ).filter("format", "yuvj420p")


# Saying it -----------------------------------------------------------------------------------------------------------


def declared(picture: Any, *, full_range: bool) -> Any:
    """The last filters before an encoder: each frame declares the film's values, and none of the footage's
    values stay.
    """
    if full_range:
        picture = picture.filter("scale", in_range="tv", out_range="pc")
    return (
        picture.filter("format", "yuv420p")
        .filter("setsar", 1)
        .filter("setparams", field_mode="prog", range=_range(full_range=full_range), **_three("color_primaries"))
    )


def encoder_options(*, full_range: bool) -> dict[str, object]:
    """The values that an encoder is told to write. Without them it writes those of its first frame."""
    return {
        **_three("color_primaries"),
        "color_range": _range(full_range=full_range),
        "chroma_sample_location": "left",
        "field_order": "progressive",
    }


def _three(primaries: str) -> dict[str, object]:
    return {primaries: "bt709", "color_trc": "bt709", "colorspace": "bt709"}


def _range(*, full_range: bool) -> str:
    return "pc" if full_range else "tv"


# Converting ----------------------------------------------------------------------------------------------------------


def _location(found: Probe) -> str:
    """Where the colours of footage lie. Undeclared, they lie left, as in films."""
    halved = found.pixels.startswith(_HALVED)
    return found.chroma_location if halved and found.chroma_location in _POSITIONS else "left"


def _sited(where: str) -> dict[str, object]:
    """Options of `scale` that keep colours at that place while the size changes."""
    across, down = _POSITIONS[where]
    return {"in_h_chr_pos": across, "in_v_chr_pos": down, "out_h_chr_pos": across, "out_v_chr_pos": down}


def _needs_light(found: Probe) -> bool:
    """Whether colours differ from BT.709's, so that they must be converted as light and not as numbers."""
    return found.primaries in _PRIMARIES or found.transfer not in _CURVES_OF_BT709 or found.matrix not in _MATRICES


def _matrix(found: Probe) -> str:
    """The colour matrix for reading footage. Players assume BT.709 for untagged footage from 720 lines on."""
    if found.matrix in (*_UNKNOWN, "gbr"):
        return "bt709" if min(found.width, found.height) >= 720 else "bt601"
    return "auto"


def _to_sdr(picture: Any, found: Probe, where: str) -> Any:
    """Convert HLG and PQ to BT.709: to linear light with HDR's white at 1, compress what is brighter, and back.

    The curve (Mobius) keeps the lower third as it is: skin and fields look as in footage filmed in SDR.
    """
    primaries = "bt2020" if found.primaries in _UNKNOWN else found.primaries
    matrix = "bt2020nc" if found.matrix in _UNKNOWN else found.matrix
    return (
        picture.filter("zscale", t="linear", npl=_WHITE_NITS, pin=primaries, cin=where, **_min(matrix))
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "mobius", desat=0, peak=_PEAK)
        .filter("zscale", t="bt709", m="bt709", r="tv", c="left")
    )


def _converted(picture: Any, found: Probe, where: str) -> Any:
    """Convert footage with other primaries or another curve, but without HDR, to BT.709: the colours that a screen
    shows stay the same, and colours beyond BT.709 become the nearest ones (ITU-R BT.2087).
    """
    curve = "bt709" if found.transfer in _CURVES_OF_BT709 else found.transfer
    primaries = found.primaries if found.primaries in _PRIMARIES else "bt709"
    undeclared = (
        "bt2020nc" if primaries == "bt2020" else "bt709" if min(found.width, found.height) >= 720 else "smpte170m"
    )
    matrix = undeclared if found.matrix in _UNKNOWN else found.matrix
    options = {"tin": curve, "t": "bt709", "pin": primaries, "p": "bt709", "m": "bt709", "r": "tv"}
    return picture.filter("zscale", **options, cin=where, c="left", **_min(matrix))


def _min(matrix: str) -> dict[str, object]:
    """The matrix of footage as an option of `zscale`, which refuses an undeclared matrix; RGB has no matrix."""
    return {} if matrix == "gbr" else {"min": matrix}
