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


def token_charges(
    prompt: int, admitted: int, most: int, *, takes_most: bool = False, asks_most: bool = True
) -> Charges:
    """Of a call that is counted in tokens.

    Recorded headers show that an admitted call takes its prompt and one token more at once, since 2026-05 its longest
    completion in place of the one. Source: recorded headers and pasted refusals of 2025 and 2026; that a refusal
    counts ``max_tokens`` in full is assumed.

    Args:
        prompt: Tokens of the request.
        admitted: What is taken before its answer is known.
        most: The longest completion that the request allows; 0 if it does not say.
        takes_most: Whether it is taken at once.
        asks_most: Whether it must be left.
    """
    longest = admitted + max(0, most - 1)
    wanted, taken = longest if asks_most else admitted, longest if takes_most else admitted
    return Charges(
        {"RPM": 1, "RPD": 1, "TPM": wanted, "TPD": wanted, "ITPM": prompt, "OTPM": most or EXPECTED_OUTPUT},
        {"RPM": 1, "RPD": 1, "TPM": taken, "TPD": taken, "ITPM": prompt},
    )


def used_tokens(usage: Usage, kept: int = 0) -> dict[str, int]:
    """What *usage* counts, and what was *kept* for it beforehand and is not given back. Cached tokens do not."""
    fresh = usage.input_tokens - usage.cached_tokens
    tokens = fresh + kept + usage.output_tokens
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
