"""Worlds side by side: each scope of a server has its own clock, limits, scripts, accounts and ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_llmcontract.core.asked import edition_for, provider_settings
from pytest_llmcontract.core.call.simulator import Outcome
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Forward
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.core.facts.records import LIMIT_KINDS
from pytest_llmcontract.core.facts.registry import provider_names, today
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.settings import ProviderSettings
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.serving.paths import Home, home_of
from pytest_llmcontract.simulated_provider import SimulatedProvider

MOST = 1000
"""Scopes of one server: each keeps what its calls said."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What a server simulates."""

    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """For each provider the keywords of its marker; those that are not named are there too, with none."""
    edition: str | None = None
    virtual: bool = False
    """Whether time moves only when it is told to; else as it really does."""
    unlimited: bool = False
    """No limit refuses a call."""
    lenient: bool = False
    """Models, things and values that nobody has are let pass."""


Client = tuple[str, int]
"""The address from which a request comes."""

SHORT = 16 * 1024
"""Bytes of a request that can be read in a moment."""
_MOST_REFUSED = 1000
"""Refused requests of a scope that are remembered: who tries again does so soon."""


class Scope:
    """One world.

    Args:
        providers: Gives those that are in it, the innermost of a name last.
    """

    def __init__(self, name: str, world: World, providers: Callable[[], Sequence[SimulatedProvider]]) -> None:
        self.name = name
        self.world = world
        self._providers = providers
        self._refused: dict[tuple[str, int], tuple[float, float]] = {}
        """Real and virtual seconds when a request was refused, by its address and body."""

    @property
    def providers(self) -> Mapping[str, SimulatedProvider]:
        return {api.name: api for api in self._providers()}

    def answer(self, request: ApiRequest, client: Client | None) -> Outcome:
        """What the provider says that has the host of *request*; in a thread, it may take a while.

        Who tries again has waited really, so virtual time moves on by as much: else who waits as long as it was told to
        would be refused as too early. Most clients do not say that they try again: the same request tells it.
        """
        clock, asked = self.world.clock, _asked(request)
        if clock.is_real:
            return self.world.answer(request)
        if before := self._refused.pop(asked, None):
            real, virtual = before
            clock.move_to(max(clock.seconds, virtual + time.monotonic() - real))
        outcome = self.world.answer(request)
        if _failed(outcome.reply):
            self._refused[asked] = time.monotonic(), clock.seconds
            if len(self._refused) > _MOST_REFUSED:
                self._refused.pop(next(iter(self._refused)), None)
        return outcome

    def answer_now(self, request: ApiRequest, client: Client | None) -> Outcome | None:
        """What the provider says, where that takes a moment only; ``None``: ask :meth:`answer`, in a thread."""
        clock = self.world.clock
        if len(request.body) > SHORT or not self.world.is_quick(request) or _asked(request) in self._refused:
            return None
        if not clock.lock.acquire(blocking=False):
            return None  # somebody else is answered, or the clock moves: neither need be quick
        try:
            return None if clock.is_behind else self.answer(request, client)
        finally:
            clock.lock.release()

    async def wait(self, seconds: float, client: Client | None) -> None:
        """Let *seconds* of its time pass before *client* hears more.

        Raises:
            SimulationEnded: It was over before.
        """
        clock = self.world.clock
        if seconds <= 0:
            return
        if clock.is_real:
            await asyncio.sleep(seconds)
        else:
            clock.move_to(clock.after(seconds))

    def site(self, client: Client | None) -> str:
        """The line that calls; "": it is not known."""
        return ""

    def answered(self, client: Client | None) -> None:
        """*client* has its answer, or will never have it."""

    def stopped(self, request: ApiRequest) -> str:
        """Why *request* is not answered: its provider is none of its."""
        return f"{request.host} is not simulated"

    def findings(self) -> list[Violation]:
        """What is wrong with its calls and with how they were repeated, and scripts that nothing used."""
        self.world.judge()
        found = [violation for call in self.world.journal.calls for violation in call.violations]
        return found + [violation for api in self.providers.values() for violation in api.unused_scripts()]


def _asked(request: ApiRequest) -> tuple[str, int]:
    """What tells a request that comes again."""
    return request.url, hash(request.body)


def _failed(reply: ApiReply | Disconnect | Forward) -> bool:
    """Whether a client may wait and try again."""
    if isinstance(reply, ApiReply):
        return reply.status >= 400 or reply.cut is not None
    return isinstance(reply, Disconnect)


def scope_of(name: str, settings: ServerSettings) -> Scope:
    """A scope that begins, with every provider.

    Raises:
        BadInput: The settings are not accepted.
    """
    newest = max(edition_dates(provider)[-1] for provider in provider_names())
    clock = VirtualClock(noon_of(newest), ticks=None if settings.virtual else time.monotonic)
    world = World(clock, today=today(), dated=False, lenient=settings.lenient)
    providers = [_added(world, provider, settings) for provider in provider_names()]
    return Scope(name, world, lambda: providers)


def _added(world: World, provider: str, settings: ServerSettings) -> SimulatedProvider:
    read, edition = settings_of(provider, settings)
    simulator = world.add(provider_called(provider), edition, read)
    return SimulatedProvider(provider, read, simulator, world, router=_not_here, address=_not_here)


def settings_of(provider: str, settings: ServerSettings) -> tuple[ProviderSettings, Edition]:
    """What a provider is asked for with, and what is known of it then.

    Raises:
        BadInput: A keyword is not known or its value not accepted.
    """
    given = {"edition": settings.edition, **settings.providers.get(provider, {})}
    if settings.unlimited:
        given["limits"] = dict.fromkeys(LIMIT_KINDS)
    read = provider_settings(provider, given, what=f"--{provider}")
    return read, edition_for(provider, read)


def _not_here() -> Any:
    raise BadInput("a server has no router and no server: script it with reply(body=…)")


class Worlds(Protocol):
    """Whom a server answers for."""

    @property
    def homes(self) -> Sequence[Home]:
        """Where each provider has its addresses."""

    def at_home(self, host: str) -> str:
        """The provider of a request that names its own *host*; "": such requests are not for this server."""

    def named(self, name: str) -> Scope:
        """The scope called *name*.

        Raises:
            BadInput: There are too many.
        """

    def forget(self, name: str) -> None:
        """It begins anew."""

    def forget_all(self) -> None:
        """All of them begin anew."""


class Beginning(Protocol):
    """What every scope begins with."""

    def begin(self, worlds: Worlds, scope: Scope) -> None:
        """Let *scope* begin so."""


class Scopes:
    """All scopes of a server, each made when first asked for. The one without a name is everybody's.

    Args:
        keeps: Whether what is forgotten is kept for a report.
        beginning: What each begins with.

    Raises:
        BadInput: The settings are not accepted.
    """

    def __init__(self, settings: ServerSettings, *, keeps: bool = False, beginning: Beginning | None = None) -> None:
        self._settings = settings
        self._keeps = keeps
        self._beginning = beginning
        self._scopes: dict[str, Scope] = {}
        self._ended: list[Scope] = []
        usual = self.named("")
        self.homes: Sequence[Home] = [home_of(name) for name in usual.providers]

    def at_home(self, host: str) -> str:
        return ""

    def named(self, name: str) -> Scope:
        """The scope called *name*.

        Raises:
            BadInput: There are too many.
        """
        if name not in self._scopes:
            if len(self._scopes) >= MOST:
                raise BadInput(f"there are {MOST} scopes already; POST {{}} to /_llmcontract/reset?all=true ends them")
            scope = scope_of(name, self._settings)
            if self._beginning:
                self._beginning.begin(self, scope)
            self._scopes[name] = scope
        return self._scopes[name]

    def forget(self, name: str) -> None:
        """It begins anew when it is next asked for."""
        ended = self._scopes.pop(name, None)
        if ended is not None and self._keeps:
            self._ended.append(ended)

    def forget_all(self) -> None:
        for name in list(self._scopes):
            self.forget(name)

    def all(self) -> list[Scope]:
        """Those under way, and where they are kept those that were forgotten."""
        return [*self._ended, *self._scopes.values()]
