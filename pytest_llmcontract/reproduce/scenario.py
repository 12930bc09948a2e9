"""A state of the simulator and the call that meets an error in it: what both the reply and the written test come from.

A :class:`Scenario` holds nothing but what a test could say with markers and methods of the fixture, and the few
switches of a day between two editions, which a test cannot reach (:attr:`Scenario.in_reach`).
"""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.tokens import DefaultEstimator
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_dates, edition_on
from pytest_llmcontract.core.facts.registry import DUMMY_KEY
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.operations import operation_of
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.scripting import Scripting

TOKENS = DefaultEstimator()


@dataclass(frozen=True)
class Request:
    """The call that meets the error."""

    operation: str = "chat.completions"
    body: Mapping[str, Any] = field(default_factory=dict)
    """JSON; the fields of the form where audio is sent."""
    audio_seconds: int = 0
    """A sound file of that length comes along."""
    key: bool = True
    method: str = "POST"
    path: str = ""
    """In place of the operation's own."""


@dataclass(frozen=True)
class Level:
    """What is in use of a limit."""

    kind: str
    used: float | None
    """``None``: all of it."""
    model: str
    why: str = ""


@dataclass(frozen=True)
class Fault:
    """What ``fail()`` is given."""

    error: str
    message: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    limit: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Scenario:
    """How to meet an error."""

    provider: str
    day: date
    error: str
    """The name in the catalogue that is expected."""
    request: Request = field(default_factory=Request)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of the marker, without ``edition``."""
    levels: tuple[Level, ...] = ()
    organization: str = ""
    account: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    """Methods of the account to call: ``("charge", (25,))``."""
    dialect: Mapping[str, Any] = field(default_factory=dict)
    """Switches set as no edition has them."""
    fault: Fault | None = None
    why: tuple[str, ...] = ()
    """What a reader should know of it, a sentence each."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """Where ``request``, ``plan``, ``limits`` and ``models`` come from."""

    @property
    def in_reach(self) -> bool:
        """Whether a test can say all of it."""
        return not self.dialect and self.day in edition_dates(self.provider)

    @property
    def natural(self) -> bool:
        """Whether the text is the simulator's own, not given word for word."""
        fault = self.fault
        return fault is None or (fault.message is None and fault.body is None and "message" not in fault.values)

    def with_fault(self, fault: Fault) -> Scenario:
        return replace(self, fault=fault)

    def with_why(self, *sentences: str) -> Scenario:
        return replace(self, why=(*self.why, *sentences))


@dataclass(frozen=True)
class Played:
    """What came of it."""

    scenario: Scenario
    call: Call

    @property
    def reply(self) -> ApiReply:
        assert self.call.reply is not None
        return self.call.reply

    @property
    def error(self) -> Mapping[str, Any]:
        """The error's own fields, wherever the reply has them."""
        return error_of(self.reply)

    @property
    def message(self) -> str:
        return str(self.error.get("message"))

    @property
    def allowed(self) -> list[str]:
        """Codes of findings that would fail the test although it brings them about on purpose."""
        return sorted({finding.code for finding in self.call.violations if finding.severity == "error"})


def play(scenario: Scenario, **ids: str) -> Played:
    """Bring a simulator into the state of *scenario* and let its call be answered.

    Args:
        ids: ``request_id``, to have one that was seen.
    """
    api = _scripting(scenario)
    state = api.simulator.state
    account: Any = state.account
    if scenario.organization:
        account.organization = scenario.organization
    for method, arguments in scenario.account:
        getattr(account, method)(*arguments)
    for level in scenario.levels:
        if level.used is None:
            api.exhaust(level.kind, model=level.model)
        else:
            api.use(level.kind, level.used, model=level.model)
    if (fault := scenario.fault) is not None:
        api.fail(
            fault.error,
            message=fault.message,
            body=fault.body,
            values=fault.values,
            limit=fault.limit,
            retry_after=fault.retry_after,
        )
    if request_id := ids.get("request_id"):
        state.request_ids.append(request_id)
    return Played(scenario, api.simulator.answer(wire_request(scenario)).call)


class Scale:
    """Says what a body would ask of each limit, in the state of *scenario*."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._simulator = _scripting(scenario).simulator

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, float]:
        request = replace(self._scenario.request, body=body)
        turn = self._simulator.open(self._simulator.state, wire_request(replace(self._scenario, request=request)))
        if "messages" in body:
            turn.prompt_tokens = TOKENS.prompt(body, turn.call.model)
        return operation_of(turn).counted(self._simulator.state, turn).charges().asked


def edition_of(scenario: Scenario) -> Edition:
    """The facts of its day, with what it changes about them."""
    settings = scenario.settings
    edition = edition_on(scenario.provider, scenario.day)
    if settings.get("models"):
        edition = edition.with_models(settings["models"])
    if settings.get("limits"):
        edition = edition.with_limits(settings["limits"])
    return edition.with_dialect(**scenario.dialect) if scenario.dialect else edition


def _scripting(scenario: Scenario) -> Scripting:
    """What can be scripted of a provider in its state, in a world of its own: without clients."""
    own = {name: value for name, value in scenario.settings.items() if name not in ("models", "limits")}
    provider = provider_called(scenario.provider)
    world = World(VirtualClock(noon_of(scenario.day)))
    simulator = world.add(provider, edition_of(scenario), provider.settings(**own), TOKENS)
    return Scripting(scenario.provider, simulator, world.clock)


def wire_request(scenario: Scenario) -> ApiRequest:
    """Its call as the provider would receive it."""
    request = scenario.request
    headers = {"user-agent": "llmcontract-reproduce"}
    if request.key:
        headers["authorization"] = f"Bearer {DUMMY_KEY}"
    if request.audio_seconds:
        headers["content-type"] = f"multipart/form-data; boundary={_BOUNDARY}"
        body = _form(request)
    else:
        headers["content-type"] = "application/json"
        body = json.dumps(request.body).encode() if request.method == "POST" else b""
    return ApiRequest(request.method, url_of(scenario), Headers(headers), body)


def url_of(scenario: Scenario) -> str:
    """Where its call goes."""
    edition, request = edition_on(scenario.provider, scenario.day), scenario.request
    path = request.path or next(
        edition.base + line.partition(" ")[2]
        for line, operation in edition.operations.items()
        if operation == request.operation
    )
    return f"https://{edition.hosts[0]}{path}"


_BOUNDARY = "llmcontract"


def _form(request: Request) -> bytes:
    fields = b"".join(
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in request.body.items()
    )
    file = f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="audio.wav"\r\n\r\n'.encode()
    return fields + file + silence(request.audio_seconds) + f"\r\n--{_BOUNDARY}--\r\n".encode()


def silence(seconds: int) -> bytes:
    """A sound file of that length and a byte a second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(1)
        sound.writeframes(bytes(seconds))
    return file.getvalue()


def error_of(reply: ApiReply) -> Mapping[str, Any]:
    """The error in a reply, in one form for all: ``{"message", "type", …}``.

    Of a stream it is what the stream breaks off with, of a page what its title says. One without words has only fields.
    """
    body = reply.json if reply.events is None else _last_event(reply.text)
    if isinstance(body, dict):
        error = body.get("error")
        if error is None and isinstance(body.get("choices"), list) and body["choices"]:
            error = body["choices"][0].get("error")
        if isinstance(error, dict):
            return error
        if error is not None:
            return {"message": error}
        if "choices" not in body:
            return {"message": "", **body}
    return {"message": page_title(reply.text) or reply.text}


def page_title(page: str) -> str:
    """What the title of an error page says after host and status; empty if it is no page."""
    _, found, rest = page.partition("<title>")
    title = rest.partition("</title>")[0].rpartition("|")[2].strip() if found else ""
    status, colon, words = title.partition(":")
    return words.strip() if colon and status.strip().isdigit() else title


def _last_event(stream: str) -> Any:
    """The last event of a stream that tells of an error."""
    for line in reversed(stream.splitlines()):
        if line.startswith("data: {") and '"error"' in line:
            return json.loads(line.removeprefix("data: "))
    return None
