"""The smallest parts of a block: sections that say their length and carry a checksum, and columns of integers.

Whatever is read here may be damaged. Every length is compared before it is believed, so that a damaged block costs an
error of its own kind, and neither a crash nor memory.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

from logs.storage.blocks.arrays import Ints, Mask, np

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

VERSION = 1
MAX_SECTION = 64 * 1024 * 1024  # bytes of a section when it is unpacked
_WINDOW_LOG = 26  # of MAX_SECTION: no frame asks for more memory
_HEAD = struct.Struct("<BI")  # version, bytes when unpacked
_PACKING: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
}
_READING: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
_WIDTHS = (1, 2, 4, 8)  # bytes of an integer


class DamagedBlockError(Exception):
    """A block does not hold what it says, or is of a version that this program does not know."""


class TooLargeError(Exception):
    """What is to be packed has more than MAX_SECTION bytes."""


def pack_section(raw: bytes) -> bytes:
    """Compress `raw`; raises TooLargeError."""
    if len(raw) > MAX_SECTION:
        raise TooLargeError
    return _HEAD.pack(VERSION, len(raw)) + zstd.compress(raw, options=_PACKING)


def unpack_section(section: bytes) -> bytes:
    """Return what `pack_section` was given; raises DamagedBlockError."""
    if len(section) < _HEAD.size:
        raise DamagedBlockError("a section is cut short")
    version, size = _HEAD.unpack_from(section)
    if version != VERSION:
        raise DamagedBlockError(f"a section has the unknown version {version}")
    if size > MAX_SECTION:
        raise DamagedBlockError("a section says that it is larger than any may be")
    frame = section[_HEAD.size :]
    try:
        if zstd.get_frame_info(frame).decompressed_size != size:
            raise DamagedBlockError("a section has another length than it says")
        reader = zstd.ZstdDecompressor(options=_READING)
        raw = reader.decompress(frame, max_length=size + 1)
    except (zstd.ZstdError, EOFError, ValueError, MemoryError) as error:
        raise DamagedBlockError("a section cannot be unpacked") from error
    if len(raw) != size or not reader.eof or reader.unused_data:
        raise DamagedBlockError("a section has another length than it says")
    return raw


class Reader:
    """Takes bytes from the front; raises DamagedBlockError where there are not so many."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if size < 0 or end > len(self._raw):
            raise DamagedBlockError("a section ends early")
        taken, self._at = self._raw[self._at : end], end
        return taken

    def number(self) -> int:
        """Return the next four bytes as a number."""
        return int.from_bytes(self.take(4), "little")

    def finish(self) -> None:
        """Raise DamagedBlockError where something is left."""
        if self._at != len(self._raw):
            raise DamagedBlockError("a section has more than it says")


def pack_number(number: int) -> bytes:
    """Write what `Reader.number` reads, up to 2^32 - 1."""
    return number.to_bytes(4, "little")


def pack_ints(numbers: Ints) -> bytes:
    """Write integers of 64 bits, those that vary little in few bytes: from their least on, byte plane by byte plane."""
    least = int(numbers.min()) if len(numbers) else 0
    above = numbers.view(np.uint64) - np.uint64(least & 0xFFFF_FFFF_FFFF_FFFF)
    most = int(above.max()) if len(numbers) else 0
    width = next(each for each in _WIDTHS if most < 1 << 8 * each)
    planes = above.astype(f"<u{width}").view(np.uint8).reshape(len(numbers), width).T
    return struct.pack("<Bq", width, least) + planes.tobytes()


def read_ints(reader: Reader, count: int) -> Ints:
    """Read `count` integers that `pack_ints` wrote; raises DamagedBlockError."""
    width, least = struct.unpack("<Bq", reader.take(9))
    if width not in _WIDTHS:
        raise DamagedBlockError("integers have an unknown width")
    planes = np.frombuffer(reader.take(count * width), np.uint8)
    if width > 1:
        planes = np.ascontiguousarray(planes.reshape(width, count).T).view(f"<u{width}").reshape(count)
    above = planes.astype(np.uint64)
    return (above + np.uint64(least & 0xFFFF_FFFF_FFFF_FFFF)).view(np.int64)


def take_ints(reader: Reader, count: int) -> bytes:
    """Take what `read_ints` reads of `count` integers, to be read later."""
    head = reader.take(9)
    if head[0] not in _WIDTHS:
        raise DamagedBlockError("integers have an unknown width")
    return head + reader.take(count * head[0])


def take_steps(reader: Reader, count: int) -> bytes:
    """Take what `read_steps` reads of `count` integers, to be read later."""
    return reader.take(8) + take_ints(reader, max(count - 1, 0))


def pack_steps(numbers: Ints) -> bytes:
    """Write integers that follow each other closely: the first, and the steps between them."""
    first = int(numbers[0]) if len(numbers) else 0
    unsigned = numbers.view(np.uint64)
    return struct.pack("<q", first) + pack_ints((unsigned[1:] - unsigned[:-1]).view(np.int64))


def read_steps(reader: Reader, count: int) -> Ints:
    """Read `count` integers that `pack_steps` wrote; raises DamagedBlockError."""
    (first,) = struct.unpack("<q", reader.take(8))
    steps = read_ints(reader, max(count - 1, 0))
    numbers = np.empty(count, np.uint64)
    if count:
        numbers[0] = first & 0xFFFF_FFFF_FFFF_FFFF
        np.cumsum(steps.view(np.uint64), out=numbers[1:])
        numbers[1:] += numbers[0]
    return numbers.view(np.int64)


def pack_flags(flags: Mask) -> bytes:
    """Write a bit for each flag."""
    return np.packbits(flags, bitorder="little").tobytes()


def read_flags(reader: Reader, count: int) -> Mask:
    """Read `count` flags; raises DamagedBlockError."""
    bits = np.frombuffer(reader.take(-(-count // 8)), np.uint8)
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool)


def pieces(raw: bytes, separator: bytes, count: int) -> list[bytes]:
    """Split `raw` into `count` pieces; raises DamagedBlockError where it has more or fewer."""
    if not count:
        if raw:
            raise DamagedBlockError("a text has more than it says")
        return []
    found = raw.split(separator)
    if len(found) != count:
        raise DamagedBlockError("a column has another length than its block")
    return found


def spans(counts: Ints) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of runs that follow each other and have so many entries."""
    at = 0
    for count in counts.tolist():
        yield at, at + count
        at += count
