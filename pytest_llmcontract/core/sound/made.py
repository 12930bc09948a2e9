"""Sound that is made: a tone for every word, in the form that is asked for, as long as somebody would take to say it.

Pieces repeat, so that minutes of it are made at once.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.sound.laws import a_law, mu_law

CHARACTERS_A_SECOND = 15
"""Of speech, about 150 words a minute (assumed)."""
LONGEST = 600.0
"""Seconds: what would play longer ends there, so that no test fills the memory."""
_TONE, _LOUD = 220, 6000
"""Hertz, and how high a wave is, of 32767."""
_SPOKEN = 0.8
"""The part of a word's time that sounds; a pause follows."""
_MP3_RATES = {44100: (3, 0), 48000: (3, 1), 32000: (3, 2), 22050: (2, 0), 24000: (2, 1), 16000: (2, 2),
              11025: (0, 0), 12000: (0, 1), 8000: (0, 2)}  # fmt: skip
"""Samples a second -> version and rate as the head of a frame has them."""
_MP3_KBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by their number from 1 on; of the first version, and of the others."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What is said, and how it shall sound."""

    text: str
    rate: int
    """Samples a second, of one channel."""
    encoding: str = "pcm_s16le"
    """Of a sample: a key of :data:`ENCODINGS`."""
    speed: float = 1.0
    length: float | None = None
    """Seconds, where somebody says how many."""

    @property
    def seconds(self) -> float:
        """How long it plays."""
        usual = max(1, len(self.text)) / CHARACTERS_A_SECOND / self.speed
        return min(usual if self.length is None else self.length, LONGEST)

    @property
    def samples(self) -> int:
        return max(1, round(self.seconds * self.rate))


def raw(sound: Sound) -> bytes:
    """Its samples alone."""
    encode = ENCODINGS[sound.encoding]
    wave, rest = encode(_wave(sound.rate)), encode([0])
    size = len(rest)
    made = bytearray()
    for start, end in _words(sound):
        loud = round((end - start) * _SPOKEN)
        made += (wave * (loud * size // len(wave) + 1))[: loud * size] + rest * (end - start - loud)
    return bytes(made)


def _wave(rate: int) -> list[int]:
    """One period of the tone."""
    count = max(2, rate // _TONE)
    return [round(_LOUD * math.sin(2 * math.pi * index / count)) for index in range(count)]


def _words(sound: Sound) -> Iterator[tuple[int, int]]:
    """First sample and end of each word: by its letters, the space behind it included."""
    words = sound.text.split() or [""]
    total, place, start = sum(len(word) + 1 for word in words), 0, 0
    for word in words:
        place += len(word) + 1
        end = sound.samples * place // total
        yield start, end
        start = end


def wav(sound: Sound) -> bytes:
    """As a file that plays."""
    kind, width = _WAV_KINDS[sound.encoding]
    data = raw(sound)
    form = struct.pack("<HHIIHH", kind, 1, sound.rate, sound.rate * width, width, 8 * width)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    chunks += b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def mp3(sound: Sound, bit_rate: int = 128_000) -> bytes:
    """As MP3: frames of silence, since nothing here encodes; as long as the sound."""
    rate = min(_MP3_RATES, key=lambda known: abs(known - sound.rate))
    version, place = _MP3_RATES[rate]
    first = version == 3
    kbits = _MP3_KBITS[first]
    number = min(range(len(kbits)), key=lambda index: abs(kbits[index] * 1000 - bit_rate))
    samples = 1152 if first else 576
    length = samples // 8 * kbits[number] * 1000 // rate
    # The head: eleven bits to know it by, version, third layer, no checksum; bits, rate; one channel.
    head = bytes((0xFF, 0xE0 | version << 3 | 0b011, number + 1 << 4 | place << 2, 0b11000000))
    return (head + bytes(length - 4)) * max(1, round(sound.seconds * rate / samples))


def _s16(samples: list[int]) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def _f32(samples: list[int]) -> bytes:
    return struct.pack(f"<{len(samples)}f", *(sample / 32768 for sample in samples))


ENCODINGS: Mapping[str, Callable[[list[int]], bytes]] = {
    "pcm_s16le": _s16,
    "pcm_f32le": _f32,
    "pcm_mulaw": lambda samples: bytes(map(mu_law, samples)),
    "pcm_alaw": lambda samples: bytes(map(a_law, samples)),
}
"""How samples become bytes, by the providers' names."""
_WAV_KINDS = {"pcm_s16le": (1, 2), "pcm_f32le": (3, 4), "pcm_mulaw": (7, 1), "pcm_alaw": (6, 1)}
"""The number of the form in a WAV file, and bytes a sample."""


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """*data* in pieces of at most *size* bytes."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
