"""``simulate()``: joins a world, the adapters and the time of this process.

All simulations of a process share one stage: the doors of this process onto one world (its clock, its providers).
Nested ones share it too, and the innermost that owns a host answers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.answers.tokens import TokenEstimator
from pytest_llmcontract.core.call.tape import Tape
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, ContractViolation
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Forward
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_dates, edition_with_plan
from pytest_llmcontract.core.facts.registry import DUMMY_KEY, key_names, provider_hosts, provider_names
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.locks import new_lock
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.settings import ClockSettings, ProviderSettings, settings_from
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.process import defaults, journal_of_test
from pytest_llmcontract.report.findings import render
from pytest_llmcontract.simulated_provider import SimulatedProvider

if TYPE_CHECKING:
    from pytest_llmcontract.recordings.tape import CassetteTape


class Stage:
    """The doors of this process onto a world, while any simulation lasts. The :class:`Gateway` of the adapters.

    Args:
        settings: How the clock runs.
        guard: Whether calls to providers that are not simulated are stopped.
    """

    def __init__(self, settings: ClockSettings, *, guard: bool = True) -> None:
        from pytest_llmcontract.adapters import time as time_adapter
        from pytest_llmcontract.adapters import vcr as vcr_adapter
        from pytest_llmcontract.adapters.respx import Interception

        self.settings = settings
        self.world = _world(settings)
        self.providers: list[SimulatedProvider] = []
        self.guard = guard
        self._escapes: list[Violation] = []
        self._streams: dict[int, Call] = {}
        """The calls whose streams are being read, by the id of the reply."""
        self._exits = ExitStack()
        real = settings.mode == "real"
        clock = self.world.clock
        self._time = nullcontext() if real else time_adapter.running(clock, wall=settings.wall, seed=settings.seed)
        waits: Any = {
            "wait": time_adapter.provider_delay,
            "wait_async": time_adapter.provider_delay_async,
            "in_flight": time_adapter.request,
        }
        self.remarks = time_adapter.taken_remarks
        """What a test that fails should know of its time; told once."""
        self.interception = Interception(self, **waits)
        self._other_libraries = vcr_adapter.Interception(self, **waits)

    def provide_keys(self) -> None:
        """Set dummies for keys that are not set, while the stage lasts.

        Of all providers: a client of one that is not simulated should meet the guard, not miss its key.
        """
        self._exits.enter_context(_dummy_keys(name for known in provider_names() for name in key_names(known)))

    def begin(self) -> None:
        self._exits.enter_context(self._time)
        for interception in (self.interception, self._other_libraries):
            self._exits.callback(interception.remove)
            interception.install()

    def end(self) -> None:
        self._exits.close()

    def findings(self) -> list[Violation]:
        """Findings of all providers, and of the recordings, that nobody asked for yet."""
        tape = self.world.tape
        return [
            *(finding for provider in self.providers for finding in provider.findings()),
            *(tape.findings() if tape else ()),
            *self.escapes(),
        ]

    def escapes(self) -> list[Violation]:
        """Calls that the guard stopped, and nobody asked for yet."""
        found, self._escapes = self._escapes, []
        return found

    # The gateway.

    def owns(self, host: str) -> bool:
        return self.world.owner(host) is not None

    def answer(self, request: ApiRequest) -> ApiReply | Disconnect | Forward:
        call, reply = self.world.answer(request)
        if isinstance(reply, ApiReply) and reply.events is not None:
            self._streams[id(reply)] = call
        return reply

    def finished(self, reply: ApiReply) -> None:
        if call := self._streams.pop(id(reply), None):
            call.took = self.world.clock.seconds - call.at

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
            Violation.of(
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
_lock = new_lock()


def current_stage() -> Stage | None:
    """The stage, while any simulation lasts."""
    return _stage


@contextmanager
def staged(settings: ClockSettings | None = None) -> Iterator[Stage]:
    """Share the stage, or open it with these settings if nobody has yet.

    Raises:
        BadInput: The stage is open already, and its clock runs otherwise.
    """
    global _stage, _users
    with _lock:
        if _stage is None:
            _stage = Stage(settings or ClockSettings(), guard=defaults().guard)
            _stage.provide_keys()
            _stage.begin()
        elif settings not in (None, ClockSettings(), _stage.settings):
            raise BadInput(
                f"llm_clock: a simulation of wider scope runs the clock already, as {_stage.settings}; "
                "accepted beside it are the same settings, or travel_to() in the test"
            )
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
    provider: str,
    *,
    check: bool = True,
    tokens: TokenEstimator | None = None,
    contract: str | Path | Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[SimulatedProvider]:
    """Simulate *provider* while the block lasts; what the fixtures give, for fixtures of any scope and outside pytest.

    Args:
        provider: ``groq`` or ``together``.
        check: Raise what was found on leaving; else it stays in ``calls``.
        tokens: Counts tokens in place of the default estimate.
        contract: The path of a cassette that answers, from the current folder; or a dict of the keywords of
            ``llm_contract``.
        settings: The keywords of the markers: ``plan=``, ``tier=``, ``edition=``, ``limits=``, ``models=`` …

    Raises:
        BadInput: Something of it is not known; the message lists what is.
        ContractViolation: On leaving, for findings no test reported.
    """
    read = provider_settings(provider, {"edition": defaults().edition, **settings}, what=f"simulate({provider!r})")
    tape = _tape(contract, provider)
    clock = ClockSettings(mode="real") if tape and tape.forwards else None
    with staged(clock) as stage, simulated(provider, read, stage, tokens, tape) as api:
        yield api
        findings = [*api.findings(), *api.unused_scripts(), *stage.escapes()]
        findings += tape.findings() + tape.unmade() if tape else []
        if selection := defaults().selection:
            findings = selection.kept(findings)
        if check and any(finding.severity == "error" for finding in findings):
            told = [_advised(finding) for finding in findings]
            raise ContractViolation(
                render(told, allow=_ALLOW), tuple(finding for finding in told if finding.severity == "error")
            )

        if tape:
            from pytest_llmcontract.contracting import close_tape

            close_tape(tape, passed=True)


_ALLOW = "Look at it yourself: simulate(…, check=False) raises nothing, and calls[…].violations has it"


def _advised(finding: Violation) -> Violation:
    """*finding* with the advice that does something here: no marker, no fixture and no flag of pytest reaches it."""
    fix = re.sub(r"llm_contract\((\w+)=(.*?)\)(?=$|\n)", r'contract={"path": …, "\1": \2}', finding.fix)
    if finding.code == "LLM204" and finding.path == "url":
        fix = f"simulate it too: with simulate({finding.provider!r})"
    return replace(finding, fix=fix)


@contextmanager
def simulated(
    name: str,
    settings: ProviderSettings,
    stage: Stage,
    tokens: TokenEstimator | None = None,
    tape: Tape | None = None,
) -> Iterator[SimulatedProvider]:
    """Put one provider on the stage; *tape* answers for it alone."""
    simulator = stage.world.add(provider_called(name), edition_for(name, settings), settings, tokens, tape)
    api = SimulatedProvider(name, settings, simulator, stage.world, lambda: stage.interception.router)
    stage.providers.append(api)
    try:
        yield api
    finally:
        stage.providers.remove(api)
        stage.world.remove(simulator)


def edition_for(name: str, settings: ProviderSettings) -> Edition:
    """What is known on the day that *settings* name, with what they know better."""
    edition = edition_with_plan(name, settings.needed_plan, settings.edition)
    return edition.with_models(settings.models).with_limits(settings.limits).with_hosts(settings.hosts)


def _world(settings: ClockSettings) -> World:
    """A world whose clock runs so: from the newest edition's noon, until a provider of an earlier one joins."""
    from pytest_llmcontract.adapters.time.real import Real

    newest = max(edition_dates(name)[-1] for name in provider_names())
    ticks = Real.monotonic if settings.mode == "real" else None
    clock = VirtualClock(settings.start or noon_of(newest), ticks=ticks)
    dated = settings.start is not None
    return World(clock, journal_of_test(), retires_within=defaults().retires_within, dated=dated)


def _tape(contract: str | Path | Mapping[str, Any] | None, provider: str) -> CassetteTape | None:
    if contract is None:
        return None
    from pytest_llmcontract.contracting import open_contract, require_real_key

    tape = open_contract(contract)
    if tape.forwards:
        require_real_key(provider)
    return tape


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


def provider_settings(name: str, given: Mapping[str, Any], what: str | None = None) -> ProviderSettings:
    """The keywords of a marker or of :func:`simulate`, checked.

    Raises:
        BadInput: One is not known or its value not accepted; the message lists what is.
    """
    return settings_from(provider_called(name).settings, given, what or f"{name}_api")


def clock_settings(given: Mapping[str, Any]) -> ClockSettings:
    """The keywords of ``llm_clock``, checked. As :func:`provider_settings`."""
    return settings_from(ClockSettings, given, "llm_clock")
