"""Titles: every name whole, within the picture, in the right order, or a clear refusal. Never an empty box."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont
from support.footage import small_template

from stinercut.errors import BadInput, MissingProgram
from stinercut.media import fonts, titles
from stinercut.media.titles import TitleFields, merged, outro_layers, title_layers, watermark
from stinercut.templates import Watermark

DAY = date(2025, 6, 14)
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
    "Nguyễn Thị Ánh Tuyết",
    "Λάμπρος Юлия O’Neil",
]


def fields(name: str, place: str = "Klatovy") -> TitleFields:
    return TitleFields(name, DAY, place)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_lies_within_the_picture(name: str) -> None:
    layers = title_layers(small_template(), fields(name))
    assert layers.text.size == (320, 180)
    assert layers.box is not None
    left, top, right, bottom = layers.box
    assert left >= 8
    assert right <= 312
    assert top > 2
    assert bottom < 178
    # Ink touches no edge even with its shadow: nothing was cut off.
    assert layers.text.getchannel("A").crop((0, 0, 4, 180)).getextrema()[1] < 128


def test_the_same_fields_give_the_same_pixels_and_others_do_not() -> None:
    template = small_template()
    one, same, other = (title_layers(template, fields(name)) for name in ("Jana Nová", "Jana Nová", "Jana Nova"))
    assert one.text.tobytes() == same.text.tobytes()
    assert one.sky.tobytes() == same.sky.tobytes()
    assert one.text.tobytes() != other.text.tobytes()


def test_a_decomposed_name_is_drawn_as_the_composed_one() -> None:
    template = small_template()
    composed, decomposed = (title_layers(template, fields(name)) for name in ("Nov\u00e1k", "Nova\u0301k"))
    assert composed.text.tobytes() == decomposed.text.tobytes()


def test_a_character_that_no_font_has_is_refused_by_name() -> None:
    with pytest.raises(MissingProgram) as refused:
        title_layers(small_template(), fields("Ann \U00030000"))
    assert "U+30000" in refused.value.what
    assert "fonts-noto-cjk" in refused.value.advice
    with pytest.raises(BadInput, match="U\\+1F600"):
        title_layers(small_template(), fields("Ann \U0001f600"))


def test_no_font_at_all_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "catalogue", lambda _style: ())
    with pytest.raises(MissingProgram, match="fonts-noto-core"):
        fonts.runs_of("Ann", bold=True)


def test_without_the_shaping_library_only_names_that_need_it_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "can_shape", lambda: False)
    assert title_layers(small_template(), fields("Žofie Юлия")).box
    for name in ("محمد", "दीपिका", "ณัฐ"):
        with pytest.raises(MissingProgram, match="shaped"):
            title_layers(small_template(), fields(name))


def test_letters_of_one_script_share_a_font_and_signs_come_from_another() -> None:
    runs = fonts.runs_of("ג'ון", bold=True)
    assert [run.text for run in runs] == ["ון", "'", "ג"], "the page's order: the first letter stands at the right"
    assert {run.direction for run in runs} == {"rtl"}
    assert fonts.runs_of("Žofie", bold=True)[0].font.name == "NotoSans-Bold.ttf"


def test_a_mixed_line_reads_in_its_own_direction() -> None:
    texts = [run.text for run in fonts.runs_of("14 June · תל אביב", bold=False)]
    assert texts[0].startswith("14 June")
    assert "אביב" in texts[1]
    backwards = [run.text.strip() for run in fonts.runs_of("דוד Smith", bold=False)]
    assert [text for text in backwards if text] == ["Smith", "דוד"]


def test_arabic_letters_are_joined() -> None:
    """Shaped, a word looks otherwise than its letters side by side in their isolated forms."""
    (run,) = fonts.runs_of("محمد", bold=True)
    font = ImageFont.truetype(str(run.font), 60, layout_engine=ImageFont.Layout.RAQM)
    joined, apart = (Image.new("L", (400, 120)) for _ in range(2))
    ImageDraw.Draw(joined).text((20, 80), "محمد", 255, font, anchor="ls")
    ImageDraw.Draw(apart).text((20, 80), "\u200c".join("محمد"), 255, font, anchor="ls")
    assert ImageChops.difference(joined, apart).getbbox() is not None


def test_empty_fields_leave_no_separator() -> None:
    line = "{jump_date}  ·  {place}"
    assert merged(line, fields("A", "Klatovy"), "long") == "14 June 2025  ·  Klatovy"
    assert merged(line, fields("A", " "), "long") == "14 June 2025"
    assert merged(line, fields("A", ""), "numeric") == "14.06.2025"
    assert merged("{jump_date}", fields("A"), "iso") == "2025-06-14"


def test_braces_in_a_name_are_only_characters() -> None:
    assert merged("{passenger_name}", fields("{place} {0} {"), "long") == "{place} {0} {"


def test_the_sky_is_wide_enough_for_its_drift() -> None:
    template = small_template()
    layers = title_layers(template, fields("A"))
    first, last = (titles.frame_at(layers, template.output, frame) for frame in (0, 29))
    assert first.size == last.size == (320, 180)
    assert np.abs(np.asarray(first).astype(int) - np.asarray(last).astype(int)).max() > 3


@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_the_watermark_goes_to_its_corner(position: str) -> None:
    template = small_template().model_copy(
        update={"watermark": Watermark.model_validate({"text": "DZ", "position": position})}
    )
    placed = watermark(template)
    assert placed is not None
    middle = (placed.x + placed.picture.width / 2, placed.y + placed.picture.height / 2)
    assert (middle[0] < 160, middle[1] < 90) == (position.endswith("left"), position.startswith("top"))
    assert (placed.x % 2, placed.y % 2) == (0, 0)


def test_pictures_of_a_template_are_used(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(tmp_path / "mark.png")
    Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "sky.png")
    base = small_template()
    template = base.model_copy(
        update={
            "folder": tmp_path,
            "watermark": Watermark.model_validate({"image": "mark.png", "size": 0.1, "opacity": 0.5}),
            "outro": base.outro.model_copy(update={"background": "sky.png"}),
        }
    )
    placed = watermark(template)
    assert placed is not None
    assert placed.picture.size == (36, 18)
    assert placed.picture.getpixel((5, 5)) == (255, 0, 0, 127)
    assert outro_layers(template, fields("A")).sky.getpixel((5, 5)) == (10, 200, 30)
