"""Reads a template's folder: `template.json` and the files that it names, completely or not at all.

Owns: reading a folder, finding a template by its name, its fingerprint. Not here: the model of `template.json`
(`timeline`), what a drawing may hold (`svg`), looking into pictures, music and fonts
(`stinercut.films.template_check`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stinercut.errors import BadInput, StinercutError
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.storage.disk_names import require_text
from stinercut.storage.store import key_of
from stinercut.templates import svg
from stinercut.templates.font_files import require_whole
from stinercut.templates.merging import require_language
from stinercut.templates.problems import problems_of
from stinercut.templates.timeline import (
    Clip,
    Document,
    Drawing,
    Footage,
    Movie,
    Output,
    Picture,
    VideoOutput,
)

FILE_NAME = "template.json"
FONT_FOLDER = "fonts"
UPRIGHT = ".upright.svg"
"""`title.upright.svg` is drawn instead of `title.svg` if a film is higher than wide."""

NAME_FIELD = "passenger_name"
_BUNDLED = Path(__file__).parent / "bundled"
_STILL_TO_READ = 0.5
"""Seconds that everything on a card must stand still together, so that people can read it (and the name be checked)."""


@dataclass(frozen=True)
class Template:
    """A complete template: the content of `template.json`, and the folder of its files."""

    document: Document
    folder: Path

    @property
    def name(self) -> str:
        """Its name, as jumps refer to it."""
        return self.document.name

    @property
    def version(self) -> int:
        """The number that its owner gave to this state."""
        return self.document.version

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Everything that is made of a jump; the first one is the film."""
        return self.document.output

    @property
    def film(self) -> VideoOutput:
        """The output that is *the* film."""
        return self.document.films[0]

    @property
    def title(self) -> Clip:
        """The card of the main track that shows the passenger's name: the film's name is checked there."""
        return next(clip for clip in self._cards if self.shows_name(clip))

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that change with every value of the document, and with the content of every file in use."""
        names = sorted(self.files)
        text = self.document.model_dump_json(by_alias=True)
        return key_of("template", text, *(part for name in names for part in (name, self.path(name).read_bytes())))

    @property
    def files(self) -> tuple[str, ...]:
        """Every file in use: those that `template.json` names, pictures in drawings, and fonts (`fonts/name.ttf`)."""
        names = [name for _, name in named_files(self.document)]
        for name in list(names):
            if name.endswith(".svg"):
                upright = name.removesuffix(".svg") + UPRIGHT
                both = [name] + ([upright] if (self.folder / upright).is_file() else [])
                names += [form for form in both if form != name]
                names += [picture for form in both for picture in self.drawing(form).pictures]
        names += [f"{FONT_FOLDER}/{font.name}" for font in self.fonts]
        return tuple(dict.fromkeys(names))

    @property
    def fonts(self) -> tuple[Path, ...]:
        """The template's own fonts."""
        folder = self.folder / FONT_FOLDER
        return tuple(sorted(path for path in folder.glob("*") if path.suffix.lower() in (".ttf", ".otf")))

    def path(self, file_name: str) -> Path:
        """The path of a file of this template. Raises BadInput if the file is missing."""
        path = self.folder / file_name
        if not path.is_file():
            raise BadInput(
                Message.of(TemplateCode.TEMPLATE_NAMES_MISSING, template=self.name, file=file_name),
                file=path,
                advice=Message.of(TemplateCode.NEXT_TO_TEMPLATE, template=FILE_NAME),
            )
        return path

    def drawing(self, file_name: str, *, upright: bool = False) -> svg.Svg:
        """Read a drawing. `upright`: its form for films that are higher than wide, if it has one."""
        other = self.folder / (file_name.removesuffix(".svg") + UPRIGHT)
        path = other if upright and other.is_file() else self.path(file_name)
        return svg.read(path, self.document.fields)

    @property
    def _cards(self) -> list[Clip]:
        return [clip for clip in self.document.timeline.main if isinstance(clip.asset, Drawing)]

    def shows_name(self, clip: Clip) -> bool:
        """Whether a clip is a drawing with the passenger's name."""
        return isinstance(clip.asset, Drawing) and self.drawing(clip.asset.src).shows(NAME_FIELD)


def load(folder: Path) -> Template:
    """The template in a folder. Raises BadInput for the first problem, with file, field and what to write instead."""
    template, problems = read(folder)
    if problems:
        raise problems[0]
    assert template is not None
    return template


def read(folder: Path) -> tuple[Template | None, list[StinercutError]]:
    """The template in a folder, as far as it can be read, and all its problems."""
    path = folder / FILE_NAME
    try:
        require_text(folder.absolute())
        document = Document.model_validate(_json_of(path))
    except BadInput as refused:
        return None, [refused]
    except ValidationError as refused:
        return None, list(problems_of(refused, path))
    template = Template(document, folder.absolute())
    problems: list[StinercutError] = []
    for look in (_missing_files, _wrong_fonts, _wrong_drawings):
        problems += look(template)
        if problems:
            return template, problems
    return template, _wrong_titles(template)


def bundled(name: str = "classic") -> Template:
    """A template that comes with Stinercut. Raises BadInput for an unknown name."""
    return find(name, ())


def find(name: str, folders: Sequence[Path]) -> Template:
    """The template of that name: an installation's own `folders` first, in their order, then the bundled ones."""
    folder = place_of(name, folders)
    template = load(folder)
    if template.name != name:
        raise BadInput(
            Message.of(TemplateCode.TEMPLATE_SAYS_OTHER_NAME, name=template.name, folder=name),
            file=folder / FILE_NAME,
            advice=Message.of(TemplateCode.WRITE_FOLDERS_NAME, folder=name, name=template.name),
        )
    return template


def place_of(name: str, folders: Sequence[Path]) -> Path:
    """The folder of the template of that name, whatever is in it. Raises BadInput for an unknown name.

    A name may come from a page: it is compared with the existing names before it is used in a path.
    """
    known = names(folders)
    for folder in (*folders, _BUNDLED) if name in known else ():
        if (folder / name / FILE_NAME).is_file():
            return folder / name
    raise BadInput(
        Message.of(TemplateCode.NO_SUCH_TEMPLATE, name=repr(name)),
        advice=Message.of(TemplateCode.CHOOSE_ONE_OF, names=tuple(known)),
    )


def meant_by(which: str, folders: Sequence[Path]) -> Path:
    """The folder of the template that a person means by a path (of the folder or its `template.json`) or by a name.

    A plain word is a folder's path if the folder holds a template, or if no template has that name. Raises BadInput if
    it is neither.
    """
    path = Path(which)
    if path.name == FILE_NAME:
        return path.parent
    if (path / FILE_NAME).is_file():
        return path
    if which == path.name and (which in names(folders) or not path.is_dir()):
        return place_of(which, folders)
    if not path.is_dir():
        raise BadInput(
            Message.of(TemplateCode.NO_SUCH_FOLDER), file=path, advice=Message.of(TemplateCode.TEMPLATE_FOLDER_OR_NAME)
        )
    return path


def names(folders: Sequence[Path] = ()) -> list[str]:
    """The names of all templates that can be found, in alphabetical order."""
    return sorted({path.parent.name for folder in (*folders, _BUNDLED) for path in folder.glob(f"*/{FILE_NAME}")})


def named_files(document: Document) -> list[tuple[str, str]]:
    """Every file that `template.json` names, with its place in `template.json`."""
    timeline = document.timeline
    out: list[tuple[str, str]] = []
    if timeline.soundtrack:
        out.append(("timeline, soundtrack, src", timeline.soundtrack.src))
    for place, clip in placed_clips(document):
        if isinstance(clip.asset, Drawing | Picture | Movie):
            out.append((f"{place}, asset, src", clip.asset.src))
        elif isinstance(clip.asset, Footage) and clip.asset.look.lut:
            out.append((f"{place}, asset, look, lut", clip.asset.look.lut))
    return out


def placed_clips(document: Document) -> list[tuple[str, Clip]]:
    """Every clip with its place, counted from 1."""
    return [
        (f"timeline, track {number}, clip {place}", clip)
        for number, track in enumerate(document.timeline.tracks, 1)
        for place, clip in enumerate(track.clips, 1)
    ]


def _json_of(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            Message.of(TemplateCode.NO_TEMPLATE_HERE),
            file=path,
            advice=Message.of(TemplateCode.TEMPLATE_IS_FOLDER, file=FILE_NAME),
        ) from None
    except UnicodeDecodeError:
        raise BadInput(
            Message.of(TemplateCode.FILE_NOT_UTF8), file=path, advice=Message.of(TemplateCode.FILE_AS_UTF8)
        ) from None
    except json.JSONDecodeError as refused:
        raise BadInput(
            Message.of(TemplateCode.NO_VALID_JSON, line=refused.lineno, column=refused.colno, why=refused.msg),
            file=path,
            advice=Message.of(TemplateCode.MEND_THAT_PLACE),
        ) from None
    except RecursionError:
        raise BadInput(
            Message.of(TemplateCode.FILE_NESTED_TOO_DEEP),
            file=path,
            advice=Message.of(TemplateCode.COMPARE_WITH_BUNDLED),
        ) from None
    if not isinstance(content, dict):
        raise BadInput(
            Message.of(TemplateCode.TEMPLATE_IS_OBJECT), file=path, advice=Message.of(TemplateCode.BEGIN_WITH_NAME)
        )
    return content


def _missing_files(template: Template) -> list[StinercutError]:
    path = template.folder / FILE_NAME
    out: list[StinercutError] = []
    try:
        require_language(template.document.language)
    except BadInput as refused:
        out.append(BadInput(refused.what_parts, file=path, advice=refused.advice_parts))
    for place, name in named_files(template.document):
        if not (template.folder / name).is_file():
            advice = Message.of(TemplateCode.PUT_FILE_NEXT_TO, file=name, template=FILE_NAME)
            what = Message.of(TemplateCode.PLACED_FILE_MISSING, place=place, file=name)
            out.append(BadInput(what, file=path, advice=advice))
    return out


def _wrong_fonts(template: Template) -> list[StinercutError]:
    """Problems of the fonts; found before anything reads a whole font, as fingerprints do."""
    out: list[StinercutError] = []
    for font in template.fonts:
        try:
            require_whole(font)
        except BadInput as refused:
            what = Message.of(
                TemplateCode.FONT_OF_TEMPLATE, font=font.name, template=template.name, why=refused.what_parts
            )
            out.append(BadInput(what, file=font, advice=refused.advice_parts))
    return out


def _wrong_drawings(template: Template) -> list[StinercutError]:
    out: list[StinercutError] = []
    for place, clip in placed_clips(template.document):
        asset = clip.asset
        if not (isinstance(asset, Drawing | Picture) and asset.src.endswith(".svg")):
            continue
        for upright in (False, True):
            try:
                drawing = template.drawing(asset.src, upright=upright)
                for picture in drawing.pictures:
                    template.path(picture)
                if isinstance(asset, Drawing):
                    _require_time_to_read(drawing, clip, place)
            except BadInput as refused:
                out.append(refused)
    return list({problem.sentence(): problem for problem in out}.values())


def _require_time_to_read(drawing: svg.Svg, clip: Clip, place: str) -> None:
    """Raise BadInput unless everything on a card is in place long enough before it begins to go."""
    going = clip.transition.seconds if clip.transition.out != "cut" else 0.0
    length = clip.length or 0.0
    if drawing.settled + going + _STILL_TO_READ > length:
        settled = drawing.settled
        raise BadInput(
            Message.of(TemplateCode.LAST_PART_TOO_LATE_TO_GO, settled=settled, length=length, going=going)
            if going
            else Message.of(TemplateCode.LAST_PART_TOO_LATE, settled=settled, length=length),
            file=drawing.path,
            advice=Message.of(TemplateCode.SHORTEN_PARTS, place=place, least=settled + going + _STILL_TO_READ),
        )


def _wrong_titles(template: Template) -> list[StinercutError]:
    """Problems of the title: exactly one card of the main track must hold the name, in both its forms."""
    shown = [clip for clip in template.document.timeline.main if template.shows_name(clip)]
    if len(shown) != 1:
        none, several = (
            Message.of(TemplateCode.NO_DRAWING_HOLDS_NAME, field=NAME_FIELD),
            Message.of(TemplateCode.DRAWINGS_HOLD_NAME, field=NAME_FIELD),
        )
        advice = Message.of(TemplateCode.ONE_DRAWING_HOLDS_NAME)
        return [BadInput(several if shown else none, file=template.folder / FILE_NAME, advice=advice)]
    asset = shown[0].asset
    assert isinstance(asset, Drawing)
    upright = template.drawing(asset.src, upright=True)
    if not upright.shows(NAME_FIELD):
        advice = Message.of(TemplateCode.WRITE_NAME_IN_DRAWING, field=NAME_FIELD, file=asset.src)
        return [BadInput(Message.of(TemplateCode.DRAWING_WITHOUT_NAME), file=upright.path, advice=advice)]
    return []
