"""Reads H.264 as stored in an MP4: the decoder's configuration, its parameter sets, the units of a frame.

Owns: reading these bits (ITU-T H.264, 7.3; ISO/IEC 14496-15, 5.3.3). Not here: whether frames may be copied
(`stinercut.films.picture.stream_copy`), where they lie (`tracks`). Bytes that make no sense raise `Strange`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

SLICES = (1, 5)
IDR, SPS, PPS = 5, 7, 8
HARMLESS = (6, 9, 12)
"""Units other than slices that don't affect other frames: extra information, delimiters, filler."""

_HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128)
"""Profiles whose SPS declares how colours are sampled (7.3.2.1.1)."""

_EXTENDED_SHAPE = 255
_SHAPES = (Fraction(1), *(Fraction(*pair) for pair in (
    (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33), (18, 11), (15, 11),
    (64, 33), (160, 99), (4, 3), (3, 2), (2, 1))))  # fmt: skip
"""Shapes of a pixel by their number (table E-1); 0, unspecified, counts as square."""


LEFT = (0, 0)
"""The chroma location that players assume: level with the left one of two pixels (figure E-1)."""


class Strange(Exception):
    """The bytes are not the H.264 that is expected here."""


@dataclass(frozen=True)
class Configuration:
    """An AVCDecoderConfigurationRecord. `sps` and `pps` are whole units with their header byte."""

    profile: int
    compatibility: int
    level: int
    length_size: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    extension: bytes = b""

    @property
    def packed(self) -> bytes:
        """The record's bytes."""
        head = bytes((1, self.profile, self.compatibility, self.level, 0xFC | (self.length_size - 1)))
        sets = [bytes((0xE0 | len(self.sps),)), *map(_with_length, self.sps)]
        sets += [bytes((len(self.pps),)), *map(_with_length, self.pps)]
        return head + b"".join(sets) + self.extension


@dataclass(frozen=True)
class SequenceSet:
    """The values of an SPS. `colours`: numbers of primaries, transfer and matrix; 2 means undeclared.

    `chroma_location`: the numbers for the top and the bottom field; LEFT if undeclared.
    """

    number: int
    profile: int
    width: int
    height: int
    progressive: bool
    plain: bool
    """8 bits, 4:2:0."""

    shape: Fraction
    full_range: bool
    colours: tuple[int, int, int]
    chroma_location: tuple[int, int]


def configuration(record: bytes) -> Configuration:
    """Read an avcC box. Raises Strange."""
    try:
        if record[0] != 1:
            raise Strange
        at, sps = _sets(record, 6, record[5] & 0x1F)
        at, pps = _sets(record, at + 1, record[at])
    except IndexError:
        raise Strange from None
    if not sps or not pps:
        raise Strange
    return Configuration(record[1], record[2], record[3], (record[4] & 3) + 1, sps, pps, record[at:])


def merged(configurations: Iterable[Configuration]) -> Configuration:
    """One configuration for the frames of all of them. Raises Strange if two use one number for different sets."""
    different = list(dict.fromkeys(configurations))
    if len({configured.length_size for configured in different}) != 1:
        raise Strange
    sps = _apart({unit: sequence(unit).number for configured in different for unit in configured.sps})
    pps = _apart({unit: picture_set_number(unit) for configured in different for unit in configured.pps})
    best = max(different, key=lambda configured: configured.profile)
    compatibility = best.compatibility
    for configured in different:
        compatibility &= configured.compatibility
    level = max(configured.level for configured in different)
    return Configuration(best.profile, compatibility, level, best.length_size, sps, pps, best.extension)


def _apart(numbers: dict[bytes, int]) -> tuple[bytes, ...]:
    if len(set(numbers.values())) != len(numbers):
        raise Strange
    return tuple(numbers)


def sequence(unit: bytes) -> SequenceSet:
    """Read an SPS. Raises Strange."""
    try:
        return _sequence(_Bits(_without_escapes(unit[1:])))
    except IndexError:
        raise Strange from None


def picture_set_number(unit: bytes) -> int:
    """The number of a PPS. Raises Strange."""
    try:
        return _Bits(_without_escapes(unit[1:])).golomb()
    except IndexError:
        raise Strange from None


def units(frame: bytes, length_size: int) -> Iterator[bytes]:
    """The units of a frame, each with its header byte. Raises Strange when their lengths don't add up."""
    at = 0
    while at < len(frame):
        size = int.from_bytes(frame[at : at + length_size], "big")
        at += length_size
        if size == 0 or at + size > len(frame):
            raise Strange
        yield frame[at : at + size]
        at += size


def kind_of(unit: bytes) -> int:
    """The type of a unit (table 7-1)."""
    return unit[0] & 0x1F


def _with_length(unit: bytes) -> bytes:
    return len(unit).to_bytes(2, "big") + unit


def _sets(record: bytes, at: int, count: int) -> tuple[int, tuple[bytes, ...]]:
    found: list[bytes] = []
    for _ in range(count):
        size = record[at] << 8 | record[at + 1]
        found.append(record[at + 2 : at + 2 + size])
        at += 2 + size
        if at > len(record) or size < 2:
            raise Strange
    return at, tuple(found)


# Bits ----------------------------------------------------------------------------------------------------------------


def _without_escapes(unit: bytes) -> bytes:
    """The payload without escapes: a 3 after two zero bytes only prevents an apparent start code (7.4.1)."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


class _Bits:
    """Reads bits from the front. Raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def bit(self) -> int:
        byte = self._data[self._at >> 3]
        value = byte >> (7 - (self._at & 7)) & 1
        self._at += 1
        return value

    def number(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def golomb(self) -> int:
        """An Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.bit():
            zeros += 1
            if zeros > 32:
                raise Strange
        return (1 << zeros) - 1 + self.number(zeros)

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _sequence(bits: _Bits) -> SequenceSet:
    profile = bits.number(8)
    bits.number(16)
    number = bits.golomb()
    plain = _sampling(bits) if profile in _HIGH else True
    bits.golomb()
    _order(bits)
    bits.golomb()
    bits.bit()
    columns, rows = bits.golomb() + 1, bits.golomb() + 1
    progressive = bool(bits.bit())
    if not progressive:
        bits.bit()
        rows *= 2
    bits.bit()
    left, right, top, bottom = (bits.golomb() for _ in range(4)) if bits.bit() else (0, 0, 0, 0)
    times = 2 if progressive else 4
    usability = _usability(bits) if bits.bit() else (Fraction(1), False, (2, 2, 2), LEFT)
    width, height = 16 * columns - 2 * (left + right), 16 * rows - times * (top + bottom)
    return SequenceSet(number, profile, width, height, progressive, plain, *usability)


def _sampling(bits: _Bits) -> bool:
    """Whether it is 8 bits and 4:2:0. Reads on to the end of the scaling lists."""
    sampling = bits.golomb()
    if sampling == 3:
        bits.bit()
    depths = bits.golomb(), bits.golomb()
    bypass = bits.bit()
    if bits.bit():
        for number in range(8 if sampling != 3 else 12):
            if bits.bit():
                _skip_scaling(bits, 16 if number < 6 else 64)
    return sampling == 1 and depths == (0, 0) and not bypass


def _skip_scaling(bits: _Bits, size: int) -> None:
    last, following = 8, 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _order(bits: _Bits) -> None:
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.bit()
        bits.signed()
        bits.signed()
        for _ in range(bits.golomb()):
            bits.signed()


def _usability(bits: _Bits) -> tuple[Fraction, bool, tuple[int, int, int], tuple[int, int]]:
    """The beginning of the VUI (E.1.1): pixel shape, range, colours, chroma location."""
    shape = Fraction(1)
    if bits.bit():
        number = bits.number(8)
        if number == _EXTENDED_SHAPE:
            pair = bits.number(16), bits.number(16)
            shape = Fraction(*pair) if all(pair) else Fraction(1)
        elif number < len(_SHAPES):
            shape = _SHAPES[number]
        else:
            raise Strange
    if bits.bit():
        bits.bit()
    full_range, colours = False, (2, 2, 2)
    if bits.bit():
        bits.number(3)
        full_range = bool(bits.bit())
        if bits.bit():
            colours = bits.number(8), bits.number(8), bits.number(8)
    location = (bits.golomb(), bits.golomb()) if bits.bit() else LEFT
    return shape, full_range, colours, location


def numbers(configured: Configuration) -> tuple[Sequence[int], Sequence[int]]:
    """The numbers of its SPS and of its PPS. Raises Strange."""
    return [sequence(unit).number for unit in configured.sps], [picture_set_number(unit) for unit in configured.pps]
