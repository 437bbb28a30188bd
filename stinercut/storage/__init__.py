"""Where bytes lie: the store of footage, locks, names on disks, and the sweeping of what nobody uses.

Owns: durable writes, one file per content, locks between processes, who may read the data folder. Not here: which
files are wanted (`stinercut.cards`), what is known of them (`stinercut.catalog`).
"""
