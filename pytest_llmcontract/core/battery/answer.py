"""The answer of the battery, and what a client made of it: the whole, a part, nothing, or something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

ANSWER = (
    "Alpha, bravo, charlie: an answer has a beginning. It goes on for a while, naïve as it may be, past a café "
    "in 東京 and over more words than a kilobyte of events holds, so that it can be cut anywhere. "
    "Whoever has read its last words has read the whole: tango, uniform, victor."
)
REFUSAL = "I'm sorry, but I can't help with that request."
_MARK = 3
"""Words at either end by which an answer is known; fewer of a short one."""

Extent = Literal["whole", "part", "nothing", "other"]


def pieces_of(answer: str) -> list[str]:
    """*answer* as a stream gives it: a word at a time."""
    words = answer.split(" ")
    return [word if place == 0 else f" {word}" for place, word in enumerate(words)]


def part_of(answer: str) -> str:
    """The first half of *answer*, to a word."""
    words = answer.split(" ")
    return " ".join(words[: max(_MARK, len(words) // 2)])


def extent(text: str, answer: str) -> Extent:
    """How much of *answer* is in *text*, whatever lies around its words, and however they are set."""
    found, words = _words(text), _words(answer)
    mark = min(_MARK, -(-len(words) // 2))
    if not text.strip():
        return "nothing"
    if set(words[-mark:]) <= set(found):
        return "whole"
    # A stream that was cut early gave less than the first words.
    begins = "".join(found) and "".join(words).startswith("".join(found))
    return "part" if begins or set(words[:mark]) <= set(found) else "other"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def words_of(value: Any) -> str:
    """All that is said within *value*, a text or an object of JSON, in order."""
    if isinstance(value, Mapping):
        return " ".join(filter(None, map(words_of, value.values())))
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(words_of, value)))
    return "" if value is None else str(value)


# What clients return.


def text_of(result: Any) -> str:
    """The text in whatever a client returned: a text, a reply of an SDK or a framework, or the pieces of a stream."""
    if result is None or isinstance(result, str):
        return result or ""
    if isinstance(result, bytes):
        return result.decode("utf-8", "replace")
    if isinstance(result, list | tuple):
        return "".join(map(text_of, result))
    for name in ("choices", "content", "output_text", "output", "text"):
        value = _field(result, name)
        if value is not None and not callable(value):
            return _of_choice(value[0]) if name == "choices" and value else text_of(value)
    return words_of(vars(result) if hasattr(result, "__dict__") else result)


def _of_choice(choice: Any) -> str:
    said = _field(choice, "message") or _field(choice, "delta")
    text = text_of(_field(said, "content")) if said is not None else ""
    if text or said is None:
        return text or text_of(_field(choice, "text"))
    called = _field(said, "tool_calls") or ()
    return " ".join(str(_field(_field(call, "function"), "arguments") or "") for call in called)


def finish_of(result: Any) -> str:
    """Why the answer ended, where *result* itself says so: ``length``; empty where it says nothing."""
    if isinstance(result, list | tuple):
        return next((said for item in reversed(result) if (said := finish_of(item))), "")
    choices = _field(result, "choices")
    if choices:
        return str(_field(choices[0], "finish_reason") or "")
    told = _field(result, "response_metadata") or _field(result, "generation_info") or result
    return str(_field(told, "finish_reason") or "")


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return None if isinstance(value, str | bytes | int | float) else getattr(value, name, None)
