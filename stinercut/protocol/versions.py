"""Chooses the version of the protocol: each side names a range, and they speak the highest version that both know.

Owns: ranges, the choice, and the words if there is no common version. Not here: the changes of a version (`older`). The
hello, the welcome and the refusal keep their form in all versions: before them the version is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

from stinercut.language.messages import Message, worded
from stinercut.language.refusal_codes import RefusalCode


@dataclass(frozen=True)
class Versions:
    """All versions from `lowest` to `highest`, both included. A range with swapped ends is empty."""

    lowest: int
    highest: int

    def highest_common(self, other: Versions) -> int | None:
        """The highest version in both ranges; None without a common one."""
        common = min(self.highest, other.highest)
        return common if common >= max(self.lowest, other.lowest) else None

    def said(self) -> Message:
        """The range in words, for a sentence."""
        if self.lowest == self.highest:
            return Message.of(RefusalCode.ONE_VERSION, version=self.lowest)
        return Message.of(RefusalCode.SEVERAL_VERSIONS, lowest=self.lowest, highest=self.highest)

    def __str__(self) -> str:
        """The same in words."""
        return worded(self.said())


SPOKEN = Versions(1, 3)
"""The versions of this release; `older` converts messages to earlier ones. Raise `highest` with each change of the
messages, and `lowest` when support for an old version ends.
"""


def no_common_version(hub: Versions, detector: Versions) -> Message:
    """The words for two ranges without a common version. They name the side to update: the one that is behind."""
    if detector.highest < hub.lowest:
        return Message.of(RefusalCode.UPDATE_DETECTOR, hub=hub.said(), detector=detector.said())
    return Message.of(RefusalCode.UPDATE_HUB, hub=hub.said(), detector=detector.said())
