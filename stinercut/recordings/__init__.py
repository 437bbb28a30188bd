"""What a camera's file names and times say: which files are one recording, in which order, on which day.

Owns: the rules for names, filming order, sessions and stretches; all pure. Not here: any file or table
(`stinercut.cards`, `stinercut.jumps`).
"""
