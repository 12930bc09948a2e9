"""How long a file of sound plays, read from its own header.

``tinytag`` reads WAV, MP3, FLAC, Ogg (Vorbis, Opus) and MP4: it is small, plain Python, needs nothing else and is kept
up; its licence is ours (MIT), which mutagen's (GPL) is not. WebM, which it does not know, is read in :mod:`.webm`, and
bare AAC here. What a header says is believed as far as the bytes are there.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_llmcontract.core.sound.webm import EBML, webm_seconds

if TYPE_CHECKING:
    from tinytag import TinyTag

BYTES_A_SECOND = 16_000
"""Of a file that is sound, and whose header does not say how long it is: 128 kbit/s (assumed)."""

LEAST_BYTES_A_SECOND = 5
"""A header that tells of more time than so many bytes could hold lies: no known form of sound is smaller."""

_WAV = b"RIFF"
"""Of these the bytes themselves are counted."""
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def sound_seconds(data: bytes) -> float | None:
    """How long *data* plays, whatever its name says; ``None``: it is no sound that anybody could play."""
    if data.startswith(EBML):
        seconds = webm_seconds(data)
    elif _is_aac(data):
        seconds = _aac_seconds(data)
    else:
        seconds = _tagged_seconds(data)
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    lies = seconds * LEAST_BYTES_A_SECOND > len(data) and not data.startswith(_WAV)
    return len(data) / BYTES_A_SECOND if lies else seconds


def _tagged_seconds(data: bytes) -> float | None:
    from tinytag import TinyTag, TinyTagException  # only who sends sound needs it

    try:
        tag = TinyTag.get(file_obj=io.BytesIO(data), tags=False)
    except TinyTagException:
        return None
    if data.startswith(_WAV):
        return _wav_seconds(data, tag)
    if tag.duration is None:
        return len(data) / BYTES_A_SECOND if tag.samplerate else None
    return tag.duration if tag.samplerate else None


def _wav_seconds(data: bytes, tag: TinyTag) -> float | None:
    """By the bytes that are there: who writes into a pipe cannot know the sizes that stand in front."""
    start = data.find(b"data", 12) + 8
    a_second = (tag.samplerate or 0) * (tag.channels or 0) * (tag.bitdepth or 0) / 8
    if start < 20 or not a_second:
        return None
    said, there = int.from_bytes(data[start - 4 : start], "little"), len(data) - start
    return (min(said, there) if said else max(there, 0)) / a_second


def _is_aac(data: bytes) -> bool:
    """Frames of AAC begin as those of MP3 do, but for the two bits of the layer."""
    return len(data) > 6 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0


def _aac_seconds(data: bytes) -> float | None:
    rate = data[2] >> 2 & 15
    frames = sum(1 for _ in _aac_frames(data))
    return frames * 1024 / _AAC_RATES[rate] if frames and rate < len(_AAC_RATES) else None


def _aac_frames(data: bytes) -> Iterator[int]:
    """Where each begins that is whole."""
    place = 0
    while _is_aac(data[place : place + 7]):
        length = (data[place + 3] & 3) << 11 | data[place + 4] << 3 | data[place + 5] >> 5
        if length < 7 or place + length > len(data):
            return
        yield place
        place += length
