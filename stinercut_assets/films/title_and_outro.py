"""Asset `title_and_outro` [jump]: the drawn parts of the film, such as its title and its outro, in all its outputs.

Owns: the step, which runs in parallel with the clips, not after them. Not here: drawing
(`stinercut.drawing.title_cards`).
"""

import dagster as dg

from stinercut.jumps.jumps import JumpFootage
from stinercut.storage.store import key_of
from stinercut_assets.common.metadata import gallery, table
from stinercut_assets.common.partitions import jumps
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.films.clip_stills import kept_still
from stinercut_assets.films.jump_steps import TITLE, reporter, take_over
from stinercut_assets.films.lineage import film_template
from stinercut_assets.films.production import StepProduct, card_parts, make, production_so_far
from stinercut_assets.films.qr_identity import Identity


def render_title_and_outro(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, installation: Installation, footage: JumpFootage
) -> StepProduct:
    """Make the drawn parts, reported as one step. A part that exists already costs nothing."""
    with reporter(context, installation).doing(TITLE) as doing:
        return make(card_parts(production_so_far(installation, footage)), doing.progress)


@dg.asset(
    partitions_def=jumps,
    deps=[film_template],
    group_name="films",
    kinds={"ffmpeg"},
    pool="ffmpeg",
    retry_policy=retry_policy("title_and_outro"),
    description=(
        "The film's drawings with the passenger's name, date and place (title, outro), and the template's own pieces "
        "of film, as segments for all outputs. They are kept by content: an outro without merge fields is rendered "
        "once for all films."
    ),
)
def title_and_outro(
    context: dg.AssetExecutionContext, installation: Installation, imported_files: JumpFootage, qr_identity: Identity
) -> dg.Output[StepProduct]:
    """The segments of title, outro and the template's own pieces of film."""
    take_over(context, installation, imported_files)
    made = render_title_and_outro(context, installation, imported_files)
    names = [f"drawing {number}" for number in range(1, len(made.film) + 1)]
    stills = [kept_still(installation.store, part.segment, 640) for part in made.film]
    return dg.Output(
        made,
        data_version=dg.DataVersion(key_of(*(part.segment.key for part in made.parts))),
        metadata={
            "drawings": gallery(list(zip(names, stills, strict=True))),
            "passenger": qr_identity.passenger_name,
            "parts": table(
                [
                    {
                        "output": part.output,
                        "seconds": round(part.segment.seconds, 2),
                        "seconds_spent": round(part.segment.seconds_spent, 3),
                        "kept": part.segment.cached,
                    }
                    for part in made.parts
                ]
            ),
            "seconds": round(made.seconds, 3),
            "seconds_spent": round(made.seconds_spent, 3),
        },
    )
