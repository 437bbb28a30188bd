"""The program of the process that opens photos: jobs on standard input, one JSON a line, answers on standard output.

    python -I photo_worker.py

Owns: telling a photo's kind by its first bytes, and making a JPEG of it. Not here: the limits
(`stinercut.input_limits`), starting and guarding this process, and using its answers (`camera_photos`).

In: {"source": path, "target": path or null, "edge": pixels or null, "srgb": bool}. Out: {"kind", "width", "height",
"made"} or {"kind", "why"}. `kind` is null for a file that is no photo. Photos come from outside, and the libraries that
open them are written in C: so they are opened here, with limits on memory and time, only by the library for their kind.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import struct
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stinercut.input_limits import (
    MOST_BYTES_OF_PHOTO,
    MOST_MEMORY_OF_PHOTO,
    MOST_SECONDS_OF_PHOTO,
    broken_by_size,
)

if TYPE_CHECKING:
    from PIL import Image

QUALITY = 92
_PREVIEW = 1000
"""A picture within a raw with at least this longer side is the one that its camera would have written as JPEG."""
_PREVIEWS_TRIED = 24

_ORIENTATION = 0x0112
_SHORT = 3
"""The tag of TIFF and EXIF for how the camera was held, and the type of its value."""

_HEAD_OF_CR3 = 1 << 20

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_RAW_HEADS = (
    b"II*\0",
    b"MM\0*",
    b"IIU\0",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"FUJIFILMCCD-RAW",
    b"FOVb",
    b"II\x1a\0\0\0HEAPCCDR",
)


def kind_of(head: bytes, suffix: str) -> str | None:
    """The kind of a file by its first bytes: JPEG, PNG, WEBP, HEIF, AVIF, TIFF or RAW; None for anything else."""
    for kind, begins in (("JPEG", b"\xff\xd8\xff"), ("PNG", b"\x89PNG\r\n\x1a\n")):
        if head.startswith(begins):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in (b"avif", b"avis"):
            return "AVIF"
        return "HEIF" if brand in _HEIF_BRANDS else "RAW" if brand == b"crx " else None
    if any(head.startswith(begins) for begins in _RAW_HEADS):
        return "TIFF" if suffix in (".tif", ".tiff") else "RAW"
    return None


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job and return the answer."""
    source = Path(job["source"])
    with source.open("rb") as opened:
        head = opened.read(64)
    # An object of the store has no ending in its name: the job passes the one that the camera gave.
    kind = kind_of(head, str(job.get("suffix", "")))
    if kind is None:
        return {"kind": None, "why": "it is no photo"}
    try:
        picture = _raw(source) if kind == "RAW" else _opened(source, kind)
        size = picture.size
        if job.get("target"):
            _save(_shown(picture, job.get("edge"), srgb=bool(job.get("srgb"))), Path(job["target"]))
    except Exception as refused:  # The libraries may raise anything at bytes from outside: it concerns this file alone.
        return {"kind": kind, "why": str(refused)[:300] or type(refused).__name__}
    return {"kind": kind, "width": size[0], "height": size[1], "made": bool(job.get("target"))}


def _opened(source: Path | io.BytesIO, kind: str) -> Image.Image:
    """The picture, not yet decoded. Raises ValueError for one that is too large."""
    from PIL import Image

    if kind == "HEIF":
        import pi_heif

        pi_heif.register_heif_opener()
    picture = Image.open(source, formats=(kind, *(("MPO",) if kind == "JPEG" else ())))
    if why := broken_by_size(*picture.size):
        raise ValueError(why)
    return picture


def _raw(source: Path) -> Image.Image:
    """The camera's own picture within a raw; the developed raw where that picture is small or missing."""
    if source.stat().st_size > MOST_BYTES_OF_PHOTO:
        raise ValueError(f"it is larger than {MOST_BYTES_OF_PHOTO // 1_000_000} MB")
    data = source.read_bytes()
    preview = _largest_preview(data)
    if preview is not None and _ORIENTATION not in preview.getexif():
        preview.getexif()[_ORIENTATION] = _orientation_of_raw(data)
    if preview is not None and max(preview.size) >= _PREVIEW:
        return preview
    try:
        return _developed(source)
    except Exception:
        if preview is not None:
            return preview
        raise


def _largest_preview(data: bytes) -> Image.Image | None:
    """The largest JPEG within a raw. Makers put it at different places, but all JPEGs begin with the same bytes."""
    best: Image.Image | None = None
    at = data.find(b"\xff\xd8\xff")
    for _ in range(_PREVIEWS_TRIED):
        if at < 0:
            break
        with contextlib.suppress(Exception):
            preview = _opened(io.BytesIO(data[at:]), "JPEG")
            if best is None or preview.width > best.width:
                preview.load()
                best = preview
        at = data.find(b"\xff\xd8\xff", at + 3)
    return best


def _orientation_of_raw(data: bytes) -> int:
    """How the camera was held, as EXIF counts it; 1 where the raw has no such tag. It holds for the raw's pictures,
    too.

    Raws are TIFFs by another name, and the head of Canon's CR3 holds one.
    """
    at = data.find(b"CMT1", 0, _HEAD_OF_CR3) + 4 if data[4:8] == b"ftyp" else 0
    order = "<" if data[at : at + 2] == b"II" else ">"
    with contextlib.suppress(struct.error):
        first = at + struct.unpack_from(f"{order}I", data, at + 4)[0]
        for entry in range(struct.unpack_from(f"{order}H", data, first)[0]):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", data, first + 2 + 12 * entry)
            if tag == _ORIENTATION and kind == _SHORT and 1 <= value <= 8:
                return int(value)
    return 1


def _developed(source: Path) -> Image.Image:
    import rawpy
    from PIL import Image

    library: Any = rawpy
    with library.imread(str(source)) as raw:
        if why := broken_by_size(raw.sizes.width, raw.sizes.height):
            raise ValueError(why)
        return Image.fromarray(raw.postprocess(use_camera_wb=True, output_bps=8))


def _shown(picture: Image.Image, edge: int | None, *, srgb: bool) -> Image.Image:
    """The picture upright, within `edge` pixels, as RGB; with `srgb` its colours are converted to sRGB."""
    from PIL import Image, ImageFile, ImageOps

    ImageFile.LOAD_TRUNCATED_IMAGES = True  # Of a photo that was cut short, the part that exists is shown.
    if edge:
        picture.draft("RGB", (edge, edge))  # A JPEG is decoded at a half, a quarter or an eighth of its size.
    profile = picture.info.get("icc_profile")
    picture = ImageOps.exif_transpose(picture)
    if edge:
        picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    if srgb and profile:
        picture = _in_srgb(picture, profile)
        profile = None
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    picture.info = {"icc_profile": profile} if profile else {}
    return picture


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms

    with contextlib.suppress(Exception):  # A profile that can't be read is ignored.
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        changed = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
        return changed or picture
    return picture


def _save(picture: Image.Image, target: Path) -> None:
    extra = {"icc_profile": picture.info["icc_profile"]} if picture.info.get("icc_profile") else {}
    picture.save(target, "JPEG", quality=QUALITY, optimize=False, **extra)


def limit_memory() -> None:
    """Limit this process's memory where the system can: then a picture that needs more fails, and nothing else."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_OF_PHOTO, MOST_MEMORY_OF_PHOTO))


def serve() -> None:
    """Answer jobs until the input ends."""
    from PIL import Image

    limit_memory()
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # We have our own limit and check it before anything is decoded.
    for line in sys.stdin:
        faulthandler.dump_traceback_later(MOST_SECONDS_OF_PHOTO, exit=True)
        reply = answer(json.loads(line))
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
