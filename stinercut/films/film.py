"""Makes a whole film in all its outputs from clips: plans, renders, checks, and only then publishes it.

Owns: the order of these steps, and which files a film has where. Not here: the pieces (`plan`, `picture.segments`,
`sound`, `join`, `photos`, `checks`), which files already there are ours (`publishing.placing`), who asks for a film
(`stinercut_assets`, the command).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from stinercut.errors import FfmpegFailed, StoreDamaged, WrongFilm
from stinercut.films.checks.checks import CheckResult, check_film, title_frame
from stinercut.films.checks.decode_proof import ENCODING, prove
from stinercut.films.checks.repair import mended
from stinercut.films.join import Joinable, Soundness, join
from stinercut.films.photos.camera_photos import CameraPicture
from stinercut.films.photos.photo_output import PhotoOutput, made_photos, photo_folder, photo_outputs, photos_for_film
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segments import (
    ClipSource,
    FilmedClip,
    Workshop,
    copying_of_part,
    part_segment,
    segments_of,
)
from stinercut.films.picture.stream_copy import kind_of_film, may_be_copied
from stinercut.films.plan.plan import ClipInput, Filmed, FilmPlan, Part, plan_film, source_rate
from stinercut.films.plan.progress import Progress, part_of
from stinercut.films.publishing.placing import Arrival, alone_in, place
from stinercut.films.publishing.unfinished import names_beside
from stinercut.films.sound.chapters import runs_of
from stinercut.films.sound.mix import Music
from stinercut.films.targets import beside, require_apart
from stinercut.jumps.cut import ClipTake
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said, in_a_row
from stinercut.storage.store import Store, sync_file
from stinercut.templates import Fields, Template
from stinercut.templates.lut import require_lut
from stinercut.templates.timeline import Footage, Movie
from stinercut.video import encoders
from stinercut.video.probe import probe

_log = logging.getLogger(__name__)

_JOINING = 0.3
"""The share of finishing a film that is joining it; the rest is its checks."""


@dataclass(frozen=True)
class Making:
    """One film of a production: its workshop, and the plan of its parts."""

    shop: Workshop
    plan: FilmPlan

    @property
    def name(self) -> str:
        """The name of its output."""
        return self.shop.output.name

    def parts_of(self, take: str) -> list[Part]:
        """The parts that show a clip. A part that it shares with an earlier clip belongs to the earlier one."""
        return [part for part in self.plan.parts if owner_of(part) == take]

    @property
    def cards(self) -> list[Part]:
        """The parts that show none of the jump's clips."""
        return [part for part in self.plan.parts if owner_of(part) is None]

    @property
    def drawn_seconds(self) -> float:
        """Seconds of the parts that show no clip."""
        return float(sum(part.frames for part in self.cards) / self.plan.rate)

    @property
    def filmed_seconds(self) -> float:
        """Seconds of the parts that show a clip."""
        return self.plan.seconds - self.drawn_seconds


@dataclass(frozen=True)
class Production:
    """All outputs of a template for one jump, planned. `films` in the order of the template, *the* film first."""

    store: Store
    template: Template
    fields: Fields
    clips: tuple[ClipTake[FilmedClip], ...]
    films: tuple[Making, ...]
    pictures: tuple[CameraPicture, ...] = ()
    """The photos that the camera took, in order of recording."""

    @property
    def photos(self) -> tuple[PhotoOutput, ...]:
        """Its outputs that are photos."""
        return photo_outputs(self.template, self.pictures)


@dataclass(frozen=True)
class FinishedFilm:
    """A published film, one output of several. `size` in bytes."""

    name: str
    path: Path
    seconds: float
    frames: int
    size: int
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Finished:
    """Everything that was published for a jump. `photos` are the folders of photos, `files` all files of all outputs.

    `kept`: new paths of somebody else's files that lay where ours go. `unshown`: in words, which of the camera's photos
    can't be shown.
    """

    films: tuple[FinishedFilm, ...]
    photos: tuple[Path, ...]
    files: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    unshown: tuple[str, ...] = ()

    @property
    def film(self) -> FinishedFilm:
        """*The* film."""
        return self.films[0]

    @property
    def outputs(self) -> list[str]:
        """All files but *the* film, as paths below its folder."""
        folder = self.film.path.parent
        return sorted(path.relative_to(folder).as_posix() for path in self.files if path != self.film.path)

    def photos_in(self, folder: Path) -> list[Path]:
        """The photos that were published there; somebody else's files may lie next to them."""
        return [path for path in self.files if path.parent == folder]

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Each check once: passed when every film passed it."""
        return over_all([(film.name, film.checks) for film in self.films])


class FilmRefused(WrongFilm):
    """A joined film did not pass its checks; `checks` has all of them, passed and failed."""

    def __init__(
        self, what: Said, *, file: str | Path | None = None, advice: Said = "", checks: Sequence[CheckResult] = ()
    ) -> None:
        super().__init__(what, file=file, advice=advice)
        self.checks = tuple(checks)


class Cancelled(Exception):
    """Somebody stopped the making of the film."""


# Planning ------------------------------------------------------------------------------------------------------------


def looked_into(sources: Sequence[ClipSource]) -> tuple[ClipTake[FilmedClip], ...]:
    """The clips, uncut and probed. Raises UnreadableVideo for a clip that is no video."""
    return tuple(ClipTake(FilmedClip(source, probe(source.path))) for source in sources)


def planned(  # noqa: PLR0913 - all that a film is made of
    store: Store,
    template: Template,
    fields: Fields,
    clips: Sequence[ClipTake[FilmedClip]],
    *,
    encoder: str = "libx264",
    pictures: Sequence[CameraPicture] = (),
) -> Production:
    """Plan all outputs from these clips and photos, in order of recording (or in the order of a person's cut).

    Raises BadInput without clips, and for an incomplete colour table.
    """
    document = template.document
    _require_table(template)
    by_key = {take.file.source.content_hash: take.file for take in clips}
    takes = [_input_of(take) for take in clips]
    movies = [clip.asset.src for clip in document.timeline.main if isinstance(clip.asset, Movie)]
    lengths = {name: probe(template.path(name)).duration for name in dict.fromkeys(movies)}
    photos = photos_for_film(store, template, pictures)
    films: list[Making] = []
    for output in document.films:
        rate = output.rate or source_rate(take.rate for take in takes)
        shop = Workshop(store, template, output, rate, fields, by_key, encoder, photos=photos)
        plan = plan_film(document, rate, takes, lengths, list(photos))
        films.append(Making(_copying_where_possible(shop, plan), plan))
    return Production(store, template, fields, tuple(clips), tuple(films), tuple(pictures))


def _input_of(take: ClipTake[FilmedClip]) -> ClipInput:
    source, found = take.file.source, take.file.probe
    return ClipInput(source.content_hash, source.name, found.duration, found.fps, take.start, take.end)


def _require_table(template: Template) -> None:
    """Raise BadInput for an incomplete colour table: ffmpeg's message about it would seem to be about a clip."""
    asset = template.document.timeline.footage.asset
    if isinstance(asset, Footage) and asset.look.lut:
        require_lut(template.path(asset.look.lut))


def _copying_where_possible(shop: Workshop, plan: FilmPlan) -> Workshop:
    """The workshop that copies the frames of the kind of camera that filmed most, if any frames can be copied.

    Only x264's frames can stand next to a camera's: a hardware encoder is kept where less than half would be copied.
    """
    if not _leaves_footage(shop.template):
        return shop
    software = replace(shop, encoder=encoders.SOFTWARE)
    clips = [clip.source for clip in shop.clips.values()]
    allowed = [clip.path for clip in clips if may_be_copied(shop.store, clip.content_hash)]
    kind = kind_of_film(allowed, software.profile)
    if kind is None:
        return shop
    copying = replace(software, kind=kind)
    copied = sum(found.copied for found in (copying_of_part(copying, part) for part in plan.parts) if found)
    least = 1 if shop.encoder == encoders.SOFTWARE else plan.frames / 2
    return copying if copied >= least else shop


def _leaves_footage(template: Template) -> bool:
    """Whether the template leaves the colours of the footage as they were filmed."""
    footage = template.document.timeline.footage.asset
    return isinstance(footage, Footage) and footage.look.changes_nothing


def owner_of(part: Part) -> str | None:
    """The clip to which a part belongs: the first clip that it shows."""
    return next((shot.content.take for shot in part.shots if isinstance(shot.content, Filmed)), None)


# Making --------------------------------------------------------------------------------------------------------------


def make_film(
    production: Production,
    target: Path,
    *,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Finished:
    """Make all outputs: the film at `target` and the others next to it. Rendered segments come from the store.

    `workers`: how many segments are made at once. Raises what the parts raise, and BadInput where the film would
    replace one of its own inputs; then `target` is unchanged. An exception in `on_progress` stops everything.
    """
    _require_apart(production, target)
    whole = sum(making.plan.frames for making in production.films)
    done: dict[int, float] = {}

    def told(number: int, frames: float) -> None:
        done[number] = frames
        if on_progress:
            on_progress(0.9 * sum(done.values()) / whole)

    def make(asked: Production) -> tuple[Production, list[list[Segment]]]:
        return asked, _all_made(asked, workers, told)

    production, films = encoders.with_software_fallback(production.store.root, production, in_software, make)
    return finish_film(production, films, target, on_progress=_last_tenth(on_progress))


def in_software(production: Production) -> Production:
    """The same films without the hardware's encoder."""
    films = [replace(making, shop=replace(making.shop, encoder=encoders.SOFTWARE)) for making in production.films]
    return replace(production, films=tuple(films))


def _all_made(production: Production, workers: int, told: Callable[[int, float], None]) -> list[list[Segment]]:
    """Make the segments of all parts; returned for each film."""
    jobs = [(making.shop, part) for making in production.films for part in making.plan.parts]
    segments = iter(_made(jobs, workers, told))
    return [[next(segments) for _ in making.plan.parts] for making in production.films]


def _made(jobs: Sequence[tuple[Workshop, Part]], workers: int, told: Callable[[int, float], None]) -> list[Segment]:
    """Make the segments of these parts, several at once. The first failure, or Ctrl-C, stops the others."""
    stop = threading.Event()

    def make(number: int) -> Segment:
        shop, part = jobs[number]

        def tell(share: float) -> None:
            if stop.is_set():
                raise Cancelled
            told(number, share * part.frames)

        tell(0.0)
        shop = replace(shop, left=len(jobs) - number)
        segment = part_segment(shop, part, on_progress=part_of(tell, 0.0, ENCODING))
        # Here, while other parts are being made, and not later in the checks of the film.
        prove(shop.store, [segment], part_of(tell, ENCODING, 1.0))
        return segment

    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting = [pool.submit(make, number) for number in range(len(jobs))]
        try:
            finished, _ = wait(waiting, return_when=FIRST_EXCEPTION)
        except BaseException:
            stop.set()
            raise
        failed = [job for job in finished if job.exception() is not None]
        if failed:
            stop.set()
            raise failed[0].exception() or Cancelled
    return [job.result() for job in waiting]


def finish_film(
    production: Production,
    segments: Sequence[Sequence[Segment]],
    target: Path,
    *,
    on_progress: Progress | None = None,
    before_publishing: Callable[[], None] | None = None,
) -> Finished:
    """Join each film's segments, check the films, and publish all of them under their names.

    `segments`: for each film of the production, the segments of its parts. `before_publishing` may raise: it is the
    last moment to notice that this film is no longer wanted. Earlier files stay until the new ones replace them, each
    in one step; somebody else's files are kept (`placing`). Raises FilmRefused with the failed checks and leaves no
    partial file. Raises what `join` raises, and BadInput where the film would replace one of its own inputs.
    """
    _require_apart(production, target)
    tell = on_progress or _nothing
    with names_beside(production.store, target) as partial_name:
        films: list[tuple[Path, FinishedFilm]] = []
        for number, (making, parts) in enumerate(zip(production.films, segments, strict=True)):
            partial = partial_name(".mp4")
            share = part_of(tell, number / (len(production.films) + 1), (number + 1) / (len(production.films) + 1))
            films.append((partial, _joined(making, parts, partial, _path_of(making, production, target), share)))
            tell((number + 1) / (len(production.films) + 1))
        require_passed([film for _, film in films], target)
        first = production.films[0]
        photos = [made_photos(first.shop, first.plan, output, partial_name(""), target) for output in production.photos]
        arrivals = [arrival for made in photos for arrival in made.arrivals]
        # The film itself comes last: whoever sees it finds the others next to it.
        arrivals += [Arrival(partial, film.path.name) for partial, film in reversed(films)]
        folders = tuple(photo_folder(target, output.stills) for output in production.photos)
        with alone_in(production.store, target.parent):
            if before_publishing:
                before_publishing()
            kept = place(target.parent, arrivals, [folder.name for folder in folders])
    tell(1.0)
    files = tuple(target.parent / arrival.name for arrival in arrivals)
    unshown = tuple(photo for made in photos for photo in made.unshown)
    return Finished(tuple(film for _, film in films), folders, files, tuple(kept), unshown)


def _joined(
    making: Making, segments: Sequence[Segment], partial: Path, final: Path, on_progress: Progress | None
) -> FinishedFilm:
    """Join these segments and check the film. Segments are made again, and joined once more, if they were cut short or
    lost after an earlier look found them whole, or if they don't decode.
    """
    try:
        film = _joined_once(making, segments, partial, final, on_progress)
    except (StoreDamaged, WrongFilm, FfmpegFailed) as failed:
        segments = segments_of(making.shop, making.plan.parts, on_progress=on_progress)
        if all(segment.cached for segment in segments):
            raise
        _log.warning("Damaged or missing segments were made again: %s", failed)
        film = _joined_once(making, segments, partial, final, on_progress)
    if all(check.passed for check in film.checks if check.name == "decodes_to_the_end"):
        return film
    repaired = mended(making.shop, making.plan.parts, segments, on_progress)
    return _joined_once(making, repaired, partial, final, on_progress) if repaired else film


def _joined_once(
    making: Making, segments: Sequence[Segment], partial: Path, final: Path, on_progress: Progress | None
) -> FinishedFilm:
    shop = making.shop
    timeline = shop.template.document.timeline
    music = Music(timeline.soundtrack, shop.template.path(timeline.soundtrack.src)) if timeline.soundtrack else None
    parts = [Joinable(segment, part.volume) for segment, part in zip(segments, making.plan.parts, strict=True)]
    clips = {key: (clip.source.name, clip.source.path, clip.probe) for key, clip in shop.clips.items()}
    soundness = Soundness(music, timeline.loudness, runs_of(making.plan, clips))
    tell, told = part_of(on_progress, 0.0, _JOINING), part_of(on_progress, _JOINING, 1.0)
    result = join(parts, partial, title=shop.fields.passenger_name, sound=soundness, on_progress=tell)
    checks = check_film(partial, shop, making.plan, segments, told)
    sync_file(partial)
    return FinishedFilm(making.name, final, result.seconds, result.frames, result.size, tuple(checks))


def require_passed(films: Sequence[FinishedFilm], target: Path) -> None:
    """Raise FilmRefused when a film failed a blocking check; the message names the check and the reason."""
    checks = over_all([(film.name, film.checks) for film in films])
    failed = [check for check in checks if check.blocking and not check.passed]
    if failed:
        why = tuple(Message.of(MessageCode.CHECK_FAILED, check=check.name, said=check.said) for check in failed)
        raise FilmRefused(
            Message.of(MessageCode.FILM_REFUSED, why=why),
            file=target,
            advice=Message.of(MessageCode.FILM_REFUSED_ADVICE),
            checks=checks,
        )


def over_all(films: Sequence[tuple[str, Sequence[CheckResult]]]) -> tuple[CheckResult, ...]:
    """Each check once, over all films: the first film's result, or the failures where a film failed it."""
    out: list[CheckResult] = []
    for number, first in enumerate(films[0][1]):
        failed = [(name, checks[number]) for name, checks in films if not checks[number].passed]
        if not failed or len(films) == 1:
            out.append(first)
            continue
        said = in_a_row(
            *(Message.of(MessageCode.CHECK_OF_OUTPUT, output=name, said=check.said) for name, check in failed)
        )
        out.append(replace(first, passed=False, said=said))
    return tuple(out)


# Names and places ----------------------------------------------------------------------------------------------------


def _path_of(making: Making, production: Production, target: Path) -> Path:
    return target if making is production.films[0] else beside(target, making.name)


def _require_apart(production: Production, target: Path) -> None:
    clips = [clip.source.path for making in production.films for clip in making.shop.clips.values()]
    require_apart(production.template, clips, target)


def poster_second(production: Production) -> float:
    """The second at which the film shows its complete title: the picture that stands for the film."""
    making = production.films[0]
    return float(title_frame(making.shop, making.plan).film_frame / making.plan.rate)


def _last_tenth(on_progress: Progress | None) -> Progress | None:
    if on_progress is None:
        return None
    tell = on_progress
    return lambda done: tell(0.9 + done / 10)


def _nothing(_: float) -> None:
    pass
