"""Checks that the video signal of a segment matches its profile, property by property.

Owns: the properties that all segments of a film must share, read from a segment's header. Not here: setting them
(`encoding`, `stinercut.video.video_signal`), how many frames there are (`segment_cache`), one configuration for all
(`stinercut.films.join`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stinercut.films.picture.encoding import EncodeProfile
from stinercut.video.mp4 import h264
from stinercut.video.mp4.tracks import VideoTrack

_BT709 = (1, 1, 1)
_UNSAID = (2, 2, 2)


def mismatches(track: VideoTrack, profile: EncodeProfile) -> list[str]:
    """In words, how a video differs from a segment of that profile; empty if it can be joined with others.

    Only its header is looked at. An unreadable header counts as no H.264.
    """
    if track.coding != b"avc1":
        return ["it is not H.264 with its parameter sets in front"]
    try:
        sets = [h264.sequence(unit) for unit in h264.configuration(track.record).sps]
    except h264.Strange:
        return ["its parameter sets can't be read"]
    return [*_of_track(track, profile), *(words for sps in sets for words in _of_set(sps, track, profile))]


def _of_track(track: VideoTrack, profile: EncodeProfile) -> Iterator[str]:
    size, wanted = (track.width, track.height), (profile.width, profile.height)
    if size != wanted:
        yield f"it is {_times(size)} where {_times(wanted)} was due"
    if track.timescale != profile.timescale or track.irregular or track.length != track.frames * profile.ticks:
        yield f"its frames don't come at {profile.rate} a second"
    if track.turned or not track.square:
        yield "a player would turn, stretch or crop it"


def _of_set(sps: h264.SequenceSet, track: VideoTrack, profile: EncodeProfile) -> Iterator[str]:
    size, wanted = (sps.width, sps.height), (profile.width, profile.height)
    if size != wanted:
        yield f"its pictures are {_times(size)} where {_times(wanted)} was due"
    if not sps.plain:
        yield "its pixels are not 8 bits 4:2:0"
    if not sps.progressive:
        yield "it is interlaced"
    if sps.shape != 1:
        yield f"its pixels are {sps.shape} times as broad as high"
    if sps.full_range != profile.full_range:
        yield f"its range is {_range(sps.full_range)} where {_range(profile.full_range)} was due"
    # A hardware encoder may leave its colours to the file.
    if sps.colours != _BT709 and not (sps.colours == _UNSAID and track.colours == _BT709):
        yield f"its primaries, transfer and matrix are {sps.colours} where BT.709, {_BT709}, was due"
    if sps.chroma_location != h264.LEFT:
        yield f"its chroma location is {sps.chroma_location} where left, {h264.LEFT}, was due"


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _range(full: bool) -> str:
    return "full" if full else "limited"
