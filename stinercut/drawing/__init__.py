"""Draws text and pictures for films: fonts, shaping, bidirectional text, SVG, title cards, overlays.

Owns: which names can be shown, and the pixels made of them. Not here: reading templates (`stinercut.templates`), video
(`stinercut.video`).
"""
