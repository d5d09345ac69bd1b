"""Signatures: what is certainly not in a block, told by a few bits, which PostgreSQL looks at without opening it.

Bloom filters (Bloom, 1970) of bytes in a row of a block's text, folded, and of whole ids. Hashes are of
32 bits and ours, so that they are the same forever; place = hash * bits >> 32, so a filter may have any length.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logs.storage.blocks.arrays import Hashes, Mask, np

GRAM, LONG_GRAM = 4, 7  # bytes
MOST_BYTES = 7_400  # of a signature: with the rest of its row it fits into one page, so it is looked at where it lies
_LEAST_BYTES = 64
_MOST_WORD_BYTES = 12_000  # of the one of seven bytes, which lies outside
_BITS_A_GRAM, _BITS_A_LONG_GRAM, _BITS_AN_ID = 5, 2, 12
_GOLDEN = 2_654_435_761  # 2^32 / φ
_MIXERS = (0x85EB_CA6B, 0xC2B2_AE35, 0x27D4_EB2F, 0x1656_67B1)  # odd; MurmurHash3's and xxHash's
_GRAM_BITS, _LONG_GRAM_BITS = 21, 22  # that tell one gram from another
GRAM_HASHES, _ID_HASHES = 2, 4  # of a gram in each of its signatures, and of an id


class TextSignatures(NamedTuple):
    """Of four bytes in a row, twice by other hashes, for what is short passes the first of one block in nine; and of
    seven in a row, for the parts of a rare name or number are often common."""

    text_sig: bytes
    part_sig: bytes
    word_sig: bytes


def text_signatures(texts: Sequence[bytes]) -> TextSignatures:
    """Return the signatures of folded texts."""
    grams, long_grams = _distinct(map(_grams, texts), _GRAM_BITS), _distinct(map(_long_grams, texts), _LONG_GRAM_BITS)
    size, hashes = _size(len(grams) * _BITS_A_GRAM), _mixed(grams, 2 * GRAM_HASHES)
    words = _filter(_size(len(long_grams) * _BITS_A_LONG_GRAM, _MOST_WORD_BYTES), _mixed(long_grams, 1))
    return TextSignatures(_filter(size, hashes[:GRAM_HASHES]), _filter(size, hashes[GRAM_HASHES:]), words)


def _distinct(grams: Iterable[Hashes], bits: int) -> Hashes:
    is_there = np.zeros(1 << bits, bool)
    for some in grams:
        is_there[some.astype(np.intp)] = True  # as numpy would do by itself, in smaller parts
    return _true_places(is_there)


def _true_places(flags: Mask) -> Hashes:
    """Return where flags are true that mostly are not: eight of them are looked at together."""
    packed = np.packbits(flags, bitorder="little")
    places = np.flatnonzero(packed != 0)
    bits = np.flatnonzero(np.unpackbits(packed[places], bitorder="little").view(bool))
    return ((places[bits >> 3] << 3) | (bits & 7)).astype(np.uint32)


def id_signature(ids: Iterable[str | None]) -> bytes:
    """Return the signature of whole ids, and of their lengths: most words are of another."""
    distinct = [each for each in set(ids) if each is not None]
    lengths = np.array([*map(_of_length, {*map(len, distinct)})], np.uint32)
    hashes = np.concatenate([_of_ids(distinct), lengths])
    return _filter(_size(len(distinct) * _BITS_AN_ID), _mixed(hashes, _ID_HASHES))


def word_hashes(word: bytes, most: int) -> list[tuple[int, ...]]:
    """Return the hashes of some of a folded word's grams, evenly chosen; none where it is too short for any.

    Of each gram those of both signatures.
    """
    parts = [word[at : at + GRAM] for at in range(len(word) - GRAM + 1)]
    grams = sorted({int.from_bytes(part, "little") * _GOLDEN % 2**32 >> 32 - _GRAM_BITS for part in parts})
    chosen = [grams[at * (len(grams) - 1) // (most - 1)] for at in range(most)] if len(grams) > most else grams
    return [_mixed_once(gram, 2 * GRAM_HASHES) for gram in chosen]


def long_hashes(word: bytes, most: int) -> list[int]:
    """Return the hashes of some of a folded word's long grams, those with digits first: they tell most."""
    parts = {word[at : at + LONG_GRAM] for at in range(len(word) - LONG_GRAM + 1)}
    chosen = sorted(parts, key=lambda part: (-sum(map(bytes.isdigit, _letters(part))), part))[:most]
    return [_mix(_long_gram(part), _MIXERS[0]) for part in chosen]


def _letters(part: bytes) -> list[bytes]:
    return [part[at : at + 1] for at in range(len(part))]


def _long_gram(part: bytes) -> int:
    low, high = int.from_bytes(part[:4], "little"), int.from_bytes(part[3:], "little")
    return (low * _GOLDEN ^ high * _MIXERS[3]) % 2**32 >> 32 - _LONG_GRAM_BITS


def id_hashes(value: str) -> tuple[int, ...]:
    """Return the hashes of an id."""
    return _mixed_once(zlib.crc32(value.encode()), _ID_HASHES)


def length_hashes(value: str) -> tuple[int, ...]:
    """Return the hashes of an id's length."""
    return _mixed_once(_of_length(len(value)), _ID_HASHES)


def _of_length(length: int) -> int:
    return zlib.crc32(b"\0%d" % length)  # what no id is


def _mixed_once(number: int, count: int) -> tuple[int, ...]:
    """Return what `_mixed` makes of one number, without numpy: each search asks for some."""
    return tuple(_mix(number, mixer) for mixer in _MIXERS[:count])


def _mix(number: int, mixer: int) -> int:
    mixed = number * mixer % 2**32
    mixed = (mixed ^ mixed >> 15) * _GOLDEN % 2**32
    return (mixed ^ mixed >> 13) * mixer % 2**32


def _grams(text: bytes) -> Hashes:
    if len(text) < GRAM:
        return np.zeros(0, np.uint32)
    windows: Hashes = np.ndarray((len(text) - GRAM + 1,), "<u4", text, strides=(1,))
    return (windows * np.uint32(_GOLDEN)) >> np.uint32(32 - _GRAM_BITS)


def _long_grams(text: bytes) -> Hashes:
    if len(text) < LONG_GRAM:
        return np.zeros(0, np.uint32)
    windows: Hashes = np.ndarray((len(text) - 3,), "<u4", text, strides=(1,))
    mixed: Hashes = windows[:-3] * np.uint32(_GOLDEN) ^ windows[3:] * np.uint32(_MIXERS[3])
    return mixed >> np.uint32(32 - _LONG_GRAM_BITS)


def _of_ids(ids: Sequence[str]) -> Hashes:
    encoded = "\0".join(ids).encode().split(b"\0")
    return np.fromiter(map(zlib.crc32, encoded), np.uint32, len(ids)) if ids else np.zeros(0, np.uint32)


def _mixed(numbers: Hashes, count: int) -> Hashes:
    """Return `count` hashes of each number, one row for each of them."""
    mixers = np.array(_MIXERS[:count], np.uint32)[:, None]
    mixed = numbers[None, :] * mixers
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(_GOLDEN)
    mixed ^= mixed >> np.uint32(13)
    return mixed * mixers


def _size(bits: int, most: int = MOST_BYTES) -> int:
    return min(most, max(_LEAST_BYTES, -(-bits // 512) * 64))


def _filter(size: int, hashes: Hashes) -> bytes:
    flags = np.zeros(size * 8, bool)
    flags[(hashes.astype(np.uint64) * np.uint64(size * 8)) >> np.uint64(32)] = True
    return np.packbits(flags, bitorder="little").tobytes()
