"""The provider's prompt cache: how much of a prompt it has met before, and what keeps it from meeting more.

A prompt is compared as the provider sees it: tools, then messages in order, byte by byte from the beginning. Of what
was seen only fingerprints are kept, one for each :data:`CHUNK` bytes and all before them, the last used longest.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_llmcontract.core.exchange import ApiRequest

CHUNK = 128
"""Bytes of a prompt that are compared at once: some thirty tokens, a part of what providers keep at once."""
MOST_CHUNKS = 2**16
"""Fingerprints that are kept: 8 MB of prompts, in about as much memory."""
MOST_LINES = 256
"""Lines of the application of which the last request is remembered."""

MOST_TOLD = 1000
"""Changes that are told at all."""


class Piece(NamedTuple):
    """A part of a prompt: where in the body it stands, what marks it, its text."""

    place: str
    mark: str
    text: str


def pieces(body: Mapping[str, Any]) -> list[Piece]:
    """A request's prompt in the order in which the model gets it."""
    found = [Piece(f"$.tools[{index}]", "tool", _json(tool)) for index, tool in enumerate(body.get("tools") or ())]
    if isinstance(instructions := body.get("instructions"), str):
        found.append(Piece("$.instructions", "system", instructions))
    for name in ("messages", "input"):
        if isinstance(listed := body.get(name), list):
            for index, message in enumerate(listed):
                found += _message(f"$.{name}[{index}]", message)
            return found
    prompt = body.get("prompt", body.get("input"))
    return [*found, Piece("$.prompt" if "prompt" in body else "$.input", "user", prompt)] if prompt else found


def _message(place: str, message: Any) -> Iterator[Piece]:
    if not isinstance(message, Mapping):
        yield Piece(place, "", _json(message))
        return
    role = str(message.get("role", message.get("type", "")))
    content = message.get("content")
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        for index, part in enumerate(content):
            text = part.get("text")
            yield Piece(f"{place}.content[{index}]", role, text if isinstance(text, str) else _json(part))
    elif content is not None:
        yield Piece(f"{place}.content", role, content if isinstance(content, str) else _json(content))
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value}
    if rest:
        yield Piece(place, role, _json(rest))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _data(prompt: Sequence[Piece]) -> bytes:
    # A list of one text is the text: only where the mark changes does a message begin.
    parts, last = [], ""
    for place, mark, text in prompt:
        owner = f"{mark} {place.partition('.content')[0]}"
        parts.append(text if owner == last else f"\x1d{mark}\x1e{text}")
        last = owner
    return "".join(parts).encode("utf-8", "surrogatepass")


class Seen(NamedTuple):
    """How much of a prompt was met before, in bytes."""

    shared: int
    whole: int


@dataclass(frozen=True, slots=True)
class Change:
    """The first difference between two prompts, with much the same after it."""

    place: str
    """JSON path, ``$.messages[0].content``."""
    byte: int
    """Of the text there, from 0."""
    before: str
    """The word that it stands in, as it was."""
    now: str
    reaches: int
    """Bytes of the prompt before the difference."""
    repeated: int
    """Bytes that are the same in both, wherever they stand."""


class PromptCache:
    """What one account's prompts have left behind. Moments are seconds on the virtual clock."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[int, float] = OrderedDict()
        self._last: OrderedDict[tuple[str, str], tuple[ApiRequest, float]] = OrderedDict()
        self._told: set[tuple[str, str, str, int]] = set()

    def meet(self, model: str, prompt: Sequence[Piece], now: float, lifetime: float) -> Seen:
        """How much of *prompt* was met within *lifetime* seconds; from now on it is known itself."""
        data, known = _data(prompt), self._chunks
        keys, key, shared = [], hash(model), 0
        for start in range(0, len(data) - CHUNK + 1, CHUNK):
            key = hash((key, data[start : start + CHUNK]))
            if shared == start and now - known.get(key, -lifetime) < lifetime:
                shared += CHUNK
            keys.append(key)
        for key in reversed(keys):  # of what is dropped for want of room, the ends go first
            known[key] = now
            known.move_to_end(key)
        while len(known) > MOST_CHUNKS:
            known.popitem(last=False)
        return Seen(shared, len(data))

    def before(self, model: str, request: ApiRequest, now: float, lifetime: float) -> ApiRequest | None:
        """The request that the same line of the application sent before, if it is still remembered."""
        line = (model, request.site)
        last, at = self._last.pop(line, (None, now))
        self._last[line] = request, now
        if len(self._last) > MOST_LINES:
            self._last.popitem(last=False)
        return last if now - at < lifetime else None

    def is_news(self, model: str, site: str, change: Change) -> bool:
        """Whether *change* is to be told: once for each line of the application and each byte."""
        known = (model, site, change.place, change.byte)
        if known in self._told or len(self._told) >= MOST_TOLD:
            return False
        self._told.add(known)
        return True


def change_between(before: Sequence[Piece], now: Sequence[Piece]) -> Change | None:
    """What is the first to differ; ``None`` where one prompt only goes on where the other ends."""
    pairs = zip(before, now, strict=False)
    index = next((index for index, (old, new) in enumerate(pairs) if old[1:] != new[1:]), None)
    if index is None:
        return None
    old, new = (_bytes(side[index].text) for side in (before, now))
    start = _same(old, new)
    left = {piece.text for piece in before[index:]}
    again = sum(len(_bytes(piece.text)) for piece in now[index:] if piece.text in left)
    if now[index].text not in left:
        again += _same(old[start:][::-1], new[start:][::-1])
    reaches = sum(len(_bytes(piece.text)) for piece in now[:index]) + start
    return Change(now[index].place, start, _word(old, start), _word(new, start), reaches, reaches + again)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _same(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _word(text: bytes, at: int) -> str:
    """What stands around a byte, to the next blanks."""
    near = 80
    begin = max(text.rfind(blank, max(0, at - near), at) for blank in (b" ", b"\n", b"\t")) + 1
    begin = max(begin, at - near)
    ends = [end for blank in (b" ", b"\n", b"\t") if (end := text.find(blank, at, at + near)) >= 0]
    return text[begin : min(ends, default=at + near)].decode("utf-8", "replace").strip("\ufffd")


_KINDS = (
    ("a time", re.compile(r"\d{1,2}:\d{2}|\d{4}-\d{2}-\d{2}|\b1[5-9]\d{8}(?:\d{3})?\b")),
    ("an id", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b[0-9a-f]{16,}\b", re.IGNORECASE)),
    ("a number", re.compile(r"\d")),
)


def kind_of(word: str) -> str:
    """What a word that changes looks like: ``a time``, ``an id``; else ``a text``."""
    return next((kind for kind, pattern in _KINDS if pattern.search(word)), "a text")
