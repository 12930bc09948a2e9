"""The server of a test: its own world, on a port of this machine, for clients that no patch reaches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from pytest_llmcontract.core.call.simulator import Outcome
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.world import World
from pytest_llmcontract.serving.paths import Home, home_of
from pytest_llmcontract.serving.running import listening, server_of
from pytest_llmcontract.serving.scopes import Client, Scope
from pytest_llmcontract.simulated_provider import SimulatedProvider


@dataclass(frozen=True, kw_only=True)
class OfTest:
    """What the server has of the test."""

    world: World
    providers: Callable[[], Sequence[SimulatedProvider]]
    """Those that are simulated now, the innermost last."""
    stopped: Callable[[ApiRequest], str]
    """Tells the guard of a call to a provider that is not, and says why it is stopped."""
    in_flight: Callable[[], AbstractContextManager[object]]
    """Entered while a call is answered: the virtual clock stands still meanwhile."""
    delay: Callable[[float], None]
    """Waits, in a thread, as the provider's own delay."""
    bystander: Callable[[], AbstractContextManager[object]]
    """Entered in the thread of the server, whose time is real."""
    opened_here: Callable[[Client], bool]
    """Whether a client is in this process, so that it sleeps on the virtual clock."""
    ticks: Callable[[], float]
    """Real seconds."""
    at_home: Callable[[str], str]
    """The provider that a request means which names its own host, as a redirected client does; "": none."""
    redirect: Redirected | None
    """What leads clients here that call the providers' own addresses; ``None``: nothing does."""


class Redirected(Protocol):
    """Knows who stands behind connections of its own."""

    def caller(self, client: Client) -> Client:
        """Who calls as *client*."""

    def site(self, client: Client) -> str:
        """The application's line that does; "": unknown."""

    def waits(self, client: Client) -> AbstractContextManager[object]:
        """Entered while its answer waits on the clock."""

    def answered(self, client: Client) -> None:
        """It is answered, or will never be."""


class Inside(Scope):
    """The one scope of a test's server.

    A client of another process sleeps really, so between two of its calls the clock moves on by as much as it took.
    """

    def __init__(self, test: OfTest) -> None:
        super().__init__("", test.world, test.providers)
        self._test = test
        self._redirect = test.redirect
        self._left: tuple[float, float] | None = None
        """Real and virtual seconds when another process was last answered."""

    def answer(self, request: ApiRequest, client: Client | None) -> Outcome:
        if self._is_here(client):
            with self._test.in_flight():
                return self.world.answer(request)
        self._catch_up()
        with self._test.in_flight():
            outcome = self.world.answer(request)
        self._note()
        return outcome

    def answer_now(self, request: ApiRequest, client: Client | None) -> Outcome | None:
        """Never: what the test scripted may take as long as it likes."""
        return None

    async def wait(self, seconds: float, client: Client | None) -> None:
        if seconds <= 0 or self.world.clock.is_real:
            await super().wait(seconds, client)
        elif self._is_here(client):
            with self._redirect.waits(client) if self._redirect and client else nullcontext():
                await asyncio.to_thread(self._test.delay, seconds)
        else:
            await super().wait(seconds, client)
            self._note()

    def stopped(self, request: ApiRequest) -> str:
        return self._test.stopped(request)

    def site(self, client: Client | None) -> str:
        return self._redirect.site(client) if self._redirect and client else ""

    def answered(self, client: Client | None) -> None:
        if self._redirect and client:
            self._redirect.answered(client)

    def _is_here(self, client: Client | None) -> bool:
        if client is None:
            return False
        return self._test.opened_here(self._redirect.caller(client) if self._redirect else client)

    def _note(self) -> None:
        self._left = self._test.ticks(), self.world.clock.seconds

    def _catch_up(self) -> None:
        if self._left is not None and not self.world.clock.is_real:
            real, virtual = self._left
            self.world.clock.move_to(max(self.world.clock.seconds, virtual + self._test.ticks() - real))


class Alone:
    """The worlds of a test's server: its own, whatever a request calls it."""

    def __init__(self, test: OfTest) -> None:
        self._test = test
        self._scope = Inside(test)

    @property
    def homes(self) -> Sequence[Home]:
        return [home_of(name) for name in provider_names()]

    def named(self, name: str) -> Scope:
        return self._scope

    def at_home(self, host: str) -> str:
        return self._test.at_home(host)

    def forget(self, name: str) -> None:
        self.forget_all()

    def forget_all(self) -> None:
        for api in self._scope.providers.values():
            api.reset()


_MOST_WAITING = 1000


class InsideServer:
    """A server in a thread of this process, which runs from now on.

    Raises:
        BadInput: uvicorn is not installed.
    """

    def __init__(self, test: OfTest) -> None:
        self._bystander = test.bystander
        self._server = server_of(Alone(test), log_level="critical")
        self._socket = listening("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, name="llmcontract-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        with self._bystander(), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            # Each answer that waits on the clock has a thread of its own: none may wait for another's to end.
            runner.get_loop().set_default_executor(ThreadPoolExecutor(_MOST_WAITING, "llmcontract-server"))
            runner.run(self._server.serve(sockets=[self._socket]))
