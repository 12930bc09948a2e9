"""One clock, the providers on it, every call in order: what a test, a server's scope or a command plays in.

A world has no adapter, no patch and no environment; how the calls of this process come to it is the business of
:mod:`pytest_llmcontract.simulation`. Worlds do not know of each other.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from pytest_llmcontract.core.behaviour.judge import Bounds, judge
from pytest_llmcontract.core.call.simulator import Outcome, Simulator
from pytest_llmcontract.core.call.state import opened
from pytest_llmcontract.core.call.tape import Tape
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.tokens import DefaultEstimator, TokenEstimator
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.journal import Journal
from pytest_llmcontract.core.provider import Provider
from pytest_llmcontract.core.settings import ProviderSettings


class World:
    """What one test plays in.

    Args:
        clock: The time that all of it shares.
        journal: Where calls are noted; default one of its own.
        retires_within: Days before its retirement from which the use of a model is LLM108; 0: never.
        today: The real day: what retires is told by it where it is later than the virtual one.
        dated: Whether the clock begins at a day of somebody's choice; else at that of the earliest edition in play.
        chaos_seed: Of ``chaos()`` that names none.
        bounds: How often a logical call may be sent.
        lenient: Whether providers let pass what nobody has.
    """

    def __init__(
        self,
        clock: VirtualClock,
        journal: Journal | None = None,
        *,
        retires_within: int = 30,
        today: date = date.min,
        dated: bool = True,
        chaos_seed: int = 0,
        bounds: Bounds = Bounds(),  # noqa: B008 - a frozen value
        lenient: bool = False,
    ) -> None:
        self.clock = clock
        self.journal = journal or Journal()
        self.journal.clock = clock
        self.simulators: list[Simulator] = []
        self.tape: Tape | None = None
        """The recordings of the test that runs."""
        self._retires_within = timedelta(retires_within)
        self._today = today
        self._pinned = self._dated = dated
        self._owners: dict[str, Simulator] = {}
        self._behind_gateways: dict[str, list[Simulator]] = {}
        """Who answers behind one, by its host, the innermost first."""
        self._chaos_seed = chaos_seed
        self._bounds = bounds
        self._lenient = lenient

    def begin_test(self) -> None:
        """A new test looks at a world that was there before it."""
        self.clock.begin_test()
        self.journal.begin_test()
        for simulator in self.simulators:
            simulator.state.attempts.forget()

    def add(
        self,
        provider: Provider,
        edition: Edition,
        settings: ProviderSettings,
        tokens: TokenEstimator | None = None,
        tape: Tape | None = None,
    ) -> Simulator:
        """Let *provider* answer, as *edition* knows it; the innermost, that is the last, owns a host.

        Args:
            tokens: Counts what has no recorded count.
            tape: Recordings that answer for it alone, in place of the test's.
        """
        self._begin_on(edition.date)
        simulator = Simulator(
            lambda seed: opened(
                provider,
                edition,
                settings,
                self.clock,
                self.journal,
                tokens or DefaultEstimator(),
                seed=seed,
                retires_within=self._retires_within,
                chaos_seed=self._chaos_seed,
                today=self._today,
                lenient=self._lenient,
            ),
            self.clock.lock,
        )
        simulator.state.tape = tape or self.tape
        simulator.own_tape = tape
        self.simulators.append(simulator)
        self.journal.editions[provider.name] = edition.date
        self._assign_hosts()
        return simulator

    def settle(self) -> None:
        """Enter on every account what has accrued."""
        for simulator in self.simulators:
            simulator.state.account.settle(self.clock.seconds)

    def remove(self, simulator: Simulator) -> None:
        self.settle()
        simulator.state.schedule.forget()
        self.simulators.remove(simulator)
        self._assign_hosts()

    def judge(self) -> None:
        """Note in the calls so far how they should not have been repeated."""
        errors = {one.state.edition.provider: one.state.edition.errors for one in self.simulators}
        judge(self.journal.calls, errors, self._bounds)

    def play(self, tape: Tape | None) -> None:
        """Let *tape* answer while a test lasts, beside recordings of a provider's own; ``None`` when it ends."""
        self.tape = tape
        for simulator in self.simulators:
            simulator.state.tape = simulator.own_tape or tape

    def owner(self, host: str) -> Simulator | None:
        """Who answers calls to *host*."""
        return self._owners.get(host)

    def answer(self, request: ApiRequest) -> Outcome:
        """What the provider that has the host answers; it has to have one (:meth:`owner`)."""
        self.clock.pass_due()
        return self._whose(request).answer(request)

    def is_quick(self, request: ApiRequest) -> bool:
        """Whether it takes a moment to answer *request*, whatever its account holds."""
        return self._whose(request).is_quick(request)

    def _whose(self, request: ApiRequest) -> Simulator:
        """Of several behind one gateway, the one whose base there the path has."""
        host = request.host
        there = self._behind_gateways.get(host, ())
        bases = [(len(base), one) for one in there if (base := _base_of(one, request))]
        return max(bases, key=lambda found: found[0])[1] if bases else self._owners[host]

    def _assign_hosts(self) -> None:
        self._owners = {normal_host(host): one for one in self.simulators for host in one.state.edition.hosts}
        gateways = {host for one in self.simulators for host in one.state.edition.gateways}
        self._behind_gateways = {
            host: [one for one in reversed(self.simulators) if host in one.state.edition.gateways] for host in gateways
        }

    def _begin_on(self, day: date) -> None:
        """The clock begins at the earliest edition in play."""
        noon = noon_of(day)
        if not self._dated or (not self._pinned and noon < self.clock.now):
            self.clock.rebase(noon)
        self._dated = True


def _base_of(simulator: Simulator, request: ApiRequest) -> str:
    bases = simulator.state.edition.gateways[request.host]
    return next((base for base in bases if f"{request.path}/".startswith(f"{base}/")), "")


def noon_of(day: date) -> datetime:
    """When a clock begins."""
    return datetime.combine(day, time(12), UTC)
