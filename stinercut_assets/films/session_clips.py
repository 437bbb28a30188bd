"""Asset `session_clips` [jump]: each video's parts of all outputs, rendered in parallel, complete or not at all.

Owns: the fan-out over the jump's clips and the guard that collects them. Not here: rendering
(`stinercut.films.picture.segments`). The graph is partitioned by jump; each clip is a dynamic output.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from stinercut.catalog.models import StepStatus
from stinercut.errors import StinercutError
from stinercut.jumps.jumps import FootageFile, JumpFootage
from stinercut.pipeline_names import QUICK_TAG
from stinercut.storage.store import key_of
from stinercut_assets.common.fanout import all_of, mapping_key
from stinercut_assets.common.metadata import gallery, table
from stinercut_assets.common.partitions import jumps
from stinercut_assets.common.reporting import failures
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.films.clip_stills import kept_still
from stinercut_assets.films.jump_steps import all_steps, clip_step, reporter, take_over
from stinercut_assets.films.lineage import film_template
from stinercut_assets.films.production import (
    PartsToMake,
    StepProduct,
    clip_parts,
    make,
    production_so_far,
    require_readable,
)
from stinercut_assets.films.qr_identity import Identity

_STILL_WIDTH = 320
"""Pixels of a clip's picture on Dagster's page."""


@dataclass(frozen=True)
class ClipWork:
    """A clip, and the parts of all outputs to make of it."""

    clip: FootageFile
    work: tuple[PartsToMake, ...]


@dataclass(frozen=True)
class RenderedClip:
    """A clip, and the parts that were made of it."""

    clip: FootageFile
    made: StepProduct

    @property
    def key(self) -> str:
        """The clip's key within its fan-out."""
        return clip_key(self.clip)


def clip_key(clip: FootageFile) -> str:
    """A clip's key within its fan-out. The content is part of it, so a changed file has another key."""
    return mapping_key("clip", clip.card_file_id, clip.content_hash[:8])


@dg.op(
    ins={"film_template": dg.In(dg.Nothing)},
    out={"clips": dg.DynamicOut(ClipWork), "expected": dg.Out(list)},
    tags={QUICK_TAG: "true"},
    retry_policy=retry_policy("clips_to_render"),
)
def clips_to_render(
    context: dg.OpExecutionContext, installation: Installation, footage: JumpFootage, identity: Identity
) -> Iterator[dg.DynamicOutput[ClipWork] | dg.Output[list[str]]]:
    """Send out the jump's clips, one dynamic output each, and the list of what must come back."""
    take_over(context, installation, footage)
    # The title's step runs in parallel with this one, so running steps stay as they are.
    reporter(context, installation).plan(all_steps(footage.clips), keep=(StepStatus.DONE, StepStatus.RUNNING))
    context.log.info("%d clips for %s", len(footage.clips), identity.booking_id)
    with failures():
        # A clip that can't be read fails in its own step.
        production = production_so_far(installation, footage)
    for number, clip in enumerate(footage.clips):
        work = ClipWork(clip, clip_parts(production, clip, left=len(footage.clips) - number))
        yield dg.DynamicOutput(work, mapping_key=clip_key(clip), output_name="clips")
    yield dg.Output([clip_key(clip) for clip in footage.clips], output_name="expected")


@dg.op(pool="ffmpeg", retry_policy=retry_policy("render_clip"))
def render_clip(context: dg.OpExecutionContext, installation: Installation, clip: ClipWork) -> RenderedClip:
    """Make all outputs' parts of one clip. A segment that exists already costs nothing."""
    with reporter(context, installation).doing(clip_step(clip.clip)) as doing:
        require_readable(installation, clip.clip)
        made = make(clip.work, doing.progress)
    context.log.info(
        "%s: %d parts, %s",
        clip.clip.name,
        len(made.parts),
        "all kept" if made.kept else f"made in {made.seconds_spent:.1f} s",
    )
    rendered = RenderedClip(clip.clip, made)
    # Taken now, beside other clips: collecting them is a step for which all wait.
    _still(installation, rendered)
    return rendered


@dg.op(tags={QUICK_TAG: "true"}, retry_policy=retry_policy("collect_clips"))
def collect_clips(
    context: dg.OpExecutionContext, installation: Installation, clips: list[RenderedClip], expected: list[str]
) -> dg.Output[list[RenderedClip]]:
    """All clips in the order of the film. Fails when one is missing."""
    with failures():
        complete = all_of(expected, clips, lambda clip: clip.key)
        stills = [still for clip in complete if (still := _still(installation, clip)) is not None]
    return dg.Output(
        complete,
        data_version=dg.DataVersion(key_of(*(part.segment.key for clip in complete for part in clip.made.parts))),
        metadata={
            "clips": table(
                [
                    {
                        "clip": clip.clip.name,
                        "seconds": round(clip.made.seconds, 2),
                        "parts": len(clip.made.parts),
                        "seconds_spent": round(clip.made.seconds_spent, 2),
                        "kept": clip.made.kept,
                    }
                    for clip in complete
                ]
            ),
            "pictures": gallery(stills),
            "seconds": round(sum(clip.made.seconds for clip in complete), 2),
        },
    )


def _still(installation: Installation, clip: RenderedClip) -> tuple[str, bytes] | None:
    """A picture from the middle of the clip's longest part, with the clip's name.

    None where the store has lost that part since: a retry may begin here, and the film's step makes lost parts again.
    """
    longest = max((part.segment for part in clip.made.film), key=lambda segment: segment.frames, default=None)
    if longest is None:
        return None
    with contextlib.suppress(StinercutError, OSError):
        return clip.clip.name, kept_still(installation.store, longest, _STILL_WIDTH)
    return None


@dg.graph_asset(
    # The template decides how every clip looks. A graph asset declares a mere dependency as an input of type Nothing.
    ins={"film_template": dg.AssetIn(key=film_template.key, dagster_type=dg.Nothing)},
    partitions_def=jumps,
    group_name="films",
    kinds={"ffmpeg"},
    description=(
        "The jump's clips as segments of equal format, for all outputs of its template: one step per video, in "
        "parallel. A segment is kept by content, so a retry or a second camera renders only what is missing."
    ),
)
def session_clips(imported_files: JumpFootage, qr_identity: Identity, film_template: None) -> list[RenderedClip]:
    """The rendered clips of a jump."""
    clips, expected = clips_to_render(imported_files, qr_identity, film_template=film_template)
    return collect_clips(clips.map(render_clip).collect(), expected)
