"""What a provider sends beside whole bodies: streams, cut at any byte, and errors, as the simulator sends them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from pytest_llmcontract.core.call.script import Script
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.facts.registry import DUMMY_KEY
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.scripting import Scripting
from pytest_llmcontract.strategies.bodies import words
from pytest_llmcontract.strategies.faults import LONGEST_WAIT, Fault, Printed, cuts, written
from pytest_llmcontract.strategies.known import (
    edition_of,
    errors_of,
    known,
    model_streaming,
    models_for,
    scripting,
)
from pytest_llmcontract.strategies.values import things

ASKED: Mapping[str, Mapping[str, Any]] = {
    "chat.completions": {"messages": [{"role": "user", "content": "Hello"}]},
    "completions": {"prompt": "Hello"},
    "responses": {"input": "Hello"},
}
"""The request that is answered, by operation."""

MOST_SHOWN = 200
"""Characters of a body in what is printed: a page of Cloudflare's has thousands."""


@dataclass(frozen=True)
class ErrorReply(Printed):
    """A refusal, as it travels."""

    name: str
    """In the catalogue of errors."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    """JSON, or a page of Cloudflare's."""
    fault: Fault
    """What scripts it."""

    def __repr__(self) -> str:
        return f"{self.fault!r}: {self.status} {self.body.decode('utf-8', 'replace')[:MOST_SHOWN]}"

    def apply(self, api: Scripting) -> Script:
        """Script it of *api*, for the next call."""
        return self.fault.apply(api)


@dataclass(frozen=True)
class Stream(Printed):
    """A streamed answer, or what a cut leaves of it; it prints as what a test would write."""

    data: bytes
    """What arrives."""
    whole: bytes
    """What would have."""
    pieces: tuple[str, ...]
    """The answer, as it is streamed; none where tools are called."""
    finish_reason: str
    cut: Fault | None
    """What cuts it; ``None``: nothing."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """``{"name": …, "arguments": {…}}`` each."""
    reasoning: str | None = None
    """What a reasoning model shows of its thinking."""
    usage: Mapping[str, int] | None = None
    """The tokens that are told; ``None``: as many as there are."""
    ends: tuple[int, ...] = ()
    """The bytes of ``data`` behind which the network begins another chunk."""

    @property
    def chunks(self) -> tuple[bytes, ...]:
        """``data`` as the network may give it: in pieces that end anywhere, within a character too."""
        ends = (0, *self.ends, len(self.data))
        return tuple(self.data[begin:end] for begin, end in pairwise(ends) if begin < end)

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether all of it arrives, and nothing else."""
        return self.data == self.whole

    @property
    def _said(self) -> Mapping[str, Any]:
        """The answer, in the words of ``api.reply()``."""
        found = {
            "content": list(self.pieces) or None,
            "tool_calls": list(self.tool_calls) or None,
            "reasoning": self.reasoning,
            "finish_reason": None if self.tool_calls else self.finish_reason,
            "usage": self.usage,
        }
        return {name: value for name, value in found.items() if value is not None}

    def __repr__(self) -> str:
        calls = [written("reply", **self._said), *([repr(self.cut)] if self.cut else [])]
        return "; ".join(calls) + (f"  # chunks end at {', '.join(map(str, self.ends))}" if self.ends else "")

    def apply(self, api: Scripting) -> list[Script]:
        """Script the answer of *api*, and the cut: of the next stream."""
        answer = api.reply(**self._said)
        return [answer] if self.cut is None else [answer, self.cut.apply(api)]


def streams(
    provider: str,
    operation: str = "chat.completions",
    *,
    model: str | None = None,
    tools: Sequence[str] = (),
    cut: bool = True,
    edition: str | date | None = None,
) -> st.SearchStrategy[Stream]:
    """Streamed answers: whole, or cut at any byte, within an event, a character, or by an error of the provider's.

    Args:
        operation: One that streams text.
        model: The model that the application asks; default one that can do most.
        tools: Names of the tools that it offers: some answers call them. Without any none does.
        cut: Whether they may be cut.

    Raises:
        BadInput: No such provider, operation, model or day; the message lists those there are. Or no tools are taken.
    """
    there = edition_of(provider, edition)
    streamed = [name for name in ASKED if OPERATIONS[name].streams and name in set(there.operations.values())]
    known(operation, streamed, f"{provider} operation that streams text")
    if tools and operation not in _TOOLS:
        raise BadInput(f"streams({operation!r}, tools=…): it takes no tools; accepted: {', '.join(_TOOLS)}")
    asked = model_streaming(there, operation, model, bool(tools))
    return _streams(there, operation, asked, tuple(tools), cut)


def errors(
    provider: str, operation: str = "chat.completions", *, edition: str | date | None = None
) -> st.SearchStrategy[ErrorReply]:
    """Refusals that a call of *operation* may meet: status, headers and body, to the letter where that is known.

    Raises:
        BadInput: No such provider, operation or day; the message lists those there are.
    """
    there = edition_of(provider, edition)
    known(operation, ASKED, "operation that is refused here")
    return _errors(there, operation)


@st.composite
def _streams(
    draw: st.DrawFn, edition: Edition, operation: str, model: Model, tools: tuple[str, ...], may_cut: bool
) -> Stream:
    calls = draw(st.lists(_calls(tools), max_size=2)) if tools else []
    pieces = [] if calls else draw(st.lists(words, min_size=1, max_size=5))
    finish = "tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))
    reasoning = draw(st.none() | words) if "reasoning" in model.capabilities else None
    asked = {"model": model.id, **ASKED[operation], "stream": True}
    asked |= {"tools": [_TOOLS[operation](name) for name in tools]} if tools else {}
    stream = Stream(b"", b"", tuple(pieces), finish, None, tuple(calls), reasoning, draw(st.none() | _usages))
    whole = _streamed(edition, operation, asked, stream)
    cut = draw(_cuts_of(whole, [spec.name for spec in edition.stream_errors])) if may_cut else None
    stream = replace(stream, data=whole, whole=whole, cut=cut)
    stream = replace(stream, data=_streamed(edition, operation, asked, stream)) if cut else stream
    return replace(stream, ends=tuple(sorted(draw(_ends_in(stream.data)))))


def _ends_in(data: bytes) -> st.SearchStrategy[list[int]]:
    """Where chunks of *data* may end, at places that hurt among others."""
    if len(data) < 2:
        return st.just([])
    places = [end for ends in _painful(data) for end in ends if 0 < end < len(data)]
    return st.lists(st.integers(1, len(data) - 1) | st.sampled_from(places), unique=True, max_size=4)


def _calls(tools: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"name": st.sampled_from(tools), "arguments": things})


_ANYTHING = {"type": "object", "properties": {}}
_usages = st.fixed_dictionaries({"prompt_tokens": st.integers(1, 5_000), "completion_tokens": st.integers(0, 5_000)})
_TOOLS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "chat.completions": lambda name: {"type": "function", "function": {"name": name, "parameters": _ANYTHING}},
    "responses": lambda name: {"type": "function", "name": name, "parameters": _ANYTHING},
}
"""A tool, as a request of an operation offers it."""


def _cuts_of(whole: bytes, errors: list[str]) -> st.SearchStrategy[Fault | None]:
    """No cut, one at any byte of *whole*, one at a place where it hurts, an error in its place, or any other."""
    ends = [st.integers(0, len(whole)), *map(st.sampled_from, _painful(whole))]
    at_byte = st.one_of(ends).map(lambda end: Fault("cut_stream", {"at_byte": end}))
    failed = st.sampled_from(errors).map(lambda error: Fault("fail", {"error": error}))
    return st.one_of(st.none(), at_byte, cuts, failed)


def _painful(whole: bytes) -> list[list[int]]:
    """Ends of each painful kind: before all and behind it, within characters, at the end of a line, behind a name."""
    kinds = (rb"[\xc0-\xff]|[\x80-\xbf](?=[\x80-\xbf])", rb"\n", rb"data: ?")
    found = [[match.end() for match in re.finditer(kind, whole)] for kind in kinds]
    return [[0, len(whole) - 1, len(whole) - 2], *filter(None, found)]


def _streamed(edition: Edition, operation: str, asked: Mapping[str, Any], stream: Stream) -> bytes:
    api = scripting(edition.provider, edition)
    stream.apply(api)
    return b"".join(event.data for event in _answer(api, operation, asked).events or ())


@st.composite
def _errors(draw: st.DrawFn, edition: Edition, operation: str) -> ErrorReply:
    name = draw(st.sampled_from(errors_of(edition, operation)))
    limited = edition.errors[name].status == 429
    wait = draw(st.none() | st.integers(1, LONGEST_WAIT)) if limited else None
    fault = Fault("fail", {"error": name} if wait is None else {"error": name, "retry_after": wait})
    api = scripting(edition.provider, edition)
    fault.apply(api)
    reply = _answer(api, operation, {"model": models_for(edition, operation, None)[0].id, **ASKED[operation]})
    return ErrorReply(name, reply.status, dict(reply.headers), reply.body, fault)


def _answer(api: Scripting, operation: str, asked: Mapping[str, Any]) -> ApiReply:
    edition = api.edition
    line = next(line for line, name in edition.operations.items() if name == operation)
    address = f"https://{edition.hosts[0]}{edition.base}{line.partition(' ')[2]}"
    headers = Headers({"authorization": f"Bearer {DUMMY_KEY}", "content-type": "application/json"})
    reply = api.simulator.answer(ApiRequest("POST", address, headers, json.dumps(asked).encode())).reply
    assert isinstance(reply, ApiReply)
    return reply
