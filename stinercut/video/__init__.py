"""Opening, measuring and decoding video: the one place that runs ffmpeg; nothing in it knows about jumps.

Owns: inputs and their limits, probes, frames, stills, encoders. Not here: what a film is made of
(`stinercut.films`), what is drawn (`stinercut.drawing`).
"""
