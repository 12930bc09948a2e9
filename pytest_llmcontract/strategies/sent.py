"""What a provider sends beside whole bodies: streams, cut at any byte, and errors, as the simulator sends them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import strategies as st

from pytest_llmcontract.core.call.script import Script
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.registry import DUMMY_KEY
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.scripting import Scripting
from pytest_llmcontract.strategies.bodies import words
from pytest_llmcontract.strategies.faults import LONGEST_WAIT, Fault, cuts
from pytest_llmcontract.strategies.known import edition_of, errors_of, known, models_for, scripting

ASKED: Mapping[str, Mapping[str, Any]] = {
    "chat.completions": {"messages": [{"role": "user", "content": "Hello"}]},
    "completions": {"prompt": "Hello"},
    "responses": {"input": "Hello"},
}
"""The request that is answered, by operation."""


@dataclass(frozen=True)
class ErrorReply:
    """A refusal, as it travels."""

    name: str
    """In the catalogue of errors."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    """JSON, or a page of Cloudflare's."""
    fault: Fault
    """What scripts it."""

    def apply(self, api: Scripting) -> Script:
        """Script it of *api*, for the next call."""
        return self.fault.apply(api)


@dataclass(frozen=True)
class Stream:
    """A streamed answer, or what a cut leaves of it."""

    data: bytes
    """What arrives."""
    whole: bytes
    """What would have."""
    pieces: tuple[str, ...]
    """The answer, as it is streamed."""
    finish_reason: str
    cut: Fault | None
    """What cuts it; ``None``: nothing."""

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether all of it arrives, and nothing else."""
        return self.data == self.whole

    def apply(self, api: Scripting) -> list[Script]:
        """Script the answer of *api*, and the cut: of the next stream."""
        answer = api.reply(list(self.pieces), finish_reason=self.finish_reason)
        return [answer] if self.cut is None else [answer, self.cut.apply(api)]


def streams(
    provider: str, operation: str = "chat.completions", *, cut: bool = True, edition: str | date | None = None
) -> st.SearchStrategy[Stream]:
    """Streamed answers: whole, or cut at any byte, within an event, a character, or by an error event.

    Args:
        operation: One that streams text.
        cut: Whether they may be cut.

    Raises:
        BadInput: No such provider, operation or day; the message lists those there are.
    """
    there = edition_of(provider, edition)
    streamed = [name for name in ASKED if OPERATIONS[name].streams and name in set(there.operations.values())]
    known(operation, streamed, f"{provider} operation that streams text")
    return _streams(there, operation, cut)


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
def _streams(draw: st.DrawFn, edition: Edition, operation: str, may_cut: bool) -> Stream:
    pieces = tuple(draw(st.lists(words, min_size=1, max_size=5)))
    finish = draw(st.sampled_from(["stop", "length"]))
    whole = _streamed(edition, operation, Stream(b"", b"", pieces, finish, None))
    cut = draw(_cuts_of(whole)) if may_cut else None
    stream = Stream(whole, whole, pieces, finish, cut)
    return Stream(_streamed(edition, operation, stream), whole, pieces, finish, cut) if cut else stream


def _cuts_of(whole: bytes) -> st.SearchStrategy[Fault | None]:
    """No cut, one at any byte of *whole*, one at a place where it hurts, or any other."""
    at_byte = st.integers(0, len(whole)) | st.sampled_from(_painful(whole))
    return st.one_of(st.none(), at_byte.map(lambda end: Fault("cut_stream", {"at_byte": end})), cuts)


def _painful(whole: bytes) -> list[int]:
    """Ends within characters, at the end of a line, and behind the name of a field."""
    ends = (found.end() for found in re.finditer(rb"[\xc0-\xff]|[\x80-\xbf](?=[\x80-\xbf])|\n|data: ?", whole))
    return [0, *ends]


def _streamed(edition: Edition, operation: str, stream: Stream) -> bytes:
    api = scripting(edition.provider, edition)
    stream.apply(api)
    reply = _answer(api, operation, {"stream": True})
    return b"".join(event.data for event in reply.events or ())


@st.composite
def _errors(draw: st.DrawFn, edition: Edition, operation: str) -> ErrorReply:
    name = draw(st.sampled_from(errors_of(edition, operation)))
    limited = edition.errors[name].status == 429
    wait = draw(st.none() | st.integers(1, LONGEST_WAIT)) if limited else None
    fault = Fault("fail", {"error": name} if wait is None else {"error": name, "retry_after": wait})
    api = scripting(edition.provider, edition)
    fault.apply(api)
    reply = _answer(api, operation, {})
    return ErrorReply(name, reply.status, dict(reply.headers), reply.body, fault)


def _answer(api: Scripting, operation: str, more: Mapping[str, Any]) -> ApiReply:
    """What *api* answers to the usual request."""
    edition = api.edition
    model = models_for(edition, operation, None)[0].id
    line = next(line for line, name in edition.operations.items() if name == operation)
    address = f"https://{edition.hosts[0]}{edition.base}{line.partition(' ')[2]}"
    headers = Headers({"authorization": f"Bearer {DUMMY_KEY}", "content-type": "application/json"})
    body = json.dumps({"model": model, **ASKED[operation], **more}).encode()
    reply = api.simulator.answer(ApiRequest("POST", address, headers, body)).reply
    assert isinstance(reply, ApiReply)
    return reply
