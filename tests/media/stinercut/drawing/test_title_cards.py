"""Drawn cards: every name whole, within the picture, in any script; and what ffmpeg plays is what was drawn."""

from __future__ import annotations

import dataclasses
import io
import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from support.templating import TITLE, own_template

from stinercut.drawing import bidi, fonts
from stinercut.drawing.text_shaping import Face, Room, line_of, lines_of
from stinercut.drawing.title_cards import TitleCard, card_of, drawn, frame_at, play, settled_frame, sheet_of
from stinercut.errors import BadInput, MissingProgram
from stinercut.films.checks.checks import NAME_THRESHOLD
from stinercut.templates import folder
from stinercut.templates.folder import Template
from stinercut.templates.merging import Fields
from stinercut.video import ffmpeg_runner as runner

DAY = date(2025, 6, 14)
RATE = Fraction(30)
SMALL = (320, 180)
NAMES = [
    "Žofie Nováková",
    "Ng",
    "Maria Magdalena Anastasia von Hohenstein-Württemberg zu Lichtenfels",
    "X" * 80,
    "Wolfeschlegelsteinhausenbergerdorff " + "W" * 40,
    "محمد بن عبد الله",
    "ג'ון כהן",
    "თამარ ჯ. ბერიძე",
    "दीपिका पादुकोण",
    "ณัฐวุฒิ สะกิดใจ",
    "Nguyễn Thị Ánh Tuyết",
    "Λάμπρος Юлия O’Neil",
    "山田 太郎",
    "渡邉\U000e0102 太郎",
    "שרה (Sarah) Cohen",
    "김민준",
]


def fields(name: str = "Jana Nováková", place: str = "Klatovy") -> Fields:
    return Fields(name, DAY, place)


def title(
    template: Template, name: str = "Jana Nováková", size: tuple[int, int] = SMALL, place: str = "Klatovy"
) -> TitleCard:
    return card_of(template, template.title, fields(name, place), size)


def own(tmp_path: Path, body: str = "", head: str = 'viewBox="0 0 320 180"') -> Template:
    """A template whose title has that drawn over its name."""
    text = TITLE.replace('viewBox="0 0 320 180"', head).replace("</svg>", f"{body}</svg>")
    return folder.load(own_template(tmp_path, title=text))


def pixels(card: TitleCard, frame: int = 30) -> NDArray[np.int16]:
    return np.asarray(frame_at(card, frame, RATE)).astype(np.int16)


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("template", "size"), [("classic", SMALL), ("sunset", (180, 320))])
def test_every_name_lies_within_the_picture(template: str, size: tuple[int, int], name: str) -> None:
    card = title(folder.bundled(template), name, size)
    longest = max(card.layers, key=lambda layer: layer.picture.width)
    ink = longest.picture.getchannel("A").point([0] * 128 + [255] * 128).getbbox()
    assert ink is not None
    left, right = longest.x + ink[0], longest.x + ink[2]
    assert left >= size[0] * 0.02
    assert right <= size[0] * 0.98
    assert longest.y + ink[1] > 2
    assert longest.y + ink[3] < size[1] - 2


def test_the_same_fields_give_the_same_pixels_and_others_do_not() -> None:
    template = folder.bundled("classic")
    one, same, other = (title(template, name) for name in ("Jana Nová", "Jana Nová", "Jana Nova"))
    assert (pixels(one) == pixels(same)).all()
    assert (pixels(one) != pixels(other)).any()


def test_a_sheets_key_names_what_would_be_drawn(tmp_path: Path) -> None:
    template = own(tmp_path)

    def key(name: str = "Jana", size: tuple[int, int] = SMALL) -> str:
        return sheet_of(template, template.title, fields(name), size).key

    assert key() == key()
    assert len({key(), key("Jane"), key(size=(640, 360))}) == 3
    before = key()
    (template.folder / "title.svg").write_text(TITLE.replace("#204060", "#204061"))
    assert key() != before


def test_a_decomposed_name_is_drawn_as_the_composed_one(tmp_path: Path) -> None:
    template = own(tmp_path)
    composed, decomposed = (title(template, name) for name in ("Nov\u00e1k", "Nova\u0301k"))
    assert (pixels(composed) == pixels(decomposed)).all()


def test_a_character_that_no_font_has_is_refused_by_name(tmp_path: Path) -> None:
    template = own(tmp_path)
    with pytest.raises(BadInput, match=r"U\+30000") as refused:
        title(template, "Ann \U00030000")
    assert not isinstance(refused.value, MissingProgram)
    with pytest.raises(BadInput, match=r'<text id="name">.*U\+1F600'):
        title(template, "Ann \U0001f600")


def test_no_font_at_all_is_said_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "catalogue", lambda _style: ())
    with pytest.raises(MissingProgram, match="fonts-noto-core"):
        title(own(tmp_path))


# Lettering -----------------------------------------------------------------------------------------------------------


def face(size: float = 100) -> Face:
    return Face(fonts.catalogue("Bold"), size)


def test_a_text_stays_at_its_size_where_it_has_room() -> None:
    (line,) = lines_of("Jana", face(), Room(1000, 2))
    assert line.size == 100
    assert line.width < 400


def test_a_long_text_shrinks_and_breaks_evenly() -> None:
    name = "Maria Magdalena Anastasia von Hohenstein"
    (one,) = lines_of(name, face(), Room(1000))
    assert one.size < 60
    assert one.width <= 1000.5
    two = lines_of(name, face(), Room(1000, 2, smallest=80))
    assert len(two) == 2
    assert two[0].size == two[1].size > one.size
    assert min(line.width for line in two) > 600
    assert len(lines_of(name, face(), Room(1000, 2, smallest=40))) == 1
    low = lines_of(name, face(), Room(1000, 2, height=100, smallest=80))
    assert low[0].size * 2.16 <= 100.5


def test_arabic_letters_are_joined_and_read_from_the_right() -> None:
    """Shaped, a word looks otherwise than its letters side by side in their isolated forms."""
    joined, apart = line_of("محمد", face()), line_of("\u200c".join("محمد"), face())
    assert joined.path(0, 0) != apart.path(0, 0)
    backwards = line_of("دمحم", face())
    assert {glyph.number for glyph in joined.glyphs} != {glyph.number for glyph in backwards.glyphs}


def test_lines_of_mixed_direction_are_in_the_pages_order() -> None:
    runs = fonts.runs_with("ג'ון", fonts.catalogue("Bold"))
    assert [run.text for run in runs] == ["ון", "'", "ג"], "the page's order: the first letter stands at the right"
    texts = [run.text for run in fonts.runs_with("14 June · תל אביב", fonts.catalogue("Regular"))]
    assert texts[0].startswith("14 June")
    assert "אביב" in texts[1]
    backwards = [run.text.strip() for run in fonts.runs_with("דוד Smith", fonts.catalogue("Regular"))]
    assert [text for text in backwards if text] == ["Smith", "דוד"]


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Jana 12", "Jana 12"),
        ("דוד Smith", "Smith דוד"),
        ("דוד 12", "12 דוד"),
        ("Ann דוד 12", "Ann 12 דוד"),
        ("محمد ١٢", "١٢ محمد"),
        ("14 June · תל אביב", "14 June · אביב תל"),
        ("דוד 1,200 € (Ann)", "(Ann) € 1,200 דוד"),
    ],
)
def test_words_stand_on_the_page_in_their_order(text: str, page: str) -> None:
    """UAX #9, word by word: letters within a word are the shaper's business."""
    shown = "".join(bidi.page_order(list(text), bidi.levels_of(text)))
    words = [word if bidi.levels_of(word)[0] % 2 == 0 else word[::-1] for word in shown.split(" ")]
    assert [word.strip("()") for word in words] == [word.strip("()") for word in page.split(" ")]


def test_the_font_that_comes_along_is_the_first_and_draws_european_names(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts.catalogue.cache_clear()
    monkeypatch.setattr(fonts, "_font_folders", list)
    try:
        for style in ("Regular", "Bold"):
            (only,) = fonts.catalogue(style)
            assert only == fonts.BUNDLED / f"NotoSans-{style}.ttf"
            assert [run.font for run in fonts.runs_with("Zoë Křížová, Đorđe, Γιώργος, Юлия", (only,))] == [only]
        with pytest.raises(MissingProgram, match="fonts-noto-cjk"):
            fonts.runs_with("山田", fonts.catalogue("Bold"))
    finally:
        fonts.catalogue.cache_clear()


def test_numbers_in_a_font_of_the_right_keep_their_order() -> None:
    arabic = next(font for font in fonts.catalogue("Regular") if "Arabic" in font.name)
    runs = fonts.runs_with("محمد 12", (arabic,))
    assert (runs[0].text.strip(), runs[0].direction) == ("12", "ltr")


def test_spacing_opens_plain_letters_and_leaves_joined_ones() -> None:
    plain = fonts.catalogue("Regular")
    assert line_of("ABC", Face(plain, 100, 30)).advance == pytest.approx(line_of("ABC", Face(plain, 100)).advance + 60)
    assert line_of("محمد", Face(plain, 100, 30)).advance == line_of("محمد", Face(plain, 100)).advance


# Texts in drawings ---------------------------------------------------------------------------------------------------


def text_boxes(tmp_path: Path, body: str, place: str = "Klatovy") -> tuple[int, int, int, int] | None:
    """Where red ink is, in a drawing of 320 x 180 drawn at its own size."""
    shown = pixels(title(own(tmp_path, body), place=place))
    red = (shown[:, :, 0] > 150) & (shown[:, :, 1] < 60)
    rows, columns = np.where(red)
    return (columns.min(), rows.min(), columns.max(), rows.max()) if rows.size else None


def test_anchors_sizes_and_styles(tmp_path: Path) -> None:
    ways = [
        '<text x="20" y="40" font-size="20" fill="#f00">Hill</text>',
        '<g font-size="20" style="font-family:sans-serif"><text x="20" y="40" style="fill:#f00">Hill</text></g>',
        '<style>.t{font-size:20px;fill:#f00} text{letter-spacing:0}</style><text class="t" x="20" y="40">Hill</text>',
        '<text font-size="9" fill="#f00"><tspan x="20" y="40" style="font-size:20px">Hill</tspan></text>',
        '<text x="20" y="40" font-size="15pt" fill="#f00">\n   Hi<tspan>ll</tspan>\n</text>',
    ]
    boxes = [text_boxes(tmp_path / str(number), way) for number, way in enumerate(ways)]
    assert boxes[0] is not None
    assert set(boxes) == {boxes[0]}
    assert 20 <= boxes[0][0] <= 23
    assert 38 <= boxes[0][3] <= 40
    end = text_boxes(tmp_path / "end", ways[0].replace("<text", '<text text-anchor="end"'))
    assert end is not None
    assert 17 <= end[2] <= 20


def test_a_text_without_a_width_keeps_within_the_drawing(tmp_path: Path) -> None:
    box = text_boxes(
        tmp_path, '<text x="300" y="170" font-size="30" text-anchor="end" fill="#f00">{{ place }}</text>', "Ly" * 40
    )
    assert box is not None
    assert box[0] >= 15
    assert box[2] <= 301


def test_what_belongs_to_an_empty_field_is_left_out(tmp_path: Path) -> None:
    body = '<g data-if="place"><rect x="5" y="5" width="9" height="9" fill="#f00"/></g>'
    assert text_boxes(tmp_path / "a", body) is not None
    assert text_boxes(tmp_path / "b", body, place="") is None
    empty = '<text x="20" y="40" fill="#f00" data-enter="fade">{{ place }}</text>'
    assert text_boxes(tmp_path / "c", empty, place="") is None


def test_a_drawing_may_ask_only_for_fonts_that_are_there(tmp_path: Path) -> None:
    template = own(tmp_path, '<text id="line" x="9" y="20" font-family="Lobster">Bye</text>')
    with pytest.raises(BadInput, match=r'<text id="line">: no font of the family .Lobster. is there') as refused:
        title(template)
    assert "folder fonts" in refused.value.advice


def test_a_templates_own_font_is_used_first(tmp_path: Path) -> None:
    body = '<text x="20" y="60" font-size="40" font-family="Blocks" fill="#f00">ab</text>'
    path = own_template(tmp_path, title=TITLE.replace("</svg>", f"{body}</svg>"))
    (path / "fonts").mkdir()
    (path / "fonts" / "blocks.ttf").write_bytes(font_of_blocks())
    shown = pixels(title(folder.load(path)))
    red = (shown[:, :, 0] > 150) & (shown[:, :, 1] < 60)
    # Both letters are squares of 0.8 em side by side in 1 em each: 32 pixels each, 8 apart.
    assert red[30:60, 20:90].sum() == pytest.approx(2 * 32 * 30, rel=0.1)
    (path / "fonts" / "blocks.ttf").write_bytes(b"no font")
    with pytest.raises(BadInput, match=r"no font that can be read") as refused:
        title(folder.load(path))
    assert str(refused.value.file).endswith("blocks.ttf")


def font_of_blocks() -> bytes:
    """A font whose letters a and b are squares."""
    pen = TTGlyphPen(None)
    for number, point in enumerate(((0, 0), (0, 800), (800, 800), (800, 0))):
        (pen.moveTo if number == 0 else pen.lineTo)(point)
    pen.closePath()
    square = pen.glyph()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", "a", "b"])
    made.setupCharacterMap({ord("a"): "a", ord("b"): "b"})
    made.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "a": square, "b": square})
    made.setupHorizontalMetrics({".notdef": (1000, 0), "a": (1000, 0), "b": (1000, 0)})
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    made.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200, usWeightClass=400)
    made.setupPost()
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


# Shapes --------------------------------------------------------------------------------------------------------------


def test_a_background_fills_every_shape_and_the_rest_stays_whole(tmp_path: Path) -> None:
    template = own(tmp_path)
    shown = pixels(title(template, size=(180, 320)))
    assert (shown[2, 2] == (0x20, 0x40, 0x60)).all()
    assert (shown[-3, -3] == (0x20, 0x40, 0x60)).all()
    white = np.where(shown.min(axis=2) > 200)
    assert white[0].size
    assert white[1].min() > 5
    assert white[1].max() < 175


def test_upright_films_have_a_drawing_of_their_own_where_there_is_one(tmp_path: Path) -> None:
    template = own(tmp_path)
    upright = TITLE.replace("#204060", "#f00000").replace('viewBox="0 0 320 180"', 'viewBox="0 0 180 320"')
    (template.folder / "title.upright.svg").write_text(upright)
    assert (pixels(title(template, size=(180, 320)))[2, 2] == (0xF0, 0, 0)).all()
    assert (pixels(title(template, size=SMALL))[2, 2] == (0x20, 0x40, 0x60)).all()


def test_pictures_of_a_drawing_are_drawn_and_damaged_ones_named(tmp_path: Path) -> None:
    template_folder = own_template(
        tmp_path, title=TITLE.replace("</svg>", '<image href="logo.png" x="10" y="10" width="20" height="20"/></svg>')
    )
    Image.new("RGB", (40, 40), (250, 10, 10)).save(tmp_path / "logo.png")
    assert (pixels(title(folder.load(template_folder)))[20, 20] == (250, 10, 10)).all()
    whole = (tmp_path / "logo.png").read_bytes()
    for content in (whole[: len(whole) // 2], b"GIF89a", b""):
        (tmp_path / "logo.png").write_bytes(content)
        with pytest.raises(BadInput, match="can't be read") as refused:
            title(folder.load(template_folder))
        assert str(refused.value.file).endswith("logo.png")
        assert "PNG or JPEG" in refused.value.advice


def test_a_splash_screen_fills_the_film(tmp_path: Path) -> None:
    path = own_template(tmp_path)
    Image.new("RGB", (50, 50), (9, 200, 90)).save(path / "splash.png")
    template = folder.load(path)
    clip = template.title.model_copy(
        update={"asset": template.title.asset.model_validate({"type": "svg", "src": "title.svg"})}
    )
    picture = template.document.model_validate(
        {
            **template.document.model_dump(by_alias=True, exclude_unset=True),
            "timeline": {
                "tracks": [
                    {
                        "clips": [
                            {"asset": {"type": "image", "src": "splash.png"}, "length": 2},
                            {"asset": clip.asset.model_dump(), "length": 2},
                            {"asset": {"type": "footage"}},
                        ]
                    }
                ]
            },
        }
    )
    card = card_of(Template(picture, template.folder), picture.timeline.main[0], fields(), SMALL)
    assert (pixels(card) == (9, 200, 90)).all()


# Playing -------------------------------------------------------------------------------------------------------------


def played(card: TitleCard, frames: int, rate: Fraction, tmp_path: Path, crf: int = 21) -> Path:
    """The card as H.264."""
    target = tmp_path / "card.mp4"
    options = {"vcodec": "libx264", "preset": "veryfast", "crf": crf, "colorspace": "bt709", "color_range": "tv"}
    graph = play(card, frames, rate, tmp_path).output(str(target), **{"frames:v": frames}, **options)
    runner.run(graph.compile(), timeout=120)
    return target


def shown(film: Path, frame: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    graph = (
        ffmpeg.input(str(film))["v:0"]
        .filter("select", f"eq(n,{frame})")
        .filter("scale", *size, in_color_matrix="bt709", in_range="tv", out_range="pc")
        .output("pipe:1", format="rawvideo", pix_fmt="rgb24", fps_mode="passthrough", **{"frames:v": 1})
    )
    data = b"".join(runner.read_pipe(graph.compile(), timeout=60, chunk_bytes=1 << 20))
    return np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)


def difference(film: Path, card: TitleCard, frame: int, rate: Fraction) -> float:
    """As the check of a finished film measures it: the largest mean over a small patch, in luma."""
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)
    wanted = np.asarray(frame_at(card, frame, rate)).astype(np.float32) @ weights
    got = shown(film, frame, (card.width, card.height)).astype(np.float32) @ weights
    apart = Image.fromarray(np.abs(wanted - got).clip(0, 255).astype(np.uint8))
    return float(np.asarray(apart.filter(ImageFilter.BoxBlur(max(1.0, card.height / 360)))).max())


@pytest.mark.parametrize(
    ("name", "size", "rate"),
    [
        ("classic", (320, 180), RATE),
        ("classic", (320, 180), Fraction(60_000, 1001)),
        ("sunset", (320, 180), Fraction(25)),
        ("sunset", (180, 320), RATE),
    ],
)
def test_the_film_shows_what_was_drawn_and_no_other_name(
    name: str, size: tuple[int, int], rate: Fraction, tmp_path: Path
) -> None:
    template = folder.bundled(name)
    card = title(template, size=size)
    frames = round(card.seconds * rate)
    film = played(card, frames, rate, tmp_path)
    assert runner.ffprobe_json(film, count_packets=True)["streams"][0]["nb_read_packets"] == str(frames)
    frame = settled_frame(card, frames, rate, going=round(0.8 * rate))
    assert difference(film, card, frame, rate) < NAME_THRESHOLD / 2
    assert difference(film, card, frames - 1, rate) < NAME_THRESHOLD / 2
    for other in ("Jana Novákova", "Jana Nováková.", "jana Nováková"):
        assert difference(film, title(template, other, size), frame, rate) > 2 * NAME_THRESHOLD


@pytest.mark.parametrize("move", ["drift-left", "drift-right", "zoom-in", "zoom-out"])
def test_a_moving_background_is_where_it_is_drawn(move: str, tmp_path: Path) -> None:
    dice = np.random.default_rng(4)
    noise = dice.integers(0, 255, (23, 40, 3), np.uint8)
    ground = f'<image href="n.png" width="320" height="180" data-background="{move}" data-speed="0.05"/>'
    path = own_template(tmp_path, title=re.sub("<rect data-background.*?/>", ground, TITLE))
    Image.fromarray(noise).resize((640, 360), Image.Resampling.BICUBIC).save(path / "n.png")
    card = title(folder.load(path))
    film = played(card, 60, RATE, tmp_path, crf=12)
    for frame in (0, 17, 59):
        assert difference(film, card, frame, RATE) < 24
    still = dataclasses.replace(card, speed=0.0)
    assert difference(film, still, 40, RATE) > 24, "it does move"


@pytest.mark.parametrize("kind", ["fade", "rise", "slide-left", "slide-right", "zoom"])
def test_parts_come_in_when_and_how_they_say(kind: str, tmp_path: Path) -> None:
    body = f'<rect x="130" y="10" width="60" height="40" fill="#fff" data-enter="{kind}" data-at="0.2" data-for="0.6"/>'
    card = title(own(tmp_path, body))
    assert card.settled == pytest.approx(0.8)
    film = played(card, 60, RATE, tmp_path)

    def box(frame: int) -> tuple[float, float, float]:
        """How bright the rectangle is, and where it is, in pixels."""
        part = shown(film, frame, SMALL)[:70, :, 1].astype(float) - 0x40
        part[part < 12] = 0
        rows, columns = np.indices(part.shape)
        total = part.sum() or 1.0
        return part.max(), float((columns * part).sum() / total), float((rows * part).sum() / total)

    assert box(5)[0] < 12
    light, x, y = box(9)
    assert 12 < light < 150
    assert box(24)[0] > 170
    assert box(24)[1:] == pytest.approx((159.5, 29.5), abs=0.6)
    assert {"rise": y > 32, "slide-left": x < 150, "slide-right": x > 170}.get(kind, abs(x - 159.5) < 1.5)


def test_the_frame_to_compare_lies_where_everything_is_in_place(tmp_path: Path) -> None:
    late = '<rect x="1" y="1" width="6" height="6" data-enter="fade" data-at="0.5" data-for="0.5"/>'
    card = title(own(tmp_path, late))
    assert 31 <= settled_frame(card, 60, RATE) <= 59
    assert 31 <= settled_frame(card, 60, RATE, going=20) < 40
    assert settled_frame(card, 10, RATE) == 9
    assert settled_frame(sheet_of(own(tmp_path), own(tmp_path).title, fields(), SMALL), 60, RATE) < 60


def test_a_card_of_text_alone_lies_on_the_templates_background(tmp_path: Path) -> None:
    bare = '<svg viewBox="0 0 320 180"><text x="9" y="90" fill="#fff">{{passenger_name}}</text></svg>'
    path = own_template(tmp_path, title=bare, timeline__background="#112233")
    template = folder.load(path)
    card = drawn(sheet_of(template, template.title, fields(), SMALL))
    assert (pixels(card)[2, 2] == (0x11, 0x22, 0x33)).all()
