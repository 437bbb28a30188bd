"""The start of the lineage: external assets for the footage and the template that a jump's film should have.

Owns: their specs and the observations that move their data versions. An observation (not a materialization)
of one jump's partition makes exactly that jump stale downstream. Not here: when they are observed (`sensors`).

`footage` depends on `card_sessions`, so that the lineage goes from cards to films. No partition mapping of Dagster can
express from which cards a jump's footage came, so the observation tells that. An external asset is never stale itself:
reading a card makes only those jumps stale that are observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import dagster as dg

from stinercut_assets.common.partitions import jumps

footage = dg.AssetSpec(
    "footage",
    deps=[dg.AssetDep("card_sessions", partition_mapping=dg.AllPartitionMapping())],
    partitions_def=jumps,
    group_name="cards",
    description=(
        "What the cards delivered for a jump: its files and its passenger. The hub and the detector bring it; "
        "its data version changes when a file is added or a person corrects something."
    ),
    kinds={"file"},
)

film_template = dg.AssetSpec(
    "film_template",
    partitions_def=jumps,
    group_name="films",
    description=(
        "The template that the jump's film should have. Its data version is the template's fingerprint, or the version "
        "that was noted for a film that has exactly this template."
    ),
    kinds={"file"},
)


def observe_footage(
    jump_key: str, version: str, clips: int, cards: Sequence[tuple[str, str]] = (), dagster: str = ""
) -> dg.AssetObservation:
    """Observe that a jump's footage has this version now and came from these cards (id and label).

    `dagster` is the address of Dagster's pages, for links.
    """
    links: dict[str, dg.MetadataValue] = {
        f"card {label} ({card})": dg.MetadataValue.url(
            f"{dagster}/assets/card_sessions?view=partitions&partition={quote(card)}"
        )
        for card, label in cards
    }
    return _observe("footage", jump_key, version, {"clips": clips, **links})


def observe_template(jump_key: str, name: str, fingerprint: str, version: str | None = None) -> dg.AssetObservation:
    """Observe that a jump's film should have this template as it is now.

    `version` is the data version, where that isn't the fingerprint.
    """
    return _observe("film_template", jump_key, version or fingerprint, {"template": name, "fingerprint": fingerprint})


def template_noted(instance: dg.DagsterInstance, jump_key: str) -> str | None:
    """The data version of the jump's template in the lineage; Dagster has just noted it for a step that begins now."""
    of_the_jump = dg.AssetRecordsFilter(asset_key=film_template.key, asset_partitions=[jump_key])
    for record in instance.fetch_observations(of_the_jump, limit=1).records:
        observed = record.asset_observation
        return observed.data_version if observed else None
    return None


def _observe(
    asset: str, jump_key: str, version: str, metadata: dict[str, int | str | dg.MetadataValue]
) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=asset,
        partition=jump_key,
        metadata=metadata,
        tags={"dagster/data_version": version},
    )
