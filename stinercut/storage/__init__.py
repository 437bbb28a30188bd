"""Files on disk: the store of footage, locks, names on disks, and removing unused files.

Owns: durable writes, one file per content, locks between processes, rights on the data folder. Not here: which files
are wanted (`stinercut.cards`), the catalog of them (`stinercut.catalog`).
"""
