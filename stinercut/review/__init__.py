"""People's decisions: names for unassigned files, clips left out, wishes for a film.

Owns: decisions and their history. Not here: the pages (`hub.review`), the jumps themselves (`stinercut.jumps`).
"""
