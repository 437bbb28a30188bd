"""Cards in the catalog: insertions, file lists, known, requested and copied files, and how a card becomes jumps.

Owns: the queries and rules about a card and its files. Not here: reading a card (`detector`), one jump's state
(`stinercut.jumps`).
"""
