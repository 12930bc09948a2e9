"""What the request contract costs a call, against ``jsonschema`` alone: ``python benchmarks/bench_contract.py``.

Prints microseconds a check for a short and a long good body and for a bad one, and the ratios to the reference.
The first line to look at is *short*: that is what every simulated call pays.
"""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable
from datetime import date

from jsonschema import Draft202012Validator

from pytest_llmcontract.core.contract.request import RequestContract
from pytest_llmcontract.providers.groq.wording import GroqWording

DAY = date(2026, 6, 4)
SHORT = {"model": "llama-3.3-70b-versatile", "messages": [{"role": "user", "content": "Say hello"}]}
LONG = {
    "model": "llama-3.3-70b-versatile",
    "temperature": 0.7,
    "n": 1,
    "stop": None,
    "messages": [{"role": role, "content": "word " * 50} for role in ("system", "user", "assistant") * 10],
    "tools": [
        {"type": "function", "function": {"name": f"tool_{index}", "parameters": {"type": "object", "properties": {}}}}
        for index in range(8)
    ],
}
BAD = {**SHORT, "logprobs": True}


def microseconds(check: Callable[[], object]) -> float:
    timer = timeit.Timer(check)
    number, _ = timer.autorange()
    return min(timer.repeat(5, number)) / number * 1e6


def main() -> None:
    contract = RequestContract("groq", "chat.completions", DAY, GroqWording(DAY))
    reference = Draft202012Validator(contract.schema)
    figures = {}
    for name, body in (("short", SHORT), ("long", LONG), ("bad", BAD)):
        ours = microseconds(lambda body=body: contract.check(body))  # type: ignore[misc]
        alone = microseconds(lambda body=body: list(reference.iter_errors(body)))  # type: ignore[misc]
        figures[name] = {
            "contract_us": round(ours, 1),
            "jsonschema_us": round(alone, 1),
            "ratio": round(ours / alone, 4),
        }
        print(f"{name:6} {ours:8.1f} µs   jsonschema alone {alone:8.1f} µs   ratio {ours / alone:.4f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
