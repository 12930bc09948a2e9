"""A text laid over the time that its sound plays: sentences and words with where they begin and end.

Time is shared out by letters: nobody has listened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_PART = 30.0
"""Seconds: the models listen to no more at a time, so no part is longer."""
SECONDS_A_SENTENCE = 5
_SENTENCES = re.compile(r"[^.!?…。！？]+[.!?…。！？]*\s*|[.!?…。！？]+\s*")


@dataclass(frozen=True, slots=True)
class Part:
    """Some words, and when they are said."""

    text: str
    start: float
    end: float
    """Seconds, to the hundredth."""


def made_up(seconds: float, model: str) -> str:
    """What nobody said, in as many sentences as there is time for."""
    said = f"This is a simulated transcript of {model}."
    return " ".join([said] * max(1, round(seconds / SECONDS_A_SENTENCE)))


def words(part: Part) -> list[Part]:
    """The words of it, one after the other, without the spaces between."""
    return list(_over_time(part.text.split(), part.start, part.end))


def parts(text: str, seconds: float) -> list[Part]:
    """The sentences of *text*; one that would take too long is cut between words."""
    sentences = [found.strip() for found in _SENTENCES.findall(text) if found.strip()]
    whole = _over_time(sentences, 0.0, seconds)
    return [piece for sentence in whole for piece in _short(sentence)]


def _short(part: Part) -> Iterator[Part]:
    taken: list[Part] = []
    for word in words(part):
        if taken and word.end - taken[0].start > LONGEST_PART:
            yield _joined(taken)
            taken = []
        taken.append(word)
    if taken:
        yield _joined(taken)


def _joined(taken: list[Part]) -> Part:
    return Part(" ".join(word.text for word in taken), taken[0].start, taken[-1].end)


def _over_time(texts: list[str], start: float, end: float) -> Iterator[Part]:
    """Each as long as its letters are of all of them."""
    total, place, begun = sum(map(len, texts)), 0, round(start, 2)
    for text in texts:
        place += len(text)
        ended = round(start + (end - start) * place / total, 2)
        yield Part(text, begun, ended)
        begun = ended
