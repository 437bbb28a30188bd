"""Chooses the version of the protocol: each side names a range, and they speak the highest version that both know.

Owns: ranges, the choice, and the words if there is no common version. Not here: the changes of a version (`older`). The
hello, the welcome and the refusal keep their form in all versions: before them the version is not known.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Versions:
    """All versions from `lowest` to `highest`, both included. A range with swapped ends is empty."""

    lowest: int
    highest: int

    def highest_common(self, other: Versions) -> int | None:
        """The highest version in both ranges; None without a common one."""
        common = min(self.highest, other.highest)
        return common if common >= max(self.lowest, other.lowest) else None

    def __str__(self) -> str:
        """The range in words, for a sentence."""
        if self.lowest == self.highest:
            return f"version {self.lowest}"
        return f"versions {self.lowest} to {self.highest}"


SPOKEN = Versions(1, 3)
"""The versions of this release; `older` converts messages to earlier ones. Raise `highest` with each change of the
messages, and `lowest` when support for an old version ends.
"""


def no_common_version(hub: Versions, detector: Versions) -> str:
    """The words for two ranges without a common version. They name the side to update: the one that is behind."""
    behind = "detector" if detector.highest < hub.lowest else "hub"
    return f"the hub speaks {hub}, the detector {detector}: update the {behind}"
