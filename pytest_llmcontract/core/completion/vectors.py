"""Vectors of texts: the same for the same text in every run, near for texts that share words or parts of them.

Each word, each pair of words and each run of three letters is hashed onto a few places of the vector. That is no
meaning, but what a test can hold on to: order by likeness, equal vectors for equal texts, and the model's own size.
"""

from __future__ import annotations

import math
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

DIMENSIONS = 1024
"""Of a model whose size nobody knows (assumed)."""
_PLACES = 4
_WORD = re.compile(r"\w+")
_COMMON, _OWN = 0.6, 0.05
"""Weights of what all texts share, as no two are opposites, and of what a text shares with none but itself."""


def vector(text: str, dimensions: int, *, unit_length: bool) -> tuple[float, ...]:
    """The vector of *text*, in numbers of single precision.

    Args:
        unit_length: Whether its length is 1; else it grows with the text.
    """
    sums = [0.0] * dimensions
    for feature, weight in _features(text):
        for place, sign in _places(feature, dimensions):
            sums[place] += sign * weight
    length = math.sqrt(sum(value * value for value in sums)) or 1.0
    scale = 1.0 if unit_length else math.log2(2 + len(text))
    return unpacked(packed([value / length * scale for value in sums]))


def packed(numbers: list[float] | tuple[float, ...]) -> bytes:
    """As base64 carries them: little-endian, four bytes each."""
    return struct.pack(f"<{len(numbers)}f", *numbers)


def unpacked(data: bytes) -> tuple[float, ...]:
    """The numbers of :func:`packed`."""
    return struct.unpack(f"<{len(data) // 4}f", data)


def likeness(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The cosine of two vectors of unit length."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def words(text: str) -> list[str]:
    """The words of *text*, in one spelling."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _features(text: str) -> Iterator[tuple[str, float]]:
    found = words(text)
    yield "", _COMMON * max(1.0, math.sqrt(len(found)))
    yield f"={text}", _OWN
    for word in found:
        yield word, 1.0
        padded = f"<{word}>"
        share = 1.0 / math.sqrt(len(padded))
        for start in range(len(padded) - 2):
            yield f"#{padded[start : start + 3]}", share
    for first, second in pairwise(found):
        yield f"{first} {second}", 0.4


@lru_cache(maxsize=16384)
def _places(feature: str, dimensions: int) -> tuple[tuple[int, int], ...]:
    raw = feature.encode("utf-8", "surrogatepass")
    hashes = [zlib.crc32(raw, salt * 0x9E3779B1 & 0xFFFFFFFF) for salt in range(1, _PLACES + 1)]
    # The lowest bit decides the sign, the others the place.
    return tuple(((number >> 1) % dimensions, 1 if number & 1 else -1) for number in hashes)
