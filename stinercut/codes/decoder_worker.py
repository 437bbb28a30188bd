"""The program of a decoder's child process: reads pictures from standard input, writes codes to standard output.

    python -I -S decoder_worker.py zxing-cpp|zbar [FOLDER-OF-PACKAGES ...]

Owns: the pipe's far end and the two libraries. Not here: starting and guarding this process (`decoders`).

In: width and height (two little-endian uint32), then width x height bytes. Out: one byte, 1 if a code was found that
could not be decoded; the number of codes (uint32), then for each code its length (uint32) and its bytes, unchanged. The
program runs until the input ends.

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

    Found = tuple[list[bytes], bool]
    Decode = Callable[[memoryview, int, int], Found]

CFG_BINARY = 4
"""ZBAR_CFG_BINARY of zbar 0.23.1 and later: "don't convert binary data to text". pyzbar's own list lacks it."""

ORPHAN_SECONDS = 60
"""A picture takes well under a second. This limit ends a process that hangs, even inside a library, if its guarding
process was killed.
"""

_Y800 = 0x30303859
"""The fourcc of 8-bit gray."""


def zxing() -> Decode:
    """zxing-cpp: finds QR codes at any angle, also light ones on dark.

    The returned function decodes a picture: it gives the bytes of each code, and whether another code could not be
    decoded.
    """
    import zxingcpp

    library: Any = zxingcpp
    kind = library.BarcodeFormat.QRCode

    def decode(pixels: memoryview, width: int, height: int) -> Found:
        found = library.read_barcodes(pixels.cast("B", (height, width)), formats=kind, return_errors=True)
        whole = [bytes(code.bytes) for code in found if code.valid]
        return whole, len(whole) < len(found)

    return decode


def zbar() -> Decode:
    """zbar in binary mode. Raises RuntimeError, at the first picture, if this zbar has no binary mode."""
    from ctypes import c_char, c_void_p, cast, string_at

    from pyzbar import pyzbar, wrapper

    library: Any = wrapper
    helpers: Any = pyzbar
    qr: int = library.ZBarSymbol.QRCODE

    def decode(pixels: memoryview, width: int, height: int) -> Found:
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
            return [data(symbol) for symbol in helpers._symbols_for_image(image)], False

    def data(symbol: Any) -> bytes:
        return string_at(library.zbar_symbol_get_data(symbol), library.zbar_symbol_get_data_length(symbol))

    return decode


LIBRARIES: dict[str, Callable[[], Decode]] = {"zxing-cpp": zxing, "zbar": zbar}


def serve(source: BinaryIO, target: BinaryIO, decode: Decode) -> None:
    """Answer pictures until the input ends."""
    room = memoryview(bytearray())
    while len(header := source.read(8)) == 8:
        width, height = struct.unpack("<II", header)
        if len(room) < width * height:
            room = memoryview(bytearray(width * height))
        pixels = room[: width * height]
        if not _filled(source, pixels):
            return
        faulthandler.dump_traceback_later(ORPHAN_SECONDS, exit=True)
        codes, damaged = decode(pixels, width, height)
        faulthandler.cancel_dump_traceback_later()
        parts = [struct.pack("<?I", damaged, len(codes)), *(struct.pack("<I", len(code)) + code for code in codes)]
        target.write(b"".join(parts))
        target.flush()


def _filled(source: BinaryIO, pixels: memoryview) -> bool:
    read: Any = source
    return int(read.readinto(pixels)) == len(pixels)


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    serve(sys.stdin.buffer, sys.stdout.buffer, LIBRARIES[sys.argv[1]]())
