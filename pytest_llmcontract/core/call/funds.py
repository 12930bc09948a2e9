"""That an account refuses: what a finding says of it."""

from __future__ import annotations

from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.refusal import Refusal


def refused_by_account(state: State, turn: Turn, refusal: Refusal) -> Refusal:
    """*refusal*, by :meth:`Account.refusal` or :meth:`Account.afford`, and a note of it on the call."""
    remark = state.account.remark(refusal, turn.at)
    spec = state.edition.errors[refusal.error]
    turn.find(
        remark.code,
        remark.message,
        answer=f"answers {spec.status} {spec.name}",
        fix=remark.fix,
    )
    return refusal
