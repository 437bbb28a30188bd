"""Generates footage: films of a code, moving clips, whole cards as a camera leaves them.

Owns: everything that replaces a camera, for the demo, the tests and the benches. Not here: anything that real footage
needs; nothing here is imported on the way from a card to a film.
"""
