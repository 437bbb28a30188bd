"""The kinds of values that the steps of a jump's film hand to each other.

Owns: their names and versions. Not here: how they are written (`stinercut_assets.common.values.step_values`).

Later releases read values by the name and version that they were written under: a change of these types that older JSON
doesn't fit needs a new version and an upgrade.
"""

from __future__ import annotations

from typing import Final

from stinercut.jumps.jumps import JumpFootage
from stinercut_assets.common.values.step_values import ValueKind
from stinercut_assets.films.production import StepProduct
from stinercut_assets.films.qr_identity import Identity
from stinercut_assets.films.session_clips import ClipWork, RenderedClip

FILM_KINDS: Final = (
    ValueKind("clip_work", 1, ClipWork),
    ValueKind("identity", 1, Identity),
    ValueKind("jump_footage", 1, JumpFootage),
    ValueKind("rendered_clip", 1, RenderedClip),
    ValueKind("step_product", 1, StepProduct),
)
