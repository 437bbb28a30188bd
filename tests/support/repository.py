"""Where the repository lies that is tested.

Owns: that one path, so that a test may lie in any folder. Not here: anything below it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
