"""What a film looks like: the template's model and the bundled default.

Lives here: reading and validating a template folder. Doesn't: drawing or encoding it (`stinercut.media`).
"""

from stinercut.templates.model import Colours, Output, Outro, Template, Title, Watermark, bundled, load

__all__ = ["Colours", "Output", "Outro", "Template", "Title", "Watermark", "bundled", "load"]
