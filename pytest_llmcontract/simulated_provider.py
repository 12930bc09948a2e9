"""``SimulatedProvider``: what a test holds in its hand, as ``groq_api``, ``together_api``, ``simulate()`` give it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.call.script import Script, StreamCut
from pytest_llmcontract.core.call.simulator import Simulator
from pytest_llmcontract.core.child import env_of_child
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Calls
from pytest_llmcontract.core.settings import ProviderSettings
from pytest_llmcontract.core.world import World
from pytest_llmcontract.scripting import Scripting

if TYPE_CHECKING:
    from collections.abc import Callable


class SimulatedProvider(Scripting):
    """One simulated provider, as ``groq_api``, ``together_api`` and :func:`simulate` give it.

    Args:
        simulator: Who answers, in *world*.
        settings: The keywords it was asked for with.
        router: Gives the respx router in front of it.
        address: Gives that of the loopback server on which it answers too.
    """

    def __init__(
        self,
        name: str,
        settings: ProviderSettings,
        simulator: Simulator,
        world: World,
        *,
        router: Callable[[], Any],
        address: Callable[[], str],
    ) -> None:
        super().__init__(name, simulator, world.clock)
        self.settings = settings
        self._router = router
        self._address = address
        self._world = world
        self._judged: set[int] = set()

    def __repr__(self) -> str:
        return f"<SimulatedProvider {self.name}, edition {self.edition.date}, {len(self.calls)} calls>"

    @property
    def calls(self) -> Calls:
        """Every call to this provider, in order."""
        return Calls(self.simulator.state.ledger.calls)

    @property
    def account(self) -> Any:
        """The billing side: plan or tier, money, events. Each provider has its own."""
        return self.simulator.state.account

    @property
    def router(self) -> Any:
        """The respx router in front of the simulation, for routes of one's own; it covers httpx2 too."""
        return self._router()

    @property
    def url(self) -> str:
        """The address on this machine at which it answers whatever client, ``http://127.0.0.1:49152/groq``.

        It is the base URL for each of them, in whatever language. The server begins when it is first asked for, and
        ends with the test.

        Raises:
            BadInput: uvicorn is not installed.
        """
        return f"{self._address()}/{self.name}"

    @property
    def env(self) -> dict[str, str]:
        """The environment for a child process: ``subprocess.run([...], env=api.env)``.

        It is that of this process, with the addresses of all providers led to the server of :attr:`url`, and dummies
        in place of their keys.

        Raises:
            BadInput: uvicorn is not installed.
        """
        return env_of_child(self._address(), os.environ)

    def reset(self) -> None:
        """Back to the state it began with: scripts, limits, account, calls. The clock stays, findings too."""
        self.simulator.reset()

    # The verdict.

    def judge(self) -> None:
        """Note in the calls so far, to all providers, how they should not have been repeated."""
        self._world.judge()

    def findings(self) -> list[Violation]:
        """Findings since the last time anybody asked."""
        self.judge()
        fresh = []
        for state in self.simulator.states:
            for violation in state.ledger.violations():
                if id(violation) not in self._judged:
                    self._judged.add(id(violation))
                    fresh.append(violation)
        return fresh

    def weather(self) -> list[str]:
        """What chaos did, with its seed: a failing test must be repeatable."""
        return [
            f"{script.source} struck {len(script.calls)} of {len(state.ledger.calls)} calls; the same seed repeats it"
            for state in self.simulator.states
            for script in state.scripts.chaotic()
        ]

    def unused_scripts(self) -> list[Violation]:
        """A finding (LLM207) for every script that a test counted on and nothing used."""
        return [
            Violation.of(
                "LLM207",
                f"{self.name}: {script.source} was never used"
                if not script.calls
                else f"{self.name}: {script.source} was used {len(script.calls)} times, {script.left} left",
                provider=self.name,
                fix="the test proves nothing with it: remove it, lower times=, or check when= and the model;\n"
                f"{_waits_for(script)}times=None says that it may stay unused",
            )
            for state in self.simulator.states
            for script in state.scripts.unused()
        ]


def _waits_for(script: Script) -> str:
    """What a cut is for, where nothing of that kind came."""
    if not isinstance(script.part, StreamCut):
        return ""
    if script.part.cuts_files:
        return "it ends a stream, or a file such as speech; a reply in JSON comes whole;\n"
    return "it ends a stream of events; a file such as speech is cut by at_byte=, without an error event;\n"
