"""Photos made by code: of every kind that cameras write, and files that only look like one.

Owns: making them. Not here: cards of them (`stinercut.synthetic.card`).
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pillow_heif
from PIL import Image, ImageDraw


def picture(size: tuple[int, int] = (640, 480), seed: int = 1) -> Image.Image:
    """A picture that differs from all others: its left half has one colour, its right half another."""
    drawn = Image.new("RGB", size, (40 + 37 * seed % 200, 90, 200))
    ImageDraw.Draw(drawn).rectangle((size[0] // 2, 0, *size), fill=(220, 40 + 53 * seed % 200, 30))
    return drawn


def jpeg(size: tuple[int, int] = (640, 480), seed: int = 1, orientation: int = 1) -> bytes:
    """A JPEG; `orientation` as EXIF has it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = io.BytesIO()
    picture(size, seed).save(made, "JPEG", quality=85, exif=exif)
    return made.getvalue()


def png(size: tuple[int, int] = (640, 480), seed: int = 1) -> bytes:
    """A PNG."""
    made = io.BytesIO()
    picture(size, seed).save(made, "PNG")
    return made.getvalue()


def heic(size: tuple[int, int] = (640, 480), seed: int = 1) -> bytes:
    """A HEIC, as telephones and new GoPros write."""
    made = io.BytesIO()
    pillow_heif.from_pillow(picture(size, seed)).save(made, format="HEIF", quality=80)
    return made.getvalue()


def raw(size: tuple[int, int] | None = (1600, 1200), seed: int = 1) -> bytes:
    """The head of a TIFF as raws have it, then noise of a sensor; with the camera's own JPEG of that size within it."""
    preview = jpeg(size, seed) if size else b""
    return b"II*\0" + struct.pack("<I", 8) + b"\0" * 300 + preview + bytes((seed * n) % 251 for n in range(2000))


def turned_raw(orientation: int, size: tuple[int, int] = (1600, 1200), order: str = "<") -> bytes:
    """A raw that tells how the camera was held, as makers write it: next to its picture, not inside it."""
    made = io.BytesIO()
    picture(size).save(made, "JPEG")
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IH", 8, 1) + entry + b"\0" * 4 + made.getvalue()


def png_bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes whose head claims this many pixels a side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    whole = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + whole


def written(folder: Path, **files: bytes) -> dict[str, Path]:
    """Files below a folder by name; `__` stands for the dot."""
    out: dict[str, Path] = {}
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content)
        out[path.name] = path
    return out
