"""MP4 files read by hand: boxes, tracks with their samples, and the headers of H.264 streams.

Owns: parsing. Not here: what the samples are used for (`stinercut.films.picture`, `stinercut.codes`).
"""
