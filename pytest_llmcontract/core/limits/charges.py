"""What one call counts against limits, by kind: what it asks, and what is taken of them for it."""

from __future__ import annotations

from typing import NamedTuple

from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.limits.store import Amounts

EXPECTED_OUTPUT = 2048
"""Tokens that count against OTPM for a request that names no maximum: pasted refusals of 2026-09 say so."""


class Charges(NamedTuple):
    """What a call counts."""

    asked: Amounts
    """What must be left for it to be let in, and what a refusal names: the completion it asks for included."""
    taken: Amounts
    """What counts: at once when it is let in, in the end what it really used."""


def request_charges(audio_seconds: int = 0) -> Charges:
    """Of a call that is counted by the request, and by the sound that comes along."""
    amounts = {"RPM": 1, "RPD": 1, "ASH": audio_seconds, "ASD": audio_seconds}
    return Charges(amounts, amounts)


def token_charges(prompt: int, admitted: int, most: int) -> Charges:
    """Of a call that is counted in tokens.

    Recorded headers show that an admitted call takes its prompt and one token more at once. Source: recorded headers
    and pasted refusals of 2025 and 2026; that ``max_tokens`` counts in full is assumed.

    Args:
        prompt: Tokens of the request.
        admitted: What is taken before its answer is known.
        most: The longest completion that the request allows; 0 if it does not say.
    """
    wanted = admitted + max(0, most - 1)
    return Charges(
        {"RPM": 1, "RPD": 1, "TPM": wanted, "TPD": wanted, "ITPM": prompt, "OTPM": most or EXPECTED_OUTPUT},
        {"RPM": 1, "RPD": 1, "TPM": admitted, "TPD": admitted, "ITPM": prompt},
    )


def used_tokens(usage: Usage) -> dict[str, int]:
    """What *usage* counts. Cached tokens do not."""
    fresh = usage.input_tokens - usage.cached_tokens
    tokens = fresh + usage.output_tokens
    return {"TPM": tokens, "ITPM": fresh, "OTPM": usage.output_tokens, "TPD": tokens}


def settled(charges: Charges, usage: Usage, prompt: int) -> Charges:
    """*charges* of a call whose *usage* is known: what was asked for its prompt, and what was used.

    A call without tokens (it failed, or is not counted so) counts as a request, and as its sound.

    Args:
        prompt: Tokens that the request was taken to have.
    """
    told = {kind: amount for kind, amount in charges.taken.items() if kind in ("RPM", "RPD", "ASH", "ASD") and amount}
    if not usage.total_tokens:
        return Charges(told, told)
    more = usage.input_tokens - prompt
    asked = {kind: amount + (0 if kind in ("RPM", "RPD", "OTPM") else more) for kind, amount in charges.asked.items()}
    used = {kind: amount for kind, amount in used_tokens(usage).items() if amount}
    return Charges(asked, {**told, **used})
