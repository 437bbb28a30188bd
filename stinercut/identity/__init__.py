"""Who jumped: what a QR code says, how it is read from footage, and what is refused.

Lives here: the payload's schema, the decoders, the reading cascade, and making codes. Doesn't: which files are read
(`sensors`, `stinercut_assets`), how a card falls into jumps (`stinercut.sessions`).
"""
