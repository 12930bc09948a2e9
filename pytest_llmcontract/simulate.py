"""``simulate()``: joins core, a provider, the adapters and the clock into what a test holds in its hand.

All simulations of a process share one stage: one clock, one interception of each HTTP library, one guard. Nested
ones share it too, and the innermost that owns a host answers.
"""

from __future__ import annotations

import importlib
import os
import random
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, date, datetime, time
from types import ModuleType
from typing import Any, Literal

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.contract import contract_for
from pytest_llmcontract.core.data import edition_dates, load_edition, provider_folder, provider_hosts, provider_names
from pytest_llmcontract.core.errors import BadInput, ContractViolation, unknown
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect
from pytest_llmcontract.core.keys import DUMMY_KEY, key_names
from pytest_llmcontract.core.ledger import Call, Calls
from pytest_llmcontract.core.limiter import LimitState
from pytest_llmcontract.core.profile import LIMIT_KINDS, Edition
from pytest_llmcontract.core.rules import RULES, Violation
from pytest_llmcontract.core.script import (
    Chaos,
    Latency,
    Outage,
    Part,
    Script,
    ScriptedFault,
    ScriptedReply,
    StreamCut,
    When,
    matcher,
)
from pytest_llmcontract.core.settings import ClockSettings, ProviderSettings, settings_from
from pytest_llmcontract.core.simulator import Simulator
from pytest_llmcontract.core.site import application_site
from pytest_llmcontract.core.tokens import DefaultEstimator, TokenEstimator
from pytest_llmcontract.core.wire import Ids
from pytest_llmcontract.report.findings import render

__all__ = ["SimulatedProvider", "simulate"]

CutHow = Literal["disconnect", "error_event", "truncate", "stall"]


class SimulatedProvider:
    """One simulated provider, as ``groq_api``, ``together_api`` and :func:`simulate` give it."""

    def __init__(self, name: str, settings: ProviderSettings, stage: Stage, tokens: TokenEstimator) -> None:
        self.name = name
        self.settings = settings
        self._stage = stage
        self._tokens = tokens
        self._module = provider_module(name)
        edition = load_edition(name, settings.edition)
        self.edition: Edition = (
            edition.with_models(settings.models).with_limits(settings.limits).with_hosts(settings.hosts)
        )
        self._simulators: list[Simulator] = []
        self._judged: set[int] = set()

    def __repr__(self) -> str:
        return f"<SimulatedProvider {self.name}, edition {self.edition.date}, {len(self.calls)} calls>"

    @property
    def simulator(self) -> Simulator:
        """The path of a call and its state, for adapters and commands of this project."""
        return self._simulators[-1]

    def begin(self) -> None:
        """Build the state it begins with; the clock is known by now."""
        edition, clock = self.edition, self._stage.clock
        account = self._module.account(edition, self.settings, clock)
        contracts = {
            operation: contract
            for operation in set(edition.operations.values())
            if (contract := contract_for(self.name, operation, edition.date)) is not None
        }
        self._simulators.append(
            Simulator(
                edition,
                self._module.wire(edition, Ids(f"{self.name} {edition.date} {len(self._simulators)}")),
                contracts,
                account,
                self._module.limiter(edition, account, clock),
                self._tokens,
                clock,
                journal=self._stage.journal,
            )
        )

    # Scripting.

    def reply(
        self,
        content: str | Sequence[str] | None = None,
        *,
        structured: Mapping[str, Any] | None = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        reasoning: str | None = None,
        finish_reason: str | None = None,
        usage: Mapping[str, Any] | None = None,
        when: When = None,
        times: int | None = 1,
    ) -> Script:
        """Script the next answer(s). Without a script the simulator makes up a useful one.

        Args:
            content: The text, or a list of the pieces a stream gives it in.
            structured: A dict, given as the forced tool's arguments or as JSON content, as the request asks.
            tool_calls: ``{"name": …, "arguments": {…}}`` each.
            body: The whole reply, of any operation.
            headers: More headers, or other values.
            reasoning: What a reasoning model shows of its thinking.
            finish_reason: In place of ``stop`` or ``tool_calls``.
            usage: ``{"prompt_tokens": …, "completion_tokens": …}``; also what the limiter settles.
            when: A dict of request fields, a substring of the last user message, or a callable taking the request.
            times: How many calls it answers; ``None`` for ever.
        """
        pieces = tuple(content) if content is not None and not isinstance(content, str) else content
        calls = None if tool_calls is None else tuple(_checked_tool_call(call) for call in tool_calls)
        part = ScriptedReply(
            pieces, structured, calls, body, dict(headers or {}), reasoning, finish_reason, _checked_usage(usage)
        )
        shown = content if content is not None else structured or calls or body
        return self._script(part, when, times, f"reply({'' if shown is None else _short(shown)})")

    def fail(
        self,
        error: str | int,
        *,
        retry_after: float | None = None,
        limit: str | None = None,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
        when: When = None,
        times: int | None = 1,
    ) -> Script:
        """Script an error of the catalogue, by name (``"over_capacity"``) or by status (``503``: its default).

        SDKs retry: ``times=1`` is often absorbed by them.

        Args:
            retry_after: Seconds that header and text announce.
            limit: For a 429 or 413: the limit that is exceeded, ``"TPM"``.
            message: In place of the provider's text.

        Raises:
            BadInput: No such error or limit; the message lists those there are.
        """
        fault = self._fault(error, retry_after, limit, message, headers)
        return self._script(fault, when, times, f"fail({error!r})")

    def outage(self, *, seconds: float, error: str | int = 503, when: When = None) -> Script:
        """Fail everything until the clock has moved on by *seconds*."""
        part = Outage(self._fault(error), self.clock.seconds + _not_negative("outage(seconds=)", seconds))
        return self._script(part, when, None, f"outage(seconds={seconds:g})")

    def cut_stream(
        self, *, after: int = 3, how: CutHow = "disconnect", when: When = None, times: int | None = 1
    ) -> Script:
        """End a stream too early, after *after* events.

        Args:
            how: ``disconnect``, ``error_event`` (the provider's own, within a 200), ``truncate`` (in the middle of
                an event, and of a character where there is a wide one) or ``stall`` (until the client gives up).
        """
        hows = ("disconnect", "error_event", "truncate", "stall")
        if how not in hows:
            raise BadInput(f"cut_stream(how={how!r}) is not known; accepted: {', '.join(hows)}")
        part = StreamCut(int(_not_negative("cut_stream(after=)", after)), how)
        return self._script(part, when, times, f"cut_stream(how={how!r})")

    def latency(self, *, first_token: float = 0.0, per_token: float = 0.0, when: When = None) -> Script:
        """Answer slowly: virtual seconds before the first token, and before each further one of a stream."""
        part = Latency(_not_negative("latency(first_token=)", first_token), _not_negative("per_token=", per_token))
        return self._script(part, when, None, "latency()")

    def chaos(self, rate: float, *, errors: Iterable[str | int] = (), seed: int = 0, when: When = None) -> Script:
        """Fail calls at random, the same ones for the same seed.

        Args:
            rate: Share of the calls that fail, 0 to 1.
            errors: Which errors, by name or status; default the provider's 429, 500 and 503.
        """
        if not 0 <= rate <= 1:
            raise BadInput(f"chaos(rate={rate!r}): accepted is a share between 0 and 1")
        faults = tuple(self._fault(error) for error in tuple(errors) or (429, 500, 503))
        part = Chaos(rate, faults, seed, random.Random(seed))
        return self._script(part, when, None, f"chaos({rate:g}, seed={seed})")

    def _script(self, part: Part, when: When, times: int | None, what: str) -> Script:
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise BadInput(f"{what}: times={times!r}; accepted: a number of calls from 1, or None for ever")
        source = f"{self.name}_api.{what} at {application_site()}"
        return self.simulator.scripts.add(Script(part, matcher(when), times, source))

    def _fault(
        self,
        error: str | int,
        retry_after: float | None = None,
        limit: str | None = None,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ScriptedFault:
        spec = self.edition.error(error)
        if limit is not None and limit.upper() not in LIMIT_KINDS:
            raise BadInput(f"fail({error!r}, limit={limit!r}): no such limit; accepted: {', '.join(LIMIT_KINDS)}")
        if retry_after is not None:
            _not_negative("fail(retry_after=)", retry_after)
        return ScriptedFault(spec.name, spec.step, retry_after, limit, message, dict(headers or {}))

    # Limits.

    def exhaust(self, limit: str, *, model: str | None = None) -> None:
        """Drain a limit (``"TPD"``) of one model, or of all models that have it.

        Raises:
            BadInput: No such limit or model.
        """
        for bucket in self._buckets(limit, model):
            bucket.add(bucket.remaining(self.clock.seconds) + 1, self.clock.seconds)
            over = bucket.used(self.clock.seconds) - bucket.limit
            if over > 0:
                bucket.add(-over, self.clock.seconds)

    def use(self, limit: str, amount: float, *, model: str | None = None) -> None:
        """Count *amount* against a limit, as calls from elsewhere in the organisation would."""
        for bucket in self._buckets(limit, model):
            bucket.add(_not_negative("use(amount)", amount), self.clock.seconds)

    def _buckets(self, limit: str, model: str | None) -> list[Any]:
        if limit.upper() not in LIMIT_KINDS:
            raise BadInput(f"limit {limit!r} is not known; accepted: {', '.join(LIMIT_KINDS)}")
        limiter = self.simulator.limiter
        if model is not None:
            return [limiter.bucket(self._known_model(model), limit)]
        found = [limiter.buckets(name).get(limit.upper()) for name in self.edition.models]
        buckets = [bucket for bucket in found if bucket is not None]
        if not buckets:
            raise BadInput(f"no model of {self.name} has a limit {limit.upper()} on this plan")
        return buckets

    def _known_model(self, model: str) -> str:
        if model not in self.edition.models:
            raise unknown(f"{self.name} model", model, self.edition.models)
        return model

    def limits(self, model: str) -> dict[str, LimitState]:
        """Name -> state of every limit of *model*, now."""
        return self.simulator.limiter.state(self._known_model(model), self.clock.seconds)

    # Looking.

    @property
    def calls(self) -> Calls:
        """Every call to this provider, in order."""
        return Calls(self.simulator.ledger.calls)

    @property
    def account(self) -> Any:
        """The billing side: plan or tier, money, events."""
        return self.simulator.account

    @property
    def clock(self) -> VirtualClock:
        return self._stage.clock

    @property
    def router(self) -> Any:
        """The respx router in front of the simulation, for routes of one's own; it covers httpx2 too."""
        return self._stage.interception.router

    def reset(self) -> None:
        """Back to the state it began with: scripts, limits, account, calls. The clock stays, findings too."""
        self.begin()

    # The verdict.

    def findings(self) -> list[Violation]:
        """Findings since the last time anybody asked."""
        fresh = []
        for simulator in self._simulators:
            for violation in simulator.ledger.violations():
                if id(violation) not in self._judged:
                    self._judged.add(id(violation))
                    fresh.append(violation)
        return fresh

    def unused_scripts(self) -> list[Violation]:
        """A finding (LLM207) for every script that a test counted on and nothing used."""
        return [
            Violation(
                "LLM207",
                f"{self.name}: {script.source} was never used"
                if not script.calls
                else f"{self.name}: {script.source} was used {len(script.calls)} times, {script.left} left",
                severity=RULES["LLM207"].severity,
                provider=self.name,
                fix="the test proves nothing with it: remove it, lower times=, or check when= and the model;\n"
                "times=None says that it may stay unused",
            )
            for simulator in self._simulators
            for script in simulator.scripts.unused()
        ]


class Stage:
    """What all simulations of this process share while any of them lasts. The :class:`Gateway` of the adapters.

    Args:
        settings: How the clock runs.
        guard: Whether calls to providers that are not simulated are stopped.
    """

    def __init__(self, settings: ClockSettings, *, guard: bool = True) -> None:
        from pytest_llmcontract.adapters import time as time_adapter
        from pytest_llmcontract.adapters.respx import Interception

        newest = max(edition_dates(name)[-1] for name in provider_names())
        real = settings.mode == "real"
        self._pinned = self._dated = settings.start is not None
        self.clock = VirtualClock(settings.start or _noon(newest), ticks=time_adapter.monotonic if real else None)
        self.journal: list[Call] = []
        """Every call of every provider, in order."""
        self.providers: list[SimulatedProvider] = []
        self.guard = guard
        self._escapes: list[Violation] = []
        self._streams: dict[int, Call] = {}
        self._exits = ExitStack()
        self._time = nullcontext() if real else time_adapter.running(self.clock, wall=settings.wall)
        self.interception = Interception(
            self,
            wait=time_adapter.provider_delay,
            wait_async=time_adapter.provider_delay_async,
            in_flight=time_adapter.request,
        )

    def begin(self) -> None:
        self._exits.enter_context(self._time)
        self._exits.callback(self.interception.remove)
        self.interception.install()

    def end(self) -> None:
        self._exits.close()

    def add(self, provider: SimulatedProvider) -> None:
        """Let *provider* answer; the clock begins at the earliest edition."""
        noon = _noon(provider.edition.date)
        if not self._dated or (not self._pinned and noon < self.clock.now):
            self.clock.rebase(noon)
        self._dated = True
        self.providers.append(provider)
        provider.begin()

    def findings(self) -> list[Violation]:
        """Findings of all providers that nobody asked for yet."""
        escapes, self._escapes = self._escapes, []
        return [finding for provider in self.providers for finding in provider.findings()] + escapes

    # The gateway.

    def owns(self, host: str) -> bool:
        return any(host in provider.edition.hosts for provider in self.providers)

    def answer(self, request: ApiRequest) -> ApiReply | Disconnect:
        for provider in reversed(self.providers):
            if request.host in provider.edition.hosts:
                call = provider.simulator.answer(request)
                if call.reply is not None and call.reply.events is not None:
                    self._streams[id(call.reply)] = call
                return call.reply or Disconnect()
        raise AssertionError(f"nobody owns {request.host}")

    def finished(self, reply: ApiReply) -> None:
        if call := self._streams.pop(id(reply), None):
            call.took = self.clock.seconds - call.at

    def blocked(self, host: str) -> str | None:
        if not self.guard:
            return None
        owner = next((name for name in provider_names() if host in provider_hosts(name)), None)
        if owner is None:
            return None
        return f"pytest-llmcontract stopped a call to {host}: {owner} is not simulated in this test"

    def escaped(self, request: ApiRequest) -> None:
        owner = next(name for name in provider_names() if request.host in provider_hosts(name))
        self._escapes.append(
            Violation(
                "LLM204",
                f"{owner}: a call to {request.host} would have left this machine",
                provider=owner,
                path="url",
                sent=f"{request.method} {request.url} by {request.client or 'an unnamed client'}",
                allowed="calls to simulated providers",
                fix=f"ask for the fixture {owner}_api, or open the guard with --llmcontract-guard=off",
                site=request.site,
            )
        )


_stage: Stage | None = None
_users = 0
_lock = threading.RLock()


def current_stage() -> Stage | None:
    """The stage, while any simulation lasts."""
    return _stage


@contextmanager
def staged(settings: ClockSettings | None = None, *, guard: bool = True) -> Iterator[Stage]:
    """Share the stage, or open it with these settings if nobody has yet."""
    global _stage, _users
    with _lock:
        if _stage is None:
            _stage = Stage(settings or ClockSettings(), guard=guard)
            _stage.begin()
        _users += 1
        stage = _stage
    try:
        yield stage
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _stage = None
                stage.end()


@contextmanager
def guarded() -> Iterator[Stage]:
    """Stop calls to providers without simulating any, in real time."""
    stage = Stage(ClockSettings(mode="real"))
    stage.begin()
    try:
        yield stage
    finally:
        stage.end()


@contextmanager
def simulate(
    provider: str, *, check: bool = True, tokens: TokenEstimator | None = None, **settings: Any
) -> Iterator[SimulatedProvider]:
    """Simulate *provider* while the block lasts; what the fixtures give, for fixtures of any scope and outside pytest.

    Args:
        provider: ``groq`` or ``together``.
        check: Raise what was found on leaving; else it stays in ``calls``.
        tokens: Counts tokens in place of the default estimate.
        settings: The keywords of the markers: ``plan=``, ``tier=``, ``edition=``, ``limits=``, ``models=``, ``hosts=`` …

    Raises:
        BadInput: Something of it is not known; the message lists what is.
        ContractViolation: On leaving, for findings no test reported.
    """
    read = provider_settings(provider, settings, what=f"simulate({provider!r})")
    with staged() as stage, simulated(provider, read, stage, tokens) as api:
        yield api
        findings = [*api.findings(), *api.unused_scripts()]
        errors = tuple(finding for finding in findings if finding.severity == "error")
        if check and errors:
            raise ContractViolation(render(findings), errors)


@contextmanager
def simulated(
    name: str, settings: ProviderSettings, stage: Stage, tokens: TokenEstimator | None = None
) -> Iterator[SimulatedProvider]:
    """Put one provider on the stage, with dummies for the keys that are not set."""
    api = SimulatedProvider(name, settings, stage, tokens or DefaultEstimator())
    with _dummy_keys(key_names(name)):
        stage.add(api)
        try:
            yield api
        finally:
            stage.providers.remove(api)


@contextmanager
def _dummy_keys(names: Iterable[str]) -> Iterator[None]:
    missing = [name for name in names if not os.environ.get(name)]
    before = {name: os.environ.get(name) for name in missing}
    os.environ.update(dict.fromkeys(missing, DUMMY_KEY))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def provider_settings(
    name: str, given: Mapping[str, Any], where: str = "", what: str | None = None
) -> ProviderSettings:
    """The keywords of a marker or of :func:`simulate`, checked.

    Raises:
        BadInput: One is not known or its value not accepted; the message names *where* it stands.
    """
    kind: type[ProviderSettings] = provider_module(name).SETTINGS
    return settings_from(kind, given, what or f"{name}_api", where)


def clock_settings(given: Mapping[str, Any], where: str = "") -> ClockSettings:
    """The keywords of ``llm_clock``, checked. As :func:`provider_settings`."""
    return settings_from(ClockSettings, given, "llm_clock", where)


def provider_module(name: str) -> ModuleType:
    """The little code of a provider: its settings, keys, wire, account and limiter."""
    provider_folder(name)  # a name nobody knows gets a clear error
    return importlib.import_module(f"pytest_llmcontract.providers.{name}")


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def _checked_tool_call(call: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(call, Mapping) or "name" not in call or set(call) - {"name", "arguments"}:
        raise BadInput(f"reply(tool_calls=): {call!r} is not understood; accepted: {{'name': …, 'arguments': {{…}}}}")
    return call


_USAGE_KEYS = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens")


def _checked_usage(usage: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    for name in usage or ():
        if name not in _USAGE_KEYS:
            raise unknown("key of reply(usage=)", name, _USAGE_KEYS)
    return usage


def _not_negative(what: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise BadInput(f"{what} is {value!r}; accepted is a number from 0")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
