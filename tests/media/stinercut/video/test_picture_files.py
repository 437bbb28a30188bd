"""Pictures and drawings from outside: ceilings that are asked of headers, drawings that would never end."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from support.templating import TITLE, own_template

from stinercut.codes.making import qr_picture
from stinercut.codes.payload import make_payload
from stinercut.codes.reader import read_file
from stinercut.codes.reading import Reason
from stinercut.codes.still_reader import load_gray
from stinercut.drawing.raster import rendered
from stinercut.drawing.svg_renderer import DrawingTooCostly, SvgRenderer
from stinercut.errors import BadInput
from stinercut.films.template_check import problems
from stinercut.video.picture_files import open_picture

HERE = Path("title.svg")
PAYLOAD = make_payload("Zoë Müller", "B-1", date(2026, 5, 1))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says to have so many pixels, as far as it was made."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pieces = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000_000))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in pieces
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_500, 10_500), (20_000, 10)])
def test_a_pixel_bomb_is_refused_by_its_header(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "code.png"
    path.write_bytes(bomb(width, height))
    with pytest.raises(BadInput, match="pixels, more than 16384 a side or 100 million altogether"):
        open_picture(path)
    assert isinstance(load_gray(path), tuple), "messages, and no picture"
    assert read_file(path).reason is Reason.UNREADABLE


def test_a_profile_that_unpacks_without_end_is_refused_in_words(tmp_path: Path) -> None:
    path, whole = tmp_path / "code.png", io.BytesIO()
    Image.new("RGB", (64, 64)).save(whole, "PNG")
    body = b"iCCPx\0\0" + zlib.compress(bytes(20_000_000))
    profile = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = whole.getvalue()
    path.write_bytes(data[:33] + profile + data[33:])
    with pytest.raises(BadInput, match="a text or a colour profile within it is too large"):
        open_picture(path)
    assert read_file(path).reason is Reason.UNREADABLE


def test_an_ordinary_photo_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (8064, 6048), "red").save(path)  # 48 million pixels, as telephones have
    assert open_picture(path)[0].size == (8064, 6048)
    assert not isinstance(load_gray(path), str)


def test_a_code_in_a_picture_that_is_made_smaller_is_read(tmp_path: Path) -> None:
    path, code = tmp_path / "photo.png", Image.open(io.BytesIO(qr_picture(PAYLOAD)))
    whole = Image.new("L", (9000, 9000), 255)
    whole.paste(code.convert("L").resize((1500, 1500)), (3000, 3000))
    whole.save(path, compress_level=1)
    looked_at = load_gray(path)
    assert not isinstance(looked_at, str)
    assert 49_000_000 < looked_at.size <= 50_000_000
    assert read_file(path).payload == PAYLOAD


def test_a_jpeg_with_a_second_picture_behind_it_is_a_jpeg(tmp_path: Path) -> None:
    path, picture = tmp_path / "photo.jpg", Image.new("RGB", (64, 48), "red")
    picture.save(path, format="MPO", save_all=True, append_images=[picture])
    assert open_picture(path)[1] == "JPEG"
    assert not isinstance(load_gray(path), str)


def drawing(body: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1920 1080">{body}</svg>'


ENDLESS = """<filter id="f" x="0" y="0" width="100%" height="100%">
<feTurbulence baseFrequency="0.1" numOctaves="9999999"/></filter><rect filter="url(#f)" width="1920" height="1080"/>"""
NESTED = '<g opacity="0.9">' * 90 + '<rect width="1920" height="1080"/>' * 2 + "</g>" * 90


def test_a_filter_that_never_ends_is_ended() -> None:
    with SvgRenderer(cpu_seconds=1) as renderer:
        with pytest.raises(DrawingTooCostly, match=r"title\.svg: the drawing takes longer than 1 s to draw"):
            rendered(drawing(ENDLESS), (1920, 1080), HERE, renderer)
        # The next one gets a fresh process.
        assert rendered(drawing('<rect width="9" height="9"/>'), (192, 108), HERE, renderer).size == (192, 108)


def test_layers_upon_layers_take_no_more_memory_than_they_may() -> None:
    with pytest.raises(DrawingTooCostly, match="more than 4 GB of memory"):
        rendered(drawing(NESTED), (12_000, 6_750), HERE)


def test_what_cannot_be_drawn_costs_the_process_nothing() -> None:
    with SvgRenderer() as renderer:
        with pytest.raises(BadInput, match="can't be drawn"):
            renderer.png("no drawing", HERE)
        assert rendered(drawing(""), (192, 108), HERE, renderer).getbbox() is None


def test_a_template_with_a_drawing_without_end_is_refused_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stinercut.drawing.svg_renderer.CPU_SECONDS", 1)
    monkeypatch.setattr(SvgRenderer.__init__, "__defaults__", (1,))
    path = own_template(tmp_path / "own", title=TITLE.replace("<text", ENDLESS + "<text", 1))
    (found,) = problems(path)
    assert "takes longer than 1 s to draw" in found.what
    assert found.file == str(path / "title.svg")


def test_a_picture_within_a_drawing_has_the_same_ceilings(tmp_path: Path) -> None:
    small = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(small, format="PNG")
    for data, refused in ((small.getvalue(), 0), (bomb(60_000, 60_000), 1), (b"no picture", 1)):
        address = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        shown = f'<image width="40" height="40" href="{address}"/>'
        path = own_template(tmp_path / "own", title=TITLE.replace("<text", shown + "<text", 1))
        assert len(problems(path)) == refused
