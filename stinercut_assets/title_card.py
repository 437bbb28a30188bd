"""Asset `title_card` [jump]: the title segment with the passenger's name.

Lives here: the step. Doesn't: drawing it (`stinercut.media.titles`).
"""

import dagster as dg

from stinercut.catalog.jumps import JumpFootage
from stinercut.media.frames import jpeg_still
from stinercut.media.segments import Segment, title_segment
from stinercut_assets.jump_steps import TITLE, go_on, reporter, title_fields
from stinercut_assets.lineage import film_template
from stinercut_assets.partitions import jumps
from stinercut_assets.pictures import picture
from stinercut_assets.qr_identity import Identity
from stinercut_assets.resources import Installation


@dg.asset(
    partitions_def=jumps,
    deps=[film_template],
    group_name="films",
    kinds={"ffmpeg"},
    pool="ffmpeg",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=2),
    description="The title with the passenger's name, date and place, as a segment of the film.",
)
def title_card(
    context: dg.AssetExecutionContext, installation: Installation, imported_files: JumpFootage, qr_identity: Identity
) -> dg.Output[Segment]:
    """The title segment; kept by content, so an unchanged name costs nothing."""
    go_on(context, installation)
    template = installation.template_of(context.partition_key)
    with reporter(context, installation).doing(TITLE) as doing:
        fields = title_fields(installation, imported_files)
        segment = title_segment(installation.store, template, fields, on_progress=doing.progress)
        still = jpeg_still(segment.video, at=segment.seconds / 2, width=640)
    return dg.Output(
        segment,
        data_version=dg.DataVersion(segment.key),
        metadata={
            "title": picture(still, "title"),
            "passenger": qr_identity.passenger_name,
            "seconds": segment.seconds,
            "seconds_spent": round(segment.seconds_spent, 3),
            "cached": segment.cached,
        },
    )
