"""Asset `title_and_outro` [jump]: the first and the last segment of the film.

Lives here: the step; it works beside the clips, not after them. Doesn't: drawing (`stinercut.media.titles`).
"""

from dataclasses import dataclass

import dagster as dg

from stinercut.catalog.jumps import JumpFootage
from stinercut.media.segments import Segment, outro_segment, title_segment
from stinercut.media.stills import jpeg_still
from stinercut.store import key_of
from stinercut_assets.jump_steps import TITLE, go_on, reporter, title_fields
from stinercut_assets.lineage import film_template
from stinercut_assets.partitions import jumps
from stinercut_assets.pictures import picture
from stinercut_assets.qr_identity import Identity
from stinercut_assets.resources import Installation
from stinercut_assets.retries import retry_policy


@dataclass(frozen=True)
class TitleAndOutro:
    """What comes before the clips, and what comes after them."""

    title: Segment
    outro: Segment


def render_title_and_outro(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, installation: Installation, footage: JumpFootage
) -> TitleAndOutro:
    """The two segments, reported as one step; what exists already costs nothing."""
    template = installation.template_of(context.partition_key)
    with reporter(context, installation).doing(TITLE) as doing:
        fields = title_fields(installation, footage)
        title = title_segment(installation.store, template, fields, on_progress=lambda done: doing.progress(done / 2))
        outro = outro_segment(
            installation.store, template, fields, on_progress=lambda done: doing.progress(0.5 + done / 2)
        )
    return TitleAndOutro(title, outro)


@dg.asset(
    partitions_def=jumps,
    deps=[film_template],
    group_name="films",
    kinds={"ffmpeg"},
    pool="ffmpeg",
    retry_policy=retry_policy("title_and_outro"),
    description=(
        "The title with the passenger's name, date and place, and the outro, as segments of the film. They are kept by "
        "content: an outro without merge fields is rendered once for all films."
    ),
)
def title_and_outro(
    context: dg.AssetExecutionContext, installation: Installation, imported_files: JumpFootage, qr_identity: Identity
) -> dg.Output[TitleAndOutro]:
    """The two segments."""
    go_on(context, installation)
    both = render_title_and_outro(context, installation, imported_files)
    title, outro = both.title, both.outro
    still = jpeg_still(title.video, at=title.seconds / 2, width=640)
    return dg.Output(
        both,
        data_version=dg.DataVersion(key_of(title.key, outro.key)),
        metadata={
            "title": picture(still, "title"),
            "passenger": qr_identity.passenger_name,
            "seconds": title.seconds + outro.seconds,
            "seconds_spent": round(title.seconds_spent + outro.seconds_spent, 3),
            "title_kept": title.cached,
            "outro_kept": outro.cached,
        },
    )
