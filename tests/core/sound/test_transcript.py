"""A text over the time of its sound, and sound that is made of a text."""

from __future__ import annotations

import io
import wave

import pytest

from pytest_llmcontract.core.sound.laws import a_law, mu_law
from pytest_llmcontract.core.sound.made import LONGEST, Sound, raw, wav
from pytest_llmcontract.core.sound.transcript import LONGEST_PART, parts, words


def test_sentences_follow_one_another_to_the_end():
    said = parts("Good morning. Who is here? Everybody", 12.5)

    assert [part.text for part in said] == ["Good morning.", "Who is here?", "Everybody"]
    assert (said[0].start, said[-1].end) == (0, 12.5)
    assert [part.end for part in said[:-1]] == [part.start for part in said[1:]]


def test_words_fill_their_sentence():
    (part,) = parts("one two three", 6.0)

    assert [word.text for word in words(part)] == ["one", "two", "three"]
    assert words(part)[-1].end == 6.0


def test_no_part_is_longer_than_the_models_listen():
    said = parts("word " * 400, 200.0)

    assert max(part.end - part.start for part in said) <= LONGEST_PART
    assert " ".join(part.text for part in said) == ("word " * 400).strip()


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_of_nothing_there_is_nothing(text):
    assert parts(text, 5.0) == []


def test_speech_plays_and_is_heard():
    with wave.open(io.BytesIO(wav(Sound("Hello, my world", 16_000)))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
        assert sound.getnframes() == 16_000
        assert len(set(sound.readframes(400))) > 50


def test_faster_speech_is_shorter_and_no_speech_fills_the_memory():
    assert Sound("Hello", 8_000, speed=2).seconds == Sound("Hello", 8_000).seconds / 2
    assert len(raw(Sound("x" * 10**6, 8_000))) == LONGEST * 8_000 * 2


def test_the_laws_of_telephony():
    """Of the tables of ITU-T G.711: silence, and the loudest there is."""
    assert [mu_law(sample) for sample in (0, 32767, -32768)] == [0xFF, 0x80, 0x00]
    assert [a_law(sample) for sample in (0, 32767, -32768)] == [0xD5, 0xAA, 0x2A]
