"""The tags of a film's run that come from its jump: those to find it by, and how long it may take.

Owns: these tags and adding them, once in each run. Not here: the tags that are known before a run begins (`run_tags`).
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
    """The tags of a jump: its key, cards, cameras, booking and template. No names of people."""
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
    """Give the run these tags, and a time limit that depends on its footage."""
    wanted = {**tags, MAX_RUNTIME_TAG: str(seconds_for(footage_seconds))}
    context.instance.add_run_tags(context.run.run_id, wanted)


def tag_part_of_film(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, installation: Installation, footage: JumpFootage
) -> None:
    """Tag a run that makes single assets of a film; in all other runs the film's first step does it.

    Errors of the template or a clip are ignored here: the step itself reports them.
    """
    made = context.run.asset_selection
    if not made or dg.AssetKey("imported_files") in made:
        return
    template = ""
    with suppress(StinercutError):
        template = installation.template_of(footage.jump_key).name
    tag_run(context, tags_of(installation, footage, template), _seconds(installation, footage))


def _seconds(installation: Installation, footage: JumpFootage) -> float:
    """Seconds of footage. A photo counts as one second, as in the film's first step."""
    total = float(len(footage.photos))
    for clip in footage.clips:
        with suppress(StinercutError):
            path = installation.store.require(clip.content_hash, clip.size)
            total += kept_probe(installation.store, clip.content_hash, path).duration
    return total
