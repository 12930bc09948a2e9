"""A year of an account in 100,000 calls, with its bills, alerts and blocked days: seconds it takes, for each provider.

    python benchmarks/bench_account_year.py [CALLS]

Calls go straight to the simulators, one every five virtual minutes: what an SDK takes to make a request of each is its
own. Prices are a hundred times the real ones, so that there is something to bill. At the end every
cent is accounted for.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.exchange import ApiRequest, heard
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.world import World

MODEL = "openai/gpt-oss-120b"
YEAR = 365 * 86400
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 400})
ADDRESSES = {
    "groq": "https://api.groq.com/openai/v1/chat/completions",
    "together": "https://api.together.xyz/v1/chat/completions",
}


def request(url: str) -> ApiRequest:
    headers = {"authorization": "Bearer gsk_bench", "content-type": "application/json"}
    return heard("POST", url, headers, BODY.encode(), "")


def opened(name: str) -> tuple[World, Any]:
    """A world with one provider in it, and the account there."""
    world = World(VirtualClock(datetime(2026, 10, 7, 12, tzinfo=UTC)))
    provider = provider_called(name)
    settings = provider.settings(**({"plan": "developer"} if name == "groq" else {"balance": 10_000}))  # type: ignore[call-arg]
    edition = load_edition(name).with_models({MODEL: {"prices": {"input": 15, "output": 60}}})
    return world, world.add(provider, edition, settings).state.account


def groq_year(calls: int) -> str:
    world, account = opened("groq")
    account.set_spend_limit(20)
    asked = request(ADDRESSES["groq"])
    for _ in range(calls):
        world.answer(asked)
        world.clock.advance(seconds=YEAR / calls)
    billed = sum(invoice.amount for invoice in account.invoices)
    assert billed + account.outstanding == account.lifetime_spend == sum(entry.amount for entry in usage(account))
    assert account.lifetime_spend == sum((call.cost for call in world.journal.calls), Decimal(0))
    blocked = sum(event.what == "blocked" for event in account.events)
    return f"{len(account.invoices)} invoices of ${billed}, {blocked} months blocked, {len(account.entries):,} entries"


def together_year(calls: int) -> str:
    world, account = opened("together")
    asked = request(ADDRESSES["together"])
    for _ in range(calls):
        world.answer(asked)
        world.clock.advance(seconds=YEAR / calls)
    cost = sum((call.cost for call in world.journal.calls), Decimal(0))
    assert account.balance == 10_000 - cost == 10_000 - sum(entry.amount for entry in usage(account))
    return f"${account.balance} left of $10,000, {len(account.book.entries):,} entries"


def usage(account: Any) -> list[Any]:
    return [entry for entry in account.book.entries if entry.what == "usage"]


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for name, year in (("groq", groq_year), ("together", together_year)):
        began = time.process_time()
        told = year(calls)
        print(f"{name}: a year of {calls:,} calls in {time.process_time() - began:.1f} s of CPU: {told}")


if __name__ == "__main__":
    main()
