"""Which version of the protocol two sides speak: each says a range, the highest that both know is spoken.

Owns: ranges, the choice, and the words for when there is none. Not here: what a version changes (`older`). The
hello, the welcome and the refusal keep their form in all versions: before them nobody knows which one is spoken.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Versions:
    """All versions from `lowest` to `highest`, both included. A range whose ends are turned round holds none."""

    lowest: int
    highest: int

    def highest_common(self, other: Versions) -> int | None:
        """The highest version in both ranges; None without any."""
        common = min(self.highest, other.highest)
        return common if common >= max(self.lowest, other.lowest) else None

    def __str__(self) -> str:
        """As it stands in a sentence."""
        if self.lowest == self.highest:
            return f"version {self.lowest}"
        return f"versions {self.lowest} to {self.highest}"


SPOKEN = Versions(1, 2)
"""What this release speaks; `older` has what a message becomes for version 1. Raise `highest` with each change of the
messages; `lowest` when an old one is given up."""


def no_common_version(hub: Versions, detector: Versions) -> str:
    """What to say where two ranges have nothing in common, and which side is to be updated: the one that is behind."""
    behind = "detector" if detector.highest < hub.lowest else "hub"
    return f"the hub speaks {hub}, the detector {detector}: update the {behind}"
