"""Checks that the video signal of a segment matches its profile, property by property.

Owns: the properties that all segments of a film must share, read from a segment's header. Not here: setting them
(`encoding`, `stinercut.video.video_signal`), how many frames there are (`segment_cache`), one configuration for all
(`stinercut.films.join`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stinercut.films.picture.encoding import EncodeProfile
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.video.mp4 import h264
from stinercut.video.mp4.tracks import VideoTrack

_BT709 = (1, 1, 1)
_UNSAID = (2, 2, 2)


def mismatches(track: VideoTrack, profile: EncodeProfile) -> list[Message]:
    """How a video differs from a segment of that profile; empty if it can be joined with others.

    Only its header is looked at. An unreadable header counts as no H.264.
    """
    if track.coding != b"avc1":
        return [Message.of(MessageCode.SIGNAL_NOT_H264)]
    try:
        sets = [h264.sequence(unit) for unit in h264.configuration(track.record).sps]
    except h264.Strange:
        return [Message.of(MessageCode.SIGNAL_SETS_UNREADABLE)]
    return [*_of_track(track, profile), *(said for sps in sets for said in _of_set(sps, track, profile))]


def _of_track(track: VideoTrack, profile: EncodeProfile) -> Iterator[Message]:
    size, wanted = (track.width, track.height), (profile.width, profile.height)
    if size != wanted:
        yield Message.of(MessageCode.SIGNAL_SIZE, found=_times(size), wanted=_times(wanted))
    if track.timescale != profile.timescale or track.irregular or track.length != track.frames * profile.ticks:
        yield Message.of(MessageCode.SIGNAL_RATE, rate=str(profile.rate))
    if track.turned or not track.square:
        yield Message.of(MessageCode.SIGNAL_TURNED)


def _of_set(sps: h264.SequenceSet, track: VideoTrack, profile: EncodeProfile) -> Iterator[Message]:
    size, wanted = (sps.width, sps.height), (profile.width, profile.height)
    if size != wanted:
        yield Message.of(MessageCode.SIGNAL_PICTURE_SIZE, found=_times(size), wanted=_times(wanted))
    if not sps.plain:
        yield Message.of(MessageCode.SIGNAL_PIXEL_FORMAT)
    if not sps.progressive:
        yield Message.of(MessageCode.SIGNAL_INTERLACED)
    if sps.shape != 1:
        yield Message.of(MessageCode.SIGNAL_PIXEL_SHAPE, times=str(sps.shape))
    if sps.full_range != profile.full_range:
        full, limited = Message.of(MessageCode.SIGNAL_RANGE_FULL), Message.of(MessageCode.SIGNAL_RANGE_LIMITED)
        yield full if sps.full_range else limited
    # A hardware encoder may leave its colours to the file.
    if sps.colours != _BT709 and not (sps.colours == _UNSAID and track.colours == _BT709):
        yield Message.of(MessageCode.SIGNAL_COLOURS, found=str(sps.colours), wanted=str(_BT709))
    if sps.chroma_location != h264.LEFT:
        yield Message.of(MessageCode.SIGNAL_CHROMA, found=str(sps.chroma_location), wanted=str(h264.LEFT))


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
