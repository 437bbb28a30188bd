"""Templates: folders that define how a film looks, and the text that they show about a jump.

Owns: reading and validating a template folder, filling in its merge fields. Not here: drawing or encoding it
(`stinercut.films`).
"""

from stinercut.templates.folder import Template, bundled, find, load
from stinercut.templates.merging import Fields, merged

__all__ = ["Fields", "Template", "bundled", "find", "load", "merged"]
