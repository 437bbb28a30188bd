"""A template: what a film looks like, as a folder with `template.json` and the pictures it names.

Lives here: the model, reading a folder, refusing what can't work, the fingerprint of all of it. Doesn't: drawing and
encoding (`stinercut.media`), which template a jump uses (the catalog).
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stinercut.errors import BadInput
from stinercut.store import key_of

FILE_NAME = "template.json"
MERGE_FIELDS = ("passenger_name", "jump_date", "place")
"""What a text may hold in braces."""

_BUNDLED = Path(__file__).parent / "flat"

Seconds = Annotated[float, Field(ge=1, le=30)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", description="Write a colour as #rrggbb, such as #1f5fa8.")]
PictureName = Annotated[str, Field(pattern=r"^[^/\\.][^/\\]*\.(png|jpg|jpeg)$")]
_PICTURE_ADVICE = "Write the name of a PNG or JPEG beside template.json, without a folder."
Text = Annotated[str, Field(max_length=120)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Output(_Part):
    """How films are encoded. Every segment of a film shares it, so that joining needs no second encode."""

    width: int = Field(
        default=1920, ge=64, le=7680, multiple_of=2, description="Write an even number of pixels, such as 1920."
    )
    height: int = Field(
        default=1080, ge=64, le=4320, multiple_of=2, description="Write an even number of pixels, such as 1080."
    )
    fps: Literal[24, 25, 30, 50, 60] = Field(default=30, description="Write 24, 25, 30, 50 or 60.")
    crf: int = Field(
        default=21, ge=12, le=40, description="Write 18 (better, larger) to 26 (smaller); 21 is a good choice."
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = Field(
        default="veryfast", description="Write veryfast, or ultrafast for a preview."
    )


class Title(_Part):
    """The opening: a small heading, then lines; the line with {passenger_name} is drawn large.

    `date_style`: long is 14 June 2025, numeric 14.06.2025, iso 2025-06-14. A line whose fields are all empty is
    left out.
    """

    seconds: Seconds = Field(default=5.0, description="Write the length in seconds, 1 to 30.")
    heading: Text = Field(default="", description="Write a short text, or leave it empty.")
    lines: tuple[Text, ...] = Field(
        default=("{passenger_name}", "{jump_date}", "{place}"),
        min_length=1,
        max_length=6,
        description='Write a list of 1 to 6 texts, such as ["{passenger_name}", "{jump_date}"].',
    )
    date_style: Literal["long", "numeric", "iso"] = Field(default="long", description="Write long, numeric or iso.")
    background: PictureName | None = Field(default=None, description=_PICTURE_ADVICE)

    @field_validator("lines")
    @classmethod
    def _names_the_passenger(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            _check_fields(line)
        if sum("{passenger_name}" in line for line in lines) != 1:
            raise ValueError("exactly one line must hold {passenger_name}: a film's title says whose it is")
        return lines

    @field_validator("heading")
    @classmethod
    def _known_fields(cls, text: str) -> str:
        return _check_fields(text)


class Watermark(_Part):
    """What lies on every clip: a text, or a picture with transparency. `size`: its height as a share of the film's."""

    text: Annotated[str, Field(max_length=40)] = Field(default="", description="Write a short text, or give an image.")
    image: PictureName | None = Field(default=None, description=_PICTURE_ADVICE)
    position: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = Field(
        default="bottom-right", description="Write top-left, top-right, bottom-left or bottom-right."
    )
    opacity: float = Field(default=0.75, gt=0, le=1, description="Write 0.1 (faint) to 1 (solid).")
    size: float = Field(
        default=0.035, ge=0.01, le=0.3, description="Write a share of the film's height, such as 0.035."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.text.strip()) == bool(self.image):
            raise ValueError("give either text or image (to have no watermark, write null for it)")
        return self


class Outro(_Part):
    """The end: a heading and one line below. Without merge fields it is encoded once for all films."""

    seconds: Seconds = Field(default=4.0, description="Write the length in seconds, 1 to 30.")
    heading: Text = Field(default="", description="Write a short text, or leave it empty.")
    line: Text = Field(default="", description="Write a short text, or leave it empty.")
    background: PictureName | None = Field(default=None, description=_PICTURE_ADVICE)

    @field_validator("heading", "line")
    @classmethod
    def _known_fields(cls, text: str) -> str:
        return _check_fields(text)


class Colours(_Part):
    """The sky behind title and outro, from the top down, and the texts on it."""

    top: Colour = "#061a3a"
    middle: Colour = "#1c5a9e"
    horizon: Colour = "#f3b98a"
    cloud: Colour = "#ffffff"
    text: Colour = "#ffffff"
    accent: Colour = "#ffd9a8"


class Template(_Part):
    """A whole template. `folder` is where its pictures lie (not part of what it says)."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Write small letters, digits and -, such as classic."
    )
    version: int = Field(default=1, ge=1, description="Write a whole number; raise it with every change.")
    output: Output = Output()
    title: Title = Title()
    watermark: Watermark | None = Field(
        default=None, description="Write an object with either text or image, or null for none."
    )
    outro: Outro = Outro()
    colours: Colours = Colours()
    folder: Path | None = Field(default=None, exclude=True, repr=False)

    def picture(self, name: str) -> Path:
        """Where a picture of this template lies. Raises BadInput when it isn't there."""
        path = (self.folder or Path()) / name
        if self.folder is None or not path.is_file():
            raise BadInput(
                f"the template {self.name} names the picture {name}, which is not there",
                file=path,
                advice=f"Put it beside {FILE_NAME}, or take its name out.",
            )
        return path

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names of all pictures this template uses."""
        used = (self.title.background, self.watermark and self.watermark.image, self.outro.background)
        return tuple(name for name in used if name)

    @property
    def fingerprint(self) -> str:
        """32 hex digits that change when anything in the template changes, its pictures' content included."""
        return key_of("template", self.model_dump_json(), *(self.picture(name).read_bytes() for name in self.pictures))


def load(folder: Path) -> Template:
    """The template in a folder. Raises BadInput naming the file, the field and what to write instead."""
    path = folder / FILE_NAME
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            "there is no template here", file=path, advice=f"A template is a folder with {FILE_NAME}."
        ) from None
    except UnicodeDecodeError:
        raise BadInput("the file is not UTF-8 text", file=path, advice="Save it as UTF-8.") from None
    except json.JSONDecodeError as refused:
        where = f"line {refused.lineno}, column {refused.colno}"
        raise BadInput(f"no valid JSON at {where}: {refused.msg}", file=path, advice="Mend that place.") from None
    if not isinstance(said, dict):
        raise BadInput("a template is a JSON object", file=path, advice='Begin with {"name": ...}.')
    try:
        template = Template.model_validate({**said, "folder": folder.absolute()})
    except ValidationError as refused:
        what, advice = _first_problem(refused)
        raise BadInput(what, file=path, advice=advice) from None
    for name in template.pictures:
        template.picture(name)
    return template


def bundled(name: str = "classic") -> Template:
    """A template that comes with Stinercut. Raises BadInput for a name there is none of."""
    if not (_BUNDLED / name / FILE_NAME).is_file():
        names = ", ".join(sorted(folder.parent.name for folder in _BUNDLED.glob(f"*/{FILE_NAME}")))
        raise BadInput(f"there is no bundled template {name!r}", advice=f"Choose one of: {names}.")
    return load(_BUNDLED / name)


def _check_fields(text: str) -> str:
    """The text, if all it holds in braces is a merge field's bare name."""
    known = ", ".join(f"{{{name}}}" for name in MERGE_FIELDS)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise ValueError(f"a brace stands alone; fields are written {known}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in MERGE_FIELDS or spec or conversion):
            raise ValueError(f"{{{name}}} is no field; there are {known}")
    return text


def _first_problem(refused: ValidationError) -> tuple[str, str]:
    first = refused.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the template"
    message = first["msg"].removeprefix("Value error, ")
    found: Any = first.get("input")
    shown = f" (it says {json.dumps(found, ensure_ascii=False)})" if isinstance(found, str | int | float | None) else ""
    if first["type"] == "extra_forbidden":
        return f"{where} is no field of a template", f"There are: {', '.join(_siblings(first['loc']))}."
    return f"{where}: {message}{shown if first['type'] != 'missing' else ''}", _advice(first["loc"])


def _model_at(loc: Sequence[int | str]) -> type[BaseModel] | None:
    """The model that holds the field at `loc`."""
    model: type[BaseModel] = Template
    for part in loc[:-1]:
        info = model.model_fields.get(str(part))
        candidates = [info.annotation, *getattr(info.annotation, "__args__", ())] if info else []
        inner = next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is None:
            return None
        model = inner
    return model


def _siblings(loc: Sequence[int | str]) -> list[str]:
    model = _model_at(loc)
    return [name for name in (model.model_fields if model else ()) if name != "folder"]


def _advice(loc: Sequence[int | str]) -> str:
    """What to write instead: the field's own description, looked up from the innermost place outwards."""
    for depth in range(len(loc), 0, -1):
        model = _model_at(loc[:depth])
        info = model.model_fields.get(str(loc[depth - 1])) if model else None
        if info and info.description:
            return info.description
    return "Compare with the bundled template classic."
