"""The verdict on one behaviour: what came of the call, whether a good client may do that, and in one line why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_llmcontract.core.battery.answer import extent
from pytest_llmcontract.core.battery.behaviours import OUTCOMES, Behaviour
from pytest_llmcontract.core.behaviour.story import seconds, timeline, told
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call, Calls

Judgement = Literal["pass", "fail", "not applicable"]

WHOLE = frozenset({"", "stop", "eos", "tool_calls", "function_call"})
"""Why an answer ends that lacks nothing."""
MOST_REQUESTS = 200
"""Of one call: who asks more often asks without end."""
_ACCIDENTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RecursionError,
    TypeError,
    UnboundLocalError,
)
_RULES = {"storm": ("LLM302", "LLM307"), "retry": ("LLM304",), "early": ("LLM301",), "press": ("LLM303",)}
"""The rules of behaviour that say what must not happen. The first two count whoever is to blame."""
_ANYBODY = ("storm", "retry")
_FIXES = {
    "hang": "give every call a timeout, and its retries a deadline; nobody waits longer than that",
    "part": "raise when a stream ends without a finish_reason or with an error, and when finish_reason is length;\n"
    "or hand the finish_reason on with the text",
    "nothing": "raise, or ask once more, when an answer is empty; what is swallowed is missed by nobody",
    "crashes": "check what came back before it is used, and raise an error that says what the provider answered",
    "substitutes": "raise, or hand on the error; if these words are meant, say so: expect = {%r: 'substitutes'}",
    "raises": "ask again later, or fall back; if giving up is meant, say so: expect = {%r: 'raises'}",
    "answers": "if that is meant, say so: expect = {%r: 'answers'}",
    "falls_back": "if that is meant, say so: expect = {%r: 'falls_back'}",
    "tells": "if that is meant, say so: expect = {%r: 'tells'}",
}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What a client did."""

    calls: Sequence[Call]
    """To any provider, in order."""
    seconds: float
    """On the clock, from the call to its end."""
    answers: tuple[str, ...] = ()
    """Each of which is a whole answer."""
    text: str = ""
    finish: str = ""
    """What the result itself says of why it ended."""
    error: Exception | None = None
    stopped: str = ""
    """Why it was stopped: it ``hangs``, or ``storms``."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """On one behaviour of one client."""

    behaviour: str
    about: str
    provider: str
    client: str
    """Whose: the name of the class, or the command."""
    verdict: Judgement
    reason: str
    """One line."""
    outcome: str = ""
    """One of :data:`.behaviours.OUTCOMES`, ``hangs`` or ``storms``; empty where it was not judged."""
    requests: int = 0
    seconds: float = 0.0
    detail: str = ""
    """How to do better, and the attempts, as lines; empty where it passed."""


def judge(
    behaviour: Behaviour,
    provider: str,
    client: str,
    observed: Observed,
    *,
    expect: Collection[str | type[Exception]] = (),
    fallbacks: bool = False,
    allowed: Collection[str] = (),
) -> Verdict:
    """What is to be said of what a client did.

    Args:
        expect: What alone may come of it; default what the behaviour says. A class of exceptions is that one raised.
        fallbacks: Whether the client has something to fall back to.
        allowed: Rules that do not count.
    """
    outcome = outcome_of(observed)
    accepted = tuple(expect) or behaviour.accepted(fallbacks=fallbacks)
    problem, fix = _forbidden(behaviour, observed, outcome, accepted, allowed)
    if not problem and not _is_accepted(outcome, observed, accepted):
        named = " or ".join(each if isinstance(each, str) else each.__name__ for each in accepted)
        problem = f"{_told(outcome, observed)}; accepted: {named}"
        fix = _FIXES[outcome]
    fix = fix % behaviour.id if "%r" in fix else fix
    return Verdict(
        behaviour=behaviour.id,
        about=behaviour.about,
        provider=provider,
        client=client,
        verdict="fail" if problem else "pass",
        reason=problem or _told(outcome, observed) + _remarks(observed, allowed),
        outcome=outcome,
        requests=len(observed.calls),
        seconds=round(observed.seconds, 3),
        detail=_detail(behaviour, observed, fix) if problem else "",
    )


def not_applicable(behaviour: Behaviour, provider: str, client: str, reason: str) -> Verdict:
    """Of a behaviour that says nothing about this client."""
    return Verdict(
        behaviour=behaviour.id,
        about=behaviour.about,
        provider=provider,
        client=client,
        verdict="not applicable",
        reason=reason,
    )


def never_asked(behaviour: Behaviour, provider: str, client: str, error: Exception | None) -> Verdict:
    """Of a client that made no request at all."""
    told = f"; it raised {type(error).__name__}: {' '.join(str(error).split())}" if error else ""
    return replace(
        not_applicable(behaviour, provider, client, f"the call made no request to {provider}{told}"),
        verdict="fail",
        detail="fix            call the client itself, past any cache and any mock, of the provider it is set up for",
    )


def outcome_of(observed: Observed) -> str:
    """What came of it, in a word."""
    if observed.stopped:
        return observed.stopped
    if observed.error is not None:
        return "crashes" if isinstance(observed.error, _ACCIDENTS) else "raises"
    if observed.finish not in WHOLE:
        return "tells"
    extents = [extent(observed.text, answer) for answer in observed.answers]
    found = "whole" if "whole" in extents else extents[0]
    if found == "whole":
        return "falls_back" if _went_elsewhere(observed.calls) else "answers"
    return "substitutes" if found == "other" else found


def _went_elsewhere(calls: Sequence[Call]) -> bool:
    """Whether who answered in the end is not who was asked first."""
    return bool(calls) and _whom(calls[0]) != _whom(calls[-1])


def _whom(call: Call) -> tuple[str, str, object]:
    body = call.request.json
    return call.provider, call.model, body.get("service_tier") if isinstance(body, dict) else None


def _is_accepted(outcome: str, observed: Observed, accepted: Collection[str | type[Exception]]) -> bool:
    kinds = tuple(each for each in accepted if isinstance(each, type))
    return outcome in accepted or isinstance(observed.error, kinds)


# What must never happen.


def _forbidden(
    behaviour: Behaviour,
    observed: Observed,
    outcome: str,
    accepted: Collection[str | type[Exception]],
    allowed: Collection[str],
) -> tuple[str, str]:
    """The first thing that must not happen and did, and how to do better; two empty texts: nothing."""
    if outcome == "hangs" or ("hang" in behaviour.never and observed.seconds > behaviour.deadline):
        return f"hangs: it was still not done after {seconds(behaviour.deadline)}", _FIXES["hang"]
    if outcome == "storms":
        return (
            f"storms: more than {MOST_REQUESTS} requests, and no end",
            "stop after a few attempts, and tell the caller",
        )
    for never in behaviour.never:
        for finding in _found(observed.calls, _RULES.get(never, ()), allowed):
            if never in _ANYBODY or finding.severity != "warning":
                return _said(finding), finding.fix
        if never == outcome and outcome not in accepted:
            return _told(outcome, observed), _FIXES[never]
    for finding in (finding for call in observed.calls for finding in call.violations):
        # A request that breaks the contract, say: its test fails for it whatever became of the call.
        if finding.severity == "error" and finding.code not in allowed:
            return _said(finding), finding.fix
    return "", ""


def _found(calls: Sequence[Call], codes: Collection[str], allowed: Collection[str]) -> list[Violation]:
    found = [finding for call in calls for finding in call.violations if finding.code not in allowed]
    return [finding for finding in found if finding.code in codes]


def _said(finding: Violation) -> str:
    return f"{finding.code}: {finding.message.partition(': ')[2] or finding.message}"


def _remarks(observed: Observed, allowed: Collection[str]) -> str:
    """What a library did that is no mistake of the client's."""
    codes = [code for rules in _RULES.values() for code in rules]
    return "".join(f"; but {_said(finding)}" for finding in _found(observed.calls, codes, allowed)[:1])


# In words.


def _told(outcome: str, observed: Observed) -> str:
    """``raises RateLimitError after 3 requests and 4 s: 429 …``."""
    effort = _effort(observed)
    if observed.error is not None:
        return f"{outcome} {type(observed.error).__name__} after {effort}"
    if outcome == "tells":
        return f"says finish_reason {observed.finish} after {effort}"
    if outcome in ("part", "substitutes"):
        return f"{OUTCOMES[outcome]} after {effort}: {_short(observed.text)}"
    return f"{OUTCOMES.get(outcome, outcome)} after {effort}"


def _effort(observed: Observed) -> str:
    count = len(observed.calls)
    return f"{count} request{'s' * (count != 1)} and {seconds(observed.seconds)}"


def _short(text: str) -> str:
    shown = repr(" ".join(text.split()))
    return shown if len(shown) <= 60 else shown[:57] + "…" + shown[0]


def _detail(behaviour: Behaviour, observed: Observed, fix: str) -> str:
    lines = [f"what happens   {behaviour.what}"]
    if observed.error is not None:
        lines.append(f"raised         {type(observed.error).__name__}: {' '.join(str(observed.error).split())[:300]}")
    lines += [f"{'fix' if not place else '':15}{line}" for place, line in enumerate(fix.splitlines())]
    lines += ["attempts", *_attempts(observed.calls)]
    return "\n".join(lines)


def _attempts(calls: Sequence[Call]) -> list[str]:
    lines = []
    for logical in Calls(calls).logical:
        whom = f"{logical.first.provider} {logical.first.model}".strip()
        shown = timeline(logical) if logical.requests > 1 else f"{logical.first.at:9.2f} s  {told(logical.first)}"
        lines += [f"  {whom}", *(f"  {line}" for line in shown.splitlines())]
    return lines
