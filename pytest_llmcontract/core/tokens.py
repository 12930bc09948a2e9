"""Estimates of tokens without a tokenizer (first version: constants are being fitted)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol


class TokenEstimator(Protocol):
    """What the simulation asks when nobody scripted ``usage``."""

    def prompt(self, body: Mapping[str, Any], model: str) -> int:
        """Input tokens of a chat request *body* for *model*."""
        ...

    def output(
        self,
        content: str | None = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        reasoning: str | None = None,
        *,
        model: str = "",
    ) -> int:
        """Output tokens of an answer."""
        ...


@dataclass(frozen=True)
class Family:
    pattern: str
    request: float
    message: float
    tools: float
    tools_factor: float
    image: float
    scale: float


FAMILIES = (
    Family(r"gpt-oss", 67, 4, 40, 0.12, 0, 1.0),
    Family(r"llama-?4", 5, 4, 400, 0.9, 150, 1.0),
    Family(r"llama-?3", 30, 5, 120, 0.35, 0, 1.0),
    Family(r"", 4, 4, 100, 0.3, 0, 1.0),
)


@lru_cache(maxsize=512)
def family(model: str) -> Family:
    """The template constants for *model*."""
    return next(row for row in FAMILIES if re.search(row.pattern, model.lower()))


def estimate_text(text: str) -> int:
    """Tokens of *text* alone."""
    return round(max(len(text.encode()) / 4.5, len(text.split()))) if text else 0


class DefaultEstimator:
    """Counts text with *count* and adds what the model family's chat template adds."""

    def __init__(self, count: Callable[[str], int] = estimate_text) -> None:
        self.count = count

    def prompt(self, body: Mapping[str, Any], model: str) -> int:
        known = family(model)
        total = known.request
        for message in body.get("messages") or ():
            total += known.message
            content = message.get("content")
            if isinstance(content, str):
                total += self.count(content)
            for part in content if isinstance(content, list) else ():
                total += self.count(part.get("text") or "") if part.get("type") == "text" else known.image
            for call in message.get("tool_calls") or ():
                total += self.count(json.dumps(call.get("function")))
        if tools := body.get("tools"):
            total += known.tools + known.tools_factor * len(json.dumps(tools))
        return round(total)

    def output(
        self,
        content: str | None = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        reasoning: str | None = None,
        *,
        model: str = "",
    ) -> int:
        total = 1 + self.count(content or "") + self.count(reasoning or "")
        for call in tool_calls or ():
            total += 8 + self.count(json.dumps(call.get("function") or call))
        return total


DEFAULT = DefaultEstimator()


def estimate_prompt(body: Mapping[str, Any], model: str) -> int:
    """Input tokens of a chat request."""
    return DEFAULT.prompt(body, model)


def estimate_output(
    content: str | None,
    tool_calls: Iterable[Mapping[str, Any]] | None = None,
    reasoning: str | None = None,
    *,
    model: str = "",
) -> int:
    """Output tokens of an answer."""
    return DEFAULT.output(content, tool_calls, reasoning, model=model)
