"""Fills in the texts of a drawing and turns them into outlines.

Owns: the style of an SVG's text, its fields, its place, and the attributes `data-width` and the like. Not here: shaping
and breaking (`text_shaping`), reading the file (`stinercut.templates.svg`), pixels (`title_cards`).
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stinercut.drawing import fonts
from stinercut.drawing.font_names import family_names, weight_of
from stinercut.drawing.text_shaping import LEADING, Face, Line, Room, line_of, lines_of
from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.templates import svg
from stinercut.templates.folder import Template
from stinercut.templates.merging import Fields, merged, values_of
from stinercut.templates.timeline import FIELD, Document

_INHERITED = ("font-family", "font-size", "font-weight", "font-style", "letter-spacing", "text-anchor", "line-height")
_PLACED = ("x", "y", "dx", "dy", "data-width", "data-height", "data-lines", "data-smallest", "data-grow", "text-anchor")
_LENGTH = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))\s*(px|pt|em|%)?")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_GENERIC = ("sans-serif", "system-ui", "ui-sans-serif")
_EDGE = 0.06
"""The distance of a text without data-width from the drawing's edges, as a share of the drawing's width."""

Style = dict[str, str]


@dataclass(frozen=True)
class Words:
    """The template and the fields with which texts are filled and drawn."""

    template: Template
    fields: Fields

    @property
    def document(self) -> Document:
        """The template's document, for its own fields."""
        return self.template.document


def outlined(drawing: svg.Svg, words: Words) -> None:
    """Replace every text of the drawing by its outlines, in place; remove elements that belong to an empty field.

    Raises BadInput or MissingProgram, which name the drawing, when a text can't be drawn completely.
    """
    values = values_of(words.fields, words.document)
    rules = _rules(drawing.root)
    _take_out_unwanted(drawing, values)
    for parent, element, style in list(_texts(drawing.root, rules, {})):
        try:
            _outline(parent, element, style, drawing, words)
        except BadInput as refused:
            file = refused.file or drawing.path
            what = Message.of(TemplateCode.ELEMENT_WRONG, element=svg.named(element), why=refused.what_parts)
            raise BadInput(what, file=file, advice=refused.advice_parts) from None


def shown_lines(drawing: svg.Svg, words: Words) -> list[tuple[str, Face]]:
    """Every line of text that the drawing shows, filled in and broken as it is drawn, with its face. Elements that
    belong to an empty field are removed from the drawing. Raises as `outlined` does.
    """
    _take_out_unwanted(drawing, values_of(words.fields, words.document))
    out: list[tuple[str, Face]] = []
    for _, element, style in _texts(drawing.root, _rules(drawing.root), {}):
        for chunk in _chunks(element, style, drawing, words):
            face = _face(chunk.style, drawing, words)
            out += [(line.text, face) for line in lines_of(chunk.text, face, _room(chunk, element, face, drawing))]
    return out


def families(drawing: svg.Svg) -> set[str]:
    """The font families of its texts, as they are written."""
    rules = _rules(drawing.root)
    return {style.get("font-family", "") for _, _, style in _texts(drawing.root, rules, {})}


def face_fonts(family: str, weight: int, brought: Sequence[Path], file: Path) -> tuple[Path, ...]:
    """The fonts for a family and weight, in the order of preference: the template's own, then Noto.

    Raises BadInput for any other family: it would silently look different from the design.
    """
    asked = [name.strip().strip("'\"") for name in family.split(",") if name.strip()] or ["sans-serif"]
    noto = fonts.catalogue("Bold" if weight >= 600 else "Regular")
    for name in asked:
        own = [path for path in brought if name.lower() in family_names(path)]
        if own:
            return (min(own, key=lambda path: abs(weight_of(path) - weight)), *noto)
        if name.lower() in ("serif", "noto serif"):
            return tuple(sorted(noto, key=lambda path: not path.name.startswith("NotoSerif-")))
        if name.lower() in _GENERIC or name.lower().startswith("noto"):
            return noto
    there = tuple(sorted({family_names(path)[0] for path in brought}))
    raise BadInput(
        Message.of(TemplateCode.NO_FONT_FAMILY, family=repr(asked[0])),
        file=file,
        advice=Message.of(TemplateCode.BRING_FONT, fonts=there or Message.of(MessageCode.NONE_OF_THEM)),
    )


# Elements ------------------------------------------------------------------------------------------------------------


def _take_out_unwanted(drawing: svg.Svg, values: Mapping[str, str]) -> None:
    """Remove elements whose `data-if` names an empty field, such as `data-if="place"`."""
    for parent in list(drawing.root.iter()):
        for child in list(parent):
            field = child.get("data-if")
            if field is None:
                continue
            if field not in values:
                raise BadInput(
                    Message.of(TemplateCode.IF_OF_NO_FIELD, element=svg.named(child), field=field),
                    file=drawing.path,
                    advice=Message.of(TemplateCode.THERE_ARE, names=tuple(values)),
                )
            if not values[field]:
                parent.remove(child)


def _texts(
    element: ET.Element, rules: Mapping[str, Style], inherited: Style
) -> list[tuple[ET.Element, ET.Element, Style]]:
    """Every <text>, as its parent, itself, and its style."""
    out: list[tuple[ET.Element, ET.Element, Style]] = []
    own = {**inherited, **{name: value for name, value in _style(element, rules).items() if name in _INHERITED}}
    for child in element:
        if child.tag == "text":
            out.append((element, child, {**own, **_style(child, rules)}))
        else:
            out += _texts(child, rules, own)
    return out


def _rules(root: ET.Element) -> dict[str, Style]:
    """The simple rules of its <style>: `text`, `.class` and `#id`."""
    out: dict[str, Style] = {}
    for sheet in root.iter("style"):
        for selectors, body in _RULE.findall(_COMMENT.sub("", sheet.text or "")):
            for selector in selectors.split(","):
                out.setdefault(selector.strip(), {}).update(_declared(body))
    return out


def _style(element: ET.Element, rules: Mapping[str, Style]) -> Style:
    out = {name: value for name, value in element.attrib.items() if name in _INHERITED or name == "display"}
    classes = [f".{name}" for name in element.get("class", "").split()]
    for selector in (element.tag, *classes, f"#{element.get('id')}"):
        out.update(rules.get(selector, {}))
    return {**out, **_declared(element.get("style", ""))}


def _declared(body: str) -> Style:
    pairs = (declaration.partition(":") for declaration in body.split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs if value.strip()}


@dataclass(frozen=True)
class _Chunk:
    """A piece of text with its own place: a <text>, or a <tspan> with its own coordinates."""

    text: str
    x: float
    y: float
    style: Style


def _outline(parent: ET.Element, element: ET.Element, style: Style, drawing: svg.Svg, words: Words) -> None:
    """Replace the text by a <path> in its place, or by nothing if its fields are empty."""
    chunks = _chunks(element, style, drawing, words)
    path = "".join(_path_of(chunk, element, drawing, words) for chunk in chunks)
    if not path:
        parent.remove(element)
        return
    for child in list(element):
        element.remove(child)
    # A rule for texts no longer applies to a <path>, so its values are copied to the outline.
    painted = {name: value for name, value in style.items() if name not in _INHERITED}
    kept = {name: value for name, value in element.attrib.items() if name not in (*_PLACED, *_INHERITED, "style")}
    element.tag, element.text = "path", None
    element.attrib.clear()
    element.attrib.update(kept)
    if painted:
        element.set("style", ";".join(f"{name}:{value}" for name, value in painted.items()))
    element.set("d", path)


def _chunks(element: ET.Element, style: Style, drawing: svg.Svg, words: Words) -> list[_Chunk]:
    x, y = (_coordinate(element, name, drawing.path) or 0.0 for name in ("x", "y"))
    x += _coordinate(element, "dx", drawing.path) or 0.0
    y += _coordinate(element, "dy", drawing.path) or 0.0
    chunks: list[_Chunk] = [_Chunk(element.text or "", x, y, style)]
    for span in element.iter("tspan"):
        text, tail = span.text or "", span.tail or ""
        at = [_coordinate(span, name, drawing.path) for name in ("x", "y", "dy")]
        if any(coordinate is not None for coordinate in at):
            before = chunks[-1]
            place = (before.x if at[0] is None else at[0], (before.y if at[1] is None else at[1]) + (at[2] or 0.0))
            chunks.append(_Chunk(text, *place, {**style, **_style(span, {})}))
        else:
            chunks[-1] = _Chunk(chunks[-1].text + text, chunks[-1].x, chunks[-1].y, chunks[-1].style)
        chunks[-1] = _Chunk(chunks[-1].text + tail, chunks[-1].x, chunks[-1].y, chunks[-1].style)
    out: list[_Chunk] = []
    for chunk in chunks:
        # The file's line breaks and indents are not part of the text; non-breaking spaces stay as they are.
        text = re.sub(r"[ \t\r\n]+", " ", chunk.text).strip(" ")
        text = merged(text, words.fields, words.document)
        if text:
            out.append(_Chunk(text, chunk.x, chunk.y, chunk.style))
    return out


def _path_of(chunk: _Chunk, element: ET.Element, drawing: svg.Svg, words: Words) -> str:
    face = _face(chunk.style, drawing, words)
    lines = lines_of(chunk.text, face, _room(chunk, element, face, drawing))
    step = lines[0].size * LEADING
    first = chunk.y - {"up": 1.0, "down": 0.0}.get(element.get("data-grow", ""), 0.5) * step * (len(lines) - 1)
    if element.get("data-grow") not in ("up", "down"):
        # Centred on the middle of a single line at the full size.
        first -= _CAPITALS / 2 * (face.size - lines[0].size)
    return "".join(line.path(_begin(chunk, line), first + step * number) for number, line in enumerate(lines))


_CAPITALS = 0.714
"""Height of Noto's capital letters, in sizes of the font."""


def _begin(chunk: _Chunk, line: Line) -> float:
    anchor = chunk.style.get("text-anchor", "start")
    return chunk.x - {"middle": 0.5, "end": 1.0}.get(anchor, 0.0) * line.advance


def _room(chunk: _Chunk, element: ET.Element, face: Face, drawing: svg.Svg) -> Room:
    width = svg.number(element, "data-width", drawing.path, least=1)
    height = svg.number(element, "data-height", drawing.path, least=1)
    lines = svg.number(element, "data-lines", drawing.path, least=1, most=6)
    smallest = svg.number(element, "data-smallest", drawing.path)
    if element.get("data-grow", "both") not in ("up", "down", "both"):
        raise BadInput(
            Message.of(TemplateCode.GROW_UNKNOWN, grow=element.get("data-grow", "")),
            file=drawing.path,
            advice=Message.of(TemplateCode.UP_DOWN_OR_BOTH),
        )
    if width is None:
        width = _natural_width(chunk, element, drawing)
    return Room(width, round(lines or 1), height, 0.6 * face.size if smallest is None else smallest)


def _natural_width(chunk: _Chunk, element: ET.Element, drawing: svg.Svg) -> float:
    """The width of a text without data-width: up to the drawing's edges if it holds a field, else unlimited."""
    if not any(FIELD.search(text) for text in element.itertext()):
        return math.inf
    left, _, whole, _ = drawing.box
    before, after = chunk.x - left - whole * _EDGE, left + whole * (1 - _EDGE) - chunk.x
    anchor = chunk.style.get("text-anchor", "start")
    room = {"middle": 2 * min(before, after), "end": before}.get(anchor, after)
    # A transform may move a text away from its x, so a tiny width here proves nothing.
    return room if room > whole * 0.1 else whole * (1 - 2 * _EDGE)


def _face(style: Style, drawing: svg.Svg, words: Words) -> Face:
    size = _length(style.get("font-size", "16"), 16.0)
    wanted = face_fonts(style.get("font-family", ""), _as_weight(style), words.template.fonts, drawing.path)
    return Face(wanted, size, _length(style.get("letter-spacing", "0"), size))


def _as_weight(style: Style) -> int:
    weight = style.get("font-weight", "400")
    return int(weight) if weight.isdigit() else 700 if weight.startswith("bold") else 400


def _length(text: str, size: float) -> float:
    match = _LENGTH.match(text)
    if match is None:
        return 0.0 if text == "normal" else size
    factor = {"pt": 4 / 3, "em": size, "%": size / 100}.get(match[2] or "", 1.0)
    return float(match[1]) * factor


def _coordinate(element: ET.Element, name: str, path: Path) -> float | None:
    """The first number of x, y, dx or dy; some editors write one number for each letter."""
    text = element.get(name)
    match = _LENGTH.match(text.strip()) if text else None
    if text and match is None:
        raise BadInput(
            Message.of(TemplateCode.ATTRIBUTE_NO_NUMBER, attribute=name, text=text),
            file=path,
            advice=Message.of(TemplateCode.WRITE_NUMBER),
        )
    return float(match[1]) if match else None


# Fonts that a template brings ----------------------------------------------------------------------------------------


def require_font(path: Path) -> None:
    """Raise BadInput unless the file is a font that can draw text."""
    family_names(path)
    if line_of("A", Face((path, *fonts.catalogue("Regular")), 100)).width <= 0:
        raise BadInput(
            Message.of(TemplateCode.FONT_DRAWS_NOTHING), file=path, advice=Message.of(TemplateCode.TAKE_FONT_OUT)
        )
