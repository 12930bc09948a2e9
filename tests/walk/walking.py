"""Calls every operation of a provider by an example of it: ``operations/<provider>.json``.

An entry of these files:

``operation``, ``case``
    What is called; of several entries with the same name each but one has a case of its own.
``body``, ``form``, ``raw``
    What is sent: JSON, the fields of a form, or a text as it is. A file of a form is ``{"name": …, "text": …}``, or
    ``{"name": …, "sound": seconds}``.
``path``, ``query``, ``address``
    What the names in the operation's address stand for; what stands behind it; an address as a whole.
``before``, ``later``
    Operations (``operation:case``) that are called before; virtual seconds that then pass.
``status``, ``type``
    Of the reply: 200 and JSON where nothing is said.
``since``, ``until``, ``any_id``
    The first day there is such a thing, and the first there is none any more; an id may be right that no other
    example made.

``<operation:case/pointer>`` in any text is a value of that operation's reply, ``<operation!header>`` one of its
headers (it is called first, once), ``<model:type>`` a model of a type that answers on the day,
``<voice:type>`` its first voice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_dates, edition_on
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.sound.made import Sound, wav
from pytest_llmcontract.core.world import World, noon_of

HERE = Path(__file__).parent / "operations"
PROVIDERS = ("groq", "together")
PLANS: dict[str, dict[str, Any]] = {"groq": {"plan": "developer"}, "together": {"balance": 1_000_000}}
"""Accounts that may do everything."""
_NAMED = re.compile(r"<([a-z][a-z0-9_.]*)(?::([a-z_]+))?([/!][^<>]*)?>")
_KEY = {"authorization": "Bearer ***"}


class Impossible(Exception):
    """The example cannot be on that day: there is no such model yet."""


@dataclass(frozen=True)
class Example:
    """One entry."""

    operation: str
    case: str = ""
    body: Any = None
    form: Mapping[str, Any] | None = None
    raw: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    before: tuple[str, ...] = ()
    later: float = 0
    status: int = 200
    type: str = "application/json"
    since: str = ""
    until: str = ""
    any_id: bool = False

    @property
    def asks_model(self) -> bool:
        sent = self.body if self.body is not None else self.form
        return isinstance(sent, Mapping) and "<model:" in str(sent.get("model"))


@cache
def examples(provider: str) -> tuple[Example, ...]:
    """Those of operations that this version answers."""
    return tuple(one for one in all_examples(provider) if one.operation in OPERATIONS)


@cache
def all_examples(provider: str) -> tuple[Example, ...]:
    return tuple(Example(**entry) for entry in json.loads((HERE / f"{provider}.json").read_text("utf-8")))


def addresses(provider: str, operation: str) -> list[tuple[str, str]]:
    """Method and path of each address of *operation*."""
    edition = edition_on(provider, edition_dates(provider)[-1])
    lines = [line.split(" ") for line, name in edition.operations.items() if name == operation]
    return [(method, path[1:] if path.startswith("//") else edition.base + path) for method, path in lines]


class Caller:
    """One account on one day, and what it made so far.

    Args:
        send: Sends a request.
        sleep: Lets virtual seconds pass.
        count: What ``<count>`` stands for, in names that an account has but once.
    """

    def __init__(
        self,
        edition: Edition,
        send: Callable[[ApiRequest], ApiReply],
        sleep: Callable[[float], object],
        count: str = "",
    ) -> None:
        self.provider = edition.provider
        self._count = count
        self.edition = edition
        self._send, self._sleep = send, sleep
        self._made: dict[tuple[str, str], ApiReply] = {}

    # Calling

    def call(self, example: Example, number: int = 0) -> ApiReply:
        """The example's own request at the operation's address of that *number*, and whatever has to be before."""
        return self._send(self.ready(example, number))

    def ready(self, example: Example, number: int = 0) -> ApiRequest:
        """That request; whatever has to be before is done, and the time is gone."""
        for name in example.before:
            self.reply(*name.split(":"))
        request = self.request(example, number)
        if example.later:
            self._sleep(example.later)
        return request

    def request(self, example: Example, number: int = 0) -> ApiRequest:
        day = self.edition.date.isoformat()
        if day < example.since or (example.until and day >= example.until):
            raise Impossible
        if example.operation not in self.edition.operations.values():
            raise Impossible
        method, path = addresses(self.provider, example.operation)[number]
        url = self._filled(example.address) or self._url(example, path)
        kind, body = self._sent(example)
        headers = {**_KEY, **({"content-type": kind} if kind else {})}
        return ApiRequest(method, url, Headers(headers), body)

    def _url(self, example: Example, path: str) -> str:
        names = {name: quote(str(self._filled(value)), safe="") for name, value in example.path.items()}
        query = urlencode(self._filled(dict(example.query)))
        return f"https://{self.edition.hosts[0]}{path.format(**names)}" + (f"?{query}" if query else "")

    def _sent(self, example: Example) -> tuple[str, bytes]:
        if example.raw is not None:
            return "", self._filled(example.raw).encode()
        if example.form is not None:
            return as_form({name: self._part(value) for name, value in example.form.items()})
        if example.body is not None:
            return "application/json", json.dumps(self._filled(example.body)).encode()
        return "", b""

    def _part(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return self._filled(value)
        data = sound(value["sound"]) if "sound" in value else self._filled(value["text"]).encode()
        return value["name"], data

    # What an example speaks of

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := _NAMED.fullmatch(value):
            return self._meant(*whole.groups())
        return _NAMED.sub(lambda found: str(self._meant(*found.groups())), value)

    def _meant(self, name: str, case: str | None, rest: str | None) -> Any:
        if name == "count":
            return self._count
        if name == "model":
            return first_model(self.edition, case or "chat").id
        if name == "voice":
            return next(iter(first_model(self.edition, case or "audio").voices), "alloy")
        reply = self.reply(name, case or "")
        if not rest:
            return reply.text
        return reply.headers[rest[1:]] if rest[0] == "!" else _at(reply.json, rest)

    def reply(self, operation: str, case: str = "") -> ApiReply:
        if (operation, case) not in self._made:
            example = next(one for one in examples(self.provider) if (one.operation, one.case) == (operation, case))
            reply = self.call(example)
            assert reply.status < 400, (operation, reply.text)
            self._made[operation, case] = reply
        return self._made[operation, case]


class Walk(Caller):
    """The same in a world of its own."""

    def __init__(self, provider: str, day: date, *, lenient: bool = False) -> None:
        known, edition = provider_called(provider), edition_on(provider, day)
        clock = VirtualClock(noon_of(edition.date))
        self.world = World(clock, lenient=lenient)
        settings = known.plan_settings("developer") if provider == "groq" else known.settings(**PLANS[provider])
        self.simulator = self.world.add(known, edition, settings)
        super().__init__(edition, self._answer, lambda seconds: clock.advance(seconds=seconds))

    def _answer(self, request: ApiRequest) -> ApiReply:
        reply = self.world.answer(request).reply
        assert isinstance(reply, ApiReply)
        return reply

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Code and text of what was found in the last call, but that its model retires soon, as some do any day."""
        found = self.simulator.state.ledger.calls[-1].violations
        return [(one.code, one.message) for one in found if one.code != "LLM108"]


def first_model(edition: Edition, type: str) -> Model:
    """Of the models of that type that answer on the day, the one that can do most."""
    able = [model for model in edition.models.values() if model.type == type and _answers(edition, model)]
    if not able:
        raise Impossible
    return max(able, key=lambda model: len(model.capabilities))


def _answers(edition: Edition, model: Model) -> bool:
    asked = model.serverless and not model.tier and "socket_only" not in model.rules
    return asked and model.since <= edition.date and not model.is_retired(edition.date)


def _at(body: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/"):
        body = body[int(part)] if isinstance(body, list) else body[part]
    return body


@cache
def sound(seconds: float) -> bytes:
    """A file of sound that plays for so long."""
    return wav(Sound("x", 8000, length=float(seconds)))


def as_form(fields: Mapping[str, Any]) -> tuple[str, bytes]:
    """The content type and body of a form."""
    parts = []
    for name, value in fields.items():
        file = f'; filename="{value[0]}"' if isinstance(value, tuple) else ""
        data = value[1] if isinstance(value, tuple) else str(value).encode()
        parts.append(f'--part\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n")
    return "multipart/form-data; boundary=part", b"".join(parts) + b"--part--\r\n"


def days(provider: str) -> Iterator[date]:
    """The newest edition, and those before it."""
    yield from reversed(edition_dates(provider))
