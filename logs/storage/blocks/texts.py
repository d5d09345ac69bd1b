"""Columns of text: messages as one text, and ids that may be missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from logs.storage.blocks.packing import (
    DamagedBlockError,
    Reader,
    pack_flags,
    pack_section,
    pieces,
    read_flags,
    unpack_section,
)

END = b"\0"  # between two texts: PostgreSQL stores none that holds it
_NONE, _HEXES, _TEXTS = b"n", b"h", b"t"


def pack_messages(messages: Sequence[str]) -> bytes:
    """Write messages, none of them missing. Raises TooLargeError."""
    return pack_section("\0".join(messages).encode())


def read_messages(section: bytes, count: int) -> bytes:
    """Return the messages joined by END; raises DamagedBlockError."""
    raw = unpack_section(section)
    if raw.count(END) != max(count - 1, 0):
        raise DamagedBlockError("a column has another length than its block")
    return raw


def pack_ids(ids: Sequence[str | None]) -> bytes:
    """Write trace or request ids; None and the empty text stay apart. Raises TooLargeError."""
    known = [each for each in ids if each is not None]
    if not known:
        return pack_section(_NONE)
    body = _of_hexes(known)
    kind = _TEXTS if body is None else _HEXES
    flags = pack_flags(np.fromiter((each is not None for each in ids), bool, len(ids)))
    return pack_section(kind + flags + ("\0".join(known).encode() if body is None else body))


def may_hold(raw: bytes, ids: Sequence[str]) -> bool:
    """Return whether one of `ids` may be among those of an unpacked section."""
    if raw[:1] == _HEXES:
        return any(body in raw for each in ids if (body := _of_hexes([each])) is not None)
    return any(each.encode() in raw for each in ids)


def read_ids(raw: bytes, count: int) -> list[str | None]:
    """Return what `pack_ids` was given, from its unpacked section; raises DamagedBlockError."""
    kind, reader = raw[:1], Reader(raw[1:])
    if kind == _NONE:
        reader.finish()
        return [None] * count
    if kind not in (_HEXES, _TEXTS):
        raise DamagedBlockError("ids are of an unknown kind")
    flags = read_flags(reader, count)
    known = int(flags.sum())
    body = raw[1 + -(-count // 8) :]
    texts = iter(_hexes(body, known) if kind == _HEXES else decoded(pieces(body, END, known)))
    return [next(texts) if is_known else None for is_known in flags.tolist()]


def decoded(texts: Sequence[bytes]) -> list[str]:
    """Return texts of UTF-8; raises DamagedBlockError."""
    try:
        return [each.decode() for each in texts]
    except UnicodeDecodeError as error:
        raise DamagedBlockError("a text is not UTF-8") from error


def _of_hexes(ids: Sequence[str]) -> bytes | None:
    """Return 16 bytes for each id where all of them are 32 hexadecimal digits as `bytes.hex` writes them."""
    if any(len(each) != 32 for each in ids):
        return None
    joined = "".join(ids)
    try:
        body = bytes.fromhex(joined)
    except ValueError:
        return None
    return body if body.hex() == joined else None


def _hexes(body: bytes, count: int) -> list[str]:
    if len(body) != 16 * count:
        raise DamagedBlockError("a column has another length than its block")
    text = body.hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]
