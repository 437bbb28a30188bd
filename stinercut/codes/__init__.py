"""QR codes of passengers: what a code says, how it is made and signed, how it is read from footage.

Owns: the payload, decoders, the reading cascade, sheets of codes. Not here: which files are read (`sensors`,
`stinercut_assets`), which jump a file belongs to (`stinercut.cards`).
"""
