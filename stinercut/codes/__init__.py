"""QR codes of passengers: their content, how they are made and signed, how they are read from footage.

Owns: the payload, decoders, the reading cascade, sheets of codes. Not here: which files are read (`sensors`,
`stinercut_assets`), to which jump a file belongs (`stinercut.cards`).
"""
