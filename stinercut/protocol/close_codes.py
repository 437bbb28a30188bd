"""Close codes of our WebSockets: the reasons why the hub ends a connection.

Owns: the numbers. Not here: closing (`hub`), a detector's reaction (`detector.link`).
"""

from typing import Final

POLICY: Final = 1008
"""The client is not allowed to connect."""
TRY_AGAIN: Final = 1011
"""The hub could not do its part now."""
TOO_SLOW: Final = 1013
"""A browser fell behind; it reconnects by itself."""
REPLACED: Final = 4000
"""The same detector has connected again."""
