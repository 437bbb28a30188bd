"""What a film's run is found by, and how long it may take: told by a look at its jump.

Owns: these tags and adding them, once in each run. Not here: what is known before a run begins (`run_tags`).
"""

from __future__ import annotations

from contextlib import suppress

import dagster as dg

from stinercut.errors import StinercutError
from stinercut.jumps import in_progress
from stinercut.jumps.jumps import JumpFootage
from stinercut.pipeline_names import BOOKING_TAG, CAMERA_TAG, CARD_TAG, JUMP_TAG, TEMPLATE_TAG
from stinercut.video.probe import kept_probe
from stinercut_assets.common.jobs import seconds_for
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.run_tags import MAX_RUNTIME_TAG


def tags_of(installation: Installation, footage: JumpFootage, template: str) -> dict[str, str]:
    """Cards, cameras, booking, template. No names of people."""
    with installation.catalog.read() as session:
        cards = in_progress.cards_of(session, footage.jump_key)
    return {
        JUMP_TAG: footage.jump_key,
        CARD_TAG: " ".join(card for card, _ in cards),
        CAMERA_TAG: " ".join(dict.fromkeys(label for _, label in cards)),
        BOOKING_TAG: footage.booking_id,
        TEMPLATE_TAG: template,
    }


def tag_run(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, tags: dict[str, str], footage_seconds: float
) -> None:
    """Give the run these tags, and a longest time that follows its footage."""
    wanted = {**tags, MAX_RUNTIME_TAG: str(seconds_for(footage_seconds))}
    context.instance.add_run_tags(context.run.run_id, wanted)


def tag_part_of_film(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, installation: Installation, footage: JumpFootage
) -> None:
    """The same for a run that makes single assets of a film, without its first step, which does it for all others.

    What goes wrong with the template or a clip is for the step to say.
    """
    made = context.run.asset_selection
    if not made or dg.AssetKey("imported_files") in made:
        return
    template = ""
    with suppress(StinercutError):
        template = installation.template_of(footage.jump_key).name
    tag_run(context, tags_of(installation, footage, template), _seconds(installation, footage))


def _seconds(installation: Installation, footage: JumpFootage) -> float:
    """A photo counts as a second of footage, as in the first step."""
    total = float(len(footage.photos))
    for clip in footage.clips:
        with suppress(StinercutError):
            path = installation.store.require(clip.content_hash, clip.size)
            total += kept_probe(installation.store, clip.content_hash, path).duration
    return total
