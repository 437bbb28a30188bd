"""Reads MP4 files without ffmpeg: boxes, tracks with their samples, and the headers of H.264 streams.

Owns: parsing. Not here: using the samples (`stinercut.films.picture`, `stinercut.codes`).
"""
