"""The model of `template.json`: tracks, clips, outputs and merge fields, in the shape known from timeline JSON.

Owns: the model, and all checks that need no other files. Not here: the folder with its pictures, drawings and music
(`folder`), drawing and encoding (`stinercut.films`), which template a jump uses (the catalog).

Times are in seconds. Lengths on the picture are shares of the film's height, so that one template serves every output.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stinercut.language.messages import Message, worded
from stinercut.language.template_codes import TemplateCode

BUILT_IN_FIELDS = ("passenger_name", "jump_date", "place", "booking_id", "tandem_master")
"""The merge fields that every jump brings; a template may add its own under `merge`."""

FIELD = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
"""A merge field within a text or a drawing: {{ passenger_name }}."""

Seconds = Annotated[float, Field(ge=0, le=36_000, description="Write a number of seconds, such as 4 or 0.5.")]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", description="Write a colour as #rrggbb, such as #1f5fa8.")]
Share = Annotated[float, Field(ge=0, le=1, description="Write a share, 0 to 1.")]
Corner = Literal["topLeft", "top", "topRight", "left", "center", "right", "bottomLeft", "bottom", "bottomRight"]


def _file(*endings: str) -> str:
    return r"^[^/\\.][^/\\]*\.(" + "|".join(endings) + ")$"


DrawingName = Annotated[
    str, Field(pattern=_file("svg"), description="Write the name of an SVG next to template.json, without a folder.")
]
PictureName = Annotated[
    str,
    Field(
        pattern=_file("png", "jpg", "jpeg", "svg"),
        description="Write the name of a PNG, JPEG or SVG next to template.json, without a folder.",
    ),
]
MovieName = Annotated[
    str,
    Field(pattern=_file("mp4", "mov"), description="Write the name of an MP4 next to template.json, without a folder."),
]
MusicName = Annotated[
    str,
    Field(
        pattern=_file("mp3", "m4a", "ogg", "opus", "flac", "wav"),
        description="Write the name of an MP3, M4A, OGG, Opus, FLAC or WAV next to template.json, without a folder.",
    ),
]
LookName = Annotated[
    str, Field(pattern=_file("cube"), description="Write the name of a .cube file next to template.json.")
]


class PartRefused(ValueError):
    """A part of a template that can't be used, which pydantic reports; `said` says why."""

    def __init__(self, said: Message) -> None:
        super().__init__(worded(said))
        self.said = said


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


# What a clip shows ---------------------------------------------------------------------------------------------------


class Drawing(_Part):
    """A drawn card: an SVG with merge fields. docs/templates.md describes how its parts move in."""

    type: Literal["svg"] = "svg"
    src: DrawingName


class Picture(_Part):
    """A picture: a splash screen on the main track, a watermark on a track above it."""

    type: Literal["image"] = "image"
    src: PictureName


class Text(_Part):
    """A line of text over the footage."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=120, description="Write a short text; it may hold merge fields.")
    colour: Colour = "#ffffff"
    font: str = Field(
        default="sans-serif",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ,'-]{0,79}$",
        description="Write sans-serif, serif, or the name of a font family in the template's folder fonts.",
    )
    bold: bool = Field(default=True, description="Write true or false.")


class Movie(_Part):
    """A finished piece of film from the dropzone, such as an intro, with its own sound."""

    type: Literal["video"] = "video"
    src: MovieName
    volume: Share = 1.0


class Trim(_Part):
    """The seconds that are cut off every clip."""

    start: Seconds = 0.0
    end: Seconds = 0.0


class Look(_Part):
    """Colours of the footage; 1 leaves a value as it was filmed. `lut` is a table from a colour grading program."""

    brightness: float = Field(default=1.0, ge=0.5, le=1.5, description="Write 0.5 (darker) to 1.5 (lighter).")
    contrast: float = Field(default=1.0, ge=0.5, le=2.0, description="Write 0.5 to 2.")
    saturation: float = Field(default=1.0, ge=0.0, le=3.0, description="Write 0 (grey) to 3.")
    lut: LookName | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether the footage stays as it was filmed."""
        return self == Look()


class Footage(_Part):
    """The jump's own clips, in this place of the film.

    `longest`: the most seconds of each clip that are shown, taken from its beginning, middle or end (`keep`).
    """

    type: Literal["footage"] = "footage"
    order: Literal["recorded", "name", "reversed"] = Field(
        default="recorded", description="Write recorded, name or reversed."
    )
    trim: Trim = Trim()
    longest: Annotated[float, Field(ge=1, le=36_000)] | None = Field(
        default=None, description="Write the most seconds to show of each clip, or leave it out."
    )
    keep: Literal["start", "middle", "end"] = Field(default="middle", description="Write start, middle or end.")
    look: Look = Look()
    volume: Share = 1.0


class Photos(_Part):
    """The photos that the camera took on the jump, one after the other, in this place of the film. Without photos
    nothing is shown here.

    `most`: at most this many photos are shown, spread over all of them, since a burst has hundreds.
    """

    type: Literal["photos"] = "photos"
    most: int = Field(default=12, ge=1, le=60, description="Write how many photos are shown at most, 1 to 60.")
    fit: Literal["contain", "cover"] = Field(default="contain", description="Write contain or cover.")
    move: Literal["still", "drift-left", "drift-right", "zoom-in", "zoom-out"] = Field(
        default="zoom-in", description="Write still, drift-left, drift-right, zoom-in or zoom-out."
    )


Asset = Annotated[Drawing | Picture | Text | Movie | Footage | Photos, Field(discriminator="type")]


# Clips and tracks ----------------------------------------------------------------------------------------------------


class Transition(_Part):
    """How a clip of the main track comes and goes: `cut`, `fade` (from and to the background) or `crossfade` (into its
    neighbour). `between` is for footage and photos: how the single clips, or the single photos, follow each other.
    """

    into: Literal["cut", "fade", "crossfade"] = Field(
        default="cut", alias="in", description="Write cut, fade or crossfade."
    )
    out: Literal["cut", "fade", "crossfade"] = Field(default="cut", description="Write cut, fade or crossfade.")
    between: Literal["cut", "fade", "crossfade"] = Field(default="cut", description="Write cut, fade or crossfade.")
    seconds: float = Field(default=0.5, ge=0.1, le=3, description="Write 0.1 to 3 seconds.")


class Clip(_Part):
    """A piece of a track.

    On the main track clips follow each other. `length` is for drawings and pictures, and for each photo; other clips
    keep their own length. On a track above, a clip lies over the footage or the whole film (`over`): from `start`,
    counted from the beginning of the footage or film, for `length` or until its end. `height` and `margin` are shares
    of the film's height.
    """

    asset: Asset
    length: float | None = Field(default=None, ge=0.1, le=36_000, description="Write a number of seconds, such as 4.")
    transition: Transition = Transition()
    over: Literal["footage", "film"] = Field(default="footage", description="Write footage or film.")
    start: Seconds = 0.0
    position: Corner = Field(
        default="bottomRight",
        description="Write topLeft, top, topRight, left, center, right, bottomLeft, bottom or bottomRight.",
    )
    margin: float = Field(default=0.037, ge=0, le=0.4, description="Write a share of the film's height, such as 0.037.")
    height: float = Field(default=0.035, ge=0.01, le=1, description="Write a share of the film's height, such as 0.1.")
    opacity: float = Field(default=0.75, gt=0, le=1, description="Write 0.1 (faint) to 1 (solid).")


_OVERLAY_ONLY = ("over", "start", "position", "margin", "height", "opacity")
_CARD = (1.0, 60.0)
"""The shortest and the longest drawing or picture of the main track, in seconds."""


class Track(_Part):
    """One layer of the film."""

    clips: tuple[Clip, ...] = Field(min_length=1, max_length=40, description="Write a list of clips.")


class Duck(_Part):
    """How quiet the music becomes while somebody speaks in the footage. `to`: the share of its volume that stays."""

    to: Share = 0.3
    attack: float = Field(default=0.2, ge=0.01, le=2, description="Write 0.01 to 2 seconds.")
    release: float = Field(default=0.8, ge=0.05, le=9, description="Write 0.05 to 9 seconds.")


class Soundtrack(_Part):
    """Music under the whole film, repeated if it is shorter. `fade` in seconds, at both ends."""

    src: MusicName
    volume: Share = 0.6
    fade: float = Field(default=1.5, ge=0, le=20, description="Write 0 to 20 seconds.")
    duck: Duck | None = Field(default=Duck(), description='Write an object such as {"to": 0.3}, or null.')


class Timeline(_Part):
    """What plays at which time. Tracks are listed from the top down; the last one, the main track, holds the footage.

    `loudness`: the loudness of the finished sound, in LUFS (EBU R 128); null leaves it as it was filmed.
    """

    background: Colour = "#000000"
    soundtrack: Soundtrack | None = Field(
        default=None, description='Write an object such as {"src": "music.mp3"}, or null.'
    )
    loudness: float | None = Field(
        default=-16.0,
        ge=-40,
        le=-8,
        description="Write -40 (quiet) to -8 (loud), or null to leave the sound as it was filmed.",
    )
    tracks: tuple[Track, ...] = Field(
        min_length=1, max_length=9, description="Write a list of tracks; the last one holds the footage."
    )

    @property
    def main(self) -> tuple[Clip, ...]:
        """The clips that follow each other."""
        return self.tracks[-1].clips

    @property
    def overlays(self) -> tuple[Clip, ...]:
        """The clips that lie over the film, in the order of drawing: the lowest first."""
        return tuple(clip for track in reversed(self.tracks[:-1]) for clip in track.clips)

    @property
    def footage(self) -> Clip:
        """The clip of the main track that stands for the jump's own clips."""
        return next(clip for clip in self.main if isinstance(clip.asset, Footage))

    @field_validator("tracks")
    @classmethod
    def _in_their_places(cls, tracks: tuple[Track, ...]) -> tuple[Track, ...]:
        last = len(tracks) - 1
        for number, track in enumerate(tracks):
            for place, clip in enumerate(track.clips):
                wrong = _wrong_on_main(clip) if number == last else _wrong_above(clip)
                if wrong:
                    raise PartRefused(
                        Message.of(TemplateCode.TRACK_CLIP_WRONG, track=number + 1, clip=place + 1, why=wrong)
                    )
        if sum(isinstance(clip.asset, Footage) for clip in tracks[-1].clips) != 1:
            raise PartRefused(Message.of(TemplateCode.LAST_TRACK_ONE_FOOTAGE))
        if sum(isinstance(clip.asset, Photos) for clip in tracks[-1].clips) > 1:
            raise PartRefused(Message.of(TemplateCode.LAST_TRACK_ONE_PHOTOS))
        return tracks


def _wrong_on_main(clip: Clip) -> Message | None:
    if isinstance(clip.asset, Text):
        return Message.of(TemplateCode.TEXT_OVER_FOOTAGE)
    misplaced = [name for name in _OVERLAY_ONLY if name in clip.model_fields_set]
    if misplaced:
        return Message.of(TemplateCode.ONLY_ABOVE_LAST, fields=tuple(misplaced))
    drawn = isinstance(clip.asset, Drawing | Picture | Photos)
    if drawn and not (clip.length and _CARD[0] <= clip.length <= _CARD[1]):
        if isinstance(clip.asset, Photos):
            return Message.of(TemplateCode.PHOTOS_NEED_LENGTH, least=_CARD[0], most=_CARD[1])
        return Message.of(TemplateCode.DRAWING_NEEDS_LENGTH, least=_CARD[0], most=_CARD[1])
    if not drawn and clip.length is not None:
        return Message.of(TemplateCode.LENGTH_OF_ITSELF)
    return None


def _wrong_above(clip: Clip) -> Message | None:
    if not isinstance(clip.asset, Picture | Text):
        return Message.of(TemplateCode.BELONGS_ON_LAST, asset=clip.asset.type)
    if "transition" in clip.model_fields_set:
        return Message.of(TemplateCode.TRANSITION_ON_LAST)
    return None


RATES = {
    23.976: Fraction(24_000, 1001),
    24.0: Fraction(24),
    25.0: Fraction(25),
    29.97: Fraction(30_000, 1001),
    30.0: Fraction(30),
    50.0: Fraction(50),
    59.94: Fraction(60_000, 1001),
    60.0: Fraction(60),
}
"""Frame rates as people write them, and their exact values."""


# Output --------------------------------------------------------------------------------------------------------------


class VideoOutput(_Part):
    """A film. The first output of a template is *the* film; the others are published next to it.

    `fit`: `contain` shows the whole footage, with bars; `cover` fills the frame and cuts off what is outside (for
    upright films). `fps`: frames per second; 29.97 and 59.94 are 30000/1001 and 60000/1001, `source` is the footage's
    rate.
    """

    type: Literal["video"] = "video"
    name: str = Field(
        default="film",
        pattern=r"^[a-z0-9][a-z0-9-]{0,23}$",
        description="Write small letters, digits and -, such as phone.",
    )
    width: int = Field(
        default=1920, ge=64, le=7680, multiple_of=2, description="Write an even number of pixels, such as 1920."
    )
    height: int = Field(
        default=1080, ge=64, le=4320, multiple_of=2, description="Write an even number of pixels, such as 1080."
    )
    fps: float | Literal["source"] = Field(
        default=30.0, description="Write source, 23.976, 24, 25, 29.97, 30, 50, 59.94 or 60."
    )
    fit: Literal["contain", "cover"] = Field(default="contain", description="Write contain or cover.")
    crf: int = Field(
        default=21, ge=12, le=40, description="Write 18 (better, larger) to 26 (smaller); 21 is a good choice."
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = Field(
        default="veryfast", description="Write veryfast, or ultrafast for a preview."
    )

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, exactly; None if it follows the footage."""
        return None if self.fps == "source" else RATES[float(self.fps)]

    @field_validator("fps")
    @classmethod
    def _a_rate_of_cameras(cls, fps: float | Literal["source"]) -> float | Literal["source"]:
        if fps != "source" and float(fps) not in RATES:
            raise PartRefused(Message.of(TemplateCode.NO_SHARED_RATE))
        return fps


class StillsOutput(_Part):
    """Photos taken from the footage, spread over it, as JPEG of that height.

    `camera`: whether the photos that the camera took are published with them.
    """

    type: Literal["stills"] = "stills"
    name: str = Field(
        default="photos", pattern=r"^[a-z0-9][a-z0-9-]{0,23}$", description="Write small letters, digits and -."
    )
    count: int = Field(default=6, ge=0, le=60, description="Write how many photos, 0 to 60.")
    height: int = Field(default=1080, ge=64, le=4320, description="Write a number of pixels, such as 1080.")
    camera: bool = Field(default=True, description="Write true or false.")


Output = Annotated[VideoOutput | StillsOutput, Field(discriminator="type")]


TemplateName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class MergeField(_Part):
    """A template's own field: the film shows `replace` instead of {{ find }} in a text."""

    find: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Write small letters, digits and _, such as dropzone."
    )
    replace: str = Field(max_length=200, description="Write the text to put there.")


class Document(_Part):
    """The content of `template.json`. `language`: a code such as en, de or fr, which decides how dates are written."""

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    name: TemplateName = Field(description="Write small letters, digits and -, such as classic.")
    version: int = Field(default=1, ge=1, description="Write a whole number; raise it with every change.")
    description: str = Field(default="", max_length=300, description="Write a sentence about the template.")
    language: str = Field(
        default="en", pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$", description="Write a language code, such as en or de."
    )
    date_style: Literal["long", "numeric", "iso"] = Field(default="long", description="Write long, numeric or iso.")
    merge: tuple[MergeField, ...] = Field(default=(), max_length=40, description="Write a list of find and replace.")
    timeline: Timeline
    output: tuple[Output, ...] = Field(
        default=(VideoOutput(),), min_length=1, max_length=8, description="Write a list of outputs."
    )

    @property
    def films(self) -> tuple[VideoOutput, ...]:
        """The video outputs; the first one is *the* film."""
        return tuple(output for output in self.output if isinstance(output, VideoOutput))

    @property
    def fields(self) -> tuple[str, ...]:
        """The names that a text or a drawing of this template may hold in double braces."""
        return (*BUILT_IN_FIELDS, *(field.find for field in self.merge))

    @field_validator("output")
    @classmethod
    def _a_film_and_no_name_twice(cls, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        names = [output.name for output in outputs]
        if len(set(names)) != len(names):
            raise PartRefused(Message.of(TemplateCode.OUTPUTS_OF_ONE_NAME))
        if not isinstance(outputs[0], VideoOutput):
            raise PartRefused(Message.of(TemplateCode.FIRST_OUTPUT_IS_FILM))
        return outputs

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        own = [field.find for field in self.merge]
        for name in own:
            if name in BUILT_IN_FIELDS or own.count(name) > 1:
                raise PartRefused(Message.of(TemplateCode.MERGE_THERE_ALREADY, field=name))
        for clip in self.timeline.overlays:
            if isinstance(clip.asset, Text):
                require_known_fields(clip.asset.text, self.fields)
        return self


def require_known_fields(text: str, known: tuple[str, ...]) -> None:
    """Raise PartRefused for braces in a text that are no known merge field; the error names the known fields."""
    names = tuple(f"{{{{{name}}}}}" for name in known)
    for name in FIELD.findall(text):
        if name not in known:
            raise PartRefused(Message.of(TemplateCode.NO_MERGE_FIELD, field=name, fields=names))
    if "{{" in FIELD.sub("", text) or "}}" in FIELD.sub("", text):
        raise PartRefused(Message.of(TemplateCode.DOUBLE_BRACES_ALONE, fields=names))
