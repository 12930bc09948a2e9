"""Attempts that belong together: one logical call is what somebody asked once, however often it was sent.

An attempt belongs to the failed one with the same meaning that ended before it began and whose stack it shares
(:mod:`.stack`): so a ``gather`` of equal prompts is as many logical calls, and one that is repeated by an SDK inside
a framework inside an application is one. A loop that treats an answer as it treats a failure, and asks on, repeats
nothing: what it had joined is parted again. Where no stack tells (another process, a task of its own for each attempt),
it is one if some time has passed, and nobody knows whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_llmcontract.core.behaviour.meaning import Meaning, meaning
from pytest_llmcontract.core.behaviour.stack import UNKNOWN, Owner, Step, owner_of, runner, steps, tasks
from pytest_llmcontract.core.exchange import ApiRequest, kept_once
from pytest_llmcontract.core.ledger import Call, LogicalCall

_MOST_OPEN = 256
"""Failed calls that are waited for; of older ones nobody asks again."""
_PAUSE = 0.05
"""Seconds after which an equal call is another attempt where no stack tells."""
_LOOK_BACK = 200
"""Calls among which an equal one that succeeded is looked for."""


@dataclass(slots=True)
class _Failed:
    """An attempt that failed: whoever asks again continues it."""

    call: Call
    steps: tuple[Step, ...]
    beside: frozenset[str]
    """The tasks that were there when it failed: what they ask they were made for before."""


class Attempts:
    """The attempts among the calls to one provider."""

    def __init__(self) -> None:
        self._failed: dict[Meaning, list[_Failed]] = {}
        self._answered: dict[Meaning, tuple[Call, tuple[Step, ...]]] = {}
        """Answers to what was asked again: whether their loop asks on is yet to be seen."""

    def enter(self, call: Call, earlier: Iterable[Call], deeds: int) -> None:
        """A call begins: which attempt is it, and whose?

        Args:
            earlier: The calls before it, the last one first.
            deeds: What the test itself did so far (:attr:`.clock.VirtualClock.deeds`).
        """
        call._circumstances = kept_once((call.request.line or runner(), deeds))
        repeated = told_retries(call.request)
        call.attempt = repeated + 1
        if not self._failed and not self._answered:
            return
        key = meaning(call.operation, call.model, call.request)
        if key in self._answered:
            _part_if_alike(*self._answered.pop(key), call)
        if waiting := self._failed.get(key):
            found = _continued(waiting, call, repeated, key, earlier)
            if found is not None:
                failed, owner = found
                waiting.remove(failed)
                if not waiting:
                    del self._failed[key]
                _join(failed.call, call, owner)

    def settle(self, call: Call) -> None:
        """A call has its reply; one that failed waits for its next attempt."""
        answered = call.status is not None and call.status < 400
        if answered and not (call.logical and call.logical.owners[-1].kind == "application"):
            return
        key = meaning(call.operation, call.model, call.request)
        stack, beside = _stack(call.request)
        if answered:
            self._answered[key] = call, stack
            return
        self._failed.setdefault(key, []).append(_Failed(call, stack, beside))
        if sum(map(len, self._failed.values())) > _MOST_OPEN:
            self._failed.pop(next(iter(self._failed)))

    def forget(self) -> None:
        """Nobody asks again: the test is over."""
        self._failed.clear()
        self._answered.clear()


def _continued(
    waiting: list[_Failed], call: Call, repeated: int, key: Meaning, earlier: Iterable[Call]
) -> tuple[_Failed, Owner] | None:
    """Which of those that failed *call* continues, and who made it."""
    now, _ = _stack(call.request)
    waiting = [failed for failed in waiting if failed.call.runner == call.runner or call.runner not in failed.beside]
    for failed in reversed(waiting):
        if owner := owner_of(failed.steps, now):
            if repeated:
                return failed, Owner("sdk", owner.name if owner.kind != "application" else _sdk(call))
            if owner.kind == "application" and (
                _deeds(failed.call) != _deeds(call) or _repeats(failed.call, key, earlier)
            ):
                return None
            return failed, owner
    for failed in waiting:
        if repeated and repeated == told_retries(failed.call.request) + 1:
            return failed, Owner("sdk", _sdk(call))
        if (
            not repeated
            and call.at > failed.call.at + failed.call.took + _PAUSE
            and _may_be_elsewhere(failed.steps, now)
        ):
            return failed, UNKNOWN
    return None


def _part_if_alike(answered: Call, before: tuple[Step, ...], call: Call) -> None:
    """The application's loop asks on after its answer, and waits no longer or shorter: it repeated nothing."""
    logical = answered.logical
    if logical is None or logical.owners[-1] != owner_of(before, steps()):
        return
    last = logical.attempts[-2]
    waited = answered.at - last.at - last.took
    if abs(call.at - answered.at - answered.took - waited) <= _PAUSE:
        _part(logical)


def _part(logical: LogicalCall) -> None:
    """What the application joined is as many logical calls; what an SDK repeated in it stays one."""
    parts = [LogicalCall([logical.first])]
    for call, owner in zip(logical.attempts[1:], logical.owners, strict=True):
        if owner.kind == "application":
            parts.append(LogicalCall([call]))
        else:
            parts[-1].attempts.append(call)
            parts[-1].owners.append(owner)
    for part in parts:
        for number, call in enumerate(part.attempts, 1):
            call.logical, call.attempt = (part if part.requests > 1 else None), number


def told_retries(request: ApiRequest) -> int:
    """How often an SDK says that it has sent *request* before."""
    told = request.headers.get("x-stainless-retry-count", "")
    return int(told) if told.isdigit() else 0


def _stack(request: ApiRequest) -> tuple[tuple[Step, ...], frozenset[str]]:
    """The frames that led to *request* and the tasks beside it; none of one that came over a connection."""
    return ((), frozenset()) if request.line else (steps(), tasks())


def _may_be_elsewhere(before: tuple[Step, ...], now: tuple[Step, ...]) -> bool:
    """Whether the two attempts are of tasks or processes of their own: a test that writes two calls is no such case."""
    return not ({id(step.frame) for step in before} & {id(step.frame) for step in now})


def _deeds(call: Call) -> int:
    return call._circumstances[1]


def _sdk(call: Call) -> str:
    return call.client.partition(" ")[0].partition("-")[0].lower()


def _repeats(failed: Call, key: Meaning, earlier: Iterable[Call]) -> bool:
    """Whether the same line asked the same a moment before, and was answered: it asks on and on, not for an answer."""
    for past, _ in zip(earlier, range(_LOOK_BACK), strict=False):
        if past.at != failed.at or _deeds(past) != _deeds(failed):
            return False
        answered = past.status is not None and past.status < 400
        if answered and past.site == failed.site and meaning(past.operation, past.model, past.request) == key:
            return True
    return False


def _join(before: Call, call: Call, owner: Owner) -> None:
    logical = before.logical or LogicalCall([before])
    logical.attempts.append(call)
    logical.owners.append(owner)
    before.logical = call.logical = logical
    call.attempt = len(logical.attempts)
