"""Job `render_arrived_clips` [jump]: renders what it can of a jump before the jump's last file is here.

Owns: the op job over the clips that have arrived, the title and the outro. Not here: rendering a clip (the same step as
in the film's run, `session_clips`), making a film: the job `produce_jump` does that, and finds the segments by their
content.

This is an op job and not an asset, because its product is no version of anything. A clip that fails here is no failure
of its jump; the film's own run reports the error once all files are here.
"""

from collections.abc import Iterator

import dagster as dg

from stinercut.catalog.models import StepStatus
from stinercut.jumps import arriving
from stinercut.jumps.jumps import JumpFootage
from stinercut.pipeline_names import AHEAD_JOB, QUICK_TAG
from stinercut_assets.common.jobs import EARLY_TAGS
from stinercut_assets.common.partitions import jumps
from stinercut_assets.common.reporting import failures
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.films.jump_steps import all_steps, reporter
from stinercut_assets.films.production import clip_parts, production_so_far
from stinercut_assets.films.session_clips import ClipWork, clip_key, render_clip
from stinercut_assets.films.title_and_outro import render_title_and_outro


@dg.op(
    out={"footage": dg.Out(JumpFootage), "clips": dg.DynamicOut(ClipWork)},
    tags={QUICK_TAG: "true"},
    retry_policy=retry_policy("arrived_clips"),
)
def arrived_clips(
    context: dg.OpExecutionContext, installation: Installation
) -> Iterator[dg.Output[JumpFootage] | dg.DynamicOutput[ClipWork]]:
    """The jump's clips that have arrived, one dynamic output each."""
    with failures():
        with installation.catalog.write() as session:
            footage = arriving.footage_here(session, context.partition_key)
            clips = arriving.begin_ahead(session, context.partition_key)
        # A clip that failed is left alone until the film's own run.
        reporter(context, installation).plan(all_steps(clips), keep=(StepStatus.DONE, StepStatus.FAILED))
        production = production_so_far(installation, footage)
    context.log.info("%d clips have arrived", len(footage.clips))
    yield dg.Output(footage, output_name="footage")
    for clip in footage.clips:
        work = ClipWork(clip, clip_parts(production, clip))
        yield dg.DynamicOutput(work, mapping_key=clip_key(clip), output_name="clips")


@dg.op(pool="ffmpeg", out=dg.Out(dg.Nothing), tags={"dagster/priority": "1"}, retry_policy=retry_policy("render_cards"))
def render_cards(context: dg.OpExecutionContext, installation: Installation, footage: JumpFootage) -> None:
    """Render the title and the outro, which need only the passenger's name."""
    render_title_and_outro(context, installation, footage)


@dg.job(
    name=AHEAD_JOB,
    partitions_def=jumps,
    tags=EARLY_TAGS,
    description="Render the clips of a jump that are here while the rest is copied. Its film's run finds the segments.",
)
def render_arrived_clips() -> None:
    """Render title, outro and the clips that are here."""
    arrived = arrived_clips()
    render_cards(arrived.footage)
    arrived.clips.map(render_clip)
