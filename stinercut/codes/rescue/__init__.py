"""A second look at QR codes that the decoders saw, or should have seen, and could not decode.

Owns: finding the three corners of a code, a sampling grid that bends with its paper, and the flat picture of its
modules. Not here: decoding, which stays with `stinercut.codes.decoders`; when this look pays
(`stinercut.codes.film_reader`, `stinercut.codes.still_reader`).
"""
