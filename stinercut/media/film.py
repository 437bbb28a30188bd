"""A whole film, from segments or from clips, published only after it passed its checks.

Lives here: the order of things and the publishing. Doesn't: the pieces (`segments`, `join`, `checks`), who calls for a
film (`stinercut_assets`, the command).
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stinercut.errors import BadInput, WrongFilm
from stinercut.media.checks import CheckResult, check_film
from stinercut.media.encoding import Progress, Segment
from stinercut.media.join import join
from stinercut.media.segments import ClipSource, clip_segment, outro_segment, title_segment
from stinercut.media.titles import TitleFields
from stinercut.store import Store, fsync_dir, require_space, sync_file
from stinercut.templates.model import Template

PartProgress = Callable[[str, float], None]
"""Gets the part that is being made (`title`, a clip's name, `outro`, `film`) and how much of it is done, 0 to 1."""


@dataclass(frozen=True)
class FinishedFilm:
    """A published film. `size` in bytes."""

    path: Path
    seconds: float
    frames: int
    size: int
    checks: tuple[CheckResult, ...]


class FilmRefused(WrongFilm):
    """A joined film did not pass its checks; `checks` has all of them, passed and failed."""

    def __init__(
        self, what: str, *, file: str | Path | None = None, advice: str = "", checks: Sequence[CheckResult] = ()
    ) -> None:
        super().__init__(what, file=file, advice=advice)
        self.checks = tuple(checks)


def make_film(  # noqa: PLR0913 - what a film is made of
    store: Store,
    clips: Sequence[ClipSource],
    template: Template,
    fields: TitleFields,
    target: Path,
    *,
    on_progress: PartProgress | None = None,
) -> FinishedFilm:
    """A film of these clips, in this order, at `target`. What was rendered before is taken from the store.

    Raises what the parts raise; nothing is at `target` then that wasn't there before.
    """
    if not clips:
        raise BadInput("there are no clips to make a film of", advice="A film needs at least one clip of the jump.")
    segments = [title_segment(store, template, fields, on_progress=_part(on_progress, "title"))]
    segments += [clip_segment(store, clip, template, on_progress=_part(on_progress, clip.name)) for clip in clips]
    segments += [outro_segment(store, template, fields, on_progress=_part(on_progress, "outro"))]
    return finish_film(segments, template, fields, target, on_progress=_part(on_progress, "film"))


def finish_film(  # noqa: PLR0913 - what a film is made of
    segments: Sequence[Segment],
    template: Template,
    fields: TitleFields,
    target: Path,
    *,
    on_progress: Progress | None = None,
    before_publishing: Callable[[], None] | None = None,
) -> FinishedFilm:
    """Join the segments (title first, outro last), check the result, and give it its name in one step.

    `before_publishing` may raise: the last moment to find that this film is no longer wanted.

    A film that was at `target` stays there until the new one takes its place. Raises FilmRefused, naming the checks
    that failed, and leaves no partial file; raises what `join` raises.
    """
    with _beside(target) as partial:
        require_space(target.parent, 2 * sum(segment.video.stat().st_size for segment in segments))
        joined = join(segments, partial, title=fields.passenger_name, on_progress=_first_half(on_progress))
        checks = check_film(partial, segments, template, fields)
        require_passed(checks, target)
        sync_file(partial)
        if before_publishing:
            before_publishing()
        os.replace(partial, target)  # noqa: PTH105 - says "even if one is there", on every system
        fsync_dir(target.parent)
    if on_progress:
        on_progress(1.0)
    return FinishedFilm(target, joined.seconds, joined.frames, joined.size, tuple(checks))


def require_passed(checks: Sequence[CheckResult], film: Path) -> None:
    """Raise FilmRefused when a check failed, saying which and why."""
    failed = [check for check in checks if not check.passed]
    if failed:
        why = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise FilmRefused(
            f"the film did not pass its checks and was not published: {why}",
            file=film,
            advice="Render this jump again; if it fails again, its clips or its template need a look.",
            checks=checks,
        )


@contextlib.contextmanager
def _beside(target: Path) -> Generator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}-{secrets.token_hex(4)}.partial.mp4")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _part(on_progress: PartProgress | None, name: str) -> Progress | None:
    if on_progress is None:
        return None
    tell = on_progress
    return lambda done: tell(name, done)


def _first_half(on_progress: Progress | None) -> Progress | None:
    """Joining is about half of finishing; the checks decode the film once."""
    if on_progress is None:
        return None
    tell = on_progress
    return lambda done: tell(done / 2)
