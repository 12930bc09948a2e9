"""How long a file plays: by its own header, as far as that can be believed."""

from __future__ import annotations

import random
import struct

import pytest

from pytest_llmcontract.core.sound.length import sound_seconds
from pytest_llmcontract.core.sound.made import ENCODINGS, Sound, mp3, wav

WORDS = Sound("Hello there, my dear world, good morning.", 24_000)


def element(id: str, content: bytes, size: bytes | None = None) -> bytes:
    return bytes.fromhex(id) + (size or (len(content) | 1 << 28).to_bytes(4, "big")) + content


def webm(info: bytes, *clusters: bytes, size: bytes | None = None) -> bytes:
    inside = element("1549a966", info) + b"".join(element("1f43b675", cluster, size) for cluster in clusters)
    return element("1a45dfa3", b"\x42\x82\x84webm") + element("18538067", inside, size)


def block(time: int) -> bytes:
    return element("a3", b"\x81" + struct.pack(">h", time) + b"\x80sound")


UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
"""The size of an element that is still being written."""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_a_wav_of_any_samples(encoding, rate):
    sound = Sound(WORDS.text, rate, encoding)
    assert sound_seconds(wav(sound)) == pytest.approx(sound.seconds, abs=1e-4)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 24_000, 44_100, 48_000])
def test_an_mp3(rate):
    assert sound_seconds(mp3(Sound(WORDS.text, rate))) == pytest.approx(WORDS.seconds, abs=0.08)


@pytest.mark.parametrize("said", [0, 0xFFFFFFFF, 2**31, 10**8])
def test_a_wav_that_lies_about_its_size_plays_what_is_there(said):
    data = wav(WORDS)
    assert sound_seconds(data[:40] + struct.pack("<I", said) + data[44:]) == sound_seconds(data)


def test_a_wav_plays_no_more_than_it_says():
    data = wav(WORDS)
    assert sound_seconds(data[:40] + struct.pack("<I", 24_000) + data[44:]) == 0.5


@pytest.mark.parametrize(("place", "size"), [(22, 2), (24, 4), (34, 2)], ids=["channels", "rate", "bits"])
def test_a_wav_without_samples_is_no_sound(place, size):
    data = wav(WORDS)
    assert sound_seconds(data[:place] + bytes(size) + data[place + size :]) is None


def test_a_webm_that_says_how_long_it_is():
    info = element("2ad7b1", (1_000_000).to_bytes(3, "big")) + element("4489", struct.pack(">d", 2500.0))
    assert sound_seconds(webm(info)) == 2.5


@pytest.mark.parametrize("size", [None, UNKNOWN])
def test_a_webm_that_a_browser_wrote_has_its_last_block(size):
    first = element("e7", b"\0") + block(0) + block(960)
    last = element("e7", (1000).to_bytes(2, "big")) + block(0) + block(500)
    assert sound_seconds(webm(b"", first, last, size=size)) == 1.5


def test_frames_of_aac_are_counted():
    frame = bytes((0xFF, 0xF1, 0x4C, 0x80, 0x02, 0x1F, 0xFC)) + bytes(9)
    assert sound_seconds(frame * 47) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"ID3", b"\xff\xfb\x90", bytes(1000), b"OggS" + bytes(100), b"fLaC" + bytes(30),
     b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftypM4A " + bytes(50), b"<html>", b"\xff\xf1\x4c"],
)  # fmt: skip
def test_what_is_no_sound(data):
    assert sound_seconds(data) is None


def test_whatever_the_bytes_are_there_is_an_answer():
    dice = random.Random(1)
    for _ in range(400):
        data = bytearray(dice.choice([wav(WORDS)[:2000], mp3(WORDS)[:2000], webm(b"", block(3))]))
        for _ in range(8):
            data[dice.randrange(min(len(data), 200))] = dice.randrange(256)
        seconds = sound_seconds(bytes(data))
        assert seconds is None or seconds >= 0


def test_a_header_that_tells_of_more_than_its_bytes_could_hold_is_not_believed():
    info = element("4489", struct.pack(">d", 1e12))
    assert sound_seconds(webm(info)) < 1
