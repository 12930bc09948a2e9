"""What we answer in our own name, in place of any provider: an error that no SDK tries again, and that says whose."""

from __future__ import annotations

import json
import traceback

from pytest_llmcontract.core.call.decision import Whole
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import ApiReply, Headers
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.site import is_application, is_ours, shown_file

_THEIRS = "correct what the test gave: the callable of a when=, a token estimator"
_OURS = "this is a mistake of pytest-llmcontract, not of the test: please report it"


def refusal_of_ours(finding: Violation) -> ApiReply:
    """What the client gets for a call that nothing answers."""
    message = f"pytest-llmcontract: {finding.code} {finding.message}"
    body = json.dumps({"error": {"message": message, "type": "llmcontract", "code": finding.code}}).encode()
    return ApiReply(400, Headers({"content-type": "application/json", "x-should-retry": "false"}), body)


def not_simulated(text: str) -> Whole:
    """What the provider does and this version does not: better a clear end than an invented one."""
    body = {"error": {"message": text, "type": "not_simulated"}}
    return Whole(body, 501, "application/json", {"x-should-retry": "false"})


def find_failure(turn: Turn, problem: Exception) -> Violation:
    """Note what went wrong in the test's own part of a call; an SDK would take it for a broken connection."""
    frames = traceback.extract_tb(problem.__traceback__)
    theirs = [frame for frame in frames if not is_ours(frame.filename)]
    last = next((frame for frame in reversed(theirs) if is_application(frame.filename)), (theirs or frames)[-1])
    what = "".join(traceback.format_exception_only(problem)).strip()
    site = f"{shown_file(last.filename)}:{last.lineno} in {last.name}"
    turn.find(
        "LLM208",
        f"{what.splitlines()[0]}, raised at {site}",
        answer="was not asked; the client got a 400 that says so",
        difference="".join(traceback.format_list(theirs or frames)) + what,
        fix=_THEIRS if theirs else _OURS,
        site=site,
    )
    return turn.call.violations[-1]
