"""The program of a decoder's child process: reads pictures from standard input, writes codes to standard output.

    python -I -S decoder_worker.py zxing-cpp|zbar [FOLDER-OF-PACKAGES ...]

Owns: the pipe's far end and the two libraries. Not here: starting and guarding this process (`decoders`).

In: width and height (two little-endian uint32), then width x height bytes; FLAT is added to the width of a picture that
holds one code, upright and in black and white. Out: the number of codes and the number of those that could not be
decoded (uint32 each); for each code its corners (8 int32: x and y from its top left one, clockwise; 0 if unknown), its
length (uint32) and its bytes, unchanged; for each that could not be decoded its corners. The program runs until the
input ends.

It runs without `site` and imports nothing of this project, no numpy, and not even `typing` (10 ms) or `signal` (5 ms).
So starting it costs only 15 ms of CPU; a clip with a code should be read in 200.
"""

from __future__ import annotations

import faulthandler
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    Corners = tuple[int, ...]
    Found = tuple[list[tuple[Corners, bytes]], list[Corners]]
    Decode = Callable[[memoryview, int, int, bool], Found]

CFG_BINARY = 4
"""ZBAR_CFG_BINARY of zbar 0.23.1 and later: "don't convert binary data to text". pyzbar's own list lacks it."""

ORPHAN_SECONDS = 60
"""A picture takes well under a second. This limit ends a process that hangs, even inside a library, if its guarding
process was killed.
"""

FLAT = 1 << 31

NOWHERE = (0,) * 8

_Y800 = 0x30303859
"""The fourcc of 8-bit gray."""


def zxing() -> Decode:
    """zxing-cpp: finds QR codes at any angle, also light ones on dark.

    The returned function decodes a picture: it gives each code, and the places of other codes that could not be
    decoded. In flat pictures, which are tried by the dozen, it looks for nothing but QR codes of model 2: a micro code
    has so few check bits that one of many tries would read something into noise.
    """
    import zxingcpp

    library: Any = zxingcpp
    any_kind, model_2 = library.BarcodeFormat.QRCode, library.BarcodeFormat.QRCodeModel2
    fixed = library.Binarizer.FixedThreshold

    def decode(pixels: memoryview, width: int, height: int, flat: bool) -> Found:
        picture = pixels.cast("B", (height, width))
        if flat:
            found = library.read_barcodes(
                picture, formats=model_2, try_rotate=False, try_downscale=False, try_invert=False, binarizer=fixed
            )
        else:
            found = library.read_barcodes(picture, formats=any_kind, return_errors=True)
        whole = [(corners(code.position), bytes(code.bytes)) for code in found if code.valid]
        return whole, [corners(code.position) for code in found if not code.valid]

    def corners(place: Any) -> Corners:
        ends = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        return tuple(number for end in ends for number in (end.x, end.y))

    return decode


def zbar() -> Decode:
    """zbar in binary mode. Raises RuntimeError, at the first picture, if this zbar has no binary mode."""
    from ctypes import c_char, c_void_p, cast, string_at

    from pyzbar import pyzbar, wrapper

    library: Any = wrapper
    helpers: Any = pyzbar
    qr: int = library.ZBarSymbol.QRCODE

    def decode(pixels: memoryview, width: int, height: int, flat: bool) -> Found:
        with helpers._image_scanner() as scanner, helpers._image() as image:
            for symbol in library.ZBarSymbol:
                library.zbar_image_scanner_set_config(scanner, symbol, library.ZBarConfig.CFG_ENABLE, int(symbol == qr))
            if library.zbar_image_scanner_set_config(scanner, qr, CFG_BINARY, 1) != 0:
                raise RuntimeError("this zbar has no binary mode; at least 0.23.1 is needed")
            library.zbar_image_set_format(image, _Y800)
            library.zbar_image_set_size(image, width, height)
            at = (c_char * len(pixels)).from_buffer(pixels)
            library.zbar_image_set_data(image, cast(at, c_void_p), len(pixels), None)
            library.zbar_scan_image(scanner, image)
            return [(NOWHERE, data(symbol)) for symbol in helpers._symbols_for_image(image)], []

    def data(symbol: Any) -> bytes:
        return string_at(library.zbar_symbol_get_data(symbol), library.zbar_symbol_get_data_length(symbol))

    return decode


LIBRARIES: dict[str, Callable[[], Decode]] = {"zxing-cpp": zxing, "zbar": zbar}


def serve(source: BinaryIO, target: BinaryIO, decode: Decode) -> None:
    """Answer pictures until the input ends."""
    room = memoryview(bytearray())
    while len(header := source.read(8)) == 8:
        width, height = struct.unpack("<II", header)
        flat, width = bool(width & FLAT), width & ~FLAT
        if len(room) < width * height:
            room = memoryview(bytearray(width * height))
        pixels = room[: width * height]
        if not _filled(source, pixels):
            return
        faulthandler.dump_traceback_later(ORPHAN_SECONDS, exit=True)
        codes, undecoded = decode(pixels, width, height, flat)
        faulthandler.cancel_dump_traceback_later()
        parts = [struct.pack("<II", len(codes), len(undecoded))]
        parts += [struct.pack("<8iI", *corners, len(code)) + code for corners, code in codes]
        parts += [struct.pack("<8i", *corners) for corners in undecoded]
        target.write(b"".join(parts))
        target.flush()


def _filled(source: BinaryIO, pixels: memoryview) -> bool:
    read: Any = source
    return int(read.readinto(pixels)) == len(pixels)


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    serve(sys.stdin.buffer, sys.stdout.buffer, LIBRARIES[sys.argv[1]]())
