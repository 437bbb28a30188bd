"""Text and pictures drawn for films: fonts, shaping, bidirectional text, SVG, title cards, overlays.

Owns: which names can be shown, and pixels made of them. Not here: what a template says (`stinercut.templates`), video
(`stinercut.video`).
"""
