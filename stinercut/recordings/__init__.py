"""Rules for a camera's file names and times: which files are one recording, in which order, on which day.

Owns: the rules for names, filming order, sessions and stretches; all pure. Not here: files or tables
(`stinercut.cards`, `stinercut.jumps`).
"""
