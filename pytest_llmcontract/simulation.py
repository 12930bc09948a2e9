"""``simulate()``: joins a world, the adapters and the time of this process.

All simulations of a process share one stage: the doors of this process onto one world (its clock, its providers).
Nested ones share it too, and the innermost that owns a host answers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_llmcontract.adapters import leftovers
from pytest_llmcontract.children import Children, Told, use_again
from pytest_llmcontract.core.asked import edition_for, provider_settings
from pytest_llmcontract.core.behaviour.judge import Bounds
from pytest_llmcontract.core.call.tape import Tape
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.tokens import TokenEstimator
from pytest_llmcontract.core.errors import BadInput, ContractViolation
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Detour, Disconnect, Forward
from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.core.facts.registry import DUMMY_KEY, key_names, provider_names, today
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.guard import Guard
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.locks import new_lock
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.settings import ClockSettings, ProviderSettings, settings_from
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.process import defaults, journal_of_test, lasting
from pytest_llmcontract.report.findings import render
from pytest_llmcontract.simulated_provider import SimulatedProvider

if TYPE_CHECKING:
    from pytest_llmcontract.adapters.redirect import Redirect
    from pytest_llmcontract.recordings.tape import CassetteTape
    from pytest_llmcontract.serving.inside import InsideServer


class Stage:
    """The doors of this process onto a world, while any simulation lasts. The :class:`Gateway` of the adapters.

    Args:
        settings: How the clock runs.
        guard: Which calls are stopped.
    """

    def __init__(self, settings: ClockSettings, guard: Guard) -> None:
        from pytest_llmcontract.adapters import exits, wire
        from pytest_llmcontract.adapters import time as time_adapter
        from pytest_llmcontract.adapters.respx import Interception

        self.settings = settings
        self.world = _world(settings)
        self.providers: list[SimulatedProvider] = []
        self.guard = guard
        self.children = Children()
        self._escapes: list[Violation] = []
        self._streams: dict[int, Call] = {}
        """The calls whose streams are being read, by the id of the reply."""
        self._exits = ExitStack()
        self._server: InsideServer | None = None
        self._serving = new_lock()
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
        self._ways_in = (exits.Interception(self, **waits), self.interception, wire.Interception(self, **waits))

    def begin(self, *, keys: bool) -> None:
        """Put everything in its place; where something of it fails, nothing is left.

        Args:
            keys: Set dummies for keys that are not set, while the stage lasts. Of all providers: a client of one that
                is not simulated should meet the guard, not miss its key.
        """
        with ExitStack() as begun:
            if keys:
                begun.enter_context(_dummy_keys(name for known in provider_names() for name in key_names(known)))
            begun.callback(self.children.end)
            begun.enter_context(self._time)
            leftovers.hush()
            for way_in in self._ways_in:
                way_in.install()
                begun.callback(way_in.remove)
            self._exits = begun.pop_all()

    def end(self) -> None:
        self._exits.close()

    def address(self) -> str:
        """Where the server of this stage is; it begins when it is first asked for, and ends with the stage.

        Raises:
            BadInput: uvicorn is not installed.
        """
        with self._serving:
            if self._server is None:
                self._server = _server_of(self)
                self._exits.callback(self._server.stop)
            return self._server.url

    def stopped(self, request: ApiRequest) -> str:
        """Tell the guard of a call to the server for whom nobody simulates; why it is stopped."""
        self.escaped(request)
        return self.guard.blocked(request.host) or f"{request.host} is not simulated in this test"

    def findings(self) -> list[Violation]:
        """Findings of all providers, and of the recordings, that nobody asked for yet."""
        self._hear_children()
        tape = self.world.tape
        return [
            *(finding for provider in self.providers for finding in provider.findings()),
            *(tape.findings() if tape else ()),
            *self.escapes(),
        ]

    def escapes(self) -> list[Violation]:
        """Calls that the guard stopped, and nobody asked for yet."""
        self._hear_children()
        found, self._escapes = self._escapes, []
        return found

    # The gateway.

    def owns(self, host: str) -> bool:
        return self.world.owner(host) is not None

    def answer(self, request: ApiRequest) -> ApiReply | Disconnect | Forward:
        if test := leftovers.whose():
            self._found(self.guard.escape(request, whose=test))
            return Disconnect("connect_error")
        if self.children.here:
            return self._answer_in_a_child(request)
        call, reply = self.world.answer(request)
        if isinstance(reply, ApiReply) and reply.events is not None:
            self._streams[id(reply)] = call
        return reply

    def _answer_in_a_child(self, request: ApiRequest) -> ApiReply | Disconnect | Forward:
        owner = self.world.owner(request.host)
        before = owner.state.scripts.live if owner else ()
        call, reply = self.world.answer(request)
        used = tuple(script.source for script in before if script.calls and script.calls.last is call)
        self.children.tell(Told(call, used))
        return reply

    def _hear_children(self) -> None:
        """What forked children called counts as this process's own."""
        for told in self.children.heard():
            if told.finding is not None:
                self._found(told.finding)
            elif told.call is None:
                self._found(
                    Violation("LLM204", "a call of a forked child is lost: it cannot be told", severity="warning")
                )
            else:
                self._take_over(told.call, told)

    def _take_over(self, call: Call, told: Told) -> None:
        owner = next((one for one in self.world.simulators if one.state.edition.provider == call.provider), None)
        if owner is not None:
            owner.state.ledger.calls.append(call)
            use_again(owner.state.scripts, told)
        self.world.journal.calls.append(call)

    def finished(self, reply: ApiReply) -> None:
        if call := self._streams.pop(id(reply), None):
            call.took = self.world.clock.seconds - call.at

    def blocked(self, host: str) -> str | None:
        return self.guard.blocked(host)

    def barred(self, host: str) -> str | None:
        return self.guard.barred(host)

    def passed_over(self, request: ApiRequest, mock: str) -> None:
        owner = self.world.owner(request.host)
        provider = owner.state.edition.provider if owner else ""
        self._found(
            Violation(
                "LLM207",
                f"{mock} for {request.method} {request.url} was passed over: {request.host} is simulated",
                severity="note",
                provider=provider,
                fix=f"put it on {provider}_api.router, whose routes come before the simulation",
                site=request.site,
            )
        )

    def passed(self, request: ApiRequest) -> None:
        if self._server and request.url.startswith(f"{self._server.url}/"):
            return
        self._found(
            Violation(
                "LLM204",
                f"a call to a model went to {request.host}, which nobody simulates",
                severity="note",
                path="url",
                sent=f"{request.method} {request.url}",
                fix=f"if a provider answers there, name the host: hosts=[{request.host!r}]",
                site=request.site,
            )
        )

    def escaped(self, request: ApiRequest) -> None:
        found = self.guard.escape(
            request, simulated=self.owns(request.host), redirected=_redirect is not None, whose=leftovers.whose()
        )
        self._found(found)

    def detour(self, host: str) -> Detour | None:
        host = (_redirect and _redirect.behind(host)) or host
        return _redirect.detour(host) if _redirect is not None and self.owns(host) else None

    def follows(self, client: str) -> bool:
        return _redirect is not None and _redirect.leads(client, os.environ)

    def at_home(self, host: str) -> str:
        """The provider that answers for *host*, where calls are redirected; "": nobody does."""
        owner = self.world.owner(normal_host(host)) if _redirect is not None else None
        return owner.state.edition.provider if owner else ""

    def inherited(self, command: str, environ: Mapping[Any, Any], site: str, client: str) -> str | None:
        if self.world.tape is not None and self.world.tape.forwards:
            return None  # the real key is there to be used
        found = self.guard.inherited(command, environ, site, client)
        for finding in found:
            if finding not in self._escapes:  # a command is sought in every folder of the PATH
                self._found(finding)
        return next((f"pytest-llmcontract: {one.message}" for one in found if one.severity == "error"), None)

    def distrusted(self, host: str) -> None:
        """A redirected client does not trust our certificate of *host*."""
        self._found(self.guard.distrusted(host))

    def bypassing(self, client: str, *, watched: bool) -> None:
        if not self.follows(client.partition("/")[0]):
            self._found(self.guard.bypassing(client, watched=watched))

    def _found(self, finding: Violation) -> None:
        if self.children.here:
            self.children.tell(Told(None, finding=finding))
        if finding.severity != "note" or finding not in self._escapes:
            self._escapes.append(finding)


def _server_of(stage: Stage) -> InsideServer:
    from pytest_llmcontract.adapters import time as time_adapter
    from pytest_llmcontract.serving.inside import InsideServer, OfTest

    return InsideServer(
        OfTest(
            world=stage.world,
            providers=lambda: stage.providers,
            stopped=stage.stopped,
            in_flight=time_adapter.request,
            delay=time_adapter.provider_delay,
            bystander=time_adapter.bystander,
            opened_here=time_adapter.opened_here,
            ticks=time_adapter.Real.monotonic,
            at_home=stage.at_home,
            redirect=_redirect,
        )
    )


_stage: Stage | None = None
_users = 0
_lock = new_lock()


def _before_fork() -> None:
    if _stage is not None:
        _stage.children.before_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


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
            opened = Stage(settings or ClockSettings(), defaults().guard)
            opened.begin(keys=True)
            _stage = opened  # nobody sees it before it stands
            _guard_for_the_session()
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


class Afterwards:
    """The gateway between the simulations of a session, and after the last: nothing but the guard.

    A thread or a task may outlive its test, and a test without a fixture of ours may call what others simulate.

    Args:
        whole: It stops whatever the guard stops in a test; else calls to providers alone.
    """

    def __init__(self, guard: Guard, *, whole: bool = False) -> None:
        self._guard = guard
        self._whole = whole
        self._escapes: list[Violation] = []

    def owns(self, host: str) -> bool:
        return False

    def answer(self, request: ApiRequest) -> Disconnect:
        raise AssertionError("it owns no host")

    def finished(self, reply: ApiReply) -> None: ...

    def passed(self, request: ApiRequest) -> None: ...

    def passed_over(self, request: ApiRequest, mock: str) -> None: ...

    def detour(self, host: str) -> None: ...

    def follows(self, client: str) -> bool:
        return False

    def inherited(self, command: str, environ: Mapping[Any, Any], site: str, client: str) -> None: ...

    def bypassing(self, client: str, *, watched: bool) -> None: ...

    def blocked(self, host: str) -> str | None:
        return self._guard.blocked(host)

    def barred(self, host: str) -> str | None:
        return self._guard.barred(host) if self._whole else None

    def escaped(self, request: ApiRequest) -> None:
        self._escapes.append(self._guard.escape(request, whose=leftovers.whose()))

    def escapes(self) -> list[Violation]:
        """Calls that it stopped, and nobody asked for yet."""
        found, self._escapes = self._escapes, []
        return found


_redirect: Redirect | None = None


def begin_redirect(at_end: Callable[[Callable[[], None]], object]) -> None:
    """From now on clients that no patch reaches find simulated hosts on this machine.

    Args:
        at_end: Is told what undoes it.

    Raises:
        BadInput: What it needs is not installed.
    """
    global _redirect
    if _redirect is not None:
        return
    from pytest_llmcontract.adapters import time as time_adapter
    from pytest_llmcontract.adapters.redirect import Redirect

    begun = ExitStack()

    def end() -> None:
        global _redirect
        _redirect = None
        begun.close()

    _redirect = Redirect(
        _Ways(), bystander=time_adapter.bystander, in_flight=time_adapter.request, outside=time_adapter.outside
    )
    begun.callback(_redirect.stop)
    begun.enter_context(_environ(_redirect.environ(os.environ)))
    at_end(end)


class _Ways:
    """What the redirect asks: who is simulated now."""

    def port_of(self, host: str) -> int | None:
        from pytest_llmcontract.adapters.interception import forwards_under_way

        stage = _stage
        if stage is None or forwards_under_way() or not stage.owns(normal_host(host)):
            return None
        return urlsplit(stage.address()).port

    def stopped(self, host: str, client: str) -> str | None:
        from pytest_llmcontract.adapters.exits.door import look_up_refusal

        return look_up_refusal(host, client=client)

    def distrusted(self, host: str) -> None:
        if stage := _stage:
            stage.distrusted(normal_host(host))


_afterwards: Afterwards | None = None


def escapes_afterwards() -> list[Violation]:
    """Calls that the guard stopped while nothing was simulated any more, and nobody asked for yet."""
    return _afterwards.escapes() if _afterwards else []


def _guard_for_the_session() -> None:
    """Once something was simulated, the guard stays until the session of pytest ends."""
    session = lasting()
    if session is not None and defaults().guard.mode != "off":
        guard_outside(defaults().guard, session.callback)


def guard_outside(guard: Guard, at_end: Callable[[Callable[[], None]], object]) -> None:
    """Guard what no test does: what stands between tests, and with a guard for always the whole session.

    Args:
        at_end: Is told what undoes it.
    """
    global _afterwards
    if _afterwards is not None:
        return
    from pytest_llmcontract.adapters import exits

    def end() -> None:
        global _afterwards
        _afterwards = None
        last.remove()

    _afterwards = Afterwards(guard, whole=guard.always)
    last = exits.Interception(_afterwards, wait=lambda _: None, wait_async=_no_wait)
    last.install(outermost=True)
    at_end(end)


async def _no_wait(seconds: float) -> None: ...


@contextmanager
def guarded() -> Iterator[Stage]:
    """Stop calls to providers without simulating any, in real time."""
    stage = Stage(ClockSettings(mode="real"), defaults().guard)
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
    redirect: bool = False,
    **settings: Any,
) -> Iterator[SimulatedProvider]:
    """Simulate *provider* while the block lasts; what the fixtures give, for fixtures of any scope and outside pytest.

    Args:
        provider: ``groq`` or ``together``.
        check: Raise what was found on leaving; else it stays in ``calls``.
        tokens: Counts tokens in place of the default estimate.
        contract: The path of a cassette that answers, from the current folder; or a dict of the keywords of
            ``llm_contract``.
        redirect: Lead clients here that no patch reaches, as ``--llmcontract-redirect=on`` does for a session.
        settings: The keywords of the markers: ``plan=``, ``tier=``, ``edition=``, ``limits=``, ``models=`` …

    Raises:
        BadInput: Something of it is not known; the message lists what is.
        ContractViolation: On leaving, for findings no test reported.
    """
    read = provider_settings(provider, {"edition": defaults().edition, **settings}, what=f"simulate({provider!r})")
    tape = _tape(contract, provider)
    clock = ClockSettings(mode="real") if tape and tape.forwards else None
    with ExitStack() as led, staged(clock) as stage, simulated(provider, read, stage, tokens, tape) as api:
        if redirect:
            begin_redirect(led.callback)
        yield api
        escapes = stage.escapes()  # what children did, too
        findings = [*api.findings(), *api.unused_scripts(), *escapes]
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
    if finding.code == "LLM204" and fix.startswith("ask for the fixture"):
        fix = f"simulate it too: with simulate({finding.provider!r})"
    fix = fix.replace(f"{finding.provider}_api.", "api.").replace("--llmcontract-redirect=on", "redirect=True")
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
    api = SimulatedProvider(
        name, settings, simulator, stage.world, router=lambda: stage.interception.router, address=stage.address
    )
    stage.providers.append(api)
    try:
        yield api
    finally:
        stage.providers.remove(api)
        stage.world.remove(simulator)


def _world(settings: ClockSettings) -> World:
    """A world whose clock runs so: from the newest edition's noon, until a provider of an earlier one joins."""
    from pytest_llmcontract.adapters.time.real import Real

    newest = max(edition_dates(name)[-1] for name in provider_names())
    ticks = Real.monotonic if settings.mode == "real" else None
    clock = VirtualClock(settings.start or noon_of(newest), ticks=ticks)
    dated = settings.start is not None
    bounds = Bounds(defaults().requests_per_call, defaults().attempts_per_call)
    return World(
        clock,
        journal_of_test(),
        retires_within=defaults().retires_within,
        today=today(),
        dated=dated,
        chaos_seed=defaults().seed,
        bounds=bounds,
    )


def _tape(contract: str | Path | Mapping[str, Any] | None, provider: str) -> CassetteTape | None:
    if contract is None:
        return None
    from pytest_llmcontract.contracting import open_contract, require_real_key

    tape = open_contract(contract)
    if tape.forwards:
        require_real_key(provider)
    return tape


def _dummy_keys(names: Iterable[str]) -> AbstractContextManager[None]:
    return _environ(dict.fromkeys((name for name in names if not os.environ.get(name)), DUMMY_KEY))


@contextmanager
def _environ(changed: Mapping[str, str]) -> Iterator[None]:
    """While this lasts, the environment holds what is *changed* of it."""
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def clock_settings(given: Mapping[str, Any]) -> ClockSettings:
    """The keywords of ``llm_clock``, checked. As :func:`.core.asked.provider_settings`."""
    return settings_from(ClockSettings, given, "llm_clock")
