"""Reads a drawing: an SVG of a template, made harmless and checked before anything draws it.

Owns: what an SVG may hold, the pictures and fields in it, how its parts come in (`data-` attributes). Not here: fonts
and drawing (`stinercut.drawing.title_cards`).

A drawing can refer to nothing outside its folder: no links, no entities, no scripts. Elements that editing programs add
for themselves are removed.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.templates.timeline import FIELD, PartRefused, require_known_fields

Enter = Literal["fade", "rise", "slide-left", "slide-right", "zoom"]
ENTRANCES = ("fade", "rise", "slide-left", "slide-right", "zoom")
MOVES = ("still", "drift-left", "drift-right", "zoom-in", "zoom-out")

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_MOST_BYTES = 4_000_000
_MOST_ELEMENTS = 20_000
_DEEPEST = 100
_LONGEST = 1e6
"""The largest side and offset of a drawing, in its own units; the smallest side is the reciprocal."""
_FORBIDDEN = ("script", "foreignObject", "iframe", "textPath", "tref", "font", "a")
_NOTHING_TO_DRAW = frozenset(
    [
        "defs",
        "style",
        "title",
        "desc",
        "metadata",
        "symbol",
        "linearGradient",
        "radialGradient",
        "filter",
        "clipPath",
        "mask",
        "pattern",
        "marker",
    ]
)
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(px)?\s*$")
_URL = re.compile(r"url\(\s*['\"]?\s*([^'\")]*)")
_EMBEDDED = re.compile(r"data:image/(png|jpeg|jpg);base64,")


@dataclass(frozen=True)
class Entrance:
    """How a part comes in: from second `at` on, within `lasting` seconds."""

    kind: Enter
    at: float
    lasting: float


@dataclass(frozen=True)
class SvgPart:
    """A piece of a drawing that moves as a whole: elements directly within the <svg>, in the order of drawing."""

    elements: tuple[ET.Element, ...]
    enter: Entrance | None = None


@dataclass(frozen=True)
class Svg:
    """A drawing that was read. `shared`: gradients, filters and styles for all parts. `box`: its viewBox."""

    path: Path
    root: ET.Element
    box: tuple[float, float, float, float]
    shared: tuple[ET.Element, ...]
    background: ET.Element | None
    move: str
    speed: float | None
    parts: tuple[SvgPart, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Every piece of text in it that may hold fields."""
        found = (text for element in self.root.iter("text") for text in element.itertext())
        return tuple(text for text in found if text.strip())

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names of the picture files that it shows."""
        names = (element.get("href", "") for element in self.root.iter("image"))
        return tuple(dict.fromkeys(name for name in names if not name.startswith("data:")))

    @property
    def settled(self) -> float:
        """Seconds after which everything is in place."""
        return max((part.enter.at + part.enter.lasting for part in self.parts if part.enter), default=0.0)

    def shows(self, field: str) -> bool:
        """Whether one of its texts holds that merge field."""
        return any(field in FIELD.findall(text) for text in self.texts)


def read(path: Path, known_fields: tuple[str, ...]) -> Svg:
    """The drawing in that file. Raises BadInput with the file, the element, and what to change."""
    root = _parsed(path)
    _clean(root)
    _require_harmless(root, path)
    box = _view_box(root, path)
    for element in root.iter("text"):
        for text in element.itertext():
            try:
                require_known_fields(text, known_fields)
            except PartRefused as refused:
                what = Message.of(TemplateCode.DRAWN_TEXT_WRONG, text=repr(text.strip()), why=refused.said)
                raise BadInput(what, file=path, advice=Message.of(TemplateCode.CORRECT_TEXT)) from None
    return _divided(path, root, box)


def named(element: ET.Element) -> str:
    """An element in a form that a person finds in the file: <g id="name">."""
    place = f' id="{element.get("id")}"' if element.get("id") else ""
    return f"<{element.tag}{place}>"


def number(element: ET.Element, name: str, path: Path, *, least: float = 0.0, most: float = 1e6) -> float | None:
    """A `data-` attribute as a number; None without that attribute."""
    text = element.get(name)
    if text is None:
        return None
    match = _NUMBER.match(text)
    if match is None or not least <= float(match[1]) <= most:
        raise BadInput(
            Message.of(TemplateCode.DRAWING_NUMBER_WRONG, element=named(element), attribute=name, text=text),
            file=path,
            advice=Message.of(TemplateCode.WRITE_NUMBER_FROM, least=least, most=most),
        )
    return float(match[1])


def _parsed(path: Path) -> ET.Element:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(
            Message.of(TemplateCode.DRAWING_NOT_THERE), file=path, advice=Message.of(TemplateCode.DRAWING_NEXT_TO)
        ) from None
    if len(data) > _MOST_BYTES:
        raise BadInput(
            Message.of(TemplateCode.DRAWING_TOO_LARGE, size=len(data) / 1e6, most=_MOST_BYTES // 1_000_000),
            file=path,
            advice=Message.of(TemplateCode.PICTURES_BESIDE),
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(
            Message.of(TemplateCode.DRAWING_NOT_UTF8), file=path, advice=Message.of(TemplateCode.PLAIN_SVG_IN_UTF8)
        ) from None
    if "<!ENTITY" in text:
        raise BadInput(
            Message.of(TemplateCode.DRAWING_DEFINES_ENTITIES), file=path, advice=Message.of(TemplateCode.SAVE_PLAIN_SVG)
        )
    try:
        root = ET.fromstring(text)
    except ET.ParseError as refused:
        line, column = refused.position
        raise BadInput(
            Message.of(TemplateCode.NO_VALID_SVG, line=line, column=column + 1, why=str(refused).split(":")[0]),
            file=path,
            advice=Message.of(TemplateCode.MEND_SVG),
        ) from None
    if root.tag not in (f"{{{_SVG}}}svg", "svg"):
        raise BadInput(
            Message.of(TemplateCode.XML_WITHOUT_SVG), file=path, advice=Message.of(TemplateCode.DRAWING_AS_PLAIN_SVG)
        )
    return root


def _clean(root: ET.Element) -> None:
    """Remove elements that aren't SVG (notes of editing programs), and remove the namespace from names."""
    # Not recursive: the depth has not been checked yet.
    waiting = [root]
    while waiting:
        element = waiting.pop()
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        if _XLINK in element.attrib:
            element.attrib.setdefault("href", element.attrib[_XLINK])
        for name in [name for name in element.attrib if name.startswith("{")]:
            del element.attrib[name]
        for child in list(element):
            if child.tag.startswith("{") and not child.tag.startswith(f"{{{_SVG}}}"):
                element.remove(child)
            else:
                waiting.append(child)


def _require_harmless(root: ET.Element, path: Path) -> None:
    elements = list(_with_depth(root))
    if len(elements) > _MOST_ELEMENTS or max(depth for _, depth in elements) > _DEEPEST:
        raise BadInput(
            Message.of(TemplateCode.DRAWING_TOO_COMPLEX, elements=len(elements)),
            file=path,
            advice=Message.of(TemplateCode.SIMPLIFY_DRAWING),
        )
    for element, _ in elements:
        if element.tag in _FORBIDDEN:
            raise BadInput(
                Message.of(TemplateCode.ELEMENT_NOT_TAKEN, element=named(element)),
                file=path,
                advice=_instead(element.tag),
            )
        _require_own_references(element, path)
    uses = [element for element, _ in elements if element.tag == "use"]
    targets = {f"#{element.get('id')}": element for element, _ in elements if element.get("id")}
    for use in uses:
        target = targets.get(use.get("href", ""))
        if target is not None and next(target.iter("use"), None) is not None:
            raise BadInput(
                Message.of(TemplateCode.CLONE_OF_CLONE, element=named(use)),
                file=path,
                advice=Message.of(TemplateCode.UNLINK_CLONE),
            )


def _instead(tag: str) -> Message:
    if tag in ("textPath", "tref"):
        return Message.of(TemplateCode.TEXT_AS_PLAIN)
    return Message.of(TemplateCode.TAKE_ELEMENT_OUT)


def _with_depth(element: ET.Element, depth: int = 0) -> Iterator[tuple[ET.Element, int]]:
    # Not recursive: this measures the depth.
    waiting = [(element, depth)]
    while waiting:
        found, at = waiting.pop()
        yield found, at
        waiting += [(child, at + 1) for child in found]


def _require_own_references(element: ET.Element, path: Path) -> None:
    """Raise BadInput for a reference that leads out of the template's folder."""
    href = element.get("href")
    if href is not None:
        if element.tag in ("image", "feImage"):
            beside = re.fullmatch(r"[^/\\.][^/\\:]*\.(png|jpg|jpeg)", href, re.IGNORECASE)
            if not (beside and element.tag == "image") and not _EMBEDDED.match(href):
                raise BadInput(
                    Message.of(TemplateCode.ELEMENT_SHOWS, element=named(element), address=href[:60]),
                    file=path,
                    advice=Message.of(TemplateCode.PICTURE_BY_NAME),
                )
        elif not href.startswith("#"):
            raise BadInput(
                Message.of(TemplateCode.ELEMENT_LINKS, element=named(element), address=href[:60]),
                file=path,
                advice=Message.of(TemplateCode.TAKE_LINK_OUT),
            )
    words = [element.text or ""] if element.tag == "style" else list(element.attrib.values())
    for text in words:
        outside = [target for target in _URL.findall(text) if not target.startswith("#")]
        if outside or "@import" in text:
            what = outside[0][:60] if outside else "@import"
            raise BadInput(
                Message.of(TemplateCode.ELEMENT_LOADS, element=named(element), address=what),
                file=path,
                advice=Message.of(TemplateCode.FONTS_INTO_FOLDER),
            )


def _view_box(root: ET.Element, path: Path) -> tuple[float, float, float, float]:
    numbers = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", root.get("viewBox", ""))
    if not numbers:
        sizes = [_NUMBER.match(root.get(name, "")) for name in ("width", "height")]
        numbers = ["0", "0", *(found[1] for found in sizes if found)]
    box = [float(text) for text in numbers]
    if len(box) != 4 or max(map(abs, box)) > _LONGEST or min(box[2:]) < 1 / _LONGEST:
        raise BadInput(Message.of(TemplateCode.NO_VIEW_BOX), file=path, advice=Message.of(TemplateCode.WRITE_VIEW_BOX))
    left, top, width, height = box
    root.set("viewBox", " ".join(f"{value:g}" for value in (left, top, width, height)))
    return left, top, width, height


def _divided(path: Path, root: ET.Element, box: tuple[float, float, float, float]) -> Svg:
    """The drawing divided into parts. Raises BadInput for impossible movements."""
    shared: list[ET.Element] = []
    parts: list[SvgPart] = []
    background: ET.Element | None = None
    for element in root:
        for inner in element.iter():
            lost = [name for name in ("data-enter", "data-background") if inner is not element and inner.get(name)]
            if lost:
                raise BadInput(
                    Message.of(TemplateCode.MOVES_WITHIN, inner=named(inner), attribute=lost[0], outer=named(element)),
                    file=path,
                    advice=Message.of(TemplateCode.ONLY_OUTER_MOVES),
                )
        if element.tag in _NOTHING_TO_DRAW:
            shared.append(element)
        elif element.get("data-background") is not None:
            if background is not None or parts:
                raise BadInput(
                    Message.of(TemplateCode.BACKGROUND_NOT_LOWEST, element=named(element)),
                    file=path,
                    advice=Message.of(TemplateCode.ONE_BACKGROUND),
                )
            background = element
        elif (enter := _entrance(element, path)) is not None:
            parts.append(SvgPart((element,), enter))
        elif parts and parts[-1].enter is None:
            parts[-1] = SvgPart((*parts[-1].elements, element))
        else:
            parts.append(SvgPart((element,)))
    move, speed = "still", None
    if background is not None:
        move, speed = _move(background, path)
    return Svg(path, root, box, tuple(shared), background, move, speed, tuple(parts))


def _move(background: ET.Element, path: Path) -> tuple[str, float | None]:
    move = background.get("data-background", "") or "still"
    if move not in MOVES:
        raise BadInput(
            Message.of(TemplateCode.BACKGROUND_MOVE_UNKNOWN, element=named(background), move=move),
            file=path,
            advice=Message.of(TemplateCode.WRITE_ONE_OF, names=MOVES),
        )
    return move, number(background, "data-speed", path, most=0.2)


def _entrance(element: ET.Element, path: Path) -> Entrance | None:
    kind = element.get("data-enter")
    at, lasting = (number(element, name, path, most=60) for name in ("data-at", "data-for"))
    if kind is None:
        if at is not None or lasting is not None:
            raise BadInput(
                Message.of(TemplateCode.ENTRANCE_WITHOUT_HOW, element=named(element)),
                file=path,
                advice=Message.of(TemplateCode.ADD_ENTRANCE),
            )
        return None
    for known in ENTRANCES:
        if kind == known:
            return Entrance(known, at or 0.0, 0.8 if lasting is None else lasting)
    raise BadInput(
        Message.of(TemplateCode.ENTRANCE_UNKNOWN, element=named(element), entrance=kind),
        file=path,
        advice=Message.of(TemplateCode.WRITE_ONE_OF, names=ENTRANCES),
    )
