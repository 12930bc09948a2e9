"""What a client should not have done with a refusal: LLM301 to LLM307, over the calls of one test.

A finding counts as an error where the application is to blame, as a warning where a library is, and as a note where
nobody knows who asked again.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_llmcontract.core.behaviour.meaning import prompt
from pytest_llmcontract.core.behaviour.stack import Owner
from pytest_llmcontract.core.behaviour.story import came_back, seconds, timeline, told
from pytest_llmcontract.core.findings.rules import Severity, Violation
from pytest_llmcontract.core.ledger import Call, LogicalCall

if TYPE_CHECKING:
    from pytest_llmcontract.core.facts.records import ErrorSpec

SEVERITIES: Mapping[str, Severity] = {
    "application": "error",
    "framework": "warning",
    "sdk": "warning",
    "unknown": "note",
}
_SLACK = 0.05
"""Seconds by which an attempt may be early: clocks of clients are rounded."""
_IN_VAIN = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422})
"""Statuses that say the request itself is at fault: the same one is refused again."""
_MAY_CHANGE = frozenset({402, 403})
"""Statuses that end when somebody pays: to look again after a while is no mistake."""
_A_WHILE = 60.0
_ALIKE = 1e-3
"""Seconds within which two moments are the same."""
_SHORT = 10.0
"""Seconds from which on a wait that never grows is patient all the same, and many of them are no storm."""
_BURST = 1.0
"""Seconds in which calls of one burst begin."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is too much; see docs/behaviour.md for why."""

    requests: int = 6
    """Requests that one logical call may take when several layers ask again (LLM307)."""
    attempts: int = 10
    """Attempts that one layer may make of a logical call (LLM302)."""


def judge(calls: Sequence[Call], errors: Mapping[str, Mapping[str, ErrorSpec]], bounds: Bounds) -> None:
    """Note in *calls* what was wrong with how they were repeated. May be asked again when there are more.

    Args:
        calls: All of a test, to any provider.
        errors: Provider -> name -> what is known of an error.
    """
    repeated = {id(call.logical): call.logical for call in calls if call.logical is not None}
    found: list[tuple[Call, Violation]] = []
    for logical in repeated.values():
        if logical.judged != logical.requests:
            logical.judged = logical.requests
            found += _of_attempts(logical, errors.get(logical.first.provider, {}), bounds)
    found += (*_together(list(repeated.values())), *_without_fallback(calls), *_bursts(calls))
    numbers = {id(call): number for number, call in enumerate(calls)} if found else {}
    for call, finding in found:
        if all(known.code != finding.code for known in call.violations):  # it may be judged again
            call.violations.append(_placed(finding, call, numbers[id(call)]))


def _placed(found: Violation, call: Call, number: int) -> Violation:
    return replace(
        found,
        provider=call.provider,
        operation=call.operation,
        site=call.site,
        call=number,
        message=f"{call.provider} {call.operation}: {found.message}",
    )


# One logical call


def _of_attempts(
    logical: LogicalCall, errors: Mapping[str, ErrorSpec], bounds: Bounds
) -> Iterator[tuple[Call, Violation]]:
    if logical.requests == 1:
        return
    yield from _too_early(logical)
    yield from _in_vain(logical, errors)
    yield from _without_backoff(logical)
    for attempts, owners in _bouts(logical):
        if len(set(owners)) > 1 and len(attempts) > bounds.requests:
            yield attempts[-1], _multiplied(logical, owners, bounds)
        elif len(set(owners)) == 1 and len(attempts) > bounds.attempts and not _polite(attempts):
            yield attempts[-1], _storm(logical, owners, bounds)


def _bouts(logical: LogicalCall) -> Iterator[tuple[list[Call], list[Owner]]]:
    """The attempts between patient waits: who waits a minute because the provider said so does not press."""
    attempts, owners = [logical.first], list[Owner]()
    for before, call, owner in _pairs(logical):
        asked = before.reply.retry_after if before.reply else None
        if asked is not None and came_back(before, call) >= max(asked - _SLACK, _A_WHILE):
            yield attempts, owners
            attempts, owners = [], []
        else:
            owners.append(owner)
        attempts.append(call)
    yield attempts, owners


def _polite(attempts: Sequence[Call]) -> bool:
    """Whether each came after a patient wait: who polls through an outage presses nobody."""
    return all(came_back(before, call) >= _SHORT for before, call in pairwise(attempts))


def _pairs(logical: LogicalCall) -> Iterator[tuple[Call, Call, Owner]]:
    """Each attempt with the one before, and who made it."""
    yield from zip(logical.attempts, logical.attempts[1:], logical.owners, strict=False)


def _too_early(logical: LogicalCall) -> Iterator[tuple[Call, Violation]]:
    """LLM301, at the first attempt of each layer that came too early."""
    said = set()
    for before, call, owner in _pairs(logical):
        asked = before.reply.retry_after if before.reply and before.status != 200 else None
        waited = came_back(before, call)
        if asked is None or waited >= asked - _SLACK or owner in said:
            continue
        said.add(owner)
        yield (
            call,
            _violation(
                "LLM301",
                f"{owner} asked again after {seconds(waited)}, and retry-after says {asked:g} s",
                owner,
                logical,
                answer=f"refuses again until {asked:g} s have passed",
                fix="wait as long as retry-after says before the same call is made again;\n"
                "where that is too long, give up, or fall back to another model or provider",
            ),
        )


def _in_vain(logical: LogicalCall, errors: Mapping[str, ErrorSpec]) -> Iterator[tuple[Call, Violation]]:
    """LLM304, at the first attempt that nothing can come of."""
    for before, call, owner in _pairs(logical):
        if before.status not in _IN_VAIN or before.reply is None:
            continue
        spec = errors.get(before.reply.error or "")
        if spec is not None and spec.worth_another:
            continue
        if before.status in _MAY_CHANGE and came_back(before, call) >= _A_WHILE:
            continue
        yield (
            call,
            _violation(
                "LLM304",
                f"{owner} asked again after {told(before)}: the same request is refused again",
                owner,
                logical,
                answer=f"answers {before.status} to the same request each time",
                fix="retry 408, 409, 429, 498, 5xx and broken connections only; let every other 4xx through",
            ),
        )
        return


def _without_backoff(logical: LogicalCall) -> Iterator[tuple[Call, Violation]]:
    """LLM303: one layer's waits, of which nobody told it any, do not grow."""
    waits: dict[Owner, list[tuple[float, Call]]] = defaultdict(list)
    for before, call, owner in _pairs(logical):
        if before.reply is None or before.reply.retry_after is None:
            waits[owner].append((came_back(before, call), call))
    for owner, kept in waits.items():
        lengths = [length for length, _ in kept]
        # Two equal waits may come of a plan that begins with its least one.
        few = len(kept) < (2 if max(lengths) <= _ALIKE else 3)
        if few or max(lengths) >= _SHORT or max(lengths) > min(lengths) * 1.05 + _ALIKE:
            continue
        if lengths[0] > _ALIKE and owner.kind == "sdk":
            continue  # it says nothing of its plan, and SDKs have one
        each = f"{seconds(lengths[0])} each time" if lengths[0] > _ALIKE else "at once each time"
        yield (
            kept[-1][1],
            _violation(
                "LLM303",
                f"{owner} asked again {len(kept)} times, {each}: without backoff",
                owner,
                logical,
                answer="is asked most by those it cannot answer",
                fix="double the wait each time, with a random part, up to some limit: exponential backoff with jitter",
            ),
        )


def _storm(logical: LogicalCall, owners: Sequence[Owner], bounds: Bounds) -> Violation:
    owner = owners[0]
    return _violation(
        "LLM302",
        f"{len(owners) + 1} requests for one logical call, all by {owner}; more than {bounds.attempts} are a storm",
        owner,
        logical,
        answer="counts refused requests too, or bans who goes on",
        fix="stop after a few attempts, and tell whoever waits;\n"
        "llmcontract_attempts_per_call says how many are accepted",
    )


def _multiplied(logical: LogicalCall, owners: Sequence[Owner], bounds: Bounds) -> Violation:
    layers = ", ".join(f"{owner} {count}" for owner, count in Counter(map(str, owners)).items())
    return _violation(
        "LLM307",
        f"{len(owners) + 1} requests for one logical call: several layers ask again ({layers}); "
        f"accepted are {bounds.requests}",
        _blamed(owners),
        logical,
        answer="gets the product of all layers' attempts when it is least able to answer",
        fix="let one layer ask again: max_retries=0 in the SDK where a framework or the application retries,\n"
        "or no retries above the SDK; llmcontract_requests_per_call says how many are accepted",
    )


def _blamed(owners: Sequence[Owner]) -> Owner:
    """The outermost layer: it repeats what repeats itself already."""
    order = ("application", "framework", "sdk", "unknown")
    return min(owners, key=lambda owner: order.index(owner.blamed))


def _violation(code: str, message: str, owner: Owner, logical: LogicalCall, *, answer: str, fix: str) -> Violation:
    return Violation(code, message, SEVERITIES[owner.blamed], timeline=timeline(logical), answer=answer, fix=fix)


# Several logical calls


def _together(logicals: Sequence[LogicalCall]) -> Iterator[tuple[Call, Violation]]:
    """LLM303: several that failed at the same moment come back at the same moment, and nobody told them when."""
    groups: dict[tuple[int, int], list[tuple[LogicalCall, Call, Owner]]] = defaultdict(list)
    for logical in logicals:
        for before, call, owner in _pairs(logical):
            if before.reply is not None and before.reply.retry_after is not None:
                continue
            if came_back(before, call) > _ALIKE:
                key = (round(before.at / _ALIKE), round(call.at / _ALIKE))
                groups[key].append((logical, call, owner))
    for members in groups.values():
        if len({id(logical) for logical, _, _ in members}) >= 3:
            logical, call, owner = members[-1]
            yield (
                call,
                _violation(
                    "LLM303",
                    f"{len(members)} calls that failed together came back together: {owner} waits without jitter",
                    owner,
                    logical,
                    answer="is asked by all of them at once again",
                    fix="add a random part to each wait",
                ),
            )


def _without_fallback(calls: Sequence[Call]) -> Iterator[tuple[Call, Violation]]:
    """LLM305: flex had no capacity, and nothing else was asked."""
    if all(call.status != 498 for call in calls):
        return
    asked_later = set[bytes]()
    for call in reversed(calls):
        logical, asked = call.logical or LogicalCall([call]), prompt(call.request)
        if call.status != 498:
            asked_later.add(asked)
            continue
        if logical.last is not call or asked in asked_later:
            continue
        yield (
            call,
            Violation(
                "LLM305",
                f"{told(call)}, and after {logical.requests} requests nothing else was asked",
                "note",
                timeline=timeline(logical),
                answer="answers 498 capacity_exceeded while flex has no room",
                fix='ask again without service_tier="flex", with service_tier="auto", or of another model or provider',
            ),
        )


def _bursts(calls: Sequence[Call]) -> Iterator[tuple[Call, Violation]]:
    """LLM306: more calls side by side than the plan lets in within its window."""
    if not any(call.shortage for call in calls):
        return
    by_model: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        by_model[call.provider, call.model].append(call)
    for same in by_model.values():
        if refused := _too_many_at_once(same):
            yield refused, _burst(refused, same, len(_began_with(refused, same)))


def _too_many_at_once(same: Iterable[Call]) -> Call | None:
    """The first of *same* that was refused because more ran side by side than there may be in all the window."""
    lately: deque[Call] = deque()
    runners: Counter[Hashable] = Counter()
    for call in same:
        if call.attempt > 1:
            continue
        lately.append(call)
        runners[call.runner] += 1
        while call.at - lately[0].at > _BURST:
            ended = lately.popleft().runner
            runners[ended] -= 1
            if not runners[ended]:
                del runners[ended]
        shortage = call.shortage
        if shortage is not None and shortage.kind.startswith("RP") and len(runners) > shortage.limit:
            return call
    return None


def _began_with(call: Call, calls: Collection[Call]) -> list[Call]:
    return [other for other in calls if abs(other.at - call.at) <= _BURST and other.attempt == 1]


def _burst(call: Call, same: Sequence[Call], size: int) -> Violation:
    assert call.shortage is not None
    limit, kind = call.shortage.limit, call.shortage.kind
    refused = [other for other in _began_with(call, same) if other.shortage is not None]
    lost = [other for other in refused if not (other.logical and other.logical.succeeded)]
    end = f"{len(lost)} of them were never answered" if lost else "all of them were answered in the end"
    return Violation(
        "LLM306",
        f"{size} calls at once, and the plan lets in {limit:g} ({kind}): {len(refused)} were refused, {end}",
        "error" if lost else "warning",
        answer=f"lets in {limit:g} and refuses the rest",
        fix="pace the calls as the plan takes them: a limiter that knows it, a queue; and wait when a reply says so",
    )
