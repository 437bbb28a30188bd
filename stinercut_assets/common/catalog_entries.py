"""How assets are listed in Dagster's catalog: owners, tags, and links to the hub's pages about them.

Owns: these entries of all assets, in one table. Not here: what an asset is (its own module: description, group,
kinds), what is known of one film (metadata of its materialization).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import dagster as dg

from stinercut.settings import Settings

TAGS: Final = {
    "card_sessions": {"stage": "identify", "personal-data": "names"},
    "footage": {"stage": "import", "personal-data": "faces"},
    "film_template": {"stage": "render"},
    "imported_files": {"stage": "import", "personal-data": "faces"},
    "qr_identity": {"stage": "identify", "personal-data": "names"},
    "title_and_outro": {"stage": "render", "personal-data": "names"},
    "session_clips": {"stage": "render", "personal-data": "faces"},
    "rendered_video": {"stage": "publish", "personal-data": "names-and-faces"},
}
"""By asset. `stage`: its place on the way from card to film; `personal-data`: which data of passengers is in it."""

STALE_FILMS: Final = (
    "The hub's page /looks (metadata `stale_films`) shows which films have an older template and what making them "
    "again costs, and has the button for it; so has `stinercut backfill --stale`. They are the partitions that Dagster "
    "calls stale."
)
_WITH_STALE_FILMS: Final = frozenset({"film_template", "rendered_video"})


def as_listed(
    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec], settings: Settings
) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """The same assets with their owners, tags and links. Raises BadInput for owners that can't be read."""
    return dg.map_asset_specs(lambda spec: _listed(spec, settings), assets)


def _listed(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    name, board = spec.key.to_user_string(), settings.board_address
    metadata = {"board": dg.MetadataValue.url(board)}
    if name not in _WITH_STALE_FILMS:
        return spec.merge_attributes(owners=settings.owners, tags=TAGS[name], metadata=metadata)
    linked = {**metadata, "stale_films": dg.MetadataValue.url(f"{board}/looks")}
    described = spec.replace_attributes(description=f"{spec.description}\n\n{STALE_FILMS}")
    return described.merge_attributes(owners=settings.owners, tags=TAGS[name], metadata=linked)
