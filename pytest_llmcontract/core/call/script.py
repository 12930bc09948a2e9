"""What a test scripts: answers and faults in one queue, first in, first out among what matches a request.

``latency`` and ``cut_stream`` shape an answer instead of giving one, so they wait in queues of their own: the oldest
cut that matches is used up, and of latencies the newest that matches holds.
``outage`` and ``chaos`` are weather: they come before the queue and are never used up, an outage before any chaos.
Each chaos throws dice of its own, the oldest first, until one strikes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_llmcontract.core.call.multipart import judged_body
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import NO_JSON, ApiRequest, How, can_travel
from pytest_llmcontract.core.ledger import Call, Calls

Matcher = Callable[[ApiRequest], bool]
When = Mapping[str, Any] | str | Callable[[ApiRequest], bool] | None


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """What ``reply()`` was given; ``None`` leaves a part to the simulator."""

    content: str | tuple[str, ...] | None = None
    structured: Mapping[str, Any] | None = None
    tool_calls: tuple[Mapping[str, Any], ...] | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("content", "structured", "tool_calls", "body", "headers", "reasoning", "usage"):
            _check(f"{name} of reply()", getattr(self, name))


def _check(what: str, value: Any) -> None:
    if not isinstance(value, bytes) and not can_travel(value):
        raise BadInput(f"{what} holds {NO_JSON}")


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """What ``fail()`` was given: an error of the catalogue and what the test wants different in it."""

    error: str
    step: str
    """The step of the path that answers with it."""
    retry_after: float | None = None
    limit: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    """What fills the placeholders of its body."""
    body: Any = None
    """In place of its body."""

    def __post_init__(self) -> None:
        for name in ("message", "headers", "values", "body"):
            _check(f"{name} of fail()", getattr(self, name))


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """What ``fail()`` was given for a connection that breaks before a reply; it strikes before the first step."""

    how: How


Fault = ScriptedFault | ConnectionFault


@dataclass(frozen=True, slots=True)
class StreamCut:
    """How ``cut_stream()`` ends a stream: after *after* events, or after *at_byte* bytes."""

    after: int = 3
    at_byte: int | None = None
    how: Literal["disconnect", "error_event", "truncate", "stall"] = "disconnect"
    error: str | None = None
    """Which error of the catalogue an ``error_event`` brings."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What fills the placeholders of its body."""
    body: Any = None
    """In place of the body of that error: JSON, or bare words."""

    def __post_init__(self) -> None:
        for name in ("values", "body"):
            _check(f"{name} of an error within a stream", getattr(self, name))

    @property
    def cuts_files(self) -> bool:
        """Whether it ends a file too: a byte of one can be named, but there are no events in it."""
        return self.at_byte is not None and self.how != "error_event"


@dataclass(frozen=True, slots=True)
class Latency:
    """Virtual seconds before the first token, and before each one after it."""

    first_token: float = 0.0
    per_token: float = 0.0


@dataclass(frozen=True, slots=True)
class Outage:
    """A fault for everything until the clock has passed ``until`` (its seconds)."""

    fault: Fault
    until: float


@dataclass(frozen=True, slots=True)
class Chaos:
    """Random faults, the same ones for the same seed."""

    rate: float
    faults: tuple[Fault, ...]
    seed: int
    dice: random.Random

    def throw(self) -> Fault | None:
        """The fault that strikes the next call, if one does."""
        return self.dice.choice(self.faults) if self.dice.random() < self.rate else None


Part = ScriptedReply | ScriptedFault | ConnectionFault | StreamCut | Latency | Outage | Chaos


class Script:
    """One thing a test scripted. ``calls`` are those it was used for, so far."""

    def __init__(self, part: Part, matcher: Matcher, times: int | None, what: str, site: str) -> None:
        self.part = part
        self.times = times
        self.what = what
        """The call that made it, ``reply('A short summary.')``."""
        self.site = site
        """The line that made it; empty: it came from outside this process."""
        self._matcher = matcher
        self._used: list[Call] = []

    def __repr__(self) -> str:
        left = "for ever" if self.left is None else f"{self.left} left"
        return f"<Script {self.source}: used {len(self._used)} times, {left}>"

    @property
    def source(self) -> str:
        """The call that made it, and its line."""
        return f"{self.what} at {self.site}" if self.site else self.what

    @property
    def calls(self) -> Calls:
        return Calls(self._used)

    @property
    def left(self) -> int | None:
        """How often it will still be used; ``None`` for ever."""
        return None if self.times is None else self.times - len(self._used)

    def matches(self, request: ApiRequest) -> bool:
        try:
            return self._matcher(request)
        except Exception as problem:
            problem.add_note(f"in the when= of {self.source}")
            raise

    def use(self, call: Call) -> None:
        self._used.append(call)


class Scripts:
    """Everything scripted for one provider."""

    def __init__(self) -> None:
        self._live: list[Script] = []
        self._refused: dict[int, ScriptedFault] = {}
        """Faults that told a call to wait, by its id."""

    def __bool__(self) -> bool:
        return bool(self._live or self._refused)

    @property
    def live(self) -> tuple[Script, ...]:
        """Those with uses left, the oldest first."""
        return tuple(self._live)

    def add(self, script: Script) -> Script:
        self._live.append(script)
        return script

    def first(
        self, request: ApiRequest, *kinds: type, suits: Callable[[Part], bool] = lambda part: True
    ) -> Script | None:
        """The oldest script of one of *kinds* that matches *request*, and whose part *suits* it."""
        for script in self._live:
            if isinstance(script.part, kinds) and suits(script.part) and script.matches(request):
                return script
        return None

    def every(self, request: ApiRequest, kind: type) -> list[Script]:
        """All scripts of *kind* that match *request*, the oldest first."""
        return [script for script in self._live if isinstance(script.part, kind) and script.matches(request)]

    def use(self, script: Script, call: Call) -> None:
        """*script* shaped *call*; a used-up one leaves the queue."""
        script.use(call)
        if script.left == 0:
            self._live.remove(script)

    def narrow(self, script: Script, matcher: Matcher) -> None:
        """From now on *script* is only for requests that match *matcher* too, which is asked first."""
        before = script._matcher
        script._matcher = lambda request: matcher(request) and before(request)

    def withdraw(self, script: Script) -> None:
        """*script* strikes nobody any more, and nobody misses it."""
        if script in self._live:
            self._live.remove(script)

    def told_to_wait(self, call: Call, fault: ScriptedFault) -> None:
        """*fault* refused *call*, and the reply says when to come back."""
        self._refused[id(call)] = fault

    def refused(self, call: Call) -> ScriptedFault | None:
        """What refused *call* and told it to wait."""
        return self._refused.get(id(call))

    def unused(self) -> list[Script]:
        """Scripts with uses left that a test counted on: not ``times=None``, latency, chaos or outage."""
        counted = ScriptedReply | ScriptedFault | ConnectionFault | StreamCut
        return [script for script in self._live if script.left and isinstance(script.part, counted)]

    def chaotic(self) -> list[Script]:
        return [script for script in self._live if isinstance(script.part, Chaos)]


def matcher(when: When) -> Matcher:
    """Turn a ``when=`` into a question to a request.

    A mapping is compared with the body's fields, a string is searched in the last user message, a callable is asked.

    Raises:
        BadInput: It is none of these.
    """
    if when is None:
        return lambda _: True
    if isinstance(when, str):
        return lambda request: when in last_user_text(judged_body(request))
    if isinstance(when, Mapping):
        return lambda request: _has_fields(judged_body(request), when)
    if callable(when):
        return when
    raise BadInput(
        f"when={when!r} is not understood; accepted: a dict of request fields, a substring of the last user "
        "message, or a callable taking the ApiRequest"
    )


def _has_fields(body: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(body, dict) and all(name in body and body[name] == value for name, value in wanted.items())


def last_user_text(body: Any) -> str:
    """The text of the last user message, or of a plain ``prompt`` or ``input``; empty if there is none."""
    if not isinstance(body, Mapping):
        return ""
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, list):
        for message in reversed(messages):
            if isinstance(message, dict) and message.get("role") == "user":
                return content_text(message.get("content"))
        return ""
    prompt = body.get("prompt", body.get("input", ""))
    return prompt if isinstance(prompt, str) else ""


def content_text(content: Any) -> str:
    """A message's content as text: a string as it is, the text parts of a list joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""
