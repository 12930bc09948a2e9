"""A simulation of a few lines, and a time that only takes notes. Also the conftest of the tests that run pytest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from pytest_llmcontract.adapters.respx import Interception
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect

Outcome = ApiReply | Disconnect


class FakeGateway:
    def __init__(self, *outcomes: Outcome, hosts: tuple[str, ...], blocked: tuple[str, ...], log: list[str]) -> None:
        self.outcomes = list(outcomes)
        self.hosts = hosts
        self.blocked_hosts = blocked
        self.log = log
        self.requests: list[ApiRequest] = []
        self.ended: list[ApiReply] = []
        self.stopped: list[ApiRequest] = []

    def owns(self, host: str) -> bool:
        return host in self.hosts

    def answer(self, request: ApiRequest) -> Outcome:
        self.requests.append(request)
        self.log.append("answer")
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    def finished(self, reply: ApiReply) -> None:
        self.ended.append(reply)
        self.log.append("finished")

    def blocked(self, host: str) -> str | None:
        return f"{host} is not simulated" if host in self.blocked_hosts else None

    def barred(self, host: str) -> str | None:
        return None

    def escaped(self, request: ApiRequest) -> None:
        self.stopped.append(request)

    def passed(self, request: ApiRequest) -> None: ...

    def passed_over(self, request: ApiRequest, mock: str) -> None: ...


class Simulation:
    """An installed interception, its gateway, and what happened in which order."""

    def __init__(
        self,
        *outcomes: Outcome,
        hosts: tuple[str, ...] = ("api.groq.com",),
        blocked: tuple[str, ...] = ("api.together.ai",),
    ) -> None:
        self.log: list[str] = []
        self.gateway = FakeGateway(
            *outcomes or [ApiReply(200, body=b"simulated")], hosts=hosts, blocked=blocked, log=self.log
        )
        self.interception = Interception(
            self.gateway, wait=self.wait, wait_async=self.wait_async, in_flight=self.in_flight
        )
        self.interception.install()

    def wait(self, seconds: float) -> None:
        self.log.append(f"wait {seconds:g}")

    async def wait_async(self, seconds: float) -> None:
        self.log.append(f"wait {seconds:g}")

    @contextlib.contextmanager
    def in_flight(self) -> Iterator[None]:
        self.log.append("take off")
        yield
        self.log.append("land")

    @property
    def waits(self) -> list[float]:
        return [float(entry.removeprefix("wait ")) for entry in self.log if entry.startswith("wait")]


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulation]]:
    made: list[Simulation] = []

    def make(*outcomes: Outcome, **options: tuple[str, ...]) -> Simulation:
        made.append(Simulation(*outcomes, **options))
        return made[-1]

    yield make
    for simulation in reversed(made):
        simulation.interception.remove()


@pytest.fixture
def simulation(simulate: Callable[..., Simulation]) -> Simulation:
    return simulate()
