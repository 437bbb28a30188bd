"""A jump's production: the plan of its outputs, and the parts of it that steps have made.

Owns: planning a jump's outputs from its footage, and the values that steps hand to each other. Not here: the library's
planning and making (`stinercut.films.film`), Dagster's steps.
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
    """Parts of one output that are to be made, and the workshop to make them with."""

    shop: Workshop
    parts: tuple[Part, ...]

    @property
    def frames(self) -> int:
        """How many frames are to be made."""
        return sum(part.frames for part in self.parts)


@dataclass(frozen=True)
class MadePart:
    """A finished part of an output."""

    output: str
    segment: Segment


@dataclass(frozen=True)
class StepProduct:
    """The parts that a step has made, to show to people, with their cost. The film's step asks the store itself."""

    parts: tuple[MadePart, ...]

    @property
    def film(self) -> tuple[MadePart, ...]:
        """The parts of the main film: those of the first output. Empty for a clip that a person's cut leaves out."""
        return tuple(part for part in self.parts if part.output == self.parts[0].output)

    @property
    def seconds(self) -> float:
        """How long the parts of the film play."""
        return sum(part.segment.seconds for part in self.film)

    @property
    def seconds_spent(self) -> float:
        """How long making all parts took, in seconds of the clock."""
        return sum(part.segment.seconds_spent for part in self.parts)

    @property
    def kept(self) -> bool:
        """Whether all parts existed already."""
        return all(part.segment.cached for part in self.parts)


def fields_of(installation: Installation, footage: JumpFootage) -> Fields:
    """The values that fill in the template's texts."""
    return Fields(
        passenger_name=footage.passenger_name,
        jump_date=footage.jump_date,
        place=installation.settings.place,
        booking_id=footage.booking_id,
        tandem_master=footage.tandem_master_id or "",
    )


def clip_source(installation: Installation, clip: FootageFile) -> ClipSource:
    """A clip as the renderer takes it. Raises StoreDamaged when its file is missing or incomplete."""
    path = installation.store.require(clip.content_hash, clip.size)
    return ClipSource(content_hash=clip.content_hash, path=path, name=clip.name)


def production_of(installation: Installation, footage: JumpFootage) -> Production:
    """The outputs of a jump's template, planned over its clips. Raises UnreadableVideo, StoreDamaged, BadInput."""
    return _planned(installation, footage, [_shown(installation, take) for take in footage.takes])


def production_so_far(installation: Installation, footage: JumpFootage) -> Production:
    """The production over the clips that can be read; without any, over one clip that stands for those to come.

    For work on parts: an unreadable clip fails in its own step, and the others continue.
    """
    shown: list[ClipTake[FilmedClip]] = []
    for take in footage.takes:
        with contextlib.suppress(StinercutError):
            shown.append(_shown(installation, take))
    return _planned(installation, footage, shown or [_TO_COME])


def require_readable(installation: Installation, clip: FootageFile) -> None:
    """Raise UnreadableVideo or StoreDamaged if no part can be planned for this clip."""
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
    """A jump's photos as pictures, in order, without those that the store has lost."""
    present: list[tuple[str, PhotoFile]] = []
    for photo in photos:
        with contextlib.suppress(StoreDamaged):
            path = installation.store.require(photo.content_hash, photo.size)
            present.append((photo.recording, PhotoFile(photo.content_hash, path, photo.name)))
    return in_pictures(present)


def _shown(installation: Installation, take: ClipTake[FootageFile]) -> ClipTake[FilmedClip]:
    source = clip_source(installation, take.file)
    clip = FilmedClip(source, kept_probe(installation.store, source.content_hash, source.path))
    return ClipTake(clip, take.start, take.end)


def clip_parts(production: Production, clip: FootageFile, left: int = 0) -> tuple[PartsToMake, ...]:
    """The parts of all outputs that show a clip. `left`: how many clips are still to come when this one begins."""
    return tuple(_to_make(replace(film.shop, left=left), film.parts_of(clip.content_hash)) for film in production.films)


def card_parts(production: Production) -> tuple[PartsToMake, ...]:
    """The parts of all outputs that show no clip."""
    return tuple(_to_make(film.shop, film.cards) for film in production.films)


def _to_make(shop: Workshop, parts: Sequence[Part]) -> PartsToMake:
    # Only the clips of these parts, because this value goes to another step: for a jump of a hundred clips, a hundred
    # values with all clips would be ten thousand clips to write.
    return PartsToMake(shop.for_parts(parts), tuple(parts))


def make(work: Sequence[PartsToMake], on_progress: Callable[[float], None]) -> StepProduct:
    """Make these parts, one after the other. Raises the errors of `part_segment`.

    If the hardware encoder fails, all of them are made in software, and later the film's other parts too.
    """
    root = work[0].shop.store.root
    return encoders.with_software_fallback(root, work, _in_software, lambda asked: _made(asked, on_progress))


def _in_software(work: Sequence[PartsToMake]) -> Sequence[PartsToMake]:
    return [replace(batch, shop=replace(batch.shop, encoder=encoders.SOFTWARE)) for batch in work]


def _made(work: Sequence[PartsToMake], on_progress: Callable[[float], None]) -> StepProduct:
    whole, done = max(1, sum(batch.frames for batch in work)), 0
    out: list[MadePart] = []
    for batch in work:

        def tell(share: float, done: int = done, frames: int = batch.frames) -> None:
            on_progress((done + share * frames) / whole)

        segments = segments_of(batch.shop, batch.parts, on_progress=part_of(tell, 0.0, ENCODING))
        # Proven here, in parallel with other steps, and not later while the film is checked.
        prove(batch.shop.store, segments, part_of(tell, ENCODING, 1.0))
        out += [MadePart(batch.shop.output.name, segment) for segment in segments]
        done += batch.frames
    return StepProduct(tuple(out))


@dataclass(frozen=True)
class FilmOrder:
    """A production, and for each of its films the segments of its parts."""

    production: Production
    segments: list[list[Segment]]


def film_order(production: Production, on_progress: Callable[[float], None] | None = None) -> FilmOrder:
    """The segments to join, from the store; for one that another step made, this only reads its header.

    Makes the missing ones here: segments that were cut short or lost since, all of them if the template changed in the
    meantime, and those of another encoder. Raises the errors of `part_segment`.
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
