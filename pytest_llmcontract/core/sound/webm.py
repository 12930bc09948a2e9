"""How long a WebM file plays: its elements, as far as that takes.

What a browser records has no duration in front, since it did not know it: then the last block says it. Source: the
EBML and Matroska specifications (RFC 8794, RFC 9559).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

EBML = b"\x1a\x45\xdf\xa3"
"""What a file begins with."""

_SEGMENT, _INFO, _SCALE, _DURATION = 0x18538067, 0x1549A966, 0x2AD7B1, 0x4489
_CLUSTER, _TIME, _BLOCK, _GROUP, _BLOCK_OF_GROUP = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1
_INSIDE = (_SEGMENT, _INFO, _CLUSTER, _GROUP)
"""Elements whose own elements are looked at."""
_MILLISECOND = 1_000_000
"""Nanoseconds: the unit of time where the file names none."""


def webm_seconds(data: bytes) -> float | None:
    """How long it plays; ``None``: it says nothing of time at all."""
    scale, whole, cluster, last = _MILLISECOND, 0.0, 0, -1
    for element, start, end in _elements(data):
        value = data[start:end]
        if element == _SCALE:
            scale = int.from_bytes(value, "big") or _MILLISECOND
        elif element == _DURATION and len(value) in (4, 8):
            whole = struct.unpack(">f" if len(value) == 4 else ">d", value)[0]
        elif element == _TIME:
            cluster = int.from_bytes(value, "big")
            last = max(last, cluster)
        elif element in (_BLOCK, _BLOCK_OF_GROUP) and len(value) > 3:
            # One byte of the track's number, as sound alone has it, then the time since that of the cluster.
            last = max(last, cluster + struct.unpack(">h", value[1:3])[0])
        if whole:
            return whole * scale / 1e9
    return last * scale / 1e9 if last >= 0 else None


def _elements(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each element its id, and where its content begins and ends; those inside follow the one they are in."""
    place = 0
    while place < len(data):
        head = _number(data, place, keep=True)
        size = _number(data, place + head[1]) if head else None
        if head is None or size is None:
            return
        element, start = head[0], place + head[1] + size[1]
        unknown = size[0] == (1 << 7 * size[1]) - 1
        end = len(data) if unknown else min(start + size[0], len(data))
        yield element, start, end
        place = start if element in _INSIDE else end


def _number(data: bytes, place: int, *, keep: bool = False) -> tuple[int, int] | None:
    """A number of as many bytes as its first one has leading zeros, and one more; with how many those are.

    Args:
        keep: The bit that tells the length belongs to it, as it does to ids.
    """
    first = data[place] if place < len(data) else 0
    length = 9 - first.bit_length()
    if not first or place + length > len(data):
        return None
    value = int.from_bytes(data[place : place + length], "big")
    return (value if keep else value & (1 << 7 * length) - 1), length
