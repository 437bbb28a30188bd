"""The child process that zbar runs in: pictures on standard input, texts on standard output, until the input ends.

Lives here: the pipe's format and zbar in binary mode. Doesn't: starting and guarding this process (`decoders`).

In: width and height (two little-endian uint32), then width x height bytes. Out: the number of codes, then for each its
length and its bytes (uint32 each). Bytes are given as they stand in the code; zbar's guessing of encodings is off.
"""

from __future__ import annotations

import struct
import sys
from ctypes import c_char_p, c_void_p, cast, string_at
from typing import Any, BinaryIO, Final

from pyzbar import pyzbar, wrapper

CFG_BINARY: Final = 4
"""ZBAR_CFG_BINARY of zbar 0.23.1 and later: "don't convert binary data to text". pyzbar's own list ends before it."""

_Y800: Final = 0x30303859
"""The fourcc of 8-bit gray."""

_zbar: Any = wrapper
_pyzbar: Any = pyzbar


def decode(pixels: bytes, width: int, height: int) -> list[bytes]:
    """The bytes of every QR code in a gray picture. Raises RuntimeError when this zbar knows no binary mode."""
    qr: int = _zbar.ZBarSymbol.QRCODE
    with _pyzbar._image_scanner() as scanner, _pyzbar._image() as image:
        for symbol in _zbar.ZBarSymbol:
            _zbar.zbar_image_scanner_set_config(scanner, symbol, _zbar.ZBarConfig.CFG_ENABLE, int(symbol == qr))
        if _zbar.zbar_image_scanner_set_config(scanner, qr, CFG_BINARY, 1) != 0:
            raise RuntimeError("this zbar has no binary mode; at least 0.23.1 is needed")
        _zbar.zbar_image_set_format(image, _Y800)
        _zbar.zbar_image_set_size(image, width, height)
        _zbar.zbar_image_set_data(image, cast(c_char_p(pixels), c_void_p), len(pixels), None)
        _zbar.zbar_scan_image(scanner, image)
        return [_data(symbol) for symbol in _pyzbar._symbols_for_image(image)]


def _data(symbol: Any) -> bytes:
    return string_at(_zbar.zbar_symbol_get_data(symbol), _zbar.zbar_symbol_get_data_length(symbol))


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer pictures until the input ends."""
    while len(header := source.read(8)) == 8:
        width, height = struct.unpack("<II", header)
        codes = decode(source.read(width * height), width, height)
        target.write(struct.pack("<I", len(codes)))
        for code in codes:
            target.write(struct.pack("<I", len(code)) + code)
        target.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
