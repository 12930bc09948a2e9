"""``simulate()``: joins core, a provider, the adapters and the clock.

All simulations of a process share one stage: one clock, one interception of each HTTP library, one guard. Nested
ones share it too, and the innermost that owns a host answers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.tokens import DefaultEstimator, TokenEstimator
from pytest_llmcontract.core.data import edition_dates, provider_hosts, provider_names
from pytest_llmcontract.core.errors import BadInput, ContractViolation
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Forward
from pytest_llmcontract.core.keys import DUMMY_KEY, key_names
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.rules import Violation
from pytest_llmcontract.core.session import SESSION, Watch
from pytest_llmcontract.core.settings import ClockSettings, ProviderSettings, settings_from
from pytest_llmcontract.core.tape import Tape
from pytest_llmcontract.report.findings import render
from pytest_llmcontract.simulated_provider import SimulatedProvider, provider_module

if TYPE_CHECKING:
    from pytest_llmcontract.recordings.tape import CassetteTape


class Stage:
    """What all simulations of this process share while any of them lasts. The :class:`Gateway` of the adapters.

    Args:
        settings: How the clock runs.
        guard: Whether calls to providers that are not simulated are stopped.
    """

    def __init__(self, settings: ClockSettings, *, guard: bool = True) -> None:
        from pytest_llmcontract.adapters import time as time_adapter
        from pytest_llmcontract.adapters import exits, wire
        from pytest_llmcontract.adapters.respx import Interception
        from pytest_llmcontract.adapters.time.real import Real

        newest = max(edition_dates(name)[-1] for name in provider_names())
        self.settings = settings
        real = settings.mode == "real"
        self._pinned = self._dated = settings.start is not None
        self.clock = VirtualClock(settings.start or _noon(newest), ticks=Real.monotonic if real else None)
        self.watch = SESSION.watch or Watch()
        self.watch.clock = self.clock
        self.journal = self.watch.journal
        """Every call of this test to any provider, in order."""
        self.providers: list[SimulatedProvider] = []
        self._owners: dict[str, SimulatedProvider] = {}
        self.guard = guard
        self.tape: Tape | None = None
        """The recordings of the test that runs."""
        self._escapes: list[Violation] = []
        self._streams: dict[int, Call] = {}
        self._exits = ExitStack()
        self._time = nullcontext() if real else time_adapter.running(self.clock, wall=settings.wall)
        waits: Any = {
            "wait": time_adapter.provider_delay,
            "wait_async": time_adapter.provider_delay_async,
            "in_flight": time_adapter.request,
        }
        self.interception = Interception(self, **waits)
        self._ways_in = (exits.Interception(self, **waits), self.interception, wire.Interception(self, **waits))

    def begin_test(self) -> None:
        """A new test looks at a stage that was there before it."""
        self.clock.begin_test()
        self.watch.begin_test()

    def begin(self, *, keys: bool) -> None:
        """Put everything in its place; where something of it fails, nothing is left.

        Args:
            keys: Set dummies for keys that are not set, while the stage lasts. Of all providers: a client of one that
                is not simulated should meet the guard, not miss its key.
        """
        with ExitStack() as begun:
            if keys:
                begun.enter_context(_dummy_keys(name for known in provider_names() for name in key_names(known)))
            begun.enter_context(self._time)
            for way_in in self._ways_in:
                way_in.install()
                begun.callback(way_in.remove)
            self._exits = begun.pop_all()

    def end(self) -> None:
        self._exits.close()

    def add(self, provider: SimulatedProvider) -> None:
        """Let *provider* answer; the clock begins at the earliest edition."""
        noon = _noon(provider.edition.date)
        if not self._dated or (not self._pinned and noon < self.clock.now):
            self.clock.rebase(noon)
        self._dated = True
        provider.begin()
        self.providers.append(provider)
        self.watch.editions[provider.name] = provider.edition.date
        self._assign_hosts()

    def remove(self, provider: SimulatedProvider) -> None:
        self.providers.remove(provider)
        self._assign_hosts()

    def _assign_hosts(self) -> None:
        """The innermost, that is the last, owns a host."""
        self._owners = {host: provider for provider in self.providers for host in provider.edition.hosts}

    def play(self, tape: Tape | None) -> None:
        """Let *tape* answer while a test lasts, also for simulations of wider scope; ``None`` when it ends."""
        self.tape = tape
        for provider in self.providers:
            provider.play(tape)

    def findings(self) -> list[Violation]:
        """Findings of all providers, and of the recordings, that nobody asked for yet."""
        return [
            *(finding for provider in self.providers for finding in provider.findings()),
            *(self.tape.findings() if self.tape else ()),
            *self.escapes(),
        ]

    def escapes(self) -> list[Violation]:
        """Calls that the guard stopped, and nobody asked for yet."""
        found, self._escapes = self._escapes, []
        return found

    # The gateway.

    def owns(self, host: str) -> bool:
        return host in self._owners

    def answer(self, request: ApiRequest) -> ApiReply | Disconnect | Forward:
        simulator = self._owners[request.host].simulator
        call = simulator.answer(request)
        if forward := simulator.forwards.pop(id(call), None):
            return forward
        if call.reply is not None and call.reply.events is not None:
            self._streams[id(call.reply)] = call
        return call.reply or call.broken or Disconnect()

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

    def barred(self, host: str) -> str | None:
        return None

    def passed(self, request: ApiRequest) -> None: ...

    def escaped(self, request: ApiRequest) -> None:
        owner = next(name for name in provider_names() if request.host in provider_hosts(name))
        escape = Violation(
            "LLM204",
            f"{owner}: a call to {request.host} would have left this machine",
            provider=owner,
            path="url",
            sent=f"{request.method} {request.url} by {request.client or 'an unnamed client'}",
            allowed="calls to simulated providers",
            fix=f"ask for the fixture {owner}_api, or open the guard with --llmcontract-guard=off",
            site=request.site,
        )
        if escape not in self._escapes:  # a client that cannot connect tries again
            self._escapes.append(escape)


_stage: Stage | None = None
_users = 0
_lock = threading.RLock()


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
            opened = Stage(settings or ClockSettings(), guard=SESSION.guard)
            opened.begin(keys=True)
            _stage = opened  # nobody sees it before it stands
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
    stage.begin(keys=False)
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
    read = provider_settings(provider, {"edition": SESSION.edition, **settings}, what=f"simulate({provider!r})")
    tape = _tape(contract, provider)
    clock = ClockSettings(mode="real") if tape and tape.forwards else None
    with staged(clock) as stage, simulated(provider, read, stage, tokens, tape) as api:
        yield api
        findings = [*api.findings(), *api.unused_scripts(), *stage.escapes()]
        findings += tape.findings() + tape.unmade() if tape else []
        if SESSION.selection:
            findings = SESSION.selection.kept(findings)
        errors = tuple(finding for finding in findings if finding.severity == "error")
        if check and errors:
            raise ContractViolation(render(findings), errors)
        if tape:
            from pytest_llmcontract.contracting import close_tape

            close_tape(tape, passed=True)


@contextmanager
def simulated(
    name: str,
    settings: ProviderSettings,
    stage: Stage,
    tokens: TokenEstimator | None = None,
    tape: Tape | None = None,
) -> Iterator[SimulatedProvider]:
    """Put one provider on the stage; *tape* answers for it alone."""
    api = SimulatedProvider(name, settings, stage, tokens or DefaultEstimator(), tape)
    stage.add(api)
    try:
        yield api
    finally:
        stage.remove(api)


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
    kind: type[ProviderSettings] = provider_module(name).SETTINGS
    return settings_from(kind, given, what or f"{name}_api")


def clock_settings(given: Mapping[str, Any]) -> ClockSettings:
    """The keywords of ``llm_clock``, checked. As :func:`provider_settings`."""
    return settings_from(ClockSettings, given, "llm_clock")


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
