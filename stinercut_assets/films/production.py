"""A jump's production: its plan over the template, and the parts of it that steps have made.

Owns: planning a jump's outputs from its footage, and what steps hand to each other. Not here: planning and making
themselves (`stinercut.films.film`), Dagster's steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from stinercut.errors import StinercutError, StoreDamaged
from stinercut.films.checks.decode_proof import ENCODING, prove
from stinercut.films.film import Production, in_software, planned
from stinercut.films.photos.camera_photos import CameraPicture, PhotoFile, in_pictures
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segments import ClipSource, FilmedClip, Workshop, segments_of
from stinercut.films.plan.plan import Part
from stinercut.films.plan.progress import part_of
from stinercut.jumps.cut import ClipTake
from stinercut.jumps.jumps import FootageFile, JumpFootage
from stinercut.templates import Fields
from stinercut.video import encoders
from stinercut.video.probe import Probe, kept_probe
from stinercut_assets.common.resources import Installation


@dataclass(frozen=True)
class PartsToMake:
    """Parts of one output, and what they are made with."""

    shop: Workshop
    parts: tuple[Part, ...]

    @property
    def frames(self) -> int:
        """How many there are to make."""
        return sum(part.frames for part in self.parts)


@dataclass(frozen=True)
class MadePart:
    """A part of an output, made."""

    output: str
    segment: Segment


@dataclass(frozen=True)
class StepProduct:
    """What a step has made: for people to look at, and what it cost. The film's step asks the store itself."""

    parts: tuple[MadePart, ...]

    @property
    def film(self) -> tuple[MadePart, ...]:
        """The parts of *the* film: those of the first output. None of a clip that a person's cut leaves out."""
        return tuple(one for one in self.parts if one.output == self.parts[0].output)

    @property
    def seconds(self) -> float:
        """How long the parts of the film play."""
        return sum(one.segment.seconds for one in self.film)

    @property
    def seconds_spent(self) -> float:
        """How long making all of them took, on the clock."""
        return sum(one.segment.seconds_spent for one in self.parts)

    @property
    def kept(self) -> bool:
        """Whether all of it was there already."""
        return all(one.segment.cached for one in self.parts)


def fields_of(installation: Installation, footage: JumpFootage) -> Fields:
    """What the template's texts are filled in with."""
    return Fields(
        passenger_name=footage.passenger_name,
        jump_date=footage.jump_date,
        place=installation.settings.place,
        booking_id=footage.booking_id,
        tandem_master=footage.tandem_master_id or "",
    )


def clip_source(installation: Installation, clip: FootageFile) -> ClipSource:
    """A clip as the renderer takes it. Raises StoreDamaged when its bytes are not whole."""
    path = installation.store.require(clip.content_hash, clip.size)
    return ClipSource(content_hash=clip.content_hash, path=path, name=clip.name)


def production_of(installation: Installation, footage: JumpFootage) -> Production:
    """The outputs of a jump's template, planned over its clips. Raises UnreadableVideo, StoreDamaged, BadInput."""
    return _planned(installation, footage, [_shown(installation, take) for take in footage.takes])


def production_so_far(installation: Installation, footage: JumpFootage) -> Production:
    """The same over those clips that can be read, and where there is none over one that stands for what will come.

    For work on parts: the step of a clip that can't be read says so, and the others go on.
    """
    shown: list[ClipTake[FilmedClip]] = []
    for take in footage.takes:
        with contextlib.suppress(StinercutError):
            shown.append(_shown(installation, take))
    return _planned(installation, footage, shown or [_TO_COME])


def require_readable(installation: Installation, clip: FootageFile) -> None:
    """Raise UnreadableVideo or StoreDamaged for a clip that no part could be planned for."""
    _shown(installation, ClipTake(clip))


_TO_COME = ClipTake(
    FilmedClip(
        ClipSource("to come", Path("to-come"), "to come"),
        Probe(60.0, 1920, 1080, Fraction(30), 0, "h264", None, 0, None),
    )
)


def _planned(installation: Installation, footage: JumpFootage, shown: Sequence[ClipTake[FilmedClip]]) -> Production:
    template = installation.template_of(footage.jump_key)
    store = installation.store
    encoder = encoders.chosen(installation.settings.encoder, encoders.note_of(store.root)).encoder
    pictures = pictures_of(installation, footage.photos)
    return planned(store, template, fields_of(installation, footage), shown, encoder=encoder, pictures=pictures)


def pictures_of(installation: Installation, photos: Sequence[FootageFile]) -> tuple[CameraPicture, ...]:
    """A jump's photos as pictures, in their order. Without those that the store has lost."""
    found: list[tuple[str, PhotoFile]] = []
    for photo in photos:
        with contextlib.suppress(StoreDamaged):
            path = installation.store.require(photo.content_hash, photo.size)
            found.append((photo.recording, PhotoFile(photo.content_hash, path, photo.name)))
    return in_pictures(found)


def _shown(installation: Installation, take: ClipTake[FootageFile]) -> ClipTake[FilmedClip]:
    source = clip_source(installation, take.file)
    clip = FilmedClip(source, kept_probe(installation.store, source.content_hash, source.path))
    return ClipTake(clip, take.start, take.end)


def clip_parts(production: Production, clip: FootageFile) -> tuple[PartsToMake, ...]:
    """What of all outputs belongs to a clip."""
    return tuple(_to_make(film.shop, film.parts_of(clip.content_hash)) for film in production.films)


def card_parts(production: Production) -> tuple[PartsToMake, ...]:
    """What of all outputs shows no clip."""
    return tuple(_to_make(film.shop, film.cards) for film in production.films)


def _to_make(shop: Workshop, parts: Sequence[Part]) -> PartsToMake:
    # Handed on to another step: with all clips in each, a jump of a hundred would write ten thousand.
    return PartsToMake(shop.for_parts(parts), tuple(parts))


def make(work: Sequence[PartsToMake], on_progress: Callable[[float], None]) -> StepProduct:
    """Make these parts, one after the other. Raises what `part_segment` raises.

    Where the hardware's encoder fails, all of them are made in software, and so will the film's other parts be.
    """
    root = work[0].shop.store.root
    return encoders.with_software_fallback(root, work, _in_software, lambda asked: _made(asked, on_progress))


def _in_software(work: Sequence[PartsToMake]) -> Sequence[PartsToMake]:
    return [replace(one, shop=replace(one.shop, encoder=encoders.SOFTWARE)) for one in work]


def _made(work: Sequence[PartsToMake], on_progress: Callable[[float], None]) -> StepProduct:
    whole, done = max(1, sum(one.frames for one in work)), 0
    out: list[MadePart] = []
    for one in work:

        def tell(share: float, done: int = done, frames: int = one.frames) -> None:
            on_progress((done + share * frames) / whole)

        segments = segments_of(one.shop, one.parts, on_progress=part_of(tell, 0.0, ENCODING))
        # Here, beside other steps, and not while the film is checked.
        prove(one.shop.store, segments, part_of(tell, ENCODING, 1.0))
        out += [MadePart(one.shop.output.name, segment) for segment in segments]
        done += one.frames
    return StepProduct(tuple(out))


@dataclass(frozen=True)
class FilmOrder:
    """A production, and for each of its films the segments of its parts."""

    production: Production
    segments: list[list[Segment]]


def film_order(production: Production, on_progress: Callable[[float], None] | None = None) -> FilmOrder:
    """What to join, as the store has it: what other steps made costs a look at its header. What is missing is made
    here: a segment that was cut short or lost since, all of a template that changed in the meantime, what another
    encoder made. Raises what `part_segment` raises.
    """
    return encoders.with_software_fallback(
        production.store.root, production, in_software, lambda asked: _film_order(asked, on_progress)
    )


def _film_order(production: Production, on_progress: Callable[[float], None] | None) -> FilmOrder:
    whole = len(production.films)
    segments = [
        segments_of(film.shop, film.plan.parts, on_progress=part_of(on_progress, number / whole, (number + 1) / whole))
        for number, film in enumerate(production.films)
    ]
    return FilmOrder(production, segments)
