"""The life of what runs on machines of one's own: begun, ready, scaled, left alone, stopped; paid for while ready.

Both kinds of dedicated endpoints live it, and only the names of their states differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from pytest_llmcontract.core.call.funds import refused_by_account
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.money.account import Rented
from pytest_llmcontract.core.refusal import Refusal

_STOPPING_SECONDS = 10
"""How long it takes to stop (assumed)."""
_MINUTES = 60
MOST = 2**31 - 1
"""Replicas, or minutes: a number that its field can hold (assumed)."""


class Words(NamedTuple):
    """What the states are called."""

    begun: tuple[str, ...]
    """Nothing answers yet; one second in each, and the rest of the time in the last."""
    scaling: str
    """Some replicas answer, and more are to come."""
    ready: str


class Stage(NamedTuple):
    """What it is from a moment on."""

    at: float
    state: str
    ready: int
    """Replicas that answer."""


def _nothing(before: int, now: int) -> None:
    """Nobody wants to hear of it."""


@dataclass(slots=True)
class Run:
    """What runs a model: what it has been and will be."""

    id: str
    """As the account is billed for it."""
    model: str
    words: Words
    hourly: Decimal
    """Dollars for each replica that is ready."""
    call: Call
    """That made it."""
    stages: list[Stage]
    idle: float = 0
    """Seconds without a call after which it stops; 0: it does not."""
    scaled: Callable[[int, int], object] = _nothing
    """Called with how many replicas answered before and answer now."""
    used: float = 0
    """When a call reached it last, or it became ready."""
    coming: Appointment | None = None
    """When the replicas that were asked for are ready."""
    look: Appointment | None = None
    """When it may have been left alone for long enough."""

    def state(self, at: float) -> str:
        """Its state at that moment."""
        return self._stage(at).state

    def ready(self, at: float) -> int:
        """How many replicas answer at that moment."""
        return self._stage(at).ready

    def rests(self, at: float) -> bool:
        """Whether it is stopped, or will be in a moment."""
        return self.state(at) in ("STOPPED", "STOPPING")

    def reach(self, at: float) -> bool:
        """A call reaches it; whether it answers."""
        if not self.ready(at):
            return False
        self.used = at
        return True

    def charge(self, cost: Decimal) -> None:
        """Its minutes are the cost of the call that made it."""
        self.call.cost += cost

    def _stage(self, at: float) -> Stage:
        return next(stage for stage in reversed(self.stages) if stage.at <= at)


def stopped_run(id: str, model: str, words: Words, hourly: Decimal, turn: Turn) -> Run:
    """One that has never run."""
    return Run(id, model, words, hourly, turn.call, [Stage(turn.at, "STOPPED", 0)])


def unpaid(state: State, turn: Turn, run: Run, replicas: int) -> Refusal | None:
    """Whether the account cannot pay for so many replicas: a minute of all of them (assumed: nobody says how much)."""
    refusal = state.account.afford(run.hourly * replicas / _MINUTES, turn.at)
    return refused_by_account(state, turn, refusal) if refusal else None


def scale(state: State, run: Run, replicas: int) -> None:
    """Get so many replicas: fewer at once, more when they are ready; none stops it."""
    at, has = state.clock.seconds, run.ready(state.clock.seconds)
    if run.stages[-1].ready == replicas:
        return
    if not replicas:
        stop(state, run)
        return
    _forget(run, at)
    if replicas > has:
        begun = (run.words.scaling,) if has else run.words.begun
        run.stages += [Stage(at + second, name, has) for second, name in enumerate(begun)]
        wait = state.edition.dialect.machine_seconds
        run.stages.append(Stage(at + wait, run.words.ready, replicas))
        run.coming = state.schedule.after(wait, partial(_arrive, state, run, has))
    else:
        run.stages.append(Stage(at, run.words.ready, replicas))
        if replicas < has:
            _pay(state, run, has)
    watch(state, run)


def _arrive(state: State, run: Run, before: int) -> None:
    run.used = state.clock.seconds
    _pay(state, run, before)
    watch(state, run)


def stop(state: State, run: Run) -> None:
    """None of its replicas answers from now on, and none is paid for."""
    at = state.clock.seconds
    if run.rests(at):
        return
    _forget(run, at)
    before = run.ready(at)
    run.stages += [Stage(at, "STOPPING", 0), Stage(at + _STOPPING_SECONDS, "STOPPED", 0)]
    if before:
        run.scaled(before, 0)
    state.account.end_rent(run.id, at)


def _pay(state: State, run: Run, before: int) -> None:
    """Pay for what is ready now; it was as much *before*."""
    at = state.clock.seconds
    run.scaled(before, run.ready(at))
    machine = Rented(run.id, run.model, partial(stop, state, run), run.charge)
    state.account.rent(machine, run.hourly * run.ready(at), at)


def watch(state: State, run: Run) -> None:
    """Look again when it will have been without a call for long enough to stop."""
    at = state.clock.seconds
    if run.look is not None:
        run.look.cancel()
    if run.idle and run.ready(at):
        run.look = state.schedule.after(max(0.0, run.used + run.idle - at), partial(_look, state, run))


def _look(state: State, run: Run) -> None:
    if state.clock.seconds < run.used + run.idle:
        watch(state, run)
    else:
        stop(state, run)


def _forget(run: Run, at: float) -> None:
    """Nothing that was to come comes."""
    for booked in (run.coming, run.look):
        if booked is not None:
            booked.cancel()
    run.stages = [stage for stage in run.stages if stage.at <= at]
