"""Estimates of tokens without a tokenizer: what the limiter charges and ``usage`` says when a test scripted neither.

Text is weighed by what it is made of, and the chat template's own tokens are added from :data:`FAMILIES`. The weights
and the table were fitted on recorded ``usage`` of Groq and Together; ``docs/token-estimates.md`` has the measured
error. A test that needs an exact number scripts it: ``reply(usage=...)``.

To count with a tokenizer instead: ``DefaultEstimator(count=lambda text: len(encoding.encode(text)))``, or anything
that has the two methods of :class:`TokenEstimator`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from pytest_llmcontract.core.completion.conversation import as_chat, is_responses
from pytest_llmcontract.core.errors import BadInput


class TokenEstimator(Protocol):
    """What the simulation asks when nobody scripted ``usage``."""

    def prompt(self, body: Mapping[str, Any], model: str) -> int:
        """Input tokens of a request *body* (chat, completions, embeddings ...) for *model*.

        A request of the Responses API comes as the chat it is.
        """
        ...

    def output(
        self,
        content: str | None = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        reasoning: str | None = None,
        *,
        model: str = "",
    ) -> int:
        """Output tokens of an answer. A tool call is ``{"name", "arguments"}``, or has these below ``function``."""
        ...


def checked_count(tokens: Any) -> int:
    """What an estimator counted.

    Raises:
        BadInput: It is no number of tokens.
    """
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        raise BadInput(f"the token estimator counts {tokens!r}; accepted: a whole number from 0")
    return tokens


@dataclass(frozen=True)
class Family:
    """What the chat template of a family of models adds to the text, in tokens; the defaults are of unknown models."""

    ids: str
    """Regular expression, searched in the lower-case model id."""
    request: float = 12
    """Per request: begin and end marks, a built-in preamble, the first message's marks."""
    system: float = 4
    """Per system or developer message, beyond its text."""
    tools: float = 110
    """Once, when tools are offered: the instructions for calling them."""
    tools_factor: float = 0.8
    """Per token of the tools as JSON."""
    tools_stay: bool = False
    """Whether tools are still in the prompt with ``tool_choice: "none"``."""
    call: float = 10
    """Per earlier tool call in the conversation, beyond its name and arguments."""
    image: float = 0
    """Per image, whatever its size; 0 where images were accepted and not counted."""
    json_object: float = 0
    """Once, with ``response_format: {"type": "json_object"}``."""
    answer: float = 1.15
    """Per answer: the end mark."""
    reasoning: float = 2
    """Per answer that has reasoning and something else: the marks between them."""
    answer_call: float = 11
    """Per tool call of an answer, beyond its name and arguments."""


FAMILIES = (
    Family("gpt-oss", request=71, tools=19, tools_factor=0.45, tools_stay=True, call=7, json_object=23,
           answer=2.9, reasoning=6.3, answer_call=13.5),
    Family("compound", request=476),
    Family("prompt-guard", request=2, system=0, answer=0),
    Family("guard", request=199, system=0),
    # Until April 2025 a third of that for tools.
    Family("llama-4", request=10.2, tools=672, tools_factor=0.58, call=27, image=149, json_object=7.6,
           answer_call=18.5),
    Family("llama-.*vision", request=10.5, tools=0, tools_factor=0),
    Family("nemotron", request=12.4, tools=180, answer_call=15),
    Family("r1-distill", request=3.4, system=0.6, tools=106, tools_factor=0.51, call=28, json_object=9.5,
           answer=0, reasoning=0.5, answer_call=14),
    # Groq's ids end so; its llama prompts are a little longer than Together's.
    Family(r"llama-3\.\d.*(instant|versatile|preview)$", request=35.3, system=0, tools=144, call=31, json_object=14.6,
           answer_call=3.2),
    Family("llama-?3[.-][123]|typhoon", request=35.5, tools=106, call=3, answer_call=12.7),
    Family("llama-?3-|refuel", request=10.5, tools=755, call=190, json_object=19.4, answer_call=60),
    Family("deepseek-v4", request=83.3, tools=238, tools_stay=True, call=34, answer=0, answer_call=79),
    Family("deepseek", request=4.2, tools=0, tools_factor=0),
    Family("qwq|qwen3", request=11.2, tools=314, json_object=6.7, answer=0, reasoning=1.4, answer_call=0),
    Family(r"qwen2(\.5)?-vl|qwen2-", request=19.5, image=201),
    Family(r"qwen2\.5|virtuoso|coder-large", request=29.5, tools=130, call=59, answer_call=10),
    Family("ministral", request=537, tools=20, tools_stay=True, call=4, image=143, answer=1.7, answer_call=17),
    Family("mistral-small", request=3.4, tools=360, call=89),
    Family("saba", request=4.2, tools=731, json_object=4.7, answer_call=58),
    Family("mistral|mixtral", request=8.5),
    Family("gemma", request=9.5, tools=818, image=260, answer_call=76),
    Family("glm", request=5.7, tools=113, call=6.5, answer=3.7, reasoning=0, answer_call=4),
    Family("rnj|cogito", request=30.3, tools=95, call=16, answer_call=6.6),
    Family(r"apriel-1\.5", request=94.4, answer=0, reasoning=25),
    Family("apriel", request=69.4, answer=0, reasoning=5.5),
    Family("trinity", request=9.5, tools=104, tools_stay=True, call=22, answer=0, reasoning=0, answer_call=10),
    Family(""),
)  # fmt: skip
"""The first row whose ``ids`` match is taken.

Source: medians and least absolute deviations over 1,292 recorded replies with ``usage``, 2024-07 to 2026-05, from the
public test suites of maruel/genai, shelvick/req_llm, 0xPlaygrounds/rig and huggingface/huggingface.js. Rows fitted on
fewer than five exchanges take the rest from the defaults, which are medians over the families.
"""

PER_MESSAGE = 4
"""Marks around each further message that is no system message."""

WORD, LETTER, DIGIT, SIGN, SPACE = 0.73, 0.081, 0.444, 0.717, 0.274
"""Tokens per word, and per letter, digit, other sign and doubled space in it: fitted on the same recordings."""
NARROW, WIDE, ASTRAL = 0.4, 0.8, 2.5
"""Tokens per character of two, three and four UTF-8 bytes (Cyrillic, Greek, accents; Chinese, Japanese, dashes; emoji).

The recordings have hardly any. These are means over generated Chinese, Japanese, Russian, Greek and Arabic text and a
few emoji, counted with the vocabularies o200k (gpt-oss), cl100k (close to Llama 3's) and tekken (Mistral).
"""
SAMPLE = 32_768
"""Characters; of a longer text the first and last half of this are weighed and scaled up."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
_SPACES = b" \t\n\r\v\f"
_NARROW, _WIDE, _ASTRAL = bytes(range(0xC0, 0xE0)), bytes(range(0xE0, 0xF0)), bytes(range(0xF0, 0x100))
_HIGH = bytes(range(0x80, 0x100))


def weigh(text: str) -> float:
    """Tokens of *text* alone, not rounded. Takes a few µs for a sentence and at most 0.3 ms."""
    # Tests say the same few sentences over and over.
    return _weighed(text) if len(text) < 512 else _weigh(text)


def _weigh(text: str) -> float:
    if len(text) > SAMPLE:
        half = SAMPLE // 2
        return _weigh(text[:half] + text[-half:]) * len(text) / SAMPLE
    raw = text.encode("utf-8", "surrogatepass")
    high = 0.0
    if not text.isascii():
        high = NARROW * _count(raw, _NARROW) + WIDE * _count(raw, _WIDE) + ASTRAL * _count(raw, _ASTRAL)
        raw = raw.translate(None, _HIGH)
    words, letters, digits, spaces = len(raw.split()), _count(raw, _LETTERS), _count(raw, _DIGITS), _count(raw, _SPACES)
    signs = len(raw) - letters - digits - spaces
    doubled = max(0, spaces - words)
    return WORD * words + LETTER * letters + DIGIT * digits + SIGN * signs + SPACE * doubled + high


_weighed = lru_cache(maxsize=2048)(_weigh)


def _count(raw: bytes, among: bytes) -> int:
    return len(raw) - len(raw.translate(None, among))


@lru_cache(maxsize=512)
def family(model: str) -> Family:
    """The row of :data:`FAMILIES` for *model*."""
    return next(row for row in FAMILIES if re.search(row.ids, model.lower()))


class DefaultEstimator:
    """Text by *count* and the chat template by :data:`FAMILIES`.

    Args:
        count: Tokens of a text; it is asked for each message, tool call and tool list. By default :func:`weigh`.
    """

    def __init__(self, count: Callable[[str], float] = weigh) -> None:
        self.count = count

    def prompt(self, body: Mapping[str, Any], model: str) -> int:
        """Input tokens of a request *body*; text without a template where it has no messages. Any JSON is taken."""
        known = family(model)
        if is_responses(body):
            body = as_chat(body)
        messages = [message for message in _listed(body.get("messages")) if isinstance(message, Mapping)]
        if not messages:
            return round(sum(self.count(text) for text in _bare_texts(body)))
        total = known.request - PER_MESSAGE
        for message in messages:
            total += known.system if message.get("role") in ("system", "developer") else PER_MESSAGE
            total += self._content(message.get("content"), known) + self._calls(message.get("tool_calls"), known.call)
        if not any(message.get("role") not in ("system", "developer") for message in messages):
            total += PER_MESSAGE
        return max(1, round(total + self._tools(body, known) + _json_mode(body, known)))

    def output(
        self,
        content: str | None = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        reasoning: str | None = None,
        *,
        model: str = "",
    ) -> int:
        """Output tokens of an answer, its end mark included: at least 1."""
        known = family(model)
        total = known.answer + self.count(content or "") + self.count(reasoning or "")
        if content and reasoning:
            total += known.reasoning
        return max(1, round(total + self._calls(tool_calls, known.answer_call)))

    def _content(self, content: object, known: Family) -> float:
        if isinstance(content, str):
            return self.count(content)
        parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        images = sum("image" in str(part.get("type")) for part in parts)
        return self.count("\n".join(texts)) + images * known.image

    def _calls(self, calls: object, each: float) -> float:
        if not calls or not isinstance(calls, Iterable):
            return 0.0
        functions = [call.get("function", call) for call in calls if _is_mapping(call)]
        texts = [f"{call.get('name')} {call.get('arguments')}" for call in functions if _is_mapping(call)]
        return sum(each + self.count(text) for text in texts)

    def _tools(self, body: Mapping[str, Any], known: Family) -> float:
        tools = body.get("tools") or body.get("functions")
        if not tools or (body.get("tool_choice") == "none" and not known.tools_stay):
            return 0.0
        return known.tools + known.tools_factor * self.count(_compact(tools))


_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str).encode


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _bare_texts(body: Mapping[str, Any]) -> Iterator[str]:
    """What completions, embeddings and rerank bodies have in place of messages."""
    for key in ("prompt", "input", "query", "documents"):
        value = body.get(key)
        for item in value if isinstance(value, list) else (value,):
            if item is not None:
                yield item if isinstance(item, str) else json.dumps(item, default=str)


def _json_mode(body: Mapping[str, Any], known: Family) -> float:
    wanted = body.get("response_format")
    return known.json_object if isinstance(wanted, Mapping) and wanted.get("type") == "json_object" else 0.0
