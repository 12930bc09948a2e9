"""Pictures with a text written on them, of any size, as PNG or as JPEG; nothing but the standard library.

A picture is a grid of squares of eight pixels, each of one of two colours. That is what makes both formats short: a
PNG of one bit a pixel, and a JPEG whose blocks need no more than their mean.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SQUARE = 8
"""Pixels of a side."""
_WIDE, _HIGH = 4, 6
"""Squares of a letter, with the gap behind and below it."""
_INK = (0, 0, 0)

Format = Literal["png", "jpeg"]


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn when somebody looks."""

    text: str
    width: int
    height: int
    format: Format
    seed: int
    """Pictures of the same text differ with it."""

    def is_there(self, now: datetime) -> bool:
        """A picture is, as soon as it is ordered."""
        return True

    @property
    def content_type(self) -> str:
        return f"image/{self.format}"

    def data(self) -> bytes:
        """The file."""
        grid = _grid(self.text, -(-self.width // SQUARE), -(-self.height // SQUARE))
        # Light enough for black letters.
        paper = zlib.crc32(f"{self.seed} {self.text}".encode("utf-8", "surrogatepass"))
        colour = (128 + (paper & 127), 128 + (paper >> 8 & 127), 128 + (paper >> 16 & 127))
        draw = _png if self.format == "png" else _jpeg
        return draw(grid, self.width, self.height, colour)


Grid = list[list[bool]]
"""Rows of squares; ``True`` is ink."""
_Colour = tuple[int, int, int]


def _grid(text: str, across: int, down: int) -> Grid:
    grid = [[False] * across for _ in range(down)]
    for line, letters in enumerate(_lines(text, (across - 1) // _WIDE, (down - 1) // _HIGH)):
        for place, letter in enumerate(letters):
            for row, digit in enumerate(_glyph(letter)):
                for column in range(3):
                    if int(digit) >> (2 - column) & 1:
                        grid[1 + line * _HIGH + row][1 + place * _WIDE + column] = True
    return grid


def _lines(text: str, across: int, down: int) -> Iterator[str]:
    """*text* in as many lines as there is room for, broken between words where that is possible."""
    rest = " ".join(text.split())
    for _ in range(down if across > 0 else 0):
        if not rest:
            return
        end = across if len(rest) <= across or " " not in rest[: across + 1] else rest.rindex(" ", 0, across + 1)
        yield rest[:end]
        rest = rest[end:].lstrip()


def _glyph(letter: str) -> str:
    """Five rows of three squares, each row an octal digit."""
    plain = unicodedata.normalize("NFKD", letter)[:1].upper()
    return _GLYPHS.get(plain, "75557")


_LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'\"-_:;()/+=*#%&@"
_ROWS = (
    "000002575565656344436555674647746443455355755722271115255655444475775565555255526564425563656553421672222"
    "555575555255775552555522271247755572622761247612165571174616347577122275757757160000200024222027120222000"
    "550000070000007020200202412221422241124402720070700525057575512452525725743"
)
"""Five digits for each of the letters."""
_GLYPHS = {letter: _ROWS[5 * place : 5 * place + 5] for place, letter in enumerate(_LETTERS)}


# PNG


def _png(grid: Grid, width: int, height: int, paper: _Colour) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    lines = (b"\0" + bytes(255 * square for square in row) for row in grid for _ in range(SQUARE))
    rows = b"".join(line for _, line in zip(range(height), lines, strict=False))
    chunks = ((b"IHDR", head), (b"PLTE", bytes(paper + _INK)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# JPEG: baseline, no subsampling, one code for every length of a difference of means and one for "no more".


def _jpeg(grid: Grid, width: int, height: int, paper: _Colour) -> bytes:
    quantities = bytes([0, 1 * 8, *[1] * 63])
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    means = bytes([0, 0, 0, 0, 12, *[0] * 12, *range(12)])
    rest = bytes([0x10, 1, *[0] * 15, 0])
    scan = bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])
    parts = ((0xDB, quantities), (0xC0, frame), (0xC4, means), (0xC4, rest), (0xDA, scan))
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes([1, 1, 0, 0, 1, 0, 1, 0, 0])
    heads = b"".join(bytes([0xFF, mark]) + struct.pack(">H", len(data) + 2) + data for mark, data in parts)
    return b"\xff\xd8" + jfif + heads + _scan(grid, paper) + b"\xff\xd9"


def _scan(grid: Grid, paper: _Colour) -> bytes:
    levels = {False: _means(paper), True: _means(_INK)}
    steps = {(a, b): _step(levels[a], levels[b]) for a in levels for b in levels}
    bits = [_step((0, 0, 0), levels[grid[0][0]])]
    before = grid[0][0]
    for square in [square for row in grid for square in row][1:]:
        bits.append(steps[before, square])
        before = square
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def _means(colour: _Colour) -> _Colour:
    """Luminance and both differences of a colour, around 0; a mean is an eighth of the sum of a block's pixels."""
    red, green, blue = colour
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return round(light - 128), round((blue - light) * 0.564), round((red - light) * 0.713)


def _step(before: _Colour, after: _Colour) -> str:
    """The bits of one square: how far each mean is from the last, and that nothing more follows."""
    return "".join(_difference(new - old) + "0" for old, new in zip(before, after, strict=True))


def _difference(amount: int) -> str:
    length = abs(amount).bit_length()
    if not length:
        return f"{0:04b}"
    return f"{length:04b}{amount if amount > 0 else amount + (1 << length) - 1:0{length}b}"
