"""Close codes of our WebSockets: why the hub ended a connection.

Owns: the numbers. Not here: closing (`hub`), what a detector does then (`detector.link`).
"""

from typing import Final

POLICY: Final = 1008
"""Whoever connected may not."""
TRY_AGAIN: Final = 1011
"""The hub could not do its part now."""
TOO_SLOW: Final = 1013
"""A browser that falls behind; it comes back by itself."""
REPLACED: Final = 4000
"""The same detector has connected again."""
